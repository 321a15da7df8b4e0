// Entries: contiguous per chain, each a canonical statement with a valid signature, each with exactly one
// effect in the tables; answers kept for idempotency keys name entries that exist.
import { createPublicKey, verify } from 'node:crypto';

// What they do is decided by the fold over the chain alone, and leaves no row here.
const foldKinds = ['member.propose', 'member.approve', 'member.evidence', 'seed.commit', 'seed.open'];
const accountKinds = ['account.register', 'role.attest', 'record.version', 'account.vouch', 'reviewer.enroll',
                      'pseudonym.register', ...foldKinds];
const publicKinds = ['bounty.publish', 'reviewer.enroll', 'bounty.price', ...foldKinds];
// Made by this member or, as its word for somebody, by another one.
const memberKinds = ['round.draw', 'round.decide', 'submission.pay', 'review.pay', 'submission.expire',
                     'payout.settle', 'bounty.expire', 'account.vouch', 'reviewer.enroll', 'bounty.price',
                     'clearing.credit', 'member.evidence', 'seed.commit', 'seed.open'];

// Where the effect of an entry stands. bounty.fund: in the books alone; round.draw: the seats.
const effects = {
    'account.register': 'account', 'role.attest': 'role_grant', 'record.version': 'record_version',
    'deposit.request': 'deposit', 'bounty.publish': 'bounty_event', 'bounty.close': 'bounty_event',
    'bounty.expire': 'bounty_event', 'bounty.fund': 'transfer', 'submission.open': 'submission_event',
    'submission.submit': 'submission_event', 'submission.withdraw': 'submission_event',
    'submission.expire': 'submission_event', 'submission.pay': 'submission_event',
    'round.decide': 'submission_event', 'round.draw': 'seats', 'verdict.commit': 'seat.commit',
    'verdict.reveal': 'seat.reveal', 'review.pay': 'seat.fee', 'payout.request': 'payout',
    'payout.settle': 'payout.settle', 'account.vouch': 'role_grant', 'reviewer.enroll': 'enrolment',
    'pseudonym.register': 'pseudonym', 'bounty.price': 'bounty_price', 'clearing.credit': 'peer_credit',
};

// RFC 8785 for what statements may hold: objects, arrays, strings, whole numbers, booleans, null.
export function canonical(v) {
    if (Array.isArray(v))
        return `[${v.map(canonical).join(',')}]`;
    if (v !== null && typeof v === 'object')
        return `{${Object.keys(v).sort().map((k) => `${JSON.stringify(k)}:${canonical(v[k])}`).join(',')}}`;
    if (typeof v === 'number' && !Number.isSafeInteger(v))
        throw new Error('a number is not whole');
    return JSON.stringify(v);
}

export function signatureHolds(statement) {
    const { signature, ...rest } = statement;
    const key = Buffer.from(statement.signer ?? '', 'base64');
    const mark = Buffer.from(signature ?? '', 'base64');
    if (key.length !== 32 || mark.length !== 64)
        return false;
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
    const text = Buffer.from(`cairn-statement/1\n${canonical(rest)}`);
    try {
        return verify(null, text, createPublicKey({ key: jwk, format: 'jwk' }), mark);
    } catch {
        return false;
    }
}

export class Entries {
    constructor(report) {
        this.report = report;
        this.byId = new Map();
        this.bySeq = [null, [], []]; // chain -> entries in order
        this.heads = [null, 0, 0];
        this.effects = new Map(); // entry -> names
        this.answered = new Set();
        this.oldestAnswer = Infinity;
    }

    get(id) {
        return this.byId.get(id);
    }

    values() {
        return this.byId.values();
    }

    sections() {
        const effect = (what, column, table) =>
            `SELECT ${column} AS entry, '${what}' AS what FROM ${table} WHERE ${column} IS NOT NULL`;
        return [
            { name: 'chain_head', sql: 'SELECT chain, last_seq::text FROM chain_head',
              row: (r) => { this.heads[r.chain] = Number(r.last_seq); } },
            { name: 'entry', row: (r) => this.entry(r),
              sql: `SELECT id, chain, seq::text, kind, is_public, subject, extract(epoch from at)::bigint AS at,
                    replace(encode(statement, 'base64'), E'\\n', '') AS statement
                    FROM entry e ORDER BY e.chain, e.seq, e.id` },
            { name: 'effect', row: (r) => this.effect(r.entry, r.what),
              sql: ["SELECT entry, 'account' AS what FROM account WHERE home = 0",
                    effect('role_grant', 'entry', 'role_grant'),
                    effect('record_version', 'entry', 'record_version'), effect('deposit', 'id', 'deposit'),
                    effect('bounty_event', 'entry', 'bounty_event'),
                    effect('submission_event', 'entry', 'submission_event'),
                    effect('seat.commit', 'commit_entry', 'seat'), effect('seat.reveal', 'reveal_entry', 'seat'),
                    effect('seat.fee', 'fee_entry', 'seat'), effect('payout', 'id', 'payout'),
                    effect('payout.settle', 'settle_entry', 'payout'), effect('enrolment', 'entry', 'enrolment'),
                    effect('pseudonym', 'entry', 'pseudonym'), effect('bounty_price', 'entry', 'bounty_price'),
                    effect('peer_credit', 'entry', 'peer_credit')].join(' UNION ALL ') },
            { name: 'seats', sql: 'SELECT DISTINCT submission FROM seat',
              row: (r) => this.effect(`seats of ${r.submission}`, 'seats') },
            { name: 'idem', row: (r) => this.answer(r),
              sql: `SELECT principal, key, status, body, extract(epoch from at)::bigint AS at FROM idem` },
        ];
    }

