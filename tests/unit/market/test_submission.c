/* Submissions through the real store: the whole job, what is refused with nothing written, money
 * that is never spent twice, and every way out. After each action the world's promises are checked.
 */
#include "server/market/submission.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

static struct world w;
static struct cast cast;

/* The action's result, and that the promises hold after it. */
#define expect(call, want)                                                                         \
    do {                                                                                           \
        assert_string_equal(err_code(call), err_code(want));                                       \
        assert_string_equal(world_check(&w), "");                                                  \
    } while (0)

static struct id funded(const struct wish *wish, int64_t amount)
{
    struct id id;
    assert_int_equal(do_publish(&w, &cast.sponsor, wish, &id), OK);
    if (amount > 0)
        assert_int_equal(do_fund(&w, &cast.sponsor, &id, amount), OK);
    return id;
}

static void expect_state(const struct id *id, const char *want)
{
    char state[12];
    state_of(&w, id, state);
    assert_string_equal(state, want);
}

static const struct person *seat(const struct offer *o, size_t n)
{
    const struct person *p = seat_holder(o, n, cast.reviewers, CAST_REVIEWERS);
    assert_non_null(p);
    return p;
}

/* Everything that a refused action must leave alone. */
static int64_t rows(void)
{
    return world_number(&w,
                        "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM entry_party)"
                        " + (SELECT count(*) FROM submission) + (SELECT count(*) FROM"
                        " submission_event) + (SELECT count(*) FROM seat) + (SELECT count(*) FROM"
                        " book_transfer) + (SELECT sum(last_seq) FROM chain_head)"
                        " + (SELECT count(*) FROM idem)");
}

static void refused(enum err got, enum err want, int64_t before)
{
    assert_string_equal(err_code(got), err_code(want));
    assert_int_equal(rows(), before);
    assert_string_equal(world_check(&w), "");
}

static void give(const struct person *who, const struct offer *o, int64_t mark, int64_t visits,
                 int64_t months, const char *recommend, bool reveal, enum err want)
{
    json_t *v = verdict_of(mark, visits, months, recommend);
    enum err e = reveal ? do_reveal(&w, who, &o->id, v) : do_commit(&w, who, &o->id, v);
    json_decref(v);
    expect(e, want);
}

/* ---- the whole job -----------------------------------------------------------------------------
 */

/* Claim 4 visits, 20 months: quote 1000 + 2000 + 200. Two verdicts of mark 9000 from two
 * institutions: score floor(10000 * 1.8 / 3) = 6000, so full quality; 3 visits and 20 months are
 * confirmed. */
static void test_the_whole_job(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    struct id bounty = funded(&wish, 50000);
    const struct person *patient = &cast.patients[0];
    int64_t before = wallet_of(&w, patient);
    offer_make(&w, patient, &bounty, 4, 20, &o);
    expect(do_open(&w, patient, &o), OK);
    assert_int_equal(o.max_pay, 3200);
    assert_int_equal(o.n, 3);
    assert_int_equal(reserved_of(&w, &bounty), 3200 + 3 * 100);
    assert_int_equal(available_of(&w, &bounty), 50000 - 3500);
    expect(do_submit(&w, patient, &o), ERR_CONTENT_STATE);
    expect(do_content(&w, patient, &o), OK);
    expect(do_content(&w, patient, &o), OK); /* twice is once */
    expect(do_submit(&w, patient, &o), OK);
    expect_state(&o.id, "ROUND");
    int64_t fees = wallet_of(&w, seat(&o, 1));
    give(seat(&o, 1), &o, 9000, 3, 20, "accept", false, OK);
    give(seat(&o, 2), &o, 9000, 4, 20, "accept", false, OK);
    give(seat(&o, 1), &o, 9000, 3, 20, "accept", true, OK);
    assert_int_equal(reserved_of(&w, &bounty), 3500);
    give(seat(&o, 2), &o, 9000, 4, 20, "accept", true, OK);
    expect_state(&o.id, "PAID");
    assert_int_equal(reserved_of(&w, &bounty), 0);
    assert_int_equal(wallet_of(&w, patient) - before, 1000 + 3 * 500 + 200);
    assert_int_equal(wallet_of(&w, seat(&o, 1)) - fees, 100);
    assert_int_equal(available_of(&w, &bounty), 50000 - 2700 - 200);
    world_settle(&w);
}

