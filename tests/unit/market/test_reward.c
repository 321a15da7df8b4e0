/* The reward against vectors made with exact fractions elsewhere, and its promises as properties.
 */
#include "server/market/reward.h"
#include "tests/lib/prop.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define CASES 20000

struct vector {
    int64_t base, per_visit, per_month, scarcity, quality, horizon, visits, months, reward;
};

static const struct vector vectors[] = {
    { INT64_C(500000), INT64_C(10000000), 1000000, 33333, 10000, 1200, 1, 1, INT64_C(49832950) },
    { INT64_C(1000000000000), INT64_C(20000), 7, 0, 9999, 12, 1, 0, INT64_C(999900019998) },
    { INT64_C(1000000000000), INT64_C(0), 0, 0, 3333, 0, 20000, 0, INT64_C(333300000000) },
    { INT64_C(500000), INT64_C(333), 1000000, 100000, 3333, 1200, 1, 11, INT64_C(42163670) },
    { INT64_C(500000), INT64_C(0), 0, 33333, 5000, 12, 20000, 0, INT64_C(1083325) },
    { INT64_C(999), INT64_C(333), 7, 100000, 5000, 0, 0, 1200, INT64_C(51694) },
    { INT64_C(1), INT64_C(1), 0, 33333, 9999, 1200, 43, 13, INT64_C(190) },
    { INT64_C(0), INT64_C(10000000), 7, 2500, 5000, 0, 7, 11, INT64_C(43750048) },
    { INT64_C(0), INT64_C(20000), 1000000, 1, 10000, 0, 43, 1200, INT64_C(1200980086) },
    { INT64_C(1), INT64_C(1000000000000), 7, 33333, 9999, 0, 43, 13, INT64_C(1000000000000) },
    { INT64_C(0), INT64_C(333), 1500, 0, 3333, 0, 43, 1200, INT64_C(604712) },
    { INT64_C(1000000000000), INT64_C(0), 0, 1, 3333, 12, 7, 0, INT64_C(333333330000) },
    { INT64_C(1000000000000), INT64_C(333), 1500, 33333, 1, 0, 0, 1, INT64_C(433330000) },
    { INT64_C(1000000000000), INT64_C(20000), 7, 33333, 3333, 1200, 1, 11, INT64_C(1000000000000) },
};

static void matches_exact_fractions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(vectors); i++) {
        const struct vector *v = &vectors[i];
        struct terms t = { .visits.horizon_months = v->horizon };
        t.reward = (struct terms_reward){ v->base,
                                          v->per_visit,
                                          v->per_month,
                                          TERMS_AMOUNT_MAX,
                                          v->scarcity,
                                          1,
                                          { { 5000, v->quality } } };
        assert_int_equal(reward_of(&t, v->visits, v->months, 5000), v->reward);
        assert_int_equal(reward_of(&t, v->visits, v->months, 4999), 0);
    }
}

static void quality_is_a_step_function(void **state)
{
    (void)state;
    struct terms t = { 0 };
    t.reward.n_quality = 3;
    t.reward.quality[0] = (struct quality_step){ 4000, 5000 };
    t.reward.quality[1] = (struct quality_step){ 6000, 8000 };
    t.reward.quality[2] = (struct quality_step){ 8000, 10000 };
    const int64_t at[][2] = { { 0, 0 },       { 3999, 0 },    { 4000, 5000 },  { 5999, 5000 },
                              { 6000, 8000 }, { 7999, 8000 }, { 8000, 10000 }, { 10000, 10000 } };
    for (size_t i = 0; i < COUNT(at); i++)
        assert_int_equal(quality_of(&t, at[i][0]), at[i][1]);
}

/* Terms as terms_read could return them. */
static struct terms random_terms(struct prop *p)
{
    struct terms t = { 0 };
    struct terms_reward *r = &t.reward;
    int64_t high = prop_int(p, 0, 1) == 0 ? 100000 : TERMS_AMOUNT_MAX;
    r->base_minor = prop_edge(p, 0, high);
    r->per_visit_minor = prop_edge(p, 0, high);
    r->per_month_minor = prop_edge(p, 0, high);
    r->cap_minor = prop_edge(p, r->base_minor, TERMS_AMOUNT_MAX);
    r->scarcity_bp = prop_edge(p, 0, 100000);
    t.visits.horizon_months = prop_edge(p, 0, TERMS_MONTHS_MAX);
    r->n_quality = (size_t)prop_int(p, 1, TERMS_QUALITY_MAX);
    int64_t score = prop_int(p, 0, 3000), quality = prop_int(p, 0, 3000);
    for (size_t i = 0; i < r->n_quality; i++) {
        r->quality[i] = (struct quality_step){ score, quality };
        score += prop_int(p, 1, 800);
        quality += prop_int(p, 0, 800);
    }
    return t;
}

