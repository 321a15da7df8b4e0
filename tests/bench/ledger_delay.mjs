// Several heights in flight (seeds S1-1 and S1-2): what the window gains where a message takes 20 ms one way.
import net from 'node:net';
import { flood, openLoop } from './ledger_anchors.mjs';
import { Federation } from './ledger_federation.mjs';
import { freePort, median, progress } from './tools.mjs';

const DELAY_MS = 20;
const RATE = 2000;
const FLOOD = 100000;
const FLOOD_QUICK = 10000;
const WINDOWS = [1, 8];

// Passes on what it gets, each way so much later, in order.
async function slowLine(port, target) {
    const later = (from, to) => {
        from.on('data', (bytes) => setTimeout(() => to.writable && to.write(bytes), DELAY_MS));
        from.on('end', () => setTimeout(() => to.end(), DELAY_MS));
        from.on('error', () => to.destroy());
        from.setNoDelay(true);
    };
    const server = net.createServer((near) => {
        const far = net.connect(target, '127.0.0.1');
        later(near, far);
        later(far, near);
    });
    await new Promise((done) => server.listen(port, '127.0.0.1', done));
    return server;
}

async function open(federation) {
    const all = await Promise.all(federation.members.map((m) => m.metrics()));
    return Math.max(...all.map((m) => m.get('cairn_ledger_in_flight_max{chain="tx"}')));
}

export async function delay(report, { rounds, quick }) {
    const entries = quick ? FLOOD_QUICK : FLOOD;
    const got = new Map();
    for (const window of WINDOWS) {
        const lines = [];
        const federation = await Federation.make(4, { inFlight: window, reach: async (_, port) => {
            const at = await freePort();
            lines.push(await slowLine(at, port));
            return at;
        } });
        const rows = [];
        await openLoop(federation.members, RATE, 2); // to warm up
        for (let i = 0; i < rounds; i++) {
            progress(`${DELAY_MS} ms one way, window ${window}: round ${i + 1} of ${rounds}`);
            rows.push({ ...await openLoop(federation.members, RATE), flood: await flood(federation.members, entries) });
        }
        got.set(window, { rows, open: await open(federation) });
        await federation.remove();
        for (const line of lines)
            line.close();
    }
    const group = `${DELAY_MS} ms one way between 4 members`;
    for (const [window, { rows, open: seen }] of got) {
        const row = (what, unit, field) => report.figure({ group, what: `window ${window}: ${what}`, unit,
            values: rows.map((r) => r[field]) });
        report.figure({ group, what: `window ${window}: most heights open at once`, unit: '', value: seen });
        row(`${entries.toLocaleString('en-US')} at once: final at every member`, '/s', 'flood');
        row(`${RATE.toLocaleString('en-US')}/s offered: blocks`, '/s', 'blocks');
        row(`${RATE.toLocaleString('en-US')}/s offered: due until final, p50`, 'ms', 'p50');
        row(`${RATE.toLocaleString('en-US')}/s offered: due until final, p99`, 'ms', 'p99');
    }
    const [one, many] = WINDOWS.map((w) => got.get(w).rows);
    const gain = (what, ratio) => report.figure({ group, what: `gain of the window: ${what}`, unit: 'times',
        value: ratio });
    gain('entries a second', median(many.map((r) => r.flood)) / median(one.map((r) => r.flood)));
    gain('blocks a second', median(many.map((r) => r.blocks)) / median(one.map((r) => r.blocks)));
}
