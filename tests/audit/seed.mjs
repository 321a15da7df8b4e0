// A small coherent world for the auditor's own tests, written as SQL: people, a bounty that pays, one
// that is closed, an open submission, payouts, and the log. Nothing here comes from the server.
import { createHash, createHmac, generateKeyPairSync, randomBytes, randomUUID, sign } from 'node:crypto';
import { accountId, transferId } from './books.mjs';
import { canonical } from './entries.mjs';
import { accountOf, clearingOwner } from './members.mjs';
import { leafHash, rootOf, tileLevels } from './log.mjs';

const sha256 = (...parts) => {
    const h = createHash('sha256');
    for (const p of parts)
        h.update(p);
    return h.digest();
};
const b64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytea = (bytes) => `'\\x${Buffer.from(bytes).toString('hex')}'`;
const text = (s) => `'${String(s).replaceAll("'", "''")}'`;
const zero = '00000000-0000-0000-0000-000000000000';
const now = '2026-11-20T12:00:00Z';
const hash = () => randomBytes(32);

function person(slot) {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    return { id: randomUUID(), slot, privateKey, receive: hash(),
             key: Buffer.from(publicKey.export({ format: 'jwk' }).x, 'base64url') };
}

export class Seed {
    constructor() {
        this.sql = [];
        this.chains = [null, [], []];
        this.slots = new Map([[zero, 0]]);
        this.keys = [];
        this.member = person(0);
        this.other = person(0); // member 2
        this.ids = {};
    }

    statement(who, kind, extras, id = randomUUID()) {
        const body = { kind, id, version: 1, time: now, signer: b64(who.key), ...extras };
        body.signature = b64(sign(null, Buffer.from(`cairn-statement/1\n${canonical(body)}`), who.privateKey));
        return body;
    }

    // Writes the entry, and the answer that a person got.
    entry(who, kind, extras, subject = who.id) {
        const s = this.statement(who, kind, extras);
        const chain = /^(account|role|record|reviewer|pseudonym)\./.test(kind) ? 1 : 2;
        const list = this.chains[chain];
        const member = who === this.member;
        list.push({ id: s.id, isPublic: ['bounty.publish', 'reviewer.enroll', 'bounty.price'].includes(kind),
                    subject: member && subject === who.id ? zero : subject, bytes: Buffer.from(canonical(s)) });
        const e = list.at(-1);
        this.sql.push(`INSERT INTO entry VALUES (${text(s.id)}, ${chain}, ${list.length}, ${text(kind)}, `
            + `${e.isPublic}, ${text(e.subject)}, ${bytea(e.bytes)}, now());`);
        if (!member)
            this.sql.push(`INSERT INTO idem VALUES (${text(who.id)}, ${text(s.id)}, ${bytea(hash())}, 201, `
                + `${text(canonical({ entry: s.id, id: s.id }))}, now() - interval '1 day');`);
        return s.id;
    }

    open(kind, owner) {
        const id = accountId(kind, owner, 'EUR');
        const whose = owner === null ? 'NULL' : text(owner);
        this.sql.push(`SELECT books_open_account('${id}', '${kind}', ${whose}, 'EUR');`);
        return id;
    }

    // legs: [from, to, amount, kind, mode, pendingOf]
    post(entry, legs) {
        const list = (f, type) => `ARRAY[${legs.map(f).join(',')}]::${type}[]`;
        this.sql.push(`SELECT books_post('${entry}', '${entry}', `
            + `${list((_, i) => text(transferId(entry, i)), 'uuid')}, `
            + `${list((l) => text(l[0]), 'uuid')}, ${list((l) => text(l[1]), 'uuid')}, ${list((l) => l[2], 'bigint')}, `
            + `'EUR', ${list((l) => text(l[3]), 'text')}, ${list((l) => text(l[4] ?? 'post'), 'text')}, `
            + `${list((l) => (l[5] === undefined ? 'NULL' : text(l[5])), 'uuid')});`);
    }

    register(role) {
        const p = person(this.keys.length + 1);
        const entry = this.entry(p, 'account.register', { receive_key: b64(p.receive) });
        this.keys.push(hash());
        this.slots.set(p.id, p.slot);
        this.sql.push(`INSERT INTO account (id, identity_key, receive_key, entry, at) VALUES (${text(p.id)}, `
            + `${bytea(p.key)}, ${bytea(p.receive)}, '${entry}', now());`);
        if (role !== 'operator') {
            const grant = { account: p.id, role, institution: 'clinic-a' };
            const given = this.entry(this.operator, 'role.attest', grant);
            this.sql.push(`INSERT INTO role_grant VALUES ('${p.id}', '${role}', 'clinic-a', '${given}', now());`);
        }
        p.wallet = accountId('wallet', p.id, 'EUR');
        return p;
    }

