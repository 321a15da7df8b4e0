/* The transport, over real sockets on loopback, between ends of one process. */
#include "api/v1/handlers.h"
#include "server/base/log.h"
#include "server/ledger/io/peers_internal.h"
#include "tests/lib/member_frames.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* The one route that is needed here, as in api/routes.c. */
const struct route api_routes[] = {
    { M_POST, PEERS_PATH, "postFrames", api_frames_post, WHO_PEER, BODY_FRAMES, WIRE_POST_MAX,
      10000, true, true, NULL },
};
const size_t api_routes_n = COUNT(api_routes);

/* ---- frames go through ----------------------------------------------------------------- */

static void frames_arrive_in_order_in_both_lanes(void **state)
{
    (void)state;
    struct member_end a, b, c;
    struct member_end *const all[] = { &a, &b, &c };
    struct arrived *at_b = arrived_new(), *at_c = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_open(&c, 3);
    member_end_join(all, 3);
    for (uint32_t i = 0; i < 3000; i++) {
        send_number(&a, PEERS_TO_ALL, PEERS_VOTES, i, 100);
        if (i % 7 == 0)
            peers_flush(a.app.peers);
    }
    send_number(&a, 2, PEERS_BULK, 7777, 512u << 10);
    send_number(&a, 1, PEERS_BULK, 1, 4); /* to oneself: goes nowhere */
    send_number(&a, 9, PEERS_BULK, 1, 4); /* nobody */
    peers_flush(a.app.peers);
    arrived_take(&b, at_b, 3001);
    arrived_take(&c, at_c, 3000);
    uint32_t next = 0;
    for (size_t i = 0; i < at_b->n; i++) {
        assert_int_equal(at_b->from[i], 1);
        if (at_b->number[i] == 7777)
            assert_int_equal(at_b->len[i], 512u << 10);
        else
            assert_int_equal(at_b->number[i], next++);
    }
    assert_int_equal(next, 3000);
    until_sent(&a, 2, 3001);
    struct peers_state s = counters_of(&a, 2), r = counters_of(&b, 1);
    assert_true(s.reachable && s.last_ok_us > 0 && s.failures == 0 && s.dropped_frames == 0);
    assert_int_equal(s.sent_bytes, 3000 * 105 + (512u << 10) + 5);
    assert_int_equal(r.received_frames, 3001);
    assert_int_equal(r.received_bytes, s.sent_bytes);
    member_end_close(&a);
    member_end_close(&b);
    member_end_close(&c);
    free(at_b);
    free(at_c);
}

/* Nobody has to flush: the tick does. */
static void a_frame_that_is_not_flushed_leaves_with_the_tick(void **state)
{
    (void)state;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_b = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    send_number(&a, 2, PEERS_VOTES, 5, 4);
    arrived_take(&b, at_b, 1);
    assert_int_equal(at_b->number[0], 5);
    member_end_close(&a);
    member_end_close(&b);
    free(at_b);
}

static void what_is_no_frame_is_not_sent(void **state)
{
    (void)state;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_b = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    uint8_t *big = calloc(1, WIRE_FRAME_MAX);
    assert_non_null(big);
    log_set_level((enum log_level)(LOG_ERROR + 1));
    peers_send(a.app.peers, 2, PEERS_BULK, WIRE_BATCH, big, WIRE_FRAME_MAX);
    peers_send(a.app.peers, 2, PEERS_BULK, WIRE_BATCH, big, 0);
    log_set_level(LOG_ERROR);
    peers_send(a.app.peers, 2, PEERS_BULK, WIRE_BATCH, big, WIRE_FRAME_MAX - 5); /* the largest */
    peers_flush(a.app.peers);
    arrived_take(&b, at_b, 1);
    assert_int_equal(at_b->n, 1);
    assert_int_equal(at_b->len[0], WIRE_FRAME_MAX - 5);
    free(big);
    member_end_close(&a);
    member_end_close(&b);
    free(at_b);
}

/* ---- queues ---------------------------------------------------------------------------- */

static struct frame *numbered(uint32_t number, size_t len)
{
    uint8_t *payload = calloc(1, len);
    assert_non_null(payload);
    memcpy(payload, &number, 4);
    struct frame *f = frame_new(WIRE_BATCH, payload, len);
    assert_non_null(f);
    free(payload);
    return f;
}

static uint32_t number_of(struct frame *f)
{
    uint32_t n;
    memcpy(&n, f->bytes.data + 5, 4);
    frame_drop(f);
    return n;
}

