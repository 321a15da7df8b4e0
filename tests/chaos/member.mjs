/* One member server under test: a folder of its own under /var/tmp, cairnd as our direct child (so that
 * its end is seen at once), its private PostgreSQL, and all ways to end either. */
import { spawn, spawnSync } from 'node:child_process';
import { accessSync, appendFileSync, chmodSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, readdirSync,
    readlinkSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { b64 } from '../apigate/client.mjs';

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
export const isRoot = process.getuid() === 0;
export const FEDERATION = 'chaos.example/fed';
const START_MS = 60000;

/* As root, cairnd gives itself to this user, who then owns folder and database. */
export const serverUser = (() => {
    if (!isRoot) return { name: null, uid: process.getuid(), gid: process.getgid() };
    const rows = readFileSync('/etc/passwd', 'utf8').split('\n').map((l) => l.split(':'));
    const row = ['cairn', 'postgres'].map((n) => rows.find((r) => r[0] === n)).find((r) => r);
    if (!row) throw new Error('neither a user cairn nor postgres: run .ci/install serve');
    return { name: row[0], uid: Number(row[2]), gid: Number(row[3]) };
})();
export const asServerUser = isRoot ? { uid: serverUser.uid, gid: serverUser.gid } : {};

const folders = new Set();
const children = new Set();
const members = new Set();
function cleanUp() {
    for (const c of children) c.kill('SIGKILL');
    for (const m of members) m.killDatabase();
    for (const f of folders) rmSync(f, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
process.on('exit', cleanUp);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

/* A fresh folder that goes with this program, unless KEEP=1. */
export function workFolder() {
    const folder = mkdtempSync('/var/tmp/cairn-chaos.');
    chmodSync(folder, 0o755);
    if (process.env.KEEP === '1') console.log(`        kept: ${folder}`);
    else folders.add(folder);
    return folder;
}

/* PostgreSQL's programs; version 15 is the one that cairnd prefers. */
export function postgresBin() {
    const versions = readdirSync('/usr/lib/postgresql').map(Number).sort((a, b) => b - a);
    const bin = [15, ...versions].map((v) => `/usr/lib/postgresql/${v}/bin`).find((p) => existsSync(join(p, 'initdb')));
    if (!bin) throw new Error('no PostgreSQL under /usr/lib/postgresql');
    return bin;
}

/* Children of PID 1 may stay zombies for a while: those are gone for our purpose. */
export function alive(pid) {
    try {
        return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch {
        return false;
    }
}

/* Asks until it is so. Only for things of other processes that give no event. */
export async function until(what, ms, test) {
    for (const end = Date.now() + ms; ;) {
        const got = await test();
        if (got) return got;
        if (Date.now() > end) throw new Error(`not within ${ms / 1000} s: ${what}`);
        await new Promise((done) => setTimeout(done, 20));
    }
}

/* Files, however deep; folders do not count. */
export const filesBelow = (folder) => readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((f) => f.isFile()).map((f) => f.name);

export class Member {
    constructor(operator, { cairnd = process.env.CAIRND ?? join(ROOT, 'build/fp/cairnd'), folder } = {}) {
        this.cairnd = cairnd;
        this.work = folder ?? workFolder();
        this.data = join(this.work, 'data');
        this.pg = join(this.data, 'pg');
        this.log = join(this.work, 'cairnd.err');
        this.child = null;
        this.url = null;
        this.outside = null; // socket folder of a PostgreSQL that is not its own
        this.starts = [];
        this.onUp = () => {};
        this.onDown = () => {};
        accessSync(cairnd);
        members.add(this);
        const key = b64(operator.identity.public);
        this.#must(['init', '--data', this.data, '--federation', FEDERATION, '--operator', key]);
    }
    /* Adds lines to cairn.conf. */
    configure(lines) { appendFileSync(join(this.data, 'cairn.conf'), lines); }
    #must(args) {
        const r = spawnSync(this.cairnd, args, { encoding: 'utf8' });
        if (r.status !== 0) throw new Error(`cairnd ${args[0]}: status ${r.status} ${r.stderr}`);
    }

    /* Resolves with { url } when it listens, or with { code, signal } if it ended before. */
    async tryStart({ env = {} } = {}) {
        const begun = Date.now();
        const log = openSync(this.log, 'a');
        const child = spawn(this.cairnd, ['run', '--data', this.data, '--port', '0'],
            { stdio: ['ignore', 'pipe', log], env: { ...process.env, ...env } });
        closeSync(log);
        children.add(child);
        this.child = child;
        this.ended = new Promise((done) => child.once('exit', (code, signal) => {
            children.delete(child);
            if (this.child === child) this.child = this.url = null;
            this.onDown();
            done({ code, signal });
        }));
        const listening = new Promise((done) => createInterface({ input: child.stdout }).on('line', (line) => {
            const event = JSON.parse(line);
            if (event.event === 'listening') done({ url: event.address });
        }));
        let timer;
        const late = new Promise((done) => { timer = setTimeout(() => done({ late: true }), START_MS); });
        const first = await Promise.race([listening, this.ended, late]);
        clearTimeout(timer);
        if (first.late) child.kill('SIGKILL');
        if (first.url) {
            this.starts.push(Date.now() - begun);
            this.url = first.url;
            this.onUp(first.url);
        }
        return first;
    }
    async start(options) {
        const got = await this.tryStart(options);
        if (!got.url) throw new Error(`cairnd did not start: ${JSON.stringify(got)}\n${this.logTail()}`);
    }
    async stop() {
        if (!this.child) return { code: null, signal: null };
        this.child.kill('SIGTERM');
        return this.ended;
    }
    /* The database is left to the next start, as after a real crash. */
    async kill() {
        if (!this.child) return;
        this.child.kill('SIGKILL');
        await this.ended;
    }
    /* Its log lines so far, as objects. */
    logged() {
        return readFileSync(this.log, 'utf8').split('\n').filter((l) => l.startsWith('{')).map((l) => JSON.parse(l));
    }
    logTail(lines = 8) { return readFileSync(this.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n'); }

    /* ---- its PostgreSQL ---- */
    postmaster() {
        try {
            const pid = Number(readFileSync(join(this.pg, 'postmaster.pid'), 'utf8').split('\n')[0]);
            return pid > 1 && alive(pid) ? pid : 0;
        } catch {
            return 0;
        }
    }
    /* All processes that work inside its data folder. */
    postgresProcesses() {
        return readdirSync('/proc').filter((n) => /^\d+$/.test(n)).map(Number).filter((pid) => {
            try {
                return readlinkSync(`/proc/${pid}/cwd`) === this.pg && alive(pid);
            } catch {
                return false;
            }
        });
    }
    killDatabase() {
        const pid = this.postmaster();
        if (pid) process.kill(pid, 'SIGKILL');
        return pid !== 0;
    }
    socket() {
        if (this.outside) return this.outside;
        const note = join(this.data, 'sock.path');
        return existsSync(note) ? readFileSync(note, 'utf8').trim() : join(this.data, 'sock');
    }
    sql(text, role = 'cairn_super') {
        const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', this.socket(), '-p', '5432', '-U', role, '-d', 'cairn',
            '-f', '-'];
        const how = { input: text, encoding: 'utf8', maxBuffer: 1 << 30, cwd: '/', ...asServerUser };
        const r = spawnSync('psql', args, how);
        if (r.status !== 0) throw new Error(`psql: ${r.stderr}`);
        return r.stdout;
    }
    /* The private PostgreSQL alone, for work on a database that cairnd refuses to serve. */
    async withDatabase(work) {
        const child = spawn(join(postgresBin(), 'postgres'), ['-D', this.pg, '-k', this.socket(), '-p', '5432'],
            { stdio: 'ignore', cwd: this.pg, ...asServerUser });
        const ended = new Promise((done) => child.once('exit', done));
        try {
            await until('PostgreSQL alone', 30000, () => spawnSync('psql', ['-XAtq', '-h', this.socket(), '-p', '5432',
                '-U', 'cairn_super', '-d', 'cairn', '-c', 'SELECT 1'], { cwd: '/', ...asServerUser }).status === 0);
            await work();
        } finally {
            child.kill('SIGINT');
            await ended;
        }
    }
    rows(select, role = 'cairn_audit') {
        return this.sql(`SELECT row_to_json(r) FROM (${select}) r`, role).split('\n').filter((l) => l)
            .map((l) => JSON.parse(l));
    }
}
