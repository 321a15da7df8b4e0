// All figures of `make bench` in one run, each beside its peer; docs/benchmarks.md says what they mean.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { growth } from './growth.mjs';
import { idle } from './idle.mjs';
import { LEDGER_PARTS, ledger } from './ledger.mjs';
import { reads } from './reads.mjs';
import { Report } from './report.mjs';
import { Server } from './server.mjs';
import { fdatasyncRate, progress, ROOT, run, tool } from './tools.mjs';
import { writes } from './writes.mjs';

const { values: options } = parseArgs({ options: {
    json: { type: 'boolean', default: false },
    rounds: { type: 'string', default: '5' },
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: process.env.LEDGER_ONLY ? 'ledger' : 'reads,writes,vault,idle,growth,ledger' },
} });
// "ledger" stands for all parts of the joint ledger.
const parts = options.only.split(',').flatMap((p) => p === 'ledger' ? LEDGER_PARTS : [p]);
const rounds = Number(options.rounds);
const seconds = 2;

async function vault(report) {
    const got = new Map();
    for (let round = 0; round < rounds; round++) {
        progress(`vault: round ${round + 1} of ${rounds}`);
        for (const line of (await run(tool('bench_vault'), ['50'])).trim().split('\n')) {
            const { bench, value } = JSON.parse(line);
            got.set(bench, [...got.get(bench) ?? [], { per_second: value }]);
        }
    }
    for (const [what, name] of [['vault seal', 'vault_seal'], ['vault open', 'vault_open']])
        report.pair({ group: 'vault', what, unit: ' MiB/s', peer: "libsodium's secretstream alone",
            cairn: got.get(name), other: got.get('bare_secretstream_push') });
}

const report = new Report();
const begun = Date.now();
if (parts.includes('vault'))
    await vault(report);
if (parts.some((p) => ['reads', 'writes', 'idle'].includes(p))) {
    progress('a member with people and bounties');
    // pgbench with 64 clients needs as many connections, beside those of cairnd.
    const server = await Server.make('max_connections = 200\n');
    await server.populate({ patients: 1500, sponsors: 64, bounties: 50 });
    const disk = fdatasyncRate(server.folder);
    report.figure({ group: 'disk', what: 'fdatasync of one page', unit: '/s', value: disk.per_second });
    if (parts.includes('reads'))
        await reads(server, report, { rounds, seconds });
    if (parts.includes('idle'))
        await idle(server, report);
    if (parts.includes('writes'))
        await writes(server, report, { rounds, seconds });
    await server.remove();
}
if (parts.includes('growth'))
    await growth(report);
await ledger(report, { rounds, parts, quick: options.quick });
progress('');
report.figure({ group: 'this run', what: 'time it took', unit: 's', value: (Date.now() - begun) / 1000, most: 1800 });

const folder = path.join(ROOT, 'build/bench');
mkdirSync(folder, { recursive: true });
const json = `${JSON.stringify({ at: new Date(begun).toISOString(), rounds, rows: report.rows }, null, 1)}\n`;
writeFileSync(path.join(folder, 'result.json'), json);
writeFileSync(path.join(folder, 'table.txt'), report.table());
process.stdout.write(options.json ? json : report.table());
for (const row of report.rows.filter((r) => r.ok === false))
    console.error(`note: short of its goal: ${row.what}`);
