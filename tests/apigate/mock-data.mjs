/* The mock's handlers of records, submissions and reviews; see mock-handlers.mjs. */
import './node-version.mjs';
import sodium from 'libsodium-wrappers-sumo';
import { b64, commitment, nowText } from './client.mjs';
import { ID, NOT_FOUND, find, mine, page, signedBySelf, text } from './mock-common.mjs';
import { Refusal } from './strict-json.mjs';

await sodium.ready;
const record = (c) => {
    const r = mine(c, find(c.mock.records, c.params[0]));
    const v = /^[1-9]\d{0,8}$/.test(c.params[1]) ? r.versions[Number(c.params[1]) - 1] : undefined;
    if (!v) throw NOT_FOUND();
    return v;
};
function upload(c, object) {
    const hash = Buffer.from(sodium.crypto_generichash(32, c.body)).toString('base64');
    if (hash !== object.manifest.ciphertext_hash) throw new Refusal('vault.manifest_mismatch');
    object.content = c.body;
    return {};
}
function step(s, state, entry) {
    s.state = state;
    s.version++;
    s.history.push({ state, at: nowText(), entry });
}
const submissionOf = (c) => mine(c, find(c.mock.submissions, c.params[0]));
function seatOf(c) {
    const s = find(c.mock.submissions, c.params[0]);
    const seat = s.seats.find((x) => x.reviewer === c.account.id);
    if (!seat || s.phase === undefined) throw NOT_FOUND();
    return { s, seat };
}
function signedByBountyKey(c, s) {
    if (c.statement.version !== s.version) throw new Refusal('precondition.stale');
    if (c.statement.signer !== s.signer && c.mock.bug !== 'signature')
        throw new Refusal('statement.signer');
}

const records = {
    createRecordVersion: (c) => {
        const { statement: s, mock } = c;
        if (!ID.test(c.params[0])) throw NOT_FOUND();
        const r = mock.records.get(c.params[0]) ?? { owner: c.account.id, versions: [] };
        mine(c, r);
        if (s.record !== c.params[0]) throw new Refusal('field.format', '/statement/record');
        signedBySelf(c);
        if (s.certificate.content_commitment !== s.manifest.content_commitment)
            throw new Refusal('timeline.certificate');
        if (s.number > 1 && r.versions.length === 0) throw NOT_FOUND();
        if (s.number !== r.versions.length + 1) throw new Refusal('vault.version_number');
        mock.take(s, 'account', [c.account.id]);
        r.versions.push({
            record: s.record,
            number: s.number,
            disease: s.disease,
            manifest: s.manifest,
            owner_wrap: c.json.owner_wrap,
            entry: s.id,
            at: nowText(),
        });
        mock.records.set(s.record, r);
        return { value: { record: s.record, number: s.number, entry: s.id, state: 'pending' } };
    },
    listRecords: (c) =>
        page(
            c,
            [...c.mock.records.values()]
                .filter((r) => r.owner === c.account.id || c.mock.bug === 'leaky-list')
                .flatMap((r) => r.versions)
                .map((v) => ({
                    record: v.record,
                    number: v.number,
                    disease: v.disease,
                    size: v.manifest.size,
                    state: v.content ? 'stored' : 'pending',
                    entry: v.entry,
                    at: v.at,
                })),
        ),
    getRecordVersion: (c) => {
        const v = record(c);
        return {
            value: {
                record: v.record,
                number: v.number,
                disease: v.disease,
                state: v.content ? 'stored' : 'pending',
                manifest: v.manifest,
                owner_wrap: v.owner_wrap,
                entry: v.entry,
            },
        };
    },
    putRecordContent: (c) => upload(c, record(c)),
    getRecordContent: (c) => {
        const v = record(c);
        if (!v.content) throw new Refusal('vault.content_state');
        return text(v.content);
    },
};

