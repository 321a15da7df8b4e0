/* A mock of the server, for the gate's own negative controls: it does the main job in memory, and can
 * be told to have one planted bug. It is no second truth about the rules: what is not needed to take
 * the fuzzer's and the matrix's requests is left out. Started by selftest.mjs; `node mock.mjs [bug]`
 * runs it alone. */
import './node-version.mjs';
import crypto from 'node:crypto';
import http from 'node:http';
import { Person, b64, canonical, idFromHash, nowText, sha256, verify } from './client.mjs';
import { handlers } from './mock-handlers.mjs';
import { Refusal, strictJson } from './strict-json.mjs';
import { Spec, errorRegistry } from './spec.mjs';

const KEYWORD_CODE = {
    required: 'field.missing',
    additionalProperties: 'field.unknown',
    type: 'field.type',
    pattern: 'field.format',
    format: 'field.format',
    enum: 'field.unknown_code',
    const: 'field.unknown_code',
};

export class Mock {
    constructor(bug = null) {
        this.bug = bug;
        this.spec = new Spec();
        this.registry = errorRegistry();
        this.operator = new Person();
        this.federation = 'mock.example/fed';
        for (const name of [
            'accounts',
            'sessions',
            'idempotency',
            'statements',
            'wallets',
            'bounties',
            'records',
            'submissions',
            'receipts',
            'payouts',
            'challenges',
        ])
            this[name] = new Map();
        this.logs = { account: [], tx: [] };
    }

    async start() {
        this.server = http.createServer((request, reply) => this.#listen(request, reply));
        this.server.on('clientError', (_e, socket) => socket.destroy());
        await new Promise((done) => this.server.listen(0, '127.0.0.1', done));
        return `http://127.0.0.1:${this.server.address().port}`;
    }
    stop() {
        this.server.closeAllConnections();
        this.server.close();
    }

    #listen(request, reply) {
        const parts = [];
        let done = false;
        const finish = (cut) => {
            if (done) return;
            done = true;
            this.#answer(request, reply, Buffer.concat(parts), cut);
        };
        request.on('data', (p) => parts.push(p));
        request.on('end', () => finish(false));
        request.on('aborted', () => finish(true));
        request.on('error', () => {});
        const length = Number(request.headers['content-length'] ?? 0);
        const operation = this.#route(request.method, request.url.split('?')[0])?.operation;
        if (operation && length > operation.bodyMax) finish(false); /* before the body is read */
    }

