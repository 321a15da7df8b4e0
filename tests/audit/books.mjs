// The books: every balance is recomputed from the transfers, in their order.
import { createHash } from 'node:crypto';


// Which moves a statement of a kind may cause: from, to, kind, mode.
const release = [['reserved', 'available', 'release', 'post'], ['reserved', 'wallet', 'refund', 'post']];
const moves = {
    'deposit.request': [['outside', 'wallet', 'deposit', 'post']],
    'bounty.fund': [['wallet', 'available', 'fund', 'post']],
    'bounty.close': [['available', 'wallet', 'refund', 'post']],
    'bounty.expire': [['available', 'wallet', 'refund', 'post']],
    'submission.open': [['available', 'reserved', 'reserve', 'post']],
    'submission.withdraw': release,
    'submission.expire': release,
    'round.decide': [...release, ['reserved', 'accrued', 'accrue', 'post']],
    'submission.pay': [['accrued', 'wallet', 'reward', 'post'], ['accrued', 'clearing', 'reward', 'post']],
    'review.pay': [['reserved', 'wallet', 'review', 'post'], ['reserved', 'clearing', 'review', 'post']],
    'clearing.credit': [['clearing', 'wallet', 'credit', 'post']],
    'payout.request': [['wallet', 'outside', 'payout', 'pending']],
    'payout.settle': [['wallet', 'outside', 'payout', 'settle'], ['wallet', 'outside', 'payout', 'void']],
};
// Kinds whose statement names the one amount that moves.
const namedAmount = ['deposit.request', 'bounty.fund', 'submission.pay', 'review.pay', 'payout.request',
                     'payout.settle', 'clearing.credit'];

