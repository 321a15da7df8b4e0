/* The lines of witnesses elsewhere (docs/witness.md) under the newest checkpoints, for readers who
 * have no database connection. server/witness puts them there. Thread-safe. */
#ifndef CAIRN_LEDGER_OUTSIDE_H
#define CAIRN_LEDGER_OUTSIDE_H

#include "server/base/buf.h"
#include "server/ledger/log/entry.h"

struct outside;
enum err outside_new(struct outside **ret) MUST_USE;
void outside_free(struct outside *o); /* NULL is fine */
/* Replaces what is kept for this chain by signature lines under its checkpoint of this size.
 * ERR_LIMIT beyond CHECKPOINT_MAX. */
enum err outside_set(struct outside *o, enum chain chain, uint64_t size,
                     const char *lines) MUST_USE;
/* Appends the lines to ret, which holds the checkpoint of this size; nothing if they are those of
 * another size, or if the note would be longer than CHECKPOINT_MAX. o may be NULL. ERR_NO_MEMORY.
 */
enum err outside_append(struct outside *o, enum chain chain, uint64_t size,
                        struct buf *ret) MUST_USE;

#endif
