#include "server/store/log.h"

#include "server/base/text.h"

#include <string.h>

static const struct store_stmt bundle_get = {
    "bundle_get",
    "SELECT entries, width FROM log_bundle WHERE chain = $1::smallint AND index = $2::bigint"
};

enum err store_bundle_get(struct db *db, enum chain chain, uint64_t index, struct arena *arena,
                          const uint8_t **ret, size_t *ret_len, unsigned *ret_width)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)index) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &bundle_get, in, COUNT(in), &r);
    size_t len = 0;
    const uint8_t *bytes = NULL;
    unsigned width = 0;
    if (e == OK && rows_count(r) > 0) {
        bytes = row_bytes_any(r, 0, 0, arena, &len);
        width = (unsigned)row_i64(r, 0, 1);
        if (bytes == NULL)
            e = ERR_NO_MEMORY;
    }
    rows_free(r);
    if (e == OK) {
        *ret = bytes;
        *ret_len = len;
        *ret_width = width;
    }
    return e;
}

/* A bundle or a tile that is there already grows, or the row is refused. */
static const struct later must_be_one = { .one_row = true, .otherwise = ERR_LOG_INCONSISTENT };

static const struct store_stmt bundle_put = {
    "bundle_put",
    "INSERT INTO log_bundle (chain, index, width, entries)"
    " VALUES ($1::smallint, $2::bigint, $3::int, $4::bytea)"
    " ON CONFLICT (chain, index) DO UPDATE SET width = excluded.width, entries = excluded.entries"
    " WHERE log_bundle.width < excluded.width"
};

enum err store_bundle_put(struct db *db, enum chain chain, uint64_t index, unsigned width,
                          const void *entries, size_t len)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)index), p_i64(width),
                                p_bytes(entries, len) };
    return db_later(db, &bundle_put, in, COUNT(in), &must_be_one);
}

static const struct store_stmt tile_get = {
    "tile_get", "SELECT hashes FROM log_tile WHERE chain = $1::smallint AND level = $2::smallint"
                " AND index = $3::bigint"
};

enum err store_tile_get(struct db *db, enum chain chain, unsigned level, uint64_t index,
                        struct arena *arena, const uint8_t **ret, size_t *ret_len)
{
    const struct param in[] = { p_i64(chain), p_i64(level), p_i64((int64_t)index) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &tile_get, in, COUNT(in), &r);
    size_t len = 0;
    const uint8_t *bytes = NULL;
    if (e == OK && rows_count(r) > 0) {
        bytes = row_bytes_any(r, 0, 0, arena, &len);
        if (bytes == NULL)
            e = ERR_NO_MEMORY;
    }
    rows_free(r);
    if (e == OK) {
        *ret = bytes;
        *ret_len = len;
    }
    return e;
}

static const struct store_stmt tile_put = {
    "tile_put", "INSERT INTO log_tile (chain, level, index, hashes)"
                " VALUES ($1::smallint, $2::smallint, $3::bigint, $4::bytea)"
                " ON CONFLICT (chain, level, index) DO UPDATE SET hashes = excluded.hashes"
                " WHERE octet_length(log_tile.hashes) < octet_length(excluded.hashes)"
};

enum err store_tile_put(struct db *db, enum chain chain, unsigned level, uint64_t index,
                        const void *hashes, size_t len)
{
    const struct param in[] = { p_i64(chain), p_i64(level), p_i64((int64_t)index),
                                p_bytes(hashes, len) };
    return db_later(db, &tile_put, in, COUNT(in), &must_be_one);
}

/* The stored values themselves are read and hashed where they lie; only one hash travels. */
static const struct store_stmt bundles_sum = {
    "bundles_sum",
    "SELECT encode(sha256(coalesce(string_agg(sha256(entries), ''::bytea ORDER BY index), '')),"
    " 'hex') FROM log_bundle WHERE chain = $1::smallint AND index BETWEEN $2::bigint AND $3::bigint"
};
static const struct store_stmt tiles_sum = {
    "tiles_sum",
    "SELECT encode(sha256(coalesce(string_agg(sha256(hashes), ''::bytea ORDER BY index), '')),"
    " 'hex') FROM log_tile WHERE chain = $1::smallint AND level = $2::smallint"
    " AND index BETWEEN $3::bigint AND $4::bigint"
};

