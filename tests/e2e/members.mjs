#!/usr/bin/env node
/* The market over members, on real processes: four cairnd with a database each; the sponsor lives at
 * member 1, the patient at 2, the reviewers at 2, 3 and 4. Either side is killed between a request and its
 * answer, and between money and its message: the answer stays the first one, the money comes once, and
 * clearing nets to zero. docs/members.md
 * Usage: [BUILD=build/fp] node tests/e2e/members.mjs   (a build with failpoints: make VARIANT=fp all) */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { randomBytes } from 'node:crypto';
import { Api, Person, b64, canonical, commitment, idFromHash, makeStatement, newId, newKey, parse,
    sha256 } from '../apigate/client.mjs';
import { seal as sealSlice } from '../apigate/vault.mjs';
import { certificateOf, termsOf } from '../apigate/world.mjs';
import { accountId } from '../audit/books.mjs';
import { clearingOwner } from '../audit/members.mjs';
import { ROOT, asServerUser, until, workFolder } from '../chaos/member.mjs';

const build = resolve(ROOT, process.env.BUILD ?? 'build/fp');
const FEDERATION = 'e2e.example/fed';
const N = 4;
const children = new Set();
process.once('exit', () => children.forEach((c) => c.kill('SIGKILL')));
let passed = 0;
let failed = 0;
function check(what, ok, detail = '') {
    if (ok) passed += 1;
    else failed += 1;
    console.log(`${ok ? 'ok' : 'NOT OK'}  ${what}${ok ? '' : `: ${detail}`}`);
}
function must(program, args) {
    const r = spawnSync(join(build, program), args, { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`${program} ${args[0]}: ${r.stderr}`);
    return r.stdout;
}

/* ---- four members ----------------------------------------------------------------------------- */

async function freePorts(n) {
    for (;;) {
        const first = 20000 + Math.floor(Math.random() * 20000);
        const servers = [];
        const good = await Promise.all(Array.from({ length: n }, (_, i) => new Promise((done) => {
            const s = net.createServer().once('error', () => done(false));
            s.listen(first + i, '127.0.0.1', () => done(true));
            servers.push(s);
        })));
        await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
        if (good.every(Boolean)) return first;
    }
}

class Node {
    constructor(work, number, port) {
        Object.assign(this, { number, data: join(work, `member-${number}`), log: join(work, `member-${number}.log`) });
        this.operator = new Person();
        this.child = null;
        this.api = new Api(`http://127.0.0.1:${port}`, { origin: FEDERATION });
        must('cairnd', ['init', '--data', this.data, '--member', String(number), '--name', `institution-${number}`,
            '--endpoint', `http://127.0.0.1:${port}`, '--operator', b64(this.operator.identity.public)]);
    }
    async start(failpoint = '') {
        const err = openSync(this.log, 'a');
        const env = { ...process.env, CAIRN_FP: failpoint };
        const how = { stdio: ['ignore', 'pipe', err], env };
        this.child = spawn(join(build, 'cairnd'), ['run', '--data', this.data], how);
        const child = this.child;
        children.add(child);
        this.ended = new Promise((done) => child.once('exit', done)).then(() => children.delete(child));
        const up = new Promise((done) => createInterface({ input: child.stdout })
            .on('line', (line) => line.includes('"listening"') && done(true)));
        if (!(await Promise.race([up, this.ended.then(() => false)])) && failpoint === '')
            throw new Error(`member ${this.number} did not start:\n${readFileSync(this.log, 'utf8').slice(-2000)}`);
    }
    async kill() {
        this.child.kill('SIGKILL');
        await this.ended;
    }
    async restart(failpoint) {
        await this.kill();
        await this.start(failpoint);
    }
    sql(text) {
        const note = join(this.data, 'sock.path');
        const socket = existsSync(note) ? readFileSync(note, 'utf8').trim() : join(this.data, 'sock');
        const r = spawnSync('psql', ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', socket, '-p', '5432', '-U', 'cairn_audit',
            '-d', 'cairn', '-c', text], { encoding: 'utf8', cwd: '/', ...asServerUser });
        if (r.status !== 0) throw new Error(`psql: ${r.stderr}`);
        return r.stdout.trim();
    }
    balance(kind, owner) {
        const id = accountId(kind, owner, 'EUR');
        return Number(this.sql(`SELECT coalesce(sum(credits - debits), 0) FROM book_account WHERE id = '${id}'`));
    }
}

