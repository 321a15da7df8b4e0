/* server/timeline/mapping.c: what a mapping may say, and where it is wrong. */
#include "tests/unit/timeline/help.h"

#define TOP "{\"format\":\"cairn-mapping/1\",\"disease\":\"MONDO:0005388\",\"subject\":\"id\","
#define DAY "\"date\":{\"column\":\"day\",\"kind\":\"days_since\",\"epoch\":\"1974-01-01\"},"
#define COL(rest) "\"columns\":[{\"column\":\"c\",\"system\":\"urn:a\",\"code\":\"x\"," rest "}]}"
#define QTY "\"type\":\"quantity\",\"unit\":\"g\""
#define VAL "{\"system\":\"urn:a\",\"code\":\"Y\"}"

static const struct {
    const char *text;
    enum err e;
    const char *pointer;
} cases[] = {
    { TOP DAY COL(QTY), OK, "" },
    { TOP DAY COL(QTY ",\"once\":true,\"note\":\"\""), OK, "" },
    { TOP DAY COL(QTY ",\"when\":{\"column\":\"s\",\"equals\":\"1\"}"), OK, "" },
    { TOP DAY COL(QTY ",\"date\":{\"column\":\"d\",\"kind\":\"date\"}"), OK, "" },
    { TOP DAY COL(QTY ",\"date\":{\"kind\":\"fixed\",\"date\":\"2001-02-03\"}"), OK, "" },
    { TOP DAY COL("\"type\":\"code\",\"values\":{\"1\":" VAL "}"), OK, "" },
    { TOP DAY COL("\"type\":\"event\",\"value\":" VAL), OK, "" },
    { TOP DAY "\"missing\":[\"\",\"-\"]," COL(QTY), OK, "" },
    { "[]", ERR_FIELD_TYPE, "" },
    { "{", ERR_JSON_MALFORMED, "" },
    { "{\"a\":1,\"a\":1}", ERR_JSON_DUPLICATE, "" },
    { TOP COL(QTY), ERR_FIELD_MISSING, "/date" },
    { "{\"format\":\"cairn-mapping/2\"}", ERR_FIELD_CODE, "/format" },
    { TOP DAY "\"extra\":1," COL(QTY), ERR_FIELD_UNKNOWN, "/extra" },
    { TOP DAY "\"columns\":[]}", ERR_FIELD_RANGE, "/columns" },
    { TOP DAY "\"columns\":[1]}", ERR_FIELD_TYPE, "/columns/0" },
    { TOP DAY "\"missing\":[1]," COL(QTY), ERR_FIELD_TYPE, "/missing/0" },
    { TOP "\"date\":{\"column\":\"d\",\"kind\":\"hours_since\"}," COL(QTY), ERR_FIELD_CODE,
      "/date/kind" },
    { TOP "\"date\":{\"column\":\"d\",\"kind\":\"days_since\"}," COL(QTY), ERR_FIELD_MISSING,
      "/date/epoch" },
    { TOP "\"date\":{\"column\":\"d\",\"kind\":\"date\",\"plus\":\"x\"}," COL(QTY),
      ERR_FIELD_UNKNOWN, "/date/plus" },
    { TOP "\"date\":{\"column\":\"d\",\"kind\":\"date_plus_days\"}," COL(QTY), ERR_FIELD_MISSING,
      "/date/plus" },
    { TOP "\"date\":{\"kind\":\"date\"}," COL(QTY), ERR_FIELD_MISSING, "/date/column" },
    { TOP DAY COL("\"type\":\"quantity\""), ERR_FIELD_MISSING, "/columns/0/unit" },
    { TOP DAY COL("\"type\":\"text\""), ERR_FIELD_CODE, "/columns/0/type" },
    { TOP DAY COL("\"type\":\"code\""), ERR_FIELD_MISSING, "/columns/0/values" },
    { TOP DAY COL("\"type\":\"code\",\"values\":{}"), ERR_FIELD_RANGE, "/columns/0/values" },
    { TOP DAY COL("\"type\":\"code\",\"values\":{\"\":" VAL "}"), ERR_FIELD_RANGE,
      "/columns/0/values/" },
    { TOP DAY COL("\"type\":\"code\",\"values\":{\"1\":" VAL ",\"1.0\":" VAL "}"), ERR_FIELD_FORMAT,
      "/columns/0/values/1.0" },
    { TOP DAY COL("\"type\":\"code\",\"values\":{\"a/b~\":{\"system\":\"urn:a\"}}"),
      ERR_FIELD_MISSING, "/columns/0/values/a~1b~0/code" },
    { TOP DAY COL("\"type\":\"event\",\"value\":{\"system\":\"urn:a\",\"code\":\" Y\"}"),
      ERR_FIELD_FORMAT, "/columns/0/value/code" },
    { TOP DAY COL("\"type\":\"event\",\"values\":{\"1\":" VAL "}"), ERR_FIELD_MISSING,
      "/columns/0/value" },
    { TOP DAY COL("\"type\":\"quantity\",\"unit\":\"\xc2\xb5g\""), ERR_FIELD_FORMAT,
      "/columns/0/unit" },
    { TOP DAY COL(QTY ",\"once\":1"), ERR_FIELD_TYPE, "/columns/0/once" },
    { TOP DAY COL(QTY ",\"when\":{\"column\":\"s\"}"), ERR_FIELD_MISSING,
      "/columns/0/when/equals" },
    { TOP DAY COL(QTY ",\"date\":{\"column\":\"d\",\"kind\":\"days_since\",\"epoch\":\"1974\"}"),
      ERR_FIELD_FORMAT, "/columns/0/date/epoch" },
    { "{\"format\":\"cairn-mapping/1\",\"disease\":\"PBC\",\"subject\":\"id\"," DAY COL(QTY),
      ERR_FIELD_FORMAT, "/disease" },
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct mapping *m = NULL;
        struct problem p = { 0 };
        enum err e = mapping_read(cases[i].text, strlen(cases[i].text), &m, &p);
        if (e != cases[i].e || strcmp(p.pointer, cases[i].pointer) != 0)
            fail_msg("case %zu: %s at \"%s\": %s", i, err_code(e), p.pointer, p.detail);
        assert_true((e == OK) == (m != NULL));
        mapping_free(m);
    }
}

