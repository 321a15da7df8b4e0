// Entries a second: an open loop at fixed rates into the outboxes of all members, beside etcd's puts in the same
// run; and what changes with the number of members.
import { Federation } from './ledger_federation.mjs';
import { Etcd } from './ledger_etcd.mjs';
import { median, progress } from './tools.mjs';

const RATES = [5000, 10000, 20000, 30000];
const GOAL_RATE = 20000;
const SECONDS = 5;
const WARM_UP = 1;
const SIZES = [4, 7, 10, 16];
const SIZE_RATE = 2000; // the same for all: 16 members with as many PostgreSQL share the processors
const FLOOD = 20000;

/* rate: entries a second, all members together. The slowest member's figures count: entries of all members that it
 * made durable, and how long its own took from when they were due. */
export async function openLoop(members, rate, seconds = SECONDS) {
    const sent = await Promise.all(members.map((m) => m.sent()));
    const before = await members[0].size();
    const from = Date.now() / 1000;
    await Promise.all(members.map((m) => m.put(rate / members.length, Math.round(rate * seconds / members.length))));
    const until = from + seconds;
    await Federation.settle(members);
    const delivered = await Promise.all(members.map((m) => m.delivered(from + WARM_UP, until)));
    const late = await Promise.all(members.map((m) => m.latency(from + WARM_UP, until)));
    const bytes = (await Promise.all(members.map((m) => m.sent()))).reduce((sum, b, i) => sum + b - sent[i], 0);
    const slowest = Math.min(...delivered.map((d) => d.entries));
    return { per_second: slowest / (seconds - WARM_UP),
        blocks: median(delivered.map((d) => d.blocks)) / (seconds - WARM_UP),
        p50: Math.max(...late.map((l) => l.p50)), p99: Math.max(...late.map((l) => l.p99)),
        bytes: bytes / (await members[0].size() - before) };
}

// All entries at once: how fast the members work them off, from the first block to the last.
export async function flood(members, entries) {
    const size = await members[0].size();
    await Promise.all(members.map((m) => m.put(1e9, Math.round(entries / members.length))));
    await Federation.settle(members);
    return Math.min(...await Promise.all(members.map((m) => m.drained(size))));
}

function loopRows(report, group, what, got, goals = {}) {
    const row = (name, unit, field, goal) => report.figure({ group, what: `${what}: ${name}`, unit, ...goal,
        values: got.map((r) => r[field]) });
    row('final at every member', '/s', 'per_second', goals.per_second);
    row('due until final, p50', 'ms', 'p50', goals.p50);
    row('due until final, p99', 'ms', 'p99');
    row('blocks', '/s', 'blocks');
    row('sent between members, per entry', 'bytes', 'bytes');
}

// Takes turns with etcd, round by round.
export async function anchors(federation, report, { rounds, quick }) {
    const etcd = await Etcd.make(4);
    const got = new Map((quick ? [1000, GOAL_RATE] : RATES).map((rate) => [rate, []]));
    const one = [];
    const many = [];
    await openLoop(federation.members, RATES[0], 2); // to warm up
    for (let i = 0; i < rounds; i++) {
        for (const [rate, rows] of got) {
            progress(`anchors: ${rate} a second, round ${i + 1} of ${rounds}`);
            rows.push(await openLoop(federation.members, rate));
        }
        if (etcd) {
            progress(`etcd: round ${i + 1} of ${rounds}`);
            one.push(await etcd.puts(1));
            many.push(await etcd.puts(64));
        }
    }
    for (const [rate, rows] of got)
        loopRows(report, 'anchors, 4 members, open loop', `${rate.toLocaleString('en-US')}/s`, rows,
            rate === GOAL_RATE ? { per_second: { least: 0.98 * GOAL_RATE }, p50: { most: 50 } } : {});
    if (!etcd) {
        progress('etcd is not installed: nothing to stand beside');
        return;
    }
    // Its clients ask again as soon as they are answered, so theirs is the most it does; ours is the most of the rates.
    const most = (rows) => median(rows.map((r) => r.per_second));
    const [rate, rows] = [...got].reduce((best, one) => (most(one[1]) > most(best[1]) ? one : best));
    report.pair({ group: 'anchors, 4 members, beside etcd', what: `final at every member, ${rate}/s offered`,
        unit: '/s', peer: "etcd's puts, 4 members, 64 clients", goal: 4, cairn: rows, other: many });
    for (const [clients, rows] of [[1, one], [64, many]]) {
        const row = (what, unit, field) => report.figure({ group: 'etcd, 4 members', unit,
            what: `puts, ${clients} client${clients > 1 ? 's' : ''}${what}`, values: rows.map((r) => r[field]) });
        row('', '/s', 'per_second');
        row(', p50', 'ms', 'p50');
        row(', p99', 'ms', 'p99');
    }
    await etcd.remove();
}

export async function sizes(report, { rounds, quick }) {
    for (const count of quick ? [7] : SIZES) {
        progress(`${count} members: founding`);
        const federation = await Federation.make(count, { t0: 2000 });
        const got = [];
        const floods = [];
        await openLoop(federation.members, SIZE_RATE, 2);
        for (let i = 0; i < rounds; i++) {
            progress(`${count} members: round ${i + 1} of ${rounds}`);
            got.push(await openLoop(federation.members, SIZE_RATE));
            floods.push(await flood(federation.members, FLOOD));
        }
        const group = `${count} members`;
        loopRows(report, group, `${SIZE_RATE.toLocaleString('en-US')}/s offered`, got);
        report.figure({ group, what: `${FLOOD.toLocaleString('en-US')} at once: final at every member`, unit: '/s',
            values: floods });
        await federation.remove();
    }
}
