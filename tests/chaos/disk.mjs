/* A full disk: the data directory on a small tmpfs, a file of root's that eats the space, requests that
 * must fail with 507 while the server lives and reads go on; then the space comes back.
 * Usage: disk.mjs [--seed S] [--long] (root: it mounts) */
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { makeStatement, parse } from '../apigate/client.mjs';
import { termsOf } from '../apigate/world.mjs';
import { Checker } from './checker.mjs';
import { Load, newOperator, settle } from './load.mjs';
import { Member, filesBelow, isRoot, until, workFolder } from './member.mjs';
import { Random } from './random.mjs';
import { runCheck } from './report.mjs';

const SIZE_MIB = 160;
const WRITES_MAX = 6000; // until PostgreSQL has used up what it holds in reserve
const BACK_MS = 10000;
const { values: options } = parseArgs({ options: { seed: { type: 'string', default: '1' },
    long: { type: 'boolean', default: false } } });
const REFUSALS = options.long ? WRITES_MAX : 20; // even refused writes use up the WAL

function run(name, ...args) {
    const r = spawnSync(name, args, { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`${name}: ${r.stderr}`);
}

class SmallDisk {
    constructor(folder) {
        this.path = join(folder, 'disk');
        mkdirSync(this.path);
        run('mount', '-t', 'tmpfs', '-o', `size=${SIZE_MIB}m,mode=755`, 'cairn-chaos', this.path);
        process.prependListener('exit', () => spawnSync('umount', ['-l', this.path]));
    }
    free() {
        const s = statfsSync(this.path);
        return Number(s.bavail) * Number(s.bsize);
    }
    get #eater() { return join(this.path, 'eater'); }
    fill() { spawnSync('dd', ['if=/dev/zero', `of=${this.#eater}`, 'bs=64k']); }
    release() { rmSync(this.#eater, { force: true }); }
}

/* One write after the other until one is refused for want of space; all answers by status and code. */
async function writeUntilFull(world) {
    const seen = new Map();
    const terms = termsOf({ title: 'x'.repeat(120), purposes: Array.from({ length: 8 }, (_, i) => `DUO:000000${i}`) });
    for (let i = 0; i < WRITES_MAX; i++) {
        const statement = makeStatement('bounty.publish', world.sponsors[0].identity, { terms });
        let what = 'no answer';
        try {
            const reply = await world.api.call(world.sponsors[0], 'POST', '/v1/bounties', { json: { statement } });
            what = reply.status < 300 ? '201' : `${reply.status} ${parse(reply).code}`;
        } catch (e) {
            what = `no answer (${e.code ?? e.message})`;
        }
        seen.set(what, (seen.get(what) ?? 0) + 1);
        if ((seen.get('507 server.storage_full') ?? 0) >= REFUSALS) break;
    }
    return seen;
}

async function whileFull(report, member, world, stored) {
    const { api } = world;
    const upload = async () => {
        const draft = stored.drafts.pop();
        const reply = await api.call(draft.patient, 'PUT', `/v1/records/${draft.record}/versions/1/content`,
            { file: draft.envelope });
        return `${reply.status} ${reply.status < 300 ? '' : parse(reply).code}`;
    };
    const got = [await upload(), await upload()];
    report.check(got.every((g) => g === '507 server.storage_full'), `uploads are answered with ${got}`);
    const seen = await writeUntilFull(world);
    const text = JSON.stringify(Object.fromEntries(seen));
    report.check(seen.has('507 server.storage_full'), `writes: ${text}`);
    const allowed = /^(201|507 server\.storage_full|503 )/;
    report.check([...seen.keys()].every((k) => allowed.test(k)), 'and nothing but 201, 507 and 503');

    const read = [`/v1/bounties/${stored.bounty}`, '/v1/bounties', '/v1/federation', '/log/tx/checkpoint',
        '/health/live'];
    const statuses = [];
    for (const path of read) statuses.push((await api.call(null, 'GET', path)).status);
    statuses.push((await api.call(stored.patient, 'GET', stored.content)).status);
    /* A PostgreSQL that finds no room for its WAL stops. What is read from it waits for it; the rest goes on. */
    const down = options.long && seen.has('503 server.database_unavailable');
    const expected = statuses.map((s, k) => (down && (k === 0 || k === 5) ? 503 : 200));
    report.check(statuses.every((s, k) => s === 200 || s === expected[k]), `reads go on: ${statuses}`);
    const ready = await api.call(null, 'GET', '/health/ready');
    report.check(ready.status === 503 && (down ? /database|disk/ : /disk/).test(ready.body),
        `not ready: ${parse(ready).detail}`);
    report.check(member.child !== null, 'the server lives');
    const left = filesBelow(join(member.data, 'tmp'));
    report.check(left.length === 0, 'no piece of an upload stays behind', left);
}

await runCheck(async (report) => {
    if (!isRoot) return report.skip('a full disk: only root can mount a small one');
    const folder = workFolder();
    const disk = new SmallDisk(folder);
    chmodSync(disk.path, 0o755);
    const operator = newOperator();
    const member = new Member(operator, { folder: disk.path });
    await member.start();
    const world = await settle(member, operator);
    const { api } = world;
    const load = new Load(world, new Random(options.seed));
    await load.run(4, () => api.history.writes.length > 120);
    const [patient] = world.patients;
    const record = await world.record(patient);
    const bounty = await world.bounty();
    const stored = { patient, bounty: bounty.id, content: `/v1/records/${record.record}/versions/1/content`,
        drafts: [await world.record(patient, { stored: false }), await world.record(patient, { stored: false })] };
    await new Checker(member, world).quiet();

    report.note(`${(disk.free() / 1048576).toFixed(1)} of ${SIZE_MIB} MiB free, now filled`);
    disk.fill();
    api.patient = false;
    await whileFull(report, member, world, stored);

    disk.release();
    const begun = Date.now();
    await until('a write after space came back', BACK_MS, async () => {
        const statement = makeStatement('deposit.request', world.sponsors[0].identity,
            { amount_minor: 5, currency: 'EUR', reference: 'after' });
        return (await api.call(world.sponsors[0], 'POST', '/v1/deposits', { json: { statement } })).status === 201;
    });
    report.ok(`space came back, and a write ${Date.now() - begun} ms later`);
    api.patient = true;
    await load.run(4, () => load.done.get('round') > 8 || api.history.writes.length > 100000);
    const findings = await new Checker(member, world).run();
    report.check(findings.length === 0, `all ${api.history.acknowledged} acknowledged requests are there`, findings);
    await member.stop();
});
