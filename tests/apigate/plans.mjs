/* What the fuzzer sends: for an operation and a choice (two numbers and a piece of junk) one request and
 * what must come of it. expect is "accept" (2xx), "refuse" (4xx) or "any" (whatever is documented);
 * codes, if not null, are the codes that a refusal may carry. */
import './node-version.mjs';
import crypto from 'node:crypto';
import { Person, b64, newKey, nowText, sign } from './client.mjs';
import { CALLERS, people, verdictFor } from './callers.mjs';
import { SPELLINGS, brokenTexts, changed, changedBody, leaves } from './mutate.mjs';
import { operations } from './operations.mjs';

const pick = (list, n) => list[n % list.length];
const JSON_TYPE = 'application/json';
const FILE_TYPE = 'application/octet-stream';

/* A request of operations.mjs as method, path, headers and bytes. */
export function assemble(operation, r, { body, headers = {} } = {}) {
    const all = {};
    if (r.person?.token) all.Authorization = `Bearer ${r.person.token}`;
    if (operation.method === 'POST' && operation.id !== 'createSession')
        all['Idempotency-Key'] = newKey();
    if (r.ifMatch) all['If-Match'] = r.ifMatch;
    let bytes = body;
    if (operation.bodyType) {
        all['Content-Type'] = operation.bodyType;
        bytes ??= r.file ?? JSON.stringify(r.json);
    }
    Object.assign(all, headers);
    for (const name of Object.keys(all)) if (all[name] === undefined) delete all[name];
    const query = r.query ? `?${new URLSearchParams(r.query)}` : '';
    return { method: operation.method, path: r.path + query, headers: all, body: bytes };
}
const plan = (request, expect, name, more = {}) => ({
    request,
    expect,
    name,
    codes: null,
    ...more,
});

/* ---- right requests ------------------------------------------------------------------------------- */
const QUERIES = {
    listBounties: [{ disease: 'MONDO:0005388' }, { disease: 'MONDO:0000001' }],
    listReviews: [{ phase: 'commit' }, { phase: 'reveal' }, { phase: 'closed' }],
    getReceipt: [{ wait: '0' }, { wait: '1' }],
};
const isList = (operation) => operation.parameters.some((p) => p.name === 'cursor');