/* A key as long as it may be, all of it escaped in the pointer, must not break the reading. */
static void test_long_key(void **state)
{
    (void)state;
    char key[66], text[600];
    struct mapping *m = NULL;
    struct problem p = { 0 };
    memset(key, '~', sizeof(key));
    key[64] = '\0';
    (void)snprintf(text, sizeof(text), TOP DAY COL("\"type\":\"code\",\"values\":{\"%s\":" VAL "}"),
                   key);
    assert_int_equal(mapping_read(text, strlen(text), &m, &p), OK);
    mapping_free(m);
    (void)snprintf(text, sizeof(text), TOP DAY COL("\"type\":\"code\",\"values\":{\"%s\":1}"), key);
    assert_int_equal(mapping_read(text, strlen(text), &m, &p), ERR_FIELD_TYPE);
    assert_string_equal(p.pointer, "/columns/0/values");
    key[64] = '~';
    key[65] = '\0';
    (void)snprintf(text, sizeof(text), TOP DAY COL("\"type\":\"code\",\"values\":{\"%s\":" VAL "}"),
                   key);
    assert_int_equal(mapping_read(text, strlen(text), &m, &p), ERR_FIELD_RANGE);
}

static void test_too_long(void **state)
{
    (void)state;
    size_t len = MAPPING_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    struct mapping *m = NULL;
    assert_int_equal(mapping_read(text, len, &m, NULL), ERR_LIMIT);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_long_key),
        cmocka_unit_test(test_too_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
