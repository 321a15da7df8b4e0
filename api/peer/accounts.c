/* /peer/v1/accounts and /peer/v1/messages: what members tell each other in statements they sign. */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/clearing/clearing.h"
#include "server/party/vouch.h"

#define MESSAGES_MAX 32

/* The member's own work: the statement, not the caller, is what counts. */
static struct act peer_act(struct request *r)
{
    return (struct act){
        .app = r->app, .arena = r->arena, .problem = &r->problem, .now = r->app->now(r->app)
    };
}

void api_peer_accounts_post(struct request *r)
{
    struct statement s = { 0 };
    struct act act = peer_act(r);
    struct answer answer = { 0 };
    json_t *value = NULL;
    const struct field body[] = { F_OBJECT("statement", &value) };
    enum err e = fields_read(r->json, "", body, COUNT(body), &r->problem);
    if (e == OK)
        e = statement_parse(value, "/statement", &s, &r->problem);
    if (e == OK)
        e = statement_check(&s, "account.vouch", act.now, &r->problem);
    if (e == OK)
        e = vouch_accept(&act, r->peer, &s, &answer);
    statement_release(&s);
    v1_done(r, e, &answer);
}

/* A message may be old: it waited until its member or we were there again. */
static enum err take(struct request *r, const struct act *act, const json_t *value,
                     struct answer *ret)
{
    struct statement s = { 0 };
    enum err e = statement_parse(value, "/messages", &s, &r->problem);
    if (e == OK)
        e = statement_check(&s, "clearing.credit", s.time, &r->problem);
    if (e == OK)
        e = clearing_apply(act, r->peer, &s, ret);
    statement_release(&s);
    return e;
}

/* One after the other; the first that cannot be applied ends it. What went before is done, and is
 * what the answer says. */
void api_peer_messages_post(struct request *r)
{
    struct act act = peer_act(r);
    struct answer answer = { 0 }, last = { 0 };
    json_t *list = NULL;
    const struct field body[] = { F_ARRAY("messages", &list, 1, MESSAGES_MAX) };
    enum err e = fields_read(r->json, "", body, COUNT(body), &r->problem);
    for (size_t i = 0; e == OK && i < json_array_size(list); i++) {
        e = take(r, &act, json_array_get(list, i), &answer);
        if (e == OK)
            last = answer;
    }
    if (last.status != 0) {
        last.replayed = false;
        e = OK;
    }
    v1_done(r, e, &last);
}
