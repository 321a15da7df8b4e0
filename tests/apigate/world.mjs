/* The people and things that the tests act with, made through the public API alone: an operator, two
 * sponsors, six reviewers of three institutions, two patients, somebody without a role, and on demand
 * bounties, records and submissions in any state. */
import './node-version.mjs';
import {
    Api,
    Person,
    b64,
    canonical,
    commitment,
    makeStatement,
    newId,
    nowText,
    parse,
    sha256,
} from './client.mjs';
import * as vault from './vault.mjs';
import crypto from 'node:crypto';

export const DISEASE = 'MONDO:0005388';
const CURRENCY = 'EUR';
const DEPOSIT = 500000000000;
const FUNDING = 200000;

export function termsOf(changes = {}) {
    return {
        title: 'Primary biliary cholangitis: dated liver tests',
        disease: DISEASE,
        currency: CURRENCY,
        visit_plan: {
            min_spacing_days: 80,
            horizon_months: 120,
            required_min: 1,
            required: [
                { system: 'http://loinc.org', code: '1742-6' },
                { system: 'http://loinc.org', code: '1975-2' },
            ],
        },
        reward: {
            base_minor: 2000,
            per_visit_minor: 1500,
            per_month_minor: 100,
            cap_minor: 60000,
            scarcity_bp: 2500,
            quality: [
                { score_bp: 3000, quality_bp: 7000 },
                { score_bp: 6000, quality_bp: 10000 },
            ],
        },
        review: {
            seats: 3,
            quorum: 3,
            fee_minor: 1500,
            threshold_bp: 3000,
            k: 1,
            rubric: ['authentic', 'complete', 'consistent'],
            commit_hours: 72,
            reveal_hours: 48,
        },
        purposes: ['DUO:0000006'],
        retention_days: 730,
        budget_minor: 5000000,
        opens_at: nowText(-60),
        closes_at: nowText(90 * 86400),
        ...changes,
    };
}

export const certificateOf = (manifest) => ({
    checks: 'cairn-checks/1',
    errors: 0,
    warnings: 0,
    content_commitment: manifest.content_commitment,
});

export class World {
    constructor(base, operatorRoot) {
        this.api = new Api(base);
        this.operator = new Person(Buffer.from(operatorRoot, 'hex'));
        this.cache = new Map();
    }

