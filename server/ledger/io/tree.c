#include "server/ledger/io/tree.h"

#include "server/base/log.h"
#include "server/ledger/log/tile.h"
#include "server/store/log.h"

#include <assert.h>
#include <string.h>

#define TILE_BYTES (TILE_WIDTH * HASH_BYTES)
#define TILE_HEIGHT 8
#define BUNDLE_MAX (TILE_WIDTH * (2 + ENTRY_MAX))

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

/* ---- appending ------------------------------------------------------------------------------- */

static enum err bundle_flush(struct db *db, enum chain chain, uint64_t index, unsigned width,
                             struct buf *bundle)
{
    enum err e = store_bundle_put(db, chain, index, width, bundle->data, bundle->len);
    buf_clear(bundle);
    return e;
}

/* Fills the bundle at the right edge first, then new ones. */
static enum err append_bundles(struct db *db, enum chain chain, uint64_t size,
                               const struct tree_leaf *leaves, size_t n, struct arena *arena)
{
    struct buf bundle;
    buf_init(&bundle, BUNDLE_MAX);
    uint64_t index = size / TILE_WIDTH;
    unsigned width = 0;
    const uint8_t *old = NULL;
    size_t old_len = 0;
    enum err e = OK;
    if (size % TILE_WIDTH != 0) {
        e = store_bundle_get(db, chain, index, arena, &old, &old_len, &width);
        if (e == OK && width != size % TILE_WIDTH)
            e = ERR_LOG_INCONSISTENT;
        if (e == OK)
            e = buf_add(&bundle, old, old_len);
    }
    for (size_t i = 0; i < n && e == OK; i++) {
        e = bundle_add(&bundle, leaves[i].bytes, leaves[i].len);
        if (e == OK && ++width == TILE_WIDTH) {
            e = bundle_flush(db, chain, index++, width, &bundle);
            width = 0;
        }
    }
    if (e == OK && width > 0)
        e = bundle_flush(db, chain, index, width, &bundle);
    buf_release(&bundle);
    return e;
}

/* Appends hashes to one level; full tiles hand their root to the next level's list. */
static enum err append_level(struct db *db, enum chain chain, unsigned level, uint64_t size,
                             const struct merkle_hash *hashes, size_t n, struct arena *arena,
                             struct merkle_hash *ret_up, size_t *ret_n_up)
{
    uint8_t tile[TILE_BYTES];
    size_t len = (size_t)(size % TILE_WIDTH) * HASH_BYTES, old_len = 0;
    uint64_t index = size / TILE_WIDTH;
    const uint8_t *old = NULL;
    enum err e = OK;
    if (len > 0) {
        e = store_tile_get(db, chain, level, index, arena, &old, &old_len);
        if (e == OK && old_len != len)
            e = ERR_LOG_INCONSISTENT;
        if (e == OK)
            memcpy(tile, old, len);
    }
    *ret_n_up = 0;
    for (size_t i = 0; i < n && e == OK; i++) {
        memcpy(tile + len, hashes[i].bytes, HASH_BYTES);
        len += HASH_BYTES;
        if (len < TILE_BYTES && i + 1 < n)
            continue;
        e = store_tile_put(db, chain, level, index, tile, len);
        if (len < TILE_BYTES)
            break;
        if (e == OK && !subtree(tile, TILE_BYTES, TILE_HEIGHT, 0, &ret_up[(*ret_n_up)++]))
            e = ERR_INTERNAL;
        index++;
        len = 0;
    }
    return e;
}

enum err tree_append(struct db *db, enum chain chain, uint64_t size, const struct tree_leaf *leaves,
                     size_t n, struct arena *arena)
{
    assert(n > 0);
    struct merkle_hash *hashes = arena_alloc(arena, n * sizeof(*hashes));
    struct merkle_hash *up = arena_alloc(arena, (n / TILE_WIDTH + 2) * sizeof(*up));
    if (hashes == NULL || up == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++)
        merkle_leaf(leaves[i].bytes, leaves[i].len, &hashes[i]);
    enum err e = append_bundles(db, chain, size, leaves, n, arena);
    for (unsigned level = 0; e == OK && n > 0 && level <= TILE_LEVEL_MAX; level++) {
        size_t n_up = 0;
        e = append_level(db, chain, level, size, hashes, n, arena, up, &n_up);
        memcpy(hashes, up, n_up * sizeof(*up));
        n = n_up;
        size /= TILE_WIDTH;
    }
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
