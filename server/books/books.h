/* The books: who has how much, and the only way to move it. Double entry: a transfer debits one
 * account and credits another of the same currency with a positive amount in minor units. Ids of
 * accounts and transfers are derived: the same statement can never open or pay anything twice.
 *
 * Kinds of account, by owner:
 *   nobody (NULL), one of each per currency: outside, fees
 *   a person or organisation:                wallet
 *   a bounty: available, reserved, accrued, followup, disputed, refundable
 *   another member (server/clearing):        clearing
 * No account but outside and clearing can fall below zero (ERR_BALANCE): the database refuses it.
 *
 * Posting belongs into store_write callbacks alone. Thread rule: that of the db. */
#ifndef CAIRN_BOOKS_BOOKS_H
#define CAIRN_BOOKS_BOOKS_H

#include "server/store/books.h"

enum book_kind {
    BOOK_OUTSIDE,
    BOOK_WALLET,
    BOOK_AVAILABLE,
    BOOK_RESERVED,
    BOOK_ACCRUED,
    BOOK_FOLLOWUP,
    BOOK_DISPUTED,
    BOOK_REFUNDABLE,
    BOOK_FEES,
    BOOK_CLEARING,
    BOOK_KIND_COUNT
};

/* ---- pure rules ---------------------------------------------------------------------------- */
const char *book_kind_text(enum book_kind kind);
/* Three capital letters, as ISO 4217 codes are. */
bool book_currency_ok(const char *currency);
/* SHA-256("cairn/v1/book/" kind "/" currency || owner) as a version 8 id; owner NULL where the kind
 * has none. */
struct id book_account_id(enum book_kind kind, const struct id *owner, const char *currency);
/* SHA-256("cairn/v1/transfer" || entry || leg as 4 bytes big-endian) as a version 8 id. */
struct id books_transfer_id(const struct id *entry, uint32_t leg);
/* A posting from one account to another as leg of an entry. kind is borrowed. */
struct transfer books_leg(const struct id *entry, uint32_t leg, const struct id *debit,
                          const struct id *credit, int64_t amount, const char *kind);
/* What can be said without the database: amounts in range, two accounts, modes and ids that fit, no
 * id or pending transfer twice. ERR_FIELD_RANGE, ERR_BOOKS_CURRENCY or ERR_STATE. */
enum err books_check(const char *currency, const struct transfer *t, size_t n) MUST_USE;

/* ---- posting and reading ------------------------------------------------------------------- */
/* Opens the account if it is not open. */
enum err books_open(struct db *db, enum book_kind kind, const struct id *owner,
                    const char *currency) MUST_USE;
/* Posts n (1..TRANSFERS_MAX) transfers of one currency together or none of them, caused by an entry
 * that exists. Errors: those of books_check and store_book_post. */
enum err books_post(struct db *db, const struct id *entry, const char *currency,
                    const struct transfer *t, size_t n) MUST_USE;
/* available: what the owner can spend now; pending: held for transfers on their way out. Zero for
 * an account that was never opened. */
enum err books_balance(struct db *db, enum book_kind kind, const struct id *owner,
                       const char *currency, int64_t *ret_available, int64_t *ret_pending) MUST_USE;
/* Rows: currency, available, pending; by currency. */
enum err books_balances(struct db *db, enum book_kind kind, const struct id *owner,
                        struct rows **ret) MUST_USE;
/* Rows of an owner's wallets: id, at_us, kind, mode, amount, currency, incoming (bool), entry, seq;
 * newest first, seq < before (INT64_MAX for the first page). */
enum err books_transfers(struct db *db, const struct id *owner, int64_t before, int limit,
                         struct rows **ret) MUST_USE;

#endif
