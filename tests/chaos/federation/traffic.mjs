/* The market under faults: at every member people of its own who register, pay in, publish and fund bounties,
 * store records, go through rounds of review and have money paid out, through the public API alone. Every call
 * is written down with its monotonic beginning and end and one of three outcomes: ok, fail (a definite
 * refusal), unknown. Unknown is sent again with the same key and bytes, and never taken for a failure. */
import { performance } from 'node:perf_hooks';
import { b64, idFromHash, makeStatement, parse, sha256 } from '../../apigate/client.mjs';
import { World } from '../../apigate/world.mjs';
import { Load } from '../load.mjs';
import { until } from '../member.mjs';
import { Random } from '../random.mjs';
import { Steady } from '../steady.mjs';

/* What one member can do alone, and what needs others: there is always somebody to serve. */
const ALONE = ['money', 'money', 'person', 'record'];
const TOGETHER = ['round', 'abroad', 'abroad', 'withdraw'];
const PAUSE_MS = 300;
const ARRIVES_MS = 60000; // a bounty at all members, money from one to another

class Witnessed extends Steady {
    calls = [];
    async send(request) {
        const call = { member: this.member.number, method: request.method, path: request.path,
            key: request.headers?.['Idempotency-Key'] ?? null, start: performance.now(), end: null,
            outcome: 'unknown' };
        this.calls.push(call);
        const reply = await super.send(request);
        call.end = performance.now();
        call.status = reply.status;
        call.outcome = reply.status < 300 ? 'ok' : reply.status < 500 ? 'fail' : 'unknown';
        return reply;
    }
}

/* The people of one member. Reviewers may be drawn from all members: each acts where it lives. */
class Home extends World {
    constructor(member, everybody) {
        super(member.endpoint, member.operator.root.toString('hex'));
        this.close();
        this.api = new Witnessed(member);
        this.everybody = everybody;
    }
    async setUp() {
        await super.setUp();
        for (const r of this.reviewers) r.home = this;
        this.everybody.push(...this.reviewers);
        this.reviewers = this.everybody;
        return this;
    }
    get number() { return this.api.member.number; }
    async commit(submission, seat) {
        await this.#review(submission, seat, 'commitment', this.commitBody(submission, seat));
        seat.committed = true;
    }
    async reveal(submission, seat) {
        await this.#review(submission, seat, 'verdict', this.revealBody(submission, seat));
        seat.revealed = true;
    }
    #review(submission, seat, step, json) {
        const { home } = seat.reviewer;
        const at = home === this ? '/v1' : `/v1/members/${this.number}`;
        return home.api.must(201, seat.reviewer, 'POST', `${at}/reviews/${submission.id}/${step}`, { json });
    }

    /* A patient of ours and a bounty of another member: under a key of its own, through us (docs/members.md). */
    async openAbroad(patient, bounty, home) {
        const { api } = this;
        await until('the bounty here', ARRIVES_MS, async () =>
            (await api.call(null, 'GET', `/v1/bounties/${bounty.id}`)).status === 200);
        const keys = patient.bountyKeys(bounty.id);
        const statement = makeStatement('pseudonym.register', patient.identity,
            { bounty: bounty.id, key: b64(keys.sign.public), receive_key: b64(keys.receive.public) });
        await api.must(201, patient, 'POST', '/v1/pseudonyms', { json: { statement } });
        const headers = { 'Cairn-Acting-As': idFromHash(sha256('cairn/v1/account', keys.sign.public)) };
        const at = `/v1/members/${home.number}/submissions`;
        const slice = this.sliceDraft(patient, bounty);
        const reply = await api.must(201, patient, 'POST', at, { json: this.openBody(slice), headers });
        const s = this.opened(slice, parse(reply));
        await api.must(204, patient, 'PUT', `${at}/${s.id}/content`, { file: s.envelope, headers });
        await api.must(200, patient, 'POST', `${at}/${s.id}/grants`, { json: await this.submitBody(s), headers });
        return s;
    }
    /* What was earned at another member comes by message. */
    async money(person) {
        await until('money from another member', ARRIVES_MS, async () => {
            const { balances } = parse(await this.api.must(200, person, 'GET', '/v1/wallet'));
            return balances.some((b) => b.currency === 'EUR' && b.available_minor > 100);
        });
    }
}

class Client extends Load {
    constructor(world, random, traffic, flows) {
        super(world, random, flows);
        this.traffic = traffic;
    }
    async one(flow) {
        await super.one(flow);
        this.traffic.flows++;
        await new Promise((done) => setTimeout(done, this.random.next() * 2 * PAUSE_MS));
    }
    async abroad() {
        const home = this.random.pick(this.traffic.homes.filter((h) => h !== this.world));
        const patient = this.random.pick(this.patients);
        const s = await this.world.openAbroad(patient, await home.bounty(), home);
        await Promise.all(s.seats.map((seat) => home.commit(s, seat)));
        await Promise.all(s.seats.map((seat) => home.reveal(s, seat)));
        await Promise.all([this.payout(s.patient), ...s.seats.map((seat) => this.payout(seat.reviewer))]);
    }
    async payout(person) {
        const home = person.home ?? this.world;
        if (home !== this.world) return home.clients[0].payout(person);
        await home.money(person);
        return super.payout(person);
    }
}

export class Traffic {
    /* lenient: what was refused is tried again, for servers that lie (negative controls). */
    constructor(fleet, seed, lenient) {
        this.fleet = fleet;
        this.flows = 0;
        this.errors = [];
        const everybody = [];
        this.seed = Number(seed);
        this.homes = fleet.members.map((m) => new Home(m, everybody));
        for (const h of this.homes) h.api.lenient = lenient;
    }
    async setUp() {
        await Promise.all(this.homes.map((h) => h.setUp()));
        this.homes.forEach((h, i) => {
            h.clients = [ALONE, TOGETHER].map((flows, k) =>
                new Client(h, new Random(this.seed * 8 + 2 * i + k), this, flows));
        });
    }
    start() {
        this.over = false;
        this.work = Promise.all(this.homes.flatMap((h) => h.clients.map((c) => c.run(1, () => this.over)
            .catch((e) => { this.errors.push(`member ${h.number}: ${e.message}`); }))));
    }
    /* Every client finishes what it has begun: then each of its calls has an answer. */
    async stop() {
        this.over = true;
        await this.work;
    }
    /* Resolves when n more requests were acknowledged at this member, or at any. */
    more(n, index) {
        const list = index === undefined ? this.homes : [this.homes[index]];
        return Promise.any(list.map((h) => h.api.history.more(n)));
    }
    get calls() { return this.homes.flatMap((h) => h.api.calls); }
    outcomes() {
        const count = { ok: 0, fail: 0, unknown: 0 };
        for (const c of this.calls) count[c.outcome]++;
        return count;
    }
    acknowledged() { return this.homes.reduce((n, h) => n + h.api.history.acknowledged, 0); }
}
