/* For each operation: an object on which it succeeds, the request that makes it succeed, and what the
 * success uses up. A request is { person, path, query, json, file, ifMatch, signKey }: signKey is what
 * signs the statement in json, so that a changed statement can be signed again.
 * request(w, t, who, absent): `who` acts in place of the owner, with keys of its own; `absent` puts a
 * random id where t's would be. */
import './node-version.mjs';
import { Person, b64, makeStatement, newId, parse } from './client.mjs';
import { termsOf } from './world.mjs';

const id = (t, absent) => (absent ? newId() : t);
const moneyOf = (bounty, amount, key) => ({
    statement: makeStatement('bounty.fund', key, { bounty, amount_minor: amount, currency: 'EUR' }),
});
/* Lists are only seen to turn a page if there are two things in them. */
async function times(n, make) {
    let last;
    for (let i = 0; i < n; i++) last = await make();
    return last;
}
const twoEntries = (w) =>
    w.once('two entries', async () => {
        const bounty = await w.bounty();
        await w.openSubmission(w.patients[1], bounty);
        return w.openSubmission(w.patients[0], bounty);
    });
const latestRound = (w) => w.once('round', () => w.submission('round'));
const keyOf = (t, who) =>
    who && who !== t.patient ? who.bountyKeys(t.bounty.id).sign : t.keys.sign;

async function checkpointSize(w, chain) {
    const reply = await w.api.must(200, null, 'GET', `/log/${chain}/checkpoint`);
    return Number(reply.body.toString().split('\n')[1]);
}
async function tilePath(w) {
    const size = await checkpointSize(w, 'account');
    return size >= 256 ? '0/000' : `0/000.p/${size}`;
}
const nextSeat = (t, mark) => t.seats.find((s) => !s[mark]);
async function withSeat(w, name, stage, mark) {
    let t = await w.once(name, () => w.submission(stage));
    if (!nextSeat(t, mark)) {
        w.drop(name);
        t = await w.once(name, () => w.submission(stage));
    }
    return { ...t, seat: nextSeat(t, mark) };
}
const none = async () => ({});
const get = (path) => ({ target: none, request: () => ({ path }) });

