/* Unique values in every field of a series that the `cairn` command imports, stores and submits. The
 * reviewers' own implementation reads them all; nothing of the member's may hold one: not a dump of the
 * database, its files and WAL, the data directory, the logs, /metrics, nor a core of the process.
 * Usage: canary.mjs (gcore needs root or the same user; without it that part is skipped and said) */
import { spawnSync } from 'node:child_process';
import crypto from 'node:crypto';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parse, sha256, canonical } from '../apigate/client.mjs';
import * as vault from '../apigate/vault.mjs';
import { DISEASE, termsOf } from '../apigate/world.mjs';
import { Checker } from './checker.mjs';
import { newOperator, settle } from './load.mjs';
import { Member, ROOT, asServerUser, isRoot } from './member.mjs';
import { runCheck } from './report.mjs';
import { Scanner, forms } from './scan.mjs';

const ROWS = 6;
const CAIRN = process.env.CAIRN ?? join(ROOT, 'build/plain/cairn');

const letters = (n) => Array.from(crypto.randomBytes(n), (b) => 'bcdfghjkmnpqrstvwxz'[b % 19]).join('');
const digits = (n) => Array.from({ length: n }, (_, i) => (i === 0 || i === n - 1 ? 1 + crypto.randomInt(9)
    : crypto.randomInt(10))).join('');

/* A table, its mapping and everything in it that must stay private. Dates lie where nothing else does. */
function plant() {
    const secrets = new Set();
    const plan = (text) => {
        secrets.add(text);
        return text;
    };
    const subject = plan(`subject-${letters(12)}`);
    const column = { subject: plan(`head-${letters(10)}`), date: plan(`head-${letters(10)}`),
        number: plan(`head-${letters(10)}`), state: plan(`head-${letters(10)}`) };
    const states = [plan(`cell-${letters(10)}`), plan(`cell-${letters(10)}`)];
    const system = plan(`urn:canary:${letters(12)}`);
    const rows = [];
    for (let i = 0; i < ROWS; i++) {
        const date = plan(`19${13 + i * 2}-0${1 + crypto.randomInt(9)}-${11 + crypto.randomInt(17)}`);
        const number = digits(13);
        plan(number); // as the canonical form has it
        rows.push([subject, date, plan(`${number.slice(0, 5)}.${number.slice(5)}`), states[i % 2]]);
    }
    const mapping = { format: 'cairn-mapping/1', disease: DISEASE, subject: column.subject,
        note: plan(`note-${letters(12)}`), date: { kind: 'date', column: column.date }, columns: [
            { column: column.number, system, code: plan(`code-${letters(10)}`), type: 'quantity',
                unit: plan(`unit-${letters(10)}`) },
            { column: column.state, system, code: plan(`code-${letters(10)}`), type: 'code',
                values: Object.fromEntries(states.map((s) => [s, { system: plan(`urn:canary:${letters(12)}`),
                    code: plan(`value-${letters(10)}`) }])) }] };
    const csv = [Object.values(column), ...rows].map((r) => r.join(',')).join('\n');
    /* What stays on the patient's machine even before encryption: names of subject, columns and cells. */
    const local = new Set([subject, ...Object.values(column), ...states, mapping.note,
        ...rows.map((r) => r[2])]);
    return { csv: `${csv}\n`, mapping, secrets, sealed: [...secrets].filter((s) => !local.has(s)) };
}

class Patient {
    constructor(member, folder) {
        this.member = member;
        this.home = join(folder, 'patient');
        mkdirSync(this.home);
    }
    cairn(...args) {
        const all = ['--server', this.member.url, '--home', this.home, '--json', ...args];
        const r = spawnSync(CAIRN, all, { encoding: 'utf8' });
        if (r.status !== 0) throw new Error(`cairn ${args.join(' ')}: status ${r.status} ${r.stderr}`);
        return r.stdout.trim() ? JSON.parse(r.stdout.trim().split('\n').at(-1)) : {};
    }
    async join(world) {
        this.cairn('keygen');
        const { id: account } = this.cairn('register');
        await world.attest({ account }, 'patient', 'st-anne');
    }
}

/* The round, by reviewers who share no code with the command: each opens the slice and judges it. */
async function review(world, id) {
    const seats = [];
    const texts = [];
    for (const reviewer of world.reviewers) {
        const reply = await world.api.call(reviewer, 'GET', `/v1/reviews/${id}`);
        if (reply.status !== 200) continue;
        const seat = parse(reply);
        const content = await world.api.must(200, reviewer, 'GET', `/v1/reviews/${id}/content`);
        const wrap = Buffer.from(seat.wrap, 'base64');
        const dek = await vault.unwrap(reviewer.receive, sha256(canonical(seat.grant)), wrap);
        texts.push(vault.open(content.body, dek).toString());
        seats.push({ seat: seat.seat, reviewer });
    }
    for (const seat of seats) await world.commit({ id }, seat);
    for (const seat of seats) await world.reveal({ id }, seat);
    return texts;
}

