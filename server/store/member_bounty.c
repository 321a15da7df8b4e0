#include "server/store/member_bounty.h"

#include <stdio.h>

static enum err wrote(struct db *db, const struct store_stmt *s, const struct param *in, size_t n,
                      bool *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, s, in, n, &r);
    if (e == OK)
        *ret = rows_affected(r) == 1;
    rows_free(r);
    return e;
}

static const struct store_stmt bounty_elsewhere = {
    "bounty_elsewhere",
    "INSERT INTO bounty (id, sponsor, disease, currency, terms, terms_hash, opens_at, closes_at,"
    " state, version, at, home) VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6::bytea,"
    " $7::timestamptz, $8::timestamptz, 'open', 1, $9::timestamptz, $10::int)"
    " ON CONFLICT DO NOTHING"
};

enum err store_bounty_elsewhere(struct db *db, const struct bounty_new *b, uint16_t home,
                                bool *ret_new)
{
    const struct param in[] = { p_id(&b->id),        p_id(&b->sponsor),
                                p_text(b->disease),  p_text(b->currency),
                                p_text(b->terms),    p_bytes(b->terms_hash, HASH_BYTES),
                                p_time(b->opens_at), p_time(b->closes_at),
                                p_time(b->at),       p_i64(home) };
    return wrote(db, &bounty_elsewhere, in, COUNT(in), ret_new);
}

/* A bounty that is closed stays closed, as at its home. */
static const struct store_stmt bounty_shown = {
    "bounty_shown",
    "UPDATE bounty SET shown = $4, price_version = $3::bigint,"
    " state = CASE WHEN $4 = 'closed' THEN 'closed' ELSE state END,"
    " version = version + (CASE WHEN $4 = 'closed' THEN 1 ELSE 0 END)"
    " WHERE id = $1::uuid AND home = $2::int AND home <> 0 AND price_version < $3::bigint"
    " AND state = 'open'"
};

enum err store_bounty_shown(struct db *db, const struct id *id, uint16_t home, int64_t version,
                            const char *shown, bool *ret_new)
{
    const struct param in[] = { p_id(id), p_i64(home), p_i64(version), p_text(shown) };
    return wrote(db, &bounty_shown, in, COUNT(in), ret_new);
}

#define AVAILABLE                                                                                  \
    "coalesce((SELECT credits - debits - debits_pending FROM book_account WHERE owner = b.id"      \
    " AND kind = 'available' AND currency = b.currency), 0)"

static const struct store_stmt bounties_unpriced = {
    "bounties_unpriced",
    "SELECT b.id FROM bounty b WHERE b.home = 0 AND b.shown <> 'closed' AND b.shown <>"
    " CASE WHEN b.state = 'closed' THEN 'closed' WHEN b.cost_max <= " AVAILABLE
    " THEN 'funded' ELSE 'unfunded' END ORDER BY b.n LIMIT $1::int"
};

enum err store_bounties_unpriced(struct db *db, int limit, struct rows **ret)
{
    const struct param in[] = { p_i64(limit) };
    return db_exec(db, &bounties_unpriced, in, COUNT(in), ret);
}

static const struct store_stmt price_get = {
    "price_get", "SELECT b.state = 'open', " AVAILABLE
                 ", b.shown, b.price_version FROM bounty b WHERE b.id = $1::uuid AND b.home = 0"
                 " FOR NO KEY UPDATE OF b"
};

enum err store_price_get(struct db *db, const struct id *bounty, struct price_row *ret)
{
    const struct param in[] = { p_id(bounty) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &price_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        *ret = (struct price_row){ .open = row_bool(r, 0, 0),
                                   .available = row_i64(r, 0, 1),
                                   .version = row_i64(r, 0, 3) };
        (void)snprintf(ret->shown, sizeof(ret->shown), "%s", row_text(r, 0, 2));
    }
    rows_free(r);
    return e;
}

static const struct store_stmt price_insert = {
    "price_insert",
    "WITH p AS (INSERT INTO bounty_price (bounty, version, shown, scarcity_bp, entry, at)"
    " VALUES ($1::uuid, $2::bigint, $3, $4::int, $6::uuid, $7::timestamptz) RETURNING bounty)"
    " UPDATE bounty SET shown = $3, price_version = $2::bigint, cost_max = $5::bigint"
    " FROM p WHERE id = p.bounty"
};

enum err store_price_insert(struct db *db, const struct id *bounty, int64_t version,
                            const char *shown, int64_t scarcity_bp, int64_t cost_max,
                            const struct id *entry, usec_t at)
{
    const struct param in[] = { p_id(bounty),    p_i64(version), p_text(shown), p_i64(scarcity_bp),
                                p_i64(cost_max), p_id(entry),    p_time(at) };
    return db_exec(db, &price_insert, in, COUNT(in), NULL);
}

const struct store_stmt *const member_bounty_stmts[] = {
    &bounty_elsewhere, &bounty_shown, &bounties_unpriced, &price_get, &price_insert,
};
const size_t member_bounty_stmts_n = COUNT(member_bounty_stmts);
