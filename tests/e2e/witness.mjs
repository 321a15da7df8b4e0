#!/usr/bin/env node
/* Two federations of one, on real processes with a database each: B witnesses both logs of A (C2SP
 * tlog-witness), A asks B. Checkpoints and receipts of A carry B's line and verify under a policy that
 * demands it; B keeps its word over restarts, and refuses whatever a thief of A's log keys could send. A third
 * log lives in this program alone. What is sent and what is checked is written from the C2SP texts, with
 * node:crypto; nothing of it is shared with the server.
 * Usage: [BUILD=build/plain] node tests/e2e/witness.mjs */
import { execFile } from 'node:child_process';
import crypto from 'node:crypto';
import { cpSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, until, workFolder } from '../chaos/member.mjs';
import { Federation, exec, freePort } from './witness_federation.mjs';
import { Moody } from './witness_moody.mjs';
import { DASH, Key, bodyOf, checkpointOf, cosigned, mth, post, proofOf, requestOf, sizeOf } from './witness_notes.mjs';

const PATIENCE = 60000;
let passed = 0;
let failed = 0;
function check(what, ok, detail = '') {
    if (ok) passed += 1;
    else failed += 1;
    console.log(`${ok ? 'ok' : 'NOT OK'}  ${what}${ok ? '' : `: ${detail}`}`);
}

/* ---- A asks B ---------------------------------------------------------------------------------- */

/* The newest checkpoint of A's chain of at least this size, once B has cosigned it. */
function witnessed(a, b, chain, least) {
    return until(`${chain} of ${least} entries cosigned by ${b.name}`, PATIENCE, async () => {
        const note = await a.get(`/log/${chain}/checkpoint`).catch(() => ''); // none yet
        return sizeOf(note) >= least && cosigned(note, b.cosigner, bodyOf(note)) > 0 && note;
    });
}

/* Every note is one whole note: body, an empty line, lines; the log's own first. */
function checkNote(what, a, b, chain, note) {
    const body = bodyOf(note);
    const lines = note.slice(body.length + 1);
    const time = cosigned(lines, b.cosigner, body);
    const own = Buffer.from(lines.split('\n')[0].split(' ')[2], 'base64').subarray(4);
    check(`${what}: the log's line and ${b.name}'s line verify`, a.logs[chain].verifies(body, own)
        && Math.abs(time - Date.now() / 1000) < 60, note);
}

class Sponsor {
    constructor(work, a, b) {
        Object.assign(this, { work, a, b, home: join(work, 'sponsor'), steps: 0 });
    }
    cairn(...words) {
        return exec('cairn', ['--home', this.home, '--server', this.a.url, '--json', ...words]).then(JSON.parse);
    }
    async begin() {
        await this.a.cairn('register');
        const { account } = await this.cairn('keygen');
        await this.cairn('register');
        await this.a.cairn('attest', '--account', account, '--role', 'sponsor', '--institution', 'shire');
    }
    async deposit() {
        const before = sizeOf(await this.a.get('/log/tx/checkpoint').catch(() => 'x\n0\n'));
        const { entry } = await this.cairn('deposit', '--amount', '100', '--currency', 'EUR', '--reference', 'x');
        return { entry, least: before + 1 };
    }
    async receipt(entry) {
        this.steps += 1;
        const dir = join(this.work, `receipt-${this.steps}`);
        await this.cairn('receipt', 'get', '--out', dir, '--wait', '20', entry);
        return dir;
    }
    verifies(policy, dir) {
        return this.cairn('verify', '--policy', policy, '--dir', dir).then((r) => r.verified === 1, () => false);
    }
}

/* A copy of the receipt whose proof was changed. */
function changed(dir, name, change) {
    const to = `${dir}-${name}`;
    cpSync(dir, to, { recursive: true });
    const file = join(to, readdirSync(to).find((f) => f.endsWith('.tlog-proof')));
    writeFileSync(file, change(readFileSync(file, 'utf8')));
    return to;
}

/* tests/interop has a verifier of its own. */
const independent = (policy, dir) => new Promise((done) => {
    execFile('node', [join(ROOT, 'tests/interop/verify_receipt.mjs'), policy, dir], (error) => done(!error));
});

