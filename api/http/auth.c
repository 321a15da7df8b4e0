#include "api/http/auth.h"

#include "server/party/party.h"

#include <stdio.h>
#include <string.h>

void auth_account(const struct app *app, const struct account_row *account, struct caller *ret)
{
    static const struct {
        enum role role;
        enum who who;
    } roles[] = { { ROLE_PATIENT, WHO_PATIENT },
                  { ROLE_SPONSOR, WHO_SPONSOR },
                  { ROLE_REVIEWER, WHO_REVIEWER },
                  { ROLE_OPERATOR, WHO_OPERATOR } };
    struct caller c = { .account = account->id };
    unsigned held = party_roles(app, account);
    for (size_t i = 0; i < COUNT(roles); i++)
        if ((held & roles[i].role) != 0)
            c.roles |= 1u << roles[i].who;
    memcpy(c.identity, account->identity, sizeof(c.identity));
    if (account->n_roles > 0)
        (void)snprintf(c.institution, sizeof(c.institution), "%s", account->roles[0].institution);
    *ret = c;
}

enum err auth_session(struct db *db, const struct app *app, const char *token, struct caller *ret)
{
    struct account_row account;
    enum err e = party_session(app, db, token, &account);
    if (e == OK)
        auth_account(app, &account, ret);
    return e;
}
