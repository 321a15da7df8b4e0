/* Ways to break a JSON body. Two kinds: changes of the value, made by walking the request's schema
 * beside a valid body and kept only if ajv agrees that the result is invalid; and changes of the text,
 * which no JSON value can express (duplicate keys, floats, bad UTF-8 and the like). */
import './node-version.mjs';

/* ---- changes of the value -------------------------------------------------------------------- */
const at = (value, pointer) => pointer.reduce((v, key) => v[key], value);

export function changed(value, pointer, change) {
    const copy = structuredClone(value);
    if (pointer.length === 0) return change(copy);
    const parent = at(copy, pointer.slice(0, -1));
    const key = pointer.at(-1);
    const next = change(parent[key]);
    if (next === undefined) delete parent[key];
    else parent[key] = next;
    return copy;
}

const OTHER_TYPES = [null, true, 0, -1, 7, 1.5, '', 'x', [], {}, [[]], [null], { a: 1 }];

function numberChanges(schema) {
    const out = [9007199254740992, -9007199254740993, 1e300, '1'];
    const { minimum: low, maximum: high } = schema;
    if (low !== undefined) out.push(low - 1, low, low + 1);
    if (high !== undefined) out.push(high + 1, high, high - 1);
    if (low !== undefined && high !== undefined)
        out.push(Math.floor((low + high) / 2), Math.floor(Math.sqrt(high)));
    return out;
}
function stringChanges(schema, value) {
    const out = [
        '',
        `${value}x`,
        `x${value}`,
        ` ${value}`,
        `${value}\n`,
        value.toUpperCase(),
        value.slice(1),
        value.slice(0, -1),
        `${value}\u007f`,
        '\u00e9'.repeat(20),
        'A'.repeat(5000),
    ];
    if (value.endsWith('=')) out.push(value.replace(/=+$/, ''), value.replace(/.(=+)$/, 'B$1'));
    if (schema.maxLength !== undefined)
        out.push(
            'a'.repeat(schema.maxLength + 1),
            'a'.repeat(schema.maxLength),
            '\ud83e\ude7a'.repeat(schema.maxLength >> 2),
        );
    for (const other of schema.enum ?? []) out.push(other);
    return out;
}
function arrayChanges(schema, value) {
    const out = [[], [...value, null], Array(200).fill(value[0] ?? 'x')];
    if (schema.maxItems !== undefined) out.push(Array(schema.maxItems + 1).fill(value[0] ?? 'x'));
    if (value.length > 0) out.push([...value, value[0]]);
    return out;
}

/* All candidate changes as [name, pointer, change]; deterministic in order. */
function candidates(spec, schema, value, pointer, out) {
    const s = spec.resolve(schema);
    const where = `/${pointer.join('/')}`;
    OTHER_TYPES.forEach((other, i) =>
        out.push([
            `${where} := ${JSON.stringify(other)}`,
            pointer,
            () => structuredClone(OTHER_TYPES[i]),
        ]),
    );
    const replace = (values) =>
        values.forEach((v) =>
            out.push([`${where} := ${JSON.stringify(v).slice(0, 80)}`, pointer, () => v]),
        );
    if (typeof value === 'number') replace(numberChanges(s));
    else if (typeof value === 'string') replace(stringChanges(s, value));
    else if (Array.isArray(value)) {
        replace(arrayChanges(s, value));
        if (value.length > 0) candidates(spec, s.items, value[0], [...pointer, 0], out);
    } else if (value !== null && typeof value === 'object') {
        out.push([`${where} + unknown member`, pointer, (v) => ({ ...v, zz_unknown: 1 })]);
        out.push([
            `${where} + __proto__`,
            pointer,
            (v) =>
                Object.defineProperty({ ...v }, '__proto__', {
                    value: 1,
                    enumerable: true,
                    configurable: true,
                    writable: true,
                }),
        ]);
        for (const key of Object.keys(value)) {
            out.push([`${where} - ${key}`, [...pointer, key], () => undefined]);
            candidates(spec, s.properties?.[key] ?? {}, value[key], [...pointer, key], out);
        }
    }
}

/* The n-th change whose result is invalid (or, with valid, still valid), as { name, pointer, body }; the
 * old signature is kept. Changes of the other sort are passed over, so each n gives one. */
export function changedBody(spec, operation, body, n, valid = false) {
    const found = [];
    candidates(spec, operation.bodySchema, body, [], found);
    for (let i = 0; i < found.length; i++) {
        const [name, pointer, change] = found[(n + i) % found.length];
        const next = changed(body, pointer, change);
        if ((spec.bodyProblem(operation, next) === null) === valid)
            return { name, pointer, body: next };
    }
    throw new Error(`${operation.id}: no change leaves this body ${valid ? '' : 'in'}valid`);
}

/* ---- changes of the text ----------------------------------------------------------------------- */
export function leaves(value, pointer = [], out = []) {
    if (value !== null && typeof value === 'object')
        for (const key of Object.keys(value)) leaves(value[key], [...pointer, key], out);
    else out.push(pointer);
    return out;
}

