#include "server/store/payout.h"

#include <stdio.h>

static const struct store_stmt payout_insert = {
    "payout_insert",
    "INSERT INTO payout (id, account, amount, currency, method, destination, state, version, at)"
    " VALUES ($1::uuid, $2::uuid, $3::bigint, $4, $5, $6, 'created', 1, $7::timestamptz)"
};

enum err store_payout_insert(struct db *db, const struct payout_row *p, usec_t at)
{
    const struct param in[] = { p_id(&p->id),        p_id(&p->account), p_i64(p->amount),
                                p_text(p->currency), p_text(p->method), p_text(p->destination),
                                p_time(at) };
    return db_exec(db, &payout_insert, in, COUNT(in), NULL);
}

#define PAYOUT_SELECT                                                                              \
    "SELECT id, account, amount, currency, method, destination, state, version FROM payout"        \
    " WHERE id = $1::uuid AND ($2::uuid IS NULL OR account = $2::uuid)"

static const struct store_stmt payout_read = { "payout_read", PAYOUT_SELECT };
static const struct store_stmt payout_lock = { "payout_lock", PAYOUT_SELECT " FOR NO KEY UPDATE" };

enum err store_payout_get(struct db *db, const struct id *id, const struct id *account, bool lock,
                          struct payout_row *ret)
{
    const struct param in[] = { p_id(id), account != NULL ? p_id(account) : p_null() };
    struct rows *r = NULL;
    enum err e = db_exec(db, lock ? &payout_lock : &payout_read, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        struct payout_row p = { .id = row_id(r, 0, 0),
                                .account = row_id(r, 0, 1),
                                .amount = row_i64(r, 0, 2),
                                .version = row_i64(r, 0, 7) };
        (void)snprintf(p.currency, sizeof(p.currency), "%s", row_text(r, 0, 3));
        (void)snprintf(p.method, sizeof(p.method), "%s", row_text(r, 0, 4));
        (void)snprintf(p.destination, sizeof(p.destination), "%s", row_text(r, 0, 5));
        (void)snprintf(p.state, sizeof(p.state), "%s", row_text(r, 0, 6));
        *ret = p;
    }
    rows_free(r);
    return e;
}

static const struct store_stmt payout_move = {
    "payout_move", "UPDATE payout SET state = $2, version = version + 1, settle_entry = $4::uuid"
                   " WHERE id = $1::uuid AND version = $3::bigint AND settle_entry IS NULL"
};

enum err store_payout_move(struct db *db, const struct payout_row *p, const char *state,
                           const struct id *settle_entry)
{
    const struct param in[] = { p_id(&p->id), p_text(state), p_i64(p->version),
                                settle_entry != NULL ? p_id(settle_entry) : p_null() };
    struct rows *r = NULL;
    enum err e = db_exec(db, &payout_move, in, COUNT(in), &r);
    if (e == OK && rows_affected(r) != 1)
        e = ERR_STATE;
    rows_free(r);
    return e;
}

static const struct store_stmt payouts_open = {
    "payouts_open",
    "SELECT id FROM payout WHERE state IN ('created', 'submitted') ORDER BY at LIMIT $1::int"
};

enum err store_payouts_open(struct db *db, int limit, struct rows **ret)
{
    const struct param in[] = { p_i64(limit) };
    return db_exec(db, &payouts_open, in, COUNT(in), ret);
}

const struct store_stmt *const payout_stmts[] = { &payout_insert, &payout_read, &payout_lock,
                                                  &payout_move, &payouts_open };
const size_t payout_stmts_n = COUNT(payout_stmts);