    #route(method, path) {
        const segments = path.split('/');
        let known = false;
        for (const operation of this.spec.operations) {
            const template = operation.template.split('/');
            const rest = template.at(-1) === '{path...}';
            if (rest ? segments.length < template.length : segments.length !== template.length)
                continue;
            const params = [];
            if (
                !template.every((t, i) =>
                    t.startsWith('{')
                        ? segments[i] !== '' &&
                          params.push(
                              rest && i === template.length - 1
                                  ? segments.slice(i).join('/')
                                  : segments[i],
                          )
                        : t === segments[i],
                )
            )
                continue;
            known = true;
            if (operation.method === method) return { operation, params };
        }
        return { known };
    }

    #answer(request, reply, body, cut) {
        const trace = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/.exec(
            request.headers.traceparent ?? '',
        );
        const id =
            trace && !/^0+$/.test(trace[1]) ? trace[1] : crypto.randomBytes(16).toString('hex');
        let answer;
        try {
            if (cut) throw new Refusal('body.cut_off');
            answer = this.#handle(request, body);
        } catch (e) {
            if (!(e instanceof Refusal)) console.error(e);
            answer = this.#problem(e instanceof Refusal ? e : new Refusal('internal'), id);
        }
        const headers = {
            'X-Content-Type-Options': 'nosniff',
            'Cache-Control': 'no-store',
            ...answer.headers,
        };
        if (this.bug !== 'no-request-id') headers['X-Request-Id'] = id;
        if (answer.status === 429 || answer.status === 503) headers['Retry-After'] = '1';
        const bytes = Buffer.from(answer.body ?? '');
        reply.writeHead(
            answer.status,
            answer.status === 204 || answer.status === 304
                ? headers
                : { ...headers, 'Content-Length': bytes.length },
        );
        reply.end(bytes);
    }
    #problem({ code, pointer, detail }, id) {
        const { status, title } = this.registry.get(code);
        const errors = pointer ? { errors: [{ pointer, detail: detail ?? title }] } : {};
        const type = this.bug === 'problem-type' ? 'application/json' : 'application/problem+json';
        return {
            status,
            headers: { 'Content-Type': type, ...(status === 405 ? { Allow: 'GET' } : {}) },
            body: JSON.stringify({
                type: `https://cairn.invalid/problems/${code}`,
                title,
                status,
                code,
                detail: detail ?? title,
                instance: id,
                ...errors,
            }),
        };
    }

    #handle(request, body) {
        const [path, search = ''] = request.url.split('?');
        if (path.includes('//')) throw new Refusal('http.malformed');
        const { operation, params, known } = this.#route(request.method, path);
        if (!operation) throw new Refusal(known ? 'route.method' : 'route.unknown');
        const c = {
            mock: this,
            operation,
            body,
            headers: request.headers,
            params: params.map((p) => decoded(p)),
            query: this.#query(operation, search),
        };
        const length = request.headers['content-length'];
        if (
            operation.bodyType &&
            this.bug !== 'chunked' &&
            (length === undefined || request.headers['transfer-encoding'])
        )
            throw new Refusal('http.length_required');
        if (Number(length ?? 0) > operation.bodyMax) throw new Refusal('body.too_large');
        this.#authorise(operation, c);
        this.#readBody(operation, c);
        const key = this.#idempotency(operation, c);
        if (key?.answer) return key.answer;
        const handler = handlers[operation.id];
        const got = handler(c);
        const answer = this.#shape(operation, got);
        if (answer.headers.ETag && c.headers['if-none-match'] === answer.headers.ETag)
            return { status: 304, headers: answer.headers };
        if (key) this.idempotency.set(key.name, { hash: key.hash, answer });
        return answer;
    }
    #shape(operation, got) {
        const status = got.status ?? Number([...operation.responses.keys()][0]);
        const headers = { ...got.headers };
        const { value } = got;
        if (value === undefined) {
            if (got.text !== undefined)
                headers['Content-Type'] = Object.keys(operation.responses.get(status).content)[0];
            return { status, headers, body: got.text };
        }
        headers['Content-Type'] = 'application/json';
        const wantsTag = operation.responses.get(status)?.headers?.ETag;
        if (wantsTag && value.version) headers.ETag = `"v${value.version}"`;
        return { status, headers, body: JSON.stringify(value) };
    }

    #query(operation, search) {
        const query = {};
        for (const pair of search === '' ? [] : search.split('&')) {
            const [name, value = ''] = pair.split('=', 2).map((t) => decoded(t, 'query.invalid'));
            const parameter = operation.parameters.find((p) => p.in === 'query' && p.name === name);
            if (!parameter || name in query) throw new Refusal('query.invalid');
            const typed =
                this.spec.resolve(parameter.schema).type === 'integer'
                    ? /^(0|[1-9]\d{0,9})$/.test(value)
                        ? Number(value)
                        : value
                    : value;
            if (this.spec.parameterProblem(parameter, typed))
                throw new Refusal(name === 'cursor' ? 'query.cursor' : 'query.invalid');
            query[name] = typed;
        }
        return query;
    }

    #authorise(operation, c) {
        if (operation.who === 'anyone') return;
        const given = c.headers.authorization;
        if (given === undefined) throw new Refusal('auth.missing');
        const token = /^Bearer (\S+)$/.exec(given)?.[1];
        c.account = this.accounts.get(this.sessions.get(token));
        c.token = token;
        if (!c.account) throw new Refusal('auth.invalid');
        c.roles = new Set(c.account.roles.map((r) => r.role));
        if (c.account.id === this.operator.account) c.roles.add('operator');
        const skip = this.bug === 'no-role-check' && operation.id === 'attestRole';
        if (operation.who !== 'signed-in' && !c.roles.has(operation.who) && !skip)
            throw new Refusal('auth.role');
    }

    #readBody(operation, c) {
        if (!operation.bodyType) return;
        if ((c.headers['content-type'] ?? '').split(';')[0].trim() !== operation.bodyType)
            throw new Refusal('body.media_type');
        if (operation.bodyType !== 'application/json') return;
        c.json = strictJson(c.body, this.bug);
        const check = this.spec.validator(operation.bodySchema.$ref);
        if (!check(c.json)) {
            const e = check.errors[0];
            const lenient =
                this.bug === 'unknown-field' &&
                e.keyword === 'additionalProperties' &&
                operation.id === 'fundBounty';
            if (e.instancePath === '/statement/kind' && typeof c.json.statement.kind === 'string')
                throw new Refusal('statement.kind');
            if (!lenient)
                throw new Refusal(
                    KEYWORD_CODE[e.keyword] ?? 'field.range',
                    e.instancePath,
                    e.message,
                );
        }
        c.statement = c.json.statement;
        if (c.statement) this.#checkStatement(c.statement);
    }
    #checkStatement(s) {
        let good = false;
        try {
            good = this.bug === 'signature' || verify(s);
        } catch {
            /* a signer that is no key */
        }
        if (!good) throw new Refusal('statement.signature');
        if (Math.abs(Date.parse(s.time) - Date.now()) > 900000) throw new Refusal('statement.time');
    }

    #idempotency(operation, c) {
        if (operation.method !== 'POST' || operation.id === 'createSession') return null;
        const key = c.headers['idempotency-key'];
        if (!/^[A-Za-z0-9_-]{16,64}$/.test(key ?? '')) throw new Refusal('idempotency.missing');
        const name = `${c.account?.id ?? ''} ${key}`;
        const hash = sha256(operation.id, ...c.params, c.body).toString('hex');
        const old = this.idempotency.get(name);
        if (!old || this.bug === 'idempotency') return { name, hash };
        if (old.hash !== hash) throw new Refusal('idempotency.reused');
        return {
            answer: {
                ...old.answer,
                headers: { ...old.answer.headers, 'Idempotency-Replayed': 'true' },
            },
        };
    }

    /* ---- what the handlers share --------------------------------------------------------------- */
    /* Takes a statement once, puts it on its log and gives its receipt to the parties. */
    take(s, chain, parties, isPublic = false) {
        if (this.statements.has(s.id)) throw new Refusal('statement.replayed');
        this.statements.set(s.id, s);
        const index = this.logs[chain].length;
        const head = Buffer.alloc(18);
        head.write(isPublic ? 'public/1' : 'anchor/1', 0, 'latin1');
        head.writeBigUInt64BE(BigInt(index + 1), 10);
        const salt = crypto.randomBytes(32);
        const text = Buffer.from(canonical(s));
        const entry = Buffer.concat([head, isPublic ? text : sha256(salt, text)]);
        this.logs[chain].push(entry);
        this.receipts.set(s.id, {
            id: s.id,
            chain,
            index,
            entry,
            statement: s,
            at: nowText(),
            kind: s.kind,
            salt: isPublic ? null : salt.toString('hex'),
            parties: new Set(parties),
        });
        return s.id;
    }
    checkpoint(chain) {
        const body = `${this.federation}/${chain}\n${this.logs[chain].length}\n${b64(root(this.logs[chain]))}\n`;
        return `${body}\n\u2014 mock AAAAAA==\n`;
    }
    proof(chain, index) {
        const hashes = path(this.logs[chain], index)
            .map((h) => `${b64(h)}\n`)
            .join('');
        return `c2sp.org/tlog-proof@v1\nindex ${index}\n${hashes}\n${this.checkpoint(chain)}`;
    }
    pay(account, amount, kind, entry) {
        const wallet = this.wallets.get(account) ?? { minor: 0, transfers: [] };
        if (wallet.minor + amount < 0) throw new Refusal('books.insufficient');
        wallet.minor += amount;
        wallet.transfers.unshift({
            id: idFromHash(sha256(entry, account)),
            at: nowText(),
            kind,
            mode: 'post',
            amount_minor: Math.abs(amount),
            currency: 'EUR',
            direction: amount > 0 ? 'in' : 'out',
            entry,
        });
        this.wallets.set(account, wallet);
    }
}

function decoded(text, code = 'object.not_found') {
    let out;
    try {
        out = decodeURIComponent(text);
    } catch {
        throw new Refusal(code === 'object.not_found' ? 'route.unknown' : code);
    }
    if (!/^[\x20-\x7e]*$/.test(out)) throw new Refusal(code);
    return out;
}
const split = (n) => 2 ** (Math.ceil(Math.log2(n)) - 1);
const root = (e) =>
    e.length === 0
        ? sha256('')
        : e.length === 1
          ? sha256(Buffer.from([0]), e[0])
          : sha256(
                Buffer.from([1]),
                root(e.slice(0, split(e.length))),
                root(e.slice(split(e.length))),
            );
function path(entries, index) {
    if (entries.length <= 1) return [];
    const k = split(entries.length);
    return index < k
        ? [...path(entries.slice(0, k), index), root(entries.slice(k))]
        : [...path(entries.slice(k), index - k), root(entries.slice(0, k))];
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const mock = new Mock(process.argv[2]);
    console.log(
        JSON.stringify({
            address: await mock.start(),
            operator_root: mock.operator.root.toString('hex'),
        }),
    );
}
