/* Property fuzzer over all operations of openapi.yaml against a running server.
 * Usage: node fuzz.mjs BASE_URL SETUP.json [--requests 5000] [--seed N] [--only op,op]
 * SETUP.json: { "operator_root": "<64 hex digits>" }, the root secret of the server's operator.
 * For each operation it sends right and broken requests (plans.mjs) and fails on: an undocumented status
 * or code, a wrong content type, a reply that breaks its schema, a missing header, any 5xx, a right
 * request refused, a broken request accepted. A failing request is made smaller and printed. The same
 * seed makes the same choices; ids and keys are new each time, so that one server can be run twice. */
import './node-version.mjs';
import fs from 'node:fs';
import fc from 'fast-check';
import { parse, pause } from './client.mjs';
import { operations } from './operations.mjs';
import { assemble, kindsOf, makers } from './plans.mjs';
import { Spec, errorRegistry } from './spec.mjs';
import { validateBare, validateReply } from './validate.mjs';
import { World } from './world.mjs';

const FINDINGS_MAX = 8; /* different ones per operation, then the rest of it is left */
const PATIENCE = 10; /* times that a 429 is waited out */
/* Kinds whose cases are few enough to be gone through one by one. */
const LISTED = new Set([
    'file',
    'statement',
    'head',
    'path',
    'query',
    'role',
    'absent',
    'replay',
    'raw',
]);
const LISTED_SHARE = 0.7; /* of an operation's budget, at most; the rest is random */
const SHORT = { kind: 'valid', a: 0, b: 1, junk: 0 }; /* a list with limit=1 */
const FIRST = { kind: 'valid', a: 0, b: 0, junk: 0 }; /* every operation is seen to succeed */

