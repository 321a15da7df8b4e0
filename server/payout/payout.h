/* Payouts: created -> submitted (reference = the payout's id) -> confirmed | failed
 * (docs/payouts.md). The money is pending from the request on and moves once, when it is settled. A
 * payout whose outcome is unknown is asked for by its reference; the adapter never sends one
 * reference twice. */
#ifndef CAIRN_PAYOUT_PAYOUT_H
#define CAIRN_PAYOUT_PAYOUT_H

#include "server/act.h"
#include "server/store/payout.h"

/* payout.request of the caller. ERR_BALANCE, ERR_PAYOUT_METHOD. */
enum err payout_request(const struct act *act, const struct statement *s, int64_t amount,
                        const char *currency, const char *method, const char *destination,
                        struct answer *ret) MUST_USE;
/* The scheduler's: takes one open payout as far as it goes. */
enum err payout_advance(struct app *app, struct db *db, const struct id *payout) MUST_USE;

#endif
