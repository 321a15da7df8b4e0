#include "api/http/rate.h"
#include "server/crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct rate_policy policy = { .per_second = 10, .burst = 20 };
static const usec_t start = INT64_C(1000000000);

static unsigned take_all(struct rate *r, const char *key, usec_t now)
{
    struct rate_state s;
    unsigned n = 0;
    for (;; n++) {
        rate_take(r, 'i', key, strlen(key), &policy, now, &s);
        if (!s.allowed)
            return n;
        assert_int_equal(s.remaining, policy.burst - 1 - n);
    }
}

static void a_burst_then_the_rate(void **state)
{
    (void)state;
    struct rate *r;
    assert_int_equal(rate_new(&r), OK);
    assert_int_equal(take_all(r, "a", start), 20);
    struct rate_state s;
    rate_take(r, 'i', "a", 1, &policy, start, &s);
    assert_false(s.allowed);
    assert_int_equal(s.remaining, 0);
    assert_int_equal(s.reset_s, 1);
    rate_take(r, 'i', "a", 1, &policy, start + USEC_PER_SEC / 10 - 1, &s);
    assert_false(s.allowed);
    rate_take(r, 'i', "a", 1, &policy, start + USEC_PER_SEC / 10, &s);
    assert_true(s.allowed);
    rate_take(r, 'i', "a", 1, &policy, start + USEC_PER_SEC / 10, &s);
    assert_false(s.allowed);
    rate_free(r);
}

static void silence_fills_the_bucket_no_further(void **state)
{
    (void)state;
    struct rate *r;
    struct rate_state s;
    assert_int_equal(rate_new(&r), OK);
    assert_int_equal(take_all(r, "a", start), 20);
    unsigned n = 0;
    for (s.allowed = true; s.allowed; n += s.allowed)
        rate_take(r, 'i', "a", 1, &policy, start + 3600 * USEC_PER_SEC, &s);
    assert_int_equal(n, 20);
    rate_free(r);
}

static void keys_and_kinds_are_apart(void **state)
{
    (void)state;
    struct rate *r;
    struct rate_state s;
    assert_int_equal(rate_new(&r), OK);
    assert_int_equal(take_all(r, "a", start), 20);
    assert_int_equal(take_all(r, "b", start), 20);
    rate_take(r, 't', "a", 1, &policy, start, &s);
    assert_true(s.allowed);
    assert_int_equal(take_all(r, "a longer key than eight bytes", start), 20);
    assert_int_equal(take_all(r, "a longer key than eight bytez", start), 20);
    rate_free(r);
}

/* A flood of fresh keys does not give a spent key its burst back, as long as it is spent: the
 * fullest buckets are the ones that go. */
static void a_flood_of_keys_forgets_the_full_ones_first(void **state)
{
    (void)state;
    struct rate *r;
    struct rate_state s;
    assert_int_equal(rate_new(&r), OK);
    assert_int_equal(take_all(r, "a", start), 20);
    for (uint32_t i = 0; i < 200000; i++)
        rate_take(r, 'i', &i, sizeof(i), &policy, start, &s);
    rate_take(r, 'i', "a", 1, &policy, start, &s);
    assert_false(s.allowed);
    rate_free(r);
}

static void what_is_returned_can_be_taken_again(void **state)
{
    (void)state;
    struct rate *r;
    struct rate_state s;
    assert_int_equal(rate_new(&r), OK);
    assert_int_equal(take_all(r, "a", start), 20);
    rate_return(r, 'i', "b", 1, &policy); /* another bucket, and one that is not there */
    rate_take(r, 'i', "a", 1, &policy, start, &s);
    assert_false(s.allowed);
    rate_return(r, 'i', "a", 1, &policy);
    rate_take(r, 'i', "a", 1, &policy, start, &s);
    assert_true(s.allowed);
    rate_take(r, 'i', "a", 1, &policy, start, &s);
    assert_false(s.allowed);
    rate_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_burst_then_the_rate),
        cmocka_unit_test(silence_fills_the_bucket_no_further),
        cmocka_unit_test(keys_and_kinds_are_apart),
        cmocka_unit_test(a_flood_of_keys_forgets_the_full_ones_first),
        cmocka_unit_test(what_is_returned_can_be_taken_again),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
