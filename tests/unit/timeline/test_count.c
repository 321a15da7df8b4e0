/* server/timeline/count.c: visits and months, and that more never becomes less. */
#include "tests/unit/timeline/help.h"

static struct visit_count count_days(const int32_t *days, size_t n, const struct visit_plan *plan)
{
    struct timeline t;
    begin(&t);
    for (size_t i = 0; i < n; i++)
        add_bili(&t, days[i]);
    (void)timeline_normalise(&t);
    struct visit_count c;
    timeline_count(&t, plan, &c);
    timeline_release(&t);
    return c;
}

static void test_months(void **state)
{
    (void)state;
    static const int64_t cases[][2] = { { 0, 0 },        { 30, 0 },       { 31, 1 },
                                        { 60, 1 },       { 61, 2 },       { 365, 11 },
                                        { 366, 12 },     { 730, 23 },     { 731, 24 },
                                        { 3652, 119 },   { 3653, 120 },   { 36524, 1199 },
                                        { 36525, 1200 }, { 146097, 4800 } };
    for (size_t i = 0; i < COUNT(cases); i++)
        assert_int_equal(timeline_months(cases[i][0]), cases[i][1]);
}

static void test_spacing(void **state)
{
    (void)state;
    static const int32_t days[] = { 0, 10, 29, 30, 59, 60, 61, 400 };
    struct visit_plan plan = { .min_spacing_days = 30 };
    struct visit_count c = count_days(days, COUNT(days), &plan);
    assert_int_equal(c.visits, 4); /* 0, 30, 60, 400 */
    assert_int_equal(c.months, 13);
    assert_int_equal(c.first, 0);
    assert_int_equal(c.last, 400);
    plan.min_spacing_days = 0;
    assert_int_equal(count_days(days, COUNT(days), &plan).visits, 8);
    assert_int_equal(count_days(days, 0, &plan).visits, 0);
    assert_int_equal(count_days(days, 1, &plan).months, 0);
}

static void test_horizon(void **state)
{
    (void)state;
    static const int32_t days[] = { 100, 300, 466, 490, 500, 900 };
    struct visit_plan plan = { .horizon_months = 12 };
    struct visit_count c = count_days(days, COUNT(days), &plan);
    assert_int_equal(c.visits, 4); /* 466 and 490 lie in month 12, 500 in month 13 */
    assert_int_equal(c.months, 12);
    assert_int_equal(c.last, 490);
    plan.horizon_months = 0;
    assert_int_equal(count_days(days, COUNT(days), &plan).visits, 6);
    assert_int_equal(count_days(days, COUNT(days), &plan).months, 26);
}

static void test_required(void **state)
{
    (void)state;
    struct visit_plan plan = {
        .required_min = 2,
        .n_required = 3,
        .required = { { LOINC, "1975-2" }, { LOINC, "1751-7" }, { "urn:test", "sign" } }
    };
    struct timeline t;
    begin(&t);
    add_bili(&t, 0);
    add(&t, quantity(0, "1975-2", 2, 0, "mg/dL")); /* the same item twice is one item */
    add_bili(&t, 10);
    add(&t, quantity(10, "1751-7", 4, 0, "g/dL"));
    add_bili(&t, 20);
    add(&t, coded(20, "urn:test", "sign", "Y"));
    add_bili(&t, 30);
    add(&t, coded(30, "urn:other", "sign", "Y")); /* another system is another item */
    struct observation coarse = coded(days_from_civil(1970, 2, 1), "urn:test", "sign", "Y");
    coarse.precision = PRECISION_MONTH; /* no visit: nobody knows the day */
    add(&t, coarse);
    struct observation same_day = quantity(coarse.date, "1975-2", 1, 0, "mg/dL");
    add(&t, same_day);
    (void)timeline_normalise(&t);
    struct visit_count c;
    timeline_count(&t, &plan, &c);
    assert_int_equal(c.visits, 2);
    assert_int_equal(c.first, 10);
    assert_int_equal(c.last, 20);
    plan.required_min = 1;
    timeline_count(&t, &plan, &c);
    assert_int_equal(c.visits, 5);
    plan.required_min = 4;
    timeline_count(&t, &plan, &c);
    assert_int_equal(c.visits, 0);
    assert_int_equal(c.months, 0);
    timeline_release(&t);
}