static void a_full_queue_drops_its_oldest(void **state)
{
    (void)state;
    struct queue *q = calloc(1, sizeof(*q));
    assert_non_null(q);
    for (uint32_t i = 0; i < PEERS_QUEUE_FRAMES + 10; i++)
        assert_int_equal(queue_push(q, numbered(i, 4), PEERS_QUEUE_FRAMES, 1u << 20),
                         i >= PEERS_QUEUE_FRAMES);
    assert_int_equal(q->n, PEERS_QUEUE_FRAMES);
    assert_int_equal(number_of(queue_pop(q)), 10);
    assert_false(queue_put_back(q, NULL, q->n, 1u << 20)); /* no room: not even looked at */
    struct frame *f = numbered(9, 4);
    assert_true(queue_put_back(q, f, PEERS_QUEUE_FRAMES, 1u << 20));
    assert_int_equal(queue_trim(q, 3, 1u << 20), PEERS_QUEUE_FRAMES - 3);
    /* Bytes bound it too: a large one pushes several out. */
    assert_int_equal(queue_push(q, numbered(1, 1000), 10, 1010), 3);
    assert_int_equal(q->bytes, 1005);
    f = numbered(2, 4);
    assert_false(queue_put_back(q, f, 10, 1010));
    frame_drop(f);
    assert_int_equal(queue_trim(q, 0, 0), 1);
    assert_int_equal(q->n + q->bytes, 0);
    free(q);
}

/* While a member has no address its queue fills; when it has one, the newest frames arrive. */
static void overflow_keeps_the_newest(void **state)
{
    (void)state;
    static struct members m;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_b = arrived_new();
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    member_end_list(both, 2, &m);
    m.list[1].endpoint[0] = '\0';
    member_end_knows(&a, &m);
    for (uint32_t i = 0; i < PEERS_QUEUE_FRAMES + 904; i++)
        send_number(&a, 2, PEERS_VOTES, i, 50);
    assert_int_equal(counters_of(&a, 2).dropped_frames, 904);
    member_end_join(both, 2);
    arrived_take(&b, at_b, PEERS_QUEUE_FRAMES);
    for (uint32_t i = 0; i < PEERS_QUEUE_FRAMES; i++)
        assert_int_equal(at_b->number[i], 904 + i);
    member_end_close(&a);
    member_end_close(&b);
    free(at_b);
}

/* ---- the inbox ------------------------------------------------------------------------- */

static void open_quiet(struct member_end *e, struct members *m, uint16_t n)
{
    memset(m, 0, sizeof(*m));
    member_end_open(e, 1);
    for (uint16_t i = 0; i < n; i++) {
        m->list[m->n].number = (uint16_t)(i + 1);
        m->list[m->n++].role = MEMBER_VALIDATOR; /* no address: nothing is sent */
    }
    member_end_knows(e, m);
}

static size_t fill(struct member_end *e, uint16_t from, size_t len)
{
    static uint8_t bytes[WIRE_POST_MAX];
    size_t n = 0;
    while (n < 100000 && peers_receive(e->app.peers, from, bytes, len) == OK)
        n += len;
    return n;
}

static void nobody_fills_the_inbox_of_others(void **state)
{
    (void)state;
    static struct members m;
    struct member_end e;
    struct arrived *got = arrived_new();
    open_quiet(&e, &m, 100);
    size_t kept = PEERS_INBOX_BYTES / 2 / 99, total = 0;
    for (uint16_t from = 2; from <= 40; from++) { /* more than a third */
        size_t n = 0;
        static uint8_t bytes[200000];
        while (peers_receive(e.app.peers, from, bytes, sizeof(bytes)) == OK)
            n += sizeof(bytes);
        assert_true(n + sizeof(bytes) + sizeof(struct post) * 100 > kept);
        assert_true(n <= kept + PEERS_COMMON_EACH);
        total += n;
    }
    assert_true(total <= PEERS_INBOX_BYTES);
    for (uint16_t from = 41; from <= 100; from++) {
        size_t n = fill(&e, from, 60000);
        assert_true(n >= 100000);
        total += n;
    }
    assert_true(total <= PEERS_INBOX_BYTES);
    assert_true(peers_refusals(e.app.peers, PEERS_FULL) >= 39);
    (void)peers_take(e.app.peers, arrived_note, got); /* zeros are no frames */
    assert_int_equal(got->n, 0);
    assert_true(peers_refusals(e.app.peers, PEERS_FRAME) > 0);
    assert_true(fill(&e, 2, 100000) >= 100000); /* there is room again */
    assert_int_equal(peers_expect(e.app.peers, 3, PEERS_COMMON_EACH), OK);
    assert_int_equal(peers_expect(e.app.peers, 3, kept + 1), ERR_BUSY);
    peers_expect_end(e.app.peers, 3, PEERS_COMMON_EACH);
    assert_int_equal(peers_expect(e.app.peers, 3, kept), OK);
    peers_expect_end(e.app.peers, 3, kept);
    member_end_close(&e);
    free(got);
}