    bounty(sponsor, amount) {
        const terms = { title: 'Natural history', disease: 'MONDO:0000001', currency: 'EUR' };
        const id = this.entry(sponsor, 'bounty.publish', { terms });
        this.sql.push(`INSERT INTO bounty (id, sponsor, disease, currency, terms, terms_hash, opens_at, closes_at, `
            + `state, version, at) VALUES ('${id}', '${sponsor.id}', 'MONDO:0000001', 'EUR', `
            + `${text(canonical(terms))}, `
            + `${bytea(sha256(canonical(terms)))}, now(), now() + interval '1 year', 'open', 1, now());`,
                      `INSERT INTO bounty_event VALUES ('${id}', 1, 'open', '${id}', now());`);
        const b = { id, sponsor };
        for (const kind of ['available', 'reserved', 'accrued'])
            b[kind] = this.open(kind, id);
        const fund = this.entry(sponsor, 'bounty.fund', { bounty: id, amount_minor: amount, currency: 'EUR' });
        this.post(fund, [[sponsor.wallet, b.available, amount, 'fund']]);
        return b;
    }

    submission(patient, bounty, reserved, reviewers) {
        const nym = person(0);
        nym.id = patient.id;
        const id = this.entry(nym, 'submission.open', { bounty: bounty.id });
        this.sql.push('INSERT INTO submission (id, bounty, account, nym, record, size, ciphertext_hash, '
            + 'key_commitment, '
            + `content_commitment, claim_visits, claim_months, state, round, phase, due_at, version, reserved, at) `
            + `VALUES ('${id}', '${bounty.id}', '${patient.id}', ${bytea(nym.key)}, '${randomUUID()}', 1, `
            + `${bytea(hash())}, ${bytea(hash())}, ${bytea(hash())}, 1, 1, 'QUOTED', 0, 'none', `
            + `now() + interval '1 day', 1, ${reserved}, now());`);
        const s = { id, nym, patient, bounty, version: 0, reserved };
        this.step(s, 'QUOTED', id);
        this.post(id, [[bounty.available, bounty.reserved, reserved, 'reserve']]);
        this.entry(this.member, 'round.draw', { submission: id }, patient.id);
        reviewers.forEach((r, i) => this.sql.push('INSERT INTO seat (submission, seat, reviewer, institution, grantee) '
            + `VALUES ('${id}', ${i + 1}, '${r.id}', 'clinic-a', ${bytea(r.receive)});`));
        return s;
    }

    step(s, state, entry) {
        s.version += 1;
        this.sql.push(`INSERT INTO submission_event VALUES ('${s.id}', ${s.version}, '${state}', '${entry}', now());`);
    }

    verdict(s, seat, reviewer) {
        const verdict = { recommend: 'accept', visits: 1, months: 1, rubric: { authentic: 9000 }, reasons: [] };
        const nonce = hash();
        const commitment = sha256('cairn/v1/verdict', nonce, canonical(verdict));
        const about = { submission: s.id, round: 1 };
        const commit = this.entry(reviewer, 'verdict.commit', { ...about, commitment: b64(commitment) });
        const reveal = this.entry(reviewer, 'verdict.reveal', { ...about, nonce: b64(nonce), verdict });
        const fee = this.entry(this.member, 'review.pay', { submission: s.id, seat, amount_minor: 50, currency: 'EUR' },
                               reviewer.id);
        this.sql.push(`UPDATE seat SET commitment = ${bytea(commitment)}, commit_entry = '${commit}', `
            + `verdict = ${text(canonical(verdict))}, reveal_entry = '${reveal}', fee_entry = '${fee}', `
            + 'value_bp = 9000 '
            + `WHERE submission = '${s.id}' AND seat = ${seat};`);
        this.post(fee, [[s.bounty.reserved, reviewer.wallet, 50, 'review']]);
        s.fees = [...(s.fees ?? []), fee];
    }

