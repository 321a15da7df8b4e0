/* The scheduler: what is due happens although nobody asks, and one thing that cannot be done does
 * not keep the others from being done. */
#include "server/schedule/schedule.h"
#include "server/market/board.h"
#include "server/market/submission.h"
#include "server/party/party.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

static struct world w;
static struct cast cast;

static void start(void)
{
    assert_int_equal(schedule_start(&w.app, &w.app.schedule), OK);
}

static void stop(void)
{
    schedule_stop(w.app.schedule);
    w.app.schedule = NULL;
    assert_string_equal(world_check(&w), "");
}

/* The scheduler tells nobody what it did: look until it is so, at most 10 s. */
static void wait_number(const char *sql, int64_t want)
{
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    while (world_number(&w, sql) != want && clock_monotonic() < until) {
        schedule_wake(w.app.schedule);
        (void)poll(NULL, 0, 5);
    }
    assert_int_equal(world_number(&w, sql), want);
}

static struct id funded(const struct wish *wish)
{
    struct id id;
    assert_int_equal(do_publish(&w, &cast.sponsor, wish, &id), OK);
    assert_int_equal(do_fund(&w, &cast.sponsor, &id, 100000), OK);
    return id;
}

static void expect_state(const struct id *id, const char *want)
{
    char state[12];
    state_of(&w, id, state);
    assert_string_equal(state, want);
}

#define OPEN "SELECT count(*) FROM submission WHERE state IN ('QUOTED', 'ROUND')"

/* A lapsed quote, a round without verdicts, and one that is not due yet. */
static void test_due_submissions(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer quoted, sealed, later;
    struct id bounty = funded(&wish);
    offer_make(&w, &cast.patients[0], &bounty, 2, 2, &quoted);
    assert_int_equal(do_open(&w, &cast.patients[0], &quoted), OK);
    offer_in_round(&w, &cast.patients[1], &bounty, 2, 2, &sealed);
    start();
    world_shift(&w, 47 * HOUR);
    offer_make(&w, &cast.patients[2], &bounty, 2, 2, &later);
    assert_int_equal(do_open(&w, &cast.patients[2], &later), OK);
    wait_number(OPEN, 2);
    expect_state(&quoted.id, "EXPIRED");
    world_shift(&w, 2 * HOUR);
    wait_number(OPEN, 1);
    expect_state(&sealed.id, "EXPIRED");
    expect_state(&later.id, "QUOTED");
    assert_int_equal(reserved_of(&w, &bounty), later.max_pay + 300);
    stop();
    assert_int_equal(do_withdraw(&w, &cast.patients[2], &later), OK);
}

/* More than one look takes at once. */
static void test_many(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id bounty;
    wish.fee = 1;
    bounty = funded(&wish);
    assert_int_equal(do_fund(&w, &cast.sponsor, &bounty, 1000000), OK);
    for (uint32_t i = 0; i < 70; i++) {
        struct person p;
        struct offer o;
        person_join(&w, &cast.op, "patient", "clinic", 5000 + i, &p);
        offer_make(&w, &p, &bounty, 1, 1, &o);
        assert_int_equal(do_open(&w, &p, &o), OK);
    }
    world_shift(&w, QUOTE_HOURS * HOUR);
    start();
    wait_number(OPEN, 0);
    stop();
    assert_int_equal(available_of(&w, &bounty), 1100000);
}

/* A bounty that is over closes once its last submission has ended, and the money goes home. */
static void test_bounty_over(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    wish.closes_at = world_now(&w) + 10 * HOUR;
    struct id bounty = funded(&wish);
    int64_t before = wallet_of(&w, &cast.sponsor);
    offer_make(&w, &cast.patients[3], &bounty, 2, 2, &o);
    assert_int_equal(do_open(&w, &cast.patients[3], &o), OK);
    world_shift(&w, 11 * HOUR);
    start();
    wait_number("SELECT count(*) FROM bounty WHERE state = 'open' AND closes_at < now()", 0);
    (void)poll(NULL, 0, 50);
    assert_int_equal(available_of(&w, &bounty), 100000 - o.max_pay - 300); /* open: it waits */
    world_shift(&w, 14 * HOUR);
    wait_number(OPEN, 0);
    wait_number("SELECT count(*) FROM bounty_event e JOIN entry x ON x.id = e.entry WHERE x.kind ="
                " 'bounty.expire'",
                1);
    stop();
    assert_int_equal(wallet_of(&w, &cast.sponsor) - before, 100000);
}

