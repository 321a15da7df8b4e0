// The peer: Debian's etcd, as many members on loopback, durable as it comes. It survives crashes only, not lies.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT, freePorts, run, until, wrkOutput } from './tools.mjs';

const PUT = path.join(ROOT, 'tests/bench/ledger_etcd.lua');
const SECONDS = 3;
const children = new Set();
process.on('exit', () => {
    for (const child of children)
        child.kill('SIGKILL');
});

export class Etcd {
    // Null where it is not installed.
    static async make(count) {
        try {
            await run('etcd', ['--version']);
        } catch (e) {
            if (e.code === 'ENOENT')
                return null;
            throw e;
        }
        const c = new Etcd();
        c.folder = mkdtempSync('/var/tmp/cairn-bench-etcd.');
        const ports = await freePorts(2 * count);
        c.urls = ports.slice(0, count).map((p) => `http://127.0.0.1:${p}`);
        const peers = ports.slice(count).map((p) => `http://127.0.0.1:${p}`);
        const cluster = peers.map((u, i) => `n${i}=${u}`).join(',');
        c.children = c.urls.map((url, i) => spawn('etcd', ['--name', `n${i}`, '--log-level', 'error',
            '--data-dir', path.join(c.folder, `n${i}`), '--listen-client-urls', url, '--advertise-client-urls', url,
            '--listen-peer-urls', peers[i], '--initial-advertise-peer-urls', peers[i], '--initial-cluster', cluster],
        { stdio: 'ignore' }));
        for (const child of c.children) {
            children.add(child);
            child.once('exit', () => children.delete(child));
        }
        c.leader = await until('etcd has a leader', 30000, () => c.#findLeader());
        return c;
    }

    async #findLeader() {
        for (const url of this.urls) {
            try {
                const reply = await fetch(`${url}/v3/maintenance/status`, { method: 'POST', body: '{}' });
                const status = await reply.json();
                if (status.leader && status.leader === status.header.member_id)
                    return url;
            } catch {
                // not up yet
            }
        }
        return null;
    }

    // Puts of a hash under a key of its own, through the JSON gateway of the leader.
    async puts(clients) {
        const text = await run('wrk', ['-t1', `-c${clients}`, `-d${SECONDS}s`, '--latency', '-s', PUT,
            `${this.leader}/v3/kv/put`]);
        const { per_second, p50_us, p99_us } = wrkOutput(text);
        return { per_second, p50: p50_us / 1000, p99: p99_us / 1000 };
    }

    async remove() {
        await Promise.all(this.children.map((child) => new Promise((done) => {
            child.once('exit', done);
            child.kill('SIGTERM');
        })));
        rmSync(this.folder, { recursive: true, force: true });
    }
}
