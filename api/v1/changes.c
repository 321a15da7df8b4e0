/* /v1/federation/changes: proposals and approvals of a change of the members */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/membership/membership.h"

#include <string.h>

static void release(void *arg)
{
    statement_release(arg);
}

/* The form of both kinds; which change takes which fields, the fold itself says. */
static enum err check_fields(struct request *r, const struct statement *s)
{
    uint8_t key[SIGN_PUBLIC_BYTES];
    const char *text = NULL;
    int64_t number = 0;
    struct field all[] = {
        F_BYTES("genesis", key, sizeof(key)),
        F_TEXT("change", &text, 4, ID_TEXT_SIZE - 1),
        F_INT("number", &number, 1, UINT16_MAX),
        F_TEXT("name", &text, 1, MEMBER_NAME_MAX),
        F_TEXT("endpoint", &text, 8, MEMBER_ENDPOINT_MAX),
        F_BYTES("member_key", key, sizeof(key)),
        F_BYTES("vote_key", key, sizeof(key)),
        F_BYTES("cosigner_key", key, sizeof(key)),
        F_BYTES("operator_key", key, sizeof(key)),
    };
    for (size_t i = 2; i < COUNT(all); i++)
        all[i].optional = true;
    return statement_fields(s, all, COUNT(all), &r->problem);
}

static enum err read_statement(struct request *r, struct statement **ret)
{
    json_t *value = NULL;
    const struct field body[] = { F_OBJECT("statement", &value) };
    struct statement *s = arena_alloc(r->arena, sizeof(*s));
    enum err e = fields_read(r->json, "", body, COUNT(body), &r->problem);
    if (e == OK && (s == NULL || !arena_defer(r->arena, release, s)))
        e = ERR_NO_MEMORY;
    if (e == OK)
        e = statement_parse(value, "/statement", s, &r->problem);
    if (e != OK)
        return e;
    *ret = s;
    const char *kind = strcmp(s->kind, "member.approve") == 0 ? s->kind : "member.propose";
    e = statement_check(s, kind, r->app->now(r->app), &r->problem);
    return e == OK ? check_fields(r, s) : e;
}

void api_changes_post(struct request *r)
{
    struct statement *s = NULL;
    struct act act;
    struct answer answer = { 0 };
    enum err e = read_statement(r, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = membership_say(&act, s, &answer);
    v1_done(r, e, &answer);
}

/* ---- what waits ------------------------------------------------------------------------------ */

static const char *const kinds[] = { NULL, "join", "promote", "demote", "leave", "rekey" };

static json_t *approvals_json(const struct members *m, const struct change *c)
{
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    json_t *list = json_array();
    for (uint16_t i = 0; i < n && list != NULL; i++)
        if (core_set_has(&c->approvals, i) &&
            json_array_append_new(list, json_integer(who[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* What an operator has to look at before approving: of a join the card, of a re-key the member as
 * it will be, else the member as it is. */
static json_t *subject_json(const struct members *m, const struct change *c)
{
    bool own = c->kind == CHANGE_JOIN || c->kind == CHANGE_REKEY;
    const struct member *who = own ? &c->member : members_find(m, c->member.number);
    return json_pack("{s:i, s:s, s:s, s:o, s:o, s:o, s:o}", "number", (int)who->number, "name",
                     who->name, "endpoint", who->endpoint, "member_key",
                     json_b64(who->member_key, SIGN_PUBLIC_BYTES), "vote_key",
                     json_b64(who->vote_key, SIGN_PUBLIC_BYTES), "cosigner_key",
                     json_b64(who->cosigner_key, SIGN_PUBLIC_BYTES), "operator_key",
                     json_b64(who->operator_key, SIGN_PUBLIC_BYTES));
}

static json_t *changes_json(const struct members *m)
{
    json_t *list = json_array();
    for (size_t i = 0; i < m->n_pending && list != NULL; i++) {
        const struct change *c = &m->pending[i];
        json_t *one = json_pack("{s:o, s:s, s:i, s:o, s:o}", "id", json_id(&c->id), "change",
                                kinds[c->kind], "proposer", (int)c->proposer, "member",
                                subject_json(m, c), "approvals", approvals_json(m, c));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

void api_changes_get(struct request *r)
{
    uint16_t who[CORE_MEMBERS_MAX];
    struct members *m = arena_alloc(r->arena, sizeof(*m));
    if (m == NULL) {
        api_fail(r, ERR_NO_MEMORY);
        return;
    }
    ledger_members(r->app->ledger, m);
    reply_header(r, "Cache-Control", "no-cache");
    reply_value(r, 200,
                json_pack("{s:o, s:I, s:i, s:o}", "genesis", json_b64(m->genesis, HASH_BYTES),
                          "epoch", (json_int_t)m->epoch, "approvals_needed",
                          (int)core_quorum(members_validators(m, who)), "changes",
                          changes_json(m)));
}
