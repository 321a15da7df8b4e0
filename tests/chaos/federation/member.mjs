/* One member of a federation under test: cairnd in its namespace as our direct child, with its private
 * PostgreSQL, and all ways to end or hold up either. What it has in common with a member alone is
 * tests/chaos/member.mjs. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Person, b64 } from '../../apigate/client.mjs';
import { Member as Alone } from '../member.mjs';

const START_MS = 60000;
const running = new Set();
process.on('exit', () => {
    for (const m of running) {
        if (m.child) m.child.kill('SIGKILL');
        m.killDatabase();
    }
});

export class Member {
    constructor(network, number, folder, cairnd) {
        Object.assign(this, { network, number, cairnd, work: folder, operator: new Person() });
        mkdirSync(folder, { recursive: true, mode: 0o755 });
        this.data = join(folder, 'data');
        this.pg = join(this.data, 'pg');
        this.log = join(folder, 'cairnd.err');
        this.endpoint = network.endpoint(number);
        this.outside = null;
        this.child = null;
        this.url = null;
        this.starts = [];
        this.env = {}; // of the next start
        this.onUp = () => {};
        this.onDown = () => {};
        running.add(this);
    }
    get name() { return `member ${this.number}`; }
    initArguments() {
        return ['init', '--data', this.data, '--member', String(this.number), '--name', `institution-${this.number}`,
            '--endpoint', this.endpoint, '--operator', b64(this.operator.identity.public)];
    }

    /* Resolves with { url } when it listens, or with { code, signal } if it ended before. */
    async tryStart() {
        const begun = Date.now();
        const log = openSync(this.log, 'a');
        const [name, ...args] = this.network.at(this.number, this.cairnd, 'run', '--data', this.data);
        const child = spawn(name, args, { stdio: ['ignore', 'pipe', log], env: { ...process.env, ...this.env } });
        closeSync(log);
        this.child = child;
        this.ended = new Promise((done) => child.once('exit', (code, signal) => {
            if (this.child === child) this.child = this.url = null;
            this.onDown();
            done({ code, signal });
        }));
        const listening = new Promise((done) => createInterface({ input: child.stdout }).on('line', (line) => {
            if (line.includes('"listening"')) done({ url: this.endpoint });
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
    pause() { this.child?.kill('SIGSTOP'); }
    resume() { this.child?.kill('SIGCONT'); }
    /* All of its PostgreSQL at once, as when the machine stops. */
    killProcesses() {
        for (const pid of this.postgresProcesses()) process.kill(pid, 'SIGKILL');
    }
    /* The vote log goes, as after the loss of a disk: what was signed is forgotten. */
    loseJournal() { rmSync(join(this.data, 'journal'), { recursive: true }); }
    /* A new vote key for a stopped member; what the operator has to be told. */
    rekey() {
        const r = spawnSync(this.cairnd, ['rekey', '--data', this.data], { encoding: 'utf8' });
        if (r.status !== 0) throw new Error(`cairnd rekey: status ${r.status} ${r.stderr}`);
        return JSON.parse(r.stdout.trim().split('\n').at(-1));
    }
    logged() {
        return readFileSync(this.log, 'utf8').split('\n').filter((l) => l.startsWith('{'))
            .flatMap((l) => { try { return [JSON.parse(l)]; } catch { return []; } });
    }
}
for (const same of ['start', 'stop', 'kill', 'logTail', 'postmaster', 'postgresProcesses', 'killDatabase', 'socket',
    'sql', 'rows']) Member.prototype[same] = Alone.prototype[same];
