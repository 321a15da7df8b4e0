/* Wraps of a data key: they open for one recipient in one context, and for nothing else. The
 * vectors are in test_format.c. */
#include "server/vault/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const uint8_t zero[DEK_BYTES];

struct wrapped {
    struct box_key recipient;
    uint8_t context[HASH_BYTES];
    uint8_t dek[DEK_BYTES];
    uint8_t wrap[WRAP_BYTES];
};

static void make(struct wrapped *w)
{
    uint8_t secret[BOX_SECRET_BYTES];
    random_bytes(secret, sizeof(secret));
    random_bytes(w->context, sizeof(w->context));
    random_bytes(w->dek, sizeof(w->dek));
    box_key_from_secret(secret, &w->recipient);
    assert_int_equal(vault_wrap(w->recipient.public, w->context, w->dek, w->wrap), OK);
}

/* The output is the data key on success and zero on failure. */
static enum err try_unwrap(const struct wrapped *w)
{
    uint8_t out[DEK_BYTES];
    memset(out, 0xaa, sizeof(out));
    enum err e = vault_unwrap(&w->recipient, w->context, w->wrap, out);
    assert_memory_equal(out, e == OK ? w->dek : zero, DEK_BYTES);
    return e;
}

static void round_trip(void **state)
{
    (void)state;
    for (int i = 0; i < 50; i++) {
        struct wrapped w;
        make(&w);
        assert_int_equal(try_unwrap(&w), OK);
    }
}

static void wraps_are_fresh(void **state)
{
    (void)state;
    struct wrapped w;
    uint8_t again[WRAP_BYTES];
    make(&w);
    assert_int_equal(vault_wrap(w.recipient.public, w.context, w.dek, again), OK);
    assert_memory_not_equal(w.wrap, again, HPKE_ENC_BYTES);
    assert_memory_not_equal(w.wrap + HPKE_ENC_BYTES, again + HPKE_ENC_BYTES, DEK_BYTES);
}

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct wrapped w;
    make(&w);
    struct {
        uint8_t *at;
        size_t len;
    } const fields[] = { { w.wrap, sizeof(w.wrap) }, { w.context, sizeof(w.context) } };
    for (size_t f = 0; f < COUNT(fields); f++) {
        for (size_t bit = 0; bit < 8 * fields[f].len; bit++) {
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(try_unwrap(&w), ERR_CRYPTO);
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_int_equal(try_unwrap(&w), OK);
}

static void refuses_another_recipient(void **state)
{
    (void)state;
    struct wrapped w, other;
    make(&w);
    make(&other);
    w.recipient = other.recipient;
    assert_int_equal(try_unwrap(&w), ERR_CRYPTO);
}

static void refuses_a_low_order_recipient(void **state)
{
    (void)state;
    struct wrapped w;
    uint8_t before[WRAP_BYTES];
    make(&w);
    memcpy(before, w.wrap, WRAP_BYTES);
    assert_int_equal(vault_wrap(zero, w.context, w.dek, w.wrap), ERR_CRYPTO);
    assert_memory_equal(w.wrap, before, WRAP_BYTES);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(wraps_are_fresh),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_another_recipient),
        cmocka_unit_test(refuses_a_low_order_recipient),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
