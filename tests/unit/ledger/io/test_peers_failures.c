/* The transport against members that restart, refuse, hold on to a connection, or are none. */
#include "api/v1/handlers.h"
#include "server/base/log.h"
#include "tests/lib/member_frames.h"
#include "tests/lib/mock_http.h"

#include <netinet/in.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* The one route that is needed here, as in api/routes.c. */
const struct route api_routes[] = {
    { M_POST, PEERS_PATH, "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES, WIRE_POST_MAX,
      10000, true, true, NULL },
};
const size_t api_routes_n = COUNT(api_routes);

/* ---- failures -------------------------------------------------------------------------- */

static void a_receiver_that_restarts_is_found_again(void **state)
{
    (void)state;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_b = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    send_number(&a, 2, PEERS_VOTES, 1, 4);
    peers_flush(a.app.peers);
    arrived_take(&b, at_b, 1);
    member_end_stop_edge(&b);
    for (uint32_t i = 2; i < 1000; i++)
        send_number(&a, 2, PEERS_VOTES, i, 4);
    peers_flush(a.app.peers);
    until_failures(&a, 2, 1);
    assert_false(counters_of(&a, 2).reachable);
    member_end_start_edge(&b);
    while (arrived_take(&b, at_b, at_b->n + 1), at_b->number[at_b->n - 1] != 999)
        ;
    /* Those that were kept are the newest, in order and without a gap. */
    size_t kept = at_b->n - 1;
    assert_true(kept >= PEERS_KEEP_FRAMES && kept < 998);
    for (size_t i = 1; i <= kept; i++)
        assert_int_equal(at_b->number[i], 999 - kept + i);
    until_sent(&a, 2, 1 + kept);
    assert_true(counters_of(&a, 2).reachable);
    assert_int_equal(counters_of(&a, 2).dropped_frames, 998 - kept);
    member_end_close(&a);
    member_end_close(&b);
    free(at_b);
}

/* A server whose answers are told in advance, and what it was sent. */
struct scripted {
    const int *statuses;
    size_t n, seen;
    pthread_mutex_t lock;
    struct arrived got;
};

static void scripted_answer(void *arg, const struct mock_request *request, struct mock_reply *reply)
{
    struct scripted *s = arg;
    size_t at = 0, len;
    uint8_t type;
    const uint8_t *payload;
    bool bad;
    (void)pthread_mutex_lock(&s->lock);
    while (wire_frame_next(request->body, request->body_len, &at, &type, &payload, &len, &bad))
        arrived_note(&s->got, (uint16_t)s->seen, type, payload, len);
    reply->status = s->seen < s->n ? s->statuses[s->seen] : 204;
    s->seen++;
    (void)pthread_mutex_unlock(&s->lock);
}

/* The transport of a towards a scripted server in place of member 2. */
static struct mock_http *script(struct member_end *a, struct scripted *s)
{
    static struct members m;
    struct member_end b = { .number = 2 };
    const uint8_t seed[SIGN_SEED_BYTES] = { 2 };
    struct member_end *const both[] = { a, &b };
    sign_key_from_seed(seed, &b.key);
    (void)pthread_mutex_init(&s->lock, NULL);
    struct mock_http *h = mock_http_start(scripted_answer, s);
    member_end_list(both, 2, &m);
    (void)snprintf(m.list[1].endpoint, sizeof(m.list[1].endpoint), "%s", mock_http_url(h));
    member_end_knows(a, &m);
    return h;
}

static void a_post_that_fails_goes_first_again(void **state)
{
    (void)state;
    static const int statuses[] = { 503, 204, 500, 0, 429, 204 };
    struct scripted *s = calloc(1, sizeof(*s));
    struct member_end a;
    assert_non_null(s);
    *s = (struct scripted){ .statuses = statuses, .n = COUNT(statuses) };
    member_end_open(&a, 1);
    struct mock_http *h = script(&a, s);
    for (uint32_t i = 0; i < 4; i++) {
        send_number(&a, 2, PEERS_VOTES, i, 4);
        peers_flush(a.app.peers);
        if (i == 0)
            until_failures(&a, 2, 1); /* the others are queued behind the one that comes back */
    }
    until_sent(&a, 2, 4);
    mock_http_stop(h);
    uint32_t next = 0; /* of the frames that were answered with 204 */
    for (size_t i = 0; i < s->got.n; i++)
        if (s->got.from[i] >= COUNT(statuses) || statuses[s->got.from[i]] == 204)
            assert_int_equal(s->got.number[i], next++);
    assert_int_equal(next, 4);
    assert_int_equal(counters_of(&a, 2).dropped_frames, 0);
    assert_int_equal(s->got.number[0], 0);
    member_end_close(&a);
    free(s);
}