    async setUp() {
        const federation = parse(await this.api.must(200, null, 'GET', '/v1/federation'));
        this.federation = federation;
        this.api.origin = federation.federation; /* what a sign-in signature names */
        await this.#register(this.operator, [201, 409]); /* it may be known from an earlier run */
        await this.api.signIn(this.operator);
        this.sponsors = [
            await this.person('sponsor', 'acme'),
            await this.person('sponsor', 'borealis'),
        ];
        this.reviewers = [];
        for (const institution of ['uni-north', 'uni-south', 'uni-west'])
            for (let i = 0; i < 2; i++) this.reviewers.push(await this.#reviewer(institution, i));
        this.patients = [
            await this.person('patient', 'st-anne'),
            await this.person('patient', 'st-anne'),
        ];
        this.plain = await this.person();
        for (const sponsor of this.sponsors) await this.deposit(sponsor);
        return this;
    }
    close() {
        this.api.close();
    }

    async #register(person, statuses) {
        const statement = makeStatement('account.register', person.identity, {
            receive_key: b64(person.receive.public),
        });
        const reply = await this.api.call(null, 'POST', '/v1/accounts', { json: { statement } });
        if (!statuses.includes(reply.status))
            throw new Error(`register: ${reply.status} ${reply.body}`);
        person.registerEntry = statement.id;
    }
    async attest(person, role, institution) {
        const statement = makeStatement('role.attest', this.operator.identity, {
            account: person.account,
            role,
            institution,
        });
        await this.api.must(201, this.operator, 'POST', '/v1/attestations', {
            json: { statement },
        });
        return statement.id;
    }
    /* A new account, with a role if one is named, signed in. */
    async person(role, institution) {
        const person = new Person();
        await this.#register(person, [201]);
        if (role) person.attestEntry = await this.attest(person, role, institution);
        await this.api.signIn(person);
        return person;
    }
    /* Reviewers come from the operator's root, so that a later run on the same server has the keys of all
     * who may be drawn. No other reviewers may be on that server. */
    async #reviewer(institution, n) {
        const person = new Person(
            sha256('apigate reviewer', this.operator.root, institution, String(n)),
        );
        await this.#register(person, [201, 409]);
        await this.api.signIn(person);
        const { roles } = parse(
            await this.api.must(200, person, 'GET', `/v1/accounts/${person.account}`),
        );
        if (roles.length === 0) await this.attest(person, 'reviewer', institution);
        return person;
    }
    async unattested() {
        const person = new Person();
        await this.#register(person, [201]);
        return person;
    }

    async deposit(sponsor, amount = DEPOSIT) {
        const statement = makeStatement('deposit.request', sponsor.identity, {
            amount_minor: amount,
            currency: CURRENCY,
            reference: 'Test deposit',
        });
        await this.api.must(201, sponsor, 'POST', '/v1/deposits', { json: { statement } });
        return statement.id;
    }
    async bounty(sponsor = this.sponsors[0], { fund = FUNDING, terms = termsOf() } = {}) {
        const statement = makeStatement('bounty.publish', sponsor.identity, { terms });
        await this.api.must(201, sponsor, 'POST', '/v1/bounties', { json: { statement } });
        const bounty = {
            id: statement.id,
            terms,
            termsHash: b64(sha256(canonical(terms))),
            sponsor,
        };
        if (fund) await this.fund(bounty, fund);
        return bounty;
    }
    async fund(bounty, amount) {
        const statement = makeStatement('bounty.fund', bounty.sponsor.identity, {
            bounty: bounty.id,
            amount_minor: amount,
            currency: CURRENCY,
        });
        return this.api.must(201, bounty.sponsor, 'POST', `/v1/bounties/${bounty.id}/funding`, {
            json: { statement },
        });
    }

    /* A version of a new record, not announced yet. */
    async recordDraft(patient) {
        const record = newId();
        const content = vault.timeline(DISEASE, 4);
        const sealed = vault.seal(
            { record, version: 1, schema: 'cairn-timeline/1', owner: patient.identity.public },
            content,
        );
        const wrap = await vault.wrap(patient.receive.public, sha256(sealed.aad), sealed.dek);
        return { record, number: 1, content, ownerWrap: b64(wrap), patient, ...sealed };
    }
    recordBody(draft, key = draft.patient.identity) {
        const statement = makeStatement(
            'record.version',
            key,
            {
                record: draft.record,
                number: draft.number,
                disease: DISEASE,
                manifest: draft.manifest,
                certificate: certificateOf(draft.manifest),
            },
            { version: draft.number },
        );
        draft.entry = statement.id;
        return { statement, owner_wrap: draft.ownerWrap };
    }
    async record(patient, { stored = true } = {}) {
        const draft = await this.recordDraft(patient);
        await this.api.must(201, patient, 'POST', `/v1/records/${draft.record}/versions`, {
            json: this.recordBody(draft),
        });
        if (stored)
            await this.api.must(
                204,
                patient,
                'PUT',
                `/v1/records/${draft.record}/versions/1/content`,
                { file: draft.envelope },
            );
        return draft;
    }

    /* A slice sealed under the patient's key toward this bounty. */
    sliceDraft(patient, bounty) {
        const keys = patient.bountyKeys(bounty.id);
        const record = newId();
        const content = vault.timeline(DISEASE, 5);
        const sealed = vault.seal(
            { record, version: 1, schema: 'cairn-timeline/1', owner: keys.sign.public },
            content,
        );
        return { patient, bounty, keys, record, content, ...sealed };
    }
    openBody(slice) {
        return {
            statement: makeStatement('submission.open', slice.keys.sign, {
                bounty: slice.bounty.id,
                terms_hash: slice.bounty.termsHash,
                receive_key: b64(slice.keys.receive.public),
                record: slice.record,
                manifest: slice.manifest,
                certificate: certificateOf(slice.manifest),
                claims: { visits: 5, months: 11 },
            }),
        };
    }
    async openSubmission(patient, bounty) {
        const slice = this.sliceDraft(patient, bounty);
        const reply = await this.api.must(201, patient, 'POST', '/v1/submissions', {
            json: this.openBody(slice),
        });
        return this.opened(slice, parse(reply));
    }
    /* The local picture of a submission from the answer that opened it. */
    opened(slice, reply) {
        const seats = reply.seats.map((s) => ({
            seat: s.seat,
            grantee: s.grantee,
            reviewer: this.reviewers.find((r) => b64(r.receive.public) === s.grantee),
        }));
        return { ...slice, id: reply.id, seats, version: reply.version };
    }
    async putSlice(submission) {
        await this.api.must(
            204,
            submission.patient,
            'PUT',
            `/v1/submissions/${submission.id}/content`,
            { file: submission.envelope },
        );
    }
    async submitBody(submission, key = submission.keys.sign) {
        const grants = [],
            wraps = [];
        for (const { seat, grantee } of submission.seats) {
            const grant = {
                submission: submission.id,
                seat,
                grantee,
                key_commitment: submission.manifest.key_commitment,
                content_commitment: submission.manifest.content_commitment,
                purpose: 'review',
                expires_at: nowText(200 * 86400),
            };
            grants.push(grant);
            const wrap = await vault.wrap(
                Buffer.from(grantee, 'base64'),
                sha256(canonical(grant)),
                submission.dek,
            );
            wraps.push({ seat, wrap: b64(wrap) });
        }
        const statement = makeStatement(
            'submission.submit',
            key,
            { submission: submission.id, round: 1, grants },
            { version: submission.version },
        );
        return { statement, wraps };
    }
    async submit(submission) {
        const reply = await this.api.must(
            200,
            submission.patient,
            'POST',
            `/v1/submissions/${submission.id}/grants`,
            { json: await this.submitBody(submission) },
        );
        submission.version = parse(reply).version;
        return submission;
    }
    withdrawBody(submission, key = submission.keys.sign) {
        return {
            statement: makeStatement(
                'submission.withdraw',
                key,
                { submission: submission.id },
                { version: submission.version },
            ),
        };
    }
    async withdraw(submission) {
        await this.api.must(
            200,
            submission.patient,
            'POST',
            `/v1/submissions/${submission.id}/withdrawal`,
            { json: this.withdrawBody(submission) },
        );
    }

    verdictOf(seat) {
        seat.nonce ??= crypto.randomBytes(32);
        seat.verdict ??= {
            rubric: { authentic: 9000, complete: 8000, consistent: 8500 },
            visits: 5,
            months: 11,
            recommend: 'accept',
            reasons: [],
        };
        return seat;
    }
    commitBody(submission, seat, key = seat.reviewer.identity) {
        const { nonce, verdict } = this.verdictOf(seat);
        return {
            statement: makeStatement('verdict.commit', key, {
                submission: submission.id,
                round: 1,
                commitment: b64(commitment(nonce, verdict)),
            }),
        };
    }
    revealBody(submission, seat, key = seat.reviewer.identity) {
        const { nonce, verdict } = this.verdictOf(seat);
        return {
            statement: makeStatement('verdict.reveal', key, {
                submission: submission.id,
                round: 1,
                nonce: b64(nonce),
                verdict,
            }),
        };
    }
    async commit(submission, seat) {
        await this.api.must(201, seat.reviewer, 'POST', `/v1/reviews/${submission.id}/commitment`, {
            json: this.commitBody(submission, seat),
        });
        seat.committed = true;
    }
    async reveal(submission, seat) {
        await this.api.must(201, seat.reviewer, 'POST', `/v1/reviews/${submission.id}/verdict`, {
            json: this.revealBody(submission, seat),
        });
        seat.revealed = true;
    }

    /* A submission of a patient to a bounty of the first sponsor, taken as far as asked: quoted,
     * loaded (content stored), round, reveal (all committed), paid. */
    async submission(stage, patient = this.patients[0]) {
        const s = await this.openSubmission(patient, await this.bounty());
        if (stage === 'quoted') return s;
        await this.putSlice(s);
        if (stage === 'loaded') return s;
        await this.submit(s);
        if (stage === 'round') return s;
        for (const seat of s.seats) await this.commit(s, seat);
        if (stage === 'reveal') return s;
        for (const seat of s.seats) await this.reveal(s, seat);
        return s;
    }

    payoutBody(person, amount = 1, key = person.identity) {
        return {
            statement: makeStatement('payout.request', key, {
                amount_minor: amount,
                currency: CURRENCY,
                method: 'test',
                destination: 'test-account-1',
            }),
        };
    }
    /* Made once and kept, until drop(). */
    async once(name, make) {
        if (!this.cache.has(name)) this.cache.set(name, await make());
        return this.cache.get(name);
    }
    drop(name) {
        this.cache.delete(name);
    }
}
