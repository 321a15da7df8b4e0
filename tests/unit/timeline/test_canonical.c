/* server/timeline/canonical.c: one series, one sequence of bytes. */
#include "tests/unit/timeline/help.h"

static const char example[] =
    "{\"disease\":\"MONDO:0005388\",\"format\":\"cairn-timeline/1\",\"observations\":["
    "{\"code\":\"1975-2\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"scale\":1,"
    "\"system\":\"http://loinc.org\",\"unit\":\"mg/dL\",\"value\":145},"
    "{\"code\":\"sign\",\"date\":\"1974-02-01\",\"precision\":\"month\",\"system\":\"urn:a\","
    "\"value_code\":\"q\\\"\\\\\",\"value_system\":\"urn:test\"}]}";

static void test_example(void **state)
{
    (void)state;
    struct timeline t, back;
    begin(&t);
    struct observation o = coded(days_from_civil(1974, 2, 1), "urn:a", "sign", "q\"\\");
    o.precision = PRECISION_MONTH;
    add(&t, o);
    add(&t, quantity(days_from_civil(1974, 1, 1), "1975-2", 14500, 3, "mg/dL"));
    assert_int_equal(timeline_normalise(&t), 0);
    struct buf b;
    print(&t, &b);
    assert_string_equal(buf_str(&b), example);
    assert_true(json_is_canonical(buf_str(&b), b.len));
    assert_int_equal(timeline_parse(buf_str(&b), b.len, &back, NULL), OK);
    assert_int_equal(back.n, 2);
    assert_int_equal(back.observations[0].value, 145);
    assert_int_equal(back.observations[1].precision, PRECISION_MONTH);
    assert_string_equal(back.observations[1].value_code, "q\"\\");
    timeline_release(&back);
    buf_release(&b);
    timeline_release(&t);
}

#define HEAD "{\"disease\":\"MONDO:0005388\",\"format\":\"cairn-timeline/1\",\"observations\":["
#define Q(date, scale, value)                                                                      \
    "{\"code\":\"1975-2\",\"date\":\"" date "\",\"precision\":\"day\",\"scale\":" scale            \
    ",\"system\":\"http://loinc.org\",\"unit\":\"mg/dL\",\"value\":" value "}"

static const struct {
    const char *text;
    enum err e;
    const char *pointer;
} refusals[] = {
    { "", ERR_JSON_MALFORMED, "" },
    { "[]", ERR_FIELD_TYPE, "" },
    { HEAD Q("1974-01-01", "0", "1.5") "]}", ERR_JSON_REAL, "" },
    { "{\"format\":\"cairn-timeline/1\",\"observations\":[]}", ERR_FIELD_MISSING, "/disease" },
    { "{\"disease\":\"ORPHA:186\",\"format\":\"cairn-timeline/1\",\"observations\":[]}",
      ERR_FIELD_FORMAT, "/disease" },
    { "{\"disease\":\"MONDO:0005388\",\"format\":\"cairn-timeline/2\",\"observations\":[]}",
      ERR_FIELD_CODE, "/format" },
    { "{\"disease\":\"MONDO:0005388\",\"format\":\"cairn-timeline/1\",\"observations\":[],"
      "\"x\":1}",
      ERR_FIELD_UNKNOWN, "/x" },
    { HEAD Q("1974-02-30", "0", "1") "]}", ERR_FIELD_FORMAT, "/observations/0/date" },
    { HEAD Q("1974-01-01", "10", "1") "]}", ERR_FIELD_RANGE, "/observations/0/scale" },
    { HEAD Q("1974-01-01", "0", "1000000000000001") "]}", ERR_FIELD_RANGE,
      "/observations/0/value" },
    { HEAD Q("1974-01-01", "0", "\"1\"") "]}", ERR_FIELD_TYPE, "/observations/0/value" },
    { HEAD Q("1974-01-01", "1", "10") "]}", ERR_STATEMENT_FORM, "/observations/0/value" },
    { HEAD Q("1974-01-01", "1", "0") "]}", ERR_STATEMENT_FORM, "/observations/0/value" },
    { HEAD Q("1974-01-01", "0", "-0") "]}", ERR_STATEMENT_FORM, "/observations/0" },
    { HEAD Q("1974-01-02", "0", "1") "," Q("1974-01-01", "0", "1") "]}", ERR_CHRONOLOGY,
      "/observations/1/date" },
    { HEAD Q("1974-01-01", "0", "2") "," Q("1974-01-01", "0", "1") "]}", ERR_STATEMENT_FORM,
      "/observations/1" },
    { HEAD Q("1974-01-01", "0", "1") "," Q("1974-01-01", "0", "1") "]}", ERR_STATEMENT_FORM,
      "/observations/1" },
    { HEAD Q("1974-01-01", "0", "1") ", " Q("1974-01-02", "0", "1") "]}", ERR_STATEMENT_FORM,
      "/observations/1" },
    { " " HEAD "]}", ERR_STATEMENT_FORM, "" },
    { HEAD "] }", ERR_STATEMENT_FORM, "/observations" },
    { HEAD "]}\n", ERR_STATEMENT_FORM, "/observations" },
    { "{\"format\":\"cairn-timeline/1\",\"disease\":\"MONDO:0005388\",\"observations\":[]}",
      ERR_STATEMENT_FORM, "" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-02\",\"precision\":\"month\",\"system\":\"urn:a\","
           "\"value_code\":\"Y\",\"value_system\":\"urn:a\"}]}",
      ERR_FIELD_FORMAT, "/observations/0/date" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-01\",\"precision\":\"week\",\"system\":\"urn:a\","
           "\"value_code\":\"Y\",\"value_system\":\"urn:a\"}]}",
      ERR_FIELD_CODE, "/observations/0/precision" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"system\":\"urn:a\","
           "\"value_code\":\"Y\"}]}",
      ERR_FIELD_MISSING, "/observations/0/value_system" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"system\":\"urn:a\","
           "\"unit\":\"g\",\"value_code\":\"Y\",\"value_system\":\"urn:a\"}]}",
      ERR_FIELD_UNKNOWN, "/observations/0/unit" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"system\":\"urn:a\","
           "\"value_code\":\"\xc3\xa9\",\"value_system\":\"urn:a\"}]}",
      ERR_FIELD_FORMAT, "/observations/0/value_code" },
    { HEAD "{\"code\":\"a\",\"date\":\"1974-01-01\",\"precision\":\"day\",\"system\":\"urn:a\","
           "\"value_code\":\"\\u0059\",\"value_system\":\"urn:a\"}]}",
      ERR_STATEMENT_FORM, "/observations/0" },
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        struct timeline t = { .n = 77 };
        struct problem p = { 0 };
        enum err e = timeline_parse(refusals[i].text, strlen(refusals[i].text), &t, &p);
        if (e != refusals[i].e || p.code != e || strcmp(p.pointer, refusals[i].pointer) != 0)
            fail_msg("case %zu: %s at \"%s\": %s", i, err_code(e), p.pointer, p.detail);
        assert_int_equal(t.n, 77); /* untouched */
    }
}

