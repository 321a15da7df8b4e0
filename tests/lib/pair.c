#include "tests/lib/pair.h"

#include "server/app_apply.h"
#include "server/clearing/clearing.h"
#include "server/party/vouch.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(enum err e, const char *what)
{
    if (e == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_code(e));
    abort();
}

/* ---- peering ----------------------------------------------------------------------------------
 */

static enum err key_of(const struct peering *p, uint16_t number, uint8_t ret[SIGN_PUBLIC_BYTES])
{
    const struct pair_side *s = p->arg;
    const struct app *other = &s->pair->w[1 - s->me].app;
    if (number != other->member)
        return ERR_MEMBER_UNKNOWN;
    memcpy(ret, other->member_key.public, SIGN_PUBLIC_BYTES);
    return OK;
}

static bool not_alone(const struct peering *p)
{
    (void)p;
    return false;
}

/* What api/peer does with the body of each operation. */
static enum err serve(struct world *to, uint16_t from, const struct peer_call *c,
                      struct arena *arena, struct answer *ret)
{
    json_t *body = NULL;
    struct act act = { .app = &to->app, .arena = arena, .now = world_now(to) };
    struct problem problem = { 0 };
    act.problem = &problem;
    enum err e = json_read(c->body, c->body_len, &body, NULL);
    const json_t *list = json_object_get(body, "messages");
    for (size_t i = 0; i < json_array_size(list) && e == OK; i++) {
        struct statement s = { 0 };
        e = statement_parse(json_array_get(list, i), "", &s, &problem);
        if (e == OK)
            e = clearing_apply(&act, from, &s, ret);
        statement_release(&s);
    }
    json_decref(body);
    return e;
}

static enum err call(const struct peering *p, uint16_t number, const struct peer_call *c,
                     struct peer_answer *ret)
{
    const struct pair_side *s = p->arg;
    struct pair *pair = s->pair;
    struct answer answer = { 0 };
    int trouble = atomic_load(&pair->trouble);
    (void)atomic_fetch_add(&pair->calls, 1);
    if (number != pair->w[1 - s->me].app.member)
        return ERR_MEMBER_UNKNOWN;
    if (trouble == PAIR_LOST)
        return ERR_MEMBER_DOWN;
    struct arena *arena = arena_new(1u << 20);
    enum err e = serve(&pair->w[1 - s->me], pair->w[s->me].app.member, c, arena, &answer);
    ret->status = e == OK ? answer.status : err_status(e);
    if (e == OK)
        must(buf_add(&ret->body, answer.body, answer.body_len), "answer");
    arena_free(arena);
    return trouble == PAIR_MUTE ? ERR_MEMBER_DOWN : OK;
}

/* ---- life -------------------------------------------------------------------------------------
 */

void pair_up(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    for (size_t i = 0; i < 2; i++) {
        struct world *w = &p->w[i];
        world_up_as(w, (uint16_t)(i + 1));
        p->side[i].pair = p;
        p->side[i].me = i;
        p->peering[i] = (struct peering){
            .key = key_of, .alone = not_alone, .call = call, .arg = &p->side[i], .forwards_max = 4
        };
        w->app.peering = &p->peering[i];
        struct member *m = &p->members.list[p->members.n++];
        *m = (struct member){ .number = w->app.member, .role = MEMBER_VALIDATOR };
        memcpy(m->member_key, w->app.member_key.public, SIGN_PUBLIC_BYTES);
    }
}

void pair_down(struct pair *p)
{
    for (size_t i = 0; i < 2; i++)
        world_down(&p->w[i]);
}

/* ---- delivery ---------------------------------------------------------------------------------
 */

struct delivery {
    struct apply_context c;
    uint16_t member;
    uint64_t sequence;
    const char *kind, *statement;
    size_t len;
    usec_t now;
};

static enum err apply_tx(struct db *db, void *arg)
{
    const struct delivery *d = arg;
    for (size_t i = 0; i < app_apply_n; i++)
        if (strcmp(app_apply[i].kind, d->kind) == 0)
            return app_apply[i].fn(&d->c, db, d->member, d->sequence, d->statement, d->len, d->now);
    return OK;
}

enum err pair_apply(struct pair *p, size_t at, uint16_t member, uint64_t sequence, const char *kind,
                    const char *statement, size_t len)
{
    struct arena *arena = arena_new(1u << 20);
    struct delivery d = { .c = { &p->w[at].app, &p->members, arena },
                          .member = member,
                          .sequence = sequence,
                          .kind = kind,
                          .statement = statement,
                          .len = len,
                          .now = world_now(&p->w[at]) };
    must(db_check(p->w[at].db), "connection");
    enum err e = db_transact(p->w[at].db, "apply", apply_tx, &d);
    arena_free(arena);
    return e;
}

void pair_deliver(struct pair *p, size_t from, bool again)
{
    static const struct store_stmt entries = {
        "pair_entries", "SELECT seq, kind, convert_from(statement, 'UTF8') FROM entry WHERE"
                        " is_public AND chain = $1::smallint AND seq > $2::bigint ORDER BY seq"
    };
    struct world *w = &p->w[from];
    for (int chain = CHAIN_ACCOUNT; chain <= CHAIN_TX; chain++) {
        struct rows *r = NULL;
        const struct param in[] = { p_i64(chain), p_i64(again ? 0 : p->delivered[from][chain]) };
        must(db_check(w->db), "connection");
        must(db_exec(w->db, &entries, in, COUNT(in), &r), "entries");
        for (size_t i = 0; i < rows_count(r); i++) {
            const char *text = row_text(r, i, 2);
            must(pair_apply(p, 1 - from, w->app.member, (uint64_t)row_i64(r, i, 0),
                            row_text(r, i, 1), text, strlen(text)),
                 "apply");
            p->delivered[from][chain] = row_i64(r, i, 0);
        }
        rows_free(r);
    }
}

enum err pair_vouch(struct pair *p, size_t to, const struct id *account, const struct id *acting_as)
{
    struct world *home = &p->w[1 - to], *w = &p->w[to];
    struct vouch_subject v;
    struct buf body;
    struct statement s = { 0 };
    json_t *value = NULL;
    struct answer answer = { 0 };
    struct arena *arena = arena_new(1u << 20);
    struct act act = { .app = &w->app, .arena = arena, .now = world_now(w) };
    buf_init(&body, 64u << 10);
    must(db_check(home->db), "connection");
    enum err e = vouch_find(home->db, account, acting_as, &v);
    if (e == OK)
        e = vouch_body(&home->app, &v, world_now(home), &body);
    if (e == OK)
        e = json_read(buf_str(&body), body.len, &value, NULL);
    if (e == OK)
        e = statement_parse(json_object_get(value, "statement"), "", &s, NULL);
    if (e == OK) {
        e = vouch_accept(&act, home->app.member, &s, &answer);
    }
    json_decref(value);
    statement_release(&s);
    buf_release(&body);
    arena_free(arena);
    return e;
}