async function receipts(sponsor, policies) {
    const { a, b } = sponsor;
    const { entry, least } = await sponsor.deposit();
    const note = await witnessed(a, b, 'tx', least);
    checkNote(`tx, ${sizeOf(note)} entries`, a, b, 'tx', note);
    const dir = await sponsor.receipt(entry);
    const proof = readFileSync(join(dir, readdirSync(dir).find((f) => f.endsWith('.tlog-proof'))), 'utf8');
    const inner = proof.slice(proof.indexOf('\n\n') + 2);
    check('the receipt carries the line', cosigned(inner, b.cosigner, bodyOf(inner)) > 0, proof);
    check('it verifies under a policy that demands the line', await sponsor.verifies(policies.both, dir));
    check('by the other implementation too', await independent(policies.both, dir));
    check('and under that of its own federation', await sponsor.verifies(policies.own, dir));
    const line = inner.split('\n').find((l) => l.startsWith(`${DASH}${b.cosigner.name} `));
    const without = changed(dir, 'without', (t) => t.replace(`${line}\n`, ''));
    check('without the line it is refused', !await sponsor.verifies(policies.both, without)
        && !await independent(policies.both, without));
    check('but for its own federation it is whole', await sponsor.verifies(policies.own, without));
    const signature = Buffer.from(line.split(' ')[2], 'base64');
    signature[20] ^= 1;
    const bad = changed(dir, 'bad', (t) => t.replace(line.split(' ')[2], signature.toString('base64')));
    check('with a changed line too', !await sponsor.verifies(policies.both, bad));
    return note;
}

/* ---- what a thief of A's log keys could send to B ---------------------------------------------- */

class Asked {
    constructor(b) { Object.assign(this, { b, url: `${b.url}/witness`, counts: {} }); }
    async expect(what, verdict, status, body, more = () => true) {
        const reply = await post(this.url, body);
        this.counts[verdict] = (this.counts[verdict] ?? 0) + 1;
        check(`${status} ${what}`, reply.status === status && more(reply), JSON.stringify(reply));
        return reply;
    }
    size(n) { return (r) => r.text === `${n}\n` && r.type === 'text/x.tlog.size'; }
    code(text) { return (r) => JSON.parse(r.text).code === text; }
    async counters() {
        const all = {};
        for (const line of (await this.b.get('/metrics')).split('\n')) {
            const m = /^cairn_witness_requests_total\{verdict="(\w+)"\} (\d+)$/.exec(line);
            if (m) all[m[1]] = Number(m[2]);
        }
        return all;
    }
}

async function thief(a, b, note) {
    const asked = new Asked(b);
    const size = sizeOf(note);
    const key = a.logs.tx;
    const root = Buffer.from(note.split('\n')[2], 'base64');
    const signed = (n, r, k = key) => k.sign(checkpointOf(key.name, n, r));
    const other = crypto.randomBytes(32);
    const before = await asked.counters();
    const same = { 200: (r) => cosigned(r.text, b.cosigner, bodyOf(note)) > 0 };
    await asked.expect('the checkpoint that it has', 'again', 200, requestOf(size, [], note), same[200]);
    await asked.expect('the same as the thief signs it', 'again', 200, requestOf(size, [], signed(size, root)),
        same[200]);
    await asked.expect('from nothing', 'other_size', 409, requestOf(0, [], note), asked.size(size));
    await asked.expect('an older tree', 'other_size', 409, requestOf(size - 1, [], signed(size - 1, other)),
        asked.size(size));
    await asked.expect('a fork of the same size', 'forked', 409, requestOf(size, [], signed(size, other)),
        asked.size(size));
    await asked.expect('a larger fork without a proof', 'unproven', 422, requestOf(size, [], signed(size + 1, other)),
        asked.code('witness.proof'));
    await asked.expect('a larger fork with made-up hashes', 'unproven', 422,
        requestOf(size, [root, other], signed(size + 1, other)), asked.code('witness.proof'));
    await asked.expect('a proof where none belongs', 'unproven', 422, requestOf(size, [root], note),
        asked.code('witness.proof'));
    const stranger = new Key('stranger.example/tx', 1);
    await asked.expect('an unknown origin', 'unknown_origin', 404,
        requestOf(0, [], stranger.sign(checkpointOf(stranger.name, 1, other))), asked.code('witness.origin_unknown'));
    await asked.expect('another key of that name', 'unsigned', 403,
        requestOf(size, [], signed(size, root, new Key(key.name, 1))), asked.code('witness.signature'));
    await asked.expect('the key of the other chain', 'unsigned', 403,
        requestOf(size, [], signed(size, root, a.logs.account)), asked.code('witness.signature'));
    await asked.expect('a changed checkpoint', 'unsigned', 403,
        requestOf(size, [], note.replace(`\n${size}\n`, `\n${size + 1}\n`)), asked.code('witness.signature'));
    const hash = `${other.toString('base64')}\n`;
    const malformed = ['', 'old\n\n', note, `old ${size}\n${note}`, `old 0${size}\n\n${note}`, `old -1\n\n${note}`,
        `OLD ${size}\n\n${note}`, `old ${size}\r\n\r\n${note}`, `old ${size + 1}\n\n${note}`,
        `old ${size}\n${hash.slice(1)}\n${note}`, `old ${size}\n${hash.repeat(64)}\n${note}`,
        `old ${size}\n\n${note.slice(0, -1)}`, `old ${size}\n\n${bodyOf(note)}`, `old ${size}\n\n\n${note}`,
        `old 1\n\n${key.sign(checkpointOf(key.name, '9223372036854775808', other))}`,
        `old ${size}\n\n${note}\0`, `{"old":${size}}`];
    for (const body of malformed)
        await asked.expect(`malformed: ${JSON.stringify(body.slice(0, 24))}..`, 'malformed', 400, body,
            asked.code('witness.malformed'));
    const large = await post(asked.url, `old ${size}\n\n${note}${'x'.repeat(80000)}`);
    check('413 what is larger than any request', large.status === 413, JSON.stringify(large));
    const after = await asked.counters();
    for (const verdict of Object.keys(after))
        check(`counted: ${verdict}`, after[verdict] - before[verdict] === (asked.counts[verdict] ?? 0),
            `${before[verdict]} -> ${after[verdict]}, sent ${asked.counts[verdict] ?? 0}`);
    check('the fork stays visible', await b.metric('cairn_witness_forked_logs') === 1);
    check('and is in the log', readFileSync(b.log, 'utf8').includes('has signed two different trees'));
}

