/* Bearer tokens to callers. Runs on a worker thread, with the worker's connection. */
#ifndef CAIRN_API_HTTP_AUTH_H
#define CAIRN_API_HTTP_AUTH_H

#include "api/http/http.h"
#include "server/store/account.h"

/* What an account may do here, whoever proves to be it. */
void auth_account(const struct app *app, const struct account_row *account, struct caller *ret);
/* ERR_AUTH_INVALID for a token that is unknown or expired. The token has 1..256 characters of RFC
 * 6750's b64token; it is borrowed and must not be kept. */
enum err auth_session(struct db *db, const struct app *app, const char *token,
                      struct caller *ret) MUST_USE;

#endif
