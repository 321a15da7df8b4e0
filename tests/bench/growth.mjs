// What grows with the number of entries, and how: the log's delivery, proofs, receipts and lists, on one
// member whose log is filled up in steps. Entries are put into the outbox by SQL; the member's own driver
// takes them into the log, so that receipts and proofs are real.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fdatasyncRate, progress, run, tool } from './tools.mjs';
import { Server } from './server.mjs';

const SIZES = [1e3, 1e4, 1e5, 1e6];
const DELIVERY = 10; // entries to a delivery on a server that is not flooded
const LOOK_UPS = 400;
// Three loads of one token in a row: together they must stay below its 5,000 requests in ten seconds.
const LOOK_MS = 400;

// Entries of the first sponsor's, up to size in all, that look like small statements.
async function addEntries(server, size, account) {
    await server.sql(`
        WITH head AS (UPDATE chain_head SET last_seq = ${size} WHERE chain = 2 RETURNING last_seq)
        SELECT last_seq FROM head;
        INSERT INTO entry (id, chain, seq, kind, is_public, subject, statement, at)
            SELECT gen_random_uuid(), 2, s, 'deposit.request', false, '${account}',
                   convert_to('{"kind":"deposit.request","reference":"' || s || '"}', 'UTF8'), now()
            FROM generate_series(coalesce((SELECT max(seq) FROM entry WHERE chain = 2), 0) + 1, ${size}) s;
        INSERT INTO entry_party (account, entry)
            SELECT '${account}', id FROM entry WHERE chain = 2 AND id NOT IN (SELECT entry FROM entry_party);
        ANALYZE entry; ANALYZE entry_party;`);
}

/* Entries a second between the first checkpoint that the driver signed of them and the last: its waiting
 * for the outbox to be looked at again is left out. */
async function delivered(server, before) {
    const [n, seconds] = (await server.sql(`SELECT max(size) - min(size), extract(epoch from max(at) - min(at))
        FROM log_checkpoint WHERE chain = 2 AND size > ${before}`)).split('|').map(Number);
    return seconds > 0 ? n / seconds : undefined;
}

// The driver takes thousands at once from a full outbox. A list must not depend on that.
async function splitDeliveries(server) {
    await server.sql(`
        ALTER TABLE delivery DISABLE TRIGGER USER;
        CREATE TEMP TABLE old AS SELECT * FROM delivery WHERE chain = 2 AND n > ${DELIVERY};
        DELETE FROM delivery d USING old o WHERE d.chain = o.chain AND d.first_seq = o.first_seq;
        INSERT INTO delivery (chain, first_seq, n, first_index, at)
            SELECT chain, first_seq + k, least(${DELIVERY}, n - k), first_index + k, at
            FROM old, generate_series(0, n - 1, ${DELIVERY}) k;
        ALTER TABLE delivery ENABLE TRIGGER USER;
        ANALYZE delivery;`);
}

// As many submissions to the bounty as the log has entries, of as many people as they have keys.
async function addSubmissions(server, size, bounty, account) {
    await server.sql(`
        SET session_replication_role = replica;
        INSERT INTO submission (id, bounty, account, nym, record, size, ciphertext_hash, key_commitment,
                content_commitment, claim_visits, claim_months, state, round, phase, due_at, version, reserved, at)
            SELECT e.id, '${bounty}', gen_random_uuid(), h, gen_random_uuid(), 8192, h, h, h, 5, 24, 'WITHDRAWN', 1,
                   'closed', now(), 1, 0, now()
            FROM (SELECT id, sha256(seq::text::bytea) AS h FROM entry WHERE chain = 2 AND kind = 'deposit.request'
                  ORDER BY seq LIMIT ${size} - (SELECT count(*) FROM submission)
                  OFFSET (SELECT count(*) FROM submission)) e;
        ANALYZE submission;`);
}

async function fetchJson(server, where, token) {
    const reply = await fetch(`${server.url}${where}`, { headers: { Authorization: `Bearer ${token}` } });
    if (reply.status !== 200)
        throw new Error(`${where}: ${reply.status} ${await reply.text()}`);
    return reply.json();
}

