/* The life of the transport, who is in it, and what it counts. */
#include "server/base/thread.h"
#include "server/ledger/io/peers_internal.h"

#include "server/base/log.h"
#include "server/crypto/hash.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Two connections to each member, and some for those that are being replaced. */
#define CONNECTIONS_KEPT (PEERS_LANES * MEMBERS_MAX + 16)

/* ---- open and close -------------------------------------------------------------------- */

static enum err start(struct peers *p)
{
    p->multi = curl_multi_init();
    if (p->multi == NULL)
        return ERR_NO_MEMORY;
    (void)curl_multi_setopt(p->multi, CURLMOPT_MAXCONNECTS, (long)CONNECTIONS_KEPT);
    (void)curl_multi_setopt(p->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    enum err e = thread_start(&p->thread, "transport", peers_main, p);
    p->started = e == OK;
    return e;
}

enum err peers_open(const struct peers_config *c, struct peers **ret)
{
    assert(c->me > 0);
    struct peers *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NO_MEMORY;
    memcpy(p->genesis, c->genesis, sizeof(p->genesis));
    p->me = c->me;
    p->member_key = c->member_key;
    p->wake = c->wake;
    p->wake_arg = c->wake_arg;
    p->ca_file = c->ca_file != NULL ? strdup(c->ca_file) : NULL;
    (void)pthread_mutex_init(&p->lock, NULL);
    enum err e = c->ca_file == NULL || p->ca_file != NULL ? OK : ERR_NO_MEMORY;
    if (e == OK && curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        e = ERR_INTERNAL;
    if (e == OK)
        e = nonces_new(&p->nonces);
    if (e == OK)
        e = start(p);
    if (e == OK)
        *ret = p;
    else
        peers_close(p);
    return e;
}

static void peer_free(struct peers *p, struct peer *peer)
{
    for (size_t i = 0; i < PEERS_LANES; i++)
        lane_release(p, &peer->lane[i]);
    free(peer);
}

void peers_close(struct peers *p)
{
    if (p == NULL)
        return;
    atomic_store(&p->stop, true);
    if (p->started) {
        (void)curl_multi_wakeup(p->multi);
        (void)pthread_join(p->thread, NULL);
    }
    for (size_t i = 0; i < p->n; i++)
        peer_free(p, p->place[i]);
    inbox_release(p);
    (void)curl_multi_cleanup(p->multi);
    nonces_free(p->nonces);
    free(p->ca_file);
    (void)pthread_mutex_destroy(&p->lock);
    sign_key_wipe(&p->member_key);
    free(p);
}

/* ---- the list -------------------------------------------------------------------------- */

struct peer *peers_find(struct peers *p, uint16_t number)
{
    for (size_t i = 0; i < p->n; i++)
        if (p->place[i]->listed && p->place[i]->state.member == number)
            return p->place[i];
    return NULL;
}

static bool idle(const struct peer *peer)
{
    return !peer->listed && peer->inbox_bytes == 0 && !peer->lane[PEERS_VOTES].busy &&
           !peer->lane[PEERS_BULK].busy;
}

static struct peer *peer_new(struct peers *p)
{
    struct peer *peer = p->n < PEERS_PLACES ? calloc(1, sizeof(*peer)) : NULL;
    if (peer == NULL)
        return NULL;
    for (size_t i = 0; i < PEERS_LANES; i++) {
        peer->lane[i].peer = peer;
        peer->lane[i].post_max = WIRE_POST_MAX;
        buf_init(&peer->lane[i].body, WIRE_POST_MAX);
    }
    p->place[p->n++] = peer;
    return peer;
}

/* The member's own place, or a fresh one, or that of one who left. Under the lock. */
static struct peer *place_for(struct peers *p, uint16_t number)
{
    struct peer *free_place = NULL;
    for (size_t i = 0; i < p->n; i++) {
        if (p->place[i]->state.member == number)
            return p->place[i];
        if (idle(p->place[i]))
            free_place = p->place[i];
    }
    struct peer *peer = free_place != NULL ? free_place : peer_new(p);
    if (peer != NULL)
        peer->state = (struct peers_state){ .member = number };
    return peer;
}

static void unlist(struct peer *peer)
{
    peer->listed = false;
    for (size_t i = 0; i < PEERS_LANES; i++)
        (void)queue_trim(&peer->lane[i].queue, 0, 0);
}

static bool wanted(const struct peers *p, const struct member *m)
{
    return m->number != p->me && m->role != MEMBER_GONE;
}

static bool still_wanted(const struct peers *p, const struct members *m, uint16_t number)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->list[i].number == number)
            return wanted(p, &m->list[i]);
    return false;
}

static void list(struct peers *p, const struct member *m)
{
    struct peer *peer = place_for(p, m->number);
    if (peer == NULL) {
        log_error("peers", "no place for member %u: no memory", m->number);
        return;
    }
    /* A new address or key: nothing that was learned about the old one counts. */
    bool changed = strcmp(peer->endpoint, m->endpoint) != 0;
    for (size_t i = 0; i < PEERS_LANES && (!peer->listed || changed); i++) {
        peer->lane[i].failing = false;
        peer->lane[i].not_before = 0;
    }
    peer->listed = true;
    (void)snprintf(peer->endpoint, sizeof(peer->endpoint), "%s", m->endpoint);
    memcpy(peer->key, m->member_key, sizeof(peer->key));
}

