/* Rounds through the real store: seats, sealed verdicts in their phases, the close and who is paid.
 */
#include "server/review/round.h"
#include "server/market/submission.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

static struct world w;
static struct cast cast;
static struct id bounty; /* 3 seats, quorum 2 */
static uint32_t used;    /* patients, one per submission */

#define expect(call, want)                                                                         \
    do {                                                                                           \
        assert_string_equal(err_code(call), err_code(want));                                       \
        assert_string_equal(world_check(&w), "");                                                  \
    } while (0)

static const struct person *next_patient(void)
{
    static struct person p;
    person_join(&w, &cast.op, "patient", "clinic", 1000 + used++, &p);
    return &p;
}

static void in_round(struct offer *o)
{
    offer_in_round(&w, next_patient(), &bounty, 4, 20, o);
}

static const struct person *seat(const struct offer *o, size_t n)
{
    const struct person *p = seat_holder(o, n, cast.reviewers, CAST_REVIEWERS);
    assert_non_null(p);
    return p;
}

static enum err commit_mark(const struct person *who, const struct offer *o, int64_t mark,
                            const char *recommend)
{
    json_t *v = verdict_of(mark, 4, 20, recommend);
    enum err e = do_commit(&w, who, &o->id, v);
    json_decref(v);
    return e;
}

static enum err reveal_mark(const struct person *who, const struct offer *o, int64_t mark,
                            const char *recommend)
{
    json_t *v = verdict_of(mark, 4, 20, recommend);
    enum err e = do_reveal(&w, who, &o->id, v);
    json_decref(v);
    return e;
}

static void expect_phase(const struct offer *o, const char *state, const char *phase)
{
    struct submission_row s;
    assert_int_equal(db_check(w.db), OK);
    assert_int_equal(store_submission_get(w.db, &o->id, false, &s), OK);
    assert_string_equal(s.state, state);
    assert_string_equal(s.phase, phase);
}

static int64_t entries(void)
{
    return world_number(&w, "SELECT count(*) FROM entry");
}

/* ---- the draw ----------------------------------------------------------------------------------
 */

/* Three houses of reviewers, three seats: one of each; nobody from a house with a conflict. */
static void test_draw(void **state)
{
    (void)state;
    struct offer o;
    struct person own;
    in_round(&o);
    for (size_t i = 1; i <= 3; i++)
        for (size_t k = 1; k < i; k++)
            assert_int_not_equal((seat(&o, i) - cast.reviewers) % 3,
                                 (seat(&o, k) - cast.reviewers) % 3);
    struct wish wish = wish_usual();
    struct id big;
    wish.seats = 6;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &big), OK);
    assert_int_equal(do_fund(&w, &cast.sponsor, &big, 100000), OK);
    person_join(&w, &cast.op, "patient", "north", 900, &own); /* treated where three review */
    offer_make(&w, &own, &big, 1, 1, &o);
    expect(do_open(&w, &own, &o), OK);
    for (size_t i = 1; i <= 6; i++)
        assert_int_not_equal((seat(&o, i) - cast.reviewers) % 3, 0);
    wish.seats = 7;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &big), OK);
    assert_int_equal(do_fund(&w, &cast.sponsor, &big, 100000), OK);
    offer_make(&w, &own, &big, 1, 1, &o);
    int64_t before = entries();
    expect(do_open(&w, &own, &o), ERR_REVIEWERS_TOO_FEW);
    assert_int_equal(entries(), before);
    assert_int_equal(reserved_of(&w, &big), 0);
}

/* What the statement of the draw says is what a replay needs, and what happened. */
static void test_draw_statement(void **state)
{
    (void)state;
    struct offer o;
    char sql[500], id[ID_TEXT_SIZE];
    in_round(&o);
    id_text(&o.id, id);
    (void)snprintf(
        sql, sizeof(sql),
        "SELECT count(*) FROM entry e, json_array_elements_text("
        "convert_from(e.statement, 'UTF8')::json -> 'seats') WITH ORDINALITY x (a, n) JOIN"
        " seat t ON t.submission = '%s' AND t.seat = x.n AND t.reviewer = x.a::uuid WHERE"
        " e.kind = 'round.draw' AND convert_from(e.statement, 'UTF8')::json ->>"
        " 'submission' = '%s'",
        id, id);
    assert_int_equal(world_number(&w, sql), 3);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT json_array_length(convert_from(statement, 'UTF8')::json"
                   " -> 'candidates') FROM entry WHERE kind = 'round.draw' AND"
                   " convert_from(statement, 'UTF8')::json ->> 'submission' = '%s'",
                   id);
    assert_int_equal(world_number(&w, sql), CAST_REVIEWERS);
}

