// The market over members: what came from other members is what they signed, what was told to them is what
// is so, and money between members stands in messages without gaps on both sides. See docs/members.md.
import { createHash } from 'node:crypto';
import { accountId, idFromHash, transferId } from './books.mjs';
import { canonical, signatureHolds } from './entries.mjs';

const sha256 = (...parts) => {
    const h = createHash('sha256');
    for (const p of parts)
        h.update(p);
    return h.digest();
};
export const accountOf = (key) => idFromHash(sha256('cairn/v1/account', key));
export function clearingOwner(member) {
    const number = Buffer.alloc(2);
    number.writeUInt16BE(Number(member));
    return idFromHash(sha256('cairn/v1/member', number));
}
const b64 = (column) => `replace(encode(${column}, 'base64'), E'\\n', '')`;
const shownBy = (s) => (s.state === 'closed' ? 'closed' : s.funded ? 'funded' : 'unfunded');

export class Members {
    constructor(report, entries, books) {
        this.report = report;
        this.entries = entries;
        this.books = books;
        this.public = []; // statements of other members, with whose they are
        this.accounts = new Map();
        this.bounties = new Map();
        this.prices = new Map(); // own bounty -> newest step
        this.persons = new Map(); // pseudonym -> account
        this.last = new Map(); // 'sent 2' -> last sequence seen
    }

    sections() {
        return [
            { name: 'public_entry', row: (r) => this.publicEntry(r),
              sql: `SELECT member, id, kind, ${b64('statement')} AS statement FROM public_entry p
                    ORDER BY p.member, p.chain, p.seq` },
            { name: 'member_account', row: (r) => this.accounts.set(r.id, r),
              sql: `SELECT id, home, ${b64('identity_key')} AS identity_key, ${b64('receive_key')} AS receive_key
                    FROM account` },
            { name: 'member_role', row: (r) => this.role(r),
              sql: 'SELECT account, role, institution, home FROM role_grant WHERE entry IS NULL' },
            { name: 'enrolment', row: (r) => this.enrolment(r), sql: 'SELECT account, entry FROM enrolment' },
            { name: 'member_bounty', row: (r) => this.bounty(r),
              sql: `SELECT id, home, terms, shown, price_version::text FROM bounty` },
            { name: 'bounty_price', row: (r) => this.price(r),
              sql: `SELECT bounty, version::text, shown, entry FROM bounty_price p ORDER BY p.bounty, p.version` },
            { name: 'pseudonym', row: (r) => this.pseudonym(r),
              sql: `SELECT id, account, bounty, ${b64('key')} AS key, entry FROM pseudonym` },
            { name: 'peer_message', row: (r) => this.message(r),
              sql: `SELECT member, seq::text, id, cause, account, amount::text, currency,
                    ${b64('statement')} AS statement FROM peer_message m ORDER BY m.member, m.seq` },
            { name: 'peer_credit', row: (r) => this.credit(r),
              sql: `SELECT member, seq::text, entry, account, amount::text, currency
                    FROM peer_credit c ORDER BY c.member, c.seq` },
            { name: 'peer_head', row: (r) => this.head(r),
              sql: `SELECT member, sent::text, acknowledged::text, received::text FROM peer_head` },
        ];
    }

    said(entry) {
        return this.entries.get(entry)?.statement ?? {};
    }

    // The statement if its bytes are canonical, signed and those of the row; else it is reported.
    signed(r, where, kind) {
        try {
            const text = Buffer.from(r.statement, 'base64').toString('utf8');
            const s = JSON.parse(text);
            if (canonical(s) === text && signatureHolds(s) && s.id === r.id && s.kind === kind)
                return s;
        } catch { /* said below */ }
        this.report('member.statement', where, 'holds no such signed statement');
        return {};
    }

    publicEntry(r) {
        const s = this.signed(r, `public_entry ${r.member} ${r.id}`, r.kind);
        this.public.push({ member: r.member, s });
    }

    // Of another member, about this object: the newest there is.
    publicly(member, kind, about) {
        return this.public.findLast((p) => p.member === member && p.s.kind === kind && about(p.s))?.s;
    }

    role(r) {
        const a = this.accounts.get(r.account);
        const s = this.publicly(r.home, 'reviewer.enroll', (x) => x.account === r.account) ?? {};
        if (r.role !== 'reviewer' || s.role !== r.role || s.institution !== r.institution
            || s.identity_key !== a?.identity_key || s.receive_key !== a?.receive_key || a?.home !== r.home)
            this.report('member.enrolment', `role_grant ${r.account}`, 'no public entry of its home says so');
    }

    enrolment(r) {
        const s = this.said(r.entry);
        const a = this.accounts.get(r.account);
        if (s.account !== r.account || s.identity_key !== a?.identity_key || a?.home !== 0)
            this.report('member.enrolment', `enrolment ${r.account}`, 'its entry is about somebody else');
    }

