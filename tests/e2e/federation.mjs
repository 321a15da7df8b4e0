#!/usr/bin/env node
/* What operators do, on real processes with a database each: four institutions found a federation, a fifth
 * joins and becomes a validator, one leaves, one loses its journal and is re-keyed, an old database is
 * refused. Entries are written all the while. After each step all members have the same log, and a receipt
 * verifies under the policy of a quorum of the members of then. The commands are those of
 * docs/federation.md: a command here that the page does not have, or one there that is not run here, is a
 * failure.
 * Usage: [BUILD=build/plain] node tests/e2e/federation.mjs */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { existsSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { Api, Person, b64, makeStatement, parse } from '../apigate/client.mjs';
import { ROOT, until, workFolder } from '../chaos/member.mjs';

const build = resolve(ROOT, process.env.BUILD ?? 'build/plain');
const NAME = 'e2e.example/fed';
const PATIENCE = 60000;
let passed = 0;
let failed = 0;
function check(what, ok, detail = '') {
    if (ok) passed += 1;
    else failed += 1;
    console.log(`${ok ? 'ok' : 'NOT OK'}  ${what}${ok ? '' : `: ${detail}`}`);
}

/* ---- the page and its commands ----------------------------------------------------------------- */

const templates = [...readFileSync(join(ROOT, 'docs/federation.md'), 'utf8').matchAll(/^```\n([^`]*)^```$/gm)]
    .flatMap((block) => block[1].split('\n').filter((line) => /^cairnd? /.test(line)))
    .map((line) => ({ line, used: false,
        form: new RegExp(`^${line.replace(/[.*+?^${}()|[\]\\]/g, '\\$&').replace(/[A-Z]+/g, '\\S+')}$`) }));

/* Standard output; an exit status that is not 0 is thrown. */
function exec(program, args) {
    return new Promise((done, fail) => {
        execFile(join(build, program), args, { encoding: 'utf8' }, (error, out, err) => {
            if (error) fail(new Error(`${program} ${args.join(' ')}: status ${error.code}: ${err}${out}`));
            else done(out);
        });
    });
}
function use(said) {
    const found = templates.filter((t) => t.form.test(said));
    if (found.length === 0) check(`docs/federation.md has: ${said}`, false, 'no such command there');
    for (const t of found) t.used = true;
}
/* A command of the page; `more` goes before it. */
function run(program, words, more = []) {
    use([program, ...words].join(' '));
    return exec(program, [...more, ...words]);
}

async function freePorts(n) {
    for (;;) {
        const first = 20000 + Math.floor(Math.random() * 20000);
        const servers = Array.from({ length: n }, () => net.createServer());
        const good = await Promise.all(servers.map((s, i) => new Promise((done) => {
            s.once('error', () => done(false)).listen(first + i, '127.0.0.1', () => done(true));
        })));
        await Promise.all(servers.map((s) => new Promise((done) => s.close(done))));
        if (good.every(Boolean)) return first;
    }
}

/* ---- members ----------------------------------------------------------------------------------- */

const children = new Set();
process.once('exit', () => children.forEach((child) => child.kill('SIGKILL')));

class Institution {
    constructor(work, number, port) {
        Object.assign(this, { number, work, data: join(work, `member-${number}`),
            home: join(work, `operator-${number}`), url: `http://127.0.0.1:${port}`, up: false });
        this.api = new Api(this.url, { origin: NAME });
    }
    async cairn(...words) {
        return JSON.parse(await run('cairn', words, ['--home', this.home, '--server', this.url, '--json']));
    }
    async prepare() {
        const { identity_key: key } = await this.cairn('keygen');
        await run('cairnd', ['init', '--data', this.data, '--member', String(this.number), '--name',
            `institution-${this.number}`, '--endpoint', this.url, '--operator', key]);
        this.card = join(this.data, 'card.json');
    }
    join(founding) {
        return run('cairnd', ['join', '--data', this.data, '--genesis', join(founding, 'genesis.json'),
            '--log-keys', founding]);
    }
    /* True when it listens; else its exit status. */
    async start() {
        const words = ['run', '--data', this.data];
        use(['cairnd', ...words].join(' '));
        const log = openSync(join(this.work, `member-${this.number}.log`), 'a');
        const child = spawn(join(build, 'cairnd'), words, { stdio: ['ignore', 'pipe', log] });
        children.add(child);
        const ended = new Promise((done) => child.once('exit', (code, signal) => {
            if (this.up) check(`member ${this.number} goes on`, false, `it ended: ${code ?? signal}`);
            this.up = false;
            children.delete(child);
            done(code);
        }));
        const listening = new Promise((done) => createInterface({ input: child.stdout })
            .on('line', (line) => line.includes('"listening"') && done(true)));
        const result = await Promise.race([listening, ended]);
        this.up = result === true;
        this.ended = ended;
        return result;
    }
    async mustStart() {
        const result = await this.start();
        if (result !== true)
            throw new Error(`member ${this.number} ended with ${result}:\n${readFileSync(
                join(this.work, `member-${this.number}.log`), 'utf8').slice(-3000)}`);
    }
    async stop() {
        this.up = false;
        await run('cairnd', ['stop', '--data', this.data]);
        return this.ended;
    }
    async get(path) {
        return (await this.api.must(200, null, 'GET', path)).body.toString();
    }
    async view() { return JSON.parse(await this.get('/v1/federation')); }
}