static struct later must_say(const uint8_t sum[HASH_BYTES])
{
    struct later must = { .one_row = true, .otherwise = ERR_LOG_INCONSISTENT };
    hex_encode(sum, HASH_BYTES, must.text);
    return must;
}

enum err store_bundles_must(struct db *db, enum chain chain, uint64_t first, uint64_t last,
                            const uint8_t sum[HASH_BYTES])
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)first), p_i64((int64_t)last) };
    const struct later must = must_say(sum);
    return db_later(db, &bundles_sum, in, COUNT(in), &must);
}

enum err store_tiles_must(struct db *db, enum chain chain, unsigned level, uint64_t first,
                          uint64_t last, const uint8_t sum[HASH_BYTES])
{
    const struct param in[] = { p_i64(chain), p_i64(level), p_i64((int64_t)first),
                                p_i64((int64_t)last) };
    const struct later must = must_say(sum);
    return db_later(db, &tiles_sum, in, COUNT(in), &must);
}

static const struct store_stmt checkpoint_insert = {
    "checkpoint_insert", "INSERT INTO log_checkpoint (chain, size, root, note, at)"
                         " VALUES ($1::smallint, $2::bigint, $3::bytea, $4, $5::timestamptz)"
};

enum err store_checkpoint_insert(struct db *db, enum chain chain, uint64_t size,
                                 const struct merkle_hash *root, const char *note, usec_t at)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)size),
                                p_bytes(root->bytes, HASH_BYTES), p_text(note), p_time(at) };
    return db_later(db, &checkpoint_insert, in, COUNT(in), NULL);
}

static const struct store_stmt checkpoint_last = {
    "checkpoint_last", "SELECT size, note, root FROM log_checkpoint WHERE chain = $1::smallint"
                       " ORDER BY size DESC LIMIT 1"
};

enum err store_checkpoint_last(struct db *db, enum chain chain, struct arena *arena,
                               uint64_t *ret_size, struct merkle_hash *ret_root,
                               const char **ret_note)
{
    const struct param in[] = { p_i64(chain) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &checkpoint_last, in, COUNT(in), &r);
    const char *note = NULL;
    struct merkle_hash root = { { 0 } };
    uint64_t size = 0;
    if (e == OK && rows_count(r) > 0) {
        size = (uint64_t)row_i64(r, 0, 0);
        note = arena_strdup(arena, row_text(r, 0, 1));
        if (note == NULL || !row_bytes(r, 0, 2, root.bytes, HASH_BYTES))
            e = ERR_NO_MEMORY;
    }
    rows_free(r);
    if (e == OK) {
        *ret_size = size;
        *ret_root = root;
        *ret_note = note;
    }
    return e;
}

static const struct store_stmt driver_lock = {
    "driver_lock", "SELECT pg_try_advisory_lock(hashtext('cairn ledger driver'))"
};

enum err store_driver_lock(struct db *db, bool *ret_got)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, &driver_lock, NULL, 0, &r);
    if (e == OK)
        *ret_got = row_bool(r, 0, 0);
    rows_free(r);
    return e;
}

enum err store_driver_must(struct db *db)
{
    static const struct later must = { .text = "t", .otherwise = ERR_NOT_READY };
    return db_later(db, &driver_lock, NULL, 0, &must);
}

const struct store_stmt *const log_stmts[] = { &bundle_get,  &bundle_put,        &tile_get,
                                               &tile_put,    &checkpoint_insert, &checkpoint_last,
                                               &driver_lock, &bundles_sum,       &tiles_sum };
const size_t log_stmts_n = COUNT(log_stmts);
