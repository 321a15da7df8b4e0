/* Money moves of one entry, collected and then posted together. Plain memory; one thread. */
#ifndef CAIRN_MARKET_MONEY_H
#define CAIRN_MARKET_MONEY_H

#include "server/books/books.h"
#include "server/store/bounty.h"

struct money {
    struct id entry;
    char currency[CURRENCY_SIZE];
    struct transfer legs[TRANSFERS_MAX];
    size_t n;
};

void money_init(struct money *m, const struct id *entry, const char *currency);
/* Adds a leg; a zero amount adds none. At most TRANSFERS_MAX. */
void money_move(struct money *m, enum book_kind from, const struct id *from_owner,
                enum book_kind to, const struct id *to_owner, int64_t amount, const char *kind);
/* What a submission no longer needs goes back: to the bounty while it is open, else to its sponsor.
 */
enum err money_release(struct db *db, struct money *m, const struct bounty_row *b,
                       int64_t amount) MUST_USE;
/* Posts what was collected; nothing collected is fine. */
enum err money_post(struct db *db, const struct money *m) MUST_USE;

#endif
