/* Compares openapi.yaml with the one route table (api/routes.c) both ways, and the error codes that the
 * operations name with server/base/err.def. Reads the C text, so that a row that nobody described and
 * a description that nobody serves are both found.
 * Usage: node routes.mjs [--routes FILE] [--spec FILE] */
import './node-version.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { Spec, errorRegistry, repository } from './spec.mjs';

const argument = (name) => {
    const at = process.argv.indexOf(name);
    return at < 0 ? undefined : process.argv[at + 1];
};

/* ---- the table in C ----------------------------------------------------------------------------- */
const withoutComments = (text) =>
    text.replace(/\/\*[\s\S]*?\*\//g, ' ').replace(/\/\/[^\n]*/g, ' ');

/* Numbers may be written as constants: #define NAME value, in these headers or the table's own file. */
const CONSTANT_FILES = [
    'server/vault/format.h',
    'server/statement/statement.h',
    'server/ledger/wire/wire.h',
    'server/ledger/log/witness.h',
    'api/http/http.h',
    'api/http/limits.h',
    'api/routes.h',
];

function constants(...texts) {
    const found = new Map();
    for (const text of texts.map(withoutComments)) {
        for (const m of text.matchAll(/^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([^\n]+)$/gm))
            found.set(m[1], m[2]);
        for (const m of text.matchAll(/\b([A-Z][A-Z0-9_]+)\s*=\s*([0-9][^,}\n]*)/g))
            found.set(m[1], m[2]);
    }
    return found;
}

function number(text, known, depth = 0) {
    if (depth > 8) throw new Error(`constant ${text} refers to itself`);
    /* suffixes go first, or "64u" would look like a word */
    const plain = text
        .trim()
        .replace(/\b(\d+)[uUlL]+\b/g, '$1')
        .replace(/\b[A-Za-z_]\w*\b/g, (word) => {
            if (!known.has(word)) throw new Error(`unknown constant ${word}`);
            return `(${number(known.get(word), known, depth + 1)})`;
        });
    if (!/^[\d\s()+*<-]+$/.test(plain)) throw new Error(`cannot read the number ${text}`);
    return Function(`"use strict"; return (${plain});`)();
}

export function readTable(text, extra = []) {
    const clean = withoutComments(text);
    const known = constants(...extra, clean);
    const start = clean.search(/\bapi_routes\s*\[[^\]]*\]\s*=\s*\{/);
    if (start < 0) throw new Error('there is no api_routes[] = { ... } here');
    const body = clean.slice(clean.indexOf('{', start) + 1, clean.indexOf('};', start));
    const rows = [];
    let seen = 0;
    for (const m of body.matchAll(/\{((?:"(?:[^"\\]|\\.)*"|[^{}"])*)\}/g)) {
        seen++;
        const cells = [...m[1].matchAll(/"((?:[^"\\]|\\.)*)"|([^,"]+)/g)]
            .map((c) => (c[1] !== undefined ? c[1] : c[2].trim()))
            .filter((c) => c !== '');
        if (cells.length < 11) throw new Error(`cannot read the row {${m[1]}}`);
        const [method, template, id, handler, who, bodyKind, bodyMax, deadline, , , query] = cells;
        rows.push({
            method: method.replace(/^M_/, ''),
            template,
            id,
            handler,
            who,
            body: bodyKind,
            bodyMax: number(bodyMax, known),
            deadline: number(deadline, known),
            query: query === 'NULL' ? '' : query.split(' ').sort().join(' '),
        });
    }
    if (seen === 0) throw new Error('api_routes[] has no rows');
    return rows;
}

