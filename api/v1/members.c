/* /v1/members/{member}/{path...}: an operation at the member where a bounty lives. Our people talk
 * to us alone; we ask the other member on their behalf and hand its answer on. That a request takes
 * effect once is kept by the other member, under the same Idempotency-Key: whoever of us dies in
 * between, the client sends its request again and gets the first answer. */
#include "api/forward.h"
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/party/vouch.h"
#include "server/peering/peering.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define WAIT_FORWARDED_MAX 5      /* seconds of a long poll that a worker is given for */
#define MARGIN (USEC_PER_SEC / 2) /* for handing the answer on */
#define TARGET_MAX 1500
#define PREFIX "/peer/v1/forward"

struct forwarding {
    struct request *r;
    struct forward f;
    uint16_t member;
    struct vouch_subject who;
    bool anyone; /* nobody's identity goes along */
    usec_t until;
    struct buf target;
    struct peer_answer answer;
};

/* ---- what is asked --------------------------------------------------------------------------- */

static enum err add_escaped(struct buf *b, const char *text)
{
    enum err e = OK;
    for (; *text != '\0' && e == OK; text++) {
        unsigned char c = (unsigned char)*text;
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     strchr("-._~:", c) != NULL;
        e = plain ? buf_add(b, text, 1) : buf_addf(b, "%%%02X", c);
    }
    return e;
}

/* A worker waits for the answer, so a long poll is cut short; the client asks again. */
static const char *value_of(struct request *r, const char *name)
{
    const char *value = req_query(r, name);
    uint64_t seconds = 0;
    if (value != NULL && strcmp(name, "wait") == 0 && u64_parse(value, strlen(value), &seconds) &&
        seconds > WAIT_FORWARDED_MAX && seconds <= 20)
        return "5";
    return value;
}

static enum err make_target(struct forwarding *x)
{
    static const char *const names[] = { "limit", "cursor", "disease", "phase", "wait" };
    /* behind "/v1" */
    enum err e = buf_addf(&x->target, "%s%s", PREFIX, x->f.path + 3);
    char before = '?';
    for (size_t i = 0; i < COUNT(names) && e == OK; i++) {
        const char *value = value_of(x->r, names[i]);
        if (value == NULL)
            continue;
        e = buf_addf(&x->target, "%c%s=", before, names[i]);
        if (e == OK)
            e = add_escaped(&x->target, value);
        before = '&';
    }
    return e;
}

/* ---- for whom -------------------------------------------------------------------------------- */

/* A patient is nobody but a key toward another member's bounty. */
static enum err find_subject(struct forwarding *x)
{
    struct request *r = x->r;
    const char *text = req_header(r, "Cairn-Acting-As");
    struct id as;
    if (text != NULL && !id_parse(text, &as))
        return ERR_NOT_FOUND;
    if (text == NULL && x->f.route->who == WHO_PATIENT)
        return ERR_PSEUDONYM_MISSING;
    x->anyone = text == NULL && x->f.route->who == WHO_ANYONE;
    return x->anyone ? OK
                     : vouch_find(r->db, &r->caller.account, text != NULL ? &as : NULL, &x->who);
}

static void answer_clear(struct peer_answer *a)
{
    struct buf body = a->body;
    buf_clear(&body);
    *a = (struct peer_answer){ .body = body };
}

/* The code of a problem document; "" for anything else. */
static void problem_code(const struct peer_answer *a, char ret[48])
{
    json_t *value = NULL;
    ret[0] = '\0';
    if (a->status < 400 || json_read(buf_str(&a->body), a->body.len, &value, NULL) != OK)
        return;
    const char *code = json_string_value(json_object_get(value, "code"));
    (void)snprintf(ret, 48, "%s", code != NULL ? code : "");
    json_decref(value);
}