/* The seeds that docs/timeline.schema.json is tested with mean the same to this parser. */
static void test_seeds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum err e;
    } seeds[] = { { "empty", OK },
                  { "one", OK },
                  { "mixed", OK },
                  { "cgd", OK },
                  { "patient", OK },
                  { "unsorted", ERR_CHRONOLOGY },
                  { "spaced", ERR_STATEMENT_FORM } };
    for (size_t i = 0; i < COUNT(seeds); i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "tests/fuzz/corpus/timeline/%s.json", seeds[i].name);
        struct buf b;
        struct timeline t;
        assert_true(read_file(path, &b));
        if (timeline_parse(buf_str(&b), b.len, &t, NULL) != seeds[i].e)
            fail_msg("%s", seeds[i].name);
        if (seeds[i].e == OK)
            timeline_release(&t);
        buf_release(&b);
    }
}

static void test_print_refusals(void **state)
{
    (void)state;
    struct timeline t;
    timeline_init(&t);
    struct buf b;
    buf_init(&b, 100);
    assert_int_equal(buf_add_str(&b, "before"), OK);
    assert_int_equal(timeline_print(&t, &b), ERR_FIELD_FORMAT);
    timeline_release(&t);
    begin(&t);
    add_bili(&t, 0);
    assert_int_equal(timeline_print(&t, &b), ERR_LIMIT);
    assert_string_equal(buf_str(&b), "before"); /* no half series */
    buf_release(&b);
    timeline_release(&t);
}

static void random_text(uint64_t *random, char *text, size_t max)
{
    size_t len = 1 + below(random, max);
    for (size_t i = 0; i < len; i++)
        text[i] = (char)('!' + below(random, 94));
    text[len] = '\0';
}

static void random_series(uint64_t *random, struct timeline *t)
{
    begin(t);
    for (size_t n = below(random, 30); n > 0; n--) {
        char system[8], code[8], a[8], b[8];
        random_text(random, system, 2);
        random_text(random, code, 2);
        random_text(random, a, 7);
        random_text(random, b, 2);
        struct observation o = { .system = system, .code = code };
        o.date = (int32_t)below(random, 40) - 20;
        if (below(random, 4) == 0) {
            o.precision = PRECISION_YEAR;
            o.date = days_from_civil((int)below(random, 9999) + 1, 1, 1);
        }
        if (below(random, 2) == 0) {
            o.value_system = a;
            o.value_code = b;
        } else {
            o.unit = b;
            o.scale = (int)below(random, 10);
            o.value = (int64_t)below(random, 20000) - 10000;
        }
        add(t, o);
    }
    (void)timeline_normalise(t);
}

