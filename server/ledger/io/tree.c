#include "server/ledger/io/tree.h"

#include "server/base/log.h"
#include "server/ledger/log/tile.h"
#include "server/store/log.h"

#include <assert.h>
#include <string.h>

#define TILE_BYTES (TILE_WIDTH * HASH_BYTES)
#define TILE_HEIGHT 8
#define BUNDLE_MAX (TILE_WIDTH * (2 + ENTRY_MAX))
#define SUMS_MAX (1u << 24) /* hashes of the rows of one level that one block writes */

void tree_reader_init(struct tree_reader *r, struct db *db, enum chain chain, struct arena *arena)
{
    *r = (struct tree_reader){ .db = db, .chain = chain, .arena = arena };
}

static bool tile_of(struct tree_reader *r, unsigned level, uint64_t index, const uint8_t **ret,
                    size_t *ret_len)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->cache[i].level == level && r->cache[i].index == index) {
            *ret = r->cache[i].hashes;
            *ret_len = r->cache[i].len;
            return true;
        }
    const uint8_t *hashes = NULL;
    size_t len = 0;
    enum err e = store_tile_get(r->db, r->chain, level, index, r->arena, &hashes, &len);
    if (e != OK) {
        r->error = e;
        return false;
    }
    r->cache[r->next].level = level;
    r->cache[r->next].index = index;
    r->cache[r->next].hashes = hashes;
    r->cache[r->next].len = len;
    r->next = (r->next + 1) % TREE_CACHE;
    if (r->n < TREE_CACHE)
        r->n++;
    *ret = hashes;
    *ret_len = len;
    return true;
}

/* A stored tile is a run of hashes; struct merkle_hash is just those bytes. */
static bool subtree(const uint8_t *tile, size_t len, unsigned level, unsigned index,
                    struct merkle_hash *ret)
{
    static_assert(sizeof(struct merkle_hash) == HASH_BYTES, "tiles are arrays of hashes");
    return tile_subtree((const struct merkle_hash *)(const void *)tile,
                        (unsigned)(len / HASH_BYTES), level, index, ret) == OK;
}

bool tree_read(void *reader, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    unsigned within = level % TILE_HEIGHT;
    uint64_t per_tile = (uint64_t)TILE_WIDTH >> within;
    const uint8_t *hashes = NULL;
    size_t len = 0;
    return tile_of(reader, level / TILE_HEIGHT, index / per_tile, &hashes, &len) &&
           subtree(hashes, len, within, (unsigned)(index % per_tile), ret);
}

/* ---- the right edge -------------------------------------------------------------------------- */

void tree_edge_init(struct tree_edge *e)
{
    *e = (struct tree_edge){ .known = false };
    buf_init(&e->bundle, BUNDLE_MAX);
}

void tree_edge_release(struct tree_edge *e)
{
    buf_release(&e->bundle);
}

static enum err load_bundle(struct tree_edge *edge, struct db *db, enum chain chain,
                            struct arena *arena)
{
    const uint8_t *old = NULL;
    size_t len = 0;
    unsigned width = 0, want = (unsigned)(edge->count[0] % TILE_WIDTH);
    buf_clear(&edge->bundle);
    if (want == 0)
        return OK;
    enum err e =
        store_bundle_get(db, chain, edge->count[0] / TILE_WIDTH, arena, &old, &len, &width);
    if (e == OK && width != want)
        e = ERR_LOG_INCONSISTENT;
    return e == OK ? buf_add(&edge->bundle, old, len) : e;
}

static enum err load_tile(struct tree_edge *edge, struct db *db, enum chain chain, unsigned level,
                          struct arena *arena)
{
    const uint8_t *old = NULL;
    size_t len = 0, want = (size_t)(edge->count[level] % TILE_WIDTH) * HASH_BYTES;
    if (want == 0)
        return OK;
    enum err e =
        store_tile_get(db, chain, level, edge->count[level] / TILE_WIDTH, arena, &old, &len);
    if (e == OK && len != want)
        e = ERR_LOG_INCONSISTENT;
    if (e == OK)
        memcpy(edge->tile[level], old, len);
    return e;
}

static enum err load_edge(struct tree_edge *edge, struct db *db, enum chain chain, uint64_t size,
                          struct arena *arena)
{
    for (unsigned level = 0; level <= TILE_LEVEL_MAX; level++, size /= TILE_WIDTH)
        edge->count[level] = size;
    enum err e = load_bundle(edge, db, chain, arena);
    for (unsigned level = 0; level <= TILE_LEVEL_MAX && e == OK; level++)
        e = load_tile(edge, db, chain, level, arena);
    return e;
}