/* The whole request, as it was, until there is an answer that is not "try again". */
async function again(node, person, method, path, options) {
    const key = options?.key ?? newKey();
    return until(`${method} ${path}`, 60000, async () => {
        try {
            const reply = await node.api.call(person, method, path, { ...options, key });
            return reply.status === 503 ? null : reply;
        } catch {
            return null; // cut off: the member died, or is not up yet
        }
    });
}
async function done(status, ...args) {
    const reply = await again(...args);
    if (reply.status !== status) throw new Error(`${args[2]} ${args[3]}: ${reply.status} ${reply.body}`);
    return parse(reply);
}

/* ---- people ----------------------------------------------------------------------------------- */

async function join_(node, role, institution) {
    const p = new Person();
    p.node = node;
    await register(node, p);
    const statement = makeStatement('role.attest', node.operator.identity, { account: p.account, role, institution });
    await done(201, node, node.operator, 'POST', '/v1/attestations', { json: { statement } });
    return p;
}
async function register(node, p) {
    const said = makeStatement('account.register', p.identity, { receive_key: b64(p.receive.public) });
    await done(201, node, null, 'POST', '/v1/accounts', { json: { statement: said } });
    await node.api.signIn(p);
}

async function publish(sponsor) {
    const terms = termsOf();
    const money = (kind, more) => makeStatement(kind, sponsor.identity,
        { amount_minor: 1000000, currency: 'EUR', ...more });
    await done(201, sponsor.node, sponsor, 'POST', '/v1/deposits',
        { json: { statement: money('deposit.request', { reference: 'e2e' }) } });
    const statement = makeStatement('bounty.publish', sponsor.identity, { terms });
    await done(201, sponsor.node, sponsor, 'POST', '/v1/bounties', { json: { statement } });
    await done(201, sponsor.node, sponsor, 'POST', `/v1/bounties/${statement.id}/funding`,
        { json: { statement: money('bounty.fund', { bounty: statement.id }) } });
    return { id: statement.id, termsHash: b64(sha256(canonical(terms))), terms };
}

const away = (path) => `/v1/members/1/${path}`;

/* A sealed slice under the key of the bounty. */
function offer(bounty, keys) {
    const record = newId();
    const subject = { record, version: 1, schema: 'cairn-timeline/1', owner: keys.sign.public };
    const { envelope, manifest } = sealSlice(subject, randomBytes(1200));
    return { bounty, keys, slice: envelope, manifest, record };
}
const opening = (o) => makeStatement('submission.open', o.keys.sign, { bounty: o.bounty.id,
    terms_hash: o.bounty.termsHash, receive_key: b64(o.keys.receive.public), record: o.record, manifest: o.manifest,
    certificate: certificateOf(o.manifest), claims: { visits: 5, months: 11 } });

/* ---- the job ---------------------------------------------------------------------------------- */

/* H dies around its COMMIT while a forwarded request is with it. Tried until one of the deaths fell between
 * the work and its answer; each time the request is sent again as it was. */
