// What is planted, and the name under which the auditor must find it. Triggers and foreign keys are off;
// CHECKs and unique indexes are dropped where a corruption needs it, as one in the files would.
const drop = (table, ...names) => names.map((n) => `ALTER TABLE ${table} DROP CONSTRAINT ${n} CASCADE;`).join(' ');
const t = (where) => `(SELECT id FROM book_transfer WHERE ${where} ORDER BY seq LIMIT 1)`;
const flip = (column, at) => `set_byte(${column}, ${at}, get_byte(${column}, ${at}) # 1)`;
const wallet = "(SELECT id FROM book_account WHERE kind = 'wallet' ORDER BY credits DESC LIMIT 1)";

export const corruptions = [
    // books
    { name: 'a cached balance is a cent too high', code: 'account.sums',
      sql: () => `UPDATE book_account SET credits = credits + 1 WHERE id = ${wallet}` },
    { name: 'a cent moved between two cached balances', code: 'account.sums',
      sql: () => `UPDATE book_account SET credits = credits + CASE WHEN id = ${wallet} THEN 1 ELSE -1 END
                  WHERE id = ${wallet} OR kind = 'available' AND credits > 10000` },
    { name: 'money out of nothing', code: 'currency.sums',
      sql: () => `UPDATE book_account SET credits = credits + 500 WHERE id = ${wallet}` },
    { name: 'a transfer made larger', code: 'account.sums',
      sql: () => `UPDATE book_transfer SET amount = amount + 1 WHERE id = ${t("kind = 'reward'")}` },
    { name: 'a transfer and both caches made larger', code: 'entry.amount',
      sql: () => `UPDATE book_transfer SET amount = amount + 1 WHERE id = ${t("kind = 'deposit'")};
                  UPDATE book_account SET debits = debits + 1 WHERE kind = 'outside';
                  UPDATE book_account SET credits = credits + 1 WHERE id = ${wallet}` },
    { name: 'a transfer deleted', code: 'transfer.seq',
      sql: () => `DELETE FROM book_transfer WHERE id = ${t("kind = 'fund'")}` },
    { name: 'the last transfer deleted', code: 'transfer.seq',
      sql: () => 'DELETE FROM book_transfer WHERE seq = (SELECT max(seq) FROM book_transfer)' },
    { name: 'a transfer sent to another account', code: 'transfer.cause',
      sql: () => `UPDATE book_transfer SET credit = (SELECT id FROM book_account WHERE kind = 'fees')
                  WHERE id = ${t("kind = 'reward'")}` },
    { name: 'a transfer without an entry', code: 'transfer.entry',
      sql: () => `UPDATE book_transfer SET entry_id = gen_random_uuid() WHERE id = ${t("kind = 'review'")}` },
    { name: 'a transfer copied under a new id', code: 'transfer.id',
      sql: () => `INSERT INTO book_transfer SELECT gen_random_uuid(), (SELECT max(seq) + 1 FROM book_transfer),
                  group_id, debit, credit, amount, currency, kind, mode, pending_of, entry_id, at FROM book_transfer
                  WHERE id = ${t("kind = 'reward'")}` },
    { name: 'a transfer in another currency', code: 'transfer.account',
      sql: () => `UPDATE book_transfer SET currency = 'USD' WHERE id = ${t("kind = 'review'")}` },
    { name: 'a negative transfer', code: 'transfer.shape',
      sql: () => `${drop('book_transfer', 'book_transfer_amount')}
                  UPDATE book_transfer SET amount = -amount WHERE id = ${t("kind = 'review'")}` },
    { name: 'a pending transfer settled twice', code: 'transfer.pending',
      sql: () => `${drop('book_transfer', 'book_transfer_resolved_once')}
                  INSERT INTO book_transfer SELECT gen_random_uuid(), (SELECT max(seq) + 1 FROM book_transfer),
                  group_id, debit, credit, amount, currency, kind, mode, pending_of, entry_id, at FROM book_transfer
                  WHERE mode = 'settle'` },
    { name: 'a settlement larger than what was held', code: 'transfer.pending',
      sql: () => "UPDATE book_transfer SET amount = amount + 5 WHERE mode = 'settle'" },
    { name: 'an account below its floor', code: 'account.floor',
      sql: () => `${drop('book_account', 'book_account_floor')}
                  UPDATE book_account SET debits = credits + 1 WHERE id = ${wallet}` },
    { name: 'two transfers exchanged in time, so that money was spent before it was there', code: 'floor.history',
      sql: () => `${drop('book_transfer', 'book_transfer_seq')}
                  UPDATE book_transfer SET seq = CASE book_transfer.seq WHEN 1 THEN x.seq ELSE 1 END
                  FROM (SELECT seq FROM book_transfer WHERE kind = 'fund' ORDER BY seq LIMIT 1) x
                  WHERE book_transfer.seq IN (1, x.seq)` },
    { name: 'a wallet whose floor was taken away', code: 'account.shape',
      sql: () => `${drop('book_account', 'book_account_floor_kind')}
                  UPDATE book_account SET floor = false WHERE id = ${wallet}` },
    { name: 'a wallet given to another owner', code: 'account.id',
      sql: () => `UPDATE book_account SET owner = gen_random_uuid() WHERE id = ${wallet}` },
    { name: 'the head of the books set back', code: 'transfer.seq',
      sql: () => 'UPDATE book_head SET last_seq = last_seq - 1' },
    // entries and answers
    { name: 'an entry deleted from the middle', code: 'entry.seq',
      sql: () => 'DELETE FROM entry WHERE chain = 2 AND seq = 5' },
    { name: 'the last entry deleted', code: 'entry.seq',
      sql: () => 'DELETE FROM entry WHERE chain = 2 AND seq = (SELECT max(seq) FROM entry WHERE chain = 2)' },
    { name: 'a statement changed after it was signed', code: 'entry.signature',
      sql: () => `UPDATE entry SET statement = convert_to(replace(convert_from(statement, 'UTF8'),
                  '"amount_minor":100000', '"amount_minor":900000'), 'UTF8') WHERE kind = 'deposit.request'` },
    { name: 'a statement with a space in it', code: 'entry.canonical',
      sql: () => `UPDATE entry SET statement = statement || convert_to(' ', 'UTF8') WHERE chain = 1 AND seq = 1` },
    { name: 'an entry that did nothing', code: 'entry.effect',
      sql: () => "DELETE FROM deposit WHERE id = (SELECT id FROM deposit WHERE amount = 1 LIMIT 1)" },
    { name: 'an entry used for two changes', code: 'entry.effect',
      sql: () => `UPDATE seat SET fee_entry = commit_entry WHERE fee_entry IS NOT NULL AND seat = 1` },
    { name: 'a private entry made public', code: 'entry.kind',
      sql: () => "UPDATE entry SET is_public = true WHERE kind = 'payout.settle'" },
    { name: 'an answer that names no entry', code: 'idem.entry',
      sql: () => `UPDATE idem SET body = replace(body, substr(key, 1, 8), 'deadbeef')
                  WHERE key = (SELECT min(key) FROM idem)` },
    { name: 'an answer deleted', code: 'entry.answer',
      sql: () => 'DELETE FROM idem WHERE key = (SELECT min(key) FROM idem)' },
    // market
    { name: 'an open submission that holds more than is reserved', code: 'escrow.reserved',
      sql: () => "UPDATE submission SET reserved = reserved + 1 WHERE state = 'QUOTED'" },
    { name: 'an open submission that vanished', code: 'escrow.reserved',
      sql: (w) => `DELETE FROM submission WHERE id = '${w.open}'` },
    { name: 'a bounty closed without giving its money back', code: 'escrow.closed',
      sql: () => "UPDATE bounty SET state = 'closed'" },
    { name: 'a state without its history', code: 'submission.history',
      sql: () => "UPDATE submission SET state = 'REJECTED' WHERE state = 'PAID'" },
    { name: 'a step of a history deleted', code: 'submission.history',
      sql: () => 'DELETE FROM submission_event WHERE version = 2' },
    { name: 'terms changed after publication', code: 'bounty.terms',
      sql: () => "UPDATE bounty SET terms = replace(terms, 'Natural', 'Neutral')" },
    { name: 'a verdict exchanged after the commitment', code: 'seat.verdict',
      sql: () => "UPDATE seat SET verdict = replace(verdict, 'accept', 'reject') WHERE verdict IS NOT NULL" },
    { name: 'a reviewer said to be busier than is so', code: 'reviewer.load',
      sql: () => 'UPDATE reviewer_load SET open_seats = open_seats + 1' },
    { name: 'a payout said to be settled whose money is held', code: 'payout.state',
      sql: (w) => `UPDATE payout SET state = 'confirmed', settle_entry = gen_random_uuid()
                   WHERE id = '${w.payouts[2]}'` },
    { name: 'a deposit row larger than its statement', code: 'deposit.statement',
      sql: () => 'UPDATE deposit SET amount = amount + 1 WHERE amount > 1' },
    { name: 'a role nobody attested', code: 'role.statement',
      sql: () => "UPDATE role_grant SET role = 'operator' WHERE role = 'sponsor'" },
    { name: 'an identity key exchanged', code: 'account.keys',
      sql: () => `UPDATE account SET identity_key = ${flip('identity_key', 3)}` },
    { name: 'a record pointing at other content', code: 'record.manifest',
      sql: () => `UPDATE record_version SET ciphertext_hash = ${flip('ciphertext_hash', 0)}` },
    // members
    { name: 'a message to another member made larger', code: 'member.message',
      sql: () => 'UPDATE peer_message SET amount = amount + 1 WHERE seq = 2' },
    { name: 'a message to another member deleted', code: 'member.sequence',
      sql: () => 'DELETE FROM peer_message WHERE seq = 1' },
    { name: 'a credit of another member given to somebody else', code: 'member.credit',
      sql: () => `UPDATE peer_credit SET account = (SELECT account FROM peer_credit WHERE seq = 2) WHERE seq = 1` },
    { name: 'a reviewer whom no other member enrolled', code: 'member.enrolment',
      sql: () => "UPDATE role_grant SET institution = 'clinic-c' WHERE entry IS NULL" },
    { name: 'a price that was not told', code: 'member.price',
      sql: () => "UPDATE bounty SET shown = 'funded' WHERE home = 0 AND shown = 'unfunded'" },
    { name: 'the terms of another member\'s bounty changed', code: 'member.bounty',
      sql: () => "UPDATE bounty SET terms = replace(terms, 'Elsewhere', 'Anywhere') WHERE home = 2" },
    { name: 'a pseudonym given to another account', code: 'member.pseudonym',
      sql: () => "UPDATE pseudonym SET account = (SELECT account FROM role_grant WHERE role = 'sponsor')" },
    // log
    { name: 'one bit of a log entry flipped', code: 'log.anchor',
      sql: () => `UPDATE log_bundle SET entries = ${flip('entries', 40)} WHERE chain = 2 AND index = 0` },
    { name: 'one bit of a tile flipped', code: 'log.tile',
      sql: () => `UPDATE log_tile SET hashes = ${flip('hashes', 33)} WHERE chain = 2 AND level = 0 AND index = 1` },
    { name: 'one bit of an upper tile flipped', code: 'log.tile',
      sql: () => `UPDATE log_tile SET hashes = ${flip('hashes', 5)} WHERE chain = 2 AND level = 1` },
    { name: 'a published root exchanged', code: 'log.root',
      sql: () => `UPDATE log_checkpoint SET root = ${flip('root', 31)} WHERE chain = 1` },
    { name: 'a signed note that says another size', code: 'log.note',
      sql: () => `UPDATE log_checkpoint SET note = replace(note, E'\\n' || size || E'\\n', E'\\n1\\n')
                  WHERE chain = 2` },
    { name: 'the newest checkpoint deleted', code: 'log.root',
      sql: () => `DELETE FROM log_checkpoint WHERE chain = 2
                  AND size = (SELECT max(size) FROM log_checkpoint WHERE chain = 2)` },
    { name: 'a delivery deleted', code: 'log.delivery',
      sql: () => 'DELETE FROM delivery WHERE chain = 2 AND first_seq = 1' },
    { name: 'a statement exchanged under its anchor, with a good signature of another', code: 'log.anchor',
      sql: () => `UPDATE entry SET statement = (SELECT statement FROM entry WHERE chain = 2 AND seq = 3)
                  WHERE chain = 2 AND seq = 2` },
];