/* The root asks for nothing but complete subtrees at the edge: all of them are here. */
static bool edge_read(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    const struct tree_edge *edge = arg;
    unsigned at = level / TILE_HEIGHT, within = level % TILE_HEIGHT;
    uint64_t per_tile = (uint64_t)TILE_WIDTH >> within;
    return at <= TILE_LEVEL_MAX && index / per_tile == edge->count[at] / TILE_WIDTH &&
           tile_subtree(edge->tile[at], (unsigned)(edge->count[at] % TILE_WIDTH), within,
                        (unsigned)(index % per_tile), ret) == OK;
}

/* ---- appending ------------------------------------------------------------------------------- */

/* What is written, and what the database must say about it: sums[0] of the bundles, sums[1 + level]
 * of the tiles, each a run from first on. */
struct writer {
    struct db *db;
    enum chain chain;
    struct tree_edge *edge;
    struct {
        uint64_t first, n;
        struct buf hashes;
    } sums[TILE_LEVEL_MAX + 2];
};

static enum err remember(struct writer *w, unsigned row, uint64_t index, const void *bytes,
                         size_t len)
{
    uint8_t hash[HASH_BYTES];
    if (w->sums[row].n++ == 0)
        w->sums[row].first = index;
    sha256(bytes, len, hash);
    return buf_add(&w->sums[row].hashes, hash, sizeof(hash));
}

static enum err put_bundle(struct writer *w, uint64_t index, unsigned width)
{
    const struct buf *b = &w->edge->bundle;
    enum err e = store_bundle_put(w->db, w->chain, index, width, b->data, b->len);
    return e == OK ? remember(w, 0, index, b->data, b->len) : e;
}

static enum err put_tile(struct writer *w, unsigned level, uint64_t index, unsigned width)
{
    const struct merkle_hash *tile = w->edge->tile[level];
    size_t len = (size_t)width * HASH_BYTES;
    enum err e = store_tile_put(w->db, w->chain, level, index, tile, len);
    return e == OK ? remember(w, 1 + level, index, tile, len) : e;
}

/* Adds a hash to a level; a full tile is written and hands its root to the level above. */
static enum err push_hash(struct writer *w, struct merkle_hash hash)
{
    for (unsigned level = 0; level <= TILE_LEVEL_MAX; level++) {
        struct merkle_hash *tile = w->edge->tile[level];
        uint64_t at = w->edge->count[level]++;
        tile[at % TILE_WIDTH] = hash;
        if (at % TILE_WIDTH != TILE_WIDTH - 1)
            return OK;
        enum err e = put_tile(w, level, at / TILE_WIDTH, TILE_WIDTH);
        if (e == OK)
            e = tile_subtree(tile, TILE_WIDTH, TILE_HEIGHT, 0, &hash);
        if (e != OK)
            return e;
    }
    return ERR_LIMIT; /* 2^48 leaves */
}

static enum err push_leaf(struct writer *w, const struct tree_leaf *leaf)
{
    struct merkle_hash hash;
    uint64_t at = w->edge->count[0];
    merkle_leaf(leaf->bytes, leaf->len, &hash);
    enum err e = bundle_add(&w->edge->bundle, leaf->bytes, leaf->len);
    if (e == OK && at % TILE_WIDTH == TILE_WIDTH - 1) {
        e = put_bundle(w, at / TILE_WIDTH, TILE_WIDTH);
        buf_clear(&w->edge->bundle);
    }
    return e == OK ? push_hash(w, hash) : e;
}

/* What is not full yet, of every level that grew from old sizes on. */
static enum err put_edge(struct writer *w, uint64_t size)
{
    const uint64_t *count = w->edge->count;
    unsigned width = (unsigned)(count[0] % TILE_WIDTH);
    enum err e = width > 0 ? put_bundle(w, count[0] / TILE_WIDTH, width) : OK;
    for (unsigned level = 0; level <= TILE_LEVEL_MAX && e == OK; level++, size /= TILE_WIDTH) {
        width = (unsigned)(count[level] % TILE_WIDTH);
        if (count[level] != size && width > 0)
            e = put_tile(w, level, count[level] / TILE_WIDTH, width);
    }
    return e;
}

static enum err demand(struct writer *w)
{
    enum err e = OK;
    for (unsigned row = 0; row < COUNT(w->sums) && e == OK; row++) {
        uint8_t sum[HASH_BYTES];
        if (w->sums[row].n == 0)
            continue;
        uint64_t first = w->sums[row].first, last = first + w->sums[row].n - 1;
        sha256(w->sums[row].hashes.data, w->sums[row].hashes.len, sum);
        e = row == 0 ? store_bundles_must(w->db, w->chain, first, last, sum)
                     : store_tiles_must(w->db, w->chain, row - 1, first, last, sum);
    }
    return e;
}

