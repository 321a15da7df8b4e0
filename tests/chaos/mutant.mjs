/* Negative controls: builds a cairnd with one planted fault, from a copy of the sources and of the objects
 * in build/fp, so that only the changed files are compiled. Prints the path of the program; the folder is
 * the caller's to remove. Each replacement must fit exactly once: a control that no longer applies is an
 * error, not a pass.
 * Usage: mutant.mjs NAME FOLDER */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

export const MUTANTS = {
    /* Answers once the callbacks have run, and commits a little later: even a killed PostgreSQL finishes a
     * COMMIT that it has received, so the fault shows only before that. */
    'ack-early': [
        ['server/store/batch.c', 'static enum err commit(struct batch *b)\n{',
            '#include <poll.h>\nextern void mutant_answer(void);\n\nstatic enum err commit(struct batch *b)\n{\n' +
            '    PGresult *early = NULL;\n    add_tail(b);\n    if (b->n > 0 && send(b, &early) == OK)\n' +
            '        PQclear(early);\n    mutant_answer();\n    (void)poll(NULL, 0, 5);'],
        ['server/store/runner.c', '/* Runs the jobs in one transaction',
            'static struct { struct runner *r; struct job **jobs; size_t n; bool done; } mutant;\n' +
            'extern void mutant_answer(void);\nvoid mutant_answer(void)\n{\n    if (!mutant.done)\n' +
            '        answer_all(mutant.r, mutant.jobs, mutant.n);\n    mutant.done = true;\n}\n\n' +
            '/* Runs the jobs in one transaction'],
        ['server/store/runner.c', '            e = batch_try(r->db, jobs, *n);',
            '            mutant.r = r;\n            mutant.jobs = jobs;\n            mutant.n = *n;\n' +
            '            mutant.done = false;\n            e = batch_try(r->db, jobs, *n);\n' +
            '            if (mutant.done)\n                return OK;'],
    ],
    /* Answers when the COMMIT is done and not yet on disk. */
    'ack-unflushed': [['server/store/batch.c', "set_config('synchronous_commit', 'on', false)",
        "set_config('synchronous_commit', 'off', false)"],
    ['server/store/batch.c', " WHERE current_setting('synchronous_commit') IN ('off', 'local')", '']],
    /* Forgets that a key was answered, so that an unknown COMMIT is run again blindly. */
    'no-replay': [['server/store/batch.c', 'bool found = PQntuples(res) > 0;', 'bool found = false;']],
    /* Sends a payment without asking whether its reference went out already. */
    'pay-again': [['server/payout/adapter.c', 'if (strncmp(line, reference, ID_TEXT_SIZE - 1) != 0)',
        'if (strncmp(line, reference, ID_TEXT_SIZE - 1) != 2000)']],
    /* Serves from whatever database it finds: asks neither the mark nor the journal. */
    'any-database': [['server/ledger/io/load.c', 'if (log->mark.size > size) {',
        'if (log->mark.size > size)\n        return OK;\n    if (false) {'],
    ['server/ledger/io/replay.c', 'if (r->kind != CORE_REC_FIN ||', 'if (c != NULL ||']],
    /* Believes the stored log. */
    'no-recompute': [['server/ledger/io/ledger.c',
        'enum err e = tree_recompute(l->db, log->chain, 0, log->tip.tree.size, &root);',
        'enum err e = l != NULL ? OK : ERR_INTERNAL;\n    root = stored;']],
    /* Calls a full disk an accident. */
    'full-is-500': [['api/http/body.c', 'if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)',
        'if (errno == EDQUOT)']],
    /* Leaves half an upload behind. */
    'keeps-halves': [['api/http/body.c', '(void)unlink(b->path);', '(void)b->path;']],
};

export function build(name, folder) {
    const copy = join(folder, 'tree');
    mkdirSync(join(copy, 'build'), { recursive: true });
    for (const part of ['Makefile', 'server', 'api', 'migrations', 'build/fp'])
        cpSync(join(ROOT, part), join(copy, part), { recursive: true, preserveTimestamps: true });
    for (const [path, from, to] of MUTANTS[name]) {
        const file = join(copy, path);
        const text = readFileSync(file, 'utf8');
        if (text.split(from).length !== 2) throw new Error(`mutant ${name}: ${path} does not hold just once: ${from}`);
        writeFileSync(file, text.replace(from, () => to));
    }
    const r = spawnSync('make', ['-C', copy, 'VARIANT=fp', 'build/fp/cairnd'], { encoding: 'utf8' });
    if (r.status !== 0) throw new Error(`mutant ${name} does not compile: ${r.stderr}`);
    return join(copy, 'build/fp/cairnd');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    const [name, folder] = process.argv.slice(2);
    if (!MUTANTS[name] || !folder) {
        console.error(`usage: mutant.mjs NAME FOLDER, with a name of: ${Object.keys(MUTANTS).join(' ')}`);
        process.exit(2);
    }
    console.log(build(name, folder));
}