    bounty(r) {
        this.bounties.set(r.id, r);
        if (r.home === 0)
            return;
        const where = `bounty ${r.id}`;
        const s = this.publicly(r.home, 'bounty.publish', (x) => x.id === r.id);
        if (s === undefined || canonical(s.terms ?? null) !== r.terms)
            this.report('member.bounty', where, 'its terms are not those its home published');
        const p = this.publicly(r.home, 'bounty.price', (x) => x.bounty === r.id);
        if (p === undefined ? r.shown !== 'nothing' : r.shown !== shownBy(p) || Number(r.price_version) !== p.version)
            this.report('member.bounty', where, `is shown as ${r.shown}, which its home did not say`);
    }

    price(r) {
        const where = `bounty_price ${r.bounty} ${r.version}`;
        const s = this.said(r.entry);
        const before = this.prices.get(r.bounty)?.version ?? 0;
        if (Number(r.version) !== before + 1)
            this.report('member.price', where, `follows version ${before}`);
        if (s.bounty !== r.bounty || s.version !== Number(r.version) || shownBy(s) !== r.shown)
            this.report('member.price', where, 'is not what its entry says');
        this.prices.set(r.bounty, { version: Number(r.version), shown: r.shown });
    }

    pseudonym(r) {
        const where = `pseudonym ${r.id}`;
        const s = this.said(r.entry);
        this.persons.set(r.id, r.account);
        if (accountOf(Buffer.from(r.key, 'base64')) !== r.id)
            this.report('member.pseudonym', where, 'is not the account of its key');
        if (s.bounty !== r.bounty || s.key !== r.key || s.signer !== this.accounts.get(r.account)?.identity_key)
            this.report('member.pseudonym', where, 'was not registered like this by that account');
    }

    // Sequences of messages to and from each member have no gaps.
    next(way, r, where) {
        const key = `${way} ${r.member}`;
        const last = this.last.get(key) ?? 0;
        if (Number(r.seq) !== last + 1)
            this.report('member.sequence', where, `sequence ${r.seq} where ${last + 1} is next`);
        this.last.set(key, Number(r.seq));
    }

    // The first transfer of an entry must have moved this amount between these accounts.
    moved(entry, debit, credit, amount) {
        const t = this.books.first.get(entry);
        return t !== undefined && t.id === transferId(entry, 0) && t.amount === BigInt(amount)
            && (debit === null || t.debit === debit) && (credit === null || t.credit === credit);
    }

    message(r) {
        const where = `peer_message ${r.member} ${r.seq}`;
        this.next('sent', r, where);
        const s = this.signed(r, where, 'clearing.credit');
        if (s.to !== r.member || s.sequence !== Number(r.seq) || s.account !== r.account || s.cause !== r.cause
            || s.currency !== r.currency || BigInt(s.amount_minor ?? 0) !== BigInt(r.amount))
            this.report('member.message', where, 'is not what its statement says');
        if (this.accounts.get(r.account)?.home !== r.member)
            this.report('member.message', where, 'pays somebody who does not live there');
        if (!this.moved(r.cause, null, accountId('clearing', clearingOwner(r.member), r.currency), r.amount))
            this.report('member.message', where, 'its cause moved no such money into the clearing account');
    }

    credit(r) {
        const where = `peer_credit ${r.member} ${r.seq}`;
        this.next('received', r, where);
        const s = this.said(r.entry);
        if (s.sequence !== Number(r.seq) || s.currency !== r.currency
            || BigInt(s.amount_minor ?? 0) !== BigInt(r.amount)
            || (s.account !== r.account && this.persons.get(s.account) !== r.account))
            this.report('member.credit', where, 'is not what the other member signed');
        if (!this.moved(r.entry, accountId('clearing', clearingOwner(r.member), r.currency),
                        accountId('wallet', r.account, r.currency), r.amount))
            this.report('member.credit', where, 'credited another wallet or amount');
    }

    head(r) {
        for (const way of ['sent', 'received'])
            if (Number(r[way]) !== (this.last.get(`${way} ${r.member}`) ?? 0))
                this.report('member.sequence', `peer_head ${r.member}`,
                            `${way} ${r[way]}, but the last is ${this.last.get(`${way} ${r.member}`) ?? 0}`);
        if (Number(r.acknowledged) > Number(r.sent))
            this.report('member.sequence', `peer_head ${r.member}`, 'more was acknowledged than sent');
    }

    // What flowed through each clearing account is what the messages say.
    finish() {
        for (const b of this.bounties.values()) {
            const p = this.prices.get(b.id) ?? { version: 0, shown: 'nothing' };
            if (b.home === 0 && (p.shown !== b.shown || p.version !== Number(b.price_version)))
                this.report('member.price', `bounty ${b.id}`, `says ${b.shown}, its last price was ${p.shown}`);
        }
        for (const a of this.books.accounts.values())
            if (a.kind === 'clearing' && !this.knownOwner(a.owner))
                this.report('member.clearing', `book_account ${a.id}`, 'belongs to no member that was ever met');
    }

    knownOwner(owner) {
        return [...this.last.keys()].some((key) => clearingOwner(key.split(' ')[1]) === owner);
    }
}
