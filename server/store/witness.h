/* Tables witness_log and log_cosignature (docs/witness.md): the trees of other federations that
 * this member has cosigned, and the lines of witnesses elsewhere under checkpoints of this one. */
#ifndef CAIRN_STORE_WITNESS_H
#define CAIRN_STORE_WITNESS_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/witness.h"
#include "server/store/store.h"

/* ---- as a witness ---------------------------------------------------------------------------- */
/* What was cosigned last for this origin; that of an unknown one is what witness_state_init says.
 */
enum err store_witness_state(struct db *db, const char *origin, struct witness_state *ret) MUST_USE;
/* In one statement: if the stored state is still was, it becomes that of the checkpoint. *ret_at is
 * the time to sign, now or the last one if the clock went back. OK with *ret_taken = false if the
 * state is another by now. For a transaction of the caller's, after whose COMMIT it is durable. */
enum err store_witness_take(struct db *db, const struct witness_state *was,
                            const struct checkpoint *c, const char *note, usec_t now,
                            bool *ret_taken, usec_t *ret_at) MUST_USE;
/* Keeps the first checkpoint that contradicts what was cosigned, beside that; nothing if nothing
 * was cosigned for its origin. */
enum err store_witness_fork(struct db *db, const struct checkpoint *c, const char *note,
                            usec_t now) MUST_USE;
/* How many logs were seen to show two trees. */
enum err store_witness_forks(struct db *db, int64_t *ret) MUST_USE;

/* ---- as a log -------------------------------------------------------------------------------- */
/* The largest checkpoint of the chain that the witness of this name has cosigned, as far as is
 * known here; 0 if none. */
enum err store_cosigned_size(struct db *db, enum chain chain, const char *name,
                             uint64_t *ret) MUST_USE;
/* Nothing happens if there is one. */
enum err store_cosignature_put(struct db *db, enum chain chain, uint64_t size, const char *name,
                               const char *line, usec_t now) MUST_USE;
/* All lines under the checkpoint of this size, one behind the other; "" if there are none. */
enum err store_cosignatures(struct db *db, enum chain chain, uint64_t size, struct arena *arena,
                            const char **ret) MUST_USE;
/* The smallest checkpoint of at least this size that a witness elsewhere has cosigned, or the
 * smallest of all if none has, with those lines behind it as far as CHECKPOINT_MAX allows.
 * ERR_NOT_FOUND. */
enum err store_checkpoint_witnessed(struct db *db, enum chain chain, uint64_t size,
                                    struct arena *arena, uint64_t *ret_size,
                                    const char **ret_note) MUST_USE;

extern const struct store_stmt *const witness_stmts[];
extern const size_t witness_stmts_n;

#endif
