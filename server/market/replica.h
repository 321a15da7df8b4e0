/* Bounties of other members (docs/members.md): at delivery of their public entries this member
 * learns what they offer and how it stands, so that its own board shows everything. Submissions and
 * money stay at the bounty's home. */
#ifndef CAIRN_MARKET_REPLICA_H
#define CAIRN_MARKET_REPLICA_H

#include "server/ledger/io/apply.h"

/* bounty.publish, signed by its sponsor: the bounty lives where the entry comes from. The first
 * entry with its id counts. */
enum err replica_publish(const struct apply_context *c, struct db *db, uint16_t member,
                         uint64_t sequence, const char *statement, size_t len, usec_t now) MUST_USE;
/* bounty.price, signed by the home member. Older versions than the known one change nothing. */
enum err replica_price(const struct apply_context *c, struct db *db, uint16_t member,
                       uint64_t sequence, const char *statement, size_t len, usec_t now) MUST_USE;

#endif
