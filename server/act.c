#include "server/act.h"

#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/ledger/io/ledger.h"
#include "server/peering/peering.h"
#include "server/schedule/courier.h"

#include <stdio.h>
#include <string.h>

void act_member(struct app *app, struct arena *arena, const char *key, struct act *ret)
{
    *ret = (struct act){ .app = app, .arena = arena, .now = app->now(app) };
    memcpy(ret->identity, app->member_key.public, SIGN_PUBLIC_BYTES);
    (void)snprintf(ret->key.key, sizeof(ret->key.key), "%s", key);
    sha256(key, strlen(key), ret->key.request_hash);
}

void act_of_statement(const struct act *act, const char *name, const struct statement *s,
                      struct act *ret)
{
    char id[ID_TEXT_SIZE];
    *ret = *act;
    ret->key = (struct write_key){ 0 };
    id_text(&s->id, id);
    (void)snprintf(ret->key.key, sizeof(ret->key.key), "%s-%s", name, id);
    statement_hash(s, ret->key.request_hash);
}

enum err act_write(const struct act *act, const char *name, store_fn *fn, void *arg,
                   struct answer *ret)
{
    enum err e = store_write(act->app->store, name, &act->key, fn, arg, act->arena, ret);
    if (e == OK)
        ledger_wake(act->app->ledger);
    struct peering *p = act->app->peering;
    if (e == OK && p != NULL && atomic_exchange(&p->messages, false))
        courier_wake(act->app->courier);
    return e;
}

enum err act_signed_by_caller(const struct act *act, const struct statement *s)
{
    if (!bytes_equal(s->signer, act->identity, SIGN_PUBLIC_BYTES))
        return problem_set(act->problem, ERR_STATEMENT_SIGNER, "/statement/signer",
                           "Sign this statement with the identity key of your account.");
    return OK;
}

enum err answer_set(struct answer *ret, struct arena *arena, int status, json_t *value)
{
    const size_t flags = JSON_COMPACT | JSON_SORT_KEYS;
    size_t len = value != NULL ? json_dumpb(value, NULL, 0, flags) : 0;
    char *body = len > 0 ? arena_alloc(arena, len + 1) : NULL;
    bool ok = body != NULL && json_dumpb(value, body, len, flags) == len;
    json_decref(value);
    if (!ok)
        return ERR_NO_MEMORY;
    *ret = (struct answer){ .status = status, .body = body, .body_len = len };
    return OK;
}

json_t *json_id(const struct id *id)
{
    char text[ID_TEXT_SIZE];
    id_text(id, text);
    return json_string(text);
}

json_t *json_b64(const void *bytes, size_t len)
{
    char text[BASE64_SIZE(128)];
    if (len > 128)
        return NULL;
    base64_encode(bytes, len, text);
    return json_string(text);
}

json_t *json_time(usec_t at)
{
    char text[TIME_TEXT_SIZE];
    time_text(at, text);
    return json_string(text);
}

enum err member_statement(const struct app *app, const char *kind, int64_t version, usec_t now,
                          json_t *extras, struct statement *ret)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    struct id id = id_v7(now, random);
    json_t *object = statement_draft(kind, &id, version, now);
    if (object == NULL || extras == NULL || json_object_update_new(object, extras) != 0) {
        json_decref(object);
        return ERR_NO_MEMORY;
    }
    return statement_sign(object, &app->member_key, ret);
}