/* ---- one request --------------------------------------------------------------------------------- */
function parseRaw(bytes) {
    const text = bytes.toString('latin1');
    const end = text.indexOf('\r\n\r\n');
    const status = /^HTTP\/1\.1 (\d{3})/.exec(text);
    if (end < 0 || !status) return null;
    const headers = {};
    for (const line of text.slice(0, end).split('\r\n').slice(1)) {
        const colon = line.indexOf(':');
        headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    return { status: Number(status[1]), headers, body: bytes.subarray(end + 4) };
}

export class Fuzzer {
    constructor(spec, registry, world) {
        Object.assign(this, { spec, registry, world, api: world.api });
        this.table = [];
        this.findings = [];
    }

    async fire(request) {
        for (let round = 0; ; round++) {
            const reply = request.raw
                ? parseRaw(await this.api.sendRaw(request.raw))
                : await this.api.send(request);
            if (reply?.status !== 429 || round === PATIENCE) return reply;
            await pause(reply);
        }
    }

    /* The sentences that are wrong about this reply to this plan. */
    judge(operation, plan, reply, first) {
        if (reply === null) return plan.silent ? [] : ['the connection ended without a reply'];
        const described = plan.alsoCodes
            ? {
                  ...operation,
                  codes: new Set([...operation.codes, ...plan.alsoCodes]),
                  responses: new Map([
                      [
                          405,
                          {
                              pointer: '#/components/responses/NotFound',
                              ...this.spec.doc.components.responses.NotFound,
                          },
                      ],
                      ...operation.responses,
                  ]),
              }
            : operation;
        const found = validateReply(this.spec, this.registry, described, reply);
        const code = reply.status >= 400 ? codeOf(reply) : null;
        if (reply.status >= 500) found.push(`${reply.status} ${code} without a cause`);
        else if (plan.expect === 'accept' && reply.status >= 400 && !overtaken(operation, reply))
            found.push(`a right request was refused: ${reply.status} ${code}: ${detailOf(reply)}`);
        else if (plan.expect === 'refuse' && reply.status < 400)
            found.push(`a broken request was accepted with ${reply.status}`);
        else if (plan.expect === 'refuse' && plan.codes && !plan.codes.includes(code))
            found.push(`answered ${code} where ${plan.codes.join(' or ')} belongs`);
        if (plan.requestId && reply.headers['x-request-id'] !== plan.requestId)
            found.push('X-Request-Id is not the trace id of traceparent');
        if (plan.same) found.push(...differences(first, reply));
        return found;
    }

    /* Plans, sends and judges one choice; returns { plan, reply, found }. */
    async attempt(operation, choice) {
        const own = operations[operation.id];
        const { world } = this;
        const target = await own.target(world);
        const r = await own.request(world, target);
        const plan = await makers[choice.kind](operation, r, choice, {
            spec: this.spec,
            world,
            target,
            api: this.api,
        });
        let first = null;
        if (plan.first) {
            first = await this.fire(plan.first);
            this.count(operation, first);
            const found = this.judge(operation, { expect: 'accept' }, first);
            if (found.length)
                return { plan: { ...plan, request: plan.first }, reply: first, found };
            if (overtaken(operation, first)) return { plan, reply: first, found: [] };
            await own.used?.(world, target, first, r);
        }
        const reply = await this.fire(plan.request);
        this.count(operation, reply);
        const found = this.judge(operation, plan, reply, first);
        if (!plan.first && reply !== null && reply.status < 300)
            await own.used?.(world, target, reply, r);
        if (found.length === 0 && choice.kind === 'valid')
            found.push(...(await this.follow(operation, r, reply)));
        return { plan, reply, found };
    }

    /* What a right reply promises is kept: its ETag, its next page. */
    async follow(operation, r, reply) {
        if (reply.headers.etag && operation.parameters.some((p) => p.name === 'If-None-Match')) {
            const again = await this.fire(
                assemble(operation, r, { headers: { 'If-None-Match': reply.headers.etag } }),
            );
            this.count(operation, again);
            const found = this.judge(operation, { expect: 'accept' }, again);
            /* 200 is right too if it changed meanwhile: then with another ETag */
            if (again.status !== 304 && again.headers.etag === reply.headers.etag)
                found.push(`If-None-Match with the ETag was answered ${again.status}`);
            if (found.length) return found;
        }
        return operation.parameters.some((p) => p.name === 'cursor')
            ? this.#nextPage(operation, r, reply)
            : [];
    }

    /* The next page of a list is there and keeps the filters; a cursor that was tampered with is refused. */
    async #nextPage(operation, r, reply) {
        const { items, next } = parse(reply);
        const link = /^<([^>]*)>; rel="next"$/.exec(reply.headers.link ?? '')?.[1];
        if ((next !== null) !== (link !== undefined))
            return [`Link and next do not agree: ${reply.headers.link} and ${next}`];
        if (next === null)
            return JSON.stringify(r.query) === '{"limit":"1"}'
                ? ['a list of two has no next page']
                : [];
        const linked = Object.fromEntries(new URL(link, 'http://x').searchParams);
        for (const [name, value] of Object.entries({ ...r.query, cursor: next }))
            if (linked[name] !== value) return [`Link loses ${name}=${value}: ${link}`];
        const page = (cursor) =>
            this.fire(assemble(operation, { ...r, query: { ...r.query, cursor } }));
        const second = await page(next);
        this.count(operation, second);
        const found = this.judge(operation, { expect: 'accept' }, second);
        if (
            found.length === 0 &&
            JSON.stringify(parse(second).items[0]) === JSON.stringify(items[0])
        )
            found.push('the second page begins like the first');
        const middle = next.length >> 1;
        const third = await page(
            next.slice(0, middle) + (next[middle] === '0' ? '1' : '0') + next.slice(middle + 1),
        );
        this.count(operation, third);
        return [
            ...found,
            ...this.judge(operation, { expect: 'refuse', codes: ['query.cursor'] }, third),
        ];
    }

    count(operation, reply) {
        const row = this.row(operation.id);
        row.requests++;
        const status = reply?.status ?? 'closed';
        row.statuses[status] = (row.statuses[status] ?? 0) + 1;
    }
    row(id) {
        let row = this.table.find((x) => x.id === id);
        if (!row)
            this.table.push((row = { id, requests: 0, statuses: {}, kinds: {}, findings: 0 }));
        return row;
    }

    /* ---- one operation --------------------------------------------------------------------------- */
    /* One choice; null if all is well or known, else what was found. */
    async trial(operation, choice, known) {
        const row = this.row(operation.id);
        row.kinds[choice.kind] = (row.kinds[choice.kind] ?? 0) + 1;
        let outcome;
        try {
            outcome = await this.attempt(operation, choice);
        } catch (e) {
            this.world.cache.clear(); /* whatever it was, do not build on it */
            outcome = {
                plan: { name: choice.kind },
                reply: null,
                found: [`could not go on: ${e.message}`],
            };
        }
        this.of = outcome.plan.of ?? 1;
        const fresh = outcome.found.filter((f) => !known.has(signature(choice.kind, f)));
        return fresh.length === 0
            ? null
            : { operation: operation.id, kind: choice.kind, choice, ...outcome, found: fresh };
    }
    keep(finding, known, shrinks, seed) {
        for (const f of finding.found) known.add(signature(finding.kind, f));
        this.row(finding.operation).findings++;
        this.findings.push({ ...finding, shrinks, seed });
        this.world.cache.clear();
    }

    /* The kinds that are lists of cases: each case once, as far as the budget goes. */
    async listed(operation, budget, seed, known) {
        const row = this.row(operation.id);
        const cases = [];
        const one = async (kind, a) => {
            const finding = await this.trial(operation, { kind, a, b: 1, junk: 0 }, known);
            if (finding) this.keep(finding, known, 0, seed);
        };
        for (const [kind] of kindsOf(operation).filter(([k]) => LISTED.has(k))) {
            await one(kind, 0);
            for (let a = 1; a < this.of; a++) cases.push([kind, a]);
        }
        for (const [kind, a] of fc.sample(fc.shuffledSubarray(cases, { minLength: cases.length }), {
            numRuns: 1,
            seed,
        })[0]) {
            if (row.requests >= budget * LISTED_SHARE || row.findings >= FINDINGS_MAX) break;
            await one(kind, a);
        }
    }

    async run(operation, budget, seed) {
        const row = this.row(operation.id);
        const known = new Set();
        await this.listed(operation, budget, seed, known);
        const kinds = kindsOf(operation).map(([kind, weight]) => ({
            arbitrary: fc.constant(kind),
            weight,
        }));
        const choices = fc.record({
            kind: fc.oneof(...kinds),
            a: fc.nat(99999),
            b: fc.nat(99999),
            junk: fc.oneof(
                fc.jsonValue({ maxDepth: 2 }),
                fc.string({ maxLength: 40, unit: 'grapheme' }),
                fc.integer(),
                fc.maxSafeInteger(),
            ),
        });
        let last = null;
        const property = fc.asyncProperty(choices, async (choice) => {
            const finding = await this.trial(operation, choice, known);
            last = finding ?? last;
            return finding === null;
        });
        for (let turn = 0; row.requests < budget && row.findings < FINDINGS_MAX; turn++) {
            const details = await fc.check(property, {
                seed: seed + turn,
                examples: turn ? [] : [[FIRST], [SHORT]],
                numRuns: Math.max(1, Math.ceil((budget - row.requests) / 1.1)),
            });
            if (details.failed) this.keep(last, known, details.numShrinks, seed + turn);
        }
    }

    /* Paths and methods that no operation has. */
    async outside(spec) {
        const row = this.row('(no operation)');
        const tries = [
            ['GET', '/nothing', 'route.unknown'],
            ['GET', '/v1', 'route.unknown'],
            ['POST', '/v2/bounties', 'route.unknown'],
            ['GET', '/v1/bounties/', 'route.unknown'],
            ['GET', '/v1//bounties', 'http.malformed'],
            ['DELETE', '/v1/bounties', 'route.method'],
            ['PUT', '/health/live', 'route.method'],
            ['PATCH', '/v1/wallet', 'route.method'],
        ];
        for (const [method, path, code] of tries) {
            const request = { method, path, headers: {} };
            const reply = await this.fire(request);
            this.count({ id: '(no operation)' }, reply);
            const found = validateBare(spec, this.registry, reply, code);
            if (reply.status < 400) found.push(`answered ${reply.status} where ${code} belongs`);
            if (code === 'route.method' && !reply.headers.allow) found.push('405 without Allow');
            if (found.length) {
                row.findings++;
                this.findings.push({
                    operation: '(no operation)',
                    kind: 'path',
                    plan: { name: `${method} ${path}`, request },
                    reply,
                    found,
                    shrinks: 0,
                });
            }
        }
    }

    /* After all that the books must still balance, by the server's own figures. */
    async books() {
        const row = this.row('(books)');
        const reply = await this.fire({ method: 'GET', path: '/metrics', headers: {} });
        this.count({ id: '(books)' }, reply);
        for (const name of ['cairn_books_sum_minor', 'cairn_books_negative_accounts']) {
            const value = new RegExp(`^${name} (\\S+)$`, 'm').exec(reply.body.toString())?.[1];
            if (value === '0') continue;
            row.findings++;
            this.findings.push({
                operation: '(books)',
                kind: 'books',
                plan: { name: '/metrics' },
                reply: null,
                found: [`${name} is ${value} after the run`],
                shrinks: 0,
            });
        }
    }
}

