/* server/timeline/timeline.c: what the form takes in, its order, slices, and that nothing stays
 * behind. */
#include "tests/unit/timeline/help.h"

/* Seen instead of the C library's: records what was wiped. With fortified headers calls arrive
 * under the second name. */
static char wiped[1 << 16];
static size_t wiped_len;

void spy(void *p, size_t n) __asm__("explicit_bzero");
void spy_checked(void *p, size_t n, size_t room) __asm__("__explicit_bzero_chk");

void spy(void *p, size_t n)
{
    if (n <= sizeof(wiped) - wiped_len && n > 0) {
        memcpy(wiped + wiped_len, p, n);
        wiped_len += n;
    }
    memset(p, 0, n);
    __asm__ volatile("" : : "r"(p) : "memory"); /* the write must happen */
}

void spy_checked(void *p, size_t n, size_t room)
{
    (void)room;
    spy(p, n);
}

static bool was_wiped(const void *bytes, size_t len)
{
    return memmem(wiped, wiped_len, bytes, len) != NULL;
}

static void refused(struct observation o, enum err wanted)
{
    struct timeline t;
    timeline_init(&t);
    assert_int_equal(timeline_add(&t, &o), wanted);
    assert_int_equal(t.n, 0);
    timeline_release(&t);
}

static void test_add_missing(void **state)
{
    (void)state;
    struct observation o = quantity(0, "1975-2", 1, 0, NULL);
    refused(o, ERR_FIELD_MISSING);
    o = quantity(0, "1975-2", 1, 0, "g");
    o.value_code = (char *)"Y";
    refused(o, ERR_FIELD_MISSING);
    o.value_system = (char *)"urn:test";
    refused(o, ERR_FIELD_MISSING); /* a quantity and a coded value at once */
    refused(quantity(0, NULL, 1, 0, "g"), ERR_FIELD_MISSING);
    refused(coded(0, NULL, "sign", "Y"), ERR_FIELD_MISSING);
    refused(coded(0, "urn:test", "sign", NULL), ERR_FIELD_MISSING);
    o = coded(0, "urn:test", "sign", "Y");
    o.value_system = NULL;
    refused(o, ERR_FIELD_MISSING);
}

static void test_add_texts(void **state)
{
    (void)state;
    char text[TIMELINE_SYSTEM_MAX + 2];
    memset(text, 'x', sizeof(text));
    text[TIMELINE_SYSTEM_MAX + 1] = '\0';
    struct observation o = coded(0, text, "sign", "Y");
    refused(o, ERR_FIELD_FORMAT);
    o.system = (char *)"urn:test";
    o.value_system = text;
    refused(o, ERR_FIELD_FORMAT);
    text[TIMELINE_CODE_MAX + 1] = '\0';
    refused(quantity(0, text, 1, 0, "g"), ERR_FIELD_FORMAT);
    refused(coded(0, "urn:test", "sign", text), ERR_FIELD_FORMAT);
    text[TIMELINE_UNIT_MAX + 1] = '\0';
    refused(quantity(0, "1975-2", 1, 0, text), ERR_FIELD_FORMAT);
    static const char *const bad[] = { "", " g", "g ", "\xc2\xb5g", "a\tb", "a\x7f" };
    for (size_t i = 0; i < COUNT(bad); i++) {
        refused(quantity(0, "1975-2", 1, 0, bad[i]), ERR_FIELD_FORMAT);
        refused(quantity(0, bad[i], 1, 0, "g"), ERR_FIELD_FORMAT);
        refused(coded(0, bad[i], "sign", "Y"), ERR_FIELD_FORMAT);
        refused(coded(0, "urn:test", "sign", bad[i]), ERR_FIELD_FORMAT);
    }
}

static void test_add_numbers(void **state)
{
    (void)state;
    refused(quantity(0, "1975-2", 1, 10, "g"), ERR_FIELD_RANGE);
    refused(quantity(0, "1975-2", 1, -1, "g"), ERR_FIELD_RANGE);
    refused(quantity(0, "1975-2", TIMELINE_VALUE_MAX + 1, 0, "g"), ERR_FIELD_RANGE);
    refused(quantity(0, "1975-2", -TIMELINE_VALUE_MAX - 1, 0, "g"), ERR_FIELD_RANGE);
    refused(quantity(days_from_civil(9999, 12, 31) + 1, "1975-2", 1, 0, "g"), ERR_FIELD_FORMAT);
    refused(quantity(days_from_civil(1, 1, 1) - 1, "1975-2", 1, 0, "g"), ERR_FIELD_FORMAT);
    struct observation o = quantity(0, "1975-2", 1, 0, "g");
    o.precision = (enum date_precision)3;
    refused(o, ERR_FIELD_FORMAT);
}

