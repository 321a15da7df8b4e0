#include "api/http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static enum err parse(const char *text, struct query *ret)
{
    static char kept[8192];
    (void)snprintf(kept, sizeof(kept), "%s", text);
    return query_parse(kept, ret);
}

static void pairs_are_decoded(void **state)
{
    (void)state;
    struct query q;
    assert_int_equal(parse("limit=50&cursor=a%2Fb%2b+c&flag&e=", &q), OK);
    assert_int_equal(q.n, 4);
    assert_string_equal(query_get(&q, "limit"), "50");
    assert_string_equal(query_get(&q, "cursor"), "a/b+ c");
    assert_string_equal(query_get(&q, "flag"), "");
    assert_string_equal(query_get(&q, "e"), "");
    assert_null(query_get(&q, "Limit"));
    assert_int_equal(parse("a=b=c", &q), OK);
    assert_string_equal(query_get(&q, "a"), "b=c");
    assert_int_equal(query_parse(NULL, &q), OK);
    assert_int_equal(q.n, 0);
    assert_int_equal(parse("", &q), OK);
    assert_int_equal(q.n, 0);
}

static void malformed_queries_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "&",         "a&",    "&a",    "a&&b",     "=b",    "a=1&a=2",
        "a=1&%61=2", "a=%",   "a=%1",  "a=%g1",    "a=%1g", "%=1",
        "a=%00",     "a=%0a", "a=%7f", "a=%c3%a9", "a=%ff", "a&b&c&d&e&f&g&h&i",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct query q = { .n = 77 };
        if (parse(bad[i], &q) != ERR_QUERY || q.n != 77)
            fail_msg("\"%s\" was taken, or the output was touched", bad[i]);
    }
}

static void values_are_bounded(void **state)
{
    (void)state;
    char text[QUERY_VALUE_MAX + 4] = "a=";
    struct query q;
    memset(text + 2, 'x', QUERY_VALUE_MAX);
    assert_int_equal(parse(text, &q), OK);
    text[QUERY_VALUE_MAX + 2] = 'x';
    assert_int_equal(parse(text, &q), ERR_QUERY);
    assert_int_equal(parse("a&b&c&d&e&f&g&h", &q), OK);
    assert_int_equal(q.n, QUERY_MAX);
}

static void decoding_stays_within_its_length(void **state)
{
    (void)state;
    char out[16];
    assert_true(percent_decode("a%20bXYZ", 5, false, out));
    assert_string_equal(out, "a b");
    assert_false(percent_decode("a%20b", 3, false, out));
    assert_false(percent_decode("a%20b", 2, false, out));
    assert_true(percent_decode("a+b", 3, false, out));
    assert_string_equal(out, "a+b");
    assert_true(percent_decode("", 0, true, out));
    assert_string_equal(out, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_decoded),
        cmocka_unit_test(malformed_queries_are_refused),
        cmocka_unit_test(values_are_bounded),
        cmocka_unit_test(decoding_stays_within_its_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