/* ---- phases ------------------------------------------------------------------------------------
 */

static void test_commit_then_reveal(void **state)
{
    (void)state;
    struct offer o;
    in_round(&o);
    expect(reveal_mark(seat(&o, 1), &o, 9000, "accept"), ERR_VERDICT_LATE); /* nothing committed */
    expect(commit_mark(seat(&o, 1), &o, 9000, "accept"), OK);
    expect_phase(&o, "ROUND", "commit");
    expect(reveal_mark(seat(&o, 1), &o, 9000, "accept"), ERR_VERDICT_LATE); /* not yet */
    expect(commit_mark(seat(&o, 1), &o, 9000, "accept"), ERR_VERDICT_TWICE);
    expect(commit_mark(seat(&o, 1), &o, 1, "reject"), ERR_VERDICT_TWICE);
    expect(commit_mark(seat(&o, 3), &o, 9000, "accept"), OK); /* the quorum: the reveal begins */
    expect_phase(&o, "ROUND", "reveal");
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"), ERR_VERDICT_LATE);
    expect(reveal_mark(seat(&o, 2), &o, 9000, "accept"), ERR_VERDICT_LATE); /* had not committed */
    expect(reveal_mark(seat(&o, 1), &o, 9001, "accept"), ERR_VERDICT_SEAL);
    expect(reveal_mark(seat(&o, 1), &o, 9000, "return"), ERR_VERDICT_SEAL);
    expect(reveal_mark(seat(&o, 1), &o, 9000, "accept"), OK);
    expect(reveal_mark(seat(&o, 1), &o, 9000, "accept"), ERR_VERDICT_TWICE);
    expect_phase(&o, "ROUND", "reveal");
    expect(reveal_mark(seat(&o, 3), &o, 9000, "accept"), OK);
    expect_phase(&o, "PAID", "closed");
    expect(reveal_mark(seat(&o, 3), &o, 9000, "accept"), ERR_VERDICT_LATE);
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"), ERR_VERDICT_LATE);
}

static void test_who_has_no_seat(void **state)
{
    (void)state;
    struct offer o, quoted;
    struct id none = fixture_id(9, 1);
    const struct person *patient = next_patient(), *other = NULL;
    offer_in_round(&w, patient, &bounty, 4, 20, &o);
    for (size_t i = 0; i < CAST_REVIEWERS && other == NULL; i++)
        if (&cast.reviewers[i] != seat(&o, 1) && &cast.reviewers[i] != seat(&o, 2) &&
            &cast.reviewers[i] != seat(&o, 3))
            other = &cast.reviewers[i];
    int64_t before = entries();
    expect(commit_mark(other, &o, 9000, "accept"), ERR_NOT_FOUND);
    expect(commit_mark(patient, &o, 9000, "accept"), ERR_NOT_FOUND); /* the submitter */
    expect(commit_mark(&cast.sponsor, &o, 9000, "accept"), ERR_NOT_FOUND);
    json_t *v = verdict_of(9000, 4, 20, "accept");
    expect(do_commit(&w, other, &none, v),
           ERR_NOT_FOUND); /* the same answer as for what is foreign */
    json_decref(v);
    struct arena *arena = arena_new(1u << 20); /* the seat's account, signed by another key */
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    uint8_t bytes[32] = { 1 };
    ask_as(&w, seat(&o, 1), arena, &act);
    say(&w, "verdict.commit", &other->identity, 1, json_object(), &s);
    expect(round_commit(&act, &s, &o.id, 1, bytes, &a), ERR_STATEMENT_SIGNER);
    expect(round_reveal(&act, &s, &o.id, 1, bytes, s.root, &a), ERR_STATEMENT_SIGNER);
    statement_release(&s);
    say(&w, "verdict.commit", &seat(&o, 1)->identity, 1, json_object(), &s);
    expect(round_commit(&act, &s, &o.id, 2, bytes, &a), ERR_VERDICT_LATE); /* no such round */
    statement_release(&s);
    arena_free(arena);
    assert_int_equal(entries(), before);
    offer_make(&w, next_patient(), &bounty, 4, 20,
               &quoted); /* drawn, but not sealed to anyone yet */
    struct person second;
    person_make(1000 + used - 1, &second);
    expect(do_open(&w, &second, &quoted), OK);
    expect(commit_mark(seat(&quoted, 1), &quoted, 9000, "accept"), ERR_NOT_FOUND);
    expect(do_withdraw(&w, &second, &quoted), OK);
}

