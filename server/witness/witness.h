/* This member as a witness for logs of other federations (C2SP tlog-witness, docs/witness.md): it
 * cosigns their checkpoints, each a proven continuation of the last, and never two trees of one
 * size. What it has cosigned is in PostgreSQL before the cosignature leaves, and the database lets
 * one of two requests that meet through, so any number of processes may share it. Thread-safe. */
#ifndef CAIRN_WITNESS_WITNESS_H
#define CAIRN_WITNESS_WITNESS_H

#include "server/app.h"
#include "server/base/buf.h"
#include "server/ledger/log/witness.h"
#include "server/store/store.h"

#define WITNESS_LOGS_MAX 16 /* "witness_for" lines */

struct witness;
struct witness_config {
    const struct note_key *logs; /* whose checkpoints are cosigned; copied */
    size_t n;
    const struct sign_key *cosigner; /* of this member; copied */
};
/* ERR_NO_MEMORY; ERR_USAGE if the federation's name does not make a key name. */
enum err witness_open(struct app *app, const struct witness_config *c,
                      struct witness **ret) MUST_USE;
void witness_close(struct witness *w); /* wipes the key; NULL is fine */

struct witness_answer {
    enum witness_verdict verdict;
    uint64_t size;     /* what was cosigned last, for WITNESS_OTHER_SIZE and WITNESS_FORKED */
    struct buf *lines; /* the caller's: the cosignature is appended if there is one */
};
/* One add-checkpoint. OK with a verdict, whatever it is; ERR_DB_DOWN, ERR_DB_CONFLICT, .. when
 * there is none: nothing was signed, though the state may have moved on (the next request is then
 * told so). */
enum err witness_add(struct witness *w, struct db *db, const char *body, size_t len,
                     struct witness_answer *ret) MUST_USE;

/* OpenMetrics text: requests by verdict, and how many logs were seen to show two trees. */
enum err witness_metrics(struct witness *w, struct db *db, struct buf *ret) MUST_USE;

#endif