function codeOf(reply) {
    try {
        return parse(reply).code;
    } catch {
        return null;
    }
}
function detailOf(reply) {
    try {
        const p = parse(reply);
        return `${p.detail} ${JSON.stringify(p.errors ?? '')}`;
    } catch {
        return reply.body.toString().slice(0, 200);
    }
}
function differences(first, reply) {
    const found = [];
    if (reply.headers['idempotency-replayed'] !== 'true')
        found.push('a replay without Idempotency-Replayed: true');
    if (reply.status !== first.status)
        found.push(`a replay with ${reply.status} instead of ${first.status}`);
    if (!reply.body.equals(first.body))
        found.push('a replay with another body than the first answer');
    return found;
}
/* What makes two findings the same: the kind and the sentence without its ids, numbers and values. */
const signature = (kind, text) =>
    `${kind}: ${text.replace(/[0-9a-f]{8}-[0-9a-f-]{27}|"[^"]*"|\d+/g, '#').slice(0, 160)}`;

/* ---- report ------------------------------------------------------------------------------------------ */
const readable = (bytes, max) =>
    Buffer.from(bytes)
        .subarray(0, max)
        .toString('latin1')
        .replace(/[^\x20-\x7e\n]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

function show(finding) {
    const { request } = finding.plan;
    console.log(`\nfinding in ${finding.operation}: ${finding.found.join('; ')}`);
    console.log(
        `  sent: ${finding.plan.name} (${finding.shrinks} steps smaller; ` +
            `choice ${JSON.stringify(finding.choice)}, seed ${finding.seed})`,
    );
    if (request?.raw)
        console.log(
            readable(request.raw.toString('latin1').replaceAll('\r', ''), 2000).replace(
                /^/gm,
                '  > ',
            ),
        );
    else if (request) {
        console.log(`  > ${request.method} ${request.path.slice(0, 400)}`);
        for (const [k, v] of Object.entries(request.headers))
            console.log(`  > ${k}: ${String(v).slice(0, 200)}`);
        if (request.body !== undefined) console.log(`  > ${readable(request.body, 2000)}`);
    }
    if (finding.reply)
        console.log(`  < ${finding.reply.status} ${readable(finding.reply.body, 600)}`);
}

function report(fuzzer) {
    for (const finding of fuzzer.findings) show(finding);
    console.log('');
    for (const row of fuzzer.table)
        console.log(
            `${row.id.padEnd(24)} ${String(row.requests).padStart(5)} requests  ` +
                `${Object.entries(row.statuses)
                    .map(([s, n]) => `${s}:${n}`)
                    .join(' ')
                    .padEnd(64)} ${row.findings} findings`,
        );
    const requests = fuzzer.table.reduce((sum, row) => sum + row.requests, 0);
    const operationsSeen = fuzzer.table.filter((row) => !row.id.startsWith('(')).length;
    console.log(
        `fuzz: ${operationsSeen} operations, ${requests} generated requests ` +
            `(${fuzzer.api.requests} with set-up), ${fuzzer.findings.length} findings`,
    );
    return fuzzer.findings.length;
}

/* JSON bodies have the most ways to be wrong, so they get the most requests. */
const weightOf = (operation) =>
    operation.bodyType === 'application/json' ? 4 : operation.bodyType ? 2.5 : 1.5;

export async function fuzz(base, setup, { requests = 5000, seed = 1, only } = {}) {
    const spec = new Spec();
    const world = await new World(base, setup.operator_root).setUp();
    const fuzzer = new Fuzzer(spec, errorRegistry(), world);
    const chosen = spec.operations.filter((o) => !only || only.includes(o.id));
    const total = chosen.reduce((sum, o) => sum + weightOf(o), 0);
    try {
        for (const [i, operation] of chosen.entries())
            await fuzzer.run(
                operation,
                Math.ceil((requests * weightOf(operation)) / total),
                seed + 1000 * i,
            );
        await fuzzer.outside(spec);
        await fuzzer.books();
    } finally {
        world.close();
    }
    return fuzzer;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const [base, file, ...rest] = process.argv.slice(2);
    if (!base || !file) {
        console.error(
            'usage: node fuzz.mjs BASE_URL SETUP.json [--requests N] [--seed N] [--only op,op]',
        );
        process.exit(2);
    }
    const option = (name) => (rest.includes(name) ? rest[rest.indexOf(name) + 1] : undefined);
    const seed = Number(option('--seed') ?? 1);
    const fuzzer = await fuzz(base, JSON.parse(fs.readFileSync(file, 'utf8')), {
        requests: Number(option('--requests') ?? 5000),
        seed,
        only: option('--only')?.split(','),
    });
    console.log(`fuzz: seed ${seed}`);
    process.exit(report(fuzzer) === 0 ? 0 : 1);
}

/* A change is in force a moment after it was said, and begins an epoch: one that was drawn up in the epoch
 * before and comes just then is rightly refused. */
function overtaken(operation, reply) {
    return operation.id === 'sayChange' && detailOf(reply).includes('member.epoch');
}
