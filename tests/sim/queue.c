/* What will happen, in order of time and, at one time, of scheduling: a binary heap of keys over a
 * pool. */
#include "tests/sim/world.h"

void queue_reset(struct world *w)
{
    struct event_queue *q = &w->queue;
    q->n = 0;
    q->order = 0;
    q->free_n = EVENTS_MAX;
    for (uint32_t i = 0; i < EVENTS_MAX; i++)
        q->free_slots[i] = EVENTS_MAX - 1 - i;
}

static bool before(const struct event_key *a, const struct event_key *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

/* A full queue loses what is sent, as a network may; what the world needs has kept room. */
void queue_add(struct world *w, uint64_t at, const struct event *e)
{
    struct event_queue *q = &w->queue;
    if (q->free_n == 0 || (q->free_n < 1024 && e->type <= FRAME_NEWS))
        return;
    struct event_key key = { .at = at, .order = q->order++, .slot = q->free_slots[--q->free_n] };
    q->pool[key.slot] = *e;
    uint32_t i = q->n++;
    while (i > 0 && before(&key, &q->heap[(i - 1) / 2])) {
        q->heap[i] = q->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    q->heap[i] = key;
}

bool queue_take(struct world *w, struct event *ret)
{
    struct event_queue *q = &w->queue;
    if (q->n == 0)
        return false;
    struct event_key top = q->heap[0], last = q->heap[--q->n];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= q->n)
            break;
        if (child + 1 < q->n && before(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!before(&q->heap[child], &last))
            break;
        q->heap[i] = q->heap[child];
        i = child;
    }
    q->heap[i] = last;
    *ret = q->pool[top.slot];
    q->free_slots[q->free_n++] = top.slot;
    w->now = top.at;
    return true;
}
