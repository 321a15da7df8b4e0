/* /v1/federation: who the members are, where the chains stand, how far each member is behind */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/ledger/io/consensus.h"
#include "server/ledger/io/ledger.h"

#include <stdio.h>

struct view {
    const struct app *app;
    struct members members;
    struct consensus_state consensus;
    struct peers_state peers[MEMBERS_MAX];
    size_t n_peers;
    bool drives;
};

static json_t *key_json(const struct note_key *k)
{
    struct buf text;
    buf_init(&text, 1024);
    json_t *value = note_key_print(k, &text) == OK ? json_string(buf_str(&text)) : NULL;
    buf_release(&text);
    return value;
}

static bool reachable(const struct view *v, uint16_t number)
{
    for (size_t i = 0; i < v->n_peers; i++)
        if (v->peers[i].member == number)
            return v->peers[i].reachable;
    return number == v->app->member;
}

/* How many entries of a chain a member has not cosigned yet, as far as we have seen. */
static json_t *lag_json(const struct view *v, uint16_t number)
{
    json_t *lag = json_object();
    for (int k = 0; k < CHAINS && lag != NULL; k++) {
        uint64_t size = ledger_size(v->app->ledger, (enum chain)(k + 1));
        uint64_t seen = number == v->app->member ? size : 0;
        for (size_t i = 0; i < v->consensus.n_signed; i++)
            if (v->consensus.cosigned[i].member == number && number != v->app->member)
                seen = v->consensus.cosigned[i].size[k];
        if (json_object_set_new(lag, chain_name((enum chain)(k + 1)),
                                json_integer((json_int_t)(seen < size ? size - seen : 0))) != 0) {
            json_decref(lag);
            lag = NULL;
        }
    }
    return lag;
}

static json_t *member_json(const struct view *v, const struct member *m)
{
    char name[NOTE_NAME_MAX + 1];
    struct note_key key;
    (void)snprintf(name, sizeof(name), "%s/member-%u", v->app->federation, m->number);
    if (!note_key_make(name, NOTE_TYPE_COSIGNATURE, m->cosigner_key, &key))
        return NULL;
    return json_pack(
        "{s:i, s:s, s:s, s:s, s:s, s:o, s:o, s:o, s:i, s:b, s:o}", "number", (int)m->number, "name",
        name, "institution", m->name, "role", member_role_name(m->role), "endpoint", m->endpoint,
        "statement_key", json_b64(m->member_key, SIGN_PUBLIC_BYTES), "vote_key",
        json_b64(m->vote_key, SIGN_PUBLIC_BYTES), "cosigner_key", key_json(&key), "credit",
        (int)m->credit, "reachable", (int)reachable(v, m->number), "lag", lag_json(v, m->number));
}

static json_t *members_json(const struct view *v)
{
    json_t *list = json_array();
    for (size_t i = 0; i < v->members.n && list != NULL; i++)
        if (json_array_append_new(list, member_json(v, &v->members.list[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static json_t *logs_json(const struct view *v)
{
    json_t *list = json_array();
    for (int k = 0; k < CHAINS && list != NULL; k++) {
        enum chain chain = (enum chain)(k + 1);
        struct note_key key;
        ledger_log_key(v->app->ledger, chain, &key);
        json_t *one = json_pack("{s:s, s:s, s:o, s:I, s:I, s:I}", "chain", chain_name(chain),
                                "origin", key.name, "key", key_json(&key), "size",
                                (json_int_t)ledger_size(v->app->ledger, chain), "height",
                                (json_int_t)v->consensus.chain[k].delivered_height, "view",
                                (json_int_t)v->consensus.chain[k].view);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

/* As many further faults as the validators that answer now can still bear. */
static int faults_now(const struct view *v)
{
    uint16_t list[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(&v->members, list);
    int faults = core_faults(n);
    for (uint16_t i = 0; i < n; i++)
        faults -= !reachable(v, list[i]);
    return faults > 0 ? faults : 0;
}

void api_federation_get(struct request *r)
{
    struct app *app = r->app;
    struct view *v = arena_alloc(r->arena, sizeof(*v));
    if (v == NULL) {
        api_fail(r, ERR_NO_MEMORY);
        return;
    }
    v->app = app;
    ledger_members(app->ledger, &v->members);
    v->drives = ledger_consensus(app->ledger, &v->consensus);
    if (app->peers != NULL)
        v->n_peers = peers_states(app->peers, v->peers);
    reply_header(r, "Cache-Control", "no-cache");
    reply_value(r, 200,
                json_pack("{s:s, s:i, s:I, s:b, s:o, s:o, s:i}", "federation", app->federation,
                          "member", (int)app->member, "epoch", (json_int_t)v->members.epoch,
                          "votes", (int)v->consensus.votes, "members", members_json(v), "logs",
                          logs_json(v), "faults_tolerated", faults_now(v)));
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
