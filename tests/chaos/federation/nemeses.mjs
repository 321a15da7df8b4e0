/* What is done to a federation under load. Each is a function of the scene { fleet, network, traffic, random,
 * say } that ends when the fault is over, or leaves it to heal(); it throws if what must go on meanwhile did
 * not. */
import { until } from '../member.mjs';
import { MACHINE, available } from './machine.mjs';
import { goesOn, moment, one, others, wait } from './scene.mjs';

const AWAY_MS = 2000;
const PAUSED_MS = 5000;
const CUT_SETTLES_MS = 2500;
const CRASH_MS = 30000;
const POINTS = ['ledger_before_sync', 'ledger_after_sync', 'ledger_before_commit', 'ledger_after_commit',
    'ledger_after_checkpoint', 'ledger_after_mark', 'tx_before_commit', 'tx_after_commit'];

async function killed(s, index, { database = false, server = true } = {}) {
    const m = s.fleet.members[index];
    s.say(`kill -9 at ${m.name}:${server ? ' cairnd' : ''}${database ? ' postgres' : ''}`);
    if (database) m.killDatabase();
    if (server) await m.kill();
}

const most = (sizes) => sizes[0].map((_, chain) => Math.max(...sizes.map((of) => of[chain])));

/* Two halves or one against three. What is published may not grow where no quorum is; one that was behind may
 * learn from its own side what was published there before. */
async function split(s, minority, majority) {
    s.say(`partition ${minority.map((i) => i + 1)} | ${majority.map((i) => i + 1)}`);
    s.network.partition(minority.map((i) => i + 1), majority.map((i) => i + 1));
    await wait(CUT_SETTLES_MS); // what was under way when the cut came may still arrive
    const blind = majority.length >= s.fleet.quorum ? minority : [...minority, ...majority];
    const before = await Promise.all(blind.map((i) => s.fleet.sizes(i)));
    const acknowledged = s.traffic.acknowledged();
    if (majority.length >= s.fleet.quorum) await goesOn(s, majority[0]);
    else await wait(CUT_SETTLES_MS);
    const after = await Promise.all(blind.map((i) => s.fleet.sizes(i)));
    if (most(after).some((size, chain) => size > most(before)[chain]))
        throw new Error(`without a quorum the log went on from ${JSON.stringify(before)} to ${JSON.stringify(after)}`);
    if (s.traffic.acknowledged() === acknowledged) throw new Error('nobody was served during the partition');
}

const kinds = {
    'kill-server': async (s) => {
        const i = one(s);
        await moment(s, i);
        await killed(s, i);
        await goesOn(s, others(s, i)[0]);
        await s.fleet.members[i].start();
    },
    'kill-database': async (s) => {
        const i = one(s);
        await moment(s, i);
        await killed(s, i, { database: true, server: false });
        await goesOn(s, others(s, i)[0]);
    },
    'kill-both': async (s) => {
        const i = one(s);
        await moment(s, i);
        await killed(s, i, { database: true });
        await s.fleet.members[i].start();
    },
    /* Two of four: nothing can become final until they are back. */
    'kill-two': async (s) => {
        const i = one(s);
        const j = s.random.pick(others(s, i));
        await moment(s);
        await Promise.all([killed(s, i), killed(s, j)]);
        await wait(AWAY_MS);
        await Promise.all([i, j].map((k) => s.fleet.members[k].start()));
    },
    'kill-all': async (s) => {
        await moment(s);
        await Promise.all(s.fleet.members.map((_, i) => killed(s, i, { database: s.random.chance(0.5) })));
        await Promise.all(s.fleet.members.map((m) => m.start()));
    },
    /* One after the other, faster than anybody catches up. */
    'kill-around': async (s) => {
        for (const i of s.fleet.members.keys()) {
            await moment(s, i);
            await killed(s, i);
            await s.fleet.members[i].start();
        }
    },
    /* At an exact place: between what is durable and what relies on it. */
    'crash-point': async (s) => {
        const i = one(s);
        const m = s.fleet.members[i];
        const point = s.random.pick(POINTS);
        const hit = 1 + s.random.below(12);
        s.say(`${m.name} dies at ${point}, hit ${hit}`);
        await m.kill();
        m.env = { CAIRN_FP: `${point}:crash:${hit}` };
        await m.tryStart();
        m.env = {};
        await until(`the crash at ${point}`, CRASH_MS, () => m.child === null);
        await m.start();
    },
    'pause': async (s) => {
        const i = one(s);
        s.say(`SIGSTOP of ${s.fleet.members[i].name} for ${PAUSED_MS / 1000} s`);
        await moment(s, i);
        s.fleet.members[i].pause();
        const end = wait(PAUSED_MS);
        try {
            await goesOn(s, others(s, i)[0]);
        } finally {
            await end;
            s.fleet.members[i].resume();
        }
    },
    'split-even': async (s) => {
        const i = one(s);
        const j = s.random.pick(others(s, i));
        await moment(s);
        await split(s, [i, j], others(s, i, j));
    },
    'split-one': async (s) => {
        const i = one(s);
        await moment(s);
        await split(s, [i], others(s, i));
    },
    /* A partition, and a kill on the side that goes on: then that side stands still, too. */
    'split-and-kill': async (s) => {
        const i = one(s);
        const [j] = others(s, i);
        s.say(`partition ${i + 1} | the rest, then a kill among these`);
        s.network.partition([i + 1], others(s, i).map((k) => k + 1));
        await moment(s, j);
        await killed(s, j);
        await wait(AWAY_MS);
        s.network.heal();
        await s.fleet.members[j].start();
    },
    /* It is heard and does not hear. */
    'deaf': async (s) => {
        const i = one(s);
        s.say(`${s.fleet.members[i].name} hears nobody`);
        s.network.deaf(i + 1, others(s, i).map((k) => k + 1));
        await goesOn(s, others(s, i)[0]);
    },
    'links': async (s) => {
        const how = { delay: s.random.below(60), jitter: s.random.below(60), loss: s.random.below(150) };
        s.say(`links: ${how.delay} ms, up to ${how.jitter} ms more (so packets overtake), ${how.loss / 10} % lost`);
        for (const m of s.fleet.members) await s.network.degrade(m.number, { ...how, seed: s.random.below(1e9) });
        await goesOn(s, one(s));
        await wait(AWAY_MS);
    },
};

const NEEDS_NETWORK = ['split-even', 'split-one', 'split-and-kill', 'deaf', 'links'];
/* name -> { run, prepare, .. } */
export const NEMESES = new Map([
    ...Object.entries(kinds).map(([k, run]) => [k, { run, network: NEEDS_NETWORK.includes(k) }]),
    ...Object.entries(MACHINE)]);
/* root and network come together: without namespaces there is neither. */
export const possible = (network) => [...NEMESES.keys()].filter((k) => {
    const n = NEMESES.get(k);
    return (network.real || !(n.network || n.root)) && available(n);
});

/* Everything back as it was; whoever is not there is started. */
export async function heal(s) {
    s.network.heal();
    for (const m of s.fleet.members) {
        m.resume();
        m.env = {};
    }
    await Promise.all(s.fleet.members.filter((m) => !m.child).map((m) => m.start()));
}
