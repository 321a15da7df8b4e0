/* A federation of one: cairnd with its private PostgreSQL, the keys that it signs with, and its operator. */
import { execFile, spawn } from 'node:child_process';
import { appendFileSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { ROOT } from '../chaos/member.mjs';
import { Key } from './witness_notes.mjs';

const build = resolve(ROOT, process.env.BUILD ?? 'build/plain');

export function exec(program, args) {
    return new Promise((done, fail) => {
        execFile(join(build, program), args, { encoding: 'utf8' }, (error, out, err) => {
            if (error) fail(new Error(`${program} ${args.join(' ')}: status ${error.code}: ${err}${out}`));
            else done(out);
        });
    });
}

export async function freePort() {
    const server = net.createServer();
    const port = await new Promise((done) => server.listen(0, '127.0.0.1', () => done(server.address().port)));
    await new Promise((done) => server.close(done));
    return port;
}

const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

export class Federation {
    constructor(work, name, port) {
        Object.assign(this, { name, port, url: `http://127.0.0.1:${port}`, data: join(work, name.split('.')[0]),
            home: join(work, `operator-${name.split('.')[0]}`), log: join(work, `${name.split('.')[0]}.log`) });
    }
    cairn(...words) {
        return exec('cairn', ['--home', this.home, '--server', this.url, '--json', ...words]).then(JSON.parse);
    }
    async found() {
        const { identity_key: key } = await this.cairn('keygen');
        await exec('cairnd', ['init', '--data', this.data, '--federation', this.name, '--operator', key]);
        this.configure(`port = ${this.port}`);
        const seed = (file) => readFileSync(join(this.data, 'keys', `${file}.seed`));
        this.logs = { account: new Key(`${this.name}/account`, 1, seed('log-account')),
            tx: new Key(`${this.name}/tx`, 1, seed('log-tx')) };
        this.cosigner = new Key(`${this.name}/member-1`, 4, seed('cosigner'));
    }
    configure(...lines) { appendFileSync(join(this.data, 'cairn.conf'), lines.map((l) => `${l}\n`).join('')); }
    /* True when it listens; else its exit status. */
    async start() {
        const child = spawn(join(build, 'cairnd'), ['run', '--data', this.data],
            { stdio: ['ignore', 'pipe', openSync(this.log, 'a')] });
        children.add(child);
        this.child = child;
        this.ended = new Promise((done) => child.once('exit', (code, signal) => {
            children.delete(child);
            done(code ?? signal);
        }));
        const listening = new Promise((done) => createInterface({ input: child.stdout })
            .on('line', (line) => line.includes('"listening"') && done(true)));
        return Promise.race([listening, this.ended]);
    }
    async mustStart() {
        const result = await this.start();
        if (result !== true)
            throw new Error(`${this.name} ended with ${result}:\n${readFileSync(this.log, 'utf8').slice(-3000)}`);
    }
    stop(signal = 'SIGTERM') {
        this.child.kill(signal);
        return this.ended;
    }
    async get(path) {
        const reply = await fetch(`${this.url}${path}`);
        if (!reply.ok) throw new Error(`${path}: ${reply.status}`);
        return reply.text();
    }
    /* One value of /metrics; NaN if there is none. */
    async metric(name) {
        const line = (await this.get('/metrics')).split('\n').find((l) => l.startsWith(`${name} `));
        return line === undefined ? NaN : Number(line.slice(name.length + 1));
    }
}
