/* C2SP tlog-tiles: paths, tile widths and entry bundles (u16 BE length || bytes). Pure. */
#ifndef CAIRN_LEDGER_TILE_H
#define CAIRN_LEDGER_TILE_H

#include "server/base/buf.h"
#include "server/ledger/log/merkle.h"

#define TILE_WIDTH 256
#define TILE_LEVEL_MAX 5 /* 2^48 leaves */
#define TILE_SIZE_MAX (UINT64_C(1) << 48)
#define TILE_PATH_MAX 64

struct tile_ref {
    bool entries;   /* an entry bundle, else hashes */
    unsigned level; /* 0.. for hashes; 0 for bundles */
    uint64_t index;
    unsigned width; /* 1..256; 256 = full */
};

/* "tile/0/x001/234" or "tile/entries/567.p/12"; no leading slash. */
void tile_path(const struct tile_ref *t, char ret[TILE_PATH_MAX]);
/* Strict inverse: exactly the text that tile_path prints. Any index is taken; whether the tile
 * exists is for tile_width_at to say. */
bool tile_path_parse(const char *path, struct tile_ref *ret) MUST_USE;
/* Width that a tile has in a tree of this size; 0 if it does not exist yet. */
unsigned tile_width_at(unsigned level, uint64_t index, uint64_t size);
/* Storage holds rows of hashes only at levels 0, 8, 16..: these two find the hash of any complete
 * subtree, as merkle_read asks for it. The tile (with its width in a tree of this size) where the
 * subtree's hashes lie, and the subtree's place in it: 2^ret_level hashes from ret_index <<
 * ret_level on. The subtree must be complete: index < size >> level; size <= TILE_SIZE_MAX. */
void tile_locate(unsigned level, uint64_t index, uint64_t size, struct tile_ref *ret,
                 unsigned *ret_level, unsigned *ret_index);
/* Hashes up inside one tile of that width; ERR_FIELD_RANGE if the place is not inside it. */
enum err tile_subtree(const struct merkle_hash *hashes, unsigned width, unsigned level,
                      unsigned index, struct merkle_hash *ret) MUST_USE;

/* An entry has at most 65535 bytes; a bundle, as many entries as its tile is wide. */
enum err bundle_add(struct buf *bundle, const void *entry, size_t len) MUST_USE;
/* Steps through a bundle: *offset starts at 0; false at the end, with *ret_bad telling whether the
 * bundle broke off there. */
bool bundle_next(const uint8_t *bundle, size_t len, size_t *offset, const uint8_t **ret_entry,
                 size_t *ret_len, bool *ret_bad);

#endif
