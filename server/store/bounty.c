#include "server/store/bounty.h"

#include <stdio.h>

static const struct store_stmt bounty_insert = {
    "bounty_insert",
    "INSERT INTO bounty (id, sponsor, disease, currency, terms, terms_hash, opens_at, closes_at,"
    " state, version, at) VALUES ($1::uuid, $2::uuid, $3, $4, $5, $6::bytea, $7::timestamptz,"
    " $8::timestamptz, 'open', 1, $9::timestamptz)"
};

enum err store_bounty_insert(struct db *db, const struct bounty_new *b)
{
    const struct param in[] = { p_id(&b->id),        p_id(&b->sponsor),
                                p_text(b->disease),  p_text(b->currency),
                                p_text(b->terms),    p_bytes(b->terms_hash, HASH_BYTES),
                                p_time(b->opens_at), p_time(b->closes_at),
                                p_time(b->at) };
    enum err e = db_exec(db, &bounty_insert, in, COUNT(in), NULL);
    return e == OK ? store_bounty_event(db, &b->id, 1, "open", &b->id, b->at) : e;
}

#define BOUNTY_SELECT                                                                              \
    "SELECT sponsor, currency, terms, terms_hash, (extract(epoch from opens_at) * "                \
    "1000000)::bigint,"                                                                            \
    " (extract(epoch from closes_at) * 1000000)::bigint, state = 'open', version, home"            \
    " FROM bounty WHERE id = $1::uuid"

static const struct store_stmt bounty_read = { "bounty_read", BOUNTY_SELECT };
static const struct store_stmt bounty_share = { "bounty_share", BOUNTY_SELECT " FOR SHARE" };
static const struct store_stmt bounty_change = { "bounty_change",
                                                 BOUNTY_SELECT " FOR NO KEY UPDATE" };

enum err store_bounty_get(struct db *db, const struct id *id, enum bounty_lock lock,
                          struct arena *arena, struct bounty_row *ret)
{
    const struct param in[] = { p_id(id) };
    const struct store_stmt *s = lock == BOUNTY_READ    ? &bounty_read
                                 : lock == BOUNTY_SHARE ? &bounty_share
                                                        : &bounty_change;
    struct rows *r = NULL;
    enum err e = db_exec(db, s, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        struct bounty_row b = { .id = *id,
                                .sponsor = row_id(r, 0, 0),
                                .opens_at = row_i64(r, 0, 4),
                                .closes_at = row_i64(r, 0, 5),
                                .open = row_bool(r, 0, 6),
                                .version = row_i64(r, 0, 7),
                                .home = (uint16_t)row_i64(r, 0, 8) };
        (void)snprintf(b.currency, sizeof(b.currency), "%s", row_text(r, 0, 1));
        b.terms = arena_strdup(arena, row_text(r, 0, 2));
        if (b.terms == NULL || !row_bytes(r, 0, 3, b.terms_hash, HASH_BYTES))
            e = ERR_NO_MEMORY;
        else
            *ret = b;
    }
    rows_free(r);
    return e;
}

static const struct store_stmt bounty_close = {
    "bounty_close", "UPDATE bounty SET state = 'closed', version = $2::bigint"
                    " WHERE id = $1::uuid AND state = 'open' AND version = $2::bigint - 1"
};

enum err store_bounty_close(struct db *db, const struct id *id, int64_t version,
                            const struct id *entry, usec_t at)
{
    const struct param in[] = { p_id(id), p_i64(version) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &bounty_close, in, COUNT(in), &r);
    if (e == OK && rows_affected(r) != 1)
        e = ERR_STATE;
    rows_free(r);
    return e == OK ? store_bounty_event(db, id, version, "closed", entry, at) : e;
}

static const struct store_stmt bounty_event = {
    "bounty_event", "INSERT INTO bounty_event (bounty, version, state, entry, at)"
                    " VALUES ($1::uuid, $2::bigint, $3, $4::uuid, $5::timestamptz)"
};

enum err store_bounty_event(struct db *db, const struct id *id, int64_t version, const char *state,
                            const struct id *entry, usec_t at)
{
    const struct param in[] = { p_id(id), p_i64(version), p_text(state), p_id(entry), p_time(at) };
    return db_exec(db, &bounty_event, in, COUNT(in), NULL);
}