const submissions = {
    openSubmission: (c) => {
        const { statement: s, mock } = c;
        const b = find(mock.bounties, s.bounty);
        if (mock.statements.has(s.id)) throw new Refusal('statement.replayed');
        if (b.state !== 'open') throw new Refusal('bounty.closed');
        if (s.terms_hash !== b.termsHash) throw new Refusal('bounty.terms_hash');
        if (s.certificate.content_commitment !== s.manifest.content_commitment)
            throw new Refusal('timeline.certificate');
        if (
            [...mock.submissions.values()].some(
                (x) =>
                    x.owner === c.account.id &&
                    x.bounty === b &&
                    ['QUOTED', 'ROUND'].includes(x.state),
            )
        )
            throw new Refusal('submission.open');
        const free = [...mock.accounts.values()].filter((a) =>
            a.roles.some((r) => r.role === 'reviewer'),
        );
        if (free.length < b.terms.review.seats) throw new Refusal('review.too_few_reviewers');
        const seats = free.slice(0, b.terms.review.seats).map((a, i) => ({
            seat: i + 1,
            reviewer: a.id,
            grantee: a.receive,
            institution: a.roles[0].institution,
        }));
        mock.take(s, 'tx', [c.account.id, b.owner]);
        const history = [{ state: 'QUOTED', at: nowText(), entry: s.id }];
        mock.submissions.set(s.id, {
            id: s.id,
            owner: c.account.id,
            signer: s.signer,
            bounty: b,
            state: 'QUOTED',
            version: 1,
            at: nowText(),
            manifest: s.manifest,
            record: s.record,
            claims: s.claims,
            seats,
            history,
            opened: [],
        });
        return {
            value: {
                id: s.id,
                entry: s.id,
                state: 'QUOTED',
                version: 1,
                seats: seats.map(({ reviewer: _r, ...x }) => x),
                max_pay_minor: b.terms.reward.cap_minor,
                currency: b.terms.currency,
                expires_at: nowText(86400),
                draw_entry: s.id,
            },
        };
    },
    listSubmissions: (c) =>
        page(
            c,
            [...c.mock.submissions.values()]
                .reverse()
                .filter((s) => s.owner === c.account.id)
                .map((s) => ({
                    id: s.id,
                    bounty: s.bounty.id,
                    state: s.state,
                    at: s.at,
                    version: s.version,
                })),
        ),
    getSubmission: (c) => {
        const s = find(c.mock.submissions, c.params[0]);
        if (s.bounty.owner !== c.account.id) mine(c, s);
        return {
            value: {
                id: s.id,
                bounty: s.bounty.id,
                state: s.state,
                round: s.phase ? 1 : 0,
                version: s.version,
                claims: s.claims,
                decision: s.decision ?? null,
                history: s.history,
                opened_by: s.opened,
            },
        };
    },
    putSubmissionContent: (c) => {
        const s = submissionOf(c);
        if (s.state !== 'QUOTED') throw new Refusal('state.edge');
        return upload(c, s);
    },
    submitSubmission: (c) => {
        const s = submissionOf(c);
        const { statement } = c;
        signedByBountyKey(c, s);
        if (c.mock.statements.has(statement.id)) throw new Refusal('statement.replayed');
        if (s.state !== 'QUOTED') throw new Refusal('state.edge');
        if (!s.content) throw new Refusal('vault.content_state');
        const given = (list) => [...new Set(list.map((x) => x.seat))].sort().join();
        const right = given(s.seats);
        if (
            statement.submission !== s.id ||
            statement.grants.length !== s.seats.length ||
            given(statement.grants) !== right ||
            c.json.wraps.length !== s.seats.length ||
            given(c.json.wraps) !== right ||
            !statement.grants.every(
                (g) =>
                    g.submission === s.id &&
                    g.grantee === s.seats.find((x) => x.seat === g.seat).grantee &&
                    g.key_commitment === s.manifest.key_commitment &&
                    g.content_commitment === s.manifest.content_commitment,
            )
        )
            throw new Refusal('submission.grants');
        c.mock.take(statement, 'tx', [c.account.id]);
        Object.assign(s, { phase: 'commit', grants: statement.grants, wraps: c.json.wraps });
        step(s, 'ROUND', statement.id);
        return {
            value: {
                id: s.id,
                entry: statement.id,
                state: 'ROUND',
                round: 1,
                commit_due: nowText(3600),
                version: s.version,
            },
        };
    },
    withdrawSubmission: (c) => {
        const s = submissionOf(c);
        signedByBountyKey(c, s);
        if (c.statement.submission !== s.id)
            throw new Refusal('field.format', '/statement/submission');
        if (c.mock.statements.has(c.statement.id)) throw new Refusal('statement.replayed');
        if (s.state !== 'QUOTED') throw new Refusal('state.edge');
        c.mock.take(c.statement, 'tx', [c.account.id]);
        step(s, 'WITHDRAWN', c.statement.id);
        return {
            value: { id: s.id, entry: c.statement.id, state: 'WITHDRAWN', version: s.version },
        };
    },
};

