/* server/timeline/check.c and vocabulary.c: each rule met and not met. */
#include "server/timeline/check.h"
#include "server/timeline/vocabulary.h"
#include "tests/unit/timeline/help.h"

#define TODAY 20000

static const struct finding *find(const struct findings *f, const char *code)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->items[i].code, code) == 0)
            return &f->items[i];
    return NULL;
}

/* Checks a series of o, then another date, so that it is not too short; "" wants no finding at all.
 */
static void expect_one(struct observation o, enum finding_severity severity, const char *code,
                       const char *pointer)
{
    struct timeline t;
    begin(&t);
    add(&t, o);
    add_bili(&t, 10000);
    add_bili(&t, 10100);
    (void)timeline_normalise(&t);
    struct findings f;
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    const struct finding *found = find(&f, code);
    if (code[0] == '\0' && f.n > 0)
        fail_msg("%s: not expected: %s %s", o.code, f.items[0].code, f.items[0].pointer);
    if (code[0] != '\0' &&
        (found == NULL || found->severity != severity || strcmp(found->pointer, pointer) != 0))
        fail_msg("%s: expected %s at %s, got %s at %s", o.code, code, pointer,
                 found != NULL ? "it" : "none", found != NULL ? found->pointer : "all");
    if (found != NULL)
        assert_true(strlen(found->message) > 20 && strchr(found->message, '.') != NULL);
    assert_int_equal(f.errors, code[0] != '\0' && severity == FINDING_ERROR ? 1 : 0);
    findings_release(&f);
    timeline_release(&t);
}

static void fine(struct observation o)
{
    expect_one(o, FINDING_INFO, "", "");
}

static void test_dates(void **state)
{
    (void)state;
    fine(quantity(9990, "1975-2", 1, 0, "mg/dL"));
    expect_one(quantity(TODAY + 1, "1975-2", 1, 0, "mg/dL"), FINDING_ERROR, "date.future",
               "/observations/2/date");
    int32_t old = days_from_civil(1900, 1, 1);
    expect_one(quantity(old - 1, "1975-2", 1, 0, "mg/dL"), FINDING_WARNING, "date.old",
               "/observations/0/date");
    expect_one(quantity(10000, "1975-2", 1, 0, "mg/dL"), FINDING_WARNING, "duplicate.conflict",
               "/observations/1");
    struct timeline t;
    struct findings f;
    begin(&t);
    add_bili(&t, TODAY);
    add_bili(&t, TODAY - 40);
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_int_equal(f.errors, 1);
    assert_string_equal(find(&f, "date.order")->pointer, "/observations/1");
    assert_null(find(&f, "date.future")); /* today itself is fine */
    findings_release(&f);
    timeline_release(&t);
}

static void test_units(void **state)
{
    (void)state;
    fine(quantity(9990, "1751-7", 36, 0, "g/L"));
    fine(quantity(9990, "718-7", 14, 0, "g/dL"));
    expect_one(quantity(9990, "1751-7", 36, 0, "kg"), FINDING_ERROR, "unit.unexpected",
               "/observations/0/unit");
    expect_one(quantity(9990, "1751-7", 36, 0, "G/L"), FINDING_ERROR, "unit.unexpected",
               "/observations/0/unit");
    expect_one(coded(9990, LOINC, "1751-7", "high"), FINDING_ERROR, "unit.unexpected",
               "/observations/0/value_code");
    struct observation o = quantity(9990, "x", 36, 0, "furlong");
    o.system = (char *)"urn:a";
    expect_one(o, FINDING_WARNING, "unit.unknown", "/observations/0/unit");
    o.unit = (char *)"kg"; /* any unit may go with a code that is not in the table */
    fine(o);
}

static void test_values(void **state)
{
    (void)state;
    fine(quantity(9990, "1751-7", 1, 0, "g/dL"));
    fine(quantity(9990, "1751-7", 7, 0, "g/dL"));
    expect_one(quantity(9990, "1751-7", INT64_C(7000000001), 9, "g/dL"), FINDING_WARNING,
               "value.implausible", "/observations/0/value");
    expect_one(quantity(9990, "1751-7", INT64_C(999999999), 9, "g/dL"), FINDING_WARNING,
               "value.implausible", "/observations/0/value");
    expect_one(quantity(9990, "1751-7", 15, 0, "g/dL"), FINDING_WARNING, "value.implausible",
               "/observations/0/value");
    expect_one(quantity(9990, "1751-7", 15001, 3, "g/dL"), FINDING_ERROR, "value.implausible",
               "/observations/0/value");
    expect_one(quantity(9990, "1751-7", -1, 0, "g/dL"), FINDING_ERROR, "value.implausible",
               "/observations/0/value");
    expect_one(quantity(9990, "2157-6", TIMELINE_VALUE_MAX, 0, "U/L"), FINDING_ERROR,
               "value.implausible", "/observations/0/value");
    expect_one(quantity(9990, "2157-6", -TIMELINE_VALUE_MAX, 9, "U/L"), FINDING_ERROR,
               "value.implausible", "/observations/0/value");
}

