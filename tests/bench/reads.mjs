// Reads of open bounties, beside libmicrohttpd alone with the same bytes, headers, threads and limits.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { cpuOf, freePort, progress, tool, wrk } from './tools.mjs';

const THREADS = 2; // what cairnd starts with
const CONNECTIONS = [1, 64];

function get(url) {
    return new Promise((resolve, reject) => {
        http.get(url, (reply) => {
            const chunks = [];
            reply.on('data', (d) => chunks.push(d));
            reply.on('end', () => resolve({ status: reply.statusCode, raw: reply.rawHeaders,
                                            body: Buffer.concat(chunks) }));
        }).on('error', reject);
    });
}

const names = (reply) => reply.raw.filter((_, i) => i % 2 === 0).map((n) => n.toLowerCase()).sort().join(' ');

// The peer answers with what cairnd answered; libmicrohttpd adds date, length and connection by itself.
async function startBare(folder, sample) {
    const body = path.join(folder, 'bare.body');
    const headers = path.join(folder, 'bare.headers');
    const lines = [];
    for (let i = 0; i < sample.raw.length; i += 2)
        if (!['date', 'content-length', 'connection', 'keep-alive'].includes(sample.raw[i].toLowerCase()))
            lines.push(`${sample.raw[i]}: ${sample.raw[i + 1]}`);
    writeFileSync(body, sample.body);
    writeFileSync(headers, `${lines.join('\n')}\n`);
    const port = await freePort();
    const child = spawn(tool('bare_mhd'), [String(port), String(THREADS), body, headers],
        { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((done, fail) => {
        createInterface({ input: child.stdout }).once('line', done);
        child.once('exit', (code) => fail(new Error(`bare_mhd ended: ${code}`)));
    });
    return { child, url: `http://127.0.0.1:${port}/v1/bounties` };
}

export async function reads(server, report, { rounds, seconds }) {
    const url = `${server.url}/v1/bounties`;
    const sample = await get(url);
    const bare = await startBare(server.folder, sample);
    const copy = await get(bare.url);
    const { items } = JSON.parse(sample.body);
    if (items.length !== server.people.bounty.length || !copy.body.equals(sample.body) || names(copy) !== names(sample))
        throw new Error(`the peer answers differently: ${names(sample)} | ${names(copy)}`);
    const got = new Map();
    for (let round = 0; round < rounds; round++) {
        for (const connections of CONNECTIONS) {
            const pair = [['cairn', url, server.pid], ['peer', bare.url, bare.child.pid]];
            for (const [who, where, pid] of round % 2 ? pair.reverse() : pair) {
                progress(`reads: round ${round + 1} of ${rounds}, ${connections} connections, ${who}`);
                const begun = cpuOf(pid).own;
                const r = await wrk(where, connections, seconds);
                r.server_us = 1e6 * (cpuOf(pid).own - begun) / r.requests;
                const key = `${who} ${connections}`;
                got.set(key, [...got.get(key) ?? [], r]);
            }
        }
    }
    bare.child.kill('SIGTERM');
    const what = `GET /v1/bounties, ${items.length} open, ${(sample.body.length / 1024).toFixed(1)} KiB`;
    for (const connections of CONNECTIONS)
        report.pair({ group: 'reads', what: `${what}, ${connections} connection${connections > 1 ? 's' : ''}`,
            unit: '/s', peer: 'bare libmicrohttpd', goal: 0.6, cairn: got.get(`cairn ${connections}`),
            other: got.get(`peer ${connections}`) });
}
