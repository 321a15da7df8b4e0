/* Bounties and the sponsor's money: deposit, publish, fund, close. Rules only (docs/market.md). */
#ifndef CAIRN_MARKET_BOUNTY_H
#define CAIRN_MARKET_BOUNTY_H

#include "server/act.h"
#include "server/statement/terms.h"
#include "server/store/bounty.h"

/* deposit.request; the test adapter confirms at once, so the money is there with the answer. */
enum err deposit_make(const struct act *act, const struct statement *s, int64_t amount,
                      const char *currency, const char *reference, struct answer *ret) MUST_USE;
/* bounty.publish; terms_value is the statement's member. */
enum err bounty_publish(const struct act *act, const struct statement *s, const json_t *terms_value,
                        struct answer *ret) MUST_USE;
/* bounty.fund: from the sponsor's wallet. */
enum err bounty_fund(const struct act *act, const struct statement *s, const struct id *bounty,
                     int64_t amount, const char *currency, struct answer *ret) MUST_USE;
/* bounty.close at the version the caller last saw; what is available goes back at once, what is
 * reserved when its submissions end. */
enum err bounty_close(const struct act *act, const struct statement *s, const struct id *bounty,
                      int64_t version, struct answer *ret) MUST_USE;
/* The scheduler's: closes a bounty whose time is over. */
enum err bounty_expire(struct app *app, const struct id *bounty) MUST_USE;
/* Terms of a stored bounty. */
enum err bounty_terms(const struct bounty_row *b, struct terms *ret) MUST_USE;

#endif