/* S0-2: more visits, more months or a better score never earn less. */
static void longer_series_never_earn_less(void **state)
{
    (void)state;
    struct prop p = { 2 };
    int grew = 0;
    for (int i = 0; i < CASES; i++) {
        struct terms t = random_terms(&p);
        int64_t v = prop_edge(&p, 0, TERMS_VISITS_MAX), m = prop_edge(&p, 0, TERMS_MONTHS_MAX);
        int64_t s = prop_edge(&p, 0, TERMS_BP);
        int64_t less = reward_of(&t, v, m, s);
        int64_t more = reward_of(&t, prop_edge(&p, v, TERMS_VISITS_MAX),
                                 prop_edge(&p, m, TERMS_MONTHS_MAX), prop_edge(&p, s, TERMS_BP));
        assert_true(more >= less);
        grew += more > less ? 1 : 0;
    }
    assert_true(grew > CASES / 100); /* the property is not vacuous */
}

/* S0-3: however a series is split, and in whatever order the parts' scores come, the increments sum
 * to no more than the whole at the best of these scores; at one score they sum to exactly the
 * whole. */
static void splitting_earns_nothing(void **state)
{
    (void)state;
    struct prop p = { 3 };
    for (int i = 0; i < CASES; i++) {
        struct terms t = random_terms(&p);
        int64_t v = 0, m = 0, best = 0, paid = 0, paid_even = 0;
        int64_t same = prop_edge(&p, 0, TERMS_BP);
        int64_t parts = prop_int(&p, 1, 8);
        for (int64_t k = 0; k < parts; k++) {
            v += prop_int(&p, 0, TERMS_VISITS_MAX / 8);
            m += prop_int(&p, 0, TERMS_MONTHS_MAX / 8);
            int64_t s = prop_edge(&p, 0, TERMS_BP);
            best = s > best ? s : best;
            paid += pay_of(reward_of(&t, v, m, s), paid);
            paid_even += pay_of(reward_of(&t, v, m, same), paid_even);
        }
        assert_true(paid <= reward_of(&t, v, m, best));
        assert_int_equal(paid_even, reward_of(&t, v, m, same));
    }
}

/* S0-1: scarcer never earns less; strictly more below the cap once a minor unit is between them. */
static void scarcer_earns_more(void **state)
{
    (void)state;
    struct prop p = { 1 };
    int strict = 0;
    for (int i = 0; i < CASES; i++) {
        struct terms t = random_terms(&p);
        t.reward.scarcity_bp = prop_int(&p, 0, 90000);
        struct terms scarcer = t;
        scarcer.reward.scarcity_bp += prop_int(&p, 1, 10000);
        int64_t v = prop_edge(&p, 0, 50), m = prop_edge(&p, 0, 60), s = prop_int(&p, 0, TERMS_BP);
        int64_t a = reward_of(&t, v, m, s), b = reward_of(&scarcer, v, m, s);
        assert_true(b >= a);
        int64_t months = t.visits.horizon_months > 0 && m > t.visits.horizon_months
                             ? t.visits.horizon_months
                             : m;
        long double plain = (long double)(t.reward.base_minor + t.reward.per_visit_minor * v +
                                          t.reward.per_month_minor * months) *
                            (long double)quality_of(&t, s) / 1e8L;
        long double gain = plain * (long double)(scarcer.reward.scarcity_bp - t.reward.scarcity_bp);
        if (gain > 1.001L && a < t.reward.cap_minor) {
            assert_true(b > a);
            strict++;
        }
    }
    assert_true(strict > CASES / 100);
}

static void quotes_bound_what_is_paid(void **state)
{
    (void)state;
    struct prop p = { 4 };
    for (int i = 0; i < CASES; i++) {
        struct terms t = random_terms(&p);
        t.review.fee_minor = prop_edge(&p, 0, TERMS_AMOUNT_MAX);
        t.review.seats = prop_int(&p, 1, TERMS_SEATS_MAX);
        int64_t v = prop_edge(&p, 0, TERMS_VISITS_MAX), m = prop_edge(&p, 0, TERMS_MONTHS_MAX);
        int64_t r = reward_of(&t, v, m, prop_edge(&p, 0, TERMS_BP));
        assert_in_range(r, 0, t.reward.cap_minor);
        assert_true(r <= reward_quote(&t, v, m));
        assert_true(reward_quote(&t, v, m) <= reward_max(&t));
        assert_int_equal(reward_worst_case(&t) - reward_max(&t),
                         t.review.fee_minor * t.review.seats);
    }
}

static void nothing_is_paid_twice_or_back(void **state)
{
    (void)state;
    assert_int_equal(pay_of(700, 0), 700);
    assert_int_equal(pay_of(700, 699), 1);
    assert_int_equal(pay_of(700, 700), 0);
    assert_int_equal(pay_of(700, 900), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_exact_fractions),
        cmocka_unit_test(quality_is_a_step_function),
        cmocka_unit_test(longer_series_never_earn_less),
        cmocka_unit_test(splitting_earns_nothing),
        cmocka_unit_test(scarcer_earns_more),
        cmocka_unit_test(quotes_bound_what_is_paid),
        cmocka_unit_test(nothing_is_paid_twice_or_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