static void test_payouts_sessions_board(void **state)
{
    (void)state;
    struct id good, bad;
    struct buf text;
    int64_t next = 0;
    uint64_t version = 0, later = 0;
    struct wish wish = wish_usual();
    start();
    assert_int_equal(do_payout(&w, &cast.sponsor, 5, "DE00", &good), OK);
    assert_int_equal(do_payout(&w, &cast.sponsor, 6, "fail", &bad), OK);
    wait_number("SELECT count(*) FROM payout WHERE state IN ('created', 'submitted')", 0);
    expect_state(&good, "confirmed");
    expect_state(&bad, "failed");
    fixture_sql(
        &w.f, "INSERT INTO session SELECT sha256('a'), id, sha256('b'), now() FROM account LIMIT 1;"
              "INSERT INTO session SELECT sha256('c'), id, sha256('d'), now() + interval"
              " '1000000 hours' FROM account LIMIT 1");
    world_shift(&w, HOUR);
    wait_number("SELECT count(*) FROM session", 1);
    buf_init(&text, 1u << 20);
    assert_int_equal(board_list(w.app.board, NULL, INT64_MAX, 1, &text, &next, &version), OK);
    (void)funded(&wish); /* by whom ever: the board shows it without being told */
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    for (later = version; later == version && clock_monotonic() < until; (void)poll(NULL, 0, 5)) {
        schedule_wake(w.app.schedule);
        assert_int_equal(board_list(w.app.board, NULL, INT64_MAX, 1, &text, &next, &later), OK);
    }
    assert_int_not_equal(later, version);
    buf_release(&text);
    stop();
}

/* The oldest of the due cannot be done. The others, the payouts and the rest go on. */
static void test_one_failure_stops_nobody(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer stuck, fine;
    struct id broken = funded(&wish), bounty = funded(&wish), payout;
    offer_make(&w, &cast.patients[4], &broken, 2, 2, &stuck);
    assert_int_equal(do_open(&w, &cast.patients[4], &stuck), OK);
    world_shift(&w, HOUR);
    offer_make(&w, &cast.patients[5], &bounty, 2, 2, &fine);
    assert_int_equal(do_open(&w, &cast.patients[5], &fine), OK);
    char sql[200], id[ID_TEXT_SIZE];
    id_text(&broken, id);
    (void)snprintf(sql, sizeof(sql), "UPDATE bounty SET terms = '[' || terms WHERE id = '%s'", id);
    fixture_sql(&w.f, sql); /* so that everything that reads its terms fails */
    world_shift(&w, QUOTE_HOURS * HOUR);
    assert_int_equal(do_payout(&w, &cast.sponsor, 5, "DE00", &payout), OK);
    start();
    wait_number("SELECT count(*) FROM payout WHERE state IN ('created', 'submitted')", 0);
    wait_number(OPEN, 1);
    expect_state(&fine.id, "EXPIRED");
    expect_state(&stuck.id, "QUOTED");
    (void)snprintf(sql, sizeof(sql), "UPDATE bounty SET terms = substr(terms, 2) WHERE id = '%s'",
                   id);
    fixture_sql(&w.f, sql);
    wait_number(OPEN, 0); /* and it is tried again */
    stop();
}

/* The database goes away under it and comes back. */
static void test_database_restarts(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    struct id bounty = funded(&wish);
    offer_make(&w, &cast.patients[6], &bounty, 2, 2, &o);
    assert_int_equal(do_open(&w, &cast.patients[6], &o), OK);
    start();
    fixture_kill_postgres(&w.f);
    world_shift(&w, QUOTE_HOURS * HOUR);
    fixture_wait_up(&w.f, true);
    wait_number(OPEN, 0);
    expect_state(&o.id, "EXPIRED");
    stop();
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    cast_join(&w, &cast);
    return 0;
}

static int down(void **state)
{
    (void)state;
    world_down(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due_submissions),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_bounty_over),
        cmocka_unit_test(test_payouts_sessions_board),
        cmocka_unit_test(test_one_failure_stops_nobody),
        cmocka_unit_test(test_database_restarts),
    };
    return cmocka_run_group_tests_name("schedule", tests, up, down);
}
