/* The workload: several clients at once that do everything a member server is for. What each of them
 * does next comes from the seed; each step goes through a Steady client. */
import crypto from 'node:crypto';
import { Person, makeStatement, parse, sha256, b64 } from '../apigate/client.mjs';
import * as vault from '../apigate/vault.mjs';
import { DISEASE, World, certificateOf } from '../apigate/world.mjs';
import { Steady } from './steady.mjs';

const BIG_MAX = 700000; // bytes of an upload: several reads of the server

/* A World over a Steady client, on a member that runs. */
export async function settle(member, operator, { lenient = false } = {}) {
    const world = new World(member.url, operator.root.toString('hex'));
    world.close();
    world.api = new Steady(member);
    world.api.lenient = lenient;
    await world.setUp();
    return world;
}

export const newOperator = () => new Person();

export class Load {
    constructor(world, random, flows = ['round', 'record', 'money', 'person', 'withdraw']) {
        this.world = world;
        this.random = random;
        this.flows = flows;
        this.done = new Map();
        this.patients = [...world.patients];
    }

    /* Runs n clients until stop() says so or one of them meets what it must not meet; each finishes what it
     * has begun. Rejects with the first such error. */
    async run(n, stop) {
        let error = null;
        const client = async () => {
            try {
                while (!stop() && !error) await this.one(this.random.pick(this.flows));
            } catch (e) {
                error ??= e;
            }
        };
        await Promise.all(Array.from({ length: n }, client));
        if (error) throw error;
    }
    async one(flow) {
        try {
            await this[flow]();
            this.done.set(flow, (this.done.get(flow) ?? 0) + 1);
        } catch (e) {
            if (!this.world.api.lenient) throw e;
        }
    }
    #patient() { return this.random.pick(this.patients); }

    async person() {
        this.patients.push(await this.world.person('patient', 'st-anne'));
    }
    async money() {
        const sponsor = this.random.pick(this.world.sponsors);
        await this.world.deposit(sponsor, 100000 + this.random.below(100000));
        const bounty = await this.world.bounty(sponsor, { fund: 30000 });
        await this.world.fund(bounty, 1000 + this.random.below(1000));
        if (this.random.chance(0.3)) await this.close(bounty);
    }
    async close(bounty) {
        const { api } = this.world;
        const reply = await api.must(200, null, 'GET', `/v1/bounties/${bounty.id}`);
        const statement = makeStatement('bounty.close', bounty.sponsor.identity, { bounty: bounty.id },
            { version: parse(reply).version });
        await api.must(200, bounty.sponsor, 'POST', `/v1/bounties/${bounty.id}/closure`,
            { json: { statement }, ifMatch: reply.headers.etag });
    }
    /* Two versions of one record; the second is large enough that a kill finds it on its way. */
    async record() {
        const patient = this.#patient();
        const first = await this.world.record(patient);
        const content = crypto.randomBytes(1 + this.random.below(BIG_MAX));
        const sealed = vault.seal({ record: first.record, version: 2, schema: 'cairn-timeline/1',
            owner: patient.identity.public }, content);
        const wrap = await vault.wrap(patient.receive.public, sha256(sealed.aad), sealed.dek);
        const statement = makeStatement('record.version', patient.identity, { record: first.record, number: 2,
            disease: DISEASE, manifest: sealed.manifest, certificate: certificateOf(sealed.manifest) }, { version: 2 });
        const path = `/v1/records/${first.record}/versions`;
        await this.world.api.must(201, patient, 'POST', path, { json: { statement, owner_wrap: b64(wrap) } });
        await this.world.api.must(204, patient, 'PUT', `${path}/2/content`, { file: sealed.envelope });
    }
    async withdraw() {
        const s = await this.world.openSubmission(this.#patient(), await this.world.bounty());
        if (this.random.chance(0.5)) await this.world.putSlice(s);
        await this.world.withdraw(s);
    }
    /* A submission through its whole round, the seats side by side, then money out. */
    async round() {
        const { world } = this;
        const s = await world.openSubmission(this.#patient(), await world.bounty());
        await world.putSlice(s);
        await world.submit(s);
        await Promise.all(s.seats.map((seat) => world.commit(s, seat)));
        await Promise.all(s.seats.map((seat) => world.reveal(s, seat)));
        await Promise.all([this.payout(s.patient), ...s.seats.map((seat) => this.payout(seat.reviewer))]);
    }
    async payout(person) {
        const destination = this.random.chance(0.2) ? 'fail-account' : 'test-account';
        const statement = makeStatement('payout.request', person.identity,
            { amount_minor: 1 + this.random.below(20), currency: 'EUR', method: 'test', destination });
        await this.world.api.must(201, person, 'POST', '/v1/payouts', { json: { statement } });
    }
}
