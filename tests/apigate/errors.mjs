/* Makes docs/errors.md from server/base/err.def, or says when it is stale.
 * Usage: node errors.mjs --write | --check */
import './node-version.mjs';
import fs from 'node:fs';
import path from 'node:path';
import { Spec, errorRegistry, repository } from './spec.mjs';

const page = path.join(repository, 'docs/errors.md');

function operationsOf(spec, code) {
    const names = spec.all.filter((o) => o.codes.has(code)).map((o) => o.id);
    if (names.length === spec.all.length) return 'every operation';
    if (names.length === 0) return 'no operation of its own';
    return names.length > 6 ? `${names.length} operations` : names.join(', ');
}

export function makePage(registry, spec) {
    const lines = [
        '# Errors',
        '',
        'Made from `server/base/err.def` by `node tests/apigate/errors.mjs --write`; do not edit. A code, once',
        'published, never changes its meaning. Errors travel as `application/problem+json` (docs/api.md).',
        '',
        '| Status | Code | Sentence | Where |',
        '| --- | --- | --- | --- |',
    ];
    const sent = [...registry]
        .filter(([, e]) => e.http)
        .sort(([a, x], [b, y]) => x.status - y.status || (a < b ? -1 : 1));
    for (const [code, e] of sent)
        lines.push(`| ${e.status} | \`${code}\` | ${e.title} | ${operationsOf(spec, code)} |`);
    lines.push('', 'Only the client says these:', '', '| Code | Sentence |', '| --- | --- |');
    for (const [code, e] of registry) if (!e.http) lines.push(`| \`${code}\` | ${e.title} |`);
    return `${lines.join('\n')}\n`;
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
    const wanted = makePage(errorRegistry(), new Spec());
    const have = fs.existsSync(page) ? fs.readFileSync(page, 'utf8') : '';
    if (process.argv[2] === '--write') {
        fs.writeFileSync(page, wanted);
    } else if (process.argv[2] !== '--check') {
        console.error('usage: node errors.mjs --write | --check');
        process.exit(2);
    } else if (have !== wanted) {
        console.log('errors: docs/errors.md is stale; run node tests/apigate/errors.mjs --write');
        process.exit(1);
    } else {
        console.log('errors: docs/errors.md is up to date');
    }
}
