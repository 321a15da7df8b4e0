/* Negative controls: a mock server without a bug must pass, and each planted bug must be caught by the
 * checks that are meant to catch it. Also: the route comparison finds planted differences, and an
 * example that breaks its schema is seen. Usage: node selftest.mjs */
import './node-version.mjs';
import { fuzz } from './fuzz.mjs';
import { mainjob } from './mainjob.mjs';
import { matrix } from './matrix.mjs';
import { Mock } from './mock.mjs';
import { compare, queryOf, compareCodes, readTable } from './routes.mjs';
import { Spec, errorRegistry } from './spec.mjs';

/* bug -> which check must see it, on which operations, in which words */
const BUGS = [
    ['crash', 'fuzz', ['createPayout'], /500|could not go on/],
    ['teapot', 'fuzz', ['getPayout'], /status 418 is not documented/],
    ['schema', 'fuzz', ['getWallet'], /breaks its schema/],
    ['unknown-field', 'fuzz', ['fundBounty'], /broken request was accepted/],
    ['signature', 'fuzz', ['createDeposit'], /broken request was accepted/],
    ['duplicate', 'fuzz', ['createDeposit'], /broken request was accepted/],
    ['float', 'fuzz', ['createDeposit'], /broken request was accepted/],
    ['idempotency', 'fuzz', ['createDeposit'], /replay|right request was refused|accepted/],
    ['if-match', 'fuzz', ['closeBounty'], /broken request was accepted/],
    ['chunked', 'fuzz', ['createDeposit'], /broken request was accepted/],
    ['no-request-id', 'fuzz', ['healthLive'], /X-Request-Id is missing/],
    ['problem-type', 'fuzz', ['getBounty'], /Content-Type/],
    ['cursor', 'fuzz', ['listReceipts'], /broken request was accepted/],
    ['link', 'fuzz', ['listReviews', 'listReceipts'], /Link loses limit/],
    ['books', 'fuzz', ['healthLive'], /cairn_books_sum_minor is 1/],
    ['foreign-404', 'matrix', [], /foreign and absent differ/],
    ['foreign-read', 'matrix', [], /getRecordVersion as patient-other: unexpected 200/],
    ['no-role-check', 'matrix', [], /attestRole as .*unexpected 201/],
    ['leaky-list', 'matrix', [], /listRecords as .*also in the list/],
    ['schema', 'mainjob', [], /getWallet.*breaks its schema/],
];
const REQUESTS = 400;

async function withMock(bug, check, only) {
    const mock = new Mock(bug);
    const silent = console.error;
    console.error = bug === 'crash' ? () => {} : silent; /* the mock prints its planted crash */
    try {
        const base = await mock.start();
        const setup = { operator_root: mock.operator.root.toString('hex') };
        if (check === 'matrix') return (await matrix(base, setup)).failures;
        if (check === 'mainjob') return (await mainjob(base, setup.operator_root)).wrong;
        const fuzzer = await fuzz(base, setup, {
            requests: only?.length ? REQUESTS : 2000,
            seed: 7,
            only: only?.length ? only : undefined,
        });
        return fuzzer.findings.map((f) => `${f.operation}: ${f.plan.name}: ${f.found.join('; ')}`);
    } finally {
        console.error = silent;
        mock.stop();
    }
}

/* A C table that agrees with the description, made from it. */
function tableOf(spec) {
    const who = (o) => `WHO_${o.who.toUpperCase().replace('-', '_')}`;
    const kind = {
        'application/json': 'BODY_JSON',
        'application/octet-stream': 'BODY_FILE',
        'text/plain': 'BODY_TEXT',
        'application/vnd.cairn.frames': 'BODY_FRAMES',
        null: 'BODY_NONE',
    };
    const rows = spec.all.map(
        (o) =>
            `    { M_${o.method}, "${o.template}", "${o.id}", api_${o.id}, ${who(o)},\n` +
            `      ${kind[o.bodyType]}, ${o.bodyMax === 65536 ? 'JSON_MAX' : o.bodyMax}, ${o.deadline}, ` +
            `false, false, ${queryOf(o) ? `"${queryOf(o)}"` : 'NULL'} }, /* { */`,
    );
    return `#define JSON_MAX (64u << 10) /* bytes */\nconst struct route api_routes[] = {\n${rows.join('\n')}\n};\n`;
}
const ROUTE_CHANGES = [
    [
        'a row is missing',
        (t) => t.replace(/ {4}\{ M_GET, "\/v1\/wallet",[^}]*\},/, ''),
        /getWallet: in openapi.yaml, not in the table/,
    ],
    [
        'a row is too many',
        (t) =>
            t.replace(
                '{ M_GET, "/health/live"',
                '{ M_GET, "/x", "x", api_x, WHO_ANYONE, BODY_NONE, 0, 5000, false, false, NULL },\n' +
                    '{ M_GET, "/health/live"',
            ),
        /x: in the table, not/,
    ],
    ['another method', (t) => t.replace('M_DELETE', 'M_POST'), /deleteSession: method/],
    ['another role', (t) => t.replace('WHO_OPERATOR', 'WHO_ANYONE'), /sayChange: who/],
    [
        'another template',
        (t) => t.replace('/v1/payouts/{payout}', '/v1/payouts/{id}'),
        /getPayout: template/,
    ],
    ['another limit', (t) => t.replace('(64u << 10)', '(63u << 10)'), /body limit/],
    [
        'another query',
        (t) => t.replace('"cursor limit phase"', '"limit"'),
        /listReviews: query/,
    ],
    ['another body kind', (t) => t.replace('BODY_FILE', 'BODY_JSON'), /body kind/],
];

let passed = 0,
    failed = 0;
function result(right, name, shown = []) {
    console.log(`${right ? 'ok' : 'NOT OK'} - ${name}`);
    if (!right) for (const line of shown.slice(0, 5)) console.log(`    ${line}`);
    if (right) passed++;
    else failed++;
}

const spec = new Spec();
const registry = errorRegistry();
const clean = compare(spec, readTable(tableOf(spec)));
result(clean.length === 0, 'a table made from the description agrees with it', clean);
for (const [name, change, words] of ROUTE_CHANGES) {
    const found = compare(spec, readTable(change(tableOf(spec))));
    result(
        found.some((f) => words.test(f)),
        `routes: ${name} is found`,
        found,
    );
}
const fewer = new Map([...registry].filter(([code]) => code !== 'books.insufficient'));
result(
    compareCodes(spec, fewer).some((f) => /books.insufficient/.test(f)),
    'routes: a code that err.def lacks is found',
);
const more = new Map([...registry, ['new.code', { status: 409, title: 'x', http: true }]]);
result(
    compareCodes(spec, more).some((f) => /new.code/.test(f)),
    'routes: a code that no operation names is found',
);

for (const check of ['fuzz', 'matrix', 'mainjob']) {
    const found = await withMock(null, check);
    result(found.length === 0, `${check}: the mock without a bug passes`, found);
}
for (const [bug, check, only, words] of BUGS) {
    const found = await withMock(bug, check, only);
    result(
        found.some((f) => words.test(f)),
        `${check}: the planted bug "${bug}" is caught`,
        found.length ? found : ['nothing was found'],
    );
}
console.log(`selftest: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