static void test_add_longest(void **state)
{
    (void)state;
    char system[TIMELINE_SYSTEM_MAX + 1], code[TIMELINE_CODE_MAX + 1], unit[TIMELINE_UNIT_MAX + 1];
    memset(system, 's', sizeof(system));
    memset(code, 'c', sizeof(code));
    memset(unit, 'u', sizeof(unit));
    system[TIMELINE_SYSTEM_MAX] = code[TIMELINE_CODE_MAX] = unit[TIMELINE_UNIT_MAX] = '\0';
    struct timeline t;
    timeline_init(&t);
    add(&t, (struct observation){ .system = system,
                                  .code = code,
                                  .unit = unit,
                                  .date = days_from_civil(9999, 12, 31),
                                  .value = -TIMELINE_VALUE_MAX,
                                  .scale = 9 });
    add(&t, coded(days_from_civil(1, 1, 1), system, code, code));
    assert_int_equal(t.n, 2);
    timeline_release(&t);
}

static void test_coarse_dates(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    struct observation o = quantity(days_from_civil(2020, 5, 1), "1975-2", 1, 0, "mg/dL");
    o.precision = PRECISION_MONTH;
    assert_int_equal(timeline_add(&t, &o), OK);
    o.precision = PRECISION_YEAR;
    assert_int_equal(timeline_add(&t, &o), ERR_FIELD_FORMAT);
    o.date = days_from_civil(2020, 1, 1);
    assert_int_equal(timeline_add(&t, &o), OK);
    o.date++;
    assert_int_equal(timeline_add(&t, &o), ERR_FIELD_FORMAT);
    o.precision = PRECISION_MONTH;
    assert_int_equal(timeline_add(&t, &o), ERR_FIELD_FORMAT);
    timeline_release(&t);
}

static void test_limit(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    struct observation o = quantity(0, "1975-2", 1, 0, "mg/dL");
    for (int i = 0; i < TIMELINE_OBSERVATIONS_MAX; i++) {
        o.value = i + 1;
        assert_int_equal(timeline_add(&t, &o), OK);
    }
    assert_int_equal(timeline_add(&t, &o), ERR_LIMIT);
    assert_int_equal(timeline_normalise(&t), 0);
    assert_int_equal(t.n, TIMELINE_OBSERVATIONS_MAX);
    timeline_release(&t);
}

static void test_disease(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",          "MONDO:000538",  "MONDO:00053888", "mondo:0005388", "MONDO:000538x",
        "ORPHA:186", " MONDO:0005388"
    };
    struct timeline t;
    begin(&t);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(timeline_set_disease(&t, bad[i]), ERR_FIELD_FORMAT);
    assert_int_equal(timeline_set_disease(&t, NULL), ERR_FIELD_FORMAT);
    assert_string_equal(t.disease, "MONDO:0005388");
    timeline_release(&t);
}

/* Every shuffle of the same observations, with scales written differently, becomes the same series.
 */
static void test_normalise(void **state)
{
    (void)state;
    struct timeline t;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        uint64_t random = seed;
        struct observation in[] = {
            coded(3, "urn:a", "sign", "N"),       coded(3, "urn:a", "sign", "Y"),
            quantity(3, "1975-2", 7, 0, "g/L"),   quantity(3, "1975-2", -7, 0, "mg/dL"),
            quantity(3, "1975-2", 7, 0, "mg/dL"), quantity(3, "1975-2", 7, 1, "mg/dL"),
            quantity(3, "1751-7", 7, 0, "mg/dL"), quantity(-4, "1975-2", 9, 0, "mg/dL"),
            quantity(5, "1975-2", 0, 0, "mg/dL"),
        };
        static const int sorted[] = { 7, 6, 2, 3, 4, 5, 0, 1, 8 }; /* indices of in, by hand */
        size_t n = COUNT(in), order[COUNT(in)];
        for (size_t i = 0; i < n; i++)
            order[i] = i;
        for (size_t i = n; i > 1; i--) {
            size_t j = below(&random, i), hold = order[i - 1];
            order[i - 1] = order[j];
            order[j] = hold;
        }
        begin(&t);
        size_t doubles = 0;
        for (size_t i = 0; i < n; i++) {
            struct observation o = in[order[i]];
            if (o.unit != NULL)
                for (uint64_t k = below(&random, 4); k > 0 && o.scale < 9; k--, o.scale++)
                    o.value *= 10;
            add(&t, o);
            if (below(&random, 3) == 0) {
                add(&t, in[order[i]]);
                doubles++;
            }
        }
        assert_int_equal(timeline_normalise(&t), doubles);
        assert_int_equal(t.n, n);
        for (size_t i = 0; i < n; i++)
            if (timeline_compare(&t.observations[i], &in[sorted[i]]) != 0)
                fail_msg("seed %llu, place %zu", (unsigned long long)seed, i);
        assert_int_equal(timeline_normalise(&t), 0);
        timeline_release(&t);
    }
}

