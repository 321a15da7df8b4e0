/* The stored tree of one chain: reads subtree hashes from tiles, appends a batch of entries to
 * bundles and tiles, and recomputes roots from what is stored. Used inside a transaction of the
 * driver, or by readers on their own connection. */
#ifndef CAIRN_LEDGER_TREE_H
#define CAIRN_LEDGER_TREE_H

#include "server/base/arena.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"
#include "server/ledger/log/tile.h"
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

/* The right edge of a stored tree, as its writer keeps it from one block to the next: the bundle
 * and the tiles that are not full. It is good for the size it was left at; for any other, after a
 * transaction that was rolled back for instance, it is read anew. */
struct tree_edge {
    bool known;
    uint64_t count[TILE_LEVEL_MAX + 1]; /* hashes at this level; count[0] is the size */
    struct merkle_hash tile[TILE_LEVEL_MAX + 1][TILE_WIDTH];
    struct buf bundle;
};
void tree_edge_init(struct tree_edge *e);
void tree_edge_release(struct tree_edge *e);

struct tree_leaf {
    const uint8_t *bytes;
    size_t len;
};
/* Appends n entries behind size: bundles, then tiles of every level they touch, and demands of the
 * database that what it stored hashes to what was meant; all by db_later. The root is that of the
 * tiles. ERR_LOG_INCONSISTENT, now or later. */
enum err tree_append(struct db *db, enum chain chain, struct tree_edge *edge, uint64_t size,
                     const struct tree_leaf *leaves, size_t n, struct arena *arena,
                     struct merkle_hash *ret_root) MUST_USE;
/* Hashes the stored entries from index "from" (a multiple of 256) up to size again and compares
 * them with the stored level-0 tiles; then computes the root from the tiles. ERR_LOG_INCONSISTENT.
 */
enum err tree_recompute(struct db *db, enum chain chain, uint64_t from, uint64_t size,
                        struct merkle_hash *ret_root) MUST_USE;

#endif