/* ---- comparison ----------------------------------------------------------------------------------- */
const WHO = {
    anyone: 'WHO_ANYONE',
    'signed-in': 'WHO_SIGNED_IN',
    patient: 'WHO_PATIENT',
    sponsor: 'WHO_SPONSOR',
    reviewer: 'WHO_REVIEWER',
    operator: 'WHO_OPERATOR',
    peer: 'WHO_PEER',
};
const BODY = {
    'application/json': 'BODY_JSON',
    'application/octet-stream': 'BODY_FILE',
    'text/plain': 'BODY_TEXT',
    'application/vnd.cairn.frames': 'BODY_FRAMES',
    null: 'BODY_NONE',
};

export const queryOf = (o) =>
    o.parameters
        .filter((p) => p.in === 'query')
        .map((p) => p.name)
        .sort()
        .join(' ');

export function compare(spec, rows) {
    const found = [];
    const byId = new Map();
    for (const row of rows) {
        if (byId.has(row.id)) found.push(`${row.id}: two rows in the table`);
        byId.set(row.id, row);
        if (!spec.byId.has(row.id)) found.push(`${row.id}: in the table, not in openapi.yaml`);
    }
    for (const o of spec.all) {
        const row = byId.get(o.id);
        if (!row) {
            found.push(`${o.id}: in openapi.yaml, not in the table`);
            continue;
        }
        const pairs = [
            ['method', row.method, o.method],
            ['template', row.template, o.template],
            ['who', row.who, WHO[o.who]],
            ['body kind', row.body, BODY[o.bodyType]],
            ['body limit', row.bodyMax, o.bodyMax],
            ['deadline', row.deadline, o.deadline],
            ['query', row.query, queryOf(o)],
        ];
        for (const [what, table, described] of pairs)
            if (table !== described)
                found.push(
                    `${o.id}: ${what} is ${table} in the table and ${described} in openapi.yaml`,
                );
    }
    return found;
}

/* Codes with no operation of their own: no route matched, or the client's side uses them. */
const NOT_OF_AN_OPERATION = new Set([
    'route.unknown',
    'route.method',
    'receipt.pending',
    'timeline.chronology',
    'peer.stale',
    'peer.replayed',
]);

export function compareCodes(spec, registry) {
    const found = [];
    const used = new Set(NOT_OF_AN_OPERATION);
    for (const o of spec.all) {
        const byStatus = new Map();
        for (const code of o.codes) {
            used.add(code);
            const known = registry.get(code);
            if (!known?.http) {
                found.push(`${o.id}: x-codes names ${code}, which err.def does not send`);
                continue;
            }
            byStatus.set(known.status, [...(byStatus.get(known.status) ?? []), code]);
        }
        for (const [status, list] of byStatus) {
            const text = o.raw.responses[status]?.description ?? '';
            const said = new Set(text.replace(/^Codes: |\.$/g, '').split(/,\s*/));
            if (!o.responses.has(status))
                found.push(`${o.id}: ${list} would be ${status}, which has no response`);
            else if (said.size !== list.length || list.some((c) => !said.has(c)))
                found.push(
                    `${o.id}: the description of ${status} does not name exactly ${list.join(', ')}`,
                );
        }
        for (const status of o.responses.keys())
            if (status >= 400 && !byStatus.has(status))
                found.push(`${o.id}: ${status} has no code in x-codes`);
    }
    for (const [code, { http }] of registry)
        if (http && !used.has(code)) found.push(`${code}: in err.def, but no operation names it`);
    return found;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const spec = new Spec(argument('--spec'));
    const read = (file) => (fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '');
    const table = argument('--routes') ?? path.join(repository, 'api/routes.c');
    const extra = CONSTANT_FILES.map((f) => read(path.join(repository, f)));
    let found;
    try {
        found = compare(spec, readTable(fs.readFileSync(table, 'utf8'), extra));
    } catch (e) {
        found = [`${table}: ${e.message}`];
    }
    found.push(...compareCodes(spec, errorRegistry()));
    for (const line of found) console.log(`routes: ${line}`);
    console.log(`routes: ${spec.all.length} operations, ${found.length} differences`);
    process.exit(found.length === 0 ? 0 : 1);
}