const sha256 = (...parts) => {
    const h = createHash('sha256');
    for (const p of parts)
        h.update(p);
    return h.digest();
};
const idBytes = (id) => Buffer.from(id.replaceAll('-', ''), 'hex');
export function idFromHash(hash) {
    const b = Buffer.from(hash.subarray(0, 16));
    b[6] = (b[6] & 0x0f) | 0x80;
    b[8] = (b[8] & 0x3f) | 0x80;
    return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
export const accountId = (kind, owner, currency) =>
    idFromHash(sha256(`cairn/v1/book/${kind}/${currency}`, owner === null ? '' : idBytes(owner)));
export function transferId(entry, leg) {
    const n = Buffer.alloc(4);
    n.writeUInt32BE(leg);
    return idFromHash(sha256('cairn/v1/transfer', idBytes(entry), n));
}
const legsMax = 64;

export class Books {
    constructor(report, entries) {
        this.report = report;
        this.entries = entries;
        this.accounts = new Map();
        this.pending = new Map(); // open pending transfers
        this.moved = new Map(); // entry -> sum of its transfers
        this.legs = new Map(); // entry -> transfers so far
        this.first = new Map(); // entry -> its first transfer
        this.seq = 0;
        this.head = null;
        this.group = { id: null, touched: new Set() };
    }

    sections() {
        return [
            { name: 'book_head', sql: 'SELECT last_seq::text FROM book_head',
              row: (r) => { this.head = Number(r.last_seq); } },
            { name: 'book_account', row: (r) => this.account(r),
              sql: `SELECT id, currency, kind, owner, floor, debits::text, credits::text,
                    debits_pending::text, credits_pending::text FROM book_account` },
            { name: 'book_transfer', row: (r) => this.transfer(r),
              sql: `SELECT id, seq::text, group_id, debit, credit, amount::text, currency, kind, mode,
                    pending_of, entry_id FROM book_transfer t ORDER BY t.seq, t.id` },
        ];
    }

    account(r) {
        const where = `book_account ${r.id}`;
        const owned = !['outside', 'fees'].includes(r.kind);
        if (owned !== (r.owner !== null) || r.floor === ['outside', 'clearing'].includes(r.kind))
            this.report('account.shape', where, 'owner or floor do not fit the kind');
        if (accountId(r.kind, r.owner, r.currency) !== r.id)
            this.report('account.id', where, 'id is not derived from kind, currency and owner');
        this.accounts.set(r.id, { ...r, sum: { d: 0n, c: 0n, dp: 0n, cp: 0n } });
    }

    transfer(r) {
        const where = `book_transfer ${r.id}`;
        const amount = BigInt(r.amount);
        this.seq += 1;
        if (Number(r.seq) !== this.seq) {
            this.report('transfer.seq', where, `seq ${r.seq} where ${this.seq} is next`);
            this.seq = Number(r.seq);
        }
        const debit = this.accounts.get(r.debit);
        const credit = this.accounts.get(r.credit);
        if (amount <= 0n || r.debit === r.credit)
            this.report('transfer.shape', where, 'amount or accounts are impossible');
        for (const a of [debit, credit])
            if (a === undefined || a.currency !== r.currency)
                this.report('transfer.account', where, 'an account is missing or of another currency');
        this.checkCause(r, where, amount, debit, credit);
        if (debit === undefined || credit === undefined)
            return;
        if (r.group_id !== this.group.id)
            this.endGroup(r.group_id);
        this.apply(r, where, amount, debit.sum, credit.sum);
        this.group.touched.add(debit).add(credit);
    }

    // Floors hold after each group, not only today.
    endGroup(next) {
        for (const a of this.group.touched)
            if (a.floor && a.sum.c - a.sum.d - a.sum.dp < 0n)
                this.report('floor.history', `book_account ${a.id}`, `below zero after group ${this.group.id}`);
        this.group = { id: next, touched: new Set() };
    }

    apply(r, where, amount, debit, credit) {
        if (r.mode === 'pending') {
            this.pending.set(r.id, { debit: r.debit, credit: r.credit, amount, currency: r.currency });
            debit.dp += amount;
            credit.cp += amount;
            return;
        }
        if (r.mode === 'settle' || r.mode === 'void') {
            const p = this.pending.get(r.pending_of);
            if (p === undefined || p.debit !== r.debit || p.credit !== r.credit || p.amount !== amount
                || p.currency !== r.currency)
                this.report('transfer.pending', where, 'ends no open pending transfer like it');
            this.pending.delete(r.pending_of);
            debit.dp -= amount;
            credit.cp -= amount;
        } else if (r.pending_of !== null) {
            this.report('transfer.pending', where, 'a posting names a pending transfer');
        }
        if (r.mode !== 'void') {
            debit.d += amount;
            credit.c += amount;
        }
    }

    checkCause(r, where, amount, debit, credit) {
        const entry = this.entries.get(r.entry_id);
        if (entry === undefined) {
            this.report('transfer.entry', where, `entry ${r.entry_id} does not exist`);
            return;
        }
        const leg = this.legs.get(r.entry_id) ?? 0;
        this.legs.set(r.entry_id, leg + 1);
        if (leg === 0)
            this.first.set(r.entry_id, { id: r.id, debit: r.debit, credit: r.credit, amount });
        if (leg >= legsMax || transferId(r.entry_id, leg) !== r.id || r.group_id !== r.entry_id)
            this.report('transfer.id', where, 'id or group are not derived from the entry');
        const allowed = moves[entry.kind] ?? [];
        if (debit !== undefined && credit !== undefined && !allowed.some(
            (m) => m[0] === debit.kind && m[1] === credit.kind && m[2] === r.kind && m[3] === r.mode))
            this.report('transfer.cause', where, `${entry.kind} may not move ${debit.kind} to ${credit.kind}`);
        this.moved.set(r.entry_id, (this.moved.get(r.entry_id) ?? 0n) + amount);
    }

    finish() {
        this.endGroup(null);
        if (this.head !== this.seq)
            this.report('transfer.seq', 'book_head', `last_seq ${this.head}, but the last transfer is ${this.seq}`);
        const perCurrency = new Map();
        for (const a of this.accounts.values()) {
            const where = `book_account ${a.id}`;
            const cached = { d: BigInt(a.debits), c: BigInt(a.credits), dp: BigInt(a.debits_pending),
                             cp: BigInt(a.credits_pending) };
            for (const k of ['d', 'c', 'dp', 'cp'])
                if (cached[k] !== a.sum[k])
                    this.report('account.sums', where, `${k} is ${cached[k]}, the transfers give ${a.sum[k]}`);
            if (a.floor && cached.c - cached.d - cached.dp < 0n)
                this.report('account.floor', where, 'below zero');
            const t = perCurrency.get(a.currency) ?? [0n, 0n];
            perCurrency.set(a.currency, [t[0] + cached.d - cached.c, t[1] + cached.dp - cached.cp]);
        }
        for (const [currency, [posted, held]] of perCurrency)
            if (posted !== 0n || held !== 0n)
                this.report('currency.sums', currency, `debits exceed credits by ${posted}, pending by ${held}`);
        this.checkAmounts();
    }

    checkAmounts() {
        for (const e of this.entries.values()) {
            if (!namedAmount.includes(e.kind) || e.statement === null)
                continue;
            const said = BigInt(e.statement.amount_minor ?? 0);
            const did = this.moved.get(e.id) ?? 0n;
            if (said !== did)
                this.report('entry.amount', `entry ${e.id}`, `${e.kind} says ${said}, the transfers make ${did}`);
        }
    }

    // Available balance of an owner's account, as recomputed.
    balance(kind, owner, currency) {
        const a = this.accounts.get(accountId(kind, owner, currency));
        return a === undefined ? 0n : a.sum.c - a.sum.d - a.sum.dp;
    }

    isPending(id) {
        return this.pending.has(id);
    }
}