/* ---- a log of this program: many at once, and a crash -------------------------------------------- */

class Log {
    constructor(b) { Object.assign(this, { b, key: new Key('third.example/log', 1), leaves: [], size: 0, time: 0 }); }
    grow(to) { while (this.leaves.length < to) this.leaves.push(crypto.randomBytes(20)); }
    note(size) { return this.key.sign(checkpointOf(this.key.name, size, mth(this.leaves.slice(0, size)))); }
    request(size) { return requestOf(this.size, proofOf(this.size, this.leaves.slice(0, size)), this.note(size)); }
    send(size) { return post(`${this.b.url}/witness`, this.request(size)); }
    timeOf(reply, size) { return cosigned(reply.text, this.b.cosigner, bodyOf(this.note(size))); }
}

async function race(log, rounds) {
    let bad = '';
    for (let round = 0; round < rounds && bad === ''; round += 1) {
        const sizes = Array.from({ length: 8 }, (_, i) => log.size + 1 + i * (1 + round % 3));
        log.grow(sizes.at(-1));
        const replies = await Promise.all(sizes.map((size) => log.send(size)));
        const won = replies.map((r, i) => (r.status === 200 ? i : -1)).filter((i) => i >= 0);
        if (won.length !== 1 || replies.some((r) => r.status !== 200 && r.status !== 409))
            bad = JSON.stringify(replies);
        else if (replies.some((r) => r.status === 409 && r.text !== `${sizes[won[0]]}\n`))
            bad = `a conflict names another size: ${JSON.stringify(replies)}`;
        else {
            const time = log.timeOf(replies[won[0]], sizes[won[0]]);
            if (time < log.time || time === 0) bad = `the time ${time} after ${log.time}`;
            log.size = sizes[won[0]];
            log.time = time;
        }
    }
    check(`${rounds} times eight continuations of one tree at once: one is cosigned, to ${log.size}`, bad === '', bad);
}

/* Killed while requests come in: whatever was cosigned is still known, and nothing larger is claimed. */
async function crash(log) {
    const { b } = log;
    let stop = false;
    const cosignedSizes = [log.size];
    const load = (async () => {
        while (!stop) {
            log.grow(log.size + 3);
            const reply = await log.send(log.size + 3).catch(() => null);
            if (reply === null) break;
            if (reply.status !== 200) throw new Error(JSON.stringify(reply));
            log.size += 3;
            cosignedSizes.push(log.size);
        }
    })();
    await until('a hundred cosignatures', PATIENCE, () => cosignedSizes.length > 100);
    await b.stop('SIGKILL');
    stop = true;
    await load;
    await b.mustStart();
    const sent = log.size;
    log.size = 0;
    const reply = await log.send(1);
    const known = Number(reply.text);
    check('after SIGKILL it knows what it cosigned', reply.status === 409 && (known === sent || known === sent + 3),
        `${JSON.stringify(reply)}, ${sent} were cosigned`);
    log.size = known;
    log.grow(known + 1);
    check('and goes on from there', (await log.send(known + 1)).status === 200);
    log.size = known + 1;
}

/* ---- a witness with moods -------------------------------------------------------------------- */