#define PUBLIC_SELECT                                                                              \
    "SELECT b.id, b.disease, b.currency, b.terms, b.terms_hash, b.state, b.version,"               \
    " coalesce((SELECT credits - debits - debits_pending FROM book_account"                        \
    "  WHERE owner = b.id AND kind = 'available' AND currency = b.currency), 0), b.n, b.home,"     \
    " b.shown = 'funded' FROM bounty b"

static const struct store_stmt bounties = {
    "bounties", PUBLIC_SELECT " WHERE ($1::text IS NULL OR b.state = $1::text)"
                              " AND ($2::text IS NULL OR b.disease = $2::text)"
                              " AND b.n < $3::bigint ORDER BY b.n DESC LIMIT $4::int"
};

enum err store_bounties(struct db *db, const char *state, const char *disease, int64_t before,
                        int limit, struct rows **ret)
{
    const struct param in[] = { p_text(state), p_text(disease), p_i64(before), p_i64(limit) };
    return db_exec(db, &bounties, in, COUNT(in), ret);
}

static const struct store_stmt bounty_public = { "bounty_public",
                                                 PUBLIC_SELECT " WHERE b.id = $1::uuid" };

enum err store_bounty_public(struct db *db, const struct id *id, struct rows **ret)
{
    const struct param in[] = { p_id(id) };
    return db_exec(db, &bounty_public, in, COUNT(in), ret);
}

static const struct store_stmt bounty_statement = {
    "bounty_statement",
    "SELECT coalesce(e.statement, p.statement) FROM bounty b LEFT JOIN entry e ON e.id = b.own_id"
    " LEFT JOIN public_entry p ON p.id = b.id AND p.member = b.home AND p.kind = 'bounty.publish'"
    " WHERE b.id = $1::uuid"
};

enum err store_bounty_statement(struct db *db, const struct id *id, struct arena *arena,
                                const uint8_t **ret, size_t *ret_len)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &bounty_statement, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    size_t len = 0;
    const uint8_t *bytes = e == OK ? row_bytes_any(r, 0, 0, arena, &len) : NULL;
    if (e == OK && bytes == NULL)
        e = ERR_NO_MEMORY;
    rows_free(r);
    if (e == OK) {
        *ret = bytes;
        *ret_len = len;
    }
    return e;
}

static const struct store_stmt bounties_over = {
    "bounties_over", "SELECT b.id FROM bounty b WHERE b.home = 0 AND b.state = 'open' AND "
                     "b.closes_at <= $1::timestamptz"
                     " AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.bounty = b.id"
                     "  AND s.state IN ('QUOTED', 'ROUND')) ORDER BY b.closes_at LIMIT $2::int"
};

enum err store_bounties_over(struct db *db, usec_t now, int limit, struct rows **ret)
{
    const struct param in[] = { p_time(now), p_i64(limit) };
    return db_exec(db, &bounties_over, in, COUNT(in), ret);
}

static const struct store_stmt bounty_paid = {
    "bounty_paid", "SELECT coalesce(sum(pay), 0)::bigint FROM submission WHERE bounty = $1::uuid "
                   "AND state = 'PAID'"
};

enum err store_bounty_paid(struct db *db, const struct id *id, int64_t *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &bounty_paid, in, COUNT(in), &r);
    if (e == OK)
        *ret = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

static const struct store_stmt deposit_insert = {
    "deposit_insert", "INSERT INTO deposit (id, account, amount, currency, reference, at)"
                      " VALUES ($1::uuid, $2::uuid, $3::bigint, $4, $5, $6::timestamptz)"
};

enum err store_deposit_insert(struct db *db, const struct id *id, const struct id *account,
                              int64_t amount, const char *currency, const char *reference,
                              usec_t at)
{
    const struct param in[] = { p_id(id),         p_id(account),     p_i64(amount),
                                p_text(currency), p_text(reference), p_time(at) };
    return db_exec(db, &deposit_insert, in, COUNT(in), NULL);
}

const struct store_stmt *const bounty_stmts[] = {
    &bounty_insert,    &bounty_read,   &bounty_share, &bounty_change,
    &bounty_close,     &bounty_event,  &bounties,     &bounty_public,
    &bounty_statement, &bounties_over, &bounty_paid,  &deposit_insert,
};
const size_t bounty_stmts_n = COUNT(bounty_stmts);