const roleIn = (view, number) => view.members.find((m) => m.number === number)?.role;

/* All of them see this epoch and, if given, what `test` asks of their view. */
function epochAt(members, epoch, test = () => true) {
    return until(`epoch ${epoch}`, PATIENCE, async () => {
        const views = await Promise.all(members.map((m) => m.view().catch(() => null)));
        return views.every((v) => v && v.epoch === epoch && test(v)) && views[0];
    });
}

/* ---- entries that go on ------------------------------------------------------------------------ */

class Load {
    constructor(at) {
        Object.assign(this, { at, people: 0, paused: false, stopped: false });
        this.done = this.run();
    }
    async run() {
        for (let k = 0; !this.stopped; k += 1) {
            await this.gate;
            const node = this.at[k % this.at.length];
            if (!node.up) continue;
            const p = new Person();
            const statement = makeStatement('account.register', p.identity, { receive_key: b64(p.receive.public) });
            try {
                await node.api.must(201, null, 'POST', '/v1/accounts', { json: { statement } });
                this.people += 1;
            } catch (error) {
                if (node.up) throw error;
            }
        }
    }
    pause() { this.gate = new Promise((go) => { this.resume = go; }); }
    async stop() {
        this.stopped = true;
        this.resume?.();
        await this.done;
    }
}

/* ---- what holds after each step ---------------------------------------------------------------- */

async function sameLog(what, members, load) {
    load.pause();
    const roots = async () => {
        const texts = await Promise.all(members.flatMap((m) => ['account', 'tx']
            .map((chain) => m.get(`/log/${chain}/checkpoint`).catch(() => ''))));
        return texts.map((t) => t.split('\n').slice(0, 3).join(' '));
    };
    let seen = [];
    const same = await until(what, PATIENCE, async () => {
        seen = await roots();
        return seen.every((r, i) => r !== '' && r === seen[i % 2]);
    }).catch(() => false);
    check(`${what}: ${members.length} members have the same size and root of both chains`, same, seen.join(' | '));
    load.resume();
}

