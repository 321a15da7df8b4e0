#include "server/schedule/courier.h"

#include "server/base/failpoint.h"
#include "server/base/json.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/peering/peering.h"
#include "server/store/member_message.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_MS 1000
#define TARGETS_MAX 128 /* members whose pauses are remembered; there are at most 100 */
#define BODY_MAX (1u << 20)
#define ANSWER_MAX (16u << 10)

struct target {
    uint16_t member;
    usec_t not_before, pause;
};

struct courier {
    struct app *app;
    struct db *db;
    struct target targets[TARGETS_MAX];
    size_t n;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake, stop;
};

/* ---- one call -------------------------------------------------------------------------------- */

/* {"messages": [...]} of what follows after seq, oldest first. The statements are canonical JSON as
 * they were signed, so they are put together as text. */
static enum err body_make(struct courier *c, uint16_t member, int64_t after, struct buf *ret,
                          size_t *ret_n)
{
    struct rows *r = NULL;
    enum err e = store_messages(c->db, member, after, COURIER_AT_ONCE, &r);
    size_t n = e == OK ? rows_count(r) : 0;
    if (e == OK)
        e = buf_add_str(ret, "{\"messages\":[");
    for (size_t i = 0; i < n && e == OK; i++)
        e = buf_addf(ret, "%s%s", i > 0 ? "," : "", row_text(r, i, 1));
    if (e == OK)
        e = buf_add_str(ret, "]}");
    rows_free(r);
    if (e == OK)
        *ret_n = n;
    return e;
}

/* {"received": n}; whatever else it says is no acknowledgement. */
static enum err answer_read(const struct peer_answer *a, int64_t *ret)
{
    json_t *value = NULL;
    if (a->status != 200 || json_read(buf_str(&a->body), a->body.len, &value, NULL) != OK)
        return ERR_MEMBER_DOWN;
    const json_t *received = json_object_get(value, "received");
    enum err e = json_is_integer(received) ? OK : ERR_MEMBER_DOWN;
    if (e == OK)
        *ret = json_integer_value(received);
    json_decref(value);
    return e;
}

static enum err post(struct courier *c, uint16_t member, const struct buf *body, int64_t *ret)
{
    struct peering *p = c->app->peering;
    struct peer_answer answer = { 0 };
    uint8_t random[16];
    char key[HEX_SIZE(sizeof(random))];
    random_bytes(random, sizeof(random));
    hex_encode(random, sizeof(random), key);
    const struct peer_call call = { .method = "POST",
                                    .target = "/peer/v1/messages",
                                    .content_type = "application/json",
                                    .idempotency_key = key,
                                    .body = body->data,
                                    .body_len = body->len,
                                    .deadline = clock_monotonic() + COURIER_CALL_US };
    buf_init(&answer.body, ANSWER_MAX);
    enum err e = p->call(p, member, &call, &answer);
    if (e == OK)
        e = answer_read(&answer, ret);
    (void)atomic_fetch_add(e == OK ? &p->delivered : &p->failures, 1);
    buf_release(&answer.body);
    return e;
}

/* *ret_more: all that was sent was taken, so the next call may follow at once. */
static enum err deliver(struct courier *c, uint16_t member, int64_t acknowledged, bool *ret_more)
{
    struct buf body;
    size_t n = 0;
    int64_t received = 0;
    buf_init(&body, BODY_MAX);
    enum err e = body_make(c, member, acknowledged, &body, &n);
    if (e == OK && n > 0)
        e = FP("courier_before_call");
    if (e == OK && n > 0)
        e = post(c, member, &body, &received);
    if (e == OK && n > 0)
        e = FP("courier_before_note");
    if (e == OK && n > 0 && received > acknowledged)
        e = store_message_acknowledge(c->db, member, received);
    else if (e == OK && n > 0)
        e = ERR_MEMBER_ORDER; /* it knows less than it acknowledged before */
    buf_release(&body);
    if (e == OK)
        *ret_more = n == COURIER_AT_ONCE;
    return e;
}

/* ---- who is due ------------------------------------------------------------------------------ */

static struct target *target_of(struct courier *c, uint16_t member)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->targets[i].member == member)
            return &c->targets[i];
    if (c->n == TARGETS_MAX)
        return NULL;
    c->targets[c->n] = (struct target){ .member = member };
    return &c->targets[c->n++];
}

static void note(struct target *t, enum err e)
{
    if (e == OK) {
        t->pause = 0;
        t->not_before = 0;
        return;
    }
    if (t->pause == 0)
        log_warn("courier", "member %u does not take messages: %s", (unsigned)t->member,
                 err_text(e));
    t->pause = t->pause == 0                      ? COURIER_PAUSE_MIN
               : t->pause * 2 < COURIER_PAUSE_MAX ? t->pause * 2
                                                  : COURIER_PAUSE_MAX;
    t->not_before = clock_monotonic() + t->pause;
}

/* False when nothing can be done now without a database. */
static bool visit(struct courier *c, const struct rows *r, size_t i, bool *ret_again)
{
    struct target *t = target_of(c, (uint16_t)row_i64(r, i, 0));
    bool more = false;
    if (t == NULL || clock_monotonic() < t->not_before)
        return true;
    enum err e = deliver(c, t->member, row_i64(r, i, 1), &more);
    if (e == ERR_DB_DOWN)
        return false;
    note(t, e);
    *ret_again |= e == OK && more;
    return true;
}

static enum err look(struct courier *c, bool *ret_again)
{
    struct rows *r = NULL;
    *ret_again = false;
    enum err e = db_check(c->db);
    if (e == OK)
        e = store_messages_open(c->db, &r);
    for (size_t i = 0; e == OK && i < rows_count(r); i++)
        if (!visit(c, r, i, ret_again))
            e = ERR_DB_DOWN;
    rows_free(r);
    return e;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool wait_for_work(struct courier *c, bool again)
{
    usec_t until = clock_monotonic() + LOOK_MS * 1000;
    (void)pthread_mutex_lock(&c->lock);
    while (!again && !c->wake && !c->stop)
        if (!wait_until(&c->woken, &c->lock, until))
            break;
    c->wake = false;
    bool go_on = !c->stop;
    (void)pthread_mutex_unlock(&c->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct courier *c = arg;
    bool again = false;
    while (wait_for_work(c, again))
        if (look(c, &again) != OK)
            again = false; /* the store has logged it */
    return NULL;
}

enum err courier_start(struct app *app, struct courier **ret)
{
    struct courier *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->app = app;
    (void)pthread_mutex_init(&c->lock, NULL);
    wait_init(&c->woken);
    enum err e = db_open(app->store, &c->db);
    if (e == OK)
        e = thread_start(&c->thread, "courier", run, c);
    if (e != OK) {
        db_close(c->db);
        free(c);
        return e;
    }
    *ret = c;
    return OK;
}

void courier_stop(struct courier *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->stop = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
    (void)pthread_join(c->thread, NULL);
    db_close(c->db);
    (void)pthread_cond_destroy(&c->woken);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

void courier_wake(struct courier *c)
{
    if (c == NULL)
        return;
    (void)pthread_mutex_lock(&c->lock);
    c->wake = true;
    (void)pthread_cond_signal(&c->woken);
    (void)pthread_mutex_unlock(&c->lock);
}
