/* The transport thread: takes what is queued for a lane that is free, signs it as one POST, and
 * looks at the answers. It never waits for one peer alone. */
#include "server/ledger/io/peers_internal.h"

#include "server/base/log.h"
#include "server/ledger/io/peers_request.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 20 /* until frames go out that nobody flushed */
#define CONNECT_MS 2000L
#define VOTES_MS 3000L
#define BULK_MS 10000L
#define PAUSE_MS 50u
#define PAUSE_MS_MAX 2000u
#define ANSWER_MAX 4096u           /* bytes of an answer's body */
#define ANSWER_HEAD 16384u         /* and of its head */
#define POST_MAX_SLOW (256u << 10) /* after a failure; a slow line may not carry more in time */

/* ---- answers --------------------------------------------------------------------------- */

/* The body says nothing that we need; more than a little of it is not waited for. */
static size_t take_answer(const char *bytes, size_t size, size_t n, void *arg)
{
    struct lane *l = arg;
    (void)bytes;
    l->answered += size * n;
    return l->answered <= ANSWER_HEAD + ANSWER_MAX ? size * n : 0;
}

static const char *lane_name(const struct lane *l)
{
    return l == &l->peer->lane[PEERS_VOTES] ? "votes" : "bulk";
}

/* ---- begin ----------------------------------------------------------------------------- */

/* Takes what is queued, up to post_max bytes but at least one frame. Under the lock. */
static void gather(struct lane *l)
{
    struct frame *f;
    l->post_n = l->post_bytes = 0;
    while (l->queue.n > 0) {
        size_t len = l->queue.ring[l->queue.head]->bytes.len;
        if (l->post_n > 0 && l->post_bytes + len > l->post_max)
            break;
        f = queue_pop(&l->queue);
        l->post[l->post_n++] = f;
        l->post_bytes += len;
    }
}

static bool join(struct lane *l)
{
    buf_release(&l->body);
    if (l->post_n == 1)
        return true; /* the frame itself is the body */
    for (size_t i = 0; i < l->post_n; i++)
        if (buf_add(&l->body, l->post[i]->bytes.data, l->post[i]->bytes.len) != OK)
            return false;
    return true;
}

static bool make_easy(struct peers *p, struct lane *l)
{
    if (l->easy != NULL)
        return true;
    CURL *e = curl_easy_init();
    if (e == NULL)
        return false;
    peers_request_setup(e, p->ca_file);
    curl_easy_setopt(e, CURLOPT_PRIVATE, l);
    curl_easy_setopt(e, CURLOPT_POST, 1L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, l == &l->peer->lane[PEERS_VOTES] ? VOTES_MS : BULK_MS);
    curl_easy_setopt(e, CURLOPT_UPLOAD_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, l);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_answer);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, l);
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, l->error);
    l->easy = e;
    return true;
}

static bool begin(struct peers *p, struct lane *l)
{
    if (!make_easy(p, l) || !join(l))
        return false;
    const struct buf *body = l->post_n == 1 ? &l->post[0]->bytes : &l->body;
    const struct peers_request r = { .method = "POST",
                                     .path = PEERS_PATH,
                                     .type = PEERS_TYPE,
                                     .body = body->data,
                                     .body_len = body->len,
                                     .to = l->peer->state.member };
    curl_slist_free_all(l->headers);
    l->headers = peers_request_headers(p, &r, clock_now() / USEC_PER_SEC);
    if (l->headers == NULL)
        return false;
    l->answered = 0;
    l->error[0] = '\0';
    curl_easy_setopt(l->easy, CURLOPT_URL, l->url);
    curl_easy_setopt(l->easy, CURLOPT_HTTPHEADER, l->headers);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDS, body->data);
    curl_easy_setopt(l->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body->len);
    return curl_multi_add_handle(p->multi, l->easy) == CURLM_OK;
}

/* ---- end ------------------------------------------------------------------------------- */

/* Frames of a POST that failed go back to the old end while there is room: they are idempotent, and
 * whatever is newer goes first when there is not. Under the lock. */
static void put_back(struct lane *l)
{
    size_t frames, bytes;
    bool room = l->peer->listed;
    lane_bounds(l, &frames, &bytes);
    l->peer->state.dropped_frames += queue_trim(&l->queue, frames, bytes);
    while (l->post_n > 0) {
        struct frame *f = l->post[--l->post_n];
        room = room && queue_put_back(&l->queue, f, frames, bytes);
        if (!room) {
            l->peer->state.dropped_frames++;
            frame_drop(f);
        }
    }
}

static void drop_post(struct lane *l)
{
    while (l->post_n > 0)
        frame_drop(l->post[--l->post_n]);
}

static void succeeded(struct peers *p, struct lane *l)
{
    struct peers_state *s = &l->peer->state;
    (void)pthread_mutex_lock(&p->lock);
    bool back = l->failing;
    uint16_t member = s->member; /* ours to read while the lane is busy */
    s->sent_frames += l->post_n;
    s->sent_bytes += l->post_bytes;
    s->reachable = true;
    s->last_ok_us = clock_monotonic();
    l->failing = false;
    l->not_before = 0;
    drop_post(l);
    l->busy = false;
    (void)pthread_mutex_unlock(&p->lock);
    l->pause_ms = 0;
    l->post_max = 2 * l->post_max < WIRE_POST_MAX ? 2 * l->post_max : WIRE_POST_MAX;
    if (back)
        log_info("peer", "member %u answers again (%s)", member, lane_name(l));
}