export const operations = {
    healthLive: get('/health/live'),
    healthReady: get('/health/ready'),
    metrics: get('/metrics'),
    getFederation: get('/v1/federation'),
    getPolicy: get('/v1/federation/policy'),
    listChanges: get('/v1/federation/changes'),
    /* The one member of this federation moves to another endpoint: that is in force at once. */
    sayChange: {
        target: async (w) => parse(await w.api.must(200, null, 'GET', '/v1/federation/changes')),
        request: (w, t, who = w.operator) => ({
            person: who,
            path: '/v1/federation/changes',
            signKey: who.identity,
            json: {
                statement: makeStatement(
                    'member.propose',
                    who.identity,
                    {
                        genesis: t.genesis,
                        change: 'rekey',
                        number: 1,
                        endpoint: `http://127.0.0.1:${10000 + Math.floor(Math.random() * 50000)}`,
                    },
                    { version: t.epoch },
                ),
            },
        }),
    },
    getCheckpoint: get('/log/tx/checkpoint'),
    getTile: {
        target: async (w) => ({ path: await tilePath(w) }),
        request: (w, t) => ({ path: `/log/account/tile/${t.path}` }),
    },
    getView: get('/log/account/view/1'),

    registerAccount: {
        target: async () => ({ person: new Person() }),
        request: (w, t) => ({
            path: '/v1/accounts',
            signKey: t.person.identity,
            json: {
                statement: makeStatement('account.register', t.person.identity, {
                    receive_key: b64(t.person.receive.public),
                }),
            },
        }),
    },
    getAccount: {
        target: async (w) => ({ owner: w.patients[0] }),
        request: (w, t, who, absent) => ({
            person: who ?? t.owner,
            path: `/v1/accounts/${id(t.owner.account, absent)}`,
        }),
    },
    getChallenge: {
        target: none,
        request: (w) => ({ path: `/v1/accounts/${w.patients[0].account}/challenge` }),
    },
    createSession: {
        target: async (w) => ({
            challenge: parse(
                await w.api.must(200, null, 'GET', `/v1/accounts/${w.plain.account}/challenge`),
            ).challenge,
        }),
        request: (w, t) => ({
            path: '/v1/sessions',
            json: w.api.sessionBody(w.plain, t.challenge),
        }),
    },
    deleteSession: {
        target: (w) => w.once('signed-in', async () => ({ owner: await w.person() })),
        request: (w, t, who) => ({ person: who ?? t.owner, path: '/v1/sessions/current' }),
        used: async (w) => w.drop('signed-in'),
    },
    attestRole: {
        target: (w) => w.once('unattested', async () => ({ subject: await w.unattested() })),
        request: (w, t, who = w.operator) => ({
            person: who,
            path: '/v1/attestations',
            signKey: who.identity,
            json: {
                statement: makeStatement('role.attest', who.identity, {
                    account: t.subject.account,
                    role: 'patient',
                    institution: 'st-anne',
                }),
            },
        }),
        used: async (w) => w.drop('unattested'),
    },

    createDeposit: {
        target: none,
        request: (w, t, who = w.sponsors[0]) => ({
            person: who,
            path: '/v1/deposits',
            signKey: who.identity,
            json: {
                statement: makeStatement('deposit.request', who.identity, {
                    amount_minor: 125000,
                    currency: 'EUR',
                    reference: 'Invoice 7',
                }),
            },
        }),
    },
    getWallet: {
        target: none,
        request: (w, t, who = w.patients[0]) => ({ person: who, path: '/v1/wallet' }),
    },
    listTransfers: {
        target: (w) => w.once('two deposits', () => times(2, () => w.deposit(w.sponsors[0], 100))),
        request: (w, t, who = w.sponsors[0]) => ({ person: who, path: '/v1/wallet/transfers' }),
    },
    /* Anyone signed in may ask; with an empty wallet the answer is that it is empty. */
    createPayout: {
        target: (w) => w.once('paid', () => w.submission('paid')),
        lacking: 'books.insufficient',
        request: (w, t, who = w.patients[0]) => ({
            person: who,
            path: '/v1/payouts',
            signKey: who.identity,
            json: w.payoutBody(who),
        }),
    },
    getPayout: {
        target: (w) =>
            w.once('payout', async () => {
                await w.once('paid', () => w.submission('paid'));
                const json = w.payoutBody(w.patients[0]);
                await w.api.must(201, w.patients[0], 'POST', '/v1/payouts', { json });
                return { id: json.statement.id };
            }),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            path: `/v1/payouts/${id(t.id, absent)}`,
        }),
    },

    listBounties: {
        target: (w) => w.once('two bounties', () => times(2, () => w.bounty())),
        request: () => ({ path: '/v1/bounties' }),
    },
    publishBounty: {
        target: none,
        request: (w, t, who = w.sponsors[0]) => ({
            person: who,
            path: '/v1/bounties',
            signKey: who.identity,
            json: {
                statement: makeStatement('bounty.publish', who.identity, { terms: termsOf() }),
            },
        }),
    },
    getBounty: {
        target: (w) => w.once('bounty', () => w.bounty()),
        request: (w, t) => ({ path: `/v1/bounties/${t.id}` }),
    },
    fundBounty: {
        target: (w) => w.once('bounty', () => w.bounty()),
        request: (w, t, who = w.sponsors[0], absent = false) => {
            const bounty = id(t.id, absent);
            return {
                person: who,
                path: `/v1/bounties/${bounty}/funding`,
                signKey: who.identity,
                json: moneyOf(bounty, 100, who.identity),
            };
        },
        /* a large amount went through: the wallet is filled again */
        used: async (w, t, reply) => {
            if (parse(reply).available_minor > 1e9) await w.deposit(w.sponsors[0], 1e12);
        },
    },
    closeBounty: {
        target: (w) =>
            w.once('to close', async () => {
                const bounty = await w.bounty();
                const { version } = parse(
                    await w.api.must(200, null, 'GET', `/v1/bounties/${bounty.id}`),
                );
                return { ...bounty, version };
            }),
        request: (w, t, who = w.sponsors[0], absent = false) => {
            const bounty = id(t.id, absent);
            return {
                person: who,
                path: `/v1/bounties/${bounty}/closure`,
                signKey: who.identity,
                ifMatch: `"v${t.version}"`,
                json: {
                    statement: makeStatement(
                        'bounty.close',
                        who.identity,
                        { bounty },
                        { version: t.version },
                    ),
                },
            };
        },
        used: async (w) => w.drop('to close'),
    },
    getBountyAccount: {
        target: (w) => w.once('bounty', () => w.bounty()),
        request: (w, t, who = w.sponsors[0], absent = false) => ({
            person: who,
            path: `/v1/bounties/${id(t.id, absent)}/account`,
        }),
    },
    listBountySubmissions: {
        target: twoEntries,
        request: (w, t, who = w.sponsors[0], absent = false) => ({
            person: who,
            path: `/v1/bounties/${id(t.bounty.id, absent)}/submissions`,
        }),
    },

    /* A foreign caller adds version 2 to the owner's record; an absent one has no version 1 either. */
    createRecordVersion: {
        target: async (w) => ({
            draft: await w.recordDraft(w.patients[0]),
            stored: await w.once('record', () => w.record(w.patients[0])),
        }),
        request: (w, t, who = w.patients[0], absent = false) => {
            const own = who === w.patients[0] && !absent;
            const draft = own
                ? t.draft
                : {
                      ...t.draft,
                      number: 2,
                      patient: who,
                      record: absent ? newId() : t.stored.record,
                  };
            return {
                person: who,
                path: `/v1/records/${draft.record}/versions`,
                signKey: who.identity,
                json: w.recordBody(draft, who.identity),
            };
        },
    },
    listRecords: {
        target: (w) => w.once('two records', () => times(2, () => w.record(w.patients[0]))),
        request: (w, t, who = w.patients[0]) => ({ person: who, path: '/v1/records' }),
    },
    getRecordVersion: {
        target: (w) => w.once('record', () => w.record(w.patients[0])),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            path: `/v1/records/${id(t.record, absent)}/versions/1`,
        }),
    },
    putRecordContent: {
        target: (w) => w.once('pending', () => w.record(w.patients[0], { stored: false })),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            file: t.envelope,
            path: `/v1/records/${id(t.record, absent)}/versions/1/content`,
        }),
        used: async (w) => w.drop('pending'),
    },
    getRecordContent: {
        target: (w) => w.once('record', () => w.record(w.patients[0])),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            path: `/v1/records/${id(t.record, absent)}/versions/1/content`,
        }),
    },

    openSubmission: {
        target: async (w) => {
            const bounty = await w.once('to enter', () => w.bounty());
            return { bounty, slice: w.sliceDraft(w.patients[0], bounty) };
        },
        request: (w, t, who = w.patients[0]) => {
            const slice = who === w.patients[0] ? t.slice : w.sliceDraft(who, t.bounty);
            return {
                person: who,
                path: '/v1/submissions',
                signKey: slice.keys.sign,
                json: w.openBody(slice),
                slice,
            };
        },
        /* One may have one open submission per bounty: withdrawn, the bounty can be entered again. */
        used: async (w, t, reply, r) => w.withdraw(w.opened(r.slice, parse(reply))),
    },
    listSubmissions: {
        target: (w) => w.once('two quotes', () => times(2, () => w.submission('quoted'))),
        request: (w, t, who = w.patients[0]) => ({ person: who, path: '/v1/submissions' }),
    },
    getSubmission: {
        target: latestRound,
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            path: `/v1/submissions/${id(t.id, absent)}`,
        }),
    },
    putSubmissionContent: {
        target: (w) => w.once('quoted', () => w.submission('quoted')),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            file: t.envelope,
            path: `/v1/submissions/${id(t.id, absent)}/content`,
        }),
        used: async (w) => w.drop('quoted'),
    },
    submitSubmission: {
        target: (w) => w.once('loaded', () => w.submission('loaded')),
        request: async (w, t, who = w.patients[0], absent = false) => {
            const submission = { ...t, id: id(t.id, absent) };
            const signKey = keyOf(t, who);
            return {
                person: who,
                path: `/v1/submissions/${submission.id}/grants`,
                signKey,
                json: await w.submitBody(submission, signKey),
            };
        },
        used: async (w) => w.drop('loaded'),
    },
    withdrawSubmission: {
        target: (w) => w.once('to withdraw', () => w.submission('quoted')),
        request: (w, t, who = w.patients[0], absent = false) => {
            const submission = { ...t, id: id(t.id, absent) };
            const signKey = keyOf(t, who);
            return {
                person: who,
                path: `/v1/submissions/${submission.id}/withdrawal`,
                signKey,
                json: w.withdrawBody(submission, signKey),
            };
        },
        used: async (w) => w.drop('to withdraw'),
    },

    /* six reviewers and three seats: four rounds give everybody two */
    listReviews: {
        target: (w) => w.once('four rounds', () => times(4, () => w.submission('round'))),
        request: (w, t, who = w.reviewers[0]) => ({ person: who, path: '/v1/reviews' }),
    },
    getReview: {
        target: latestRound,
        request: (w, t, who = t.seats[0].reviewer, absent = false) => ({
            person: who,
            path: `/v1/reviews/${id(t.id, absent)}`,
        }),
    },
    getReviewContent: {
        target: latestRound,
        request: (w, t, who = t.seats[0].reviewer, absent = false) => ({
            person: who,
            path: `/v1/reviews/${id(t.id, absent)}/content`,
        }),
    },
    commitVerdict: {
        target: (w) => withSeat(w, 'to commit', 'round', 'committed'),
        request: (w, t, who = t.seat.reviewer, absent = false) => {
            const submission = { ...t, id: id(t.id, absent) };
            return {
                person: who,
                path: `/v1/reviews/${submission.id}/commitment`,
                signKey: who.identity,
                json: w.commitBody(submission, t.seat, who.identity),
            };
        },
        used: async (w, t) => {
            t.seat.committed = true;
        },
    },
    revealVerdict: {
        target: (w) => withSeat(w, 'to reveal', 'reveal', 'revealed'),
        request: (w, t, who = t.seat.reviewer, absent = false) => {
            const submission = { ...t, id: id(t.id, absent) };
            return {
                person: who,
                path: `/v1/reviews/${submission.id}/verdict`,
                signKey: who.identity,
                json: w.revealBody(submission, t.seat, who.identity),
            };
        },
        used: async (w, t) => {
            t.seat.revealed = true;
        },
    },

    listReceipts: {
        target: none,
        request: (w, t, who = w.patients[0]) => ({ person: who, path: '/v1/receipts' }),
    },
    getReceipt: {
        target: (w) => w.once('record', () => w.record(w.patients[0])),
        request: (w, t, who = w.patients[0], absent = false) => ({
            person: who,
            path: `/v1/receipts/${id(t.entry, absent)}`,
            query: { wait: '5' },
        }),
    },
};
