/* The ledger driver: one thread with one connection takes outbox entries in order, gets them
 * finalized, appends them to the chain's log and publishes a signed checkpoint; delivery marks
 * where they stand. In a federation of one an entry is final as soon as it is durable; consensus
 * takes its place between "taken" and "delivered" without changing this interface (docs/log.md).
 *
 * Exactly one process per database drives: it holds the advisory lock; the others follow what it
 * publishes and one of them takes over when it is gone. Before a root is signed it
 * is recomputed from the stored leaves; on start the whole log is. A high mark outside PostgreSQL
 * (DIR/ledger.mark) makes a database older than the log refuse to serve (ERR_DB_OLD).
 * Thread-safe: all readers copy under a lock. */
#ifndef CAIRN_LEDGER_LEDGER_H
#define CAIRN_LEDGER_LEDGER_H

#include "server/app.h"
#include "server/base/arena.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/note.h"
#include "server/store/store.h"

#define CHAINS 2

struct ledger_keys {             /* one seed each; docs/keys.md */
    struct sign_key log[CHAINS]; /* [chain - 1] */
    struct sign_key cosigner;
};

/* Checks mark and log against the database, then starts the thread. ERR_DB_OLD,
 * ERR_LOG_INCONSISTENT: refuse to serve. on_publish(arg) is called after each new checkpoint, on
 * the driver's thread. */
enum err ledger_open(struct app *app, const struct ledger_keys *keys, void (*on_publish)(void *),
                     void *arg, struct ledger **ret) MUST_USE;
/* Delivers what is committed, then stops. */
void ledger_close(struct ledger *l);

/* New outbox entries were committed. */
void ledger_wake(struct ledger *l);
/* Makes the mark file of an empty log; ERR_IO. Never overwrites one. */
enum err ledger_mark_init(const char *data_dir) MUST_USE;

/* The published size of a chain, and its newest checkpoint (appended to ret). */
uint64_t ledger_size(struct ledger *l, enum chain chain);
enum err ledger_checkpoint(struct ledger *l, enum chain chain, struct buf *ret) MUST_USE;
/* The chain's published root: the seed of draws. */
void ledger_root(struct ledger *l, enum chain chain, uint64_t *ret_size, struct merkle_hash *ret);
bool ledger_healthy(struct ledger *l);

/* The C2SP policy text that accepts this federation's receipts. */
enum err ledger_policy(struct ledger *l, struct buf *ret) MUST_USE;
void ledger_log_key(struct ledger *l, enum chain chain, struct note_key *ret);
void ledger_cosigner_key(struct ledger *l, struct note_key *ret);

/* Bytes of a tile or bundle at the published size, by its path behind "tile/"; ERR_NOT_FOUND. */
enum err ledger_tile(struct ledger *l, struct db *db, enum chain chain, const char *path,
                     struct arena *arena, const uint8_t **ret, size_t *ret_len) MUST_USE;
/* The tlog-proof text of the entry at index, under the first checkpoint that covers it. */
enum err ledger_proof(struct ledger *l, struct db *db, enum chain chain, uint64_t index,
                      struct arena *arena, struct buf *ret) MUST_USE;

enum err ledger_metrics(struct ledger *l, struct buf *ret) MUST_USE;

#endif
