/* Every failpoint of the server: the piece of work that reaches it, an error there, a crash there, a
 * restart, the checker. The names come from the source, so that a new one is tried without being listed,
 * and one that the workload never reaches fails.
 * Usage: failpoints.mjs [--only NAME] [--long] [--seed S] */
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Checker } from './checker.mjs';
import { Load, newOperator, settle } from './load.mjs';
import { Member, ROOT } from './member.mjs';
import { Random } from './random.mjs';
import { runCheck } from './report.mjs';

const REACH_MS = 30000;
const CLIENTS = 6;
const { values: options } = parseArgs({ options: { only: { type: 'string' }, long: { type: 'boolean', default: false },
    seed: { type: 'string', default: '1' } } });

/* FP("name") in any source of the server; the definition itself uses no literal. Those of the courier are met
 * between members only: tests/e2e/members.mjs kills there. */
function names() {
    const found = new Set();
    for (const top of ['server', 'api'])
        for (const path of readdirSync(join(ROOT, top), { recursive: true }).filter((p) => p.endsWith('.c')))
            for (const m of readFileSync(join(ROOT, top, path), 'utf8').matchAll(/\bFP\("([^"]+)"\)/g)) found.add(m[1]);
    return [...found].filter((name) => !name.startsWith('courier_')).sort();
}

/* One life of the server with CAIRN_FP set, under load, until it dies of it. A crash armed behind the
 * error proves that the error was met. */
async function tryPoint(member, world, random, spec) {
    await member.stop();
    const first = await member.tryStart({ env: { CAIRN_FP: spec } });
    let dead = first.url ? null : first;
    if (first.url) {
        const load = new Load(world, random);
        let over = false;
        const work = load.run(CLIENTS, () => over).then(() => null, (e) => e);
        let timer;
        const late = new Promise((done) => { timer = setTimeout(() => done({ late: true }), REACH_MS); });
        dead = await Promise.race([member.ended, late, work.then((e) => ({ error: e }))]);
        clearTimeout(timer);
        over = true;
        if (!member.child) await member.start();
        const error = await work;
        if (error) return `a client met: ${error.message}`;
    } else {
        await member.start();
    }
    return dead.signal === 'SIGKILL' ? null : `it did not die there: ${JSON.stringify(dead)}`;
}

await runCheck(async (report) => {
    const random = new Random(options.seed);
    const all = names();
    const chosen = options.only ? all.filter((n) => n === options.only) : all;
    report.check(chosen.length > 0, `failpoints in the source: ${all.join(' ')}`);
    const operator = newOperator();
    const member = new Member(operator);
    await member.start();
    const world = await settle(member, operator);
    let since;
    for (const name of chosen) {
        const specs = [`${name}:error:2,${name}:crash:${3 + random.below(4)}`];
        if (options.long) specs.push(`${name}:crash:1`, `${name}:crash:2`, `${name}:crash:${3 + random.below(20)}`);
        for (const spec of specs) {
            const wrong = await tryPoint(member, world, random, spec);
            const checker = new Checker(member, world, since);
            const findings = await checker.run();
            since = checker.next;
            report.check(!wrong && findings.length === 0, spec, wrong ? [wrong, ...findings] : findings);
        }
    }
    const { history } = world.api;
    report.note(`${history.writes.length} POSTs and ${history.contents.length} uploads acknowledged, 5xx ` +
        `${JSON.stringify(Object.fromEntries(history.refusals))}`);
    await member.stop();
});