function settle(c, s) {
    const { reward, review } = s.bounty.terms;
    const pay = Math.min(
        reward.cap_minor,
        Math.floor(
            ((reward.base_minor +
                reward.per_visit_minor * s.claims.visits +
                reward.per_month_minor * s.claims.months) *
                (10000 + reward.scarcity_bp)) /
                10000,
        ),
    );
    s.phase = 'closed';
    s.decision = {
        score_bp: 6375,
        n_eff_bp: 30000,
        outcome: 'ACCEPTED',
        quality_bp: 10000,
        ...s.claims,
        pay_minor: pay,
        currency: s.bounty.terms.currency,
        reasons: [],
    };
    const entry = c.statement.id;
    step(s, 'ACCEPTED', entry);
    step(s, 'PAID', entry);
    s.bounty.available -= pay + review.fee_minor * s.seats.length;
    s.bounty.paid += pay;
    c.mock.pay(s.owner, pay, 'submission.pay', entry);
    for (const seat of s.seats) c.mock.pay(seat.reviewer, review.fee_minor, 'review.pay', entry);
}
const reviewItem = (s, x) => ({
    submission: s.id,
    bounty: s.bounty.id,
    seat: x.seat,
    phase: s.phase,
    committed: !!x.commitment,
    revealed: !!x.revealed,
    due_at: nowText(3600),
});

const reviews = {
    listReviews: (c) =>
        page(
            c,
            [...c.mock.submissions.values()]
                .filter((s) => s.phase && (!c.query.phase || c.query.phase === s.phase))
                .flatMap((s) =>
                    s.seats.filter((x) => x.reviewer === c.account.id).map((x) => reviewItem(s, x)),
                ),
        ),
    getReview: (c) => {
        const { s, seat } = seatOf(c);
        return {
            value: {
                ...reviewItem(s, seat),
                terms_hash: s.bounty.termsHash,
                round: 1,
                owner: s.signer,
                record: s.record,
                manifest: s.manifest,
                claims: s.claims,
                grant: s.grants.find((g) => g.seat === seat.seat),
                wrap: s.wraps.find((w) => w.seat === seat.seat).wrap,
            },
        };
    },
    getReviewContent: (c) => {
        const { s, seat } = seatOf(c);
        if (!s.opened.some((o) => o.seat === seat.seat))
            s.opened.push({ seat: seat.seat, at: nowText() });
        return text(s.content);
    },
    commitVerdict: (c) => {
        const { s, seat } = seatOf(c);
        signedBySelf(c);
        if (c.statement.submission !== s.id)
            throw new Refusal('field.format', '/statement/submission');
        if (c.mock.statements.has(c.statement.id)) throw new Refusal('statement.replayed');
        if (s.phase !== 'commit') throw new Refusal('review.late');
        if (seat.commitment) throw new Refusal('review.twice');
        c.mock.take(c.statement, 'tx', [c.account.id]);
        seat.commitment = c.statement.commitment;
        if (s.seats.every((x) => x.commitment)) s.phase = 'reveal';
        return {
            value: { submission: s.id, seat: seat.seat, entry: c.statement.id, phase: s.phase },
        };
    },
    revealVerdict: (c) => {
        const { s, seat } = seatOf(c);
        const { statement } = c;
        signedBySelf(c);
        if (statement.submission !== s.id)
            throw new Refusal('field.format', '/statement/submission');
        if (c.mock.statements.has(statement.id)) throw new Refusal('statement.replayed');
        if (s.phase !== 'reveal') throw new Refusal('review.late');
        if (seat.revealed) throw new Refusal('review.twice');
        if (Object.keys(statement.verdict.rubric).length !== s.bounty.terms.review.rubric.length)
            throw new Refusal('field.missing', '/statement/verdict/rubric');
        if (
            b64(commitment(Buffer.from(statement.nonce, 'base64'), statement.verdict)) !==
            seat.commitment
        )
            throw new Refusal('review.seal');
        c.mock.take(statement, 'tx', [c.account.id]);
        seat.revealed = true;
        if (s.seats.every((x) => x.revealed)) settle(c, s);
        return {
            value: { submission: s.id, seat: seat.seat, entry: statement.id, phase: s.phase },
        };
    },
};

export const dataHandlers = { ...records, ...submissions, ...reviews };
