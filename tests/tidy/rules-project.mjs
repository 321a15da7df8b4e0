// Rules about the project as a whole: nothing dead, nothing dangling.
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

// A .c that no target compiles. `sources` is what `make print-sources` says.
export function deadSources(project, report) {
    const built = new Set(execFileSync('make', ['-s', 'print-sources'], { cwd: project.root, encoding: 'utf8' })
        .split('\n'));
    for (const file of project.files) {
        if (file.path.endsWith('.c') && !built.has(file.path))
            report(file.path, 'dead-file', 1, 'no target of the Makefile compiles it');
    }
}

// A header, a script or a module that no other file names.
export function deadNames(project, report) {
    const all = project.files.filter((f) => f.text !== null);
    for (const file of all) {
        if (!/\.(h|def|inc|sh|mjs|supp)$/.test(file.path))
            continue;
        const name = file.path.endsWith('.h') ? `"${file.path}"` : path.basename(file.path);
        if (!all.some((other) => other !== file && other.text.includes(name)) && file.path !== 'server/base/banned.h')
            report(file.path, 'dead-file', 1, `no other file names ${name}`);
    }
}

// What editors, patch and crashes leave behind.
export function strayFiles(project, report) {
    for (const file of project.files) {
        if (/(\.(orig|rej|bak|swp|tmp|log)|~|(^|\/)core(\.\d+)?)$/.test(file.path))
            report(file.path, 'stray-file', 1, 'does not belong into the project');
    }
}

export function errorsUsed(project, report) {
    const registry = project.files.find((f) => f.path === 'server/base/err.def');
    if (!registry)
        return;
    const code = project.files.filter((f) => /^(server|api)\/.*\.[ch]$/.test(f.path)).map((f) => f.code).join('\n');
    const seen = new Map();
    registry.lines.forEach((line, i) => {
        const match = /^ERR\((ERR_\w+),\s*\d+,\s*"([^"]+)"/.exec(line);
        if (!match)
            return;
        if (!new RegExp(`\\b${match[1]}\\b`).test(code))
            report(registry.path, 'error-unused', i + 1, `${match[1]} is returned by nothing`, { name: match[1] });
        seen.set(match[1], i + 1);
    });
}

// The anchors that a page offers, as GitHub and most renderers make them.
function anchors(text) {
    return new Set([...text.matchAll(/^#+\s+(.*)$/gm)].map((m) =>
        m[1].toLowerCase().replace(/[`*_~]/g, '').replace(/[^\p{L}\p{N}\s-]/gu, '').trim().replace(/\s/g, '-')));
}

export function links(project, report) {
    for (const file of project.files) {
        if (!file.path.endsWith('.md'))
            continue;
        let fenced = false;
        file.lines.forEach((line, i) => {
            if (/^\s*```/.test(line))
                fenced = !fenced;
            if (fenced)
                return;
            for (const match of line.replace(/`[^`]*`/g, '').matchAll(/\]\(([^)\s]+)\)/g))
                checkLink(project, file, match[1], i + 1, report);
        });
    }
}

function checkLink(project, file, target, line, report) {
    if (/^[a-z]+:/.test(target))
        return;
    const [where, anchor] = target.split('#');
    const full = where === '' ? file.path : path.normalize(path.join(path.dirname(file.path), where));
    if (!fs.existsSync(path.join(project.root, full))) {
        report(file.path, 'link', line, `${target} leads nowhere`);
    } else if (anchor && full.endsWith('.md')) {
        if (!anchors(fs.readFileSync(path.join(project.root, full), 'utf8')).has(anchor))
            report(file.path, 'link', line, `${target}: no such heading`);
    }
}

// docs/README.md is the index: a page that it does not name cannot be found.
export function docsIndex(project, report) {
    const index = project.files.find((f) => f.path === 'docs/README.md');
    for (const file of project.files) {
        if (/^docs\/.*\.md$/.test(file.path) && file !== index && !index?.text.includes(`(${file.path.slice(5)}`))
            report(file.path, 'docs-index', 1, 'docs/README.md does not name it');
    }
}