static void test_slice(void **state)
{
    (void)state;
    struct timeline t, slice;
    begin(&t);
    for (int32_t day = 0; day < 10; day++)
        add_bili(&t, day * 10);
    (void)timeline_normalise(&t);
    assert_int_equal(timeline_slice(&t, 40, &slice), OK);
    assert_int_equal(slice.n, 5);
    assert_int_equal(slice.observations[4].date, 40);
    assert_string_equal(slice.disease, t.disease);
    assert_ptr_not_equal(slice.observations[0].code, t.observations[0].code);
    timeline_release(&slice);
    assert_int_equal(timeline_slice(&t, -1, &slice), OK);
    assert_int_equal(slice.n, 0);
    timeline_release(&slice);
    timeline_release(&t);
}

static void test_wipes(void **state)
{
    (void)state;
    struct timeline t;
    begin(&t);
    const int64_t canary = INT64_C(987654321012345);
    add(&t, quantity(1, "canary-code", canary, 0, "canary-unit"));
    add(&t, coded(2, "canary-system", "c", "canary-value"));
    wiped_len = 0;
    for (int32_t i = 3; i < 40; i++) /* the array moves: the old place must not keep the values */
        add_bili(&t, i);
    assert_true(was_wiped(&canary, sizeof(canary)));
    wiped_len = 0;
    timeline_release(&t);
    assert_true(was_wiped(&canary, sizeof(canary)));
    static const char *const texts[] = { "canary-code", "canary-unit", "canary-system",
                                         "canary-value", "MONDO:0005388" };
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_true(was_wiped(texts[i], strlen(texts[i])));
    begin(&t);
    add(&t, quantity(1, "canary-code", canary, 0, "g"));
    add(&t, quantity(1, "canary-code", canary, 0, "g"));
    wiped_len = 0;
    assert_int_equal(timeline_normalise(&t), 1); /* what is dropped is wiped, too */
    assert_true(was_wiped("canary-code", 11));
    timeline_release(&t);
}

static void test_series_free_wipes(void **state)
{
    (void)state;
    struct mapping *m = load_mapping("tests/data/mappings/cgd.json");
    static const char csv[] =
        "id,random,treat,sex,age,height,weight,inherit,steroids,propylac,tstart,tstop,status\n"
        "canary-id,2001-02-03,placebo,male,7,123.456789,22,X-linked,0,1,0,9,1\n"
        "canary-id,2001-02-03,NA,NA,NA,NA,NA,NA,NA,NA,300,NA,NA\n";
    struct series *s = NULL;
    wiped_len = 0;
    assert_int_equal(csv_import(m, csv, strlen(csv), &s, NULL), OK);
    assert_true(was_wiped("canary-id", 9)); /* the row buffer */
    const int32_t row[] = { days_from_civil(2001, 2, 3) + 300, PRECISION_DAY };
    assert_true(was_wiped(row, sizeof(row))); /* the table of rows; no observation has this date */
    wiped_len = 0;
    series_free(s);
    assert_true(was_wiped("canary-id", 9));
    const int64_t height = 123456789;
    assert_true(was_wiped(&height, sizeof(height)));
    mapping_free(m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_missing),
        cmocka_unit_test(test_add_texts),
        cmocka_unit_test(test_add_numbers),
        cmocka_unit_test(test_add_longest),
        cmocka_unit_test(test_coarse_dates),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_disease),
        cmocka_unit_test(test_normalise),
        cmocka_unit_test(test_slice),
        cmocka_unit_test(test_wipes),
        cmocka_unit_test(test_series_free_wipes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
