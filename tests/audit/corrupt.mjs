#!/usr/bin/env node
// The auditor's negative control: plants one corruption at a time into a copy of a coherent database, as
// the superuser with triggers off, and shows that the auditor finds it, by its right name.
//
// Usage: corrupt.mjs [--json]. Needs PostgreSQL 15's programs; starts a private cluster of its own.
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { audit } from './audit.mjs';
import { corruptions } from './corruptions.mjs';
import { Seed } from './seed.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const migrations = join(here, '../../migrations');

// PostgreSQL refuses to run as root.
function dropRoot() {
    if (process.getuid() !== 0)
        return;
    const passwd = readFileSync('/etc/passwd', 'utf8').split('\n').map((l) => l.split(':'));
    const user = ['cairn', 'postgres', 'nobody'].map((n) => passwd.find((p) => p[0] === n)).find((p) => p);
    process.setgroups([]);
    process.setgid(Number(user[3]));
    process.setuid(Number(user[2]));
}

function programs() {
    const versions = readdirSync('/usr/lib/postgresql').map(Number).sort((a, b) => b - a);
    const bin = [15, ...versions].map((v) => `/usr/lib/postgresql/${v}/bin`).find((p) => existsSync(p));
    return (name, args) => execFileSync(join(bin, name), args, { stdio: ['ignore', 'ignore', 'inherit'] });
}

function psql(socket, database, sql) {
    const args = ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', socket, '-U', 'super', '-d', database, '-f', '-'];
    const r = spawnSync('psql', args, { input: sql, encoding: 'utf8', maxBuffer: 1 << 26 });
    if (r.status !== 0)
        throw new Error(r.stderr);
}

// Read while we are who we are: an unprivileged user may not reach the clone.
function readMigrations() {
    const files = readdirSync(migrations).filter((f) => /^\d{4}-.*\.sql$/.test(f)).sort();
    return files.map((f) => readFileSync(join(migrations, f), 'utf8')).join('\n');
}

function prepare(run, dir, all) {
    const pg = join(dir, 'pg');
    run('initdb', ['-D', pg, '-U', 'super', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
    run('pg_ctl', ['-D', pg, '-s', '-w', '-l', join(dir, 'log'), '-o', `-k ${dir} -c listen_addresses='' -F`, 'start']);
    psql(dir, 'postgres', 'CREATE ROLE cairn_owner; CREATE ROLE cairn_app; CREATE ROLE cairn_audit LOGIN;');
    psql(dir, 'postgres', 'CREATE DATABASE template OWNER cairn_owner;');
    psql(dir, 'template', `SET ROLE cairn_owner; BEGIN; ${all} COMMIT;`);
    const world = new Seed().build();
    psql(dir, 'template', `BEGIN; ${world.sql} COMMIT;`);
    writeFileSync(join(dir, 'keys'), world.keys);
    return world;
}

const options = (dir, database) =>
    ({ socket: dir, port: '5432', database, user: 'cairn_audit', keys: join(dir, 'keys') });

async function tryOne(dir, world, c) {
    psql(dir, 'postgres', 'DROP DATABASE IF EXISTS scratch;');
    psql(dir, 'postgres', 'CREATE DATABASE scratch TEMPLATE template;');
    psql(dir, 'scratch', `SET session_replication_role = replica; ${c.sql(world)}`);
    const { violations } = await audit(options(dir, 'scratch'));
    const codes = [...new Set(violations.map((v) => v.code))];
    return { name: c.name, wants: c.code, found: codes.includes(c.code), codes };
}

async function main() {
    const all = readMigrations();
    dropRoot();
    const dir = mkdtempSync('/var/tmp/cairn-audit-');
    chmodSync(dir, 0o700);
    process.chdir(dir);
    const run = programs();
    const results = [];
    try {
        const world = prepare(run, dir, all);
        const clean = await audit(options(dir, 'template'));
        results.push({ name: '(nothing planted)', wants: 'no violation', codes: clean.violations.map((v) => v.code),
                       found: clean.violations.length === 0 });
        if (clean.violations.length > 0)
            console.error(clean.violations.slice(0, 20));
        for (const c of corruptions)
            results.push(await tryOne(dir, world, c));
    } finally {
        try {
            run('pg_ctl', ['-D', join(dir, 'pg'), '-s', '-m', 'immediate', 'stop']);
        } catch { /* it may never have started */ }
        process.chdir('/');
        rmSync(dir, { recursive: true, force: true });
    }
    if (process.argv.includes('--json'))
        console.log(JSON.stringify(results));
    else
        for (const r of results)
            console.log(`${r.found ? 'found    ' : 'NOT FOUND'}  ${r.name}  [${r.codes.join(' ')}]`);
    const missed = results.filter((r) => !r.found).length;
    console.log(`${results.length - 1} corruptions, ${missed} not found`);
    process.exitCode = missed > 0 ? 1 : 0;
}

await main();
