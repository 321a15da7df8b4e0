#include "server/store/chain.h"

#include <string.h>

static const struct store_stmt block_insert = {
    "chain_block_insert",
    "INSERT INTO chain_block (chain, height, epoch, view, id, parent, "
    "proposal, final_cert, notar_cert, tree_size,"
    " tree_root, at) VALUES ($1::smallint, $2::bigint, $3::bigint, "
    "$4::bigint, $5::bytea, $6::bytea,"
    " $7::bytea, $8::bytea, $9::bytea, $10::bigint, $11::bytea, $12::timestamptz)"
};

enum err store_block_insert(struct db *db, const struct chain_block_row *b, usec_t at)
{
    static const struct constraint_err expect[] = {
        { "chain_block_pkey", ERR_LOG_INCONSISTENT },
        { "chain_block_id", ERR_LOG_INCONSISTENT },
        { "chain_block_view", ERR_LOG_INCONSISTENT },
    };
    const struct param in[] = {
        p_i64(b->chain),
        p_i64((int64_t)b->height),
        p_i64(b->epoch),
        p_i64((int64_t)b->view),
        p_bytes(b->id, HASH_BYTES),
        p_bytes(b->parent, HASH_BYTES),
        p_bytes(b->proposal, b->proposal_len),
        b->final_cert != NULL ? p_bytes(b->final_cert, b->final_cert_len) : p_null(),
        b->notar_cert != NULL ? p_bytes(b->notar_cert, b->notar_cert_len) : p_null(),
        p_i64((int64_t)b->tree_size),
        p_bytes(b->tree_root.bytes, HASH_BYTES),
        p_time(at),
    };
    static const struct later must = { .expect = expect, .n_expect = COUNT(expect) };
    return db_later(db, &block_insert, in, COUNT(in), &must);
}

#define BLOCK_COLUMNS                                                                              \
    "SELECT height, epoch, view, id, parent, proposal, final_cert, tree_size, tree_root, "         \
    "notar_cert"                                                                                   \
    " FROM chain_block WHERE chain = $1::smallint"

static const struct store_stmt block_get = { "chain_block_get",
                                             BLOCK_COLUMNS " AND height = $2::bigint" };
static const struct store_stmt block_by_view = { "chain_block_by_view", BLOCK_COLUMNS
                                                 " AND epoch = $2::bigint AND view = $3::bigint" };
static const struct store_stmt block_last = { "chain_block_last",
                                              BLOCK_COLUMNS " ORDER BY height DESC LIMIT 1" };

static enum err read_block(const struct rows *r, enum chain chain, struct arena *arena,
                           struct chain_block_row *ret)
{
    if (rows_count(r) == 0)
        return ERR_NOT_FOUND;
    struct chain_block_row b = {
        .chain = chain,
        .height = (uint64_t)row_i64(r, 0, 0),
        .epoch = (uint32_t)row_i64(r, 0, 1),
        .view = (uint64_t)row_i64(r, 0, 2),
        .tree_size = (uint64_t)row_i64(r, 0, 7),
    };
    if (!row_bytes(r, 0, 3, b.id, HASH_BYTES) || !row_bytes(r, 0, 4, b.parent, HASH_BYTES) ||
        !row_bytes(r, 0, 8, b.tree_root.bytes, HASH_BYTES))
        return ERR_LOG_INCONSISTENT;
    b.proposal = row_bytes_any(r, 0, 5, arena, &b.proposal_len);
    if (b.proposal == NULL)
        return ERR_NO_MEMORY;
    if (!row_null(r, 0, 6)) {
        b.final_cert = row_bytes_any(r, 0, 6, arena, &b.final_cert_len);
        if (b.final_cert == NULL)
            return ERR_NO_MEMORY;
    }
    if (!row_null(r, 0, 9)) {
        b.notar_cert = row_bytes_any(r, 0, 9, arena, &b.notar_cert_len);
        if (b.notar_cert == NULL)
            return ERR_NO_MEMORY;
    }
    *ret = b;
    return OK;
}

enum err store_block_get(struct db *db, enum chain chain, uint64_t height, struct arena *arena,
                         struct chain_block_row *ret)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)height) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &block_get, in, COUNT(in), &r);
    if (e == OK)
        e = read_block(r, chain, arena, ret);
    rows_free(r);
    return e;
}

enum err store_block_by_view(struct db *db, enum chain chain, uint32_t epoch, uint64_t view,
                             struct arena *arena, struct chain_block_row *ret)
{
    const struct param in[] = { p_i64(chain), p_i64(epoch), p_i64((int64_t)view) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &block_by_view, in, COUNT(in), &r);
    if (e == OK)
        e = read_block(r, chain, arena, ret);
    rows_free(r);
    return e;
}

