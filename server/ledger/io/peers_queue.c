/* Frames and the queues in front of the connections. */
#include "server/ledger/io/peers_internal.h"

#include "server/base/log.h"

#include <assert.h>
#include <stdlib.h>

struct frame *frame_new(uint8_t type, const void *payload, size_t len)
{
    struct frame *f = calloc(1, sizeof(*f));
    if (f == NULL)
        return NULL;
    buf_init(&f->bytes, WIRE_FRAME_MAX);
    atomic_store(&f->holders, 1);
    if (wire_frame_add(type, payload, len, &f->bytes) != OK) {
        frame_drop(f);
        return NULL;
    }
    return f;
}

void frame_hold(struct frame *f)
{
    atomic_fetch_add_explicit(&f->holders, 1, memory_order_relaxed);
}

void frame_drop(struct frame *f)
{
    if (atomic_fetch_sub_explicit(&f->holders, 1, memory_order_acq_rel) != 1)
        return;
    buf_release(&f->bytes);
    free(f);
}

struct frame *queue_pop(struct queue *q)
{
    if (q->n == 0)
        return NULL;
    struct frame *f = q->ring[q->head];
    q->head = (q->head + 1) % PEERS_QUEUE_FRAMES;
    q->n--;
    q->bytes -= f->bytes.len;
    return f;
}

size_t queue_trim(struct queue *q, size_t frames_max, size_t bytes_max)
{
    size_t dropped = 0;
    for (; q->n > frames_max || q->bytes > bytes_max; dropped++)
        frame_drop(queue_pop(q));
    return dropped;
}

size_t queue_push(struct queue *q, struct frame *f, size_t frames_max, size_t bytes_max)
{
    assert(frames_max >= 1 && frames_max <= PEERS_QUEUE_FRAMES && f->bytes.len <= bytes_max);
    size_t dropped = queue_trim(q, frames_max - 1, bytes_max - f->bytes.len);
    q->ring[(q->head + q->n) % PEERS_QUEUE_FRAMES] = f;
    q->n++;
    q->bytes += f->bytes.len;
    return dropped;
}

bool queue_put_back(struct queue *q, struct frame *f, size_t frames_max, size_t bytes_max)
{
    if (q->n + 1 > frames_max || q->bytes + f->bytes.len > bytes_max)
        return false;
    q->head = (q->head + PEERS_QUEUE_FRAMES - 1) % PEERS_QUEUE_FRAMES;
    q->ring[q->head] = f;
    q->n++;
    q->bytes += f->bytes.len;
    return true;
}

void lane_bounds(const struct lane *l, size_t *ret_frames, size_t *ret_bytes)
{
    *ret_frames = l->failing ? PEERS_KEEP_FRAMES : PEERS_QUEUE_FRAMES;
    *ret_bytes = l->failing ? PEERS_KEEP_BYTES : PEERS_QUEUE_BYTES;
}

static void push(struct peer *peer, enum peers_lane lane, struct frame *f)
{
    size_t frames, bytes;
    struct lane *l = &peer->lane[lane];
    lane_bounds(l, &frames, &bytes);
    frame_hold(f);
    peer->state.dropped_frames += queue_push(&l->queue, f, frames, bytes);
}

void peers_send(struct peers *p, uint16_t to, enum peers_lane lane, uint8_t type,
                const void *payload, size_t len)
{
    assert(lane < PEERS_LANES);
    struct frame *f = frame_new(type, payload, len);
    if (f == NULL) {
        log_bug("a frame of %zu bytes was not sent: too long, or no memory", len);
        return;
    }
    (void)pthread_mutex_lock(&p->lock);
    for (size_t i = 0; i < p->n; i++) {
        struct peer *peer = p->place[i];
        if (peer->listed && (to == PEERS_TO_ALL || to == peer->state.member))
            push(peer, lane, f);
    }
    (void)pthread_mutex_unlock(&p->lock);
    frame_drop(f);
}

/* One wake-up for any number of flushes before the thread looks at the queues again. */
void peers_flush(struct peers *p)
{
    if (!atomic_exchange(&p->flushed, true))
        (void)curl_multi_wakeup(p->multi);
}