    // Submitted, judged, paid.
    conclude(s, reviewers, pay) {
        this.step(s, 'ROUND', this.entry(s.nym, 'submission.submit', { submission: s.id, round: 1 }));
        reviewers.forEach((r, i) => this.verdict(s, i + 1, r));
        const decide = this.entry(this.member, 'round.decide', { submission: s.id, pay_minor: pay }, s.patient.id);
        const rest = s.reserved - 50 * reviewers.length - pay;
        this.step(s, 'ACCEPTED', decide);
        this.post(decide, [[s.bounty.reserved, s.bounty.accrued, pay, 'accrue'],
                           [s.bounty.reserved, s.bounty.available, rest, 'release']]);
        const paid = this.entry(this.member, 'submission.pay', { submission: s.id, amount_minor: pay, currency: 'EUR' },
                                s.patient.id);
        this.step(s, 'PAID', paid);
        this.post(paid, [[s.bounty.accrued, s.patient.wallet, pay, 'reward']]);
        s.paid = paid;
        this.sql.push(`UPDATE submission SET state = 'PAID', phase = 'closed', outcome = 'ACCEPTED', score_bp = 9000, `
            + `reserved = 0, pay = ${pay}, version = ${s.version} WHERE id = '${s.id}';`);
    }

    payout(p, amount, settle) {
        const said = { amount_minor: amount, currency: 'EUR', method: 'test', destination: 'x' };
        const id = this.entry(p, 'payout.request', said);
        const outside = accountId('outside', null, 'EUR');
        this.post(id, [[p.wallet, outside, amount, 'payout', 'pending']]);
        let entry = 'NULL';
        if (settle !== undefined) {
            const about = { payout: id, amount_minor: amount, currency: 'EUR' };
            const e = this.entry(this.member, 'payout.settle', about, p.id);
            this.post(e, [[p.wallet, outside, amount, 'payout', settle, transferId(id, 0)]]);
            entry = `'${e}'`;
        }
        const state = { settle: 'confirmed', void: 'failed' }[settle] ?? 'submitted';
        this.sql.push(`INSERT INTO payout VALUES ('${id}', '${p.id}', ${amount}, 'EUR', 'test', 'x', `
            + `'${state}', ${entry}, `
            + '2, now());');
        return id;
    }

    deposit(p, amount) {
        const id = this.entry(p, 'deposit.request', { amount_minor: amount, currency: 'EUR', reference: 'x' });
        this.sql.push(`INSERT INTO deposit VALUES ('${id}', '${p.id}', ${amount}, 'EUR', 'x', now());`);
        this.post(id, [[accountId('outside', null, 'EUR'), p.wallet, amount, 'deposit']]);
        return id;
    }

    record(p) {
        const manifest = { ciphertext_hash: b64(hash()) };
        const record = randomUUID();
        const entry = this.entry(p, 'record.version', { record, number: 1, manifest });
        this.sql.push('INSERT INTO record_version (record, number, owner, disease, size, ciphertext_hash, '
            + 'key_commitment, '
            + `content_commitment, owner_wrap, entry, at) VALUES ('${record}', 1, '${p.id}', 'MONDO:0000001', 1, `
            + `${bytea(Buffer.from(manifest.ciphertext_hash, 'base64'))}, ${bytea(hash())}, ${bytea(hash())}, `
            + `${bytea(randomBytes(80))}, '${entry}', now());`);
    }

    close(b, refund) {
        const entry = this.entry(b.sponsor, 'bounty.close', { bounty: b.id });
        this.post(entry, [[b.available, b.sponsor.wallet, refund, 'refund']]);
        this.sql.push(`UPDATE bounty SET state = 'closed', version = 2 WHERE id = '${b.id}';`,
                      `INSERT INTO bounty_event VALUES ('${b.id}', 2, 'closed', '${entry}', now());`);
    }

    // ---- the other member ---------------------------------------------------------------------------

    // Somebody who lives there: known by a vouch, or as a reviewer by a public entry of that member.
    stranger(role, seq) {
        const p = person(this.keys.length + 1);
        p.id = accountOf(p.key);
        const said = { account: p.id, identity_key: b64(p.key), receive_key: b64(p.receive), role,
                       institution: 'clinic-b' };
        let entry = 'NULL';
        if (role === 'reviewer')
            this.publicly(1, seq, 'reviewer.enroll', said);
        else
            entry = `'${this.entry(this.other, 'account.vouch', said, p.id)}'`;
        this.keys.push(hash());
        this.slots.set(p.id, p.slot);
        this.sql.push(`INSERT INTO account (id, identity_key, receive_key, entry, at, home) VALUES (${text(p.id)}, `
            + `${bytea(p.key)}, ${bytea(p.receive)}, ${entry}, now(), 2);`,
                      `INSERT INTO role_grant VALUES ('${p.id}', '${role}', 'clinic-b', ${entry}, now(), 2);`);
        p.wallet = this.open('clearing', clearingOwner(2)); // where it is paid
        return p;
    }

