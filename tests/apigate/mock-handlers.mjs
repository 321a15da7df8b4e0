/* What each operation does in the mock server. A handler gets the checked request and returns
 * { status?, value | text, headers? }; status defaults to the first documented one. */
import './node-version.mjs';
import crypto from 'node:crypto';
import { b64, canonical, idFromHash, nowText, sha256 } from './client.mjs';
import { ID, NOT_FOUND, find, key, mine, page, signedBySelf, text } from './mock-common.mjs';
import { dataHandlers } from './mock-data.mjs';
import { Refusal } from './strict-json.mjs';

const vkey = (name, type) => {
    const bytes = Buffer.concat([Buffer.from([type]), key]);
    return `${name}+${sha256(name, '\n', bytes).subarray(0, 4).toString('hex')}+${b64(bytes)}`;
};
const summary = (b) => ({
    id: b.id,
    home: 1,
    title: b.terms.title,
    disease: b.terms.disease,
    currency: b.terms.currency,
    reward: b.terms.reward,
    review: { seats: b.terms.review.seats, quorum: b.terms.review.quorum },
    state: b.state,
    funded: b.available > 0,
    closes_at: b.terms.closes_at,
    terms_hash: b.termsHash,
    entry: b.id,
    version: b.version,
});
const accounts = {
    registerAccount: (c) => {
        const { statement: s, mock } = c;
        const id = idFromHash(sha256('cairn/v1/account', Buffer.from(s.signer, 'base64')));
        if (mock.statements.has(s.id)) throw new Refusal('statement.replayed');
        if (mock.accounts.has(id)) throw new Refusal('account.exists');
        mock.take(s, 'account', [id]);
        mock.accounts.set(id, {
            id,
            identity: s.signer,
            receive: s.receive_key,
            roles: [],
            version: 1,
        });
        return { value: { id, entry: s.id, version: 1 } };
    },
    getAccount: (c) => {
        const a = find(c.mock.accounts, c.params[0]);
        if (!c.roles.has('operator')) mine(c, a, a.id);
        return {
            value: {
                id: a.id,
                identity_key: a.identity,
                receive_key: a.receive,
                roles: a.roles,
                version: a.version,
            },
        };
    },
    getChallenge: (c) => {
        if (!ID.test(c.params[0])) throw NOT_FOUND();
        const challenge = b64(crypto.randomBytes(32));
        c.mock.challenges.set(challenge, c.params[0]);
        return { value: { challenge, expires_at: nowText(300) } };
    },
    createSession: (c) => {
        const { account, challenge, signature } = c.json;
        const a = c.mock.accounts.get(account);
        const spki = Buffer.concat([
            Buffer.from('302a300506032b6570032100', 'hex'),
            Buffer.from(a?.identity ?? '', 'base64'),
        ]);
        if (
            !a ||
            c.mock.challenges.get(challenge) !== account ||
            !crypto.verify(
                null,
                Buffer.from(`cairn-session/1\n${c.mock.federation}\n${challenge}`),
                crypto.createPublicKey({ key: spki, format: 'der', type: 'spki' }),
                Buffer.from(signature, 'base64'),
            )
        )
            throw new Refusal('auth.challenge');
        c.mock.challenges.delete(challenge);
        const token = `cairn_${crypto.randomBytes(32).toString('hex')}`;
        c.mock.sessions.set(token, account);
        return {
            value: {
                token,
                expires_at: nowText(43200),
                roles: [...new Set(a.roles.map((r) => r.role))],
            },
        };
    },
    deleteSession: (c) => {
        c.mock.sessions.delete(c.token);
        return {};
    },
    attestRole: (c) => {
        const { statement: s, mock } = c;
        signedBySelf(c);
        const a = mock.accounts.get(s.account);
        if (!a) throw new Refusal('account.unknown');
        const { role, institution } = s;
        mock.take(s, 'account', [a.id, c.account.id]);
        a.roles.push({ role, institution, entry: s.id });
        a.version++;
        return { value: { id: s.id, entry: s.id, account: a.id, role, institution } };
    },
};

