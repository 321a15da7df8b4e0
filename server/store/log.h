/* Tables log_bundle, log_tile, log_checkpoint: the log as this member stores it. What writes or
 * demands something is sent by db_later: it fails at the next statement that is waited for. */
#ifndef CAIRN_STORE_LOG_H
#define CAIRN_STORE_LOG_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"
#include "server/store/store.h"

/* Absent: OK with *ret_len = 0. Bytes are in the arena. */
enum err store_bundle_get(struct db *db, enum chain chain, uint64_t index, struct arena *arena,
                          const uint8_t **ret, size_t *ret_len, unsigned *ret_width) MUST_USE;
/* ERR_LOG_INCONSISTENT if a bundle would shrink. */
enum err store_bundle_put(struct db *db, enum chain chain, uint64_t index, unsigned width,
                          const void *entries, size_t len) MUST_USE;
enum err store_tile_get(struct db *db, enum chain chain, unsigned level, uint64_t index,
                        struct arena *arena, const uint8_t **ret, size_t *ret_len) MUST_USE;
enum err store_tile_put(struct db *db, enum chain chain, unsigned level, uint64_t index,
                        const void *hashes, size_t len) MUST_USE;
/* ERR_LOG_INCONSISTENT unless SHA-256 over the SHA-256 of each stored bundle (tile of that level)
 * from first to last is this sum. */
enum err store_bundles_must(struct db *db, enum chain chain, uint64_t first, uint64_t last,
                            const uint8_t sum[HASH_BYTES]) MUST_USE;
enum err store_tiles_must(struct db *db, enum chain chain, unsigned level, uint64_t first,
                          uint64_t last, const uint8_t sum[HASH_BYTES]) MUST_USE;
enum err store_checkpoint_insert(struct db *db, enum chain chain, uint64_t size,
                                 const struct merkle_hash *root, const char *note,
                                 usec_t at) MUST_USE;
/* The newest; *ret_note = NULL when there is none. */
enum err store_checkpoint_last(struct db *db, enum chain chain, struct arena *arena,
                               uint64_t *ret_size, struct merkle_hash *ret_root,
                               const char **ret_note) MUST_USE;

/* The advisory lock of the one process that drives the ledger; held until the connection ends. */
enum err store_driver_lock(struct db *db, bool *ret_got) MUST_USE;
/* ERR_NOT_READY unless this connection has that lock. */
enum err store_driver_must(struct db *db) MUST_USE;

extern const struct store_stmt *const log_stmts[];
extern const size_t log_stmts_n;

#endif