void peers_set_members(struct peers *p, const struct members *m)
{
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        if (p->place[i]->listed && !still_wanted(p, m, p->place[i]->state.member))
            unlist(p->place[i]);
    }
    for (size_t i = 0; i < m->n; i++)
        if (wanted(p, &m->list[i]))
            list(p, &m->list[i]);
    p->listed = 0;
    for (size_t i = 0; i < p->n; i++)
        p->listed += p->place[i]->listed;
    (void)pthread_mutex_unlock(&p->lock);
    peers_flush(p);
}

/* ---- who is who ------------------------------------------------------------------------ */

uint16_t peers_me(const struct peers *p)
{
    return p->me;
}

const uint8_t *peers_genesis(const struct peers *p)
{
    return p->genesis;
}

const char *peers_ca_file(const struct peers *p)
{
    return p->ca_file;
}

bool peers_member_key(struct peers *p, uint16_t number, uint8_t ret[SIGN_PUBLIC_BYTES])
{
    (void)pthread_mutex_lock(&p->lock);
    const struct peer *peer = peers_find(p, number);
    if (peer != NULL)
        memcpy(ret, peer->key, SIGN_PUBLIC_BYTES);
    (void)pthread_mutex_unlock(&p->lock);
    return peer != NULL;
}

bool peers_endpoint(struct peers *p, uint16_t number, char ret[MEMBER_ENDPOINT_MAX + 1])
{
    (void)pthread_mutex_lock(&p->lock);
    const struct peer *peer = peers_find(p, number);
    if (peer != NULL)
        memcpy(ret, peer->endpoint, sizeof(peer->endpoint));
    (void)pthread_mutex_unlock(&p->lock);
    return peer != NULL;
}

enum err peers_nonce(struct peers *p, uint16_t from, uint64_t nonce)
{
    (void)pthread_mutex_lock(&p->lock);
    enum err e = nonces_take(p->nonces, from, nonce, clock_monotonic());
    (void)pthread_mutex_unlock(&p->lock);
    return e;
}

/* ---- what is counted ------------------------------------------------------------------- */

void peers_refused(struct peers *p, enum peers_refusal why)
{
    assert(why < PEERS_REFUSALS);
    (void)atomic_fetch_add_explicit(&p->refused[why], 1, memory_order_relaxed);
}

uint64_t peers_refusals(struct peers *p, enum peers_refusal why)
{
    return atomic_load_explicit(&p->refused[why], memory_order_relaxed);
}

size_t peers_states(struct peers *p, struct peers_state ret[MEMBERS_MAX])
{
    size_t n = 0;
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n && n < MEMBERS_MAX; i++)
        if (p->place[i]->listed)
            ret[n++] = p->place[i]->state;
    (void)pthread_mutex_unlock(&p->lock);
    return n;
}

static enum err put_counter(const struct peers_state *s, size_t n, const char *name,
                            const char *help, size_t offset, struct buf *ret)
{
    enum err e =
        buf_addf(ret, "# TYPE cairn_peer_%s counter\n# HELP cairn_peer_%s %s\n", name, name, help);
    for (size_t i = 0; i < n && e == OK; i++) {
        uint64_t value = 0;
        memcpy(&value, (const char *)&s[i] + offset, sizeof(value));
        e = buf_addf(ret, "cairn_peer_%s_total{member=\"%u\"} %llu\n", name, s[i].member,
                     (unsigned long long)value);
    }
    return e;
}

static enum err put_refused(struct peers *p, struct buf *ret)
{
    static const char *const names[PEERS_REFUSALS] = {
        "unsigned", "form",   "coverage", "stranger", "addressee", "signature", "digest",
        "stale",    "replay", "oversize", "rate",     "full",      "frame",
    };
    enum err e = buf_add_str(ret, "# TYPE cairn_peer_refused counter\n"
                                  "# HELP cairn_peer_refused Peer requests refused, by reason.\n");
    for (size_t i = 0; i < PEERS_REFUSALS && e == OK; i++)
        e = buf_addf(ret, "cairn_peer_refused_total{reason=\"%s\"} %llu\n", names[i],
                     (unsigned long long)peers_refusals(p, (enum peers_refusal)i));
    return e;
}

enum err peers_metrics(struct peers *p, struct buf *ret)
{
    static const struct {
        const char *name, *help;
        size_t offset;
    } counters[] = {
#define COUNTER(field, help) { #field, help, offsetof(struct peers_state, field) }
        COUNTER(sent_frames, "Frames that the member has taken."),
        COUNTER(sent_bytes, "Bytes of these."),
        COUNTER(dropped_frames, "Frames dropped because its queue was full."),
        COUNTER(received_frames, "Frames that came from the member."),
        COUNTER(received_bytes, "Bytes of the posts they came in."),
        COUNTER(failures, "Posts to the member that failed."),
#undef COUNTER
    };
    struct peers_state states[MEMBERS_MAX];
    size_t n = peers_states(p, states);
    enum err e = buf_add_str(ret, "# TYPE cairn_peer_reachable gauge\n");
    for (size_t i = 0; i < n && e == OK; i++)
        e = buf_addf(ret, "cairn_peer_reachable{member=\"%u\"} %d\n", states[i].member,
                     states[i].reachable);
    for (size_t i = 0; i < COUNT(counters) && e == OK; i++)
        e = put_counter(states, n, counters[i].name, counters[i].help, counters[i].offset, ret);
    return e == OK ? put_refused(p, ret) : e;
}