function valid(operation, r, choice) {
    const headers = {};
    const trace = crypto.randomBytes(16).toString('hex');
    const traced = pick(
        [
            null,
            `00-${trace}-00f067aa0ba902b7-01`,
            'nonsense',
            `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
        ],
        choice.a,
    );
    if (traced) headers.traceparent = traced;
    if (operation.bodyType === JSON_TYPE && choice.a % 5 === 1)
        headers['Content-Type'] = 'application/json; charset=utf-8';
    const query = isList(operation) ? pick([{}, { limit: '1' }, { limit: '100' }], choice.b) : {};
    const own = QUERIES[operation.id] ? pick([{}, ...QUERIES[operation.id]], choice.a) : {};
    if (Object.keys({ ...query, ...own }).length) r.query = { ...query, ...own };
    const body = r.json ? pick(SPELLINGS, choice.b)(r.json) : undefined;
    return plan(assemble(operation, r, { headers, body }), 'accept', 'a valid request', {
        requestId: traced?.startsWith(`00-${trace}`) ? trace : undefined,
    });
}

/* ---- broken bodies ---------------------------------------------------------------------------------- */
/* Signed again, so that the planted fault and not the signature is what is wrong. */
function signedAgain(r, body, pointer) {
    const s = body?.statement;
    if (!r.signKey || pointer[0] !== 'statement' || pointer[1] === 'signature') return body;
    return s && typeof s === 'object' && !Array.isArray(s)
        ? { ...body, statement: sign(s, r.signKey) }
        : body;
}
function value(operation, r, choice, { spec }) {
    const bad = changedBody(spec, operation, r.json, choice.a);
    const again = choice.b % 4 !== 3;
    const body = again ? signedAgain(r, bad.body, bad.pointer) : bad.body;
    return plan(
        assemble(operation, r, { body: JSON.stringify(body) }),
        'refuse',
        `${bad.name}${again ? '' : ' (old signature)'}`,
    );
}
/* Still as the schema wants it, but at a bound or otherwise unusual: may be refused for its meaning. */
function edge(operation, r, choice, { spec }) {
    let next = changedBody(spec, operation, r.json, choice.a, true);
    /* a reviewer whose keys we lack could be drawn for a seat */
    for (let k = 1; next.body.statement.role === 'reviewer'; k++)
        next = changedBody(spec, operation, r.json, choice.a + k, true);
    const body = signedAgain(r, next.body, next.pointer);
    return plan(assemble(operation, r, { body: JSON.stringify(body) }), 'any', next.name);
}
function junk(operation, r, choice, { spec }) {
    const pointer = pick(leaves(r.json), choice.a);
    const body = signedAgain(
        r,
        changed(r.json, pointer, () => choice.junk),
        pointer,
    );
    const wrong = spec.bodyProblem(operation, body) !== null;
    return plan(
        assemble(operation, r, { body: JSON.stringify(body) }),
        wrong ? 'refuse' : 'any',
        `/${pointer.join('/')} := ${JSON.stringify(choice.junk)?.slice(0, 80)}`,
    );
}
function text(operation, r, choice) {
    const broken = pick(brokenTexts(r.json), choice.a);
    return plan(assemble(operation, r, { body: broken.text() }), 'refuse', broken.name, {
        codes: broken.codes,
    });
}
function file(operation, r, choice) {
    const flip = Buffer.from(r.file);
    flip[choice.b % flip.length] ^= 1 << (choice.a % 8);
    const bodies = [
        flip,
        r.file.subarray(0, -1),
        Buffer.concat([r.file, Buffer.alloc(1)]),
        Buffer.alloc(0),
        Buffer.from('{}'),
        crypto.randomBytes(r.file.length),
        r.file.subarray(0, 148),
    ];
    return plan(
        assemble(operation, r, { body: pick(bodies, choice.a) }),
        'refuse',
        `file variant ${choice.a % bodies.length}`,
        { codes: ['vault.manifest_mismatch'], of: bodies.length },
    );
}

/* ---- broken statements ------------------------------------------------------------------------------- */
function resigned(r, changes) {
    return { ...r.json, statement: sign({ ...r.json.statement, ...changes }, r.signKey) };
}
function badSignatures(r) {
    const s = r.json.statement;
    const other = new Person();
    const bytes = Buffer.from(s.signature, 'base64');
    const flipped = (i) => {
        const b = Buffer.from(bytes);
        b[i] ^= 1;
        return b64(b);
    };
    const of = (text) => b64(crypto.sign(null, Buffer.from(text), r.signKey.secret));
    const { signature: _drop, ...bare } = s;
    return [
        flipped(0),
        flipped(31),
        flipped(32),
        flipped(63),
        b64(Buffer.alloc(64)),
        sign(s, other.identity).signature,
        of(JSON.stringify(bare, null, 1)),
        of('cairn-statement/1\n'),
        of(`cairn-session/1\n${JSON.stringify(bare)}`),
        sign({ ...s, time: nowText(-5) }, r.signKey).signature,
    ];
}
/* Anybody's key may register, and the server cannot know a patient's key toward a bounty beforehand. */
const ANY_SIGNER = new Set(['registerAccount', 'openSubmission']);

function statement(operation, r, choice) {
    const s = r.json.statement;
    const cases = badSignatures(r).map((signature, i) => [
        `signature variant ${i}`,
        { ...r.json, statement: { ...s, signature } },
        ['statement.signature'],
    ]);
    for (const seconds of [-1000, 1000, -40000000, 200000000])
        cases.push([
            `time off by ${seconds} s`,
            resigned(r, { time: nowText(seconds) }),
            ['statement.time'],
        ]);
    for (const kind of ['bounty.fund', 'account.register', 'round.decide', 'x'])
        if (kind !== s.kind)
            cases.push([`kind ${kind}`, resigned(r, { kind }), ['statement.kind']]);
    for (const signer of [
        b64(Buffer.alloc(32)),
        b64(Buffer.concat([Buffer.from([1]), Buffer.alloc(31)])),
        b64(Buffer.alloc(32, 255)),
    ])
        cases.push([
            'a signer that is no key',
            resigned(r, { signer }),
            ['statement.signature', 'statement.form'],
        ]);
    const other = new Person().identity;
    if (!ANY_SIGNER.has(operation.id))
        cases.push([
            "another's key",
            { ...r.json, statement: sign({ ...s, signer: b64(other.public) }, other) },
            ['statement.signer', 'object.not_found'],
        ]);
    const [name, body, codes] = pick(cases, choice.a);
    return plan(assemble(operation, r, { body: JSON.stringify(body) }), 'refuse', name, {
        codes,
        of: cases.length,
    });
}

/* ---- broken heads --------------------------------------------------------------------------------------- */
const IDEMPOTENCY = [
    undefined,
    'short',
    'x'.repeat(15),
    'x'.repeat(65),
    'has space in it 123',
    'not!allowed!chars!',
    '"quoted-key-0123456789"',
    '',
];
const IF_MATCH = [
    [undefined, ['precondition.missing']],
    ['"v999999"', ['precondition.stale']],
    ...[
        'v1',
        '*',
        'W/"v2"',
        '"v02"',
        '"v-1"',
        '"v99999999999999999999"',
        '"2"',
        '"v2", "v3"',
        '""',
    ].map((v) => [v, ['precondition.stale', 'precondition.missing']]),
];
const TYPES = [
    undefined,
    'text/plain',
    'application/xml',
    'application/x-www-form-urlencoded',
    'application/jsonx',
    'multipart/form-data; boundary=x',
    'json',
];

function head(operation, r, choice) {
    const token = r.person?.token;
    const cases = [];
    if (operation.who !== 'anyone') {
        cases.push([{ Authorization: undefined }, ['auth.missing']]);
        const last = token.endsWith('0') ? '1' : '0';
        for (const wrong of [
            `Bearer ${token.slice(0, -1)}${last}`,
            'Bearer x',
            `Bearer ${token}0`,
            `Basic ${b64('a:b')}`,
            token,
            'Bearer',
            `Bearer ${'x'.repeat(3000)}`,
        ])
            cases.push([{ Authorization: wrong }, ['auth.invalid', 'auth.missing']]);
    }
    if (operation.method === 'POST' && operation.id !== 'createSession')
        for (const key of IDEMPOTENCY)
            cases.push([{ 'Idempotency-Key': key }, ['idempotency.missing']]);
    if (r.ifMatch) for (const [tag, codes] of IF_MATCH) cases.push([{ 'If-Match': tag }, codes]);
    if (operation.bodyType)
        for (const type of [...TYPES, operation.bodyType === JSON_TYPE ? FILE_TYPE : JSON_TYPE])
            cases.push([{ 'Content-Type': type }, ['body.media_type']]);
    /* without need of a token a wrong one is refused or ignored, as the operation is served */
    const needless = operation.who === 'anyone' && (cases.length === 0 || choice.b % 5 === 0);
    if (needless)
        cases.splice(
            0,
            cases.length,
            ...['Bearer x', 'Basic eDp5', ''].map((v) => [{ Authorization: v }, null]),
        );
    const [headers, codes] = pick(cases, choice.a);
    return plan(
        assemble(operation, r, { headers }),
        needless ? 'any' : 'refuse',
        `header ${JSON.stringify(headers).slice(0, 90)}`,
        { codes, of: cases.length },
    );
}

const BAD_IDS = (good) => [
    'x',
    '0',
    good.toUpperCase(),
    good.replaceAll('-', ''),
    `${good}x`,
    good.slice(1),
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '%00',
    '%2e%2e',
    '..%2f..%2fetc',
    '%ff',
    '%',
    `${good}%20`,
    '%27%20or%201=1',
    'a'.repeat(300),
    'null',
    '*',
    `${good}%2f`,
];
const BAD_NUMBERS = [
    '0',
    '-1',
    '1.5',
    'x',
    '99999999999999999999',
    '2147483648',
    '01',
    '%2B1',
    '1%20',
    '2000000000',
];
const BAD_CHAINS = ['x', 'ACCOUNT', 'account%20', 'tx%00', '..'];
const BAD_TILES = [
    'x',
    '0',
    '0/1',
    '0/000.p/0',
    '0/000.p/257',
    '6/000',
    '5/999',
    '../checkpoint',
    'entries',
    'entries/',
    '0/x001/000.p/999',
    '0//000',
    '-1/000',
    '0/000.p/01',
    '%2e%2e/checkpoint',
];

/* One path parameter spoilt. A path that cannot be decoded may count as no path at all. */
function path(operation, r, choice) {
    const template = operation.template.split('/');
    const places = template.map((t, i) => (t.startsWith('{') ? i : -1)).filter((i) => i > 0);
    const segments = r.path.split('/');
    const listOf = (kind, good) =>
        ({ '{number}': BAD_NUMBERS, '{height}': BAD_NUMBERS, '{chain}': BAD_CHAINS, '{path...}': BAD_TILES })[kind] ??
        BAD_IDS(good);
    const cases = places.flatMap((p) => listOf(template[p], segments[p]).map((bad) => [p, bad]));
    const [place, bad] = pick(cases, choice.a);
    const kind = template[place];
    const spoilt =
        kind === '{path...}' ? [...segments.slice(0, place), bad] : segments.with(place, bad);
    return plan(
        assemble(operation, { ...r, path: spoilt.join('/') }),
        'refuse',
        `${kind} = ${bad}`,
        {
            of: cases.length,
            alsoCodes: ['route.unknown', 'route.method'],
            codes: [
                'object.not_found',
                'route.unknown',
                'route.method',
                'http.malformed',
                'auth.missing',
            ],
        },
    );
}

const NAMES = {
    cursor: ['', 'x', '%00', '-', 'AAAA', 'eyJ2IjoxfQ', 'a'.repeat(600), '../..', '%27'],
    limit: ['0', '101', '-1', '', 'x', '1.5', '1e1', '%201', '99999999999999999999', '0x10', '01'],
    disease: ['x', '', 'MONDO:1', 'MONDO:00053880', 'mondo:0005388', '%00'],
    phase: ['x', '', 'COMMIT', 'commit,reveal'],
    wait: ['-1', '21', 'x', '', '1.5', '99999999999999999999'],
};

/* A query spoilt. Parameters that an operation does not name are refused by all GETs under /v1. */
function query(operation, r, choice) {
    const cases = ['zz=1', 'Limit=1', '=1', '=', '%=1', 'a=%zz', 'zz', 'limit[]=1'];
    for (const { name } of operation.parameters.filter((p) => p.in === 'query')) {
        for (const bad of NAMES[name]) cases.push(`${name}=${bad}`);
        const good = { limit: '5', disease: 'MONDO:0005388', phase: 'commit', wait: '0' }[name];
        if (good) cases.push(`${name}=${good}&${name}=${good}`, `${name}=${good}&zz=1`);
    }
    const bad = pick(cases, choice.a);
    return plan(
        assemble(operation, { ...r, query: undefined, path: `${r.path}?${bad}` }),
        'refuse',
        `?${bad}`,
        { codes: ['query.invalid', 'query.cursor', 'http.malformed'], of: cases.length },
    );
}

/* ---- the wrong people ------------------------------------------------------------------------------------ */
const REFUSAL = { 401: ['auth.missing'], 403: ['auth.role'], 404: ['object.not_found'] };

async function role(operation, _r, choice, { world, target }) {
    const who = people(world, target);
    const wrong = CALLERS.filter((c) => verdictFor(operation, c) >= 400);
    const caller = pick(wrong, choice.a);
    /* an anonymous caller signs with some key, but sends no token */
    const r = await operations[operation.id].request(world, target, who[caller] ?? new Person());
    return plan(assemble(operation, r), 'refuse', `as ${caller}`, {
        codes: REFUSAL[verdictFor(operation, caller)],
        of: wrong.length,
    });
}
async function absent(operation, r, choice, { world, target }) {
    const gone = await operations[operation.id].request(world, target, r.person, true);
    return plan(assemble(operation, gone), 'refuse', 'an object that does not exist', {
        codes: ['object.not_found'],
    });
}

/* ---- the same again ---------------------------------------------------------------------------------------- */
/* first is sent before and must be accepted; then comes what is judged. */
async function replay(operation, r, choice, { world, target }) {
    const first = assemble(operation, r);
    if (operation.id === 'createSession')
        return plan(first, 'refuse', 'a challenge used twice', {
            first,
            codes: ['auth.challenge'],
        });
    const variant = choice.a % 3;
    if (variant === 0)
        return plan(first, 'accept', 'the same request again', { first, same: true, of: 3 });
    if (variant === 1) {
        const next = assemble(operation, await operations[operation.id].request(world, target));
        next.headers['Idempotency-Key'] = first.headers['Idempotency-Key'];
        return plan(next, 'refuse', 'its key with another request', {
            first,
            codes: ['idempotency.reused'],
        });
    }
    const headers = { ...first.headers, 'Idempotency-Key': newKey() };
    return plan({ ...first, headers }, 'refuse', 'its statement with another key', { first });
}

/* ---- bytes as they are ---------------------------------------------------------------------------------------- */
function headText(api, request, extra) {
    const lines = [
        `${request.method} ${request.path} HTTP/1.1`,
        `Host: ${api.base.host}`,
        ...Object.entries({ ...request.headers, ...extra }).map(([k, v]) => `${k}: ${v}`),
        'Connection: close',
    ];
    return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`);
}
function raw(operation, r, choice, { api }) {
    const request = assemble(operation, r);
    const body = Buffer.from(request.body);
    const half = body.subarray(0, Math.max(1, choice.b % body.length));
    const cases = [
        [
            'a body cut off',
            Buffer.concat([headText(api, request, { 'Content-Length': body.length }), half]),
            ['body.cut_off'],
            true,
        ],
        [
            'no body at all',
            headText(api, request, { 'Content-Length': body.length }),
            ['body.cut_off'],
            true,
        ],
        [
            'a body one byte too large',
            headText(api, request, { 'Content-Length': operation.bodyMax + 1 }),
            ['body.too_large'],
            false,
        ],
        [
            'a body of 2^63 bytes',
            headText(api, request, { 'Content-Length': '9223372036854775808' }),
            ['body.too_large', 'http.malformed'],
            false,
        ],
        [
            'chunks',
            Buffer.concat([
                headText(api, request, { 'Transfer-Encoding': 'chunked' }),
                Buffer.from(`${body.length.toString(16)}\r\n`),
                body,
                Buffer.from('\r\n0\r\n\r\n'),
            ]),
            ['http.length_required', 'http.malformed'],
            false,
        ],
        [
            'no Content-Length',
            headText(api, request, {}),
            ['http.length_required', 'body.cut_off'],
            false,
        ],
    ];
    const [name, bytes, codes, silent] = pick(cases, choice.a);
    return plan({ ...request, raw: bytes }, 'refuse', name, { codes, silent, of: cases.length });
}

export const makers = {
    valid,
    value,
    edge,
    junk,
    text,
    file,
    statement,
    head,
    path,
    query,
    role,
    absent,
    replay,
    raw,
};

/* Which makers fit an operation, with their weights. Success of some operations costs a new object. */
export function kindsOf(operation) {
    const json = operation.bodyType === JSON_TYPE;
    const uses = operations[operation.id].used !== undefined;
    const signed = json && operation.id !== 'createSession';
    const all = {
        valid: uses ? 2 : 4,
        value: json && 12,
        edge: signed && 6,
        junk: json && 6,
        text: json && 8,
        file: operation.bodyType === FILE_TYPE && 6,
        statement: signed && 6,
        head: 4,
        path: operation.template.includes('{') && 4,
        query: operation.method === 'GET' && operation.template.startsWith('/v1') && 5,
        role: operation.who !== 'anyone' && 2,
        absent: operation.ownership !== 'none' && 2,
        replay: json && (uses ? 1 : 2),
        raw: operation.bodyType && 2,
    };
    return Object.entries(all).filter(([, weight]) => weight);
}
