/* A small client of the API that shares no code with the server: keys, canonical JSON, statements,
 * sign-in and plain HTTP. Node's own crypto only (the vault is in vault.mjs). Formats: docs/keys.md,
 * docs/api.md. */
import './node-version.mjs';
import crypto from 'node:crypto';
import http from 'node:http';
import net from 'node:net';

export const sha256 = (...parts) => {
    const h = crypto.createHash('sha256');
    for (const part of parts) h.update(part);
    return h.digest();
};
export const b64 = (bytes) => Buffer.from(bytes).toString('base64');
export const nowText = (shiftSeconds = 0) =>
    `${new Date(Date.now() + shiftSeconds * 1000).toISOString().slice(0, 19)}Z`;
export const newId = () => crypto.randomUUID();
export const newKey = () => crypto.randomBytes(24).toString('base64url');

/* ---- keys ------------------------------------------------------------------------------------ */
const PKCS8 = {
    ed25519: '302e020100300506032b657004220420',
    x25519: '302e020100300506032b656e04220420',
};

function keyPair(type, seed) {
    const der = Buffer.concat([Buffer.from(PKCS8[type], 'hex'), seed]);
    const secret = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    const spki = crypto.createPublicKey(secret).export({ format: 'der', type: 'spki' });
    return { secret, seed, public: spki.subarray(spki.length - 32) };
}
const derive = (root, label) =>
    Buffer.from(crypto.hkdfSync('sha256', root, Buffer.alloc(0), Buffer.from(label), 32));

