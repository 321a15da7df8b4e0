/* Connections cut between COMMIT and its answer: cairnd on an outside PostgreSQL behind a proxy that cuts
 * (proxy.mjs), the workload over HTTP, then the checker. Every request is answered definitely or may be
 * tried again, and whatever was tried again happened once.
 * Usage: cut.mjs [--cuts N] [--seed S] */
import { spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Checker } from './checker.mjs';
import { Load, newOperator, settle } from './load.mjs';
import { Member, asServerUser, isRoot, postgresBin, serverUser, until } from './member.mjs';
import { Proxy } from './proxy.mjs';
import { Random } from './random.mjs';
import { runCheck } from './report.mjs';

const CLIENTS = 8;
const { values: options } = parseArgs({ options: { cuts: { type: 'string', default: '200' },
    seed: { type: 'string', default: '1' } } });

const ROLES = `CREATE ROLE cairn_owner LOGIN; CREATE ROLE cairn_app LOGIN; CREATE ROLE cairn_audit LOGIN;
CREATE DATABASE cairn OWNER cairn_owner;`;

/* A PostgreSQL of our own, as an operator would run one beside the server. */
class Outside {
    constructor(work) {
        this.folder = join(work, 'outside');
        this.socket = join(work, 'outside-socket');
        this.bin = postgresBin();
        for (const f of [this.folder, this.socket]) {
            mkdirSync(f, { mode: 0o700 });
            if (isRoot) chownSync(f, serverUser.uid, serverUser.gid);
        }
    }
    async start() {
        this.#run('initdb', ['-D', this.folder, '-U', 'cairn_super', '-A', 'trust', '-E', 'UTF8', '--locale=C',
            '--no-sync']);
        const args = ['-D', this.folder, '-k', this.socket, '-c', 'listen_addresses='];
        this.child = spawn(join(this.bin, 'postgres'), args, { stdio: 'ignore', cwd: this.folder, ...asServerUser });
        process.on('exit', () => this.child.kill('SIGQUIT'));
        const psql = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', this.socket, '-U', 'cairn_super', '-d', 'postgres'];
        await until('the outside PostgreSQL', 30000, () => spawnSync('psql', [...psql, '-c', 'SELECT 1'],
            { cwd: this.folder, ...asServerUser }).status === 0);
        this.#run('psql', psql, ROLES);
    }
    #run(name, args, input) {
        const path = name === 'psql' ? name : join(this.bin, name);
        const r = spawnSync(path, args, { input, encoding: 'utf8', cwd: this.folder, ...asServerUser });
        if (r.status !== 0) throw new Error(`${name}: ${r.stderr}`);
    }
    async stop() {
        const ended = new Promise((done) => this.child.once('exit', done));
        this.child.kill('SIGINT');
        await ended;
    }
}

await runCheck(async (report) => {
    const random = new Random(options.seed);
    const operator = newOperator();
    const member = new Member(operator);
    const outside = new Outside(member.work);
    await outside.start();
    const proxy = new Proxy(join(outside.socket, '.s.PGSQL.5432'), () => (random.chance(0.5)
        ? random.pick(['asked', 'answered', 'answered', 'before']) : null));
    const port = await proxy.listen();
    const info = `host=127.0.0.1 port=${port} dbname=cairn sslmode=disable gssencmode=disable`;
    member.configure(`database = ${info} user=cairn_app\ndatabase_owner = ${info} user=cairn_owner\n`);
    member.outside = outside.socket;
    await member.start();
    const world = await settle(member, operator);
    const { history } = world.api;
    const load = new Load(world, random);

    const wanted = Number(options.cuts);
    const cut = () => proxy.cuts.asked + proxy.cuts.answered;
    proxy.active = true;
    const error = await load.run(CLIENTS, () => cut() >= wanted).then(() => null, (e) => e);
    proxy.active = false;
    report.check(cut() >= wanted, `${cut()} connections cut between COMMIT and its answer: ` +
        `${JSON.stringify(proxy.cuts)} of ${proxy.commits} commits`);
    report.check(!error, 'every client got an answer to everything', error ? [error.message] : []);
    const findings = await new Checker(member, world).run();
    report.note(`${history.writes.length} POSTs and ${history.contents.length} uploads acknowledged, 5xx ` +
        `${JSON.stringify(Object.fromEntries(history.refusals))}, slowest ${history.slowest} ms`);
    report.check(findings.length === 0, 'everything acknowledged happened exactly once', findings);
    await member.stop();
    proxy.close();
    await outside.stop();
});
