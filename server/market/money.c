#include "server/market/money.h"

#include <assert.h>
#include <stdio.h>

void money_init(struct money *m, const struct id *entry, const char *currency)
{
    *m = (struct money){ .entry = *entry };
    (void)snprintf(m->currency, sizeof(m->currency), "%s", currency);
}

void money_move(struct money *m, enum book_kind from, const struct id *from_owner,
                enum book_kind to, const struct id *to_owner, int64_t amount, const char *kind)
{
    assert(amount >= 0 && m->n < TRANSFERS_MAX);
    if (amount == 0)
        return;
    struct id debit = book_account_id(from, from_owner, m->currency);
    struct id credit = book_account_id(to, to_owner, m->currency);
    m->legs[m->n] = books_leg(&m->entry, (uint32_t)m->n, &debit, &credit, amount, kind);
    m->n++;
}

enum err money_release(struct db *db, struct money *m, const struct bounty_row *b, int64_t amount)
{
    if (b->open) {
        money_move(m, BOOK_RESERVED, &b->id, BOOK_AVAILABLE, &b->id, amount, "release");
        return OK;
    }
    money_move(m, BOOK_RESERVED, &b->id, BOOK_WALLET, &b->sponsor, amount, "refund");
    return books_open(db, BOOK_WALLET, &b->sponsor, b->currency);
}

enum err money_post(struct db *db, const struct money *m)
{
    return m->n > 0 ? books_post(db, &m->entry, m->currency, m->legs, m->n) : OK;
}
