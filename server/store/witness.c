#include "server/store/witness.h"

#include <string.h>

/* ---- as a witness ---------------------------------------------------------------------------- */

static const struct store_stmt state_get = {
    "witness_state", "SELECT size, root FROM witness_log WHERE origin = $1"
};

enum err store_witness_state(struct db *db, const char *origin, struct witness_state *ret)
{
    const struct param in[] = { p_text(origin) };
    struct witness_state state;
    struct rows *r = NULL;
    witness_state_init(&state);
    enum err e = db_exec(db, &state_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) > 0) {
        state.size = (uint64_t)row_i64(r, 0, 0);
        if (!row_bytes(r, 0, 1, state.root.bytes, HASH_BYTES))
            e = ERR_INTERNAL;
    }
    rows_free(r);
    if (e == OK)
        *ret = state;
    return e;
}

/* Also where an outside database answers a COMMIT before it is on disk. */
static const struct store_stmt durable = {
    "witness_durable", "SELECT set_config('synchronous_commit', 'on', true)"
                       " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
};
/* Whole seconds are what is signed; the row lock puts the signers of one log in order. */
#define RETURNING_AT " RETURNING extract(epoch FROM at)::bigint"
static const struct store_stmt first = { "witness_first",
                                         "INSERT INTO witness_log (origin, size, root, note, at)"
                                         " VALUES ($1, $2::bigint, $3::bytea, $4, $5::timestamptz)"
                                         " ON CONFLICT (origin) DO NOTHING" RETURNING_AT };
static const struct store_stmt next = {
    "witness_next", "UPDATE witness_log SET size = $2::bigint, root = $3::bytea, note = $4,"
                    " at = greatest(at, $5::timestamptz)"
                    " WHERE origin = $1 AND size = $6::bigint AND root = $7::bytea" RETURNING_AT
};

enum err store_witness_take(struct db *db, const struct witness_state *was,
                            const struct checkpoint *c, const char *note, usec_t now,
                            bool *ret_taken, usec_t *ret_at)
{
    const struct param in[] = { p_text(c->origin),
                                p_i64((int64_t)c->size),
                                p_bytes(c->root.bytes, HASH_BYTES),
                                p_text(note),
                                p_time(now - now % USEC_PER_SEC),
                                p_i64((int64_t)was->size),
                                p_bytes(was->root.bytes, HASH_BYTES) };
    bool known = was->size > 0;
    struct rows *r = NULL;
    enum err e = db_later(db, &durable, NULL, 0, NULL);
    if (e == OK)
        e = db_exec(db, known ? &next : &first, in, known ? COUNT(in) : 5, &r);
    if (e == OK) {
        *ret_taken = rows_count(r) == 1;
        if (*ret_taken)
            *ret_at = row_i64(r, 0, 0) * USEC_PER_SEC;
    }
    rows_free(r);
    return e;
}

/* The row may have gone on to a larger tree since it was read. */
static const struct store_stmt fork_put = {
    "witness_fork", "UPDATE witness_log SET fork = $2, fork_at = $3::timestamptz,"
                    " fork_of = CASE WHEN size = $4::bigint THEN note END"
                    " WHERE origin = $1 AND fork IS NULL"
};

enum err store_witness_fork(struct db *db, const struct checkpoint *c, const char *note, usec_t now)
{
    const struct param in[] = { p_text(c->origin), p_text(note), p_time(now),
                                p_i64((int64_t)c->size) };
    return db_exec(db, &fork_put, in, COUNT(in), NULL);
}

static const struct store_stmt forks = {
    "witness_forks", "SELECT count(*) FROM witness_log WHERE fork IS NOT NULL"
};

enum err store_witness_forks(struct db *db, int64_t *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, &forks, NULL, 0, &r);
    if (e == OK)
        *ret = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

/* ---- as a log -------------------------------------------------------------------------------- */

static const struct store_stmt cosigned_size = {
    "cosigned_size", "SELECT coalesce(max(size), 0) FROM log_cosignature"
                     " WHERE chain = $1::smallint AND name = $2"
};

enum err store_cosigned_size(struct db *db, enum chain chain, const char *name, uint64_t *ret)
{
    const struct param in[] = { p_i64(chain), p_text(name) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &cosigned_size, in, COUNT(in), &r);
    if (e == OK)
        *ret = (uint64_t)row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

static const struct store_stmt cosignature_put = {
    "cosignature_put", "INSERT INTO log_cosignature (chain, size, name, line, at)"
                       " VALUES ($1::smallint, $2::bigint, $3, $4, $5::timestamptz)"
                       " ON CONFLICT DO NOTHING"
};

enum err store_cosignature_put(struct db *db, enum chain chain, uint64_t size, const char *name,
                               const char *line, usec_t now)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)size), p_text(name), p_text(line),
                                p_time(now) };
    return db_exec(db, &cosignature_put, in, COUNT(in), NULL);
}

static const struct store_stmt cosignatures = {
    "cosignatures", "SELECT coalesce(string_agg(line, '' ORDER BY name), '') FROM log_cosignature"
                    " WHERE chain = $1::smallint AND size = $2::bigint"
};

enum err store_cosignatures(struct db *db, enum chain chain, uint64_t size, struct arena *arena,
                            const char **ret)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)size) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &cosignatures, in, COUNT(in), &r);
    const char *lines = e == OK ? arena_strdup(arena, row_text(r, 0, 0)) : NULL;
    rows_free(r);
    if (e == OK && lines == NULL)
        e = ERR_NO_MEMORY;
    if (e == OK)
        *ret = lines;
    return e;
}

static const struct store_stmt witnessed = {
    "checkpoint_witnessed",
    "SELECT size, note FROM log_checkpoint WHERE chain = $1::smallint AND size = coalesce("
    "(SELECT min(size) FROM log_cosignature WHERE chain = $1::smallint AND size >= $2::bigint),"
    " (SELECT min(size) FROM log_checkpoint WHERE chain = $1::smallint AND size >= $2::bigint))"
};

enum err store_checkpoint_witnessed(struct db *db, enum chain chain, uint64_t size,
                                    struct arena *arena, uint64_t *ret_size, const char **ret_note)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)size) };
    struct rows *r = NULL;
    const char *lines = "", *note = NULL;
    uint64_t found = 0;
    enum err e = db_exec(db, &witnessed, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        found = (uint64_t)row_i64(r, 0, 0);
        e = store_cosignatures(db, chain, found, arena, &lines);
    }
    if (e == OK) {
        const char *text = row_text(r, 0, 1);
        bool fits = strlen(text) + strlen(lines) <= CHECKPOINT_MAX;
        note = arena_printf(arena, "%s%s", text, fits ? lines : "");
        e = note != NULL ? OK : ERR_NO_MEMORY;
    }
    rows_free(r);
    if (e == OK) {
        *ret_size = found;
        *ret_note = note;
    }
    return e;
}

const struct store_stmt *const witness_stmts[] = { &state_get,     &durable,         &first,
                                                   &next,          &fork_put,        &forks,
                                                   &cosigned_size, &cosignature_put, &cosignatures,
                                                   &witnessed };
const size_t witness_stmts_n = COUNT(witness_stmts);