static void test_people(void **state)
{
    (void)state;
    static const char *const bad[] = { "anna@example.org", "Anna Meier",  "+49301234567",
                                       "030-123-4567",     "(030)123456", "1974-01-01",
                                       "1.2.1974",         "01/02/74",    "19740101",
                                       "123-45-6789" };
    static const char *const good[] = { "sign",      "follow-up-end", "2.16.840.1.113883",
                                        "7732-18-5", "12345678",      "1.14.13.39",
                                        "E84.0",     "99999999",      "123456-7" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        expect_one(coded(9990, "urn:a", bad[i], "Y"), FINDING_ERROR, "identifier.like",
                   "/observations/0/code");
        expect_one(coded(9990, "urn:a", "sign", bad[i]), FINDING_ERROR, "identifier.like",
                   "/observations/0/value_code");
        struct observation o = quantity(9990, "x", 1, 0, bad[i]);
        o.system = (char *)"urn:a";
        expect_one(o, FINDING_ERROR, "identifier.like", "/observations/0/unit");
    }
    for (size_t i = 0; i < COUNT(good); i++)
        fine(coded(9990, "urn:a", good[i], good[i]));
    fine(coded(9990, SYSTEM_SNOMED, "19740101", "Y"));
    fine(coded(9990, SYSTEM_NDC, "0002-8215-01", "Y"));
    expect_one(coded(9990, "mailto:a@b", "x", "Y"), FINDING_ERROR, "identifier.like",
               "/observations/0/system");
}

static void test_codes(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        { LOINC, "1975-3" },           { LOINC, "19752" },
        { LOINC, "1975-22" },          { LOINC, "-2" },
        { LOINC, "bilirubin" },        { SYSTEM_HPO, "HP:001541" },
        { SYSTEM_HPO, "0001541" },     { "urn:a", "HP:00015411" },
        { "urn:a", "MONDO:538" },      { SYSTEM_SNOMED, "12345" },
        { SYSTEM_SNOMED, "1234x67" },  { SYSTEM_ORPHA, "PBC" },
        { SYSTEM_ORPHA, "ORPHA:18b" }, { LOINC, "LA33-6" },
    };
    static const char *const good[][2] = {
        { LOINC, "76689-9" },           { SYSTEM_HPO, "HP:0001541" }, { "urn:a", "MONDO:0005388" },
        { SYSTEM_SNOMED, "271737000" }, { SYSTEM_ORPHA, "186" },      { SYSTEM_ORPHA, "ORPHA:186" },
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        expect_one(coded(9990, bad[i][0], bad[i][1], "Y"), FINDING_ERROR, "code.form",
                   "/observations/0/code");
    for (size_t i = 0; i < COUNT(good); i++)
        fine(coded(9990, good[i][0], good[i][1], "Y"));
    struct observation o = coded(9990, "urn:a", "sign", "LA33-6");
    o.value_system = (char *)LOINC;
    fine(o);
    o.value_code = (char *)"1975-3";
    expect_one(o, FINDING_ERROR, "code.form", "/observations/0/value_code");
    expect_one(coded(9990, "local", "sign", "Y"), FINDING_WARNING, "system.form",
               "/observations/0/system");
    o = coded(9990, "urn:a", "sign", "Y");
    o.value_system = (char *)"local";
    expect_one(o, FINDING_WARNING, "system.form", "/observations/0/value_system");
}

/* Check digits of codes that are in daily use; each with every other last digit must fail. */
static void test_loinc(void **state)
{
    (void)state;
    static const char *const codes[] = { "1975-2",  "1751-7",  "6768-6",  "1920-8",  "777-3",
                                         "5902-2",  "2093-3",  "76689-9", "30525-0", "8302-2",
                                         "29463-7", "20152-5", "4548-4",  "718-7" };
    for (size_t i = 0; i < COUNT(codes); i++) {
        char code[16];
        (void)snprintf(code, sizeof(code), "%s", codes[i]);
        size_t last = strlen(code) - 1;
        for (char digit = '0'; digit <= '9'; digit++) {
            code[last] = digit;
            assert_int_equal(loinc_valid(code), digit == codes[i][last]);
        }
    }
}

