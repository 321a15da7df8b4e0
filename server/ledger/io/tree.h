/* The stored tree of one chain: reads subtree hashes from tiles, appends a batch of entries to
 * bundles and tiles, and recomputes roots from what is stored. Used inside a transaction of the
 * driver, or by readers on their own connection. */
#ifndef CAIRN_LEDGER_TREE_H
#define CAIRN_LEDGER_TREE_H

#include "server/base/arena.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"
#include "server/store/store.h"

/* Reads subtree hashes for merkle_root_at and the proofs; remembers the last tiles it read. */
#define TREE_CACHE 8
struct tree_reader {
    struct db *db;
    enum chain chain;
    struct arena *arena;
    enum err error; /* why a read failed, if it did */
    size_t n, next;
    struct {
        unsigned level;
        uint64_t index;
        const uint8_t *hashes;
        size_t len;
    } cache[TREE_CACHE];
};
void tree_reader_init(struct tree_reader *r, struct db *db, enum chain chain, struct arena *arena);
bool tree_read(void *reader, unsigned level, uint64_t index, struct merkle_hash *ret);

struct tree_leaf {
    const uint8_t *bytes;
    size_t len;
};
/* Appends n entries behind size: bundles, then tiles of every level they touch. */
enum err tree_append(struct db *db, enum chain chain, uint64_t size, const struct tree_leaf *leaves,
                     size_t n, struct arena *arena) MUST_USE;
/* Hashes the stored entries from index "from" (a multiple of 256) up to size again and compares
 * them with the stored level-0 tiles; then computes the root from the tiles. ERR_LOG_INCONSISTENT.
 */
enum err tree_recompute(struct db *db, enum chain chain, uint64_t from, uint64_t size,
                        struct merkle_hash *ret_root) MUST_USE;

#endif
