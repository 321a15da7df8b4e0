#include "server/books/books.h"

enum err books_open(struct db *db, enum book_kind kind, const struct id *owner,
                    const char *currency)
{
    if (!book_currency_ok(currency))
        return ERR_BOOKS_CURRENCY;
    struct id account = book_account_id(kind, owner, currency);
    return store_book_open(db, &account, book_kind_text(kind), owner, currency);
}

/* The entry names the group: what one statement causes belongs together. */
enum err books_post(struct db *db, const struct id *entry, const char *currency,
                    const struct transfer *t, size_t n)
{
    enum err e = books_check(currency, t, n);
    return e == OK ? store_book_post(db, entry, entry, currency, t, n) : e;
}

enum err books_balance(struct db *db, enum book_kind kind, const struct id *owner,
                       const char *currency, int64_t *ret_available, int64_t *ret_pending)
{
    if (!book_currency_ok(currency))
        return ERR_BOOKS_CURRENCY;
    struct id account = book_account_id(kind, owner, currency);
    struct book_sums s;
    enum err e = store_book_sums(db, &account, &s);
    if (e != OK)
        return e;
    *ret_available = s.credits - s.debits - s.debits_pending;
    *ret_pending = s.debits_pending;
    return OK;
}

enum err books_balances(struct db *db, enum book_kind kind, const struct id *owner,
                        struct rows **ret)
{
    return store_book_balances(db, owner, book_kind_text(kind), ret);
}

enum err books_transfers(struct db *db, const struct id *owner, int64_t before, int limit,
                         struct rows **ret)
{
    return store_book_transfers(db, owner, book_kind_text(BOOK_WALLET), before, limit, ret);
}
