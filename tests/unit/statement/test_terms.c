/* Terms: every member's bounds, every contradiction, and the hash. */
#include "server/statement/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static json_t *good(void)
{
    json_error_t error;
    json_t *v = json_load_file("tests/data/bounties/pbc.json", JSON_REJECT_DUPLICATES, &error);
    if (v == NULL)
        fail_msg("%s (run from the root of the repository)", error.text);
    return v;
}

/* Replaces, or with NULL deletes, the value at a pointer such as "reward/quality/1/score_bp". */
static void put(json_t *root, const char *path, const char *json)
{
    char part[64];
    json_t *at = root;
    const char *slash;
    while ((slash = strchr(path, '/')) != NULL) {
        size_t n = (size_t)(slash - path);
        assert_true(n < sizeof(part));
        memcpy(part, path, n);
        part[n] = '\0';
        at = json_is_array(at) ? json_array_get(at, (size_t)(part[0] - '0'))
                               : json_object_get(at, part);
        assert_non_null(at);
        path = slash + 1;
    }
    if (json == NULL) {
        assert_int_equal(json_object_del(at, path), 0);
        return;
    }
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    if (json_is_array(at))
        assert_int_equal(json_array_set_new(at, (size_t)(path[0] - '0'), value), 0);
    else
        assert_int_equal(json_object_set_new(at, path, value), 0);
}

static void reads_everything(void **state)
{
    (void)state;
    json_t *v = good();
    struct terms t;
    struct problem p = { 0 };
    assert_int_equal(terms_read(v, "", &t, &p), OK);
    assert_string_equal(t.title, "Primary biliary cholangitis: laboratory course over years");
    assert_string_equal(t.disease, "MONDO:0005388");
    assert_string_equal(t.currency, "EUR");
    assert_int_equal(t.visits.min_spacing_days, 30);
    assert_int_equal(t.visits.horizon_months, 180);
    assert_int_equal(t.visits.required_min, 3);
    assert_int_equal(t.visits.n_required, 4);
    assert_string_equal(t.visits.required[3].system, "http://loinc.org");
    assert_string_equal(t.visits.required[3].code, "5902-2");
    assert_int_equal(t.reward.base_minor, 2500);
    assert_int_equal(t.reward.per_visit_minor, 1200);
    assert_int_equal(t.reward.per_month_minor, 150);
    assert_int_equal(t.reward.cap_minor, 90000);
    assert_int_equal(t.reward.scarcity_bp, 2500);
    assert_int_equal(t.reward.n_quality, 3);
    assert_int_equal(t.reward.quality[2].score_bp, 6800);
    assert_int_equal(t.reward.quality[2].quality_bp, 10000);
    assert_int_equal(t.review.seats, 3);
    assert_int_equal(t.review.quorum, 3);
    assert_int_equal(t.review.fee_minor, 1500);
    assert_int_equal(t.review.threshold_bp, 5000);
    assert_int_equal(t.review.k, 1);
    assert_int_equal(t.review.n_rubric, 5);
    assert_string_equal(t.review.rubric[4], "useful");
    assert_int_equal(t.review.commit_hours, 336);
    assert_int_equal(t.review.reveal_hours, 168);
    assert_int_equal(t.n_purposes, 2);
    assert_string_equal(t.purposes[1], "DUO:0000006");
    assert_int_equal(t.retention_days, 3650);
    assert_int_equal(t.budget_minor, 25000000);
    assert_true(t.closes_at > t.opens_at);
    json_decref(v);
}

struct change {
    const char *path, *value;
    enum err e;
    const char *pointer;
};

static void refused(const struct change *c)
{
    json_t *v = good();
    struct terms t = { .retention_days = 77 };
    struct problem p = { 0 };
    put(v, c->path, c->value);
    enum err e = terms_read(v, "/statement/terms", &t, &p);
    if (e != c->e)
        fail_msg("%s = %s gave %s", c->path, c->value != NULL ? c->value : "(absent)", err_code(e));
    assert_int_equal(p.code, e);
    char full[128] = "/statement/terms/";
    memcpy(full + strlen(full), c->pointer, strlen(c->pointer) + 1);
    assert_string_equal(p.pointer, full);
    assert_int_equal(t.retention_days, 77); /* untouched on failure */
    json_decref(v);
}

