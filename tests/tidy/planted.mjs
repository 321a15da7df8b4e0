// The test of tidy.mjs: a small clean project in which each rule's breach is planted and must be found,
// and nothing else; and things that look like breaches but are none.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { tidy } from './tidy.mjs';

const body = (lines) => `int f(int a)\n{\n${'    a++;\n'.repeat(lines - 4)}    return a;\n}\n`;

const CLEAN = {
    'Makefile': 'print-sources:\n\t@cat sources\n',
    'sources':
        'server/base/err.c\nserver/market/market.c\nserver/ledger/log/merkle.c\n'
        + 'server/review/score.c\napi/client/main.c\n',
    'server/base/err.def': 'ERR(ERR_BUSY, 503, "server.busy", "Busy.")\n',
    'server/base/err.h': 'int err(void);\n',
    'server/base/err.c': '#include "server/base/err.h"\n#include "server/base/err.def"\n\n'
        + 'int err(void)\n{\n    return 1;\n}\n',
    'server/crypto/hash.h': 'int hash(void);\n',
    'server/vault/vault.h': 'int vault(void);\n',
    'server/vault/cell.h': 'int cell(void);\n',
    'server/market/market.h': 'int market(void);\n',
    'server/market/market.c': '#include "server/market/market.h"\n#include "server/vault/vault.h"\n'
        + '#include "server/crypto/hash.h"\n\nint market(void)\n{\n    return ERR_BUSY;\n}\n',
    'server/ledger/log/merkle.c': '#include <stdint.h>\n',
    'server/market/reward.h': 'int reward(void);\n',
    'server/review/score.c': '#include "server/market/reward.h"\n',
    'tests/lib/state.h': 'static int count;\n',
    'server/vault/own.h': '#include "server/vault/cell.h"\n',
    'api/client/main.c': '#include "server/base/err.h"\n#include <curl/curl.h>\n',
    'tests/lib/own.mjs': "import 'own.h';\n",
    'docs/README.md': '# Pages\n- [the log](log.md#the-tree)\n'
        + '- `[no link](nowhere.md)`\n- "server/vault/own.h" own.mjs "tests/lib/state.h"\n',
    'docs/log.md': '# Log\n## The tree\n',
};

// [rule, file that gets the breach, text that is added to it (or a function of its old text)]
const PLANTS = [
    ['include-direction', 'server/base/err.c', '#include "server/market/market.h"\n'],
    ['include-direction', 'server/crypto/hash.h', '#include "server/market/market.h"\n'],
    ['include-direction', 'server/market/market.c', '#include "server/vault/cell.h"\n'],
    ['include-direction', 'server/market/market.c', '#include "market.h"\n'],
    ['include-direction', 'server/market/market.c', '#include "api/client/main.h"\n'],
    ['include-direction', 'api/client/main.c', '#include "server/vault/vault.h"\n'],
    ['include-direction', 'server/market/market.c', '#include "server/store/store_internal.h"\n'],
    ['include-direction', 'server/ledger/log/merkle.c', '#include "server/store/store.h"\n'],
    ['include-direction', 'server/review/score.c', '#include "server/store/store.h"\n'],
    ['library', 'server/market/market.c', '#include <sodium.h>\n'],
    ['library', 'server/market/market.c', '#include <openssl/sha.h>\n'],
    ['library', 'api/client/main.c', '#include <libpq-fe.h>\n'],
    ['library', 'server/market/market.c', '#include <microhttpd.h>\n'],
    ['library', 'server/base/err.c', '#include <curl/curl.h>\n'],
    ['pure', 'server/ledger/log/merkle.c', '#include <unistd.h>\n'],
    ['pure', 'server/ledger/log/merkle.c', '#include <pthread.h>\n'],
    ['pure', 'server/ledger/log/merkle.c', 'int f(void)\n{\n    return clock_wall();\n}\n'],
    ['function-length', 'server/base/err.c', body(71)],
    ['file-length', 'server/base/err.h', 'int a(void);\n'.repeat(600)],
    ['word', 'docs/log.md', 'FIX' + 'ME later\n'],
    ['word', 'server/base/err.h', '/* TO' + 'DO */\n'],
    ['word', 'docs/log.md', '@auth' + 'or somebody\n'],
    ['word', 'docs/log.md', 'see /home' + '/me/notes\n'],
    ['banned-call', 'server/market/market.c', 'void f(void)\n{\n    sleep(1);\n}\n'],
    ['banned-call', 'server/market/market.c', 'void f(void)\n{\n    system("ls");\n}\n'],
    ['banned-call', 'server/market/market.c', 'int f(void)\n{\n    return strtol("1", 0, 10);\n}\n'],
    ['banned-call', 'tests/lib/state.h', 'void f(void)\n{\n    sleep(1);\n}\n'],
    ['comment', 'server/base/err.h', '// why\n'],
    ['line-length', 'server/base/err.h', `/* ${'x'.repeat(95)} */\n`],
    ['trailing-space', 'docs/log.md', 'two \n'],
    ['tab', 'server/base/err.h', '\tint b(void);\n'],
    ['line-end', 'docs/log.md', 'one\r\n'],
    ['line-end', 'docs/log.md', 'no end'],
    ['line-end', 'docs/log.md', '\n'],
    ['dead-file', 'server/base/lost.c', '#include "server/base/err.h"\n'],
    ['dead-file', 'server/base/lost.h', 'int lost(void);\n'],
    ['dead-file', 'tests/lib/lost.sh', 'true\n'],
    ['stray-file', 'server/base/err.c.orig', 'int a;\n'],
    ['error-unused', 'server/base/err.def', 'ERR(ERR_LOST, 500, "lost", "Lost.")\n'],
    ['link', 'docs/log.md', '[gone](gone.md)\n'],
    ['link', 'docs/log.md', '[gone](README.md#no-such-heading)\n'],
    ['docs-index', 'docs/lost.md', '# Lost\n'],
    ['goto', 'server/base/err.c', 'int f(void)\n{\nagain:\n    goto again;\n}\n'],
    ['global', 'server/base/err.c', 'static int count;\n'],
    ['global', 'server/base/err.c', 'struct err *first = NULL;\n'],
    ['global', 'server/base/err.c', 'static const char *name = "x";\n'],
    ['global', 'server/base/err.c', 'int f(void)\n{\n    static int n;\n    return n++;\n}\n'],
    ['typedef', 'server/base/err.h', 'typedef struct err err;\n'],
    ['unreadable', 'server/base/err.c', 'int f(void)\n{\n'],
    ['stale', 'tests/tidy/ratchet.txt', 'function-length server/base/err.c f 90\n'],
    ['stale', 'tests/tidy/exceptions.txt', 'word docs/log.md lorem it was once\n'],
];

