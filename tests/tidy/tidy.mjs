// The house rules, checked: node tests/tidy/tidy.mjs [ROOT]. Prints one line per breach, as
// path:line: rule: sentence, and ends non-zero if there is any. CONTRIBUTING.md lists the rules.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as c from './rules-c.mjs';
import * as project from './rules-project.mjs';
import * as text from './rules-text.mjs';
import { stripC, topLevel } from './source.mjs';

const SKIP = new Set(['.git', 'build', 'node_modules', 'dist']);
const TEXT_MAX = 2 << 20;

function walk(root, dir = '') {
    return fs.readdirSync(path.join(root, dir), { withFileTypes: true }).flatMap((entry) => {
        const at = path.join(dir, entry.name);
        if (entry.isDirectory())
            return SKIP.has(entry.name) ? [] : walk(root, at);
        return entry.isFile() ? [at] : [];
    }).sort();
}

function load(root, at) {
    const bytes = fs.readFileSync(path.join(root, at));
    if (bytes.length > TEXT_MAX || bytes.includes(0))
        return { path: at, text: null };
    const content = bytes.toString('utf8');
    const lines = content.split('\n');
    if (lines.at(-1) === '')
        lines.pop();
    const file = { path: at, text: content, lines };
    if (/\.[ch]$/.test(at)) {
        Object.assign(file, stripC(content));
        file.items = topLevel(file.code);
    }
    return file;
}

// ratchet.txt: "rule path name size": a length that is tolerated until it shrinks, and never grows.
// exceptions.txt: "rule path name reason": a breach that is right, with the reason.
function lists(root) {
    const rows = (name) => {
        const at = path.join(root, 'tests/tidy', name);
        const all = fs.existsSync(at) ? fs.readFileSync(at, 'utf8').split('\n') : [];
        return all.map((line, i) => ({ at: `tests/tidy/${name}`, line: i + 1, words: line.trim().split(/\s+/) }))
            .filter(({ words }) => words[0] !== '' && !words[0].startsWith('#'));
    };
    return { ratchet: rows('ratchet.txt'), exceptions: rows('exceptions.txt') };
}

class Report {
    constructor(root) {
        this.breaches = [];
        this.lists = lists(root);
    }

    add(at, rule, line, sentence, { name = '*', size } = {}) {
        const same = ({ words }) => words[0] === rule && words[1] === at && words[2] === name;
        const exception = this.lists.exceptions.find(same);
        const notch = size !== undefined ? this.lists.ratchet.find(same) : undefined;
        if (exception)
            exception.used = true;
        if (notch)
            notch.used = true;
        if (exception || (notch && Number(notch.words[3]) === size))
            return;
        const more = notch ? `; tests/tidy/ratchet.txt says ${notch.words[3]}` : '';
        this.breaches.push(`${at}:${line}: ${rule}: ${sentence}${more}`);
    }

    // What is no longer needed must go, or it would cover the next breach of its kind.
    stale() {
        for (const row of [...this.lists.ratchet, ...this.lists.exceptions]) {
            const say = (why) => this.breaches.push(`${row.at}:${row.line}: stale: ${why}`);
            if (!row.used)
                say(`nothing breaks this rule any more: ${row.words.slice(0, 3).join(' ')}`);
            if (row.at.includes('exceptions') && row.words.length < 6)
                say('an exception needs a reason');
        }
    }
}

const C_RULES = [c.includeDirection, c.fencedLibraries, c.pureZones, c.bannedCalls, c.comments, c.functions,
                 c.globals, c.noTypedefStruct];
const TEXT_RULES = [text.layout, text.fileLength, text.words];
const PROJECT_RULES = [project.deadSources, project.deadNames, project.strayFiles, project.errorsUsed, project.links,
                       project.docsIndex];

export function tidy(root) {
    const files = walk(root).map((at) => load(root, at));
    const report = new Report(root);
    for (const file of files) {
        if (file.text === null || text.isData(file.path))
            continue;
        const rules = file.code !== undefined ? [...C_RULES, ...TEXT_RULES] : TEXT_RULES;
        for (const rule of rules)
            rule(file, (...breach) => report.add(file.path, ...breach));
    }
    for (const rule of PROJECT_RULES)
        rule({ root, files }, (...breach) => report.add(...breach));
    report.stale();
    return { breaches: report.breaches, files: files.length };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const root = path.resolve(process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../..'));
    const { breaches, files } = tidy(root);
    for (const breach of breaches)
        console.log(breach);
    console.log(`${files} files, ${breaches.length} breaches of the house rules`);
    process.exit(breaches.length === 0 ? 0 : 1);
}
