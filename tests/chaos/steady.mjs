/* A client that never gives up and writes everything down. An unanswered request, a 5xx or a refused
 * connection tells nothing: it sends the same bytes under the same Idempotency-Key again, until there is
 * a definite answer. What was answered is the history that the checker holds the server to. */
import http from 'node:http';
import { Api, parse } from '../apigate/client.mjs';

const CONNECTIONS = 64;
const GIVE_UP_MS = 60000;
const RETRY_MS = 50;
const LENIENT_TRIES = 5;
const SIGN_IN_TRIES = 20;

/* A request that was acknowledged: who sent what, and the first answer as it came. */
export class History {
    writes = []; // POSTs with an Idempotency-Key, status < 500
    contents = []; // PUTs that were answered with 204
    unanswered = 0;
    refusals = new Map(); // 5xx by code
    slowest = 0; // ms from first try to the answer
    #waiting = [];

    get acknowledged() { return this.writes.length + this.contents.length; }
    /* Resolves when n more requests have been acknowledged. */
    more(n) { return new Promise((done) => this.#waiting.push({ at: this.acknowledged + n, done })); }
    add(list, item) {
        list.push(item);
        this.#waiting = this.#waiting.filter((w) => w.at > this.acknowledged || void w.done());
    }
    refused(reply) {
        const code = (() => { try { return parse(reply).code; } catch { return String(reply.status); } })();
        this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    }
}

export class Steady extends Api {
    constructor(member, history = new History()) {
        super(member.url ?? 'http://127.0.0.1:1');
        this.member = member;
        this.history = history;
        this.agent = new http.Agent({ keepAlive: true, maxSockets: CONNECTIONS });
        this.people = new Map(); // by token
        this.patient = true; // false: every reply is taken as it comes
        this.lenient = false; // true: what was refused is tried again, for servers that lie (negative control)
        if (!member.url) this.#down();
        member.onUp = (url) => {
            this.base = new URL(url);
            this.#up?.();
            this.#up = null;
        };
        member.onDown = () => this.#down();
    }
    #up = null; // while it is down: ends the waiting
    #isUp = Promise.resolve();
    #down() {
        if (!this.#up) this.#isUp = new Promise((done) => { this.#up = done; });
    }

    /* Once until there is a definite answer. */
    async send(request) {
        const begun = Date.now();
        for (let tries = 1; ; tries++) {
            const reply = await this.#try(request);
            if (reply) {
                this.history.slowest = Math.max(this.history.slowest, Date.now() - begun);
                this.#record(request, reply, tries);
                return reply;
            }
            if (Date.now() - begun > GIVE_UP_MS)
                throw new Error(`${request.method} ${request.path}: no answer in ${GIVE_UP_MS / 1000} s`);
        }
    }
    async #try(request) {
        await this.#isUp;
        try {
            const reply = await super.send(request);
            if (reply.status < 500 || !this.patient) return reply;
            this.history.refused(reply);
        } catch (e) {
            if (!this.patient) throw e;
            this.history.unanswered++;
        }
        /* Killed and not yet known to have ended, or alive with its database on the way up. */
        await new Promise((done) => setTimeout(done, RETRY_MS));
        return null;
    }
    #record(request, reply, tries) {
        const { headers, method } = request;
        const person = this.people.get(headers?.Authorization?.slice(7)) ?? null;
        const item = { ...request, person, reply, tries };
        const keyed = method === 'POST' && headers['Idempotency-Key'] !== undefined;
        if (keyed && reply.status < 500) this.history.add(this.history.writes, item);
        if (method === 'PUT' && reply.status === 204) this.history.add(this.history.contents, item);
    }

    async must(status, person, method, path, options) {
        for (let tries = 1; ; tries++) {
            try {
                return await super.must(status, person, method, path, options);
            } catch (e) {
                if (!this.lenient || tries === LENIENT_TRIES) throw e;
                await new Promise((done) => setTimeout(done, RETRY_MS));
            }
        }
    }

    /* A session is the one POST that cannot be repeated: its challenge works once, so ask for another. A
     * sign-in whose COMMIT was cut is refused like that, too. */
    async signIn(person) {
        for (let round = 0; ; round++) {
            try {
                const reply = await super.signIn(person);
                this.people.set(person.token, person);
                return reply;
            } catch (e) {
                if (round === SIGN_IN_TRIES || !/got 401/.test(e.message)) throw e;
            }
        }
    }
}