/* JSON in which the value at pointer is printed by `print`, and members are printed by `member`. */
function print(value, hook, pointer = []) {
    const own = hook(pointer, value);
    if (own !== undefined) return own;
    if (Array.isArray(value))
        return `[${value.map((v, i) => print(v, hook, [...pointer, i])).join(',')}]`;
    if (value === null || typeof value !== 'object') return JSON.stringify(value);
    const members = Object.keys(value).map(
        (k) => `${JSON.stringify(k)}:${print(value[k], hook, [...pointer, k])}`,
    );
    return `{${members.join(',')}}`;
}
const same = (a, b) => a.length === b.length && a.every((x, i) => String(x) === String(b[i]));
const raw = (body, pointer, text) => print(body, (p) => (same(p, pointer) ? text : undefined));
function doubled(body, pointer, value) {
    const parent = pointer.slice(0, -1);
    return print(body, (p, v) =>
        same(p, parent) && !Array.isArray(v)
            ? `{${JSON.stringify(pointer.at(-1))}:${JSON.stringify(value)},${print(v, () => undefined).slice(1)}`
            : undefined,
    );
}
const deep = (n) => '['.repeat(n) + ']'.repeat(n);
const inString = (text, bytes) => {
    const quote = Buffer.from(text).indexOf('":"') + 3;
    const whole = Buffer.from(text);
    return Buffer.concat([whole.subarray(0, quote), Buffer.from(bytes), whole.subarray(quote)]);
};

const NUMBER_TEXTS = [
    (n) => `${n}.0`,
    (n) => `${n}e0`,
    (n) => `${n}.5`,
    (n) => `${n}E2`,
    () => '0.1',
    () => '-0.0',
    () => '1e999',
    () => '99999999999999999999',
    () => 'NaN',
    () => 'Infinity',
    (n) => `0${n}`,
    (n) => `+${n}`,
    (n) => `0x${n}`,
];
const SHAPES = [
    ['cut in the middle', (t) => t.slice(0, t.length >> 1)],
    ['without its last brace', (t) => t.slice(0, -1)],
    ['with something behind it', (t) => `${t}{}`],
    ['with a NUL behind it', (t) => `${t}\0`],
    ['after a byte order mark', (t) => `\ufeff${t}`],
    ['empty', () => ''],
    ['only spaces', () => '   '],
    ['null', () => 'null'],
    ['an array', (t) => `[${t}]`],
    ['a number', () => '1'],
    ['a string', (t) => JSON.stringify(t)],
    ['with single quotes', (t) => t.replaceAll('"', "'")],
    ['with a comment', (t) => `/* x */${t}`],
    ['with a trailing comma', (t) => `${t.slice(0, -1)},}`],
    ['form data', () => 'a=1&b=2'],
    ['UTF-16', (t) => Buffer.from(t, 'utf16le')],
    ['byte 0xff in a string', (t) => inString(t, [0xff])],
    ['an overlong NUL in a string', (t) => inString(t, [0xc0, 0x80])],
    ['a surrogate in UTF-8', (t) => inString(t, [0xed, 0xa0, 0x80])],
    ['a raw control byte in a string', (t) => inString(t, [0x01])],
    ['\\u0000 in a string', (t) => inString(t, '\\u0000')],
    ['a lone \\ud800 in a string', (t) => inString(t, '\\ud800')],
    ['a bad escape in a string', (t) => inString(t, '\\x41')],
];

/* { name, text, codes }: codes are what the answer may say, null for any refusal. */
export function brokenTexts(body) {
    const text = JSON.stringify(body);
    const all = leaves(body);
    const out = SHAPES.map(([name, make]) => ({
        name: `the body is ${name}`,
        text: () => make(text),
        codes: null,
    }));
    for (const pointer of all) {
        if (!Array.isArray(at(body, pointer.slice(0, -1))))
            for (const value of ['x', at(body, pointer)])
                out.push({
                    name: `/${pointer.join('/')} twice`,
                    text: () => doubled(body, pointer, value),
                    codes: ['json.duplicate_key'],
                });
        if (typeof at(body, pointer) === 'number')
            NUMBER_TEXTS.forEach((make) =>
                out.push({
                    codes: null,
                    name: `/${pointer.join('/')} := ${make(at(body, pointer))}`,
                    text: () => raw(body, pointer, make(at(body, pointer))),
                }),
            );
    }
    for (const n of [17, 100, 5000])
        out.push({
            name: `nested ${n} deep`,
            text: () => raw(body, all[0], deep(n)),
            codes: ['json.too_deep'],
        });
    return out;
}

/* Other spellings of the same value: all must be taken. */
export const SPELLINGS = [
    (body) => JSON.stringify(body),
    (body) => JSON.stringify(body, null, 2),
    (body) => JSON.stringify(body).replace(/[a-z]/, (c) => `\\u00${c.charCodeAt(0).toString(16)}`),
    (body) => ` \r\n\t${JSON.stringify(reversed(body))}\n`,
];
function reversed(value) {
    if (Array.isArray(value)) return value.map(reversed);
    if (value === null || typeof value !== 'object') return value;
    return Object.fromEntries(
        Object.keys(value)
            .reverse()
            .map((k) => [k, reversed(value[k])]),
    );
}
