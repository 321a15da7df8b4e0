/* Negative controls for the federation: servers with one planted fault, built like those of
 * tests/chaos/mutant.mjs. Usage: mutant.mjs NAME FOLDER; prints the path of the program. */
import { MUTANTS, build } from '../mutant.mjs';

Object.assign(MUTANTS, {
    /* A lost vote log is taken for a new one: it votes again with the key whose votes it has forgotten. */
    'votes-again': [['server/ledger/io/replay.c',
        '    if (e == ERR_NO_MEMORY || e == ERR_BUSY || e == ERR_IO) {\n        forget(&g);',
        '    if (e == ERR_NOT_FOUND && journal_create(c->set.dir, c->members.genesis) == OK)\n' +
        '        e = journal_open(c->set.dir, c->members.genesis, 0, gather, &g, &c->journal);\n' +
        '    if (e == ERR_NO_MEMORY || e == ERR_BUSY || e == ERR_IO) {\n        forget(&g);']],
    /* Votes leave before they are durable. */
    'unsynced': [['server/ledger/io/journal.c',
        '    if (fdatasync(j->fd) != 0)\n        journal_die(j, "fdatasync");', '']],
    /* Acknowledges and never orders: the 150th entry of a member and what comes after it. */
    'never-anchors': [['server/ledger/io/feed.c', 'e = offer_next(l, chain, first, &n);',
        'e = first >= 150 ? OK : offer_next(l, chain, first, &n);']],
});

const [name, folder] = process.argv.slice(2);
if (!MUTANTS[name] || !folder) {
    console.error(`usage: mutant.mjs NAME FOLDER, with a name of: ${Object.keys(MUTANTS).join(' ')}`);
    process.exit(2);
}
console.log(build(name, folder));
