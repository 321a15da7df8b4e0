/* A database older than the ledger, a missing mark and a changed log: each is refused at start with a
 * reason, nothing is served, and the right data starts again.
 * Usage: backup.mjs [--seed S] */
import { renameSync, rmSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Checker } from './checker.mjs';
import { Load, newOperator, settle } from './load.mjs';
import { Member } from './member.mjs';
import { Random } from './random.mjs';
import { runCheck } from './report.mjs';

const DB_OLD = 3; // exit status
const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '1' } } });

/* With owners, as a backup program would. */
function copy(from, to) {
    const r = spawnSync('cp', ['-a', from, to], { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(r.stderr);
}

class Trial {
    constructor(member, report) { Object.assign(this, { member, report }); }

    /* Starts, and wants a refusal with this status and a log line like this one. */
    async refused(what, status, line) {
        const before = this.member.logged().length;
        const got = await this.member.tryStart();
        if (got.url) await this.member.stop();
        const said = this.member.logged().slice(before).filter((l) => l.level === 'error').map((l) => l.message);
        const reasons = said.filter((m) => line.test(m));
        this.report.check(!got.url && got.code === status && reasons.length > 0,
            `${what}: ${got.url ? 'SERVED' : `status ${got.code}`}`, reasons.concat(said).slice(0, 1));
    }
    /* Changes rows behind the server's back, then puts the old value back. The change keeps every length. */
    async tampered(what, line, table, where, column, change) {
        const { member } = this;
        await member.start();
        const [{ old }] = member.rows(`SELECT encode(${column}, 'hex') AS old FROM ${table} WHERE ${where}`);
        const behind = (set) => member.sql('SET session_replication_role = replica; ' +
            `UPDATE ${table} SET ${column} = ${set} WHERE ${where};`);
        behind(change);
        await member.stop();
        await this.refused(what, 1, line);
        await member.withDatabase(() => behind(`decode('${old}', 'hex')`));
    }
}

await runCheck(async (report) => {
    const random = new Random(options.seed);
    const operator = newOperator();
    const member = new Member(operator);
    await member.start();
    const world = await settle(member, operator);
    const load = new Load(world, random);
    const { history } = world.api;
    /* More than 256 entries, so that there is a full tile with a level above it. */
    await load.run(6, () => history.writes.length > 330);
    await new Checker(member, world).quiet();
    await member.stop();
    const trial = new Trial(member, report);

    const [newest, old] = [join(member.work, 'pg.newest'), join(member.work, 'pg.old')];
    copy(member.pg, old);
    await member.start();
    for (const flow of ['money', 'person', 'round']) await load.one(flow);
    await new Checker(member, world).quiet();
    await member.stop();
    renameSync(member.pg, newest);
    copy(old, member.pg);
    await trial.refused('an old backup of the database', DB_OLD, /database holds \d+ entries, \d+ were published/);
    rmSync(member.pg, { recursive: true });
    renameSync(newest, member.pg);

    const mark = join(member.data, 'ledger.mark');
    renameSync(mark, `${mark}.away`);
    await trial.refused('ledger.mark is missing', DB_OLD, /ledger\.mark is missing/);
    renameSync(`${mark}.away`, mark);

    const flip = (column, at) => `set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1)`;
    /* Entries of the account chain are anchors of 50 bytes behind 2 of length: byte 40 + 52 n is in entry n. */
    await trial.tampered('a bit of entry 7 in a bundle', /chain account: stored entry 7 does not match/,
        'log_bundle', 'chain = 1 AND index = 0', 'entries', flip('entries', 40 + 52 * 7));
    await trial.tampered('a bit of leaf hash 5 in a tile', /chain account: stored entry 5 does not match/,
        'log_tile', 'chain = 1 AND level = 0 AND index = 0', 'hashes', flip('hashes', 32 * 5));
    await trial.tampered('a bit of a tile of level 1', /chain tx: tile 0\/0 does not match the level above/,
        'log_tile', 'chain = 2 AND level = 1 AND index = 0', 'hashes', flip('hashes', 3));
    const last = 'chain = 2 AND size = (SELECT max(size) FROM log_checkpoint WHERE chain = 2)';
    await trial.tampered('a bit of the root of the last checkpoint', /chain tx.*checkpoint/i, 'log_checkpoint', last,
        'root', flip('root', 9));

    await member.start();
    const findings = await new Checker(member, world).run();
    report.check(findings.length === 0, `the newest database starts again, with all ${history.writes.length} writes`,
        findings);
    await member.stop();
});
