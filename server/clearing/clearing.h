/* Money between members (docs/members.md): whoever is paid by a bounty of this member and lives at
 * another one is paid through the clearing account of that member, and a message tells its home.
 * The home credits the person's wallet and debits the clearing account of the member that paid. So
 * the two clearing accounts of a pair differ only by what is still on its way. */
#ifndef CAIRN_CLEARING_CLEARING_H
#define CAIRN_CLEARING_CLEARING_H

#include "server/act.h"
#include "server/market/money.h"

/* Who owns the clearing account of a member: SHA-256("cairn/v1/member" || number u16 BE) as a
 * version 8 id. */
struct id clearing_owner(uint16_t member);

/* Adds the leg that pays account out of a bucket of a bounty, under the entry of m, which must be
 * written already: into its wallet here, or into the clearing account of its home with the message.
 * Inside a transaction. ERR_NOT_FOUND for an unknown account. */
enum err clearing_pay(struct db *db, struct app *app, usec_t now, struct money *m,
                      enum book_kind from, const struct id *from_owner, const struct id *account,
                      int64_t amount, const char *kind) MUST_USE;

/* clearing.credit of another member: applied once, in the order of its messages. *ret_received =
 * the last sequence applied now, also with ERR_MEMBER_ORDER (one before it is missing). Other
 * errors: ERR_STATEMENT_SIGNER (not that member's), ERR_STATEMENT_FORM (not for us),
 * ERR_ACCOUNT_UNKNOWN. */
enum err clearing_apply(const struct act *act, uint16_t from, const struct statement *s,
                        struct answer *ret) MUST_USE;

/* Appends OpenMetrics text: what was sent and not acknowledged, by member and currency, and how
 * calls to other members went. For an app with peering. */
enum err clearing_metrics(const struct app *app, struct db *db, struct buf *ret) MUST_USE;

#endif