const money = {
    createDeposit: (c) => {
        const { id, amount_minor, currency } = c.statement;
        signedBySelf(c);
        c.mock.take(c.statement, 'tx', [c.account.id]);
        c.mock.pay(c.account.id, amount_minor, 'deposit', id);
        return { value: { id, entry: id, state: 'settled', amount_minor, currency } };
    },
    getWallet: (c) => {
        const balances = [
            {
                currency: 'EUR',
                available_minor: c.mock.wallets.get(c.account.id)?.minor ?? 0,
                pending_minor: 0,
            },
        ];
        if (c.mock.bug === 'schema') balances[0].pending_minor = '0';
        return { value: { balances } };
    },
    listTransfers: (c) => page(c, c.mock.wallets.get(c.account.id)?.transfers ?? []),
    createPayout: (c) => {
        const { id, amount_minor, currency, method } = c.statement;
        signedBySelf(c);
        if (currency !== 'EUR') throw new Refusal('books.insufficient');
        if (c.mock.statements.has(id)) throw new Refusal('statement.replayed');
        if (c.mock.bug === 'crash' && amount_minor > 1000) throw new Error('planted crash');
        c.mock.pay(c.account.id, -amount_minor, 'payout', id);
        c.mock.take(c.statement, 'tx', [c.account.id]);
        c.mock.payouts.set(id, {
            owner: c.account.id,
            value: { id, state: 'created', amount_minor, currency, method, entry: id, version: 1 },
        });
        return { value: { id, entry: id, state: 'created', amount_minor, currency, version: 1 } };
    },
    getPayout: (c) => {
        if (c.mock.bug === 'teapot') return { status: 418, value: {} };
        return { value: mine(c, find(c.mock.payouts, c.params[0])).value };
    },
};

const bounties = {
    listBounties: (c) => {
        const got = page(
            c,
            [...c.mock.bounties.values()]
                .reverse()
                .filter(
                    (b) =>
                        b.state === 'open' &&
                        (!c.query.disease || b.terms.disease === c.query.disease),
                )
                .map(summary),
        );
        got.headers.ETag = `"b${sha256(JSON.stringify(got.value)).toString('hex').slice(0, 16)}"`;
        return got;
    },
    publishBounty: (c) => {
        const { id, terms } = c.statement;
        signedBySelf(c);
        if (
            terms.closes_at <= terms.opens_at ||
            terms.reward.cap_minor < terms.reward.base_minor ||
            terms.review.quorum > terms.review.seats ||
            terms.visit_plan.required_min > terms.visit_plan.required.length ||
            terms.budget_minor <
                terms.reward.cap_minor + terms.review.seats * terms.review.fee_minor
        )
            throw new Refusal('bounty.terms');
        c.mock.take(c.statement, 'tx', [c.account.id], true);
        const termsHash = b64(sha256(canonical(terms)));
        c.mock.bounties.set(id, {
            id,
            owner: c.account.id,
            terms,
            termsHash,
            statement: c.statement,
            state: 'open',
            version: 1,
            available: 0,
            reserved: 0,
            paid: 0,
        });
        return { value: { id, entry: id, terms_hash: termsHash, state: 'open', version: 1 } };
    },
    getBounty: (c) => {
        const b = find(c.mock.bounties, c.params[0]);
        return { value: { ...summary(b), terms: b.terms, statement: b.statement } };
    },
    fundBounty: (c) => {
        const b = mine(c, find(c.mock.bounties, c.params[0]));
        const { id, amount_minor, currency, bounty } = c.statement;
        signedBySelf(c);
        if (bounty !== b.id) throw new Refusal('field.format', '/statement/bounty');
        if (currency !== b.terms.currency) throw new Refusal('books.currency');
        if (c.mock.statements.has(id)) throw new Refusal('statement.replayed');
        c.mock.pay(c.account.id, -amount_minor, 'bounty.fund', id);
        c.mock.take(c.statement, 'tx', [c.account.id]);
        b.available += amount_minor;
        b.version++;
        return { value: { id, entry: id, bounty: b.id, available_minor: b.available, currency } };
    },
    closeBounty: (c) => {
        const b = mine(c, find(c.mock.bounties, c.params[0]));
        const tag = c.headers['if-match'];
        if (tag === undefined) throw new Refusal('precondition.missing');
        if (tag !== `"v${b.version}"` && c.mock.bug !== 'if-match')
            throw new Refusal('precondition.stale');
        signedBySelf(c);
        if (c.statement.bounty !== b.id) throw new Refusal('field.format', '/statement/bounty');
        if (b.state !== 'open') throw new Refusal('bounty.closed');
        c.mock.take(c.statement, 'tx', [c.account.id]);
        Object.assign(b, { state: 'closed', version: b.version + 1 });
        if (b.available) c.mock.pay(c.account.id, b.available, 'refund', c.statement.id);
        const refunded = b.available;
        b.available = 0;
        return {
            value: {
                id: b.id,
                entry: c.statement.id,
                state: 'closed',
                refunded_minor: refunded,
                version: b.version,
            },
        };
    },
    getBountyAccount: (c) => {
        const b = mine(c, find(c.mock.bounties, c.params[0]));
        return {
            value: {
                bounty: b.id,
                currency: b.terms.currency,
                available_minor: b.available,
                reserved_minor: b.reserved,
                accrued_minor: 0,
                paid_minor: b.paid,
                version: b.version,
            },
        };
    },
    listBountySubmissions: (c) => {
        const b = mine(c, find(c.mock.bounties, c.params[0]));
        return page(
            c,
            [...c.mock.submissions.values()]
                .filter((s) => s.bounty === b)
                .map((s) => ({
                    id: s.id,
                    state: s.state,
                    at: s.at,
                    pay_minor: s.decision?.pay_minor ?? null,
                    score_bp: s.decision?.score_bp ?? null,
                })),
        );
    },
};

