/* Verdicts: what is read, what is refused and where, and the seal. */
#include "server/review/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct terms two_codes = {
    .review = { .n_rubric = 2, .rubric = { "authentic", "complete" } },
};

static json_t *load(const char *text)
{
    json_t *v = NULL;
    assert_int_equal(json_read(text, strlen(text), &v, NULL), OK);
    return v;
}

static enum err read_text(const char *text, struct verdict *ret, struct problem *p)
{
    json_t *v = load(text);
    enum err e = verdict_read(v, "/statement/verdict", &two_codes, ret, p);
    json_decref(v);
    return e;
}

#define GOOD                                                                                       \
    "{\"rubric\":{\"authentic\":9000,\"complete\":1},\"visits\":4,\"months\":20,"                  \
    "\"recommend\":\"return\",\"reasons\":[\"claims.wrong\",\"dates.gap\"]}"

static void reads_a_verdict(void **state)
{
    (void)state;
    struct verdict v;
    assert_int_equal(read_text(GOOD, &v, NULL), OK);
    assert_int_equal(v.rubric_sum, 9001);
    assert_int_equal(v.visits, 4);
    assert_int_equal(v.months, 20);
    assert_int_equal(v.recommend, RECOMMEND_RETURN);
    assert_int_equal(v.reasons, 1u | 1u << 9);
    json_t *list = reasons_json(v.reasons);
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_array_get(list, 0)), "dates.gap");
    assert_string_equal(json_string_value(json_array_get(list, 1)), "claims.wrong");
    json_decref(list);
}

static void refuses_and_points(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err e;
        const char *pointer;
    } bad[] = {
        { "[]", ERR_FIELD_TYPE, "/statement/verdict" },
        { "{\"rubric\":{\"authentic\":9000},\"visits\":4,\"months\":20,\"recommend\":\"accept\","
          "\"reasons\":[]}",
          ERR_FIELD_MISSING, "/statement/verdict/rubric/complete" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1,\"useful\":1},\"visits\":4,\"months\":20,"
          "\"recommend\":\"accept\",\"reasons\":[]}",
          ERR_FIELD_UNKNOWN, "/statement/verdict/rubric/useful" },
        { "{\"rubric\":{\"authentic\":10001,\"complete\":1},\"visits\":4,\"months\":20,"
          "\"recommend\":\"accept\",\"reasons\":[]}",
          ERR_FIELD_RANGE, "/statement/verdict/rubric/authentic" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1},\"visits\":20001,\"months\":20,"
          "\"recommend\":\"accept\",\"reasons\":[]}",
          ERR_FIELD_RANGE, "/statement/verdict/visits" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1},\"visits\":1,\"months\":1,"
          "\"recommend\":\"maybe\",\"reasons\":[]}",
          ERR_FIELD_CODE, "/statement/verdict/recommend" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1},\"visits\":1,\"months\":1,"
          "\"recommend\":\"reject\",\"reasons\":[\"dates.gap\",\"mood\"]}",
          ERR_FIELD_CODE, "/statement/verdict/reasons/1" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1},\"visits\":1,\"months\":1,"
          "\"recommend\":\"reject\",\"reasons\":[\"dates.gap\",\"dates.gap\"]}",
          ERR_FIELD_FORMAT, "/statement/verdict/reasons/1" },
        { "{\"rubric\":{\"authentic\":1,\"complete\":1},\"visits\":1,\"months\":1,"
          "\"recommend\":\"reject\",\"reasons\":[7]}",
          ERR_FIELD_TYPE, "/statement/verdict/reasons/0" },
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct verdict v = { .visits = 77 };
        struct problem p = { 0 };
        assert_int_equal(read_text(bad[i].text, &v, &p), bad[i].e);
        assert_int_equal(p.code, bad[i].e);
        assert_string_equal(p.pointer, bad[i].pointer);
        assert_int_equal(v.visits, 77);
    }
}

/* SHA-256 of "cairn/v1/verdict", 32 bytes 0x05 and the canonical bytes, made with another program.
 */
static void seal_is_as_specified(void **state)
{
    (void)state;
    static const uint8_t expected[HASH_BYTES] = { 0x00, 0xdd, 0x4f, 0x6d, 0x9b, 0xcf, 0x36, 0xb5,
                                                  0xae, 0x18, 0xfd, 0x0a, 0xbb, 0x65, 0xd2, 0x8d,
                                                  0xf6, 0xd5, 0x17, 0x90, 0x37, 0xda, 0x58, 0x73,
                                                  0xea, 0xcc, 0x84, 0x3f, 0x85, 0xf1, 0xe2, 0x54 };
    uint8_t nonce[VERDICT_NONCE_BYTES], got[HASH_BYTES];
    memset(nonce, 5, sizeof(nonce));
    json_t *v = load(GOOD);
    assert_int_equal(verdict_commitment(v, nonce, got), OK);
    assert_memory_equal(got, expected, HASH_BYTES);
    nonce[31] ^= 1;
    assert_int_equal(verdict_commitment(v, nonce, got), OK);
    assert_memory_not_equal(got, expected, HASH_BYTES);
    nonce[31] ^= 1;
    json_object_set_new(v, "visits", json_integer(5));
    assert_int_equal(verdict_commitment(v, nonce, got), OK);
    assert_memory_not_equal(got, expected, HASH_BYTES);
    json_object_set_new(v, "visits", json_real(0.5));
    assert_int_equal(verdict_commitment(v, nonce, got), ERR_STATEMENT_FORM);
    json_decref(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_a_verdict),
        cmocka_unit_test(refuses_and_points),
        cmocka_unit_test(seal_is_as_specified),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
