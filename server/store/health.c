#include "server/store/health.h"

static const struct store_stmt ping = { "ping", "SELECT 1" };

enum err store_ping(struct db *db)
{
    return db_exec(db, &ping, NULL, 0, NULL);
}

static const struct store_stmt books_state = {
    "books_state",
    "SELECT coalesce(sum(credits - debits), 0)::bigint,"
    " count(*) FILTER (WHERE floor AND credits - debits - debits_pending < 0) FROM book_account"
};

enum err store_books_state(struct db *db, struct books_state *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, &books_state, NULL, 0, &r);
    if (e == OK)
        *ret = (struct books_state){ row_i64(r, 0, 0), row_i64(r, 0, 1) };
    rows_free(r);
    return e;
}

static const struct store_stmt outbox_lag = {
    "outbox_lag", "SELECT sum(h.last_seq - coalesce((SELECT max(first_seq + n - 1) FROM delivery d"
                  " WHERE d.chain = h.chain), 0))::bigint FROM chain_head h"
};

enum err store_outbox_lag(struct db *db, int64_t *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, &outbox_lag, NULL, 0, &r);
    if (e == OK)
        *ret = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

const struct store_stmt *const health_stmts[] = { &ping, &books_state, &outbox_lag };
const size_t health_stmts_n = COUNT(health_stmts);