/* A second submission of the same key is paid what the series has grown by. */
static void test_increment_only(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer first, second;
    struct id bounty = funded(&wish, 50000);
    const struct person *patient = &cast.patients[1];
    struct offer *const both[] = { &first, &second };
    static const int64_t visits[] = { 4, 6 }, pay[] = { 3200, 1000 };
    for (size_t i = 0; i < 2; i++) {
        int64_t before = wallet_of(&w, patient);
        offer_in_round(&w, patient, &bounty, visits[i], 20, both[i]);
        assert_int_equal(both[i]->max_pay, pay[i]);
        for (size_t k = 1; k <= 2; k++)
            give(seat(both[i], k), both[i], 9500, 20, 90, "accept", false, OK);
        for (size_t k = 1; k <= 2; k++)
            give(seat(both[i], k), both[i], 9500, 20, 90, "accept", true, OK);
        expect_state(&both[i]->id, "PAID"); /* reviewers confirmed more; the claim is the limit */
        assert_int_equal(wallet_of(&w, patient) - before, pay[i]);
    }
}

/* ---- refusals ----------------------------------------------------------------------------------
 */

static void test_unfunded_leaves_nothing(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    struct id bounty = funded(&wish, 3499);
    offer_make(&w, &cast.patients[2], &bounty, 4, 20, &o);
    int64_t before = rows();
    refused(do_open(&w, &cast.patients[2], &o), ERR_BOUNTY_UNFUNDED, before);
    assert_int_equal(available_of(&w, &bounty), 3499);
    expect(do_fund(&w, &cast.sponsor, &bounty, 1), OK);
    expect(do_open(&w, &cast.patients[2], &o), OK); /* to the unit */
    assert_int_equal(available_of(&w, &bounty), 0);
}

static void test_open_refusals(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o, other;
    struct id bounty = funded(&wish, 50000), none = fixture_id(7, 7);
    const struct person *patient = &cast.patients[3], *rival = &cast.patients[4];
    offer_make(&w, patient, &bounty, 4, 20, &o);
    int64_t before = rows();
    o.terms_hash[0] ^= 1;
    refused(do_open(&w, patient, &o), ERR_BOUNTY_TERMS_HASH, before);
    o.terms_hash[0] ^= 1;
    o.bounty = none;
    refused(do_open(&w, patient, &o), ERR_NOT_FOUND, before);
    o.bounty = bounty;
    expect(do_open(&w, patient, &o), OK);
    before = rows();
    offer_make(&w, patient, &bounty, 4, 20, &other);
    refused(do_open(&w, patient, &other), ERR_SUBMISSION_OPEN, before);
    other.key = cast.patients[5].identity; /* a second key of the same account */
    refused(do_open(&w, patient, &other), ERR_STATEMENT_SIGNER, before);
    other.key = o.key; /* another account under a key that is taken */
    refused(do_open(&w, rival, &other), ERR_STATEMENT_SIGNER, before);
    offer_make(&w, rival, &bounty, 4, 20, &other);
    other.record = o.record; /* a record is one slice */
    refused(do_open(&w, rival, &other), ERR_VERSION_NUMBER, before);
}

static void test_closed_or_not_yet(void **state)
{
    (void)state;
    struct wish early = wish_usual(), late = wish_usual();
    struct offer o;
    early.opens_at = world_now(&w) + HOUR;
    late.closes_at = world_now(&w) + HOUR;
    struct id soon = funded(&early, 50000), over = funded(&late, 50000);
    offer_make(&w, &cast.patients[6], &soon, 1, 1, &o);
    int64_t before = rows();
    refused(do_open(&w, &cast.patients[6], &o), ERR_BOUNTY_CLOSED, before);
    world_shift(&w, 2 * HOUR);
    expect(do_open(&w, &cast.patients[6], &o), OK);
    offer_make(&w, &cast.patients[6], &over, 1, 1, &o);
    before = rows();
    refused(do_open(&w, &cast.patients[6], &o), ERR_BOUNTY_CLOSED, before);
    expect(do_close(&w, &cast.sponsor, &soon, 1), OK);
    offer_make(&w, &cast.patients[7], &soon, 1, 1, &o);
    before = rows();
    refused(do_open(&w, &cast.patients[7], &o), ERR_BOUNTY_CLOSED, before);
}