async function openUnderFire(nodes, patient, acting, bounty, keys) {
    const headers = { 'Cairn-Acting-As': acting };
    for (let hit = 1; ; hit = (hit % 4) + 1) {
        const o = offer(bounty, keys);
        const json = { statement: opening(o) };
        const options = { json, key: newKey(), headers };
        await nodes[0].restart(`tx_after_commit:crash:${hit}`);
        const first = await patient.node.api.call(patient, 'POST', away('submissions'), options).catch(() => null);
        await nodes[0].restart();
        const reply = await until('the reviewers are known at member 1', 60000, async () => {
            const r = await again(patient.node, patient, 'POST', away('submissions'), options);
            return r.status === 409 && parse(r).code === 'review.too_few_reviewers' ? null : r;
        });
        if (reply.status !== 201) throw new Error(`open: ${reply.status} ${reply.body}`);
        const opened = parse(reply);
        if (first?.status !== 201 && reply.headers['idempotency-replayed'] === 'true') {
            check('member 1 died between work and answer: the second try gives the first answer', true);
            const n = nodes[0].sql(`SELECT count(*) FROM submission WHERE id = '${opened.id}'`);
            check('one submission of it', n === '1', n);
            return { ...o, id: opened.id, seats: opened.seats };
        }
        const leave = makeStatement('submission.withdraw', keys.sign, { submission: opened.id });
        await done(200, patient.node, patient, 'POST', away(`submissions/${opened.id}/withdrawal`),
            { json: { statement: leave }, headers });
    }
}

async function seal(patient, acting, o) {
    const headers = { 'Cairn-Acting-As': acting };
    const path = away(`submissions/${o.id}/content`);
    const put = await again(patient.node, patient, 'PUT', path, { file: o.slice, headers });
    if (put.status !== 204) throw new Error(`content: ${put.status} ${put.body}`);
    const grants = o.seats.map((s) => ({ submission: o.id, seat: s.seat, grantee: s.grantee,
        key_commitment: o.manifest.key_commitment, content_commitment: o.manifest.content_commitment, purpose: 'review',
        expires_at: o.bounty.terms.closes_at }));
    const statement = makeStatement('submission.submit', o.keys.sign, { submission: o.id, round: 1, grants });
    const wraps = o.seats.map((s) => ({ seat: s.seat, wrap: b64(randomBytes(80)) }));
    await done(200, patient.node, patient, 'POST', away(`submissions/${o.id}/grants`),
        { json: { statement, wraps }, headers });
}

function verdictOf(o) {
    const rubric = Object.fromEntries(o.bounty.terms.review.rubric.map((code) => [code, 9000]));
    return { rubric, visits: 5, months: 11, recommend: 'accept', reasons: [] };
}
async function judge(reviewer, o, step) {
    reviewer.nonce ??= randomBytes(32);
    const verdict = verdictOf(o);
    const about = { submission: o.id, round: 1 };
    const said = step === 'commitment'
        ? makeStatement('verdict.commit', reviewer.identity,
            { ...about, commitment: b64(commitment(reviewer.nonce, verdict)) })
        : makeStatement('verdict.reveal', reviewer.identity, { ...about, nonce: b64(reviewer.nonce), verdict });
    await done(201, reviewer.node, reviewer, 'POST', away(`reviews/${o.id}/${step}`), { json: { statement: said } });
}
async function reviewAll(nodes, reviewers, o) {
    for (const r of reviewers) {
        const got = await again(r.node, r, 'GET', away(`reviews/${o.id}/content`));
        check(`the reviewer at member ${r.node.number} reads the slice`, got.status === 200 && got.body.equals(o.slice),
            `${got.status}`);
    }
    for (const r of reviewers) await judge(r, o, 'commitment');
    await nodes[2].kill(); // a reviewer's home goes away in the middle of the round
    await nodes[2].start();
    for (const r of reviewers.slice(0, -1)) await judge(r, o, 'verdict');
}

/* The last verdict pays everybody. H dies after a message was taken and before it knows, then before it
 * sends; member 2 dies around the COMMIT of a credit. */
async function payUnderFire(nodes, reviewers, o) {
    await nodes[0].restart('courier_before_note:crash:1');
    await judge(reviewers.at(-1), o, 'verdict').catch(() => null);
    await Promise.race([nodes[0].ended, new Promise((late) => setTimeout(late, 20000))]);
    check('member 1 died between a message and its acknowledgement', nodes[0].child.signalCode === 'SIGKILL');
    await nodes[1].restart('tx_after_commit:crash:1');
    await nodes[0].restart('courier_before_call:crash:2');
    await Promise.race([nodes[0].ended, new Promise((late) => setTimeout(late, 5000))]);
    await nodes[1].restart();
    await nodes[0].restart();
    await judge(reviewers.at(-1), o, 'verdict').catch((e) => {
        if (!String(e).includes('review.')) throw e; // it was taken the first time
    });
}