static enum err vouch(struct forwarding *x)
{
    struct request *r = x->r;
    struct peering *p = r->app->peering;
    struct buf body;
    char key[ID_TEXT_SIZE];
    id_text(&x->who.account, key);
    buf_init(&body, 16u << 10);
    answer_clear(&x->answer);
    enum err e = vouch_body(r->app, &x->who, r->app->now(r->app), &body);
    const struct peer_call call = { .method = "POST",
                                    .target = "/peer/v1/accounts",
                                    .content_type = "application/json",
                                    .idempotency_key = key,
                                    .body = body.data,
                                    .body_len = body.len,
                                    .deadline = x->until };
    if (e == OK)
        e = p->call(p, x->member, &call, &x->answer);
    buf_release(&body);
    if (e == OK && x->answer.status != 200) {
        char code[48];
        problem_code(&x->answer, code);
        log_warn("members", "member %u does not take our word: %d %s", (unsigned)x->member,
                 x->answer.status, code);
        e = strcmp(code, "member.account") == 0 ? ERR_MEMBER_ACCOUNT : ERR_MEMBER_DOWN;
    }
    return e == OK ? store_vouched_insert(r->db, &x->who.account, x->member, x->who.role,
                                          r->app->now(r->app))
                   : e;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static enum err ask(struct forwarding *x)
{
    static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
    static const char *const types[] = { NULL, "application/json", "application/octet-stream" };
    struct request *r = x->r;
    struct peering *p = r->app->peering;
    char account[ID_TEXT_SIZE];
    id_text(&x->who.account, account);
    const struct peer_call call = { .method = methods[x->f.route->method],
                                    .target = buf_str(&x->target),
                                    .content_type = types[x->f.route->body],
                                    .idempotency_key = req_header(r, "Idempotency-Key"),
                                    .if_match = req_header(r, "If-Match"),
                                    .on_behalf_of = x->anyone ? NULL : account,
                                    .body = r->body,
                                    .body_len = r->body_len,
                                    .body_file = r->body_file,
                                    .deadline = x->until };
    answer_clear(&x->answer);
    return p->call(p, x->member, &call, &x->answer);
}

/* The word is given once, and again when the other member does not remember it. */
static enum err ask_known(struct forwarding *x)
{
    bool known = x->anyone || x->who.role == NULL;
    char code[48];
    enum err e = OK;
    if (!known)
        e = store_vouched(x->r->db, &x->who.account, x->member, x->who.role, &known);
    bool fresh = !known;
    if (e == OK && !known)
        e = vouch(x);
    if (e == OK)
        e = ask(x);
    problem_code(&x->answer, code);
    if (e == OK && !fresh && x->who.role != NULL && strcmp(code, "member.account") == 0) {
        e = vouch(x);
        if (e == OK)
            e = ask(x);
        problem_code(&x->answer, code);
    }
    /* A quarrel between members is not the client's; it may be over at the next try. */
    return e == OK && strncmp(code, "peer.", 5) == 0 ? ERR_MEMBER_DOWN : e;
}

/* ---- the answer ------------------------------------------------------------------------------ */

/* </v1/...>; rel="next" at the other member is a page under our path. */
static void relay_link(struct request *r, uint16_t member, const char *link)
{
    if (strncmp(link, "</v1/", 5) != 0)
        return;
    char *own = arena_printf(r->arena, "</v1/members/%u/%s", (unsigned)member, link + 5);
    if (own != NULL)
        reply_header(r, "Link", own);
}

static void relay(struct forwarding *x)
{
    struct request *r = x->r;
    const struct peer_answer *a = &x->answer;
    const struct {
        const char *name, *value;
    } headers[] = { { "ETag", a->etag },
                    { "Retry-After", a->retry_after },
                    { "Cache-Control", a->cache_control },
                    { "Idempotency-Replayed", a->replayed } };
    if (a->status < 200 || a->status > 599) {
        api_fail(r, ERR_MEMBER_DOWN);
        return;
    }
    for (size_t i = 0; i < COUNT(headers); i++)
        if (headers[i].value[0] != '\0')
            reply_header(r, headers[i].name, headers[i].value);
    relay_link(r, x->member, a->link);
    if (a->body.len == 0)
        reply_empty(r, a->status);
    else
        reply_text(r, a->status, a->content_type, a->body.data, a->body.len);
}

/* Requests for other members never take all workers: those who wait for us to answer them are
 * served by the rest, so two members that ask each other cannot wait for ever. */
static enum err enter(struct peering *p)
{
    (void)atomic_fetch_add(&p->calls, 1);
    if (atomic_fetch_add(&p->forwards, 1) < p->forwards_max)
        return OK;
    (void)atomic_fetch_sub(&p->forwards, 1);
    return ERR_BUSY;
}

static void forward_away(struct forwarding *x)
{
    struct request *r = x->r;
    struct peering *p = r->app->peering;
    uint8_t key[SIGN_PUBLIC_BYTES];
    buf_init(&x->target, TARGET_MAX);
    buf_init(&x->answer.body, PEER_BODY_MAX);
    x->until = req_deadline(r) - MARGIN;
    enum err e = p != NULL ? p->key(p, x->member, key) : ERR_MEMBER_UNKNOWN;
    if (e == OK)
        e = find_subject(x);
    if (e == OK)
        e = make_target(x);
    if (e == OK)
        e = enter(p);
    if (e == OK) {
        e = ask_known(x);
        (void)atomic_fetch_sub(&p->forwards, 1);
    }
    if (e != OK)
        api_fail(r, e);
    else
        relay(x);
    buf_release(&x->target);
    buf_release(&x->answer.body);
}

void api_member_any(struct request *r)
{
    struct forwarding x = { .r = r };
    uint64_t member = 0;
    const char *text = r->path_params[0];
    enum err e = forward_find(r, r->path_params[1], &x.f);
    if (e == OK && (!u64_parse(text, strlen(text), &member) || member < 1 || member > UINT16_MAX))
        e = ERR_MEMBER_UNKNOWN;
    if (e == OK)
        e = forward_role(r, &x.f);
    x.member = (uint16_t)member;
    if (e != OK)
        api_fail(r, e);
    else if (member != r->app->member)
        forward_away(&x);
    else if (req_header(r, "Cairn-Acting-As") != NULL)
        api_fail(r, ERR_NOT_FOUND); /* at home nobody has a pseudonym */
    else
        forward_run(r, &x.f);
}
