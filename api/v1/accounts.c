/* /v1/accounts, /v1/sessions, /v1/attestations */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/crypto/keys.h"
#include "server/party/party.h"

#include <string.h>

void api_accounts_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    uint8_t receive[32];
    const struct field extra[] = { F_BYTES("receive_key", receive, sizeof(receive)) };
    enum err e = v1_statement(r, "account.register", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK) {
        /* Nobody is signed in yet: the key that signs is who calls. */
        act.account = account_id(s.signer);
        act.key.principal = act.account;
        e = party_register(&act, &s, receive, &answer);
    }
    v1_done(r, e, &answer);
}

static json_t *roles_json(const struct account_row *a, bool operator_by_configuration)
{
    json_t *list = json_array();
    bool ok = list != NULL;
    for (size_t i = 0; i < a->n_roles && ok; i++)
        ok = json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "role", a->roles[i].role,
                                                   "institution", a->roles[i].institution, "entry",
                                                   json_id(&a->roles[i].entry))) == 0;
    if (ok && operator_by_configuration)
        ok = json_array_append_new(list, json_pack("{s:s, s:s, s:n}", "role", "operator",
                                                   "institution", "member", "entry")) == 0;
    if (!ok) {
        json_decref(list);
        return NULL;
    }
    return list;
}

void api_account_get(struct request *r)
{
    struct id id;
    struct account_row a;
    enum err e = req_id(r, 0, &id);
    bool sees_all = (r->caller.roles & 1u << WHO_OPERATOR) != 0;
    if (e == OK && !sees_all && !id_equal(&id, &r->caller.account))
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = store_account_get(r->db, &id, &a);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_etag_version(r, 1);
    reply_value(r, 200,
                json_pack("{s:o, s:o, s:o, s:o, s:i}", "id", json_id(&a.id), "identity_key",
                          json_b64(a.identity, sizeof(a.identity)), "receive_key",
                          json_b64(a.receive, sizeof(a.receive)), "roles",
                          roles_json(&a, id_equal(&a.id, &r->app->operator_id)), "version", 1));
}

void api_challenge_get(struct request *r)
{
    struct id id;
    uint8_t challenge[CHALLENGE_BYTES];
    usec_t expires = 0;
    enum err e = req_id(r, 0, &id);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    party_challenge(r->app, &id, r->app->now(r->app), challenge, &expires);
    reply_value(r, 200,
                json_pack("{s:o, s:o}", "challenge", json_b64(challenge, sizeof(challenge)),
                          "expires_at", json_time(expires)));
}

static json_t *role_names(unsigned roles)
{
    static const struct {
        enum role role;
        const char *name;
    } names[] = { { ROLE_PATIENT, "patient" },
                  { ROLE_SPONSOR, "sponsor" },
                  { ROLE_REVIEWER, "reviewer" },
                  { ROLE_OPERATOR, "operator" } };
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT(names) && list != NULL; i++)
        if ((roles & names[i].role) != 0 &&
            json_array_append_new(list, json_string(names[i].name)) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

void api_sessions_post(struct request *r)
{
    struct id account;
    uint8_t challenge[CHALLENGE_BYTES], signature[SIGN_BYTES];
    const struct field body[] = { F_ID("account", &account),
                                  F_BYTES("challenge", challenge, sizeof(challenge)),
                                  F_BYTES("signature", signature, sizeof(signature)) };
    struct act act = {
        .app = r->app, .arena = r->arena, .problem = &r->problem, .now = r->app->now(r->app)
    };
    char token[TOKEN_TEXT_SIZE];
    usec_t expires = 0;
    unsigned roles = 0;
    enum err e = fields_read(r->json, "", body, COUNT(body), &r->problem);
    if (e == OK)
        e = party_sign_in(&act, r->db, &account, challenge, signature, token, &expires, &roles);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_value(r, 201,
                json_pack("{s:s, s:o, s:o}", "token", token, "expires_at", json_time(expires),
                          "roles", role_names(roles)));
    bytes_wipe(token, sizeof(token));
}

void api_session_delete(struct request *r)
{
    const char *header = req_header(r, "Authorization");
    struct act act = {
        .app = r->app, .arena = r->arena, .account = r->caller.account, .now = r->app->now(r->app)
    };
    const char *space = header != NULL ? strchr(header, ' ') : NULL;
    enum err e = space != NULL ? party_sign_out(&act, space + 1) : ERR_AUTH_MISSING;
    if (e != OK)
        api_fail(r, e);
    else
        reply_empty(r, 204);
}

void api_attestations_post(struct request *r)
{
    static const char *const roles[] = { "patient", "sponsor", "reviewer", "operator", NULL };
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id account;
    const char *role = NULL, *institution = NULL;
    const struct field extra[] = { F_ID("account", &account), F_CODE("role", &role, roles),
                                   F_TEXT("institution", &institution, 1, INSTITUTION_MAX) };
    enum err e = v1_statement(r, "role.attest", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = party_attest(&act, &s, &account, role, institution, &answer);
    v1_done(r, e, &answer);
}