static void members_are_bounded(void **state)
{
    (void)state;
    static const struct change bad[] = {
        { "title", NULL, ERR_FIELD_MISSING, "title" },
        { "title", "\"\"", ERR_FIELD_RANGE, "title" },
        { "disease", "\"ORPHA:186\"", ERR_FIELD_FORMAT, "disease" },
        { "disease", "\"MONDO:00053880\"", ERR_FIELD_FORMAT, "disease" },
        { "disease", "\"MONDO:000538x\"", ERR_FIELD_FORMAT, "disease" },
        { "currency", "\"XBT\"", ERR_FIELD_CODE, "currency" },
        { "surprise", "1", ERR_FIELD_UNKNOWN, "surprise" },
        { "visit_plan/min_spacing_days", "3651", ERR_FIELD_RANGE, "visit_plan/min_spacing_days" },
        { "visit_plan/horizon_months", "-1", ERR_FIELD_RANGE, "visit_plan/horizon_months" },
        { "visit_plan/required/1/code", "7", ERR_FIELD_TYPE, "visit_plan/required/1/code" },
        { "visit_plan/required/1/unit", "\"g\"", ERR_FIELD_UNKNOWN, "visit_plan/required/1/unit" },
        { "visit_plan/required/2", "[]", ERR_FIELD_TYPE, "visit_plan/required/2" },
        { "reward/base_minor", "2500.0", ERR_FIELD_TYPE, "reward/base_minor" },
        { "reward/base_minor", "-1", ERR_FIELD_RANGE, "reward/base_minor" },
        { "reward/cap_minor", "1000000000001", ERR_FIELD_RANGE, "reward/cap_minor" },
        { "reward/scarcity_bp", "100001", ERR_FIELD_RANGE, "reward/scarcity_bp" },
        { "reward/quality", "[]", ERR_FIELD_RANGE, "reward/quality" },
        { "reward/quality/0/quality_bp", "10001", ERR_FIELD_RANGE, "reward/quality/0/quality_bp" },
        { "review/seats", "16", ERR_FIELD_RANGE, "review/seats" },
        { "review/quorum", "0", ERR_FIELD_RANGE, "review/quorum" },
        { "review/k", "0", ERR_FIELD_RANGE, "review/k" },
        { "review/k", "11", ERR_FIELD_RANGE, "review/k" },
        { "review/threshold_bp", "10001", ERR_FIELD_RANGE, "review/threshold_bp" },
        { "review/rubric/0", "\"honest\"", ERR_FIELD_CODE, "review/rubric/0" },
        { "review/rubric/4", "4", ERR_FIELD_TYPE, "review/rubric/4" },
        { "review/rubric", "[]", ERR_FIELD_RANGE, "review/rubric" },
        { "review/commit_hours", "2161", ERR_FIELD_RANGE, "review/commit_hours" },
        { "review/reveal_hours", "0", ERR_FIELD_RANGE, "review/reveal_hours" },
        { "purposes/1", "\"DUO:6\"", ERR_FIELD_FORMAT, "purposes/1" },
        { "purposes/0", "null", ERR_FIELD_TYPE, "purposes/0" },
        { "purposes", "[]", ERR_FIELD_RANGE, "purposes" },
        { "retention_days", "0", ERR_FIELD_RANGE, "retention_days" },
        { "opens_at", "\"2025-01-01\"", ERR_FIELD_FORMAT, "opens_at" },
        { "budget_minor", "null", ERR_FIELD_TYPE, "budget_minor" },
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        refused(&bad[i]);
}

static void contradictions_are_named(void **state)
{
    (void)state;
    static const struct change bad[] = {
        { "review/quorum", "4", ERR_BOUNTY_TERMS, "review/quorum" },
        { "reward/cap_minor", "2499", ERR_BOUNTY_TERMS, "reward/cap_minor" },
        { "reward/quality/1/score_bp", "5000", ERR_BOUNTY_TERMS, "reward/quality/1" },
        { "reward/quality/2/score_bp", "5999", ERR_BOUNTY_TERMS, "reward/quality/2" },
        { "reward/quality/1/quality_bp", "6999", ERR_BOUNTY_TERMS, "reward/quality/1" },
        { "closes_at", "\"2025-01-01T00:00:00Z\"", ERR_BOUNTY_TERMS, "closes_at" },
        { "budget_minor", "94499", ERR_BOUNTY_TERMS, "budget_minor" },
        { "visit_plan/required_min", "5", ERR_BOUNTY_TERMS, "visit_plan/required_min" },
        { "visit_plan/required/1/code", "\"1975-2\"", ERR_BOUNTY_TERMS, "visit_plan/required/1" },
        { "review/rubric/3", "\"authentic\"", ERR_BOUNTY_TERMS, "review/rubric/3" },
        { "purposes/1", "\"DUO:0000007\"", ERR_BOUNTY_TERMS, "purposes/1" },
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        refused(&bad[i]);
}

static void edges_are_allowed(void **state)
{
    (void)state;
    static const char *const changes[][2] = {
        { "review/quorum", "1" },
        { "reward/cap_minor", "2500" },
        { "budget_minor", "94500" },
        { "closes_at", "\"2025-01-01T00:00:01Z\"" },
        { "visit_plan/required_min", "4" },
        { "reward/quality/1/quality_bp", "7000" },
        { "reward/quality/1/score_bp", "5001" },
        { "review/seats", "15" },
        { "visit_plan/horizon_months", "0" },
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        json_t *v = good();
        struct terms t;
        put(v, changes[i][0], changes[i][1]);
        assert_int_equal(terms_read(v, "", &t, NULL), OK);
        json_decref(v);
    }
}

/* The hash is of the canonical bytes: order of members does not matter, every value does. Expected
 * value made with another program. */
static void hash_is_of_canonical_bytes(void **state)
{
    (void)state;
    json_t *a = json_loads("{\"b\":1,\"a\":[true,\"x\"]}", 0, NULL);
    uint8_t got[HASH_BYTES], other[HASH_BYTES];
    static const uint8_t expected[HASH_BYTES] = { 0xf1, 0x5e, 0xf1, 0x13, 0xd6, 0xe0, 0xc8, 0x76,
                                                  0xb9, 0xea, 0x9e, 0x90, 0xeb, 0xc3, 0x6a, 0xd3,
                                                  0xf8, 0xb3, 0x50, 0xd4, 0x46, 0x34, 0xba, 0x2f,
                                                  0xc4, 0x07, 0xe9, 0x78, 0xfb, 0x8c, 0xeb, 0xeb };
    assert_int_equal(terms_hash(a, got), OK);
    assert_memory_equal(got, expected, HASH_BYTES);
    assert_int_equal(json_object_set_new(a, "b", json_integer(2)), 0);
    assert_int_equal(terms_hash(a, other), OK);
    assert_memory_not_equal(got, other, HASH_BYTES);
    json_decref(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_everything),           cmocka_unit_test(members_are_bounded),
        cmocka_unit_test(contradictions_are_named),   cmocka_unit_test(edges_are_allowed),
        cmocka_unit_test(hash_is_of_canonical_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