/* What is refused as such (4xx) would be refused again; everything else is tried again. */
static void failed(struct peers *p, struct lane *l, const char *why, bool again)
{
    l->pause_ms = 2 * l->pause_ms < PAUSE_MS ? PAUSE_MS : 2 * l->pause_ms;
    if (l->pause_ms > PAUSE_MS_MAX)
        l->pause_ms = PAUSE_MS_MAX;
    l->post_max = POST_MAX_SLOW;
    (void)pthread_mutex_lock(&p->lock);
    bool fresh = !l->failing && l->peer->listed;
    uint16_t member = l->peer->state.member;
    l->failing = true;
    l->not_before = clock_monotonic() + (usec_t)l->pause_ms * 1000;
    l->peer->state.reachable = false;
    l->peer->state.failures++;
    if (!again) {
        l->peer->state.dropped_frames += l->post_n;
        drop_post(l);
    }
    put_back(l);
    l->busy = false;
    (void)pthread_mutex_unlock(&p->lock);
    if (fresh)
        log_peer("member %u does not take %s: %s", member, lane_name(l), why);
}

static void finish(struct peers *p, struct lane *l, CURLcode code)
{
    long status = 0;
    char text[40];
    (void)curl_easy_getinfo(l->easy, CURLINFO_RESPONSE_CODE, &status);
    buf_release(&l->body);
    if (code == CURLE_OK && status == 204) {
        succeeded(p, l);
        return;
    }
    (void)snprintf(text, sizeof(text), "it answers %ld", status);
    const char *why = l->error[0] != '\0' ? l->error : curl_easy_strerror(code);
    bool refused = code == CURLE_OK && status >= 400 && status < 500 && status != 429;
    failed(p, l, code == CURLE_OK ? text : why, !refused);
}

/* True if any POST ended. */
static bool finish_all(struct peers *p)
{
    int left = 0;
    bool any = false;
    for (CURLMsg *m; (m = curl_multi_info_read(p->multi, &left)) != NULL;) {
        struct lane *l = NULL;
        CURLcode code = m->data.result;
        if (m->msg != CURLMSG_DONE)
            continue;
        (void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&l);
        (void)curl_multi_remove_handle(p->multi, l->easy);
        finish(p, l, code);
        any = true;
    }
    return any;
}

/* ---- the loop -------------------------------------------------------------------------- */

/* Makes a lane busy with what is queued for it. Under the lock. */
static bool claim(struct peer *peer, struct lane *l, usec_t now)
{
    if (!peer->listed || l->busy || l->queue.n == 0 || now < l->not_before ||
        peer->endpoint[0] == '\0')
        return false;
    if (l->post == NULL)
        l->post = calloc(PEERS_QUEUE_FRAMES, sizeof(struct frame *));
    if (l->post == NULL)
        return false;
    gather(l);
    l->busy = true;
    (void)snprintf(l->url, sizeof(l->url), "%s" PEERS_PATH, peer->endpoint);
    return true;
}

/* Votes of all peers first. */
static void begin_all(struct peers *p)
{
    struct lane *ready[PEERS_PLACES * PEERS_LANES];
    size_t n = 0;
    usec_t now = clock_monotonic();
    (void)pthread_mutex_lock(&p->lock);
    for (size_t lane = 0; lane < PEERS_LANES; lane++)
        for (size_t i = 0; i < p->n; i++)
            if (claim(p->place[i], &p->place[i]->lane[lane], now))
                ready[n++] = &p->place[i]->lane[lane];
    (void)pthread_mutex_unlock(&p->lock);
    /* Each goes out before the next is signed: a quorum does not wait for the last. */
    for (size_t i = 0; i < n; i++) {
        int running = 0;
        if (!begin(p, ready[i]))
            failed(p, ready[i], "no memory for a request", true);
        (void)curl_multi_perform(p->multi, &running);
    }
}

void *peers_main(void *arg)
{
    struct peers *p = arg;
    while (!atomic_load(&p->stop)) {
        int running = 0;
        atomic_store(&p->flushed, false); /* before the queues are looked at */
        begin_all(p);
        (void)curl_multi_perform(p->multi, &running);
        if (!finish_all(p))
            (void)curl_multi_poll(p->multi, NULL, 0, TICK_MS, NULL);
    }
    return NULL;
}

void lane_release(struct peers *p, struct lane *l)
{
    if (l->easy != NULL) {
        (void)curl_multi_remove_handle(p->multi, l->easy);
        curl_easy_cleanup(l->easy);
    }
    curl_slist_free_all(l->headers);
    drop_post(l);
    (void)queue_trim(&l->queue, 0, 0);
    buf_release(&l->body);
    free(l->post);
}