/* A verdict that was committed to but breaks the terms cannot be revealed, and costs nobody else.
 */
static void test_malformed_verdict(void **state)
{
    (void)state;
    struct offer o;
    in_round(&o);
    json_t *bad = verdict_of(10001, 4, 20, "accept");
    expect(do_commit(&w, seat(&o, 1), &o.id, bad), OK);
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"), OK);
    expect(do_reveal(&w, seat(&o, 1), &o.id, bad), ERR_FIELD_RANGE);
    json_decref(bad);
    expect(reveal_mark(seat(&o, 2), &o, 9000, "accept"), OK);
    expect_phase(&o, "ROUND", "reveal"); /* until the hours are over */
    world_shift(&w, 24 * HOUR);
    expect(submission_due(&w.app, &o.id, 2), OK);
    expect_phase(&o, "EXPIRED", "closed");
}

/* ---- outcomes ----------------------------------------------------------------------------------
 */

static void both(const struct offer *o, int64_t mark, const char *one, const char *two)
{
    expect(commit_mark(seat(o, 1), o, mark, one), OK);
    expect(commit_mark(seat(o, 2), o, mark, two), OK);
    expect(reveal_mark(seat(o, 1), o, mark, one), OK);
    expect(reveal_mark(seat(o, 2), o, mark, two), OK);
}

/* Whatever the outcome, who revealed is paid and the rest goes back. */
static void test_outcomes(void **state)
{
    (void)state;
    static const struct {
        int64_t mark;
        const char *one, *two, *state;
        int64_t score, spent; /* from available, of a claim of 3200 */
    } cases[] = {
        { 9000, "accept", "accept", "PAID", 6000, 3200 + 200 },
        { 8999, "accept", "reject", "PAID", 5999, 2560 + 200 }, /* quality 8000 */
        { 7500, "reject", "reject", "PAID", 5000, 2560 + 200 }, /* the score decides */
        { 7499, "accept", "accept", "RETURNED", 4999, 200 },
        { 7000, "return", "reject", "RETURNED", 4666, 200 }, /* a tie is not against the patient */
        { 7000, "reject", "reject", "REJECTED", 4666, 200 },
        { 0, "accept", "reject", "REJECTED", 0, 200 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct offer o;
        struct submission_row s;
        int64_t before = available_of(&w, &bounty);
        in_round(&o);
        int64_t fee = wallet_of(&w, seat(&o, 2)), unpaid = wallet_of(&w, seat(&o, 3));
        both(&o, cases[i].mark, cases[i].one, cases[i].two);
        expect_phase(&o, cases[i].state, "closed");
        assert_int_equal(store_submission_get(w.db, &o.id, false, &s), OK);
        assert_int_equal(s.score_bp, cases[i].score);
        assert_int_equal(s.n_eff_bp, 20000);
        assert_int_equal(s.pay, cases[i].spent - 200);
        assert_int_equal(before - available_of(&w, &bounty), cases[i].spent);
        assert_int_equal(wallet_of(&w, seat(&o, 2)) - fee, 100);
        assert_int_equal(wallet_of(&w, seat(&o, 3)) - unpaid, 0);
    }
}

/* ---- hours that are over -----------------------------------------------------------------------
 */

/* Below the quorum of commitments: no score, the one who came is paid, the rest goes back. */
static void test_commit_hours_over(void **state)
{
    (void)state;
    struct offer o;
    int64_t before = available_of(&w, &bounty);
    in_round(&o);
    int64_t came = wallet_of(&w, seat(&o, 1)), stayed = wallet_of(&w, seat(&o, 2));
    expect(commit_mark(seat(&o, 1), &o, 9000, "accept"), OK);
    world_shift(&w, 47 * HOUR);
    expect(submission_due(&w.app, &o.id, 2), ERR_STATE);
    world_shift(&w, HOUR);
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"),
           ERR_VERDICT_LATE); /* due, if not closed yet */
    expect(submission_due(&w.app, &o.id, 2), OK);
    expect_phase(&o, "EXPIRED", "closed");
    assert_int_equal(wallet_of(&w, seat(&o, 1)) - came, 100);
    assert_int_equal(wallet_of(&w, seat(&o, 2)) - stayed, 0);
    assert_int_equal(before - available_of(&w, &bounty), 100);
    struct submission_row s;
    assert_int_equal(store_submission_get(w.db, &o.id, false, &s), OK);
    assert_true(s.decided);
    assert_int_equal(s.score_bp, -1);
}

