/* server/timeline/decimal.c: exact scaled integers from text. */
#include "server/timeline/decimal.h"
#include "tests/unit/timeline/help.h"

static void test_numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
        int scale;
    } cases[] = {
        { "1718", 1718, 0 },
        { "6.2", 62, 1 },
        { "-0.5", -5, 1 },
        { "+3", 3, 0 },
        { "1e3", 1000, 0 },
        { "1E+3", 1000, 0 },
        { "12.5e-1", 125, 2 },
        { "14.50", 145, 1 },
        { "100", 100, 0 },
        { "100.000", 100, 0 },
        { "0", 0, 0 },
        { "-0", 0, 0 },
        { "-0.000", 0, 0 },
        { "0e99999", 0, 0 },
        { "000.100", 1, 1 },
        { ".5", 5, 1 },
        { "5.", 5, 0 },
        { "58.7652292950034", INT64_C(58765229295), 9 },
        { "56.4462696783025", INT64_C(56446269678), 9 }, /* ...78|3025 */
        { "0.0000000005", 1, 9 },
        { "-0.0000000005", -1, 9 },
        { "0.00000000049999", 0, 0 },
        { "0.0000000015", 2, 9 },
        { "0.0000000025", 3, 9 }, /* half away from zero, not to even */
        { "0.9999999999", 1, 0 },
        { "99999.9999999995", 100000, 0 },
        { "1e-400", 0, 0 },
        { "1e-9", 1, 9 },
        { "1e-10", 0, 0 },
        { "1000000000000000", TIMELINE_VALUE_MAX, 0 },
        { "1e15", TIMELINE_VALUE_MAX, 0 },
        { "-1000000000000000.000", -TIMELINE_VALUE_MAX, 0 },
        { "999999.999999999", INT64_C(999999999999999), 9 },
        { "0.00000000000000000000001e23", 1, 0 },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        int64_t value = 77;
        int scale = 77;
        if (!decimal_parse(cases[i].text, &value, &scale) || value != cases[i].value ||
            scale != cases[i].scale)
            fail_msg("%s: %lld * 10^-%d", cases[i].text, (long long)value, scale);
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "NA",
        "-",
        "+",
        ".",
        "e3",
        "1e",
        "1e+",
        "1e1.5",
        "1.2.3",
        "1,5",
        " 1",
        "1 ",
        "0x10",
        "inf",
        "nan",
        "1_000",
        "--1",
        "1-",
        "12a",
        "\xd9\xa1",
        "1e99999999999",
        "1000000000000001",
        "1e16",
        "10000000000000000000000",
        "999999999999999.9",
        "9999999.999999999",
        "-1000000000000000.1",
        "00000000000000000000000000000000000000000000000000000000000000001",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value = 77;
        int scale = 77;
        if (decimal_parse(bad[i], &value, &scale))
            fail_msg("taken: %s as %lld * 10^-%d", bad[i], (long long)value, scale);
        assert_true(value == 77 && scale == 77);
    }
}

/* Writes value * 10^-scale in one of many ways; all must come back as the one form. */
static void test_spellings(void **state)
{
    (void)state;
    uint64_t random = UINT64_C(0x5eed0003);
    for (int round = 0; round < 20000; round++) {
        int scale = (int)below(&random, 10);
        int64_t value = (int64_t)below(&random, UINT64_C(1000000000000));
        for (uint64_t cut = below(&random, 12); cut > 0; cut--)
            value /= 10;
        char digits[32], text[DECIMAL_TEXT_MAX];
        (void)snprintf(digits, sizeof(digits), "%0*lld", scale + 1, (long long)value);
        int whole = (int)strlen(digits) - scale, zeroes = (int)below(&random, 4);
        bool negative = below(&random, 2) == 0;
        if (below(&random, 2) == 0)
            (void)snprintf(text, sizeof(text), "%s%s%.*s.%s%.*s", negative ? "-" : "",
                           below(&random, 2) == 0 ? "0" : "", whole, digits, digits + whole, zeroes,
                           "0000");
        else
            (void)snprintf(text, sizeof(text), "%s%lld%.*se-%d", negative ? "-" : "",
                           (long long)value, zeroes, "0000", scale + zeroes);
        while (scale > 0 && value % 10 == 0) {
            value /= 10;
            scale--;
        }
        int64_t got;
        int got_scale;
        if (!decimal_parse(text, &got, &got_scale) || got != (negative ? -value : value) ||
            got_scale != scale)
            fail_msg("%s", text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_spellings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