async function one(server, report, size, { account, token, bounty }) {
    const before = await server.logSize();
    progress(`growth: ${size} entries`);
    await addEntries(server, size, account);
    await server.settle();
    const rate = await delivered(server, before);
    if (rate !== undefined && size >= 1e5)
        report.figure({ group: 'anchors', what: `entries into a log of ${before} to ${size}, one member`, unit: '/s',
            value: rate });
    await splitDeliveries(server);
    const rows = (await server.sql(`SELECT id FROM entry WHERE chain = 2 AND kind = 'deposit.request'
        ORDER BY md5(id::text) LIMIT ${LOOK_UPS}`)).split('\n');
    const proof = await fetchJson(server, `/v1/receipts/${rows[0]}`, token);
    const look = await server.load(rows.map((id) => `/v1/receipts/${id}`), { clients: 1, milliseconds: LOOK_MS });
    const list = await server.load(['/v1/receipts'], { clients: 1, milliseconds: LOOK_MS });
    if (size === SIZES[0] || size === SIZES.at(-1))
        await addSubmissions(server, size - 100, bounty, account);
    const submissions = await server.load([`/v1/bounties/${bounty}/submissions`],
                                          { clients: 1, milliseconds: LOOK_MS });
    const row = (what, value, unit, note) => report.figure({ group: `log of ${size.toLocaleString('en-US')} entries`,
        what, value, unit, note });
    row('proof', Buffer.byteLength(proof.proof), 'bytes');
    row('GET /v1/receipts/{entry}, p50', look.p50_us / 1000, 'ms', `p99 ${look.p99_us / 1000} ms`);
    row('GET /v1/receipts, first page, p50', list.p50_us / 1000, 'ms', `p99 ${list.p99_us / 1000} ms`);
    if (size === SIZES[0] || size === SIZES.at(-1))
        row('GET /v1/bounties/{bounty}/submissions, first page, p50', submissions.p50_us / 1000, 'ms',
            `${size - 100} submissions, p99 ${submissions.p99_us / 1000} ms`);
    return { size, look: look.p50_us, list: list.p50_us, submissions: submissions.p50_us };
}

// A receipt of a statement that somebody really signed, checked offline.
async function receipt(server, report, token) {
    const { items } = await fetchJson(server, '/v1/receipts', token);
    const answer = path.join(server.folder, 'receipt.json');
    const policy = path.join(server.folder, 'policy');
    const signed = items.find((i) => i.kind === 'bounty.fund');
    writeFileSync(answer, JSON.stringify(await fetchJson(server, `/v1/receipts/${signed.id}?wait=10`, token)));
    writeFileSync(policy, await (await fetch(`${server.url}/v1/federation/policy`)).text());
    const r = JSON.parse(await run(tool('bench_receipt'), [policy, answer]));
    report.figure({ group: 'receipt', what: 'proof, entry and salt of a private entry, one member', unit: 'bytes',
        value: r.proof + r.leaf + r.salt, most: 2048, note: `its statement: ${r.statement} bytes` });
    report.figure({ group: 'receipt', what: 'checked offline, CPU', unit: 'us', value: r.verify_us, most: 1000 });
}

export async function growth(report) {
    const server = await Server.make();
    await server.populate({ patients: 1, sponsors: 1, bounties: 1 });
    await server.settle();
    const [, token, account] = server.people.sponsor[0];
    const bounty = server.people.bounty[0][0];
    const disk = fdatasyncRate(server.folder);
    report.figure({ group: 'anchors', what: 'fdatasync of one page, just before', unit: '/s', value: disk.per_second });
    await receipt(server, report, token);
    const got = [];
    for (const size of SIZES)
        got.push(await one(server, report, size, { account, token, bounty }));
    const last = got.at(-1);
    const times = (field) => last[field] / got[0][field];
    const row = (what, field, most) => report.figure({ group: 'growth', unit: 'times', value: times(field), most,
        what: `${what}: ${last.size} beside ${got[0].size}` });
    row('time of a receipt', 'look', 3);
    row('time of the list of receipts', 'list', 1.5);
    row('time of the list of submissions', 'submissions', 1.5);
    await server.remove();
}
