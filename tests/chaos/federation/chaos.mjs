/* Four members under faults and load, cycle by cycle: load, one fault, heal, quiet, checker (docs/chaos.md).
 * Usage: chaos.mjs [--cycles N] [--seed S] [--kinds A,B,..] [--era N] [--control] [--doctored]
 *   --kinds    the faults in this order, instead of those that the seed draws
 *   --era      cycles until a new federation is founded (default: all)
 *   --doctored after the last cycle of an era, the checker must find what is changed behind its back
 *   --control  a server with a planted fault: nothing is kept when it is found */
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../member.mjs';
import { Random } from '../random.mjs';
import { runCheck } from '../report.mjs';
import { FederationChecker } from './checker.mjs';
import { controls } from './controls.mjs';
import { Fleet } from './fleet.mjs';
import { NEMESES, heal, possible } from './nemeses.mjs';
import { Network, enter } from './network.mjs';
import { Traffic } from './traffic.mjs';

const MEMBERS = 4;
const BEFORE_REQUESTS = 20;
const SAMPLE_MS = 250;
const { values: options } = parseArgs({ options: { cycles: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 1000000) }, kinds: { type: 'string' },
    era: { type: 'string', default: '1000' }, control: { type: 'boolean', default: false },
    doctored: { type: 'boolean', default: false } } });

/* First a kill and a partition, then each kind once before any comes again. */
function schedule(network, random, n) {
    if (options.kinds) return options.kinds.split(',');
    const all = possible(network);
    const list = ['kill', 'split'].map((kind) => random.pick(all.filter((k) => k.startsWith(kind)))).filter((k) => k);
    for (let left = all.filter((k) => !list.includes(k)); list.length < n;) {
        if (left.length === 0) left = [...all];
        list.push(left.splice(random.below(left.length), 1)[0]);
    }
    return list.slice(0, n);
}

class Era {
    constructor(report, random, network, first) {
        Object.assign(this, { report, random, network, first, since: undefined });
        this.fleet = new Fleet(network);
    }
    say(what) { this.report.note(what); }
    async begin(kinds) {
        this.disks = {};
        for (const kind of new Set(kinds)) await NEMESES.get(kind).prepare?.(this);
        this.fleet.found();
        await this.fleet.start();
        this.traffic = new Traffic(this.fleet, Number(options.seed) + this.first, options.control);
        await this.traffic.setUp();
    }
    async cycle(number, kind) {
        const sampler = setInterval(() => this.fleet.sample(), SAMPLE_MS);
        const begun = Date.now();
        const findings = [];
        let healed = begun, quiet = begun;
        this.traffic.start();
        try {
            await this.traffic.more(BEFORE_REQUESTS);
            for (const h of this.traffic.homes) h.api.lenient = options.control || (NEMESES.get(kind).lenient ?? false);
            await NEMESES.get(kind).run(this);
        } catch (e) {
            findings.push(`during ${kind}: ${e.message}`);
        }
        try {
            await heal(this);
            healed = Date.now();
            await this.traffic.more(BEFORE_REQUESTS);
            await this.traffic.stop();
            await this.fleet.quiet();
            quiet = Date.now();
            clearInterval(sampler);
            await this.check(findings, this.since);
        } catch (e) {
            findings.push(`after ${kind}: ${e.stack}`);
        }
        clearInterval(sampler);
        findings.push(...this.traffic.errors.splice(0));
        const seconds = (from, to) => ((to - from) / 1000).toFixed(1);
        return this.report.check(findings.length === 0,
            `cycle ${number}: ${kind} (fault ${seconds(begun, healed)} s, ` +
            `quiet after ${seconds(healed, quiet)} s, checked in ${seconds(quiet, Date.now())} s)`, findings);
    }
    async check(findings, since) {
        const checker = new FederationChecker(this.fleet, this.traffic, since);
        findings.push(...await checker.run());
        this.since = checker.next;
        this.checker = checker;
        for (const i of this.fleet.members.keys())
            if (!(await this.fleet.state(i)).votes)
                findings.push(`member ${i + 1} has stopped voting`);
    }
    /* Once more everything that was ever acknowledged here, then an orderly end. */
    async end() {
        const findings = [];
        await this.check(findings, undefined);
        this.say(`checked ${JSON.stringify(this.checker.counts)}`);
        const o = this.traffic.outcomes();
        const history = this.traffic.homes.map((h) => h.api.history);
        this.say(`${this.traffic.calls.length} calls: ${o.ok} ok, ${o.fail} refused, ${o.unknown} unknown ` +
            `at the end; ${history.reduce((n, h) => n + h.unanswered, 0)} attempts unanswered, slowest answer ` +
            `${Math.max(...history.map((h) => h.slowest))} ms`);
        this.report.check(findings.length === 0,
            `all ${this.traffic.acknowledged()} acknowledged requests of this federation`, findings);
        if (options.doctored && findings.length === 0)
            await controls(this.report, this.checker, () => new FederationChecker(this.fleet, this.traffic));
        const ends = await this.fleet.stop();
        const bad = ends.filter((e) => e.code !== 0).map((e) => JSON.stringify(e));
        return this.report.check(bad.length === 0, 'SIGTERM: every member ends with status 0', bad);
    }
    /* What a failed run leaves: the calls, the checkpoints that were seen, logs and databases. */
    keep() {
        const lines = this.traffic?.calls.map((c) => JSON.stringify(c)) ?? [];
        writeFileSync(join(this.fleet.folder, 'calls.jsonl'), lines.join('\n'));
        this.report.note(`kept: ${this.fleet.folder} (calls.jsonl, logs, databases)`);
    }
    remove() {
        for (const disk of Object.values(this.disks)) disk.end();
        rmSync(this.fleet.folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
    }
}

async function era(report, random, network, kinds, first) {
    const e = new Era(report, random, network, first);
    let right = true;
    try {
        await e.begin(kinds);
        for (const [i, kind] of kinds.entries()) {
            right = await e.cycle(first + i, kind) && right;
            if (!right) break; // what comes after tells nothing new
        }
        if (right) right = await e.end();
    } catch (error) {
        right = report.check(false, `could not go on: ${error.stack}`);
    }
    if (!right) await e.fleet.stop();
    if (right || options.control) e.remove();
    else e.keep();
    return right;
}

await enter();
await runCheck(async (report) => {
    const random = new Random(options.seed);
    const network = new Network(MEMBERS, join(ROOT, 'build/plain/tests/chaos/federation/links'));
    if (!network.real) report.skip('no network namespaces (not root, or the kernel has none): faults of the network');
    const length = Number(options.era);
    const kinds = schedule(network, random, Number(options.cycles));
    report.note(`seed ${options.seed}: ${kinds.join(' ')}`);
    for (let at = 0, right = true; at < kinds.length && right; at += length)
        right = await era(report, random, network, kinds.slice(at, at + length), at + 1);
    network.end();
});