function dump(member) {
    const r = spawnSync('pg_dump', ['-h', member.socket(), '-p', '5432', '-U', 'cairn_super', 'cairn'],
        { maxBuffer: 1 << 30, cwd: '/', ...asServerUser });
    if (r.status !== 0) throw new Error(`pg_dump: ${r.stderr}`);
    return r.stdout;
}

/* The memory of the running server; gcore attaches past PR_SET_DUMPABLE only as root. */
function core(member, report) {
    const path = join(member.work, 'core');
    const r = spawnSync('gcore', ['-a', '-o', path, String(member.child.pid)], { encoding: 'utf8' });
    if (r.error || r.status !== 0) {
        const why = r.error ? 'gcore (package gdb) is missing' : r.stderr.trim().split('\n')[0];
        report.skip(`no core of cairnd: ${why}`);
        return null;
    }
    return `${path}.${member.child.pid}`;
}

/* name -> { found, size } of every place where a leak could be. */
async function places(member, world, scanner, report) {
    const all = new Map();
    member.sql('CHECKPOINT');
    all.set('dump of the database', scanner.bytes(dump(member)));
    all.set('/metrics', scanner.bytes((await world.api.must(200, null, 'GET', '/metrics')).body));
    all.set('log on standard error', scanner.file(member.log));
    for (const f of readdirSync(member.data, { recursive: true, withFileTypes: true }).filter((e) => e.isFile())) {
        const path = join(f.parentPath ?? f.path, f.name);
        all.set(relative(member.data, path), scanner.file(path));
    }
    const file = core(member, report);
    if (file) {
        all.set('core of cairnd', scanner.file(file));
        rmSync(file);
    }
    return all;
}

await runCheck(async (report) => {
    const operator = newOperator();
    const member = new Member(operator);
    await member.start();
    const world = await settle(member, operator);
    const { csv, mapping, secrets, sealed } = plant();
    const title = `positive-${letters(16)}`;
    const open = { min_spacing_days: 0, horizon_months: 0, required_min: 0, required: [] };
    const bounty = await world.bounty(world.sponsors[0], { terms: termsOf({ title, visit_plan: open }) });

    const patient = new Patient(member, member.work);
    await patient.join(world);
    const [table, map, out] = ['table.csv', 'mapping.json', 'series'].map((n) => join(member.work, n));
    writeFileSync(table, csv);
    writeFileSync(map, JSON.stringify(mapping));
    patient.cairn('import', '--csv', table, '--mapping', map, '--out', out);
    const series = join(out, 'timeline-0001.json');
    patient.cairn('vault', 'put', series);
    const submission = patient.cairn('submit', '--bounty', bounty.id, '--file', series).id;
    const texts = await review(world, submission);
    report.check(texts.length === 3 && texts.every((t) => sealed.every((s) => t.includes(s))),
        `${texts.length} reviewers open the slice and read all ${sealed.length} values in it`);
    await new Checker(member, world).quiet();

    const scanner = new Scanner([...secrets, title]);
    const planted = [...secrets].flatMap((s) => forms(s).map(([, bytes]) => bytes));
    const all = scanner.bytes(Buffer.concat(planted.flatMap((b) => [b, Buffer.from([0x7c])])));
    const names = new Set([...secrets].flatMap((s) => forms(s).map(([form]) => `${s} (${form})`)));
    report.check([...names].every((n) => all.found.has(n)),
        `the search finds each of ${names.size} forms of ${secrets.size} values`);

    const seen = await places(member, world, scanner, report);
    let bytes = 0;
    const leaks = [], positive = [];
    for (const [place, { found, size }] of seen) {
        bytes += size;
        for (const name of found) (name.startsWith(title) ? positive : leaks).push(`${place}: ${name}`);
    }
    const mib = (n) => `${(n / 1048576).toFixed(1)} MiB`;
    report.note(`${seen.size} places, ${mib(bytes)}; core ${mib(seen.get('core of cairnd')?.size ?? 0)}`);
    report.check(leaks.length === 0, `${leaks.length} hits of what was planted`, leaks);
    const control = [/^dump of the database: .*plain/, /^pg\/base\/.*plain/, /^pg\/pg_wal\/.*plain/];
    if (seen.has('core of cairnd')) control.push(/^core of cairnd: .*plain/);
    const missed = control.filter((c) => !positive.some((p) => c.test(p)));
    report.check(missed.length === 0, `a public title is found in ${control.length} of these places, where it must be`,
        missed.map(String));
    if (isRoot) report.check(seen.has('core of cairnd'), 'the core was looked through');
    await member.stop();
});