enum err tree_append(struct db *db, enum chain chain, struct tree_edge *edge, uint64_t size,
                     const struct tree_leaf *leaves, size_t n, struct arena *arena,
                     struct merkle_hash *ret_root)
{
    assert(n > 0);
    struct writer w = { .db = db, .chain = chain, .edge = edge };
    for (size_t row = 0; row < COUNT(w.sums); row++)
        buf_init(&w.sums[row].hashes, SUMS_MAX);
    enum err e =
        edge->known && edge->count[0] == size ? OK : load_edge(edge, db, chain, size, arena);
    edge->known = false;
    for (size_t i = 0; i < n && e == OK; i++)
        e = push_leaf(&w, &leaves[i]);
    if (e == OK)
        e = put_edge(&w, size);
    if (e == OK)
        e = demand(&w);
    if (e == OK)
        e = merkle_root_at(edge_read, edge, size + n, ret_root);
    edge->known = e == OK;
    for (size_t row = 0; row < COUNT(w.sums); row++)
        buf_release(&w.sums[row].hashes);
    return e;
}

/* ---- recomputing ----------------------------------------------------------------------------- */

/* The stored bundle must hash to the stored tile, entry by entry. */
static enum err check_bundle(struct db *db, enum chain chain, uint64_t index, unsigned want,
                             struct arena *arena)
{
    const uint8_t *bundle = NULL, *hashes = NULL, *entry = NULL;
    size_t bundle_len = 0, hashes_len = 0, offset = 0, len = 0;
    unsigned width = 0, i = 0;
    bool bad = false;
    enum err e = store_bundle_get(db, chain, index, arena, &bundle, &bundle_len, &width);
    if (e == OK)
        e = store_tile_get(db, chain, 0, index, arena, &hashes, &hashes_len);
    if (e != OK)
        return e;
    for (; i < want && bundle_next(bundle, bundle_len, &offset, &entry, &len, &bad); i++) {
        struct merkle_hash h;
        merkle_leaf(entry, len, &h);
        if ((i + 1) * HASH_BYTES > hashes_len ||
            memcmp(h.bytes, hashes + (size_t)i * HASH_BYTES, HASH_BYTES) != 0)
            break;
    }
    if (bad || i != want || width < want) {
        log_error("log", "chain %s: stored entry %llu does not match its hash", chain_name(chain),
                  (unsigned long long)(index * TILE_WIDTH + i));
        return ERR_LOG_INCONSISTENT;
    }
    return OK;
}

/* Every full tile's root must stand in the level above. */
static enum err check_uplink(struct db *db, enum chain chain, unsigned level, uint64_t index,
                             struct arena *arena)
{
    struct merkle_hash root;
    const uint8_t *hashes = NULL, *above = NULL;
    size_t len = 0, above_len = 0, at = (size_t)(index % TILE_WIDTH) * HASH_BYTES;
    enum err e = store_tile_get(db, chain, level, index, arena, &hashes, &len);
    if (e == OK)
        e = store_tile_get(db, chain, level + 1, index / TILE_WIDTH, arena, &above, &above_len);
    if (e != OK)
        return e;
    if (len != TILE_BYTES || !subtree(hashes, TILE_BYTES, TILE_HEIGHT, 0, &root) ||
        at + HASH_BYTES > above_len || memcmp(root.bytes, above + at, HASH_BYTES) != 0) {
        log_error("log", "chain %s: tile %u/%llu does not match the level above", chain_name(chain),
                  level, (unsigned long long)index);
        return ERR_LOG_INCONSISTENT;
    }
    return OK;
}

static enum err check_tile(struct db *db, enum chain chain, uint64_t index, uint64_t size)
{
    struct arena *arena = arena_new(64u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    uint64_t first = index * TILE_WIDTH;
    unsigned width = size - first < TILE_WIDTH ? (unsigned)(size - first) : TILE_WIDTH;
    enum err e = check_bundle(db, chain, index, width, arena);
    uint64_t at = index;
    for (unsigned level = 0; e == OK && width == TILE_WIDTH && level < TILE_LEVEL_MAX; level++) {
        e = check_uplink(db, chain, level, at, arena);
        if (at % TILE_WIDTH != TILE_WIDTH - 1)
            break; /* the tile above is not full yet: it has no root of its own */
        at /= TILE_WIDTH;
    }
    arena_free(arena);
    return e;
}

enum err tree_recompute(struct db *db, enum chain chain, uint64_t from, uint64_t size,
                        struct merkle_hash *ret_root)
{
    enum err e = OK;
    for (uint64_t first = from / TILE_WIDTH * TILE_WIDTH; first < size && e == OK;
         first += TILE_WIDTH)
        e = check_tile(db, chain, first / TILE_WIDTH, size);
    struct arena *arena = e == OK ? arena_new(4u << 20) : NULL;
    if (e == OK && arena == NULL)
        e = ERR_NO_MEMORY;
    if (e == OK) {
        struct tree_reader reader;
        tree_reader_init(&reader, db, chain, arena);
        e = merkle_root_at(tree_read, &reader, size, ret_root);
        if (reader.error != OK)
            e = reader.error;
    }
    arena_free(arena);
    return e;
}