/* Every seat needs its own fitting grant; a refusal leaves the quote as it was. */
static void test_grants_must_fit(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    struct id bounty = funded(&wish, 50000), none = fixture_id(7, 8);
    const struct person *patient = &cast.patients[8];
    uint8_t key[32] = { 9 };
    offer_make(&w, patient, &bounty, 4, 20, &o);
    expect(do_open(&w, patient, &o), OK);
    expect(do_content(&w, patient, &o), OK);
    int64_t before = rows();
    for (int spoil = 0; spoil < 9; spoil++) {
        json_t *grants = offer_grants(&w, &o), *g = json_array_get(grants, 1);
        switch (spoil) {
        case 0:
            assert_int_equal(json_array_remove(grants, 2), 0);
            break;
        case 1:
            (void)json_object_set_new(g, "submission", json_id(&none));
            break;
        case 2:
            (void)json_object_set_new(g, "seat", json_integer(o.seats[0].seat));
            break;
        case 3:
            (void)json_object_set_new(g, "grantee", json_b64(key, sizeof(key)));
            break;
        case 4:
            (void)json_object_set_new(g, "key_commitment", json_b64(key, sizeof(key)));
            break;
        case 5:
            (void)json_object_set_new(g, "content_commitment", json_b64(key, sizeof(key)));
            break;
        case 6:
            (void)json_object_set_new(g, "purpose", json_string("resale"));
            break;
        case 7:
            (void)json_object_set_new(g, "expires_at", json_time(world_now(&w) - USEC_PER_SEC));
            break;
        default:
            (void)json_object_set_new(g, "more", json_true());
        }
        refused(do_submit_grants(&w, patient, &o, grants), ERR_GRANTS, before);
        json_decref(grants);
    }
    expect_state(&o.id, "QUOTED");
    o.version = 2;
    refused(do_submit(&w, patient, &o), ERR_IF_MATCH, before);
    o.version = 1;
    refused(do_submit(&w, &cast.patients[9], &o), ERR_NOT_FOUND, before);
    struct sign_key mine = o.key;
    o.key = patient->identity;
    refused(do_submit(&w, patient, &o), ERR_STATEMENT_SIGNER, before);
    o.key = mine;
    expect(do_submit(&w, patient, &o), OK);
    before = rows();
    refused(do_submit(&w, patient, &o), ERR_STATE, before);
}

/* ---- no overspending ---------------------------------------------------------------------------
 */

struct opener {
    struct offer o;
    const struct person *who;
    enum err result;
    pthread_barrier_t *start;
};

static void *open_on(void *arg)
{
    struct opener *x = arg;
    (void)pthread_barrier_wait(x->start);
    x->result = do_open(&w, x->who, &x->o);
    return NULL;
}

static void test_concurrent_quotes(void **state)
{
    (void)state;
    static struct opener all[CAST_PATIENTS];
    pthread_t threads[CAST_PATIENTS];
    pthread_barrier_t start;
    struct wish wish = wish_usual();
    struct id bounty = funded(&wish, 5 * 3500 + 3499);
    int won = 0, unfunded = 0;
    (void)pthread_barrier_init(&start, NULL, CAST_PATIENTS);
    for (size_t i = 0; i < CAST_PATIENTS; i++) {
        all[i] = (struct opener){ .who = &cast.patients[i], .start = &start };
        offer_make(&w, all[i].who, &bounty, 4, 20, &all[i].o);
        assert_int_equal(pthread_create(&threads[i], NULL, open_on, &all[i]), 0);
    }
    for (size_t i = 0; i < CAST_PATIENTS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += all[i].result == OK;
        unfunded += all[i].result == ERR_BOUNTY_UNFUNDED;
    }
    (void)pthread_barrier_destroy(&start);
    assert_int_equal(won, 5);
    assert_int_equal(unfunded, CAST_PATIENTS - 5);
    assert_int_equal(available_of(&w, &bounty), 3499);
    assert_string_equal(world_check(&w), "");
}

/* ---- ways out ----------------------------------------------------------------------------------
 */

