/* Payment adapters: the way to the outside. One so far, "test": a file DIR/payments.log with one
 * line per reference, which stands for a bank that knows its orders by their reference. */
#ifndef CAIRN_PAYOUT_ADAPTER_H
#define CAIRN_PAYOUT_ADAPTER_H

#include "server/app.h"
#include "server/store/payout.h"

enum adapter_outcome { ADAPTER_UNKNOWN, ADAPTER_CONFIRMED, ADAPTER_FAILED };

bool adapter_known(const char *method);
/* Asks for the reference p->id and sends the order only if the outside never had it. UNKNOWN: ask
 * again later. Scheduler thread only. */
enum err adapter_pay(const struct app *app, const struct payout_row *p,
                     enum adapter_outcome *ret) MUST_USE;

#endif