enum err store_block_last(struct db *db, enum chain chain, struct arena *arena,
                          struct chain_block_row *ret)
{
    const struct param in[] = { p_i64(chain) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &block_last, in, COUNT(in), &r);
    if (e == OK)
        e = read_block(r, chain, arena, ret);
    rows_free(r);
    return e;
}

static const struct store_stmt block_height = {
    "chain_block_height",
    "SELECT height FROM chain_block WHERE chain = $1::smallint AND id = $2::bytea"
};

enum err store_block_height(struct db *db, enum chain chain, const uint8_t id[HASH_BYTES],
                            uint64_t *ret)
{
    const struct param in[] = { p_i64(chain), p_bytes(id, HASH_BYTES) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &block_height, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        *ret = (uint64_t)row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

/* ---- batches --------------------------------------------------------------------------------- */

static const struct store_stmt batch_insert = {
    "chain_batch_insert",
    "INSERT INTO chain_batch (chain, height, ordinal, member, first_seq, n, first_index)"
    " VALUES ($1::smallint, $2::bigint, $3::int, $4::int, $5::bigint, $6::int, $7::bigint)"
};

enum err store_batch_insert(struct db *db, enum chain chain, uint64_t height, int64_t ordinal,
                            uint16_t member, uint64_t first_seq, uint32_t n, uint64_t first_index)
{
    static const struct constraint_err expect[] = {
        { "chain_batch_once", ERR_LOG_INCONSISTENT },
        { "chain_batch_index", ERR_LOG_INCONSISTENT },
    };
    const struct param in[] = {
        p_i64(chain),
        p_i64((int64_t)height),
        p_i64(ordinal),
        p_i64(member),
        p_i64((int64_t)first_seq),
        p_i64(n),
        p_i64((int64_t)first_index),
    };
    static const struct later must = { .expect = expect, .n_expect = COUNT(expect) };
    return db_later(db, &batch_insert, in, COUNT(in), &must);
}

static const struct store_stmt batch_find = {
    "chain_batch_find", "SELECT n, first_index FROM chain_batch WHERE chain = $1::smallint"
                        " AND member = $2::int AND first_seq = $3::bigint"
};

enum err store_batch_find(struct db *db, enum chain chain, uint16_t member, uint64_t first_seq,
                          uint32_t *ret_n, uint64_t *ret_first_index)
{
    const struct param in[] = { p_i64(chain), p_i64(member), p_i64((int64_t)first_seq) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &batch_find, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        *ret_n = (uint32_t)row_i64(r, 0, 0);
        *ret_first_index = (uint64_t)row_i64(r, 0, 1);
    }
    rows_free(r);
    return e;
}

/* One step down the index per member, however long the chain is. */
static const struct store_stmt batch_heads = {
    "chain_batch_heads",
    "WITH RECURSIVE m AS ((SELECT min(member) AS member FROM chain_batch WHERE chain = "
    "$1::smallint)"
    " UNION ALL SELECT (SELECT min(b.member) FROM chain_batch b WHERE b.chain = $1::smallint AND"
    " b.member > m.member) FROM m WHERE m.member IS NOT NULL)"
    " SELECT m.member, (SELECT b.first_seq + b.n FROM chain_batch b WHERE b.chain = $1::smallint "
    "AND"
    " b.member = m.member ORDER BY b.first_seq DESC LIMIT 1) FROM m WHERE m.member IS NOT NULL"
    " ORDER BY 1"
};

enum err store_batch_heads(struct db *db, enum chain chain, struct rows **ret)
{
    const struct param in[] = { p_i64(chain) };
    return db_exec(db, &batch_heads, in, COUNT(in), ret);
}

/* ---- state and mark -------------------------------------------------------------------------- */

static const struct store_stmt state_get = {
    "chain_state_get", "SELECT height, state FROM chain_state WHERE chain = $1::smallint"
};

enum err store_chain_state(struct db *db, enum chain chain, struct arena *arena,
                           uint64_t *ret_height, const uint8_t **ret, size_t *ret_len)
{
    const struct param in[] = { p_i64(chain) };
    struct rows *r = NULL;
    const uint8_t *state = NULL;
    uint64_t height = 0;
    size_t len = 0;
    enum err e = db_exec(db, &state_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) > 0) {
        height = (uint64_t)row_i64(r, 0, 0);
        state = row_bytes_any(r, 0, 1, arena, &len);
        if (state == NULL)
            e = ERR_NO_MEMORY;
    }
    rows_free(r);
    if (e == OK) {
        *ret_height = height;
        *ret = state;
        *ret_len = len;
    }
    return e;
}

static const struct store_stmt state_put = {
    "chain_state_put", "INSERT INTO chain_state (chain, height, state)"
                       " VALUES ($1::smallint, $2::bigint, $3::bytea) ON CONFLICT (chain)"
                       " DO UPDATE SET height = excluded.height, state = excluded.state"
};

enum err store_chain_state_put(struct db *db, enum chain chain, uint64_t height, const void *state,
                               size_t len)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)height), p_bytes(state, len) };
    return db_later(db, &state_put, in, COUNT(in), NULL);
}

