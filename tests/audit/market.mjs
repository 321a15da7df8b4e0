// The market: escrow equals what is open, states follow their histories, rows say what was signed.
import { createHash } from 'node:crypto';
import { canonical } from './entries.mjs';
import { transferId } from './books.mjs';

const sha256 = (...parts) => {
    const h = createHash('sha256');
    for (const p of parts)
        h.update(p);
    return h.digest();
};

export class Market {
    constructor(report, entries, books) {
        this.report = report;
        this.entries = entries;
        this.books = books;
        this.bounties = new Map();
        this.submissions = new Map();
        this.history = new Map();
    }

    sections() {
        const b64 = (column) => `replace(encode(${column}, 'base64'), E'\\n', '')`;
        return [
            { name: 'account', row: (r) => this.account(r),
              sql: `SELECT id, ${b64('identity_key')} AS identity_key, ${b64('receive_key')} AS receive_key, entry, home
                    FROM account` },
            { name: 'role_grant', row: (r) => this.role(r),
              sql: 'SELECT account, role, institution, entry FROM role_grant WHERE entry IS NOT NULL' },
            { name: 'record_version', row: (r) => this.record(r),
              sql: `SELECT record, number, ${b64('ciphertext_hash')} AS ciphertext_hash, entry
                    FROM record_version` },
            { name: 'bounty', row: (r) => this.bounty(r),
              sql: `SELECT id, sponsor, currency, terms, ${b64('terms_hash')} AS terms_hash, state FROM bounty
                    WHERE home = 0` },
            { name: 'submission', row: (r) => this.submission(r),
              sql: `SELECT id, bounty, account, ${b64('nym')} AS nym, state, version::text, reserved::text,
                    pay::text FROM submission` },
            { name: 'submission_event', row: (r) => this.event(r),
              sql: `SELECT submission, version::text, state FROM submission_event e
                    ORDER BY e.submission, e.version` },
            { name: 'seat', row: (r) => this.seat(r),
              sql: `SELECT submission, seat, ${b64('commitment')} AS commitment, commit_entry, verdict,
                    reveal_entry FROM seat` },
            { name: 'reviewer_load', row: (r) => this.load(r),
              sql: `SELECT a.id, coalesce(l.open_seats, 0)::text AS said, (SELECT count(*) FROM seat t
                    JOIN submission s ON s.id = t.submission WHERE t.reviewer = a.id
                    AND s.state IN ('QUOTED', 'ROUND'))::text AS open
                    FROM account a LEFT JOIN reviewer_load l ON l.account = a.id` },
            { name: 'deposit', row: (r) => this.deposit(r),
              sql: 'SELECT id, account, amount::text, currency FROM deposit' },
            { name: 'payout', row: (r) => this.payout(r),
              sql: 'SELECT id, account, amount::text, currency, state FROM payout' },
        ];
    }

    said(entry) {
        return this.entries.get(entry)?.statement ?? {};
    }

    account(r) {
        const s = this.said(r.entry);
        if (r.entry === null) // by the public entry of its home: see members.mjs
            return;
        const key = r.home === 0 ? s.signer : s.identity_key;
        if (key !== r.identity_key || s.receive_key !== r.receive_key)
            this.report('account.keys', `account ${r.id}`, 'its keys are not those it registered');
    }

    role(r) {
        const s = this.said(r.entry);
        if (s.account !== r.account || s.role !== r.role || s.institution !== r.institution)
            this.report('role.statement', `role_grant ${r.account} ${r.role}`, 'was not attested like this');
    }

    record(r) {
        const s = this.said(r.entry);
        if (s.record !== r.record || s.number !== r.number || s.manifest?.ciphertext_hash !== r.ciphertext_hash)
            this.report('record.manifest', `record_version ${r.record} ${r.number}`, 'differs from its manifest');
    }

