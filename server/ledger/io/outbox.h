/* The outbox: the domain's one way to the ledger. Called inside the transaction that changes state,
 * so that no change can miss its entry (DESIGN section 4, step 3). */
#ifndef CAIRN_LEDGER_OUTBOX_H
#define CAIRN_LEDGER_OUTBOX_H

#include "server/statement/statement.h"
#include "server/store/entry.h"

/* Which chain a statement kind goes to and whether it is public: one table. ERR_STATEMENT_KIND if
 * the kind is unknown. */
enum err outbox_route(const char *kind, enum chain *ret_chain, bool *ret_public) MUST_USE;

/* Writes the entry of s. subject's salt key hides it; the parties may fetch the receipt. */
enum err outbox_append(struct db *db, const struct statement *s, const struct id *subject,
                       const struct id *parties, size_t n_parties, usec_t now) MUST_USE;

#endif