/* 16 hash bytes marked as a version 8 UUID. */
export function idFromHash(hash) {
    const b = Buffer.from(hash.subarray(0, 16));
    b[6] = (b[6] & 0x0f) | 0x80;
    b[8] = (b[8] & 0x3f) | 0x80;
    return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export class Person {
    constructor(root = crypto.randomBytes(32)) {
        this.root = Buffer.from(root);
        this.identity = keyPair('ed25519', derive(this.root, 'cairn/v1/identity'));
        this.receive = keyPair('x25519', derive(this.root, 'cairn/v1/receive'));
        this.account = idFromHash(sha256('cairn/v1/account', this.identity.public));
        this.token = null;
    }
    bountyKeys(bounty) {
        return {
            sign: keyPair('ed25519', derive(this.root, `cairn/v1/bounty/sign/${bounty}`)),
            receive: keyPair('x25519', derive(this.root, `cairn/v1/bounty/receive/${bounty}`)),
        };
    }
}

/* ---- canonical JSON and statements ------------------------------------------------------------ */
/* RFC 8785 for objects with ASCII keys, arrays, strings, safe integers, booleans and null. */
export function canonical(value) {
    if (value === null || typeof value === 'boolean' || typeof value === 'string')
        return JSON.stringify(value);
    if (typeof value === 'number') {
        if (!Number.isSafeInteger(value)) throw new Error(`no canonical form: ${value}`);
        return String(value);
    }
    if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
    const keys = Object.keys(value).sort();
    return `{${keys.map((k) => `${JSON.stringify(k)}:${canonical(value[k])}`).join(',')}}`;
}

const STATEMENT_CONTEXT = 'cairn-statement/1\n';

/* Signs whatever object it is given, also a broken one: the canonical form of a value that has none
 * (a float, say) is its plain JSON with sorted keys, so that only the planted fault is wrong. */
export function sign(statement, key) {
    const { signature: _old, ...rest } = statement;
    let bytes;
    try {
        bytes = canonical(rest);
    } catch {
        bytes = JSON.stringify(rest);
    }
    const signature = crypto.sign(null, Buffer.from(STATEMENT_CONTEXT + bytes), key.secret);
    return { ...statement, signature: b64(signature) };
}

export function verify(statement) {
    const { signature, ...rest } = statement;
    const der = Buffer.concat([
        Buffer.from('302a300506032b6570032100', 'hex'),
        Buffer.from(statement.signer, 'base64'),
    ]);
    const key = crypto.createPublicKey({ key: der, format: 'der', type: 'spki' });
    return crypto.verify(
        null,
        Buffer.from(STATEMENT_CONTEXT + canonical(rest)),
        key,
        Buffer.from(signature, 'base64'),
    );
}

export function makeStatement(
    kind,
    key,
    members,
    { version = 1, id = newId(), time = nowText() } = {},
) {
    return sign({ kind, id, version, time, signer: b64(key.public), ...members }, key);
}

export const commitment = (nonce, verdict) => sha256('cairn/v1/verdict', nonce, canonical(verdict));

/* ---- HTTP --------------------------------------------------------------------------------------- */
const REPLY_TIMEOUT_MS = 40000;

export class Api {
    constructor(base, { origin } = {}) {
        this.base = new URL(base);
        this.origin = origin ?? this.base.origin;
        this.agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
        this.requests = 0;
    }
    close() {
        this.agent.destroy();
    }

    /* One request exactly as described; resolves with the reply, rejects only if none came. A kept
     * connection that the server closed under us is not an answer: tried once more on a new one. */
    async send(request) {
        try {
            return await this.#once(request, this.agent);
        } catch (e) {
            if (e.code !== 'ECONNRESET' && e.code !== 'EPIPE') throw e;
            return this.#once(request, new http.Agent({ keepAlive: false }));
        }
    }
    #once({ method, path, headers = {}, body }, agent) {
        this.requests++;
        return new Promise((resolve, reject) => {
            const bytes = body === undefined ? null : Buffer.from(body);
            const all = { ...headers };
            if (bytes && all['Content-Length'] === undefined) all['Content-Length'] = bytes.length;
            const request = http.request(
                {
                    host: this.base.hostname,
                    port: this.base.port,
                    method,
                    path,
                    headers: all,
                    agent,
                    timeout: REPLY_TIMEOUT_MS,
                },
                (reply) => {
                    const parts = [];
                    reply.on('data', (p) => parts.push(p));
                    reply.on('error', reject);
                    reply.on('end', () =>
                        resolve({
                            status: reply.statusCode,
                            headers: reply.headers,
                            rawHeaders: reply.rawHeaders,
                            body: Buffer.concat(parts),
                        }),
                    );
                },
            );
            request.on('timeout', () => request.destroy(new Error('no reply within 40 s')));
            request.on('error', reject);
            request.end(bytes ?? undefined);
        });
    }

    /* Bytes as they are on a fresh connection, then our side closes; whatever came back, unparsed. */
    sendRaw(bytes) {
        this.requests++;
        return new Promise((resolve, reject) => {
            const parts = [];
            const socket = net.connect(Number(this.base.port), this.base.hostname, () =>
                socket.end(bytes),
            );
            socket.setTimeout(REPLY_TIMEOUT_MS, () =>
                socket.destroy(new Error('no end within 40 s')),
            );
            socket.on('data', (p) => parts.push(p));
            socket.on('error', (e) =>
                e.code === 'ECONNRESET' ? resolve(Buffer.concat(parts)) : reject(e),
            );
            socket.on('close', () => resolve(Buffer.concat(parts)));
        });
    }

    /* A well-formed call as a person: token, idempotency key and JSON are put in. 429 is obeyed. */
    async call(person, method, path, { json, file, key, ifMatch, headers = {} } = {}) {
        const all = { ...headers };
        if (person?.token) all.Authorization = `Bearer ${person.token}`;
        if (method === 'POST' && path !== '/v1/sessions') all['Idempotency-Key'] = key ?? newKey();
        if (ifMatch) all['If-Match'] = ifMatch;
        let body;
        if (json !== undefined) {
            body = JSON.stringify(json);
            all['Content-Type'] = 'application/json';
        } else if (file !== undefined) {
            body = file;
            all['Content-Type'] = 'application/octet-stream';
        }
        for (let round = 0; ; round++) {
            const reply = await this.send({ method, path, headers: all, body });
            if (reply.status !== 429 || round === 20) return reply;
            await pause(reply);
        }
    }

    /* As call(), and anything but the wanted status is an error that shows what came instead. */
    async must(status, person, method, path, options) {
        const reply = await this.call(person, method, path, options);
        if (reply.status !== status)
            throw new Error(
                `${method} ${path}: wanted ${status}, got ${reply.status} ` +
                    reply.body.toString().slice(0, 400),
            );
        return reply;
    }

    async signIn(person) {
        const got = await this.must(200, null, 'GET', `/v1/accounts/${person.account}/challenge`);
        const { challenge } = parse(got);
        const reply = await this.must(201, null, 'POST', '/v1/sessions', {
            json: this.sessionBody(person, challenge),
        });
        person.token = parse(reply).token;
        return reply;
    }
    sessionBody(person, challenge) {
        const text = `cairn-session/1\n${this.origin}\n${challenge}`;
        return {
            account: person.account,
            challenge,
            signature: b64(crypto.sign(null, Buffer.from(text), person.identity.secret)),
        };
    }
}

export const parse = (reply) => JSON.parse(reply.body.toString('utf8'));

/* Waits as long as a 429 asks for; at least long enough not to spin. */
export function pause(reply) {
    const seconds = Math.min(Number(reply.headers['retry-after'] ?? 1) || 1, 10);
    return new Promise((done) => setTimeout(done, seconds * 1000));
}
