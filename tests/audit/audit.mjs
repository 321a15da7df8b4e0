#!/usr/bin/env node
// The auditor: reads one member's database with read-only rights and checks it from the ground up. It
// shares no code with the server. See docs/audit.md.
//
// Usage: audit.mjs --socket DIR [--port N] [--database NAME] [--user ROLE] [--keys FILE] [--json]
// Exit status: 0 nothing found, 1 violations, 2 could not read.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Books } from './books.mjs';
import { Entries } from './entries.mjs';
import { Log, saltsFrom } from './log.mjs';
import { Market } from './market.mjs';
import { Members } from './members.mjs';
import { readAll } from './read.mjs';

export async function audit(options) {
    const violations = [];
    const report = (code, row, detail) => violations.push({ code, row, detail });
    const entries = new Entries(report);
    const books = new Books(report, entries);
    const market = new Market(report, entries, books);
    const members = new Members(report, entries, books);
    const salts = options.keys === undefined ? null : saltsFrom(readFileSync(options.keys));
    const log = new Log(report, entries, salts);
    // Each part needs what the ones before it have read.
    await readAll(options, [entries, books, market, members, log].flatMap((part) => part.sections()));
    books.finish();
    entries.finish(books.moved);
    market.finish();
    members.finish();
    log.finish();
    return { entries: entries.byId.size, transfers: books.seq, accounts: books.accounts.size,
             leaves: log.chains[1].entries.length + log.chains[2].entries.length, violations };
}

function print(result, json) {
    if (json) {
        console.log(JSON.stringify(result));
        return;
    }
    for (const v of result.violations)
        console.log(`${v.code}: ${v.row}: ${v.detail}`);
    console.log(`${result.entries} entries, ${result.transfers} transfers, ${result.accounts} book accounts, `
                + `${result.leaves} log entries: ${result.violations.length} violations`);
}

async function main() {
    const { values } = parseArgs({ options: {
        socket: { type: 'string' }, port: { type: 'string', default: '5432' },
        database: { type: 'string', default: 'cairn' }, user: { type: 'string', default: 'cairn_audit' },
        keys: { type: 'string' }, json: { type: 'boolean', default: false } } });
    if (values.socket === undefined)
        throw new Error('--socket DIR is needed');
    const result = await audit(values);
    print(result, values.json);
    process.exitCode = result.violations.length > 0 ? 1 : 0;
}

if (import.meta.url === `file://${process.argv[1]}`)
    main().catch((e) => {
        console.error(`audit: ${e.message}`);
        process.exitCode = 2;
    });
