// The yardstick for writes: a pgbench script with the statements that one write makes, taken from the
// server's own log of statements. Values that must be new, and the rows that a write touches, become
// expressions of pgbench's variables; all others stay as they were.
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';

// Group commit's own: with one write to a transaction, as pgbench does it, they would be wasted.
const LEFT_OUT = ['tx_turn', 'tx_savepoint', 'tx_release'];
const UUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

function readLog(server) {
    const folder = path.join(server.data, 'pg/log');
    return readdirSync(folder).sort().map((name) => readFileSync(path.join(folder, name), 'utf8')).join('');
}

// "$1 = 'it''s', $2 = NULL" -> ["it's", null]
function parameters(text) {
    return [...text.matchAll(/\$\d+ = (?:NULL|'((?:[^']|'')*)')/g)].map((m) => m[1]?.replaceAll("''", "'") ?? null);
}

// The statements of the one transaction of the writer in this piece of the log.
function transaction(log) {
    const sessions = new Map();
    for (const line of log.split('\n')) {
        const m = /^\S+ \S+ \S+ \[(\d+)\] (LOG|DETAIL): {2}(.*)$/.exec(line);
        if (!m)
            continue;
        const steps = sessions.get(m[1]) ?? sessions.set(m[1], []).get(m[1]);
        const execute = m[2] === 'LOG' && /^execute (\w+): (.*)$/.exec(m[3]);
        if (execute)
            steps.push({ name: execute[1], sql: execute[2], values: [] });
        else if (m[2] === 'DETAIL' && m[3].startsWith('parameters: ') && steps.length > 0)
            steps.at(-1).values = parameters(m[3].slice(12));
    }
    for (const steps of sessions.values()) {
        const from = steps.findIndex((s) => s.name === 'tx_begin' && steps.some((t) => t.name === 'idem_put'));
        if (from >= 0)
            return steps.slice(from, steps.findIndex((s) => s.name === 'tx_commit') + 1);
    }
    throw new Error('the log of statements holds no write');
}

// Runs one write while PostgreSQL logs every statement with its values.
export async function capture(server, write) {
    await server.sql("ALTER SYSTEM SET log_statement = 'all'; ALTER SYSTEM SET log_error_verbosity = 'default';"
        + " ALTER SYSTEM SET log_parameter_max_length = -1;");
    await server.sql('SELECT pg_reload_conf()');
    const before = readLog(server).length;
    await write();
    await server.sql('ALTER SYSTEM RESET ALL');
    await server.sql('SELECT pg_reload_conf()');
    return transaction(readLog(server).slice(before));
}

// Literals for pgbench: a colon before a letter would be a variable.
function literal(text) {
    const quoted = text.replaceAll("'", "''");
    return /:[A-Za-z_]/.test(text) ? `U&'${quoted.replaceAll('\\', '\\\\').replaceAll(':', '\\003A')}'` : `'${quoted}'`;
}

// Text with some parts replaced by SQL expressions of type text.
function withParts(text, parts) {
    const found = [...text.matchAll(UUID)].filter((m) => parts.has(m[0]));
    if (found.length === 0)
        return literal(text);
    const pieces = [];
    let at = 0;
    for (const m of found) {
        if (m.index > at)
            pieces.push(literal(text.slice(at, m.index)));
        pieces.push(parts.get(m[0]));
        at = m.index + 36;
    }
    if (at < text.length)
        pieces.push(literal(text.slice(at)));
    return `(${pieces.join(' || ')})`;
}

const numbered = (space, variable) =>
    `('${space.toString(16).padStart(8, '0')}-0000-7000-8000-' || lpad(to_hex(:${variable}::bigint), 12, '0'))`;

// Rows of the copy that stand for people and bounties: number i has the id of numbered(SPACE, i).
export const SPACE = { account: 0xa, bounty: 0xb, available: 0xc, reserved: 0xd, wallet: 0xe, fresh: 0x10 };

/* steps: from capture(). roles: what known ids of the write stand for, as Map id -> expression. known: ids
 * that exist and stay. bytes: Map of hexadecimal bytes -> expression. idem: the write's key. */
export function script(steps, { roles, known, bytes, idem }) {
    const parts = new Map(roles);
    const lines = [];
    for (const step of steps.filter((s) => !LEFT_OUT.includes(s.name))) {
        for (const value of step.values)
            for (const [id] of value?.startsWith('\\x') ? [] : value?.matchAll(UUID) ?? [])
                if (!parts.has(id) && !known.has(id) && step.name !== 'idem_put')
                    parts.set(id, numbered(SPACE.fresh + parts.size, 'n'));
        const text = (value) => {
            if (value === null)
                return 'NULL';
            if (value === idem)
                return "('k' || :n)";
            return bytes.get(value) ?? (step.name === 'idem_put' && value.startsWith('{') ? literal(value)
                : withParts(value, parts));
        };
        lines.push(`${step.sql.replace(/\$(\d+)/g, (_, k) => text(step.values[Number(k) - 1]))};`);
    }
    return lines;
}

// variables: lines that set n (new for each write), p (person) and b (bounty). times: writes to a transaction.
export function scriptFile(lines, { people, bounties, times = 1 }) {
    const variables = ['\\set i :i + 1', '\\set n :base + :client_id * 1000000 + :i', `\\set p :n % ${people}`,
        `\\set b (:n / ${people}) % ${bounties}`];
    const body = lines.slice(1, -1);
    const all = [lines[0]];
    for (let i = 0; i < times; i++)
        all.push(...variables, ...body);
    return `${[...all, lines.at(-1)].join('\n')}\n`;
}

export { numbered };
