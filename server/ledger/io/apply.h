/* What delivered public entries of other members do in this member's tables. The ledger knows
 * nothing of the domain: app.c hands it this table of kinds and functions (server/app_apply.c), and
 * delivery calls the function of an entry's kind, inside its own transaction, for every public
 * entry of ANOTHER member, in the order of the chain.
 *
 * An apply function is deterministic (the same entries in the same order leave the same rows at
 * every member), idempotent (an entry that was applied is applied again without effect), and never
 * fails on what another member wrote: contents that are invalid change nothing and are counted
 * (peering.refused). It returns errors only for trouble of our own: database, memory, files.
 * Nothing in it may provoke a constraint, since that would abort the delivery's transaction. */
#ifndef CAIRN_LEDGER_APPLY_H
#define CAIRN_LEDGER_APPLY_H

#include "server/app.h"
#include "server/ledger/members/members.h"
#include "server/store/store.h"

struct apply_context {
    struct app *app;
    const struct members *members; /* as of the block that is delivered */
    struct arena *arena;           /* lives as long as the delivery */
};

struct ledger_apply {
    const char *kind;
    /* statement: the canonical bytes of the entry; member: whose entry it is; now: our clock, for
     * rows that note when something came here, never for decisions. */
    enum err (*fn)(const struct apply_context *c, struct db *db, uint16_t member, uint64_t sequence,
                   const char *statement, size_t len, usec_t now);
};

#endif
