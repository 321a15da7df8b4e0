// Rules for C files. Each takes a file { path, text, lines, code, lineComments, items } and a report
// function (rule, line, sentence).
import path from 'node:path';
import { FENCED, PUBLIC, PURE, zoneOf } from './layers.mjs';

export const FUNCTION_MAX = 70;

// Calls that hide a wait, in tests as well; and, in the product, calls that have a checked twin or do
// what no thread of a server may do.
const WAITS = {
    sleep: 'wait for an event instead', usleep: 'wait for an event instead',
    nanosleep: 'wait for an event instead',
};
const BANNED = {
    ...WAITS, system: 'starts a shell', popen: 'starts a shell', alloca: 'unbounded stack',
    setjmp: 'hidden control flow', longjmp: 'hidden control flow', random: 'use server/crypto',
    sscanf: 'use server/base/text.h', scanf: 'use server/base/text.h', strtol: 'use server/base/text.h',
    strtoul: 'use server/base/text.h', strtoll: 'use server/base/text.h', strtoull: 'use server/base/text.h',
    strtod: 'no floats', atof: 'no floats', tmpnam: 'use mkstemp', mktemp: 'use mkstemp',
    vfork: 'use posix_spawn or fork', pthread_cancel: 'ask the thread to end',
    getpwnam: 'not safe with threads; use getpwnam_r', readdir_r: 'use readdir', bzero: 'use memset',
};

function includes(file) {
    const found = [];
    file.lines.forEach((line, i) => {
        const match = /^\s*#\s*include\s*(<([^>]+)>|"([^"]+)")/.exec(line);
        if (match)
            found.push({ line: i + 1, system: match[2] ?? null, own: match[3] ?? null });
    });
    return found;
}

// server/market/market.h is the public header of its folder; PUBLIC names the other ones.
function publicHeader(header) {
    const folder = path.dirname(header);
    return PUBLIC.includes(header) || header === `${folder}/${path.basename(folder)}.h`;
}

export function includeDirection(file, report) {
    const zone = zoneOf(file.path);
    if (!zone) {
        report('include-direction', 1, 'belongs to no zone of tests/tidy/layers.mjs');
        return;
    }
    for (const { line, own } of includes(file)) {
        if (own === null || own.endsWith('.inc'))
            continue;
        const target = zoneOf(own);
        const say = (why) => report('include-direction', line, `${zone.name} includes ${own}: ${why}`);
        if (!target || !/^(server|api|tests)\//.test(own))
            say('name it from the top folder, as in "server/base/err.h"');
        else if (target.name === 'tests' && zone.name !== 'tests')
            say('nothing in the product includes test code');
        else if (target !== zone && !zone.may.includes('*') && !zone.may.includes(target.name))
            say(`it may include ${[zone.name, ...zone.may].join(', ')} only`);
        else
            domainHeader(file, zone, target, own, say);
    }
}

// The edge and the wiring may use whatever a domain folder does not keep to itself.
function domainHeader(file, zone, target, own, say) {
    if (zone.name === 'tests' || path.dirname(file.path) === path.dirname(own))
        return;
    if (own.endsWith('_internal.h'))
        say('a header named *_internal.h belongs to its folder');
    else if (target.name === 'domain' && zone.name === 'domain' && !publicHeader(own))
        say('domain folders meet through their public headers; see PUBLIC in tests/tidy/layers.mjs');
}

export function fencedLibraries(file, report) {
    for (const { line, system } of includes(file)) {
        const fence = system && FENCED.find((f) => f.header.test(system));
        if (fence && !file.path.startsWith('tests/') && !fence.only.some((o) => o.test(file.path)))
            report('library', line, `<${system}> belongs to ${fence.only.map((o) => o.source).join(', ')}`);
    }
}

export function pureZones(file, report) {
    if (!PURE.zones.includes(zoneOf(file.path)?.name))
        return;
    for (const { line, system } of includes(file)) {
        if (system && !PURE.system.includes(system))
            report('pure', line, `<${system}> in a folder that does no I/O`);
    }
    calls(file, PURE.calls, (line, name) => report('pure', line, `${name}() in a folder that does no I/O`));
}

function calls(file, names, found) {
    const wanted = new RegExp(`(?<![\\w.>])(${names.join('|')})\\s*\\(`, 'g');
    file.code.split('\n').forEach((line, i) => {
        for (const match of line.matchAll(wanted))
            found(i + 1, match[1]);
    });
}

export function bannedCalls(file, report) {
    const banned = file.path.startsWith('tests/') ? WAITS : BANNED;
    calls(file, Object.keys(banned), (line, name) =>
        report('banned-call', line, `${name}(): ${banned[name]}`, { name }));
}

export function comments(file, report) {
    for (const line of file.lineComments)
        report('comment', line, 'write /* */');
}

export function functions(file, report) {
    for (const item of file.items) {
        if (item.kind === 'broken')
            report('unreadable', item.line, 'braces do not match');
        if (item.kind === 'function' && item.lines > FUNCTION_MAX)
            report('function-length', item.line, `${item.name} has ${item.lines} lines, more than ${FUNCTION_MAX}`,
                   { name: item.name, size: item.lines });
        if (item.kind === 'function')
            forwardGoto(item, report);
    }
}

// goto only forward, so that a function reads from top to bottom.
function forwardGoto(item, report) {
    for (const match of item.body.matchAll(/\bgoto\s+(\w+)/g)) {
        const label = new RegExp(`(^|[;{}\\s])${match[1]}\\s*:(?!:)`).exec(item.body);
        const at = item.bodyLine + item.body.slice(0, match.index).split('\n').length - 1;
        if (label && label.index < match.index)
            report('goto', at, `goto ${match[1]} jumps back`);
    }
}

const STATIC_LOCAL = /^\s*static\s+(?!const\b)([^;=(]*?)(\w+)[\w\[\]]*\s*[;=]/gm;

// State lives in structs that are handed on. What is written by threads cannot hide in a file.
export function globals(file, report) {
    if (file.path.startsWith('tests/'))
        return;
    for (const item of file.items) {
        if (item.kind === 'declaration' && mutableGlobal(item.text))
            report('global', item.line, `${item.text.slice(0, 60)}: no variables at file scope`,
                   { name: variableName(item.text) });
        if (item.kind === 'function') {
            for (const match of item.body.matchAll(STATIC_LOCAL)) {
                const at = item.bodyLine + item.body.slice(0, match.index).split('\n').length - 1;
                if (!/\bconst\b/.test(match[1]))
                    report('global', at, `static ${match[2]} inside ${item.name}: no hidden state`, { name: match[2] });
            }
        }
    }
}

function variableName(text) {
    return /(\w+)\s*(\[[^\]]*\])*\s*(=|$)/.exec(text.split('=')[0].trim() + ' ')?.[1] ?? text;
}

function mutableGlobal(text) {
    if (text === '' || /^(__extension__ )?(typedef|extern|_Static_assert|static_assert|_Pragma|\w+_fn)\b/.test(text))
        return false;
    if (/^(static )?(const )?(struct|enum|union)( \w+)?( \{\})?$/.test(text))
        return false;
    const declarator = text.split('=')[0];
    if (/\bconst\b(?![^=]*\*\s*(?!const)\w+\s*(\[|$))/.test(declarator))
        return false;
    return !/\(/.test(declarator);
}

export function noTypedefStruct(file, report) {
    file.code.split('\n').forEach((line, i) => {
        if (/\btypedef\s+(struct|union|enum)\b[^(]*$/.test(line))
            report('typedef', i + 1, 'say struct, enum or union where it is used');
    });
}
