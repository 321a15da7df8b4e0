/* The scripted reviewer: deterministic, bounded, and right about plain cases. */
#include "api/client/rubric.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define TODAY 20000

static char system_loinc[] = "http://loinc.org", code_bili[] = "1975-2", code_alb[] = "1751-7";
static char unit_mg[] = "mg/dL", unit_g[] = "g/dL", disease[] = "MONDO:0005388";

static const struct visit_plan plan = {
    .min_spacing_days = 30,
    .required_min = 2,
    .n_required = 2,
    .required = { { "http://loinc.org", "1975-2" }, { "http://loinc.org", "1751-7" } },
};

static struct terms terms_of(void)
{
    struct terms t = { 0 };
    t.review = (struct terms_review){
        .seats = 3, .quorum = 3, .k = 1, .threshold_bp = 5000, .n_rubric = 5
    };
    for (size_t i = 0; i < 5; i++)
        t.review.rubric[i] = terms_rubric_codes[i];
    return t;
}

static void add(struct timeline *t, int32_t date, bool bili, int64_t value, int scale)
{
    struct observation o = { .date = date, .system = system_loinc, .value = value, .scale = scale };
    o.code = bili ? code_bili : code_alb;
    o.unit = bili ? unit_mg : unit_g;
    assert_int_equal(timeline_add(t, &o), OK);
}

/* n visits a quarter of a year apart, all complete and calm. */
static void calm(struct timeline *t, int n)
{
    timeline_init(t);
    t->disease = strdup(disease);
    for (int i = 0; i < n; i++) {
        add(t, 10000 + 91 * i, true, 14 + i % 3, 1);
        add(t, 10000 + 91 * i, false, 39 - i % 2, 1);
    }
    (void)timeline_normalise(t);
}

static struct rubric_facts look(struct timeline *t)
{
    struct rubric_facts f;
    (void)timeline_normalise(t);
    assert_int_equal(rubric_look(t, &plan, TODAY, &f), OK);
    timeline_release(t);
    return f;
}

static void judged(const struct rubric_facts *f, const char *recommend, const char *reason)
{
    struct terms t = terms_of();
    struct verdict v;
    struct problem p = { 0 };
    json_t *json = rubric_verdict(f, &t, f->visits, f->months, 0);
    if (verdict_read(json, "", &t, &v, &p) != OK)
        fail_msg("%s %s", p.pointer, p.detail);
    assert_string_equal(json_string_value(json_object_get(json, "recommend")), recommend);
    json_t *reasons = json_object_get(json, "reasons");
    if (reason == NULL)
        assert_int_equal(json_array_size(reasons), 0);
    else
        assert_string_equal(json_string_value(json_array_get(reasons, 0)), reason);
    json_decref(json);
}

static void a_good_series_is_accepted(void **state)
{
    (void)state;
    struct timeline t;
    calm(&t, 12);
    struct rubric_facts f = look(&t);
    assert_int_equal(f.days, 12);
    assert_int_equal(f.visits, 12);
    assert_int_equal(f.complete_bp, 10000);
    assert_int_equal(f.jumps + f.unusual + f.conflicts + f.gaps + f.uncoded + f.errors, 0);
    for (size_t i = 0; terms_rubric_codes[i] != NULL; i++) {
        assert_int_equal(rubric_mark(&f, terms_rubric_codes[i], 0), 10000);
        assert_int_equal(rubric_mark(&f, terms_rubric_codes[i], 300), 9700);
    }
    judged(&f, "accept", NULL);
}

static void a_single_visit_is_returned(void **state)
{
    (void)state;
    struct timeline t;
    calm(&t, 1);
    struct rubric_facts f = look(&t);
    assert_int_equal(rubric_mark(&f, "consistent", 0), 0);
    assert_int_equal(rubric_mark(&f, "useful", 0), 0);
    judged(&f, "return", "visits.sparse");
}

/* 1.4 then 21 then 1.4 mg/dL: two jumps of more than tenfold. */
static void slipped_points_are_rejected(void **state)
{
    (void)state;
    struct timeline t;
    calm(&t, 6);
    add(&t, 10000 + 91 * 6, true, 21, 0);
    add(&t, 10000 + 91 * 6, false, 39, 1);
    add(&t, 10000 + 91 * 7, true, 14, 1);
    add(&t, 10000 + 91 * 7, false, 39, 1);
    struct rubric_facts f = look(&t);
    assert_int_equal(f.jumps, 2);
    judged(&f, "reject", "values.implausible");
}

static void tenfold_is_no_jump_but_more_is(void **state)
{
    (void)state;
    for (int more = 0; more < 2; more++) {
        struct timeline t;
        timeline_init(&t);
        t.disease = strdup(disease);
        add(&t, 10000, true, 1, 0);
        add(&t, 10091, true, more ? 10001 : 10, more ? 3 : 0);
        struct rubric_facts f = look(&t);
        assert_int_equal(f.jumps, more);
        timeline_init(&t); /* the same downwards */
        t.disease = strdup(disease);
        add(&t, 10000, true, more ? 10001 : 10, more ? 3 : 0);
        add(&t, 10091, true, 1, 0);
        f = look(&t);
        assert_int_equal(f.jumps, more);
    }
}

/* A gap could be mended, a jump casts doubt: doubt decides. */
static void doubt_outweighs_what_can_be_mended(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    t.disease = strdup(disease);
    for (int i = 0; i < 3; i++) {
        add(&t, 10000 + 1000 * i, true, i == 1 ? 200 : 14, 1);
        add(&t, 10000 + 1000 * i, false, 39, 1);
    }
    struct rubric_facts f = look(&t);
    assert_int_equal(f.jumps, 2);
    assert_int_equal(f.gaps, 2);
    judged(&f, "reject", "dates.gap");
    f.jumps = 0;
    f.visits = 1;
    judged(&f, "return", "dates.gap");
}

static void missing_items_count_against_it(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    t.disease = strdup(disease);
    for (int i = 0; i < 4; i++)
        add(&t, 10000 + 91 * i, true, 14, 1); /* one of two required items */
    struct rubric_facts f = look(&t);
    assert_int_equal(f.complete_bp, 5000);
    assert_int_equal(f.visits, 0);
    judged(&f, "return", "visits.sparse");
}

static void claims_are_compared(void **state)
{
    (void)state;
    struct timeline t;
    struct terms terms = terms_of();
    calm(&t, 12);
    struct rubric_facts f = look(&t);
    json_t *json = rubric_verdict(&f, &terms, f.visits + 1, f.months, 0);
    assert_string_equal(json_string_value(json_array_get(json_object_get(json, "reasons"), 0)),
                        "claims.wrong");
    assert_int_equal(json_integer_value(json_object_get(json, "visits")), f.visits);
    json_decref(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_series_is_accepted),
        cmocka_unit_test(a_single_visit_is_returned),
        cmocka_unit_test(slipped_points_are_rejected),
        cmocka_unit_test(tenfold_is_no_jump_but_more_is),
        cmocka_unit_test(doubt_outweighs_what_can_be_mended),
        cmocka_unit_test(missing_items_count_against_it),
        cmocka_unit_test(claims_are_compared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
