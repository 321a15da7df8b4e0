/* Questions about the database as a whole, for /health/ready and /metrics. */
#ifndef CAIRN_STORE_HEALTH_H
#define CAIRN_STORE_HEALTH_H

#include "server/store/store.h"

/* ERR_DB_DOWN unless a query is answered. */
enum err store_ping(struct db *db) MUST_USE;

struct books_state {
    int64_t sum_minor;         /* sum of all balances: zero, always */
    int64_t negative_accounts; /* accounts with a floor below it: zero, always */
};
enum err store_books_state(struct db *db, struct books_state *ret) MUST_USE;
/* Entries written but not yet delivered, over both chains. */
enum err store_outbox_lag(struct db *db, int64_t *ret) MUST_USE;

extern const struct store_stmt *const health_stmts[];
extern const size_t health_stmts_n;

#endif
