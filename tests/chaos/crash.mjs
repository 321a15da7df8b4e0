/* kill -9 of cairnd, of its PostgreSQL, or of both, at random moments of a running workload; then the
 * checker (docs/chaos.md).
 * Usage: crash.mjs [--kills N] [--target server|database|both|any] [--seed S] [--clients N]
 *                  [--tolerant]  clients go on when a server that lies refuses what must work: so that it is
 *                                the checker that has to catch it (negative controls) */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Checker } from './checker.mjs';
import { Load, newOperator, settle } from './load.mjs';
import { Member, until } from './member.mjs';
import { Random } from './random.mjs';
import { runCheck } from './report.mjs';

const GONE_MS = 20000;
const START_MS = 20000;
const { values: options } = parseArgs({ options: { kills: { type: 'string', default: '20' },
    target: { type: 'string', default: 'any' }, seed: { type: 'string', default: String(Date.now() % 1000000) },
    clients: { type: 'string', default: '8' }, 'tolerant': { type: 'boolean', default: false } } });

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

class Killer {
    constructor(member, random, world) {
        Object.assign(this, { member, random, world, history: world.api.history });
        this.kills = { server: 0, database: 0, both: 0, starting: 0 };
        this.gaps = [];
    }
    /* A random moment: right after some answer, when the next writes are between their COMMIT and theirs,
     * or anywhere. */
    async moment() {
        await Promise.race([this.history.more(1 + this.random.below(60)), wait(3000)]);
        if (!options.tolerant && this.random.chance(0.7)) await wait(this.random.next() * 15);
    }
    async one(target) {
        await this.moment();
        const { member } = this;
        if (target === 'both') member.killDatabase();
        if (target === 'database' ? !member.killDatabase() : false) return this.one(target);
        this.kills[target]++;
        if (process.env.VERBOSE) console.log(`        ${new Date().toISOString()} kill: ${target}`);
        if (target === 'database') return this.back();
        await member.kill();
        /* Some starts are killed too, while the database recovers or the log is read. */
        if (this.random.chance(0.2)) {
            const starting = member.tryStart();
            await wait(this.random.next() * 400);
            await member.kill();
            await starting;
            this.kills.starting++;
        }
        await member.start();
    }
    /* How long a write takes that begins right now. */
    async back() {
        const begun = Date.now();
        await this.world.deposit(this.world.sponsors[0], 1);
        this.gaps.push(Date.now() - begun);
    }
}

await runCheck(async (report) => {
    const random = new Random(options.seed);
    const operator = newOperator();
    const member = new Member(operator);
    report.note(`seed ${options.seed}, ${options.kills} kills, target ${options.target}`);
    await member.start();
    const world = await settle(member, operator, { lenient: options.tolerant });
    const { history } = world.api;
    const load = new Load(world, random);
    const killer = new Killer(member, random, world);
    let over = false;
    const work = load.run(Number(options.clients), () => over);
    const broken = work.then(() => null, (e) => e); // a client that met what it must not meet
    for (let i = 0; i < Number(options.kills); i++) {
        const targets = options.target === 'any' ? ['server', 'server', 'database', 'both'] : [options.target];
        const stopped = await Promise.race([killer.one(random.pick(targets)), broken]);
        if (stopped) break;
    }
    over = true;
    const error = await broken;
    report.check(!error, 'every client got to its end', error ? [error.message] : []);
    if (!member.child) await member.start();

    const checker = new Checker(member, world);
    const findings = await checker.run();
    report.note(`kills ${JSON.stringify(killer.kills)}; flows ${JSON.stringify(Object.fromEntries(load.done))}`);
    report.note(`${history.writes.length} POSTs and ${history.contents.length} uploads acknowledged, ` +
        `${history.unanswered} requests unanswered, ${history.writes.filter((w) => w.tries > 1).length} retried, 5xx ` +
        `${JSON.stringify(Object.fromEntries(history.refusals))}, slowest ${history.slowest} ms`);
    report.note(`checked ${JSON.stringify(checker.counts)}`);
    const starts = member.starts.toSorted((a, b) => a - b);
    const gaps = killer.gaps.toSorted((a, b) => a - b);
    report.note(`ready after a kill: median ${starts[starts.length >> 1]} ms, longest ${starts.at(-1)} ms`);
    if (gaps.length > 0)
        report.note(`writes again after kill -9 of PostgreSQL alone: median ${gaps[gaps.length >> 1]} ms, ` +
            `longest ${gaps.at(-1)} ms`);
    report.check(findings.length === 0, 'every acknowledged write is there, anchored once, paid once', findings);
    if (findings.length > 0) writeFileSync(join(member.work, 'findings.txt'), findings.join('\n'));
    report.check(starts.at(-1) < START_MS, `each restart listened within ${START_MS / 1000} s`);
    await ends(member, report);
});

/* An orderly stop leaves nothing behind, nor does a kill, without anybody starting the server again. */
async function ends(member, report) {
    const { code } = await member.stop();
    report.check(code === 0 && member.postgresProcesses().length === 0, 'SIGTERM: status 0, its PostgreSQL is gone');
    await member.start();
    await member.kill();
    await until('PostgreSQL gone', GONE_MS, () => member.postgresProcesses().length === 0);
    report.ok('kill -9 of cairnd: its PostgreSQL ends by itself');
}
