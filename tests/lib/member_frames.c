#include "tests/lib/member_frames.h"

#include <assert.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define LATE_S 15

void arrived_note(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len)
{
    struct arrived *a = arg;
    assert(type == WIRE_BATCH && len >= 4 && a->n < ARRIVED_MAX);
    memcpy(&a->number[a->n], payload, 4);
    a->len[a->n] = len;
    a->from[a->n++] = from;
}

struct arrived *arrived_new(void)
{
    struct arrived *a = calloc(1, sizeof(*a));
    assert(a != NULL);
    return a;
}

void send_number(struct member_end *e, uint16_t to, enum peers_lane lane, uint32_t number,
                 size_t len)
{
    uint8_t *payload = calloc(1, len);
    assert(payload != NULL);
    memcpy(payload, &number, 4);
    peers_send(e->app.peers, to, lane, WIRE_BATCH, payload, len);
    free(payload);
}

void arrived_take(struct member_end *e, struct arrived *a, size_t n)
{
    while (peers_take(e->app.peers, arrived_note, a), a->n < n) {
        bool woken = member_end_wait(e);
        assert(woken);
    }
}

struct peers_state counters_of(struct member_end *e, uint16_t number)
{
    struct peers_state all[MEMBERS_MAX];
    size_t n = peers_states(e->app.peers, all), at = 0;
    while (at < n && all[at].member != number)
        at++;
    assert(at < n);
    return all[at];
}

static void look_again(usec_t late)
{
    assert(clock_monotonic() < late);
    (void)poll(NULL, 0, 1);
}

void until_failures(struct member_end *e, uint16_t number, uint64_t n)
{
    usec_t late = clock_monotonic() + LATE_S * USEC_PER_SEC;
    while (counters_of(e, number).failures < n)
        look_again(late);
}

void until_sent(struct member_end *e, uint16_t number, uint64_t n)
{
    usec_t late = clock_monotonic() + LATE_S * USEC_PER_SEC;
    while (counters_of(e, number).sent_frames < n)
        look_again(late);
}
