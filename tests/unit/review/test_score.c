/* The score, the medians and the outcome of a round: exact values and the promises of a fair round.
 */
#include "server/review/score.h"
#include "tests/lib/prop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define CASES 5000

static const char *const houses[] = { "a", "b", "c", "d", "e", "f", "g", "h",
                                      "i", "j", "k", "l", "m", "n", "o" };

static struct scored_verdict verdict(const char *house, int64_t sum, int64_t visits, int64_t months,
                                     enum recommend recommend)
{
    return (struct scored_verdict){ house, { sum, visits, months, recommend, 0 } };
}

static void hand_computed_scores(void **state)
{
    (void)state;
    struct score s;
    /* Three houses at 0.9, k = 1: 10000 * 2.7 / 4. */
    const struct scored_verdict three[] = { verdict("a", 9000, 0, 0, 0),
                                            verdict("b", 9000, 0, 0, 0),
                                            verdict("c", 9000, 0, 0, 0) };
    score_of(three, 3, 1, 1, &s);
    assert_int_equal(s.score_bp, 6750);
    assert_int_equal(s.n_eff_bp, 30000);
    /* The same three in one house weigh as one: 10000 * 0.9 / 2. */
    const struct scored_verdict one[] = { verdict("a", 9000, 0, 0, 0), verdict("a", 9000, 0, 0, 0),
                                          verdict("a", 9000, 0, 0, 0) };
    score_of(one, 3, 1, 1, &s);
    assert_int_equal(s.score_bp, 4500);
    assert_int_equal(s.n_eff_bp, 10000);
    /* a: 0.2 and 0.6, b: 1.0, two rubric codes, k = 2: 10000 * (0.4 + 1.0) / 4. */
    const struct scored_verdict mixed[] = { verdict("a", 4000, 0, 0, 0),
                                            verdict("a", 12000, 0, 0, 0),
                                            verdict("b", 20000, 0, 0, 0) };
    score_of(mixed, 3, 2, 2, &s);
    assert_int_equal(s.score_bp, 3500);
    /* Rounding is down and once: two houses at 1 of 10000 and k = 1 give 2/3 of a basis point. */
    const struct scored_verdict tiny[] = { verdict("a", 1, 0, 0, 0), verdict("b", 1, 0, 0, 0) };
    score_of(tiny, 2, 1, 1, &s);
    assert_int_equal(s.score_bp, 0);
    assert_int_equal(s.num * 3, s.den * 2);
}

/* Fifteen seats in seven, five and three: every weight must be exact. */
static void every_seat_count_divides(void **state)
{
    (void)state;
    for (int64_t n = 1; n <= SCORE_VERDICTS_MAX; n++)
        assert_int_equal(SCORE_L % n, 0);
    struct scored_verdict v[SCORE_VERDICTS_MAX];
    for (size_t i = 0; i < SCORE_VERDICTS_MAX; i++)
        v[i] = verdict(i < 7 ? "a" : i < 12 ? "b" : "c", 10000, 0, 0, 0);
    struct score s;
    score_of(v, SCORE_VERDICTS_MAX, 1, 1, &s);
    assert_int_equal(s.n_eff_bp, 30000);
    assert_int_equal(s.score_bp, 7500);
}

/* S0-7: at equal non-zero verdicts one more independent reviewer strictly raises the exact score.
 */
static void grows_with_independent_reviewers(void **state)
{
    (void)state;
    struct prop p = { 7 };
    for (int i = 0; i < CASES; i++) {
        size_t n_rubric = (size_t)prop_int(&p, 1, TERMS_RUBRIC_MAX);
        int64_t sum = prop_edge(&p, 1, (int64_t)n_rubric * TERMS_BP), k = prop_int(&p, 1, 10);
        struct scored_verdict v[SCORE_VERDICTS_MAX];
        struct score before = { 0 }, s;
        for (size_t n = 1; n <= SCORE_VERDICTS_MAX; n++) {
            v[n - 1] = verdict(houses[n - 1], sum, 0, 0, 0);
            score_of(v, n, n_rubric, k, &s);
            if (n > 1) {
                __extension__ typedef __int128 wide;
                assert_true((wide)s.num * before.den > (wide)before.num * s.den);
                assert_true(s.score_bp >= before.score_bp);
            }
            before = s;
        }
    }
}

