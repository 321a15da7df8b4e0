/* Negative controls of the checker: what it was just content with is changed in one place, as a member that
 * lies or a database that was tampered with would have it, and it must say so; then it is put back. */
import crypto from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { b64, newId, newKey, parse, sha256 } from '../../apigate/client.mjs';
import { clearingOwner } from '../../audit/members.mjs';
import { FEDERATION } from './fleet.mjs';

const PKCS8 = '302e020100300506032b657004220420';
const TX = 2;

function signWith(member, name, bytes) {
    const seed = readFileSync(join(member.data, 'keys', `${name}.seed`));
    const der = Buffer.concat([Buffer.from(PKCS8, 'hex'), seed]);
    const key = crypto.createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
    return crypto.sign(null, Buffer.from(bytes), key);
}
function line(signer, blob) { return `\u2014 ${signer.name} ${b64(Buffer.concat([signer.id, blob]))}\n`; }

/* A checkpoint as members that conspire could make it: with the log's key and these cosigners'. */
function forge(checker, root, cosigners) {
    const { fleet, signers, logs } = checker;
    const body = `${FEDERATION}/tx\n${logs.tx.size}\n${b64(root)}\n`;
    let note = `${body}\n${line(signers.tx.log, signWith(fleet.members[0], 'log-tx', body))}`;
    for (const i of cosigners) {
        const time = Buffer.alloc(8);
        time.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)));
        const said = `cosignature/v1\ntime ${time.readBigUInt64BE()}\n${body}`;
        note += line(signers.tx.cosigners[i], Buffer.concat([time, signWith(fleet.members[i], 'cosigner', said)]));
    }
    return note;
}

/* Rows that nobody may change, changed: triggers and foreign keys do not look. */
const force = (member, sql) => member.sql(`SET session_replication_role = replica; ${sql};`);

const CONTROLS = [
    { name: 'a second log, cosigned by a quorum', part: 'joint',
      must: /has another root/, run(c) {
        c.fleet.seen.get('tx').set('forged', new Map([[forge(c, sha256('another log'), [0, 1, 2]), 1]]));
        return () => c.fleet.seen.get('tx').delete('forged');
    } },
    { name: 'a checkpoint that two have cosigned', part: 'joint',
      must: /has 2 cosignatures/, run(c) {
        const root = Buffer.from(c.logs.tx.root, 'base64');
        c.fleet.seen.get('tx').set('forged', new Map([[forge(c, root, [0, 3]), 1]]));
        return () => c.fleet.seen.get('tx').delete('forged');
    } },
    { name: 'one bit of an entry that a member serves', part: 'joint',
      must: /does not hold the hashes of its entries/, run(c) {
        const flip = `UPDATE log_bundle SET entries = set_byte(entries, 30, get_byte(entries, 30) # 1)
            WHERE chain = ${TX} AND index = 0`;
        force(c.fleet.members[2], flip);
        return () => force(c.fleet.members[2], flip);
    } },
    { name: 'an entry twice in the log', part: null,
      must: /is entry \d+ of member \d, where \d+ is next/, run(c) {
        const { entries } = c.logs.tx;
        c.sequences('tx', [...entries.slice(0, 5), entries[4], ...entries.slice(5)]);
    } },
    { name: 'an entry left out of the log', part: null,
      must: /is entry \d+ of member \d, where \d+ is next/, run(c) {
        c.sequences('tx', c.logs.tx.entries.filter((_, i) => i !== 3));
    } },
    { name: 'a batch that a database counts from elsewhere', part: 'blocks',
      must: /batch \d+ of member \d where \d+ is next/, run(c) {
        const where = `WHERE chain = ${TX} AND
            first_index = (SELECT max(first_index) FROM chain_batch WHERE chain = ${TX})`;
        force(c.fleet.members[1], `UPDATE chain_batch SET first_seq = first_seq + 1 ${where}`);
        return () => force(c.fleet.members[1], `UPDATE chain_batch SET first_seq = first_seq - 1 ${where}`);
    } },
    { name: 'another block at one member', part: 'blocks',
      must: /is not the block of the others/, run(c) {
        const flip = `UPDATE chain_block SET id = set_byte(id, 0, get_byte(id, 0) # 1)
            WHERE chain = ${TX} AND height = 2`;
        force(c.fleet.members[3], flip);
        return () => force(c.fleet.members[3], flip);
    } },
    { name: 'one cent too much in a wallet', part: 'money',
      must: /books of EUR are off by -1 /, run(c) {
        const change = (sign) => force(c.fleet.members[0], `UPDATE book_account SET credits = credits ${sign} 1
            WHERE id = (SELECT min(id::text)::uuid FROM book_account WHERE kind = 'wallet')`);
        change('+');
        return () => change('-');
    } },
    { name: 'a member that is owed what nobody owes', part: 'money',
      must: /clearing between members 1 and 2 in EUR sums to 7$/, run(c) {
        const change = (n) => force(c.fleet.members[0], `INSERT INTO book_account (id, currency, kind, owner, floor,
            credits) VALUES ('00000000-0000-8000-8000-000000000007', 'EUR', 'clearing', '${clearingOwner(2)}', false,
            ${Math.max(n, 0)}) ON CONFLICT (owner, kind, currency)
            DO UPDATE SET credits = book_account.credits + ${n}`);
        change(7);
        return () => change(-7);
    } },
    { name: 'an accusation in the log', part: 'accused',
      must: /an entry accuses a member/, run(c) {
        const head = c.logs.account.entries[0].subarray(0, 18);
        const entry = Buffer.concat([head, Buffer.from('{"kind":"member.evidence"}')]);
        c.logs.account.entries.push(entry);
        return () => c.logs.account.entries.pop();
    } },
    /* The last: the repeated request is a first one to the member, which carries it out. */
    { name: 'an acknowledgement of what never came', part: 'homes',
      must: /lost: deposit\.request/, run(c) {
        const { writes } = c.traffic.homes[0].api.history;
        const old = writes.find((w) => w.path === '/v1/deposits' && w.reply.status === 201);
        const { statement } = JSON.parse(old.body);
        const id = newId();
        const reply = { ...old.reply, body: Buffer.from(JSON.stringify({ ...parse(old.reply), id, entry: id })) };
        const amount = { ...statement, id, amount_minor: 123456789 };
        const since = ({ api: { history: h } }) => ({ writes: h.writes.length, contents: h.contents.length });
        c.since = c.traffic.homes.map(since);
        const headers = { ...old.headers, 'Idempotency-Key': newKey() };
        writes.push({ ...old, reply, headers, body: JSON.stringify({ statement: amount }) });
        return () => writes.pop();
    } },
];

/* checker: one that has run and found nothing; make: a new one like it. */
export async function controls(report, checker, make) {
    for (const { name, must, part, run } of CONTROLS) {
        const next = make();
        Object.assign(next, { logs: checker.logs, signers: checker.signers });
        const undo = run(next);
        try {
            if (part) await next[part]();
        } finally {
            undo?.();
        }
        const found = next.findings.find((f) => must.test(f));
        report.check(found !== undefined, `control: ${name}: ${(found ?? 'not seen').slice(0, 110)}`,
            found ? [] : next.findings);
    }
}
