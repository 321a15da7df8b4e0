/* What the public of other members sees of our bounties (docs/members.md): the public entry
 * bounty.price says whether a bounty is open and whether one more full submission is covered. */
#ifndef CAIRN_MARKET_PRICE_H
#define CAIRN_MARKET_PRICE_H

#include "server/act.h"

/* The scheduler's, once a look: writes the entry for every bounty of which all members were told
 * something else than is so now. So several changes between two looks are told as one, and nobody
 * can read single submissions from it. Nothing while there is no other member. */
enum err price_publish(struct app *app, struct db *db) MUST_USE;

#endif