    publicly(chain, seq, kind, extras, who = this.other) {
        const s = this.statement(who, kind, extras);
        this.sql.push(`INSERT INTO public_entry VALUES (2, ${chain}, ${seq}, '${s.id}', '${kind}', `
            + `${bytea(canonical(s))}, now());`);
        return s.id;
    }

    bountyElsewhere() {
        const terms = { title: 'Elsewhere', disease: 'MONDO:0000002', currency: 'EUR' };
        const sponsor = person(0);
        const id = this.publicly(2, 1, 'bounty.publish', { terms }, sponsor);
        this.publicly(2, 2, 'bounty.price', { bounty: id, state: 'open', funded: true, scarcity_bp: 0, version: 3 });
        this.sql.push(`INSERT INTO bounty (id, sponsor, disease, currency, terms, terms_hash, opens_at, closes_at, `
            + `state, version, at, home, shown, price_version) VALUES ('${id}', '${accountOf(sponsor.key)}', `
            + `'MONDO:0000002', 'EUR', ${text(canonical(terms))}, ${bytea(sha256(canonical(terms)))}, now(), `
            + "now() + interval '1 year', 'open', 1, now(), 2, 'funded', 3);");
        return id;
    }

    price(b, version, state, funded) {
        const said = { bounty: b.id, state, funded, scarcity_bp: 0, version };
        const entry = this.entry(this.member, 'bounty.price', said);
        const shown = state === 'closed' ? 'closed' : funded ? 'funded' : 'unfunded';
        this.sql.push(`INSERT INTO bounty_price VALUES ('${b.id}', ${version}, '${shown}', 0, '${entry}', now());`,
                      `UPDATE bounty SET shown = '${shown}', price_version = ${version} WHERE id = '${b.id}';`);
    }

    enroll(p) {
        const said = { account: p.id, identity_key: b64(p.key), receive_key: b64(p.receive), role: 'reviewer',
                       institution: 'clinic-a' };
        const entry = this.entry(this.member, 'reviewer.enroll', said);
        this.sql.push(`INSERT INTO enrolment VALUES ('${p.id}', '${entry}', now());`);
    }

    pseudonym(p, bounty) {
        const key = person(0).key;
        const said = { bounty, key: b64(key), receive_key: b64(p.receive) };
        const entry = this.entry(p, 'pseudonym.register', said);
        const id = accountOf(key);
        this.sql.push(`INSERT INTO pseudonym VALUES ('${id}', '${p.id}', '${bounty}', ${bytea(key)}, `
            + `${bytea(p.receive)}, '${entry}', now());`);
        return id;
    }

    message(seq, cause, p, amount) {
        const said = { to: 2, sequence: seq, account: p.id, amount_minor: amount, currency: 'EUR', cause };
        const s = this.statement(this.member, 'clearing.credit', said);
        this.sql.push(`INSERT INTO peer_message VALUES (2, ${seq}, '${s.id}', '${cause}', '${p.id}', ${amount}, `
            + `'EUR', ${bytea(canonical(s))}, now());`);
    }

    // A message of the other member: for a person of ours, or for the pseudonym of one.
    credit(seq, named, p, amount) {
        const said = { to: 1, sequence: seq, account: named, amount_minor: amount, currency: 'EUR',
                       cause: randomUUID() };
        const entry = this.entry(this.other, 'clearing.credit', said, p.id);
        this.post(entry, [[this.open('clearing', clearingOwner(2)), p.wallet, amount, 'credit']]);
        this.sql.push(`INSERT INTO peer_credit VALUES (2, ${seq}, '${entry}', '${p.id}', ${amount}, 'EUR', now());`);
    }

    members(sponsor, patient, r1) {
        const b = this.bounty(sponsor, 9000);
        const reviewer = this.stranger('reviewer', 1);
        const guest = this.stranger('patient');
        this.sql.push('INSERT INTO peer_head VALUES (2, 2, 1, 2);');
        const s = this.submission(guest, b, 2000, [reviewer]);
        this.conclude(s, [reviewer], 1100);
        this.message(1, s.fees[0], reviewer, 50);
        this.message(2, s.paid, guest, 1100);
        const alias = this.pseudonym(patient, this.bountyElsewhere());
        this.credit(1, alias, patient, 400);
        this.credit(2, r1.id, r1, 60);
        this.enroll(r1);
        this.price(b, 1, 'open', true);
        this.price(b, 2, 'open', false);
    }