static void test_coarse_only(void **state)
{
    (void)state;
    struct timeline t;
    begin(&t);
    struct observation o = quantity(days_from_civil(2020, 1, 1), "1975-2", 1, 0, "mg/dL");
    o.precision = PRECISION_YEAR;
    add(&t, o);
    struct visit_plan plan = { 0 };
    struct visit_count c = { .visits = 9 };
    timeline_count(&t, &plan, &c);
    assert_int_equal(c.visits, 0);
    timeline_release(&t);
}

/* The most visits that any choice of dates allows, by trying all subsets that hold the first date.
 */
static int64_t best_choice(const int32_t *days, size_t n, int32_t spacing)
{
    int64_t best = 0;
    for (uint32_t set = 1; set < UINT32_C(1) << n; set += 2) {
        int64_t visits = 0;
        int32_t last = 0;
        bool fits = true;
        for (size_t i = 0; i < n && fits; i++) {
            if ((set >> i & 1) == 0)
                continue;
            fits = visits == 0 || days[i] - last >= spacing;
            last = days[i];
            visits++;
        }
        best = fits && visits > best ? visits : best;
    }
    return best;
}

static void test_greedy_is_best(void **state)
{
    (void)state;
    uint64_t random = UINT64_C(0x5eed0004);
    for (int round = 0; round < 300; round++) {
        int32_t days[9], day = 0;
        for (size_t i = 0; i < COUNT(days); i++, day += 1 + (int32_t)below(&random, 40))
            days[i] = day;
        struct visit_plan plan = { .min_spacing_days = (int32_t)below(&random, 90) };
        assert_int_equal(count_days(days, COUNT(days), &plan).visits,
                         best_choice(days, COUNT(days), plan.min_spacing_days));
    }
}

/* Every prefix of a series counts no more than the series; every added later date takes nothing
 * away. */
static void test_monotone(void **state)
{
    (void)state;
    uint64_t random = UINT64_C(0x5eed0005);
    for (int round = 0; round < 500; round++) {
        struct visit_plan plan = { .min_spacing_days = (int32_t)below(&random, 100),
                                   .horizon_months = (int64_t)below(&random, 3) * 10,
                                   .required_min = (int64_t)below(&random, 3),
                                   .n_required = 2,
                                   .required = { { LOINC, "1975-2" }, { LOINC, "1751-7" } } };
        struct timeline t;
        begin(&t);
        struct visit_count last = { 0 };
        int32_t day = (int32_t)below(&random, 20000) - 10000;
        for (int visit = 0; visit < 20; visit++, day += 1 + (int32_t)below(&random, 120)) {
            if (below(&random, 4) != 0)
                add_bili(&t, day);
            if (below(&random, 4) != 0)
                add(&t, quantity(day, "1751-7", 4, 0, "g/dL"));
            (void)timeline_normalise(&t);
            struct visit_count now;
            timeline_count(&t, &plan, &now);
            assert_true(now.visits >= last.visits && now.months >= last.months);
            assert_true(now.visits <= last.visits + 1);
            assert_true(plan.horizon_months == 0 || now.months <= plan.horizon_months);
            last = now;
        }
        struct timeline slice;
        struct visit_count part;
        assert_int_equal(timeline_slice(&t, day - (int32_t)below(&random, 2000), &slice), OK);
        timeline_count(&slice, &plan, &part);
        assert_true(part.visits <= last.visits && part.months <= last.months);
        timeline_release(&slice);
        timeline_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_months),      cmocka_unit_test(test_spacing),
        cmocka_unit_test(test_horizon),     cmocka_unit_test(test_required),
        cmocka_unit_test(test_coarse_only), cmocka_unit_test(test_greedy_is_best),
        cmocka_unit_test(test_monotone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