function nets(nodes) {
    for (const a of nodes)
        for (const b of nodes.filter((n) => n.number > a.number)) {
            const sum = a.balance('clearing', clearingOwner(b.number)) + b.balance('clearing', clearingOwner(a.number));
            check(`clearing of members ${a.number} and ${b.number} nets to zero`, sum === 0, `${sum}`);
        }
}

async function main() {
    const work = workFolder();
    const port = await freePorts(N);
    const nodes = Array.from({ length: N }, (_, i) => new Node(work, i + 1, port + i));
    const founding = join(work, 'founding');
    must('cairn', ['federation', 'init', '--name', FEDERATION, '--out', founding,
        ...nodes.map((n) => join(n.data, 'card.json'))]);
    for (const n of nodes)
        must('cairnd', ['join', '--data', n.data, '--genesis', join(founding, 'genesis.json'), '--log-keys', founding]);
    await Promise.all(nodes.map((n) => n.start()));
    for (const n of nodes) await register(n, n.operator);

    const sponsor = await join_(nodes[0], 'sponsor', 'foundation');
    const patient = await join_(nodes[1], 'patient', 'clinic-2');
    const reviewers = [];
    for (const n of nodes.slice(1)) reviewers.push(await join_(n, 'reviewer', `house-${n.number}`));
    const bounty = await publish(sponsor);
    for (const n of nodes)
        check(`the bounty is on the board of member ${n.number}, funded`, await until('the bounty', 60000, async () => {
            const items = parse(await n.api.must(200, null, 'GET', '/v1/bounties')).items;
            return items.some((b) => b.id === bounty.id && b.home === 1 && b.funded);
        }));

    const keys = patient.bountyKeys(bounty.id);
    const acting = idFromHash(sha256('cairn/v1/account', keys.sign.public));
    const statement = makeStatement('pseudonym.register', patient.identity,
        { bounty: bounty.id, key: b64(keys.sign.public), receive_key: b64(keys.receive.public) });
    await done(201, nodes[1], patient, 'POST', '/v1/pseudonyms', { json: { statement } });
    const o = await openUnderFire(nodes, patient, acting, bounty, keys);
    await seal(patient, acting, o);
    const seated = reviewers.filter((r) => o.seats.some((s) => s.grantee === b64(r.receive.public)));
    await reviewAll(nodes, seated, o);
    await payUnderFire(nodes, seated, o);

    const paid = await until('PAID', 60000, async () => {
        const s = parse(await again(nodes[1], patient, 'GET', away(`submissions/${o.id}`),
            { headers: { 'Cairn-Acting-As': acting } }));
        return s.state === 'PAID' ? s : null;
    });
    await until('all messages are acknowledged', 90000, () =>
        nodes[0].sql('SELECT coalesce(sum(sent - acknowledged), 0) FROM peer_head') === '0');
    const wallet = nodes[1].balance('wallet', patient.account);
    check('the patient at member 2 was paid once', wallet === paid.decision.pay_minor, `${wallet}`);
    for (const r of seated)
        check(`the reviewer at member ${r.node.number} was paid once`,
            r.node.balance('wallet', r.account) === bounty.terms.review.fee_minor);
    check('member 1 never heard of the patient',
        nodes[0].sql(`SELECT count(*) FROM account WHERE id = '${patient.account}'`) === '0');
    for (const n of nodes.slice(1))
        check(`member 1 paid through member ${n.number}`, nodes[0].balance('clearing', clearingOwner(n.number)) > 0);
    nets(nodes);
    for (const n of nodes) {
        const sums = n.sql('SELECT coalesce(sum(credits - debits), 0) FROM book_account');
        check(`the books of member ${n.number} sum to zero`, sums === '0', sums);
    }
    for (const n of nodes) n.child.kill('SIGTERM');
    await Promise.all(nodes.map((n) => n.ended));
    console.log(`members: ${passed} passed, ${failed} failed`);
    process.exit(failed > 0 ? 1 : 0);
}

await main();
