/* Table payout. */
#ifndef CAIRN_STORE_PAYOUT_H
#define CAIRN_STORE_PAYOUT_H

#include "server/store/store.h"

struct payout_row {
    struct id id, account;
    int64_t amount;
    char currency[4];
    char method[12];
    char destination[65];
    char state[12];
    int64_t version;
};

enum err store_payout_insert(struct db *db, const struct payout_row *p, usec_t at) MUST_USE;
/* ERR_NOT_FOUND unless account owns it; account NULL: any; lock: until the transaction ends. */
enum err store_payout_get(struct db *db, const struct id *id, const struct id *account, bool lock,
                          struct payout_row *ret) MUST_USE;
/* To state at version + 1; settle_entry NULL while it is not settled. ERR_STATE if it moved
 * meanwhile. */
enum err store_payout_move(struct db *db, const struct payout_row *p, const char *state,
                           const struct id *settle_entry) MUST_USE;
/* Rows: id. Those created or submitted, oldest first. */
enum err store_payouts_open(struct db *db, int limit, struct rows **ret) MUST_USE;

extern const struct store_stmt *const payout_stmts[];
extern const size_t payout_stmts_n;

#endif