// Not breaches: [why, file, text]
const HARMLESS = [
    ['a function of 70 lines', 'server/base/err.c', body(70)],
    ['text in strings and comments', 'server/base/err.c',
     'int f(void)\n{\n    /* sleep(1) { */\n    return g("// sleep(1) {");\n}\n'],
    ['goto forward', 'server/base/err.c', 'int f(void)\n{\n    goto out;\nout:\n    return 1;\n}\n'],
    ['constants', 'server/base/err.c',
     'static const int a[] = { 1, 2 };\nstatic const char *const b = "x";\n'],
    ['a prototype', 'server/base/err.c', 'static int f(const struct err *e);\n'],
    ['a static function', 'server/base/err.c',
     'static int g(int a)\n{\n    static const int b = 1;\n    return a + b;\n}\n'],
    ['a function type', 'server/base/err.h', 'typedef enum err handler_fn(struct err *);\n'],
    ['a shell in a test', 'tests/lib/state.h', 'void f(void)\n{\n    system("ls");\n}\n'],
    ['declared functions', 'server/base/err.h', 'handler_fn one, two;\n'],
    ['a struct', 'server/base/err.h', 'struct err {\n    int sleep;\n};\n'],
    ['a member of the name of a call', 'server/market/market.c',
     'int f(struct a *a)\n{\n    return a->system(1);\n}\n'],
    ['a long line of prose', 'docs/log.md', `${'word '.repeat(60)}end\n`],
];

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'cairn-tidy-'));
let passed = 0;
const failures = [];

function put(file, text) {
    fs.mkdirSync(path.dirname(path.join(root, file)), { recursive: true });
    fs.writeFileSync(path.join(root, file), text);
}

function withAdded(file, text, look) {
    const old = CLEAN[file];
    put(file, (old ?? '') + text);
    look(tidy(root).breaches);
    if (old === undefined)
        fs.rmSync(path.join(root, file));
    else
        put(file, old);
}

function check(ok, what, breaches) {
    if (ok)
        passed++;
    else
        failures.push(`${what}: ${breaches.join(' | ') || 'nothing found'}`);
}

try {
    for (const [file, text] of Object.entries(CLEAN))
        put(file, text);
    check(tidy(root).breaches.length === 0, 'the clean project', tidy(root).breaches);
    for (const [rule, file, text] of PLANTS) {
        withAdded(file, text, (breaches) => {
            const right = breaches.filter((b) => b.startsWith(`${file}:`) && b.includes(`: ${rule}: `));
            check(right.length > 0 && right.length === breaches.length, `planted ${rule} in ${file}`, breaches);
        });
    }
    for (const [why, file, text] of HARMLESS)
        withAdded(file, text, (breaches) => check(breaches.length === 0, `harmless: ${why}`, breaches));
    // A notch covers its exact size and neither more nor less.
    for (const [size, found] of [[80, 0], [79, 1], [81, 1]]) {
        put('tests/tidy/ratchet.txt', 'function-length server/base/err.c f 80\n');
        withAdded('server/base/err.c', body(size), (breaches) =>
            check(breaches.length === found, `a ratchet of 80 and ${size} lines`, breaches));
    }
} finally {
    fs.rmSync(root, { recursive: true });
}
for (const failure of failures)
    console.log(`FAIL ${failure}`);
console.log(`${passed} passed, ${failures.length} failed`);
process.exit(failures.length === 0 ? 0 : 1);