static const struct store_stmt tail_insert = {
    "chain_tail_insert", "INSERT INTO chain_tail (chain, height, ordinal, proposal, final_cert)"
                         " VALUES ($1::smallint, $2::bigint, $3::int, $4::bytea, $5::bytea)"
};
static const struct store_stmt tails = {
    "chain_tails", "SELECT proposal, final_cert FROM chain_tail WHERE chain = $1::smallint"
                   " AND height = $2::bigint ORDER BY ordinal"
};
static const struct store_stmt epoch_insert = { "chain_epoch_insert",
                                                "INSERT INTO chain_epoch (epoch, height, state)"
                                                " VALUES ($1::bigint, $2::bigint, $3::bytea)" };
static const struct store_stmt epochs = {
    "chain_epochs", "SELECT epoch, height, state FROM chain_epoch ORDER BY epoch"
};

enum err store_tail_insert(struct db *db, enum chain chain, uint64_t height, int64_t ordinal,
                           const void *proposal, size_t len, const void *cert, size_t cert_len)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)height), p_i64(ordinal),
                                p_bytes(proposal, len),
                                cert != NULL ? p_bytes(cert, cert_len) : p_null() };
    return db_later(db, &tail_insert, in, COUNT(in), NULL);
}

enum err store_tails(struct db *db, enum chain chain, uint64_t height, struct rows **ret)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)height) };
    return db_exec(db, &tails, in, COUNT(in), ret);
}

enum err store_epoch_insert(struct db *db, uint32_t epoch, uint64_t height, const void *state,
                            size_t len)
{
    const struct param in[] = { p_i64(epoch), p_i64((int64_t)height), p_bytes(state, len) };
    return db_later(db, &epoch_insert, in, COUNT(in), NULL);
}

static const struct store_stmt epoch_get = {
    "chain_epoch_get", "SELECT state FROM chain_epoch WHERE epoch = $1::bigint"
};

enum err store_epoch_get(struct db *db, uint32_t epoch, struct arena *arena, const uint8_t **ret,
                         size_t *ret_len)
{
    const struct param in[] = { p_i64(epoch) };
    struct rows *r = NULL;
    size_t len = 0;
    enum err e = db_exec(db, &epoch_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    const uint8_t *state = e == OK ? row_bytes_any(r, 0, 0, arena, &len) : NULL;
    if (e == OK && state == NULL)
        e = ERR_NO_MEMORY;
    rows_free(r);
    if (e == OK) {
        *ret = state;
        *ret_len = len;
    }
    return e;
}

enum err store_epochs(struct db *db, struct rows **ret)
{
    return db_exec(db, &epochs, NULL, 0, ret);
}

static const struct store_stmt mark_get = {
    "journal_mark_get", "SELECT seq FROM journal_mark WHERE vote_key = $1::bytea"
};
static const struct store_stmt mark_raise = {
    "journal_mark_raise",
    "INSERT INTO journal_mark (vote_key, seq) VALUES ($1::bytea, $2::bigint)"
    " ON CONFLICT (vote_key) DO UPDATE SET seq = excluded.seq WHERE journal_mark.seq < excluded.seq"
};

enum err store_journal_mark(struct db *db, const uint8_t vote_key[SIGN_PUBLIC_BYTES], uint64_t *ret)
{
    const struct param in[] = { p_bytes(vote_key, SIGN_PUBLIC_BYTES) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &mark_get, in, COUNT(in), &r);
    if (e == OK)
        *ret = rows_count(r) > 0 ? (uint64_t)row_i64(r, 0, 0) : 0;
    rows_free(r);
    return e;
}

enum err store_journal_mark_raise(struct db *db, const uint8_t vote_key[SIGN_PUBLIC_BYTES],
                                  uint64_t seq)
{
    const struct param in[] = { p_bytes(vote_key, SIGN_PUBLIC_BYTES), p_i64((int64_t)seq) };
    return db_later(db, &mark_raise, in, COUNT(in), NULL);
}

const struct store_stmt *const chain_stmts[] = {
    &block_insert, &block_get,     &block_last,   &block_height, &batch_insert, &batch_heads,
    &batch_find,   &block_by_view, &state_get,    &state_put,    &mark_get,     &mark_raise,
    &tail_insert,  &tails,         &epoch_insert, &epochs,       &epoch_get
};
const size_t chain_stmts_n = COUNT(chain_stmts);