/* The writer here is written for speed; the general canonical writer says the same. */
static json_t *as_json(const struct timeline *t)
{
    static const char *const precision[] = { "day", "month", "year" };
    json_t *list = json_array();
    for (size_t i = 0; i < t->n; i++) {
        const struct observation *o = &t->observations[i];
        char date[DATE_TEXT_SIZE];
        date_text(o->date, date);
        json_t *v = json_pack("{s:s,s:s,s:s,s:s}", "system", o->system, "code", o->code, "date",
                              date, "precision", precision[o->precision]);
        json_t *rest = o->unit != NULL ? json_pack("{s:s,s:I,s:i}", "unit", o->unit, "value",
                                                   (json_int_t)o->value, "scale", o->scale)
                                       : json_pack("{s:s,s:s}", "value_system", o->value_system,
                                                   "value_code", o->value_code);
        assert_int_equal(json_object_update(v, rest), 0);
        json_decref(rest);
        json_array_append_new(list, v);
    }
    return json_pack("{s:s,s:s,s:o}", "disease", t->disease, "format", TIMELINE_SCHEMA,
                     "observations", list);
}

static void test_round_trip(void **state)
{
    (void)state;
    uint64_t random = UINT64_C(0x5eed0001);
    for (int round = 0; round < 400; round++) {
        struct timeline t, back;
        random_series(&random, &t);
        struct buf a, b, c;
        print(&t, &a);
        assert_int_equal(timeline_parse(buf_str(&a), a.len, &back, NULL), OK);
        print(&back, &b);
        json_t *json = as_json(&t);
        buf_init(&c, TIMELINE_BYTES_MAX);
        assert_int_equal(json_canonical(json, &c), OK);
        assert_string_equal(buf_str(&a), buf_str(&b));
        assert_string_equal(buf_str(&a), buf_str(&c));
        json_decref(json);
        buf_release(&a);
        buf_release(&b);
        buf_release(&c);
        timeline_release(&back);
        timeline_release(&t);
    }
}

/* One changed, lost or doubled byte: refused, or the bytes of another series. Never a second
 * spelling. */
static void test_mutations(void **state)
{
    (void)state;
    uint64_t random = UINT64_C(0x5eed0002);
    size_t refused = 0, other = 0;
    for (int round = 0; round < 4000; round++) {
        char text[sizeof(example) + 1];
        size_t len = sizeof(example) - 1, at = below(&random, sizeof(example) - 1);
        memcpy(text, example, sizeof(example));
        switch (below(&random, 3)) {
        case 0:
            text[at] = (char)(' ' + below(&random, 95));
            break;
        case 1:
            memmove(text + at, text + at + 1, len-- - at);
            break;
        default:
            memmove(text + at + 1, text + at, ++len - at);
            break;
        }
        struct timeline t;
        struct problem p = { 0 };
        if (timeline_parse(text, len, &t, &p) != OK) {
            assert_true(p.detail[0] != '\0');
            refused++;
            continue;
        }
        struct buf b;
        print(&t, &b);
        assert_int_equal(b.len, len);
        assert_memory_equal(b.data, text, len);
        buf_release(&b);
        timeline_release(&t);
        other++;
    }
    assert_true(refused > 2000 && other > 100); /* both kinds were really met */
}

static void test_too_long(void **state)
{
    (void)state;
    size_t len = TIMELINE_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    struct timeline t;
    assert_int_equal(timeline_parse(text, len, &t, NULL), ERR_LIMIT);
    free(text);
    char system[TIMELINE_SYSTEM_MAX + 1];
    memset(system, 's', sizeof(system) - 1);
    system[sizeof(system) - 1] = '\0';
    begin(&t);
    for (int32_t i = 0; i < TIMELINE_OBSERVATIONS_MAX; i++) {
        struct observation o = coded(i, system, "code", "value");
        o.value_system = system;
        add(&t, o);
    }
    struct buf b;
    buf_init(&b, (size_t)2 * TIMELINE_BYTES_MAX);
    assert_int_equal(timeline_print(&t, &b), ERR_LIMIT);
    assert_int_equal(b.len, 0);
    buf_release(&b);
    timeline_release(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_example),        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_round_trip),     cmocka_unit_test(test_mutations),
        cmocka_unit_test(test_seeds),          cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_print_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