static void what_is_refused_as_such_is_not_sent_again(void **state)
{
    (void)state;
    static const int statuses[] = { 403, 204 };
    struct scripted *s = calloc(1, sizeof(*s));
    struct member_end a;
    assert_non_null(s);
    *s = (struct scripted){ .statuses = statuses, .n = COUNT(statuses) };
    member_end_open(&a, 1);
    struct mock_http *h = script(&a, s);
    send_number(&a, 2, PEERS_VOTES, 1, 4);
    peers_flush(a.app.peers);
    until_failures(&a, 2, 1);
    send_number(&a, 2, PEERS_VOTES, 2, 4);
    peers_flush(a.app.peers);
    until_sent(&a, 2, 1);
    mock_http_stop(h);
    assert_int_equal(s->got.n, 2);
    assert_int_equal(s->got.number[1], 2);
    assert_int_equal(counters_of(&a, 2).dropped_frames, 1);
    member_end_close(&a);
    free(s);
}

/* 204 alone is good. */
static void other_answers_are_failures(void **state)
{
    (void)state;
    static const int statuses[] = { 200, 302, 202, 204 };
    struct scripted *s = calloc(1, sizeof(*s));
    struct member_end a;
    assert_non_null(s);
    *s = (struct scripted){ .statuses = statuses, .n = COUNT(statuses) };
    member_end_open(&a, 1);
    struct mock_http *h = script(&a, s);
    send_number(&a, 2, PEERS_VOTES, 1, 4);
    peers_flush(a.app.peers);
    until_sent(&a, 2, 1);
    assert_int_equal(counters_of(&a, 2).failures, 3);
    mock_http_stop(h);
    member_end_close(&a);
    free(s);
}

/* ---- those who hold a connection ------------------------------------------------------- */

/* Accepts, and then either reads nothing or answers one byte a second, until stopped. */
struct holder {
    int listener, stop[2];
    bool drip;
    uint16_t port;
    pthread_t thread;
};

static void *hold(void *arg)
{
    struct holder *h = arg;
    static const char answer[] =
        "HTTP/1.1 204 No Content\r\nX-Slow: aaaaaaaaaaaaaaaaaaaaaa\r\n\r\n";
    size_t sent = 0;
    int held[16], n = 0;
    struct pollfd fds[2] = { { .fd = h->stop[0], .events = POLLIN },
                             { .fd = h->listener, .events = POLLIN } };
    while (poll(fds, 2, 1000) >= 0 && fds[0].revents == 0) {
        if (fds[1].revents != 0 && n < 16)
            held[n++] = accept(h->listener, NULL, NULL);
        for (int i = 0; i < n && h->drip; i++)
            (void)send(held[i], answer + sent++ % (sizeof(answer) - 1), 1, MSG_NOSIGNAL);
    }
    while (n > 0)
        (void)close(held[--n]);
    return NULL;
}