async function moody(m, sponsor) {
    const { a } = sponsor;
    await until('it was in every mood', PATIENCE, async () => {
        await sponsor.deposit();
        return m.moods.length === 0;
    });
    const { least } = await sponsor.deposit();
    const note = await witnessed(a, { name: 'the moody one', cosigner: m.key }, 'tx', least);
    check('a witness that forgets, errs and babbles cosigns again in the end', cosigned(note, m.key, bodyOf(note)) > 0);
    check('all that it was sent is as specified', m.problems.length === 0, m.problems.slice(0, 3).join('; '));
    check('no redirect was followed', m.followed === 0);
    const of = (outcome) => a.metric(`cairn_witness_asks_total{witness="${m.key.name}",outcome="${outcome}"}`);
    check('counted: one was ahead, three failed', await of('ahead') === 1 && await of('failed') === 3,
        `${await of('ahead')} ${await of('failed')}`);
    m.server.close();
}

/* ---- the steps --------------------------------------------------------------------------------- */

async function refusedAtStart(work) {
    const c = new Federation(work, 'c.example', await freePort());
    await c.found();
    const conf = join(c.data, 'cairn.conf');
    const good = readFileSync(conf, 'utf8');
    const lines = [[`witness_for = ${c.logs.tx.vkey}`, 'a log of this federation'],
        [`witness_for = ${new Key('c.example/account', 1).vkey}`, 'a log of this federation'],
        [`witness = http://x.example ${c.cosigner.vkey}`, 'a member of this federation'],
        [`witness_for = ${c.cosigner.vkey}`, 'malformed value'], ['witness_for = x', 'malformed value'],
        [`witness = ftp://x.example ${new Key('x', 4).vkey}`, 'malformed value'],
        [`witness = http://x.example ${new Key('x', 1).vkey}`, 'malformed value'],
        [`witness = ${new Key('x', 4).vkey}`, 'malformed value']];
    for (const [line, said] of lines) {
        writeFileSync(conf, `${good}${line}\n`);
        writeFileSync(c.log, '');
        const status = await c.start();
        if (status === true) await c.stop();
        check(`refused at start: ${line.slice(0, 40)}..`, status !== true && readFileSync(c.log, 'utf8').includes(said),
            `${status} ${readFileSync(c.log, 'utf8')}`);
    }
}

async function main() {
    const work = workFolder();
    const a = new Federation(work, 'a.example', await freePort());
    const b = new Federation(work, 'b.example', await freePort());
    await Promise.all([a.found(), b.found()]);
    const log = new Log(b);
    b.configure('# whom this member witnesses', ...[a.logs.account, a.logs.tx, log.key]
        .map((k) => `witness_for = ${k.vkey}`));
    const m = await new Moody(a).listen();
    a.configure(`witness = ${b.url}/witness ${b.cosigner.vkey}`, `witness = ${m.url}   ${m.key.vkey}`);
    await Promise.all([b.mustStart(), a.mustStart(), refusedAtStart(work)]);
    const sponsor = new Sponsor(work, a, b);
    await sponsor.begin();
    checkNote('account', a, b, 'account', await witnessed(a, b, 'account', 1));
    const own = await a.get('/v1/federation/policy');
    const policies = { own: join(work, 'own'), both: join(work, 'both') };
    writeFileSync(policies.own, own);
    writeFileSync(policies.both, own.replace('quorum members\n',
        `witness b ${b.cosigner.vkey}\ngroup both 2 members b\nquorum both\n`));
    await receipts(sponsor, policies);

    await b.stop();
    const label = `witness="${b.cosigner.name}"`;
    const { entry } = await sponsor.deposit();
    await until('A sees that B does not answer', PATIENCE, async () =>
        await a.metric(`cairn_witness_asks_total{${label},outcome="failed"}`) > 0);
    const alone = await sponsor.receipt(entry);
    check('meanwhile a receipt is one of its own federation', await sponsor.verifies(policies.own, alone)
        && !await sponsor.verifies(policies.both, alone));
    await b.mustStart();
    await receipts(sponsor, policies);
    const later = await sponsor.receipt(entry);
    check('and fetched again it carries the line', await sponsor.verifies(policies.both, later));
    check('A counts what B cosigned', await a.metric(`cairn_witness_asks_total{${label},outcome="cosigned"}`) >= 3);

    await moody(m, sponsor);
    await thief(a, b, await witnessed(a, b, 'tx', sizeOf(await a.get('/log/tx/checkpoint'))));
    await race(log, 20);
    await crash(log);
    check('and over the restart the fork', await b.metric('cairn_witness_forked_logs') === 1);
    await Promise.all([a.stop(), b.stop()]);
}

await main().catch((error) => check('the steps', false, error.stack));
console.log(`witness: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
