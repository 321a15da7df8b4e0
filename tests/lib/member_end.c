#include "tests/lib/member_end.h"

#include "server/crypto/hash.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#define WAIT_S 10

static usec_t now(const struct app *app)
{
    return clock_now() + app->now_offset;
}

static void wake(void *arg)
{
    struct member_end *e = arg;
    (void)pthread_mutex_lock(&e->lock);
    e->wakes++;
    (void)pthread_cond_broadcast(&e->woken);
    (void)pthread_mutex_unlock(&e->lock);
}

void member_end_start_edge(struct member_end *e)
{
    const struct listener_config c = {
        .address = "127.0.0.1", .port = e->port, .threads = 2, .workers = 1, .queue_max = 16
    };
    enum err failed = listener_start(&e->app, &c, &e->app.listener);
    assert(failed == OK);
    e->port = listener_port(e->app.listener);
}

void member_end_stop_edge(struct member_end *e)
{
    listener_stop(e->app.listener);
    e->app.listener = NULL;
}

void member_end_open(struct member_end *e, uint16_t number)
{
    uint8_t seed[SIGN_SEED_BYTES] = { (uint8_t)number };
    *e = (struct member_end){ .number = number, .app = { .now = now, .member = number } };
    sign_key_from_seed(seed, &e->key);
    (void)pthread_mutex_init(&e->lock, NULL);
    (void)pthread_cond_init(&e->woken, NULL);
    struct peers_config c = {
        .me = number, .member_key = e->key, .wake = wake, .wake_arg = e, .genesis = { 7 }
    };
    enum err failed = peers_open(&c, &e->app.peers);
    assert(failed == OK);
    member_end_start_edge(e);
}

void member_end_close(struct member_end *e)
{
    if (e->app.listener != NULL)
        member_end_stop_edge(e);
    peers_close(e->app.peers);
    (void)pthread_mutex_destroy(&e->lock);
    (void)pthread_cond_destroy(&e->woken);
}

void member_end_knows(struct member_end *e, const struct members *m)
{
    peers_set_members(e->app.peers, m);
}

void member_end_list(struct member_end *const *ends, size_t n, struct members *ret)
{
    memset(ret, 0, sizeof(*ret));
    assert(n <= MEMBERS_MAX);
    for (size_t i = 0; i < n; i++) {
        struct member *m = &ret->list[ret->n++];
        m->number = ends[i]->number;
        m->role = MEMBER_VALIDATOR;
        memcpy(m->member_key, ends[i]->key.public, sizeof(m->member_key));
        (void)snprintf(m->endpoint, sizeof(m->endpoint), "http://127.0.0.1:%u", ends[i]->port);
    }
}

void member_end_join(struct member_end *const *ends, size_t n)
{
    static struct members m; /* large */
    member_end_list(ends, n, &m);
    for (size_t i = 0; i < n; i++)
        member_end_knows(ends[i], &m);
}

bool member_end_wait(struct member_end *e)
{
    struct timespec until;
    int late = 0;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    (void)pthread_mutex_lock(&e->lock);
    while (e->wakes == e->seen && late == 0)
        late = pthread_cond_timedwait(&e->woken, &e->lock, &until);
    e->seen = e->wakes;
    (void)pthread_mutex_unlock(&e->lock);
    return late == 0;
}
