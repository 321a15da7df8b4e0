/* The courier: one thread with its own connection that takes money messages (server/clearing) to
 * other members, in order, until each says that it has applied them. Woken by the transaction that
 * wrote one, it looks once a second anyway. A member that does not answer is tried again with
 * growing pauses, and keeps nobody else waiting for more than one call. A message is sent again
 * until it is acknowledged; the receiver applies it once. Several processes may run one. */
#ifndef CAIRN_SCHEDULE_COURIER_H
#define CAIRN_SCHEDULE_COURIER_H

#include "server/app.h"
#include "server/base/err.h"

#define COURIER_AT_ONCE 32                   /* messages of one call */
#define COURIER_CALL_US (5 * USEC_PER_SEC)   /* deadline of one call */
#define COURIER_PAUSE_MIN (USEC_PER_SEC / 4) /* after the first failure; doubles */
#define COURIER_PAUSE_MAX (60 * USEC_PER_SEC)

/* For an app with peering. */
enum err courier_start(struct app *app, struct courier **ret) MUST_USE;
void courier_stop(struct courier *c); /* after the call under way; NULL is fine */
void courier_wake(struct courier *c); /* any thread; NULL is fine */

#endif