const log = {
    healthLive: () => ({ value: { status: 'ok' } }),
    healthReady: () => ({
        value: { status: 'ready', checks: { database: 'ok', ledger: 'ok', disk: 'ok' } },
    }),
    metrics: (c) =>
        text(
            `# TYPE cairn_books_sum_minor gauge\ncairn_books_sum_minor ${c.mock.bug === 'books' ? 1 : 0}\n` +
                '# TYPE cairn_books_negative_accounts gauge\ncairn_books_negative_accounts 0\n# EOF\n',
        ),
    getFederation: (c) => ({
        value: {
            federation: c.mock.federation,
            member: 0,
            epoch: 1,
            votes: true,
            faults_tolerated: 0,
            members: [
                {
                    number: 0,
                    name: 'mock.example/m0',
                    institution: 'north',
                    role: 'validator',
                    endpoint: 'http://127.0.0.1:8480',
                    credit: 0,
                    reachable: true,
                    lag: { account: 0, tx: 0 },
                    statement_key: b64(key),
                    vote_key: b64(key),
                    cosigner_key: vkey('mock.example/m0', 4),
                },
            ],
            logs: ['account', 'tx'].map((chain) => ({
                chain,
                origin: `${c.mock.federation}/${chain}`,
                key: vkey(`${c.mock.federation}/${chain}`, 1),
                size: c.mock.logs[chain].length,
                height: c.mock.logs[chain].length,
                view: c.mock.logs[chain].length,
            })),
        },
    }),
    listChanges: () => ({
        value: { genesis: b64(key), epoch: 1, approvals_needed: 1, changes: [] },
    }),
    sayChange: (c) => {
        signedBySelf(c);
        if (c.statement.version !== 1) throw new Refusal('change.refused');
        c.mock.take(c.statement, 'account', [c.account.id], true);
        return { value: { id: c.statement.id, entry: c.statement.id, epoch: 1 } };
    },
    getPolicy: (c) => text(`log ${vkey(`${c.mock.federation}/tx`, 1)}\n`),
    getCheckpoint: (c) => {
        if (!c.mock.logs[c.params[0]]) throw NOT_FOUND();
        return text(c.mock.checkpoint(c.params[0]));
    },
    getTile: (c) => {
        const entries = c.mock.logs[c.params[0]];
        const width =
            c.params[1] === '0/000'
                ? 256
                : Number(/^0\/000\.p\/([1-9]\d{0,2})$/.exec(c.params[1])?.[1] ?? 0);
        if (!entries || width < 1 || width > 256 || width > entries.length) throw NOT_FOUND();
        return text(Buffer.concat(entries.slice(0, width).map((e) => sha256(Buffer.from([0]), e))));
    },
    getView: (c) => {
        if (!c.mock.logs[c.params[0]] || c.params[1] !== '1') throw NOT_FOUND();
        return text(`cairn-view/1\nchain ${c.params[0]}\n`);
    },
    listReceipts: (c) =>
        page(
            c,
            [...c.mock.receipts.values()]
                .filter((r) => r.parties.has(c.account.id))
                .map((r) => ({ id: r.id, kind: r.kind, chain: r.chain, at: r.at, state: 'final' })),
        ),
    getReceipt: (c) => {
        const r = find(c.mock.receipts, c.params[0]);
        if (!r.parties.has(c.account.id)) throw NOT_FOUND();
        return {
            value: {
                id: r.id,
                chain: r.chain,
                index: r.index,
                entry: b64(r.entry),
                statement: r.statement,
                salt: r.salt,
                proof: c.mock.proof(r.chain, r.index),
            },
        };
    },
};

export const handlers = { ...log, ...accounts, ...money, ...bounties, ...dataHandlers };
