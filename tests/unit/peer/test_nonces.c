#include "server/crypto/hash.h"
#include "server/peer/nonces.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void a_nonce_is_taken_once(void **state)
{
    (void)state;
    struct nonces *n;
    assert_int_equal(nonces_new(&n), OK);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(nonces_take(n, 1, i, 0), OK);
    for (uint64_t i = 0; i < 1000; i++)
        assert_int_equal(nonces_take(n, 1, i, 1), ERR_PEER_REPLAYED);
    assert_int_equal(nonces_take(n, 2, 5, 1), OK); /* another member's is another one */
    nonces_free(n);
}

/* As long as its signature could be taken for fresh, and not for ever. */
static void it_is_forgotten_after_two_periods(void **state)
{
    (void)state;
    struct nonces *n;
    assert_int_equal(nonces_new(&n), OK);
    const usec_t most = (60 + 2 * NONCES_SKEW_S) * USEC_PER_SEC;
    assert_true(NONCES_PERIOD > most);
    for (usec_t at = 0; at < 3 * NONCES_PERIOD; at += NONCES_PERIOD / 7) {
        uint64_t nonce = (uint64_t)at;
        assert_int_equal(nonces_take(n, 1, nonce, at), OK);
        assert_int_equal(nonces_take(n, 1, nonce, at + most), ERR_PEER_REPLAYED);
    }
    usec_t later = 3 * NONCES_PERIOD + NONCES_PERIOD + most;
    assert_int_equal(nonces_take(n, 1, 0, later), OK);
    assert_int_equal(nonces_take(n, 1, 77, later), OK);
    later += 5 * NONCES_PERIOD; /* nothing for long: both generations go */
    assert_int_equal(nonces_take(n, 1, 77, later), OK);
    nonces_free(n);
}

static void a_flood_fills_only_its_own_share(void **state)
{
    (void)state;
    struct nonces *n;
    assert_int_equal(nonces_new(&n), OK);
    for (uint64_t i = 0; i < NONCES_SHARE; i++)
        assert_int_equal(nonces_take(n, 1, i, 0), OK);
    assert_int_equal(nonces_take(n, 1, NONCES_SHARE, 0), ERR_BUSY);
    assert_int_equal(nonces_take(n, 1, 0, 0), ERR_PEER_REPLAYED);
    assert_int_equal(nonces_take(n, 2, 0, 0), OK);
    /* All together there is an end too. */
    uint64_t left = NONCES_MAX - NONCES_SHARE - 1;
    for (uint64_t i = 0; i < left; i++)
        assert_int_equal(nonces_take(n, (uint16_t)(3 + i / NONCES_SHARE), i, 0), OK);
    assert_int_equal(nonces_take(n, 200, 0, 0), ERR_BUSY);
    assert_int_equal(nonces_take(n, 200, 0, NONCES_PERIOD), OK);
    nonces_free(n);
}

static void freshness_allows_for_wrong_clocks(void **state)
{
    (void)state;
    static const struct {
        int64_t now;
        bool fresh;
    } known[] = { { 1000, true }, { 1060, true }, { 1360, true },  { 1361, false },
                  { 700, true },  { 699, false }, { 4600, false }, { -2600, false } };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_int_equal(nonces_fresh(1000, 1060, known[i].now), known[i].fresh);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_nonce_is_taken_once),
        cmocka_unit_test(it_is_forgotten_after_two_periods),
        cmocka_unit_test(a_flood_fills_only_its_own_share),
        cmocka_unit_test(freshness_allows_for_wrong_clocks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
