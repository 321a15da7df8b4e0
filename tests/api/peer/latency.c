/* How long a frame takes from peers_send at one member to peers_take at another, on loopback, and
 * how many frames and bytes per second one lane carries. Two ends in one process, each with its own
 * edge and transport thread. Usage: latency [ROUNDS]; prints one JSON line. */
#include "api/v1/handlers.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "tests/lib/member_end.h"

#include <assert.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BULK_FRAMES 400
#define BULK_BYTES (512u << 10)
#define SMALL_FRAMES 200000

/* The one route that is needed here, as in api/routes.c. */
const struct route api_routes[] = {
    { M_POST, PEERS_PATH, "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES, WIRE_POST_MAX,
      10000, true, true, NULL },
};
const size_t api_routes_n = COUNT(api_routes);

static void got(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len)
{
    usec_t *sent = arg;
    (void)from;
    (void)type;
    assert(len >= sizeof(*sent));
    memcpy(sent, payload, sizeof(*sent));
}

static usec_t one_way(struct member_end *a, struct member_end *b)
{
    uint8_t payload[112] = { 0 };
    usec_t sent = clock_monotonic();
    memcpy(payload, &sent, sizeof(sent));
    peers_send(a->app.peers, b->number, PEERS_VOTES, WIRE_VOTE, payload, sizeof(payload));
    peers_flush(a->app.peers);
    usec_t back = 0;
    while (peers_take(b->app.peers, got, &back) == 0) {
        bool woken = member_end_wait(b);
        assert(woken);
    }
    assert(back == sent);
    return clock_monotonic() - sent;
}

static void count(void *arg, uint16_t from, uint8_t type, const uint8_t *payload, size_t len)
{
    size_t *n = arg;
    (void)from;
    (void)type;
    (void)payload;
    *n += len > 0;
}

/* Seconds until n frames of len bytes have gone through one lane; at most half a queue waits. */
static double carry(struct member_end *a, struct member_end *b, enum peers_lane lane, size_t n,
                    size_t len)
{
    static uint8_t payload[BULK_BYTES];
    size_t in_flight = PEERS_QUEUE_BYTES / 2 / (len + 8), taken = 0, sent = 0;
    in_flight = in_flight < PEERS_QUEUE_FRAMES / 2 ? in_flight : PEERS_QUEUE_FRAMES / 2;
    usec_t start = clock_monotonic();
    while (taken < n) {
        for (; sent < n && sent - taken < in_flight; sent++)
            peers_send(a->app.peers, b->number, lane, WIRE_BATCH, payload, len);
        peers_flush(a->app.peers);
        if (peers_take(b->app.peers, count, &taken) == 0) {
            bool woken = member_end_wait(b);
            assert(woken);
        }
    }
    return (double)(clock_monotonic() - start) / 1e6;
}

static int compare(const void *a, const void *b)
{
    const usec_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int main(int argc, char **argv)
{
    uint64_t rounds = 2000;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    if (argc > 1 &&
        (!u64_parse(argv[1], strlen(argv[1]), &rounds) || rounds < 10 || rounds > 1000000))
        return 2;
    crypto_setup();
    log_set_level(LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    usec_t *took = calloc(rounds, sizeof(*took));
    assert(took != NULL);
    (void)one_way(&a, &b); /* connects */
    for (size_t i = 0; i < rounds; i++)
        took[i] = one_way(&a, &b);
    qsort(took, rounds, sizeof(*took), compare);
    double small = carry(&a, &b, PEERS_VOTES, SMALL_FRAMES, 112);
    double bulk = carry(&a, &b, PEERS_BULK, BULK_FRAMES, BULK_BYTES);
    printf("{\"rounds\":%llu,\"p50_us\":%lld,\"p99_us\":%lld,\"max_us\":%lld,\"frames_per_s\":%.0f,"
           "\"bulk_mib_per_s\":%.0f}\n",
           (unsigned long long)rounds, (long long)took[rounds / 2],
           (long long)took[rounds * 99 / 100], (long long)took[rounds - 1], SMALL_FRAMES / small,
           (double)BULK_FRAMES * BULK_BYTES / (1u << 20) / bulk);
    free(took);
    member_end_close(&a);
    member_end_close(&b);
    return 0;
}
