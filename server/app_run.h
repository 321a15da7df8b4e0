/* Starting and stopping the program; main.c alone uses it. */
#ifndef CAIRN_APP_RUN_H
#define CAIRN_APP_RUN_H

#include "server/config.h"

/* On failure everything that was started is stopped again; the log says why. */
enum err app_start(struct app *app, const struct config *c, const struct secrets *s) MUST_USE;
void app_stop(struct app *app);

#endif
