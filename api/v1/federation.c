/* /v1/federation */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/ledger/io/ledger.h"

static json_t *key_json(const struct note_key *k)
{
    struct buf text;
    buf_init(&text, 1024);
    json_t *value = note_key_print(k, &text) == OK ? json_string(buf_str(&text)) : NULL;
    buf_release(&text);
    return value;
}

static json_t *logs_json(struct ledger *l)
{
    json_t *list = json_array();
    for (int chain = CHAIN_ACCOUNT; chain <= CHAIN_TX && list != NULL; chain++) {
        struct note_key key;
        ledger_log_key(l, (enum chain)chain, &key);
        json_t *one = json_pack("{s:s, s:s, s:o, s:I}", "chain", chain_name((enum chain)chain),
                                "origin", key.name, "key", key_json(&key), "size",
                                (json_int_t)ledger_size(l, (enum chain)chain));
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

void api_federation_get(struct request *r)
{
    const struct app *app = r->app;
    struct note_key cosigner;
    ledger_cosigner_key(app->ledger, &cosigner);
    reply_header(r, "Cache-Control", "no-cache");
    reply_value(r, 200,
                json_pack("{s:s, s:i, s:[{s:i, s:s, s:s, s:o, s:o}], s:o, s:i}", "federation",
                          app->federation, "member", (int)app->member, "members", "number",
                          (int)app->member, "name", cosigner.name, "role", "validator",
                          "statement_key", json_b64(app->member_key.public, SIGN_PUBLIC_BYTES),
                          "cosigner_key", key_json(&cosigner), "logs", logs_json(app->ledger),
                          "faults_tolerated", 0));
}

void api_policy_get(struct request *r)
{
    struct buf text;
    buf_init(&text, 64u << 10);
    enum err e = ledger_policy(r->app->ledger, &text);
    if (e != OK)
        api_fail(r, e);
    else
        reply_text(r, 200, "text/plain; charset=utf-8", buf_str(&text), text.len);
    buf_release(&text);
}
