/* Tables book_account and book_transfer: the SQL of the books. The rules are in server/books. */
#ifndef CAIRN_STORE_BOOKS_H
#define CAIRN_STORE_BOOKS_H

#include "server/store/store.h"

#define CURRENCY_SIZE 4 /* ISO 4217 code and NUL */
#define TRANSFERS_MAX 64
#define TRANSFER_AMOUNT_MAX INT64_C(1000000000000000)

enum transfer_mode {
    TRANSFER_POST,    /* moves the money at once */
    TRANSFER_PENDING, /* takes it from what the debtor can spend; the creditor has it only when
                         settled */
    TRANSFER_SETTLE,  /* ends a pending transfer: the money moves */
    TRANSFER_VOID     /* ends a pending transfer: the debtor has it back */
};

struct transfer {
    struct id id;     /* books_transfer_id */
    struct id debit;  /* gives */
    struct id credit; /* receives */
    int64_t amount;   /* minor units, 1..TRANSFER_AMOUNT_MAX */
    const char *kind; /* what it is for: [a-z][a-z._-]{0,31} */
    enum transfer_mode mode;
    struct id pending_of; /* settle and void: the pending transfer they end */
};

/* owner: NULL for outside and fees. Opening an account that is open does nothing. */
enum err store_book_open(struct db *db, const struct id *account, const char *kind,
                         const struct id *owner, const char *currency) MUST_USE;
/* All or none; 1..TRANSFERS_MAX. ERR_BALANCE, ERR_BOOKS_CURRENCY, ERR_ACCOUNT_UNKNOWN,
 * ERR_STATEMENT_REPLAYED (an id is taken), ERR_STATE (pending already ended, or a different one).
 */
enum err store_book_post(struct db *db, const struct id *group, const struct id *entry,
                         const char *currency, const struct transfer *t, size_t n) MUST_USE;

struct book_sums {
    int64_t debits, credits, debits_pending, credits_pending;
};
/* An account that was never opened has sums of zero. */
enum err store_book_sums(struct db *db, const struct id *account, struct book_sums *ret) MUST_USE;
/* Rows: currency, available, debits_pending; by currency. */
enum err store_book_balances(struct db *db, const struct id *owner, const char *kind,
                             struct rows **ret) MUST_USE;
/* Rows: id, at_us, kind, mode, amount, currency, incoming (bool), entry, seq; newest first, seq <
 * before, of all accounts of that kind and owner. */
enum err store_book_transfers(struct db *db, const struct id *owner, const char *kind,
                              int64_t before, int limit, struct rows **ret) MUST_USE;

extern const struct store_stmt *const books_stmts[];
extern const size_t books_stmts_n;

#endif