/* Pays in after each step; its receipts are checked with the files alone. */
class Sponsor {
    constructor(member) {
        Object.assign(this, { member, home: join(member.work, 'sponsor'), steps: 0 });
    }
    async cairn(...words) {
        return JSON.parse(await exec('cairn', ['--home', this.home, '--server', this.member.url, '--json', ...words]));
    }
    async begin() {
        const { account } = await this.cairn('keygen');
        await this.cairn('register');
        await exec('cairn', ['--home', this.member.home, '--server', this.member.url, 'attest', '--account', account,
            '--role', 'sponsor', '--institution', 'shire']);
    }
    /* other: the member whose copy of the log is audited. */
    async prove(what, other) {
        this.steps += 1;
        const dir = join(this.member.work, `receipts-${this.steps}`);
        const policy = join(this.member.work, `policy-${this.steps}`);
        const proven = async () => {
            const { entry } = await this.cairn('deposit', '--amount', '100', '--currency', 'EUR', '--reference',
                `step ${this.steps}`);
            await this.cairn('receipt', 'get', '--out', dir, '--wait', '20', entry);
            writeFileSync(policy, await other.get('/v1/federation/policy'));
            const size = async (m) => (await m.view()).logs[1].size;
            const enough = await size(this.member);
            await until(`member ${other.number} has the entry`, PATIENCE, async () => await size(other) >= enough);
            const { verified } = await this.cairn('verify', '--policy', policy, '--dir', dir);
            await exec('cairn', ['--home', this.home, '--server', other.url, 'audit', '--policy', policy,
                '--receipts', dir]);
            return verified;
        };
        const problem = await proven().then((n) => (n === 1 ? '' : `${n} receipts`), (e) => e.message);
        check(`${what}: a receipt verifies, and the audit of member ${other.number} finds it`, problem === '', problem);
    }
    /* A receipt is signed by the quorum of its time: it goes on being good under the policy of then. */
    async proveAgain() {
        for (let k = 1; k <= this.steps; k += 1) {
            const problem = await this.cairn('verify', '--policy', join(this.member.work, `policy-${k}`), '--dir',
                join(this.member.work, `receipts-${k}`)).then(() => '', (e) => e.message);
            check(`the receipt of step ${k} verifies under the policy of then`, problem === '', problem);
        }
    }
}

/* ---- the steps --------------------------------------------------------------------------------- */

async function found(all) {
    const [first] = all;
    const founding = join(first.work, 'founding');
    await Promise.all(all.slice(0, 4).map((m) => m.prepare()));
    await first.cairn('federation', 'init', '--name', NAME, '--out', founding, ...all.slice(0, 4).map((m) => m.card));
    await Promise.all(all.slice(0, 4).map((m) => m.join(founding)));
    await Promise.all(all.slice(0, 4).map((m) => m.mustStart()));
    await Promise.all(all.slice(0, 4).map((m) => m.cairn('register')));
    return founding;
}

/* Proposed by the first, looked at and approved by the others, until all `seers` are in the next epoch. */
async function change(words, [proposer, ...approvers], seers, test) {
    const { epoch } = await proposer.view();
    const { id } = await proposer.cairn('federation', 'propose', ...words);
    for (const m of approvers) {
        await until(`member ${m.number} knows the change`, PATIENCE, async () =>
            JSON.parse(await m.get('/v1/federation/changes')).changes.some((c) => c.id === id));
        await m.cairn('federation', 'changes', id);
        await m.cairn('federation', 'approve', id);
    }
    return epochAt(seers, epoch + 1, test);
}

async function fifthJoins(all, founding) {
    const [one, two, three, , five] = all;
    const four = all.slice(0, 4);
    await five.prepare();
    await five.join(founding);
    const view = await change(['join', five.card], [one, two, three], four, (v) => roleIn(v, 5) === 'observer');
    check('a fifth institution is an observer', view.members.length === 5);
    await five.mustStart();
    await five.cairn('register');
    await epochAt([five], view.epoch);
    await one.cairn('federation', 'show');
    await change(['promote', '5'], [two, one, three], all, (v) => roleIn(v, 5) === 'candidate');
    await change(['promote', '5'], [three, one, two], all, (v) => roleIn(v, 5) === 'validator');
    const size = (await one.view()).logs[0].size;
    const entries = await one.get(`/log/account/tile/entries/000${size < 256 ? `.p/${size}` : ''}`);
    const count = (kind) => entries.split(`"kind":"${kind}"`).length - 1;
    check('all four committed to the next seed, and opened while the change waited', count('seed.commit') >= 4
        && count('seed.open') >= 1, `${count('seed.commit')} commits, ${count('seed.open')} openings`);
    const votes = await until('member 5 votes', PATIENCE, async () => (await five.view()).votes);
    check('it is a validator and votes', votes);
}

async function fourthLeaves([one, two, , four, five]) {
    const rest = [one, two, five];
    await change(['leave', '4'], [four, one, two, five], rest, (v) => roleIn(v, 4) === 'gone');
    check('a validator has left, and ends when it is told to', await four.stop() === 0);
}