    entry(r) {
        const where = `entry ${r.id}`;
        const list = this.bySeq[r.chain];
        if (Number(r.seq) !== list.length + 1)
            this.report('entry.seq', where, `seq ${r.seq} of chain ${r.chain} where ${list.length + 1} is next`);
        const bytes = Buffer.from(r.statement, 'base64');
        const e = { id: r.id, chain: r.chain, seq: Number(r.seq), kind: r.kind, isPublic: r.is_public,
                    subject: r.subject, at: Number(r.at), bytes, statement: null };
        list.push(e);
        this.byId.set(r.id, e);
        const known = effects[r.kind] !== undefined || foldKinds.includes(r.kind);
        if (!known || (r.chain === 1) !== accountKinds.includes(r.kind)
            || r.is_public !== publicKinds.includes(r.kind))
            this.report('entry.kind', where, `${r.kind} does not belong on chain ${r.chain} like this`);
        this.checkStatement(e, where, bytes);
    }

    checkStatement(e, where, bytes) {
        try {
            const text = bytes.toString('utf8');
            const s = JSON.parse(text);
            if (canonical(s) !== text)
                this.report('entry.canonical', where, 'the statement is not in canonical form');
            if (s.id !== e.id || s.kind !== e.kind)
                this.report('entry.statement', where, 'the statement has another id or kind');
            if (!signatureHolds(s))
                this.report('entry.signature', where, 'the signature does not verify');
            e.statement = s;
        } catch {
            this.report('entry.canonical', where, 'the statement cannot be read');
        }
    }

    effect(entry, what) {
        const list = this.effects.get(entry) ?? [];
        list.push(what);
        this.effects.set(entry, list);
    }

    answer(r) {
        const where = `idem ${r.principal} ${r.key}`;
        this.oldestAnswer = Math.min(this.oldestAnswer, Number(r.at));
        let body = null;
        try {
            body = r.body === '' ? {} : JSON.parse(r.body);
        } catch {
            this.report('idem.body', where, 'the answer is not JSON');
            return;
        }
        for (const name of ['entry', 'draw_entry']) {
            const id = body?.[name];
            if (id === undefined || id === null)
                continue;
            this.answered.add(id);
            if (!this.byId.has(id))
                this.report('idem.entry', where, `${name} ${id} does not exist`);
        }
    }

    // moved: entry -> money, from the books.
    finish(moved) {
        for (const chain of [1, 2])
            if (this.heads[chain] !== this.bySeq[chain].length)
                this.report('entry.seq', `chain_head ${chain}`,
                            `last_seq ${this.heads[chain]}, but there are ${this.bySeq[chain].length} entries`);
        for (const e of this.byId.values()) {
            const want = effects[e.kind];
            let have = this.effects.get(e.id) ?? [];
            if (want === 'transfer' && moved.has(e.id))
                have = [...have, 'transfer'];
            if (want === 'seats')
                have = [...have, ...(this.effects.get(`seats of ${e.statement?.submission}`) ?? [])];
            if (foldKinds.includes(e.kind) ? have.length > 0 : have.length !== 1 || have[0] !== want)
                this.report('entry.effect', `entry ${e.id}`, `${e.kind} should have made ${want}, made [${have}]`);
            // Answers may be forgotten after a time; while they are kept, none is missing.
            if (!memberKinds.includes(e.kind) && e.at > this.oldestAnswer && !this.answered.has(e.id))
                this.report('entry.answer', `entry ${e.id}`, 'no stored answer names it');
        }
        for (const [id, what] of this.effects)
            if (!id.startsWith('seats') && !this.byId.has(id))
                this.report('effect.entry', `${what} ${id}`, 'its entry does not exist');
    }
}