static void a_cut_frame_ends_its_post_alone(void **state)
{
    (void)state;
    static struct members m;
    struct member_end e;
    struct arrived *got = arrived_new();
    struct buf good;
    const uint8_t payload[4] = { 9 };
    open_quiet(&e, &m, 3);
    buf_init(&good, 1000);
    assert_int_equal(wire_frame_add(WIRE_BATCH, payload, 4, &good), OK);
    assert_int_equal(wire_frame_add(WIRE_BATCH, payload, 4, &good), OK);
    assert_int_equal(peers_receive(e.app.peers, 2, good.data, good.len - 1), OK);
    assert_int_equal(peers_receive(e.app.peers, 3, good.data, good.len), OK);
    assert_int_equal(peers_receive(e.app.peers, 3, good.data, 0), OK);
    assert_int_equal(peers_take(e.app.peers, arrived_note, got), 3);
    assert_int_equal(got->from[0], 2);
    assert_int_equal(got->from[1], 3);
    assert_int_equal(peers_refusals(e.app.peers, PEERS_FRAME), 1);
    struct buf text;
    buf_init(&text, 65536);
    assert_int_equal(peers_metrics(e.app.peers, &text), OK);
    assert_non_null(strstr(buf_str(&text), "cairn_peer_refused_total{reason=\"frame\"} 1\n"));
    assert_non_null(strstr(buf_str(&text), "cairn_peer_received_frames_total{member=\"3\"} 2\n"));
    buf_release(&text);
    buf_release(&good);
    member_end_close(&e);
    free(got);
}

/* ---- all at once ----------------------------------------------------------------------- */

#define SENDERS 3
#define EACH 400

struct sender {
    struct member_end *from;
    unsigned lane;
    pthread_t thread;
};

static void *send_many(void *arg)
{
    const struct sender *s = arg;
    for (uint32_t i = 0; i < EACH; i++) {
        send_number(s->from, PEERS_TO_ALL, s->lane % PEERS_LANES, i, 200);
        peers_flush(s->from->app.peers);
    }
    return NULL;
}

/* Several threads send, two ends both ways, while lists are set anew and states are read. */
static void threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    struct member_end a, b;
    struct member_end *const both[] = { &a, &b };
    struct arrived *at_a = arrived_new(), *at_b = arrived_new();
    struct sender senders[2 * SENDERS];
    member_end_open(&a, 1);
    member_end_open(&b, 2);
    member_end_join(both, 2);
    for (unsigned i = 0; i < 2 * SENDERS; i++) {
        senders[i] = (struct sender){ .from = both[i % 2], .lane = i / 2 };
        assert_int_equal(pthread_create(&senders[i].thread, NULL, send_many, &senders[i]), 0);
    }
    for (unsigned i = 0; i < 20; i++) {
        struct buf text;
        buf_init(&text, 65536);
        member_end_join(both, 2);
        assert_int_equal(peers_metrics(a.app.peers, &text), OK);
        buf_release(&text);
    }
    arrived_take(&a, at_a, (size_t)SENDERS * EACH);
    arrived_take(&b, at_b, (size_t)SENDERS * EACH);
    for (unsigned i = 0; i < 2 * SENDERS; i++)
        assert_int_equal(pthread_join(senders[i].thread, NULL), 0);
    assert_int_equal(at_a->n, SENDERS * EACH);
    assert_int_equal(at_b->n, SENDERS * EACH);
    member_end_close(&a);
    member_end_close(&b);
    free(at_a);
    free(at_b);
}

int main(void)
{
    crypto_setup();
    log_set_level(LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frames_arrive_in_order_in_both_lanes),
        cmocka_unit_test(a_frame_that_is_not_flushed_leaves_with_the_tick),
        cmocka_unit_test(what_is_no_frame_is_not_sent),
        cmocka_unit_test(a_full_queue_drops_its_oldest),
        cmocka_unit_test(overflow_keeps_the_newest),
        cmocka_unit_test(nobody_fills_the_inbox_of_others),
        cmocka_unit_test(a_cut_frame_ends_its_post_alone),
        cmocka_unit_test(threads_do_not_disturb_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
