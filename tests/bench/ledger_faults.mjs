// What a dead member of four costs, and how fast one that was away has caught up.
import { flood, openLoop } from './ledger_anchors.mjs';
import { Federation } from './ledger_federation.mjs';
import { progress, until } from './tools.mjs';

const DEAD_RATE = 2000;
const DEAD_SECONDS = 6;
const CATCH_UP = 100000; // entries, each round
const CATCH_UP_QUICK = 5000;
const CATCH_UP_LONG = 1000000; // once
const FLOOD = 100000; // so many at a time

// kill -9 under an even load; the load goes on at the other three.
async function killOne(federation) {
    const victim = federation.members.at(-1);
    const alive = federation.members.slice(0, -1);
    const from = Date.now() / 1000;
    const load = Promise.all(alive.map((m) => m.put(DEAD_RATE / alive.length,
        Math.round(DEAD_RATE * DEAD_SECONDS / alive.length))));
    await new Promise((done) => setTimeout(done, 1000 * DEAD_SECONDS / 3));
    const usual = await alive[0].gaps(from + 1, Date.now() / 1000);
    const killed = Date.now() / 1000;
    victim.kill();
    await load;
    const after = await alive[0].gaps(killed - usual.p50 / 1000, from + DEAD_SECONDS);
    await Federation.settle(alive);
    const rate = await openLoop(alive, DEAD_RATE);
    await victim.ended;
    await victim.start();
    await Federation.settle(federation.members);
    return { usual: usual.longest, longest: after.longest, ...rate };
}

export async function dead(federation, report, { rounds, t0 }) {
    const got = [];
    for (let i = 0; i < rounds; i++) {
        progress(`one dead of four: round ${i + 1} of ${rounds}`);
        got.push(await killOne(federation));
    }
    const group = `one of 4 members dead (kill -9), ${DEAD_RATE.toLocaleString('en-US')}/s at the others`;
    const row = (what, unit, field, goal, note) => report.figure({ group, what, unit, ...goal, note,
        values: got.map((r) => r[field]) });
    row('longest time without a new block, before', 'ms', 'usual');
    report.figure({ group, what: 'longest time without a new block, with it dead, less the above', unit: 'ms', most: t0,
        values: got.map((r) => r.longest - r.usual), note: `the first timeout is ${t0} ms` });
    row('with three: final at each', '/s', 'per_second', { least: 0.98 * DEAD_RATE });
    row('with three: due until final, p50', 'ms', 'p50');
    row('with three: due until final, p99', 'ms', 'p99');
    row('with three: blocks', '/s', 'blocks');
}

async function away(federation, entries) {
    const late = federation.members.at(-1);
    const others = federation.members.slice(0, -1);
    await late.stop();
    const size = await others[0].size();
    for (let left = entries; left > 0; left -= FLOOD)
        await flood(others, Math.min(left, FLOOD));
    const wanted = await others[0].size();
    const begun = performance.now();
    await late.start();
    const up = performance.now();
    await until(`${entries} entries caught up`, 600000, async () => await late.size() >= wanted);
    return { entries: wanted - size, start: (up - begun) / 1000, all: (performance.now() - begun) / 1000,
        per_second: await late.drained(size) };
}

export async function catchUp(report, { rounds, quick }) {
    const federation = await Federation.make(4);
    const got = [];
    for (let i = 0; i < rounds; i++) {
        progress(`catching up: round ${i + 1} of ${rounds}`);
        got.push(await away(federation, quick ? CATCH_UP_QUICK : CATCH_UP));
    }
    const row = (rows, what, unit, field) => report.figure({ group: 'a member that was away, 4 members', unit,
        what: `${rows[0].entries.toLocaleString('en-US')} entries: ${what}`, values: rows.map((r) => r[field]) });
    row(got, 'caught up', '/s', 'per_second');
    row(got, 'from its start until it has all', 's', 'all');
    if (!quick) {
        progress('catching up: the long way');
        const long = [await away(federation, CATCH_UP_LONG)];
        row(long, 'caught up', '/s', 'per_second');
        row(long, 'from its start until it listens', 's', 'start');
        row(long, 'from its start until it has all', 's', 'all');
    }
    await federation.remove();
}
