/* The scheduler: one thread with its own connection that does what is due when nobody asks: lapsed
 * quotes, due rounds, bounties whose time is over, open payouts, ended sessions, what other members
 * have to hear about our reviewers and bounties, the public board, what this member has to say
 * about the members (server/membership).
 * It looks once a second and when woken. Each step is idempotent, so several processes may run one.
 */
#ifndef CAIRN_SCHEDULE_SCHEDULE_H
#define CAIRN_SCHEDULE_SCHEDULE_H

#include "server/app.h"
#include "server/base/err.h"

enum err schedule_start(struct app *app, struct schedule **ret) MUST_USE;
void schedule_stop(struct schedule *s);
/* Something may be due now (a payout was requested, a bounty changed). Any thread. */
void schedule_wake(struct schedule *s);

#endif