    bounty(r) {
        this.bounties.set(r.id, { ...r, reserved: 0n, accrued: 0n });
        const s = this.said(r.id);
        const terms = s.terms === undefined ? '' : canonical(s.terms);
        if (r.terms !== terms || sha256(r.terms).toString('base64') !== r.terms_hash)
            this.report('bounty.terms', `bounty ${r.id}`, 'its terms are not those it published');
    }

    submission(r) {
        const where = `submission ${r.id}`;
        const b = this.bounties.get(r.bounty);
        const s = this.said(r.id);
        this.submissions.set(r.id, r);
        if (s.bounty !== r.bounty || s.signer !== r.nym)
            this.report('submission.statement', where, 'bounty or key are not those of its statement');
        if (b === undefined) {
            this.report('submission.statement', where, 'its bounty does not exist');
            return;
        }
        if (['QUOTED', 'ROUND'].includes(r.state))
            b.reserved += BigInt(r.reserved);
        else if (BigInt(r.reserved) !== 0n)
            this.report('escrow.reserved', where, `holds ${r.reserved} although it is over`);
        if (r.state === 'ACCEPTED')
            b.accrued += BigInt(r.pay);
    }

    event(r) {
        const h = this.history.get(r.submission) ?? { version: 0, state: null };
        if (Number(r.version) !== h.version + 1)
            this.report('submission.history', `submission ${r.submission}`,
                        `version ${r.version} follows ${h.version}`);
        this.history.set(r.submission, { version: Number(r.version), state: r.state });
    }

    seat(r) {
        const where = `seat ${r.submission} ${r.seat}`;
        if (r.commit_entry !== null && this.said(r.commit_entry).commitment !== r.commitment)
            this.report('seat.commitment', where, 'is not the commitment that was signed');
        if (r.reveal_entry === null)
            return;
        const s = this.said(r.reveal_entry);
        const seal = sha256('cairn/v1/verdict', Buffer.from(s.nonce ?? '', 'base64'), canonical(s.verdict ?? null));
        if (r.verdict !== canonical(s.verdict ?? null) || seal.toString('base64') !== r.commitment)
            this.report('seat.verdict', where, 'the verdict is not the one that was sealed');
    }

    load(r) {
        if (r.said !== r.open)
            this.report('reviewer.load', `account ${r.id}`, `said to hold ${r.said} open seats, holds ${r.open}`);
    }

    deposit(r) {
        const s = this.said(r.id);
        if (BigInt(s.amount_minor ?? 0) !== BigInt(r.amount) || s.currency !== r.currency)
            this.report('deposit.statement', `deposit ${r.id}`, 'differs from its statement');
    }

    payout(r) {
        const s = this.said(r.id);
        const where = `payout ${r.id}`;
        if (BigInt(s.amount_minor ?? 0) !== BigInt(r.amount) || s.currency !== r.currency)
            this.report('payout.statement', where, 'differs from its statement');
        const open = ['created', 'submitted'].includes(r.state);
        if (open !== this.books.isPending(transferId(r.id, 0)))
            this.report('payout.state', where, `is ${r.state}, but its money is not`);
    }

    finish() {
        for (const s of this.submissions.values()) {
            const h = this.history.get(s.id);
            if (h === undefined || h.state !== s.state || h.version !== Number(s.version))
                this.report('submission.history', `submission ${s.id}`, `is ${s.state}, its history says ${h?.state}`);
        }
        for (const b of this.bounties.values()) {
            const where = `bounty ${b.id}`;
            const held = (kind) => this.books.balance(kind, b.id, b.currency);
            if (held('reserved') !== b.reserved)
                this.report('escrow.reserved', where, `holds ${held('reserved')}, open submissions need ${b.reserved}`);
            if (held('accrued') !== b.accrued)
                this.report('escrow.accrued', where, `holds ${held('accrued')}, ${b.accrued} is owed`);
            if (b.state === 'closed' && held('available') !== 0n)
                this.report('escrow.closed', where, `is closed and still holds ${held('available')}`);
        }
    }
}