/* A house that sends more reviewers of the same mind gains nothing by it. */
static void a_crowd_of_one_house_weighs_as_one(void **state)
{
    (void)state;
    struct prop p = { 8 };
    for (int i = 0; i < CASES; i++) {
        int64_t a = prop_edge(&p, 0, TERMS_BP), b = prop_edge(&p, 0, TERMS_BP);
        int64_t k = prop_int(&p, 1, 10);
        struct scored_verdict v[SCORE_VERDICTS_MAX] = { verdict("a", a, 0, 0, 0),
                                                        verdict("b", b, 0, 0, 0) };
        struct score alone, crowd;
        score_of(v, 2, 1, k, &alone);
        size_t n = (size_t)prop_int(&p, 3, SCORE_VERDICTS_MAX);
        for (size_t j = 2; j < n; j++)
            v[j] = verdict("b", b, 0, 0, 0);
        score_of(v, n, 1, k, &crowd);
        __extension__ typedef __int128 wide;
        assert_true((wide)alone.num * crowd.den == (wide)crowd.num * alone.den);
    }
}

/* S0-9 and S0-7's bound: no crowd lifts the score above the best mean, so what every house puts
 * below the threshold is never accepted; nor does the order of verdicts matter. */
static void never_above_the_mean(void **state)
{
    (void)state;
    struct prop p = { 9 };
    int refused = 0;
    for (int i = 0; i < CASES; i++) {
        struct terms t = { 0 };
        t.review = (struct terms_review){ .seats = 15,
                                          .quorum = 1,
                                          .k = prop_int(&p, 1, 10),
                                          .threshold_bp = prop_int(&p, 1, TERMS_BP),
                                          .n_rubric = 1 };
        t.reward.n_quality = 1;
        t.reward.quality[0] = (struct quality_step){ 0, TERMS_BP };
        size_t n = (size_t)prop_int(&p, 1, SCORE_VERDICTS_MAX);
        struct scored_verdict v[SCORE_VERDICTS_MAX];
        int64_t best = 0;
        for (size_t j = 0; j < n; j++) {
            int64_t sum = prop_int(&p, 0, t.review.threshold_bp - 1);
            v[j] = verdict(houses[prop_int(&p, 0, 14)], sum, prop_int(&p, 0, 9), 0,
                           (enum recommend)prop_int(&p, 0, 2));
            best = sum > best ? sum : best;
        }
        struct decision d, turned;
        decide(&t, v, n, &d);
        assert_true(d.score.score_bp <= best);
        assert_true(d.outcome == OUTCOME_RETURNED || d.outcome == OUTCOME_REJECTED);
        assert_int_equal(d.quality_bp, 0);
        refused += d.outcome == OUTCOME_REJECTED ? 1 : 0;
        struct scored_verdict first = v[0];
        memmove(v, v + 1, (n - 1) * sizeof(v[0]));
        v[n - 1] = first;
        decide(&t, v, n, &turned);
        assert_memory_equal(&d, &turned, sizeof(d));
    }
    assert_in_range(refused, CASES / 10, CASES - CASES / 10);
}

/* S0-7: below quorum there is no score, whatever the verdicts say. */
static void below_quorum_there_is_no_score(void **state)
{
    (void)state;
    struct terms t = { .review = {
                           .seats = 5, .quorum = 3, .k = 1, .threshold_bp = 1, .n_rubric = 1 } };
    t.reward.n_quality = 1;
    t.reward.quality[0] = (struct quality_step){ 0, 7000 };
    const struct scored_verdict v[] = { verdict("a", 10000, 4, 5, RECOMMEND_ACCEPT),
                                        verdict("b", 10000, 4, 5, RECOMMEND_ACCEPT),
                                        verdict("c", 10000, 4, 5, RECOMMEND_ACCEPT) };
    for (size_t n = 0; n <= 3; n++) {
        struct decision d;
        decide(&t, v, n, &d);
        assert_int_equal(d.outcome, n < 3 ? OUTCOME_EXPIRED : OUTCOME_ACCEPTED);
        assert_int_equal(d.score.score_bp, n < 3 ? 0 : 7500);
        assert_int_equal(d.quality_bp, n < 3 ? 0 : 7000);
        assert_int_equal(d.visits, n < 3 ? 0 : 4);
        assert_int_equal(d.months, n < 3 ? 0 : 5);
    }
}

static void threshold_is_reached_by_equality(void **state)
{
    (void)state;
    struct terms t = { .review = { .seats = 3, .quorum = 3, .k = 1, .n_rubric = 1 } };
    const struct scored_verdict v[] = { verdict("a", 8000, 0, 0, 0), verdict("b", 8000, 0, 0, 0),
                                        verdict("c", 8000, 0, 0, 0) };
    struct decision d;
    t.review.threshold_bp = 6000;
    decide(&t, v, 3, &d);
    assert_int_equal(d.outcome, OUTCOME_ACCEPTED);
    t.review.threshold_bp = 6001;
    decide(&t, v, 3, &d);
    assert_int_equal(d.outcome, OUTCOME_RETURNED);
}