static void test_withdrawal(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer quoted, sealed;
    struct id bounty = funded(&wish, 50000);
    const struct person *a = &cast.patients[10], *b = &cast.patients[11];
    offer_make(&w, a, &bounty, 4, 20, &quoted);
    expect(do_open(&w, a, &quoted), OK);
    expect(do_withdraw(&w, b, &quoted), ERR_NOT_FOUND);
    expect(do_withdraw(&w, a, &quoted), OK);
    expect_state(&quoted.id, "WITHDRAWN");
    assert_int_equal(available_of(&w, &bounty), 50000);
    expect(do_withdraw(&w, a, &quoted), ERR_STATE);

    offer_in_round(&w, b, &bounty, 4, 20, &sealed);
    int64_t paid = wallet_of(&w, seat(&sealed, 2)), unpaid = wallet_of(&w, seat(&sealed, 3));
    give(seat(&sealed, 2), &sealed, 9000, 4, 20, "accept", false, OK);
    expect(do_withdraw(&w, b, &sealed), OK);
    expect_state(&sealed.id, "WITHDRAWN");
    assert_int_equal(available_of(&w, &bounty), 50000 - 100);
    assert_int_equal(wallet_of(&w, seat(&sealed, 2)) - paid, 100); /* it had done its part */
    assert_int_equal(wallet_of(&w, seat(&sealed, 3)) - unpaid, 0);
    give(seat(&sealed, 3), &sealed, 9000, 4, 20, "accept", false, ERR_VERDICT_LATE);
    offer_make(&w, a, &bounty, 4, 20, &quoted); /* and may come again */
    expect(do_open(&w, a, &quoted), OK);
}

/* Money of a bounty that has closed meanwhile goes back to the sponsor, not into the bounty. */
static void test_release_after_close(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer quoted, sealed;
    struct id bounty = funded(&wish, 20000);
    const struct person *a = &cast.patients[12], *b = &cast.patients[13];
    offer_make(&w, a, &bounty, 4, 20, &quoted);
    expect(do_open(&w, a, &quoted), OK);
    offer_in_round(&w, b, &bounty, 4, 20, &sealed);
    int64_t sponsor = wallet_of(&w, &cast.sponsor);
    expect(do_close(&w, &cast.sponsor, &bounty, 1), OK);
    assert_int_equal(wallet_of(&w, &cast.sponsor) - sponsor, 20000 - 2 * 3500);
    expect(do_withdraw(&w, a, &quoted), OK);
    assert_int_equal(wallet_of(&w, &cast.sponsor) - sponsor, 20000 - 3500);
    for (size_t k = 1; k <= 2; k++)
        give(seat(&sealed, k), &sealed, 9000, 2, 20, "accept", false, OK);
    for (size_t k = 1; k <= 2; k++)
        give(seat(&sealed, k), &sealed, 9000, 2, 20, "accept", true, OK);
    expect_state(&sealed.id, "PAID");
    assert_int_equal(wallet_of(&w, &cast.sponsor) - sponsor, 20000 - 2200 - 200);
}

/* Due before its time is nothing; after it, once. */
static void test_quote_lapses(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct offer o;
    struct id bounty = funded(&wish, 50000);
    const struct person *patient = &cast.patients[14];
    offer_make(&w, patient, &bounty, 4, 20, &o);
    expect(do_open(&w, patient, &o), OK);
    expect(do_content(&w, patient, &o), OK);
    expect(submission_due(&w.app, &o.id, 1), ERR_STATE);
    world_shift(&w, (QUOTE_HOURS - 1) * HOUR);
    expect(submission_due(&w.app, &o.id, 1), ERR_STATE);
    world_shift(&w, HOUR);
    expect(do_submit(&w, patient, &o), ERR_STATE);
    expect(submission_due(&w.app, &o.id, 1), OK);
    expect_state(&o.id, "EXPIRED");
    assert_int_equal(available_of(&w, &bounty), 50000);
    int64_t before = rows();
    refused(submission_due(&w.app, &o.id, 1), OK, before); /* done already, under the same key */
    refused(submission_due(&w.app, &o.id, 2), ERR_STATE, before);
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
        cmocka_unit_test(test_the_whole_job),           cmocka_unit_test(test_increment_only),
        cmocka_unit_test(test_unfunded_leaves_nothing), cmocka_unit_test(test_open_refusals),
        cmocka_unit_test(test_closed_or_not_yet),       cmocka_unit_test(test_grants_must_fit),
        cmocka_unit_test(test_concurrent_quotes),       cmocka_unit_test(test_withdrawal),
        cmocka_unit_test(test_release_after_close),     cmocka_unit_test(test_quote_lapses),
    };
    return cmocka_run_group_tests_name("submission", tests, up, down);
}
