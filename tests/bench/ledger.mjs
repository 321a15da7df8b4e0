// The figures of the joint ledger; docs/benchmarks.md says what they mean and what bounds them.
import { mkdtempSync } from 'node:fs';
import { anchors, sizes } from './ledger_anchors.mjs';
import { delay } from './ledger_delay.mjs';
import { catchUp, dead } from './ledger_faults.mjs';
import { Federation } from './ledger_federation.mjs';
import { finality } from './ledger_finality.mjs';
import { folders } from './server.mjs';
import { fdatasyncRate, progress, run, tool } from './tools.mjs';

export const LEDGER_PARTS = ['proofs', 'finality', 'dead', 'anchors', 'catch-up', 'delay', 'sizes'];
const T0 = 500;
const PROOF_ENTRIES = 1e7;

async function proofs(report, { rounds, quick }) {
    const entries = quick ? PROOF_ENTRIES / 100 : PROOF_ENTRIES;
    const folder = mkdtempSync('/var/tmp/cairn-bench.');
    folders.add(folder);
    const got = [];
    for (let i = 0; i < rounds; i++) {
        progress(`proofs from tiles: round ${i + 1} of ${rounds}`);
        got.push(JSON.parse(await run(tool('ledger_proof'), [folder, String(entries)])));
    }
    const group = `inclusion proof from tiles, ${entries.toLocaleString('en-US')} entries`;
    const row = (what, field, most) => report.figure({ group, what, unit: 'us', most,
        values: got.map((r) => r[field]), note: `reads ${got[0].tiles} tiles` });
    row('p50', 'p50_us', 5000);
    row('p99', 'p99_us', 5000);
}

// Those of the wanted parts that take place among the same four members.
async function four(report, { parts, ...how }) {
    progress('four members');
    const federation = await Federation.make(4, { t0: T0 });
    const disk = fdatasyncRate(federation.folder);
    report.figure({ group: 'disk, before the joint ledger', what: 'fdatasync of one page', unit: '/s',
        value: disk.per_second, note: `p50 ${disk.p50_us / 1000} ms` });
    if (parts.includes('finality'))
        await finality(federation, report, how);
    if (parts.includes('dead'))
        await dead(federation, report, { ...how, t0: T0 });
    if (parts.includes('anchors'))
        await anchors(federation, report, how);
    await federation.remove();
}

// quick: a small part of each, to see that it works; its figures mean little.
export async function ledger(report, { parts, ...how }) {
    if (parts.includes('proofs'))
        await proofs(report, how);
    if (['finality', 'dead', 'anchors'].some((p) => parts.includes(p)))
        await four(report, { parts, ...how });
    if (parts.includes('catch-up'))
        await catchUp(report, how);
    if (parts.includes('delay'))
        await delay(report, how);
    if (parts.includes('sizes'))
        await sizes(report, how);
}