/* Return against reject by weight, not by heads; a tie never goes against the patient. */
static void refusals_by_weight(void **state)
{
    (void)state;
    struct terms t = {
        .review = { .seats = 5, .quorum = 1, .k = 1, .threshold_bp = TERMS_BP, .n_rubric = 1 }
    };
    const struct {
        struct scored_verdict v[4];
        size_t n;
        enum outcome outcome;
    } cases[] = {
        { { verdict("a", 0, 0, 0, RECOMMEND_REJECT), verdict("a", 0, 0, 0, RECOMMEND_REJECT),
            verdict("a", 0, 0, 0, RECOMMEND_REJECT), verdict("b", 0, 0, 0, RECOMMEND_RETURN) },
          4,
          OUTCOME_RETURNED }, /* three heads of one house tie with one of another */
        { { verdict("a", 0, 0, 0, RECOMMEND_REJECT), verdict("c", 0, 0, 0, RECOMMEND_REJECT),
            verdict("b", 0, 0, 0, RECOMMEND_RETURN) },
          3,
          OUTCOME_REJECTED },
        { { verdict("a", 0, 0, 0, RECOMMEND_RETURN), verdict("a", 0, 0, 0, RECOMMEND_RETURN),
            verdict("b", 0, 0, 0, RECOMMEND_REJECT), verdict("c", 0, 0, 0, RECOMMEND_REJECT) },
          4,
          OUTCOME_REJECTED }, /* two heads of one house against two houses */
        { { verdict("a", 0, 0, 0, RECOMMEND_ACCEPT) }, 1, OUTCOME_RETURNED },
        { { verdict("a", 0, 0, 0, RECOMMEND_REJECT) }, 1, OUTCOME_REJECTED },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct decision d;
        decide(&t, cases[i].v, cases[i].n, &d);
        assert_int_equal(d.outcome, cases[i].outcome);
    }
}

static void reasons_are_united(void **state)
{
    (void)state;
    struct terms t = { .review = { .seats = 2, .quorum = 2, .k = 1, .n_rubric = 1 } };
    struct scored_verdict v[] = { verdict("a", 0, 0, 0, 0), verdict("b", 0, 0, 0, 0) };
    v[0].verdict.reasons = 5;
    v[1].verdict.reasons = 6;
    struct decision d;
    decide(&t, v, 2, &d);
    assert_int_equal(d.reasons, 7);
}

/* The lower median: the smallest value that at least half of the weight does not exceed, and at
 * least half of the weight does not fall below. */
static void median_splits_the_weight(void **state)
{
    (void)state;
    const int64_t w1[] = { 1, 1, 1, 1 }, a[] = { 9, 1, 5, 3 };
    assert_int_equal(score_median(a, w1, 4), 3);
    assert_int_equal(score_median(a, w1, 3), 5);
    const int64_t w2[] = { 10, 1, 1, 1 };
    assert_int_equal(score_median(a, w2, 4), 9);
    struct prop p = { 10 };
    for (int i = 0; i < CASES; i++) {
        int64_t values[15], weights[15];
        size_t n = (size_t)prop_int(&p, 1, 15);
        int64_t total = 0, upto = 0, from = 0, under = 0;
        for (size_t j = 0; j < n; j++) {
            values[j] = prop_int(&p, 0, 12);
            weights[j] = SCORE_L / prop_int(&p, 1, 15);
            total += weights[j];
        }
        int64_t m = score_median(values, weights, n);
        bool present = false;
        for (size_t j = 0; j < n; j++) {
            upto += values[j] <= m ? weights[j] : 0;
            from += values[j] >= m ? weights[j] : 0;
            under += values[j] < m ? weights[j] : 0;
            present = present || values[j] == m;
        }
        assert_true(present && 2 * upto >= total && 2 * from >= total && 2 * under < total);
    }
}

static void outcomes_have_names(void **state)
{
    (void)state;
    assert_string_equal(outcome_name(OUTCOME_EXPIRED), "EXPIRED");
    assert_string_equal(outcome_name(OUTCOME_ACCEPTED), "ACCEPTED");
    assert_string_equal(outcome_name(OUTCOME_RETURNED), "RETURNED");
    assert_string_equal(outcome_name(OUTCOME_REJECTED), "REJECTED");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hand_computed_scores),
        cmocka_unit_test(every_seat_count_divides),
        cmocka_unit_test(grows_with_independent_reviewers),
        cmocka_unit_test(a_crowd_of_one_house_weighs_as_one),
        cmocka_unit_test(never_above_the_mean),
        cmocka_unit_test(below_quorum_there_is_no_score),
        cmocka_unit_test(threshold_is_reached_by_equality),
        cmocka_unit_test(refusals_by_weight),
        cmocka_unit_test(reasons_are_united),
        cmocka_unit_test(median_splits_the_weight),
        cmocka_unit_test(outcomes_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
