/* The table of what public entries of other members do here (server/app_apply.c): handed to the
 * ledger when it is opened, and to tests that stand in for it. */
#ifndef CAIRN_APP_APPLY_H
#define CAIRN_APP_APPLY_H

#include "server/ledger/io/apply.h"

extern const struct ledger_apply app_apply[];
extern const size_t app_apply_n;

#endif