static void test_series(void **state)
{
    (void)state;
    struct timeline t;
    struct findings f;
    timeline_init(&t);
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_int_equal(f.errors, 2);
    assert_string_equal(find(&f, "disease.form")->pointer, "/disease");
    assert_string_equal(find(&f, "series.empty")->pointer, "/observations");
    findings_release(&f);
    begin(&t);
    add_bili(&t, 0);
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_int_equal(f.warnings, 1);
    assert_non_null(find(&f, "series.too_short"));
    findings_release(&f);
    add_bili(&t, 731);
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_int_equal(f.n, 0);
    findings_release(&f);
    add_bili(&t, 731 + 732);
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_string_equal(find(&f, "visit.sparse")->pointer, "/observations/2/date");
    findings_release(&f);
    timeline_release(&t);
}

static void test_plan(void **state)
{
    (void)state;
    const struct visit_plan plan = { .min_spacing_days = 30,
                                     .required_min = 2,
                                     .n_required = 2,
                                     .required = { { LOINC, "1975-2" }, { LOINC, "1751-7" } } };
    struct timeline t;
    begin(&t);
    for (int32_t day = 0; day < 100; day += 20) { /* 0 20 40 60 80; 20 and 60 too near */
        add_bili(&t, day);
        if (day != 80)
            add(&t, quantity(day, "1751-7", 4, 0, "g/dL"));
    }
    add(&t, coded(90, "urn:a", "event", "Y"));
    (void)timeline_normalise(&t);
    struct findings f;
    assert_int_equal(timeline_check(&t, &plan, TODAY, &f), OK);
    size_t near = 0, missing = 0, other = 0;
    for (size_t i = 0; i < f.n; i++) {
        bool is_near = strcmp(f.items[i].code, "visit.near") == 0;
        bool is_missing = strcmp(f.items[i].code, "items.missing") == 0;
        near += is_near;
        missing += is_missing;
        other += !is_near && !is_missing;
    }
    assert_int_equal(near, 2);
    assert_int_equal(missing, 2);
    assert_int_equal(other, 0);
    assert_int_equal(f.warnings, 1); /* a date with none of the items is no failed visit */
    assert_string_equal(find(&f, "visit.near")->pointer, "/observations/2/date");
    assert_string_equal(find(&f, "items.missing")->pointer, "/observations/8");
    findings_release(&f);
    timeline_release(&t);
}

/* Beyond the limit findings are counted, not listed; errors keep their own room. */
static void test_many(void **state)
{
    (void)state;
    struct timeline t;
    begin(&t);
    for (int32_t i = 0; i < 1500; i++) {
        struct observation o = quantity(i, "x", 1, 0, "furlong");
        o.system = (char *)"urn:a";
        add(&t, o);
    }
    for (int32_t i = 0; i < 1200; i++)
        add(&t, quantity(2000 + i, "1975-2", 1, 0, "kg"));
    (void)timeline_normalise(&t);
    struct findings f;
    assert_int_equal(timeline_check(&t, NULL, TODAY, &f), OK);
    assert_int_equal(f.warnings, 1500);
    assert_int_equal(f.errors, 1200);
    assert_int_equal(f.n, 2 * FINDINGS_LISTED_MAX);
    findings_release(&f);
    timeline_release(&t);
}

/* A table row that contradicts itself would blame patients for it. */
static void test_table(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "1975-2", "mg/dL" }, { "1751-7", "g/dL" },  { "6768-6", "U/L" },    { "1920-8", "U/L" },
        { "5902-2", "s" },     { "2093-3", "mg/dL" }, { "777-3", "10*3/uL" }, { "30525-0", "a" },
        { "8302-2", "cm" },    { "29463-7", "kg" },   { "20152-5", "%" },     { "2571-8", "mg/dL" },
        { "2157-6", "U/L" },
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        const struct measure *m = NULL;
        assert_true(measure_find(pairs[i][0], pairs[i][1], &m));
        assert_non_null(m);
        assert_true(loinc_valid(m->code) && unit_known(m->unit));
        assert_true(m->least <= m->low && m->low < m->high && m->high <= m->most);
        assert_true(m->most <= INT64_MAX / 1000000000);
        assert_true(measure_find(pairs[i][0], NULL, &m) && m == NULL);
    }
    const struct measure *none = NULL;
    assert_false(measure_find("1-8", "g", &none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dates),  cmocka_unit_test(test_units), cmocka_unit_test(test_values),
        cmocka_unit_test(test_people), cmocka_unit_test(test_codes), cmocka_unit_test(test_loinc),
        cmocka_unit_test(test_series), cmocka_unit_test(test_plan),  cmocka_unit_test(test_many),
        cmocka_unit_test(test_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