/* Reveal hours over with fewer than the quorum: who revealed is paid, who did not is not. */
static void test_reveal_hours_over(void **state)
{
    (void)state;
    struct offer o;
    int64_t before = available_of(&w, &bounty);
    in_round(&o);
    int64_t came = wallet_of(&w, seat(&o, 1)), hid = wallet_of(&w, seat(&o, 2));
    expect(commit_mark(seat(&o, 1), &o, 9000, "accept"), OK);
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"), OK);
    expect(reveal_mark(seat(&o, 1), &o, 9000, "accept"), OK);
    world_shift(&w, 24 * HOUR);
    expect(reveal_mark(seat(&o, 2), &o, 9000, "accept"), ERR_VERDICT_LATE);
    expect(submission_due(&w.app, &o.id, 2), OK);
    expect_phase(&o, "EXPIRED", "closed");
    assert_int_equal(wallet_of(&w, seat(&o, 1)) - came, 100);
    assert_int_equal(wallet_of(&w, seat(&o, 2)) - hid, 0);
    assert_int_equal(before - available_of(&w, &bounty), 100);
    expect(submission_due(&w.app, &o.id, 2), OK); /* the same step again */
    expect(submission_due(&w.app, &o.id, 3), ERR_STATE);
}

/* With a quorum of one the round is decided with the verdicts there are. */
static void test_reveal_hours_over_with_quorum(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct offer o;
    wish.quorum = 1;
    wish.threshold = 4000;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &id), OK);
    assert_int_equal(do_fund(&w, &cast.sponsor, &id, 50000), OK);
    offer_in_round(&w, next_patient(), &id, 4, 20, &o);
    expect(commit_mark(seat(&o, 2), &o, 9000, "accept"), OK);
    expect(reveal_mark(seat(&o, 2), &o, 9000, "accept"), OK); /* alone, and so the last: 4500 */
    expect_phase(&o, "PAID", "closed");
    assert_int_equal(available_of(&w, &id),
                     50000 - 100); /* below the first step of quality: no pay */
}

/* ---- at once -----------------------------------------------------------------------------------
 */

struct racer {
    const struct person *who;
    const struct offer *o;
    bool reveal;
    enum err result;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    r->result = r->reveal ? reveal_mark(r->who, r->o, 9000, "accept")
                          : commit_mark(r->who, r->o, 9000, "accept");
    return NULL;
}

/* All three commit at once: two are in time. Both reveal twice at once: each once, and one close.
 */
static void test_at_once(void **state)
{
    (void)state;
    struct offer o;
    struct racer racers[4];
    pthread_t threads[4];
    const struct person *in[3];
    size_t n_in = 0;
    in_round(&o);
    for (size_t i = 0; i < 3; i++) {
        racers[i] = (struct racer){ .who = seat(&o, i + 1), .o = &o };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (racers[i].result == OK)
            in[n_in++] = racers[i].who;
        else
            assert_int_equal(racers[i].result, ERR_VERDICT_LATE);
    }
    assert_int_equal(n_in, 2);
    size_t won = 0;
    for (size_t i = 0; i < 4; i++) {
        racers[i] = (struct racer){ .who = in[i / 2], .o = &o, .reveal = true };
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].result == OK;
        assert_true(racers[i].result == OK || racers[i].result == ERR_VERDICT_TWICE ||
                    racers[i].result == ERR_VERDICT_LATE);
    }
    assert_int_equal(won, 2);
    expect_phase(&o, "PAID", "closed");
    assert_string_equal(world_check(&w), "");
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    cast_join(&w, &cast);
    struct wish wish = wish_usual();
    wish.closes_at = world_now(&w) + 5000 * HOUR;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &bounty), OK);
    return do_fund(&w, &cast.sponsor, &bounty, 1000000) == OK ? 0 : -1;
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
        cmocka_unit_test(test_draw),
        cmocka_unit_test(test_draw_statement),
        cmocka_unit_test(test_commit_then_reveal),
        cmocka_unit_test(test_who_has_no_seat),
        cmocka_unit_test(test_malformed_verdict),
        cmocka_unit_test(test_outcomes),
        cmocka_unit_test(test_commit_hours_over),
        cmocka_unit_test(test_reveal_hours_over),
        cmocka_unit_test(test_reveal_hours_over_with_quorum),
        cmocka_unit_test(test_at_once),
    };
    return cmocka_run_group_tests_name("round", tests, up, down);
}