/* Three has lost its votes: it follows, and the others are a quorum. */
async function journalLost(three, others, load) {
    await three.stop();
    rmSync(join(three.data, 'journal'), { recursive: true });
    await three.mustStart();
    const before = load.people;
    await until('entries go on', PATIENCE, () => load.people > before + 10);
    check('a member without its journal does not vote', (await three.view()).votes === false);
    check('the others do', (await Promise.all(others.map((m) => m.view()))).every((v) => v.votes));
}

async function rekey(three, others) {
    await three.stop();
    const said = JSON.parse(await run('cairnd', ['rekey', '--data', three.data]));
    check('the old journal is set aside', !existsSync(join(three.data, 'journal.1'))
        && existsSync(join(three.data, 'journal')));
    await three.mustStart();
    check('before its new key is in force it does not vote', (await three.view()).votes === false);
    await change(said.propose.split(' ').slice(3), [three, ...others.slice(0, 2)], [three, ...others]);
    check('then it does', await until('member 3 votes', PATIENCE, async () => (await three.view()).votes));
}

/* With two stopped, three others are a quorum only together: nothing is final without the new key. */
async function backup(two, load) {
    await two.stop();
    spawnSync('cp', ['-a', join(two.data, 'pg'), join(two.work, 'pg-backup')]);
    const before = load.people;
    await until('entries go on with the new key', PATIENCE, () => load.people > before + 10);
    check('the re-keyed member is needed and votes', true);
    await two.mustStart();
}

async function oldDatabase(two) {
    await two.stop();
    renameSync(join(two.data, 'pg'), join(two.work, 'pg-newest'));
    renameSync(join(two.work, 'pg-backup'), join(two.data, 'pg'));
    const status = await two.start();
    check('an old database is refused, exit 3', status === 3, String(status));
    rmSync(join(two.data, 'pg'), { recursive: true });
    renameSync(join(two.work, 'pg-newest'), join(two.data, 'pg'));
    await two.mustStart();
}

/* What two members show as final, of every epoch, verifies and does not contradict itself. */
async function viewsAgree(one, other) {
    const file = (member, height) => join(member.work, `view-${member.number}-${height}`);
    for (const chain of ['account', 'tx']) {
        const heights = await Promise.all([one, other].map(async (m) =>
            (await m.view()).logs.find((l) => l.chain === chain).height));
        const top = Math.min(...heights);
        const step = Math.max(1, Math.floor(top / 12));
        const problems = [];
        let asked = 0;
        for (let height = 1; height <= top; height += step) {
            for (const m of [one, other]) writeFileSync(file(m, height), await m.get(`/log/${chain}/view/${height}`));
            const said = await exec('cairn', ['forensics', file(one, height), file(other, height)])
                .then((out) => out, (e) => e.message);
            if (!said.includes('do not contradict each other')) problems.push(`${height}: ${said}`);
            asked += 1;
        }
        check(`views of ${asked} blocks of the ${chain} chain verify and agree`, asked > 3 && problems.length === 0,
            problems[0] ?? `${asked} asked`);
    }
}

async function main() {
    const work = workFolder();
    const port = await freePorts(5);
    const all = [1, 2, 3, 4, 5].map((n) => new Institution(work, n, port + n - 1));
    const [one, two, three, , five] = all;
    const founding = await found(all);
    const load = new Load([one, two]);
    const sponsor = new Sponsor(one);
    await sponsor.begin();
    const step = async (what, members, other) => {
        await sponsor.prove(what, other);
        await sameLog(what, members, load);
    };
    await step('four found', all.slice(0, 4), two);
    await fifthJoins(all, founding);
    await step('five', all, five);
    await fourthLeaves(all);
    const rest = [one, two, three, five];
    await step('four again', rest, five);
    await journalLost(three, [one, two, five], load);
    await step('one without journal', rest, three);
    await rekey(three, [one, two, five]);
    await step('re-keyed', rest, three);
    await backup(two, load);
    await step('after a pause of one', rest, two);
    await oldDatabase(two);
    await step('old database refused', rest, two);
    await load.stop();
    await viewsAgree(one, three);
    await sponsor.proveAgain();
    console.log(`        ${load.people} accounts were registered meanwhile`);
    await Promise.all(rest.map((m) => m.stop()));
    for (const t of templates) check(`was run: ${t.line}`, t.used);
}

await main().catch((error) => check('the steps', false, error.stack));
console.log(`federation: ${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
