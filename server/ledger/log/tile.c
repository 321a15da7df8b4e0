#include "server/ledger/log/tile.h"

#include "server/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

/* The index in groups of three digits; all but the last begin with an x. */
static size_t print_index(uint64_t index, char *ret, size_t size)
{
    unsigned groups[7]; /* 20 digits at most */
    size_t n = 0;
    do {
        groups[n++] = (unsigned)(index % 1000);
        index /= 1000;
    } while (index > 0);
    size_t len = 0;
    while (n > 0) {
        n--;
        int got = snprintf(ret + len, size - len, n > 0 ? "x%03u/" : "%03u", groups[n]);
        assert(got > 0 && (size_t)got < size - len);
        len += (size_t)got;
    }
    return len;
}

void tile_path(const struct tile_ref *t, char ret[TILE_PATH_MAX])
{
    assert(t->level <= (t->entries ? 0 : TILE_LEVEL_MAX));
    assert(t->width >= 1 && t->width <= TILE_WIDTH);
    int head = t->entries ? snprintf(ret, TILE_PATH_MAX, "tile/entries/")
                          : snprintf(ret, TILE_PATH_MAX, "tile/%u/", t->level);
    assert(head > 0 && head < TILE_PATH_MAX);
    size_t len = (size_t)head;
    len += print_index(t->index, ret + len, TILE_PATH_MAX - len);
    if (t->width < TILE_WIDTH) {
        int tail = snprintf(ret + len, TILE_PATH_MAX - len, ".p/%u", t->width);
        assert(tail > 0 && (size_t)tail < TILE_PATH_MAX - len);
    }
}

/* If *at starts with word, moves behind it. */
static bool cut(const char **at, const char *word)
{
    size_t len = strlen(word);
    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

/* Three digits, or 1000 if they are not that. */
static unsigned three_digits(const char *at)
{
    unsigned value = 0;
    for (size_t i = 0; i < 3; i++) {
        if (at[i] < '0' || at[i] > '9')
            return 1000;
        value = value * 10 + (unsigned)(at[i] - '0');
    }
    return value;
}

static bool parse_index(const char **at, uint64_t *ret)
{
    uint64_t index = 0;
    for (bool first = true, more = true; more; first = false) {
        more = cut(at, "x");
        unsigned group = three_digits(*at);
        /* A group of zeroes in front would be a second spelling of the same number. */
        if (group == 1000 || (first && more && group == 0) || index > (UINT64_MAX - group) / 1000)
            return false;
        index = index * 1000 + group;
        *at += 3;
        if (more && !cut(at, "/"))
            return false;
    }
    *ret = index;
    return true;
}

bool tile_path_parse(const char *path, struct tile_ref *ret)
{
    struct tile_ref t = { .width = TILE_WIDTH };
    if (!cut(&path, "tile/"))
        return false;
    t.entries = cut(&path, "entries/");
    if (!t.entries) {
        if (path[0] < '0' || path[0] > '0' + TILE_LEVEL_MAX || path[1] != '/')
            return false;
        t.level = (unsigned)(path[0] - '0');
        path += 2;
    }
    if (!parse_index(&path, &t.index))
        return false;
    if (cut(&path, ".p/")) {
        uint64_t width = 0;
        size_t len = strlen(path);
        if (!u64_parse(path, len, &width) || width < 1 || width >= TILE_WIDTH)
            return false;
        t.width = (unsigned)width;
        path += len;
    }
    if (*path != '\0')
        return false;
    *ret = t;
    return true;
}

unsigned tile_width_at(unsigned level, uint64_t index, uint64_t size)
{
    assert(level <= TILE_LEVEL_MAX);
    uint64_t hashes = size >> (8 * level); /* complete subtrees of this level's height */
    uint64_t full = hashes / TILE_WIDTH;
    if (index < full)
        return TILE_WIDTH;
    return index == full ? (unsigned)(hashes % TILE_WIDTH) : 0;
}

void tile_locate(unsigned level, uint64_t index, uint64_t size, struct tile_ref *ret,
                 unsigned *ret_level, unsigned *ret_index)
{
    assert(size <= TILE_SIZE_MAX && level < 64 && index < size >> level);
    unsigned row = level / 8 <= TILE_LEVEL_MAX ? level / 8 : TILE_LEVEL_MAX;
    unsigned up = level - 8 * row; /* 0..8: how far above the row's hashes the subtree is */
    uint64_t per_tile = (uint64_t)TILE_WIDTH >> up;
    struct tile_ref t = { .level = row, .index = index / per_tile };
    t.width = tile_width_at(row, t.index, size);
    assert(t.width > 0);
    *ret = t;
    *ret_level = up;
    *ret_index = (unsigned)(index % per_tile);
}

enum err tile_subtree(const struct merkle_hash *hashes, unsigned width, unsigned level,
                      unsigned index, struct merkle_hash *ret)
{
    if (width > TILE_WIDTH || level > 8 || index >= width >> level)
        return ERR_FIELD_RANGE;
    /* The row's hashes are leaves of the subtree: appending 2^level of them leaves one root. */
    struct merkle_tree tree;
    merkle_init(&tree);
    for (unsigned i = 0; i < 1u << level; i++)
        merkle_append(&tree, &hashes[(index << level) + i]);
    merkle_root(&tree, ret);
    return OK;
}

enum err bundle_add(struct buf *bundle, const void *entry, size_t len)
{
    if (len > UINT16_MAX || 2 + len > bundle->max - bundle->len)
        return ERR_LIMIT;
    uint8_t *at = buf_reserve(bundle, 2 + len);
    if (at == NULL)
        return ERR_NO_MEMORY;
    at[0] = (uint8_t)(len >> 8);
    at[1] = (uint8_t)len;
    if (len > 0)
        memcpy(at + 2, entry, len);
    bundle->len += 2 + len;
    bundle->data[bundle->len] = 0;
    return OK;
}

bool bundle_next(const uint8_t *bundle, size_t len, size_t *offset, const uint8_t **ret_entry,
                 size_t *ret_len, bool *ret_bad)
{
    size_t at = *offset;
    assert(at <= len);
    if (at == len) {
        *ret_bad = false;
        return false;
    }
    size_t entry_len = len - at >= 2 ? (size_t)bundle[at] << 8 | bundle[at + 1] : 0;
    if (len - at < 2 || len - at - 2 < entry_len) {
        *ret_bad = true;
        return false;
    }
    *ret_entry = bundle + at + 2;
    *ret_len = entry_len;
    *ret_bad = false;
    *offset = at + 2 + entry_len;
    return true;
}
