/* What is done to one machine: its disk fills up, its power is cut, its clock jumps, its vote log is lost. Each
 * entry: run(scene), and prepare(scene) for what must be there before the federation is founded. */
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeStatement } from '../../apigate/client.mjs';
import { ROOT, until } from '../member.mjs';
import { SmallDisk, VolatileDisk } from './disks.mjs';
import { goesOn, moment, others, wait } from './scene.mjs';

const SMALL = 3, VOLATILE = 2; // indices of the members whose disks are special
const CLOCK = 1;
const FULL_MS = 20000;
const BACK_MS = 10000;
const HOUR_S = 3600;
const CLOCK_MS = 2000;
const FAKETIME = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketimeMT.so.1`;
const FOLLOWS_MS = 30000;
const IN_FLIGHT_VIEWS = 16;

/* Every write that cannot be kept is refused with 507, or the member stops; the others go on; back within 10 s. */
async function diskFull(s) {
    const m = s.fleet.members[SMALL];
    const { history } = s.traffic.homes[SMALL].api;
    const refused = () => history.refusals.get('server.storage_full') ?? 0;
    const before = refused();
    await moment(s, SMALL);
    s.disks.small.fill();
    await until(`${m.name} to refuse with 507 or to stop`, FULL_MS, () => refused() > before || !m.child);
    await goesOn(s, others(s, SMALL)[0]);
    s.say(`full disk at ${m.name}: ${refused() - before} writes refused with 507, ` +
        `${m.child ? 'it lives' : 'it has stopped'}`);
    s.disks.small.release();
    if (!m.child) await m.start();
    const late = wait(BACK_MS).then(() => { throw new Error('no write within 10 s after space came back'); });
    await Promise.race([s.traffic.more(1, SMALL), late]);
    late.catch(() => {});
}

async function powerCut(s) {
    const m = s.fleet.members[VOLATILE];
    const disk = s.disks.volatile;
    await moment(s, VOLATILE);
    const before = disk.lost;
    await disk.cut();
    await m.kill();
    m.killProcesses();
    await until(`the processes of ${m.name} to end`, FULL_MS, () => m.postgresProcesses().length === 0);
    s.say(`power cut at ${m.name}: ${disk.lost - before} sectors had not been flushed, half of them are lost`);
    await disk.detach();
    await goesOn(s, others(s, VOLATILE)[0]);
    await disk.attach();
    await m.start();
}

/* An hour ahead and an hour behind, while it runs; the others never notice. */
async function clockJumps(s) {
    const m = s.fleet.members[CLOCK];
    const file = join(m.work, 'clock');
    const set = (seconds) => writeFileSync(file, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    const shows = async () => {
        const reply = await s.fleet.apis[CLOCK].call(null, 'GET', '/health/live');
        return (Date.parse(reply.headers.date) - Date.now()) / 1000;
    };
    set(0);
    await m.stop();
    m.env = { LD_PRELOAD: FAKETIME, FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1',
        FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1' };
    await m.start();
    const first = s.random.chance(0.5) ? HOUR_S : -HOUR_S;
    for (const shift of [first, -first]) {
        set(shift);
        s.say(`clock of ${m.name}: ${shift / HOUR_S} h`);
        await until('the clock to jump', CLOCK_MS, async () => Math.abs(await shows() - shift) < 60);
        await goesOn(s, others(s, CLOCK)[0]);
        await wait(CLOCK_MS);
    }
    set(0);
    await m.stop();
    m.env = {};
    await m.start();
}

/* Whether the signer at this index stands in a certificate (docs/wire.md). */
export const signedBy = (cert, index) => (cert[48 + (index >> 3)] >> (index & 7) & 1) === 1;

const sequence = (m, what) => Number(m.rows(`SELECT ${what} AS n`)[0].n);
const written = (m) => sequence(m, '(SELECT last_seq FROM chain_head WHERE chain = 2)');
const ordered = (m) => sequence(m, '(SELECT coalesce(max(first_seq + n - 1), 0) FROM delivery WHERE chain = 2)');

/* It has forgotten what it signed: it follows, shows and serves everything, and never votes again with that
 * key, while the three others go on. Then it is re-keyed by the account chain, and votes with the new key. */
async function loseVotes(s) {
    const index = s.random.below(s.fleet.members.length);
    const m = s.fleet.members[index];
    const [witness] = others(s, index);
    await moment(s, index);
    await m.kill();
    m.loseJournal();
    s.say(`${m.name} has lost its journal`);
    await goesOn(s, witness);
    const { epoch, logs } = await s.fleet.state(witness);
    await m.start();
    const before = written(m);
    await until(`${m.name} to follow`, FOLLOWS_MS, async () => (await s.fleet.sizes(index))?.[1] >= logs[1].size + 3);
    await goesOn(s, index);
    await until(`what ${m.name} has acknowledged to be in the log`, FOLLOWS_MS, () => ordered(m) > before);
    if ((await s.fleet.state(index)).votes) throw new Error(`${m.name} votes with a key whose votes it has forgotten`);
    /* Its own votes of before may stand in what was under way when it died. */
    const certificates = (k) => s.fleet.members[witness].rows(`SELECT encode(final_cert, 'hex') AS cert FROM chain_block
        WHERE chain = ${k + 1} AND epoch = ${epoch} AND view > ${logs[k].view + IN_FLIGHT_VIEWS}
        AND final_cert IS NOT NULL`);
    await until('certificates without it', FOLLOWS_MS, () => certificates(1).length > 0);
    for (const [k, log] of logs.entries()) {
        const rows = certificates(k);
        const guilty = rows.filter((r) => signedBy(Buffer.from(r.cert, 'hex'), index));
        if (guilty.length > 0)
            throw new Error(`${m.name} signed ${guilty.length} certificates after it had lost its journal`);
        s.say(`${log.chain}: ${rows.length} certificates since, none with its vote`);
    }
    await rekey(s, index);
}

/* What operators do (docs/federation.md), through the API: the member's own proposes, two others approve. */
async function rekey(s, index) {
    const m = s.fleet.members[index];
    await m.stop();
    const { vote_key: voteKey } = m.rekey();
    await m.start();
    const say = async (i, kind, members) => {
        const { api, operator } = s.traffic.homes[i];
        const { genesis, epoch } = JSON.parse((await api.must(200, null, 'GET', '/v1/federation/changes')).body);
        const statement = makeStatement(kind, operator.identity, { genesis, ...members }, { version: epoch });
        await api.must(201, operator, 'POST', '/v1/federation/changes', { json: { statement } });
        return statement.id;
    };
    const known = async (i, id) => {
        const reply = await s.traffic.homes[i].api.must(200, null, 'GET', '/v1/federation/changes');
        return JSON.parse(reply.body).changes.some((c) => c.id === id);
    };
    const { epoch } = await s.fleet.state(index);
    const change = await say(index, 'member.propose', { change: 'rekey', number: m.number, vote_key: voteKey });
    for (const i of others(s, index).slice(0, s.fleet.quorum - 1)) {
        await until('the proposal at another member', FOLLOWS_MS, () => known(i, change));
        await say(i, 'member.approve', { change });
    }
    await until(`${m.name} to vote with its new key`, FOLLOWS_MS, async () => {
        const state = await s.fleet.state(index);
        return state.epoch > epoch && state.votes;
    });
    s.say(`${m.name} is re-keyed and votes in epoch ${(await s.fleet.state(index)).epoch}`);
}

export const MACHINE = {
    'disk-full': { root: true, run: diskFull,
        prepare: (s) => { s.disks.small = new SmallDisk(s.fleet.members[SMALL].data); } },
    'power-cut': { root: true, run: powerCut, prepare: async (s) => {
        const m = s.fleet.members[VOLATILE];
        s.disks.volatile = new VolatileDisk(m.data, join(s.fleet.folder, 'volatile'),
            join(ROOT, 'build/plain/tests/chaos/federation/volatile_disk'), s.random);
        await s.disks.volatile.attach({ fresh: true });
    } },
    'clock': { file: FAKETIME, lenient: true, run: clockJumps },
    'lose-votes': { run: loseVotes },
};
export const available = (kind) => !kind.file || existsSync(kind.file);