static void hold_start(struct holder *h, bool drip)
{
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(at);
    const int small = 4096;
    *h = (struct holder){ .drip = drip, .listener = socket(AF_INET, SOCK_STREAM, 0) };
    assert_int_equal(setsockopt(h->listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(bind(h->listener, (const struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(h->listener, 8), 0);
    assert_int_equal(getsockname(h->listener, (struct sockaddr *)&at, &len), 0);
    assert_int_equal(pipe(h->stop), 0);
    h->port = ntohs(at.sin_port);
    assert_int_equal(pthread_create(&h->thread, NULL, hold, h), 0);
}

static void hold_stop(struct holder *h)
{
    assert_int_equal(write(h->stop[1], "x", 1), 1);
    assert_int_equal(pthread_join(h->thread, NULL), 0);
    (void)close(h->listener);
    (void)close(h->stop[0]);
    (void)close(h->stop[1]);
}

/* 2000 frames of 16,000 bytes were queued for it; what is kept fits the narrow bounds, and one POST
 * of at most 256 KiB that may be under way. */
static void was_given_up(struct member_end *e, uint16_t bad)
{
    struct peers_state s = counters_of(e, bad);
    assert_false(s.reachable);
    assert_int_equal(s.sent_frames, 0);
    assert_true(s.dropped_frames >= 2000 - (PEERS_KEEP_BYTES + (256u << 10)) / 16000);
}

/* Two bad ones among four members: the good one gets every frame meanwhile, and each bad one is
 * given up after its time with a bounded queue. */
static void bad_peers_hold_up_nobody_else(void **state)
{
    (void)state;
    static struct members m;
    struct member_end a, b, mute = { .number = 3 }, slow = { .number = 4 };
    struct member_end *const all[] = { &a, &b, &mute, &slow };
    struct holder no_reader, dripper;
    struct arrived *at_b = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    hold_start(&no_reader, false);
    hold_start(&dripper, true);
    mute.port = no_reader.port;
    slow.port = dripper.port;
    member_end_list(all, 4, &m);
    member_end_knows(&a, &m);
    member_end_knows(&b, &m);
    usec_t start = clock_monotonic();
    for (uint32_t i = 0; i < 2000; i++) {
        send_number(&a, PEERS_TO_ALL, PEERS_VOTES, i, 16000);
        if (i % 10 == 0) {
            peers_flush(a.app.peers);
            arrived_take(&b, at_b, i);
        }
    }
    peers_flush(a.app.peers);
    arrived_take(&b, at_b, 2000);
    usec_t took = clock_monotonic() - start;
    until_failures(&a, 3, 1);
    until_failures(&a, 4, 1);
    usec_t waited = clock_monotonic() - start;
    /* b was served before the bad ones had run out of time. */
    assert_true(took < waited);
    assert_true(waited >= 2900 * 1000);
    assert_int_equal(counters_of(&a, 2).failures, 0);
    was_given_up(&a, 3);
    was_given_up(&a, 4);
    member_end_close(&a);
    member_end_close(&b);
    hold_stop(&no_reader);
    hold_stop(&dripper);
    free(at_b);
}

/* ---- who is accepted ------------------------------------------------------------------- */

static void strangers_and_those_who_left_are_refused(void **state)
{
    (void)state;
    static struct members m;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_b = arrived_new();
    uint8_t key[SIGN_PUBLIC_BYTES];
    char endpoint[MEMBER_ENDPOINT_MAX + 1];
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_list(both, 2, &m);
    member_end_knows(&a, &m); /* b knows nobody yet */
    send_number(&a, 2, PEERS_VOTES, 1, 4);
    peers_flush(a.app.peers);
    until_failures(&a, 2, 1);
    assert_int_equal(peers_refusals(b.app.peers, PEERS_STRANGER), 1);
    assert_false(peers_member_key(b.app.peers, 1, key));
    member_end_knows(&b, &m);
    assert_true(peers_member_key(b.app.peers, 1, key));
    assert_memory_equal(key, a.key.public, sizeof(key));
    assert_false(peers_member_key(b.app.peers, 2, key)); /* oneself */
    assert_true(peers_endpoint(b.app.peers, 1, endpoint));
    send_number(&a, 2, PEERS_VOTES, 2, 4);
    peers_flush(a.app.peers);
    arrived_take(&b, at_b, 1);
    assert_int_equal(at_b->number[0], 2);
    m.list[0].role = MEMBER_GONE;
    member_end_knows(&b, &m);
    assert_false(peers_member_key(b.app.peers, 1, key));
    assert_int_equal(peers_receive(b.app.peers, 1, key, 1), ERR_NOT_FOUND);
    send_number(&a, 2, PEERS_VOTES, 3, 4);
    peers_flush(a.app.peers);
    until_failures(&a, 2, 2);
    assert_int_equal(peers_refusals(b.app.peers, PEERS_STRANGER), 2);
    assert_int_equal(peers_take(b.app.peers, arrived_note, at_b), 0);
    member_end_close(&a);
    member_end_close(&b);
    free(at_b);
}

/* The key that signed is not the one on the list, or another federation is meant. */
static void another_key_is_refused(void **state)
{
    (void)state;
    static struct members m;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_list(both, 2, &m);
    member_end_knows(&a, &m);
    m.list[0].member_key[0] ^= 1;
    member_end_knows(&b, &m);
    send_number(&a, 2, PEERS_VOTES, 1, 4);
    peers_flush(a.app.peers);
    until_failures(&a, 2, 1);
    assert_int_equal(peers_refusals(b.app.peers, PEERS_SIGNATURE), 1);
    member_end_close(&a);
    member_end_close(&b);
}

int main(void)
{
    crypto_setup();
    log_set_level(LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receiver_that_restarts_is_found_again),
        cmocka_unit_test(a_post_that_fails_goes_first_again),
        cmocka_unit_test(what_is_refused_as_such_is_not_sent_again),
        cmocka_unit_test(other_answers_are_failures),
        cmocka_unit_test(bad_peers_hold_up_nobody_else),
        cmocka_unit_test(strangers_and_those_who_left_are_refused),
        cmocka_unit_test(another_key_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
