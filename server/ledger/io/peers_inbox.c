/* What came in and was not looked at yet. */
#include "server/ledger/io/peers_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static size_t beyond(size_t used, size_t kept)
{
    return used > kept ? used - kept : 0;
}

/* Each member has its part of one half for itself; beyond that it takes from the common half. Under
 * the lock. */
static bool charge(struct peers *p, struct peer *peer, size_t len)
{
    size_t kept = PEERS_INBOX_BYTES / 2 / p->listed;
    size_t before = beyond(peer->inbox_bytes, kept), after = beyond(peer->inbox_bytes + len, kept);
    if (after > before &&
        (after > PEERS_COMMON_EACH || p->common_bytes + after - before > PEERS_INBOX_BYTES / 2))
        return false;
    peer->inbox_bytes += len;
    p->common_bytes += after - before;
    return true;
}

/* The parts change with the number of members: what was common then may be kept now, and the other
 * way round. So the sum is made anew. Under the lock. */
static void discharge(struct peers *p, uint16_t from, size_t len)
{
    size_t kept = PEERS_INBOX_BYTES / 2 / (p->listed > 0 ? p->listed : 1);
    p->common_bytes = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct peer *peer = p->place[i];
        if (peer->state.member == from) {
            assert(peer->inbox_bytes >= len);
            peer->inbox_bytes -= len;
        }
        p->common_bytes += beyond(peer->inbox_bytes, kept);
    }
}

enum err peers_expect(struct peers *p, uint16_t from, size_t len)
{
    (void)pthread_mutex_lock(&p->lock);
    struct peer *peer = peers_find(p, from);
    enum err e = peer == NULL ? ERR_NOT_FOUND : charge(p, peer, len) ? OK : ERR_BUSY;
    (void)pthread_mutex_unlock(&p->lock);
    if (e == ERR_BUSY)
        peers_refused(p, PEERS_FULL);
    return e;
}

void peers_expect_end(struct peers *p, uint16_t from, size_t len)
{
    (void)pthread_mutex_lock(&p->lock);
    discharge(p, from, len);
    (void)pthread_mutex_unlock(&p->lock);
}

enum err peers_receive(struct peers *p, uint16_t from, const uint8_t *frames, size_t len)
{
    if (len == 0)
        return OK;
    enum err e = peers_expect(p, from, sizeof(struct post) + len);
    if (e != OK)
        return e;
    struct post *post = malloc(sizeof(*post) + len);
    if (post == NULL) {
        peers_expect_end(p, from, sizeof(*post) + len);
        return ERR_NO_MEMORY;
    }
    *post = (struct post){ .from = from, .len = len };
    memcpy(post->bytes, frames, len);
    (void)pthread_mutex_lock(&p->lock);
    bool first = p->first == NULL;
    if (first)
        p->first = post;
    else
        p->last->next = post;
    p->last = post;
    (void)pthread_mutex_unlock(&p->lock);
    if (first && p->wake != NULL)
        p->wake(p->wake_arg);
    return OK;
}

/* Under the lock. A member may have left meanwhile; its place is kept until its posts are gone. */
static void count(struct peers *p, const struct post *post, size_t frames)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->place[i]->state.member == post->from) {
            p->place[i]->state.received_frames += frames;
            p->place[i]->state.received_bytes += post->len;
        }
    discharge(p, post->from, sizeof(*post) + post->len);
}

size_t peers_take(struct peers *p,
                  void (*fn)(void *arg, uint16_t from, uint8_t type, const uint8_t *payload,
                             size_t len),
                  void *arg)
{
    size_t taken = 0;
    (void)pthread_mutex_lock(&p->lock);
    struct post *next, *list = p->first;
    p->first = p->last = NULL;
    (void)pthread_mutex_unlock(&p->lock);
    for (struct post *post = list; post != NULL; post = next) {
        next = post->next;
        size_t at = 0, len = 0, frames = 0;
        uint8_t type = 0;
        const uint8_t *payload = NULL;
        bool bad = false;
        for (; wire_frame_next(post->bytes, post->len, &at, &type, &payload, &len, &bad); frames++)
            fn(arg, post->from, type, payload, len);
        if (bad)
            peers_refused(p, PEERS_FRAME);
        (void)pthread_mutex_lock(&p->lock);
        count(p, post, frames);
        (void)pthread_mutex_unlock(&p->lock);
        taken += frames;
        free(post);
    }
    return taken;
}

void inbox_release(struct peers *p)
{
    struct post *next;
    for (struct post *post = p->first; post != NULL; post = next) {
        next = post->next;
        free(post);
    }
}
