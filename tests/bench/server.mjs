// A member server under measurement: cairnd as users run it, with its private PostgreSQL.
import { spawn } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { BUILD, ROOT, run, tool, until } from './tools.mjs';

const POSTGRES = '/usr/lib/postgresql/15/bin';
export const folders = new Set();
const children = new Set();
process.on('exit', () => {
    for (const child of children)
        child.kill('SIGKILL'); // its PostgreSQL dies with it
    for (const folder of folders)
        rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
});
for (const signal of ['SIGINT', 'SIGTERM'])
    process.on(signal, () => process.exit(130));

// As root, cairnd steps down to this user, and only it may speak to the database.
function serverUser() {
    if (process.getuid() !== 0)
        return {};
    const row = readFileSync('/etc/passwd', 'utf8').split('\n').map((l) => l.split(':'))
        .find((r) => r[0] === 'cairn') ?? [];
    return { uid: Number(row[2]), gid: Number(row[3]) };
}
const AS_SERVER = serverUser();

export class Server {
    // settings: lines for PostgreSQL on top of cairnd's own.
    static async make(settings = '') {
        const s = new Server();
        s.folder = mkdtempSync('/var/tmp/cairn-bench.');
        folders.add(s.folder);
        chmodSync(s.folder, 0o777);
        s.data = path.join(s.folder, 'data');
        const cairn = path.join(BUILD, 'cairn');
        s.home = path.join(s.folder, 'operator');
        const key = JSON.parse(await run(cairn, ['--home', s.home, '--json', 'keygen'])).identity_key;
        await run(path.join(BUILD, 'cairnd'), ['init', '--data', s.data, '--federation', 'bench.invalid/cairn',
            '--operator', key]);
        await s.start();
        if (settings) {
            await s.stop();
            appendFileSync(path.join(s.data, 'pg/cairn.local.conf'), settings, { mode: 0o644 });
            await s.start();
        }
        return s;
    }

    async start() {
        this.log ??= path.join(this.folder, 'log');
        const log = openSync(this.log, 'a');
        const child = spawn(path.join(BUILD, 'cairnd'), ['run', '--data', this.data, ...this.flags ?? ['--port', '0']],
            { stdio: ['ignore', 'pipe', log] });
        children.add(child);
        this.child = child;
        this.pid = child.pid;
        this.ended = new Promise((done) => child.once('exit', () => { children.delete(child); done(); }));
        const listening = new Promise((done) => createInterface({ input: child.stdout }).on('line', (line) => {
            const event = JSON.parse(line);
            if (event.event === 'listening')
                done(event.address);
        }));
        this.url = await Promise.race([listening, this.ended]);
        if (!this.url)
            throw new Error(`cairnd did not start:\n${readFileSync(this.log, 'utf8').slice(-2000)}`);
    }

    async stop() {
        this.child.kill('SIGTERM');
        await this.ended;
    }

    async remove() {
        await this.stop();
        rmSync(this.folder, { recursive: true, force: true });
        folders.delete(this.folder);
    }

    get socket() {
        return path.join(this.data, 'sock');
    }

    // A program of PostgreSQL, by the user who may.
    postgres(program, args, options = {}) {
        return run(path.join(POSTGRES, program), ['-h', this.socket, ...args],
            { ...AS_SERVER, cwd: '/', env: { PATH: process.env.PATH, LC_ALL: 'C' }, ...options });
    }

    // Statements as the superuser; each result row is a line, columns separated by |.
    async sql(text, database = 'cairn') {
        const out = await this.postgres('psql', ['-U', 'cairn_super', '-d', database, '-qAtX', '-v', 'ON_ERROR_STOP=1'],
            { input: text });
        return out.trim();
    }

    // People and bounties; see world.c. The lines of the file, by their first word.
    async populate({ patients, sponsors, bounties }) {
        this.world = path.join(this.folder, 'world');
        await run(tool('world'), [this.url, path.join(this.home, 'root.key'),
            path.join(ROOT, 'tests/data/bounties/pbc.json'), String(patients), String(sponsors), String(bounties),
            this.world]);
        this.people = { patient: [], sponsor: [], bounty: [], federation: [] };
        for (const line of readFileSync(this.world, 'utf8').trim().split('\n')) {
            const [kind, ...rest] = line.split(' ');
            this.people[kind].push(rest);
        }
    }

    // kind: submission, deposit, or an array of paths to get. See load.c.
    async load(kind, { clients, milliseconds, first = 0, count = 1 }) {
        let what = kind;
        if (Array.isArray(kind)) {
            what = path.join(this.folder, 'paths');
            writeFileSync(what, `${kind.join('\n')}\n`);
        }
        return JSON.parse(await run(tool('load'), [what, this.url, this.world, String(clients), String(milliseconds),
            String(first), String(count)]));
    }

    // Size of the published log; 0 before its first checkpoint.
    async logSize(chain = 'tx') {
        const reply = await fetch(`${this.url}/log/${chain}/checkpoint`);
        return reply.ok ? Number((await reply.text()).split('\n')[1]) : 0;
    }

    // Waits until every entry is in the log, so that delivery takes nothing from what is measured next.
    async settle() {
        const wanted = Number(await this.sql('SELECT last_seq FROM chain_head WHERE chain = 2'));
        await until('all entries delivered', 120000, async () => await this.logSize() >= wanted);
    }
}