    keyFile() {
        return Buffer.concat([hash(), ...this.keys].map((key, i) => {
            const slot = Buffer.alloc(64);
            slot.write('CKEY', 'latin1');
            slot.writeBigUInt64BE(BigInt(i), 4);
            key.copy(slot, 12);
            return slot;
        }));
    }

    // Delivers all but the last `keep` entries of each chain, in two runs.
    log(file, keep) {
        for (const chain of [1, 2]) {
            const n = this.chains[chain].length - keep;
            const half = Math.floor(n / 2);
            const leaves = this.chains[chain].slice(0, n).map((e, i) => this.leaf(file, chain, e, i + 1));
            const hashes = leaves.map(leafHash);
            for (let i = 0; i < n; i += 256) {
                const some = leaves.slice(i, i + 256);
                const bytes = some.flatMap((l) => [Buffer.of(l.length >> 8, l.length & 255), l]);
                this.sql.push(`INSERT INTO log_bundle VALUES (${chain}, ${i / 256}, ${some.length}, `
                    + `${bytea(Buffer.concat(bytes))});`);
            }
            tileLevels(hashes).forEach((row, level) => {
                for (let i = 0; i < row.length; i += 256)
                    this.sql.push(`INSERT INTO log_tile VALUES (${chain}, ${level}, ${i / 256}, `
                        + `${bytea(Buffer.concat(row.slice(i, i + 256)))});`);
            });
            for (const [first, count] of [[0, half], [half, n - half]]) {
                const root = rootOf(hashes.slice(0, first + count));
                const note = `test/${chain}\n${first + count}\n${b64(root)}\n\n— test AAAA\n`;
                this.sql.push(`INSERT INTO delivery VALUES (${chain}, ${first + 1}, ${count}, ${first}, now());`,
                    `INSERT INTO log_checkpoint VALUES (${chain}, ${first + count}, ${bytea(root)}, `
                    + `${text(note)}, now());`);
            }
        }
    }

    leaf(file, chain, e, seq) {
        const head = Buffer.alloc(18);
        head.write(e.isPublic ? 'public/1' : 'anchor/1', 'latin1');
        head.writeUInt16BE(7, 8);
        head.writeBigUInt64BE(BigInt(seq), 10);
        const key = file.subarray(this.slots.get(e.subject) * 64 + 12, this.slots.get(e.subject) * 64 + 44);
        const at = Buffer.alloc(9);
        at.writeUInt8(chain, 0);
        at.writeBigUInt64BE(BigInt(seq), 1);
        const salt = createHmac('sha256', key).update('cairn/v1/salt').update(at).digest();
        return Buffer.concat([head, e.isPublic ? e.bytes : sha256(salt, e.bytes)]);
    }

    build() {
        this.operator = this.register('operator');
        const [sponsor, patient, r1, r2] = ['sponsor', 'patient', 'reviewer', 'reviewer'].map((r) => this.register(r));
        this.open('outside', null);
        this.open('fees', null);
        for (const p of [sponsor, patient, r1, r2])
            this.open('wallet', p.id);
        this.record(patient);
        this.deposit(sponsor, 100000);
        for (let i = 0; i < 290; i += 1) // enough entries for a second level of tiles
            this.deposit(r2, 1);
        const b = this.bounty(sponsor, 50000);
        const closed = this.bounty(sponsor, 700);
        this.conclude(this.submission(patient, b, 2000, [r1, r2]), [r1, r2], 1500);
        const open = this.submission(r1, b, 900, [r2]);
        this.close(closed, 700);
        this.members(sponsor, patient, r1);
        const payouts = [this.payout(patient, 300, 'settle'), this.payout(patient, 200, 'void'),
                         this.payout(patient, 100)];
        const file = this.keyFile();
        this.log(file, 2);
        this.sql.push(`UPDATE chain_head SET last_seq = ${this.chains[1].length} WHERE chain = 1;`,
                      `UPDATE chain_head SET last_seq = ${this.chains[2].length} WHERE chain = 2;`);
        this.sql.push('INSERT INTO reviewer_load SELECT t.reviewer, '
            + "count(*) FILTER (WHERE s.state IN ('QUOTED', 'ROUND')) "
            + 'FROM seat t JOIN submission s ON s.id = t.submission GROUP BY t.reviewer;');
        return { sql: this.sql.join('\n'), keys: file, open: open.id, payouts };
    }
}
