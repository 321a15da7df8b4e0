/* Wiring: server/peering over the members that the ledger knows and the signed calls between them.
 * app.c calls it once app->peers is there, before the listener starts. */
#ifndef CAIRN_APP_PEERING_H
#define CAIRN_APP_PEERING_H

#include "server/app.h"
#include "server/base/err.h"

/* Sets app->peering and starts the courier. app->peers == NULL: leaves both NULL. */
enum err app_peering_open(struct app *app, unsigned workers) MUST_USE;
/* After the listener and the scheduler have stopped, before the store and app->peers close. */
void app_peering_close(struct app *app);

#endif
