// What was measured: rows for people, and the same as JSON with every round.
import { median, noise } from './tools.mjs';

function round3(n) {
    return Number(n.toPrecision(4));
}

function number(n) {
    return n >= 1000 ? Math.round(n).toLocaleString('en-US') : String(Number(n.toPrecision(3)));
}

export class Report {
    rows = [];

    /* Rounds of ours and of a peer's, each { per_second, p50_us?, p99_us?, ... }. The ratio is the median of the
     * rounds' own ratios, since what disturbs a round disturbs both halves of it. goal: the ratio to hold. */
    pair({ group, what, unit, peer, goal, cairn, other }) {
        const of = (rounds, field) => rounds.map((r) => r[field]).filter((v) => v !== undefined);
        const all = (rounds) => Object.fromEntries(Object.keys(rounds[0])
            .filter((k) => typeof rounds[0][k] === 'number').map((k) => [k, round3(median(of(rounds, k)))]));
        const ratio = median(cairn.map((r, i) => r.per_second / other[i].per_second));
        this.rows.push({ group, what, unit, peer, goal, cairn: all(cairn), other: all(other), ratio: round3(ratio),
            noise: round3(Math.max(noise(of(cairn, 'per_second')), noise(of(other, 'per_second')))),
            ok: goal === undefined ? undefined : ratio >= goal,
            rounds: { cairn: of(cairn, 'per_second').map(round3), other: of(other, 'per_second').map(round3) } });
    }

    // One figure, or the median of several rounds' values; most or least is the goal.
    figure({ group, what, unit, values, value = median(values), most, least, note }) {
        const ok = most === undefined && least === undefined ? undefined
            : (most === undefined || value <= most) && (least === undefined || value >= least);
        this.rows.push({ group, what, unit, value: round3(value), most, least, note, ok,
            noise: values?.length > 1 ? round3(noise(values)) : undefined, rounds: values?.map(round3) });
    }

    table() {
        const lines = [];
        let group = '';
        for (const r of this.rows) {
            if (r.group !== group)
                lines.push('', r.group);
            group = r.group;
            lines.push(r.ratio === undefined ? this.#figureLine(r) : this.#pairLine(r));
        }
        return `${lines.slice(1).join('\n')}\n`;
    }

    #figureLine(r) {
        const goal = r.most !== undefined ? `<= ${number(r.most)} ${r.unit}`
            : r.least !== undefined ? `>= ${number(r.least)} ${r.unit}` : '';
        const judged = r.ok === undefined ? '' : r.ok ? `  holds ${goal}` : `  SHORT OF ${goal}`;
        return `  ${r.what.padEnd(66)} ${`${number(r.value)} ${r.unit}`.padStart(16)}${judged}`
            + `${r.note ? `  (${r.note})` : ''}`
            + `${r.noise === undefined ? '' : `  noise +-${Math.round(50 * r.noise)} %`}`;
    }

    #pairLine(r) {
        const judged = r.goal === undefined ? '' : `  ${r.ok ? 'holds' : 'SHORT OF'} >= ${100 * r.goal} %`;
        const c = r.cairn;
        const time = c.p50_us === undefined ? '' : `  p50 ${number(c.p50_us / 1000)} p99 ${number(c.p99_us / 1000)} ms`;
        const cpu = c.server_us === undefined ? '' : c.database_us === undefined
            ? `; CPU us each ${number(c.server_us)}, peer ${number(r.other.server_us)}`
            : `; CPU us each ${number(c.server_us)} + ${number(c.database_us)} database,`
              + ` peer ${number(r.other.database_us)}; generator ${Math.round(100 * c.cpu_share)} %`;
        return `  ${r.what.padEnd(66)} ${`${number(c.per_second)}${r.unit}`.padStart(16)}`
            + ` = ${String(Math.round(100 * r.ratio)).padStart(4)} % of ${number(r.other.per_second)}`
            + ` (${r.peer})${judged}`
            + `\n      ${time}${cpu}; noise +-${Math.round(50 * r.noise)} %`;
    }
}
