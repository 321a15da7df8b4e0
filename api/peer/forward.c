/* /peer/v1/forward/{path...}: another member asks for one of its people. The signature over the
 * request covers Cairn-On-Behalf-Of, so it is the member's word whose request this is; that the
 * account lives there is ours to know. */
#include "api/forward.h"
#include "api/http/auth.h"
#include "api/v1/handlers.h"
#include "server/store/account.h"

/* Without the header the member asks for anyone. */
static enum err on_behalf(struct request *r)
{
    const char *text = req_header(r, "Cairn-On-Behalf-Of");
    struct id id;
    struct account_row account;
    if (text == NULL)
        return OK;
    if (!id_parse(text, &id))
        return ERR_MEMBER_ACCOUNT;
    enum err e = store_account_get(r->db, &id, &account);
    if (e == ERR_NOT_FOUND || (e == OK && account.home != r->peer))
        return ERR_MEMBER_ACCOUNT;
    if (e != OK)
        return e;
    auth_account(r->app, &account, &r->caller);
    r->signed_in = true;
    return OK;
}

void api_forward(struct request *r)
{
    struct forward f;
    enum err e = forward_find(r, r->path_params[0], &f);
    if (e == OK)
        e = on_behalf(r);
    if (e == OK)
        e = forward_role(r, &f);
    if (e != OK)
        api_fail(r, e);
    else
        forward_run(r, &f);
}
