/* Wiring of both sides of server/witness (docs/witness.md): what cairn.conf says becomes a witness
 * for others, and somebody who asks witnesses elsewhere. */
#ifndef CAIRN_APP_WITNESS_H
#define CAIRN_APP_WITNESS_H

#include "server/app.h"
#include "server/config.h"

/* Before the ledger is opened, so that its checkpoints find whom to wake. */
enum err app_witness_open(struct app *app, const struct config *c,
                          const struct secrets *s) MUST_USE;
/* With the ledger open. */
enum err app_witness_start(struct app *app) MUST_USE;
/* No request goes out any more. */
void app_witness_stop(struct app *app);
/* With the ledger closed. */
void app_witness_close(struct app *app);

#endif
