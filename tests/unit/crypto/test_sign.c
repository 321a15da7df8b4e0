/* RFC 8032 vectors, and the signatures that a lax verifier would take: those must be refused,
 * because one statement must not have two valid signatures, nor one signature fit many. */
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/crypto/sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void from_hex(const char *text, uint8_t *ret, size_t len)
{
    assert_true(hex_decode(text, strlen(text), ret, len));
}

/* RFC 8032, section 7.1: tests 1, 2 and 3. */
static void rfc8032_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *seed, *public, *message, *signature;
    } vectors[] = {
        { "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
          "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
          "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e3970"
          "1cf9b46bd25bf5f0595bbe24655141438e7a100b" },
        { "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
          "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
          "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613"
          "d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
        { "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
          "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
          "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760"
          "984dc6594a7c15e9716ed28dc027beceea1ec40a" },
    };
    for (size_t i = 0; i < COUNT(vectors); i++) {
        uint8_t seed[SIGN_SEED_BYTES], public[SIGN_PUBLIC_BYTES], want[SIGN_BYTES], got[SIGN_BYTES];
        uint8_t message[2];
        size_t len = strlen(vectors[i].message) / 2;
        struct sign_key key;
        from_hex(vectors[i].seed, seed, sizeof(seed));
        from_hex(vectors[i].public, public, sizeof(public));
        from_hex(vectors[i].message, message, len);
        from_hex(vectors[i].signature, want, sizeof(want));
        sign_key_from_seed(seed, &key);
        assert_memory_equal(key.public, public, sizeof(public));
        sign_detached(&key, message, len, got);
        assert_memory_equal(got, want, sizeof(want));
        assert_true(sign_verify(public, message, len, want));
    }
}

/* A key, a message and its signature, fresh for each test. */
struct signed_message {
    struct sign_key key;
    uint8_t message[40];
    uint8_t signature[SIGN_BYTES];
};

static void make(struct signed_message *m)
{
    uint8_t seed[SIGN_SEED_BYTES];
    random_bytes(seed, sizeof(seed));
    random_bytes(m->message, sizeof(m->message));
    sign_key_from_seed(seed, &m->key);
    sign_detached(&m->key, m->message, sizeof(m->message), m->signature);
}

static bool verifies(const struct signed_message *m)
{
    return sign_verify(m->key.public, m->message, sizeof(m->message), m->signature);
}

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct signed_message m;
    make(&m);
    assert_true(verifies(&m));
    struct {
        uint8_t *at;
        size_t len;
    } const fields[] = { { m.signature, sizeof(m.signature) },
                         { m.message, sizeof(m.message) },
                         { m.key.public, sizeof(m.key.public) } };
    for (size_t f = 0; f < COUNT(fields); f++) {
        for (size_t bit = 0; bit < 8 * fields[f].len; bit++) {
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_false(verifies(&m));
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_true(verifies(&m));
    assert_false(sign_verify(m.key.public, m.message, sizeof(m.message) - 1, m.signature));
}

/* L, the order of the base point, little endian (RFC 8032 5.1). */
static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                   0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };

/* S + kL satisfies the same equation as S; RFC 8032 5.1.7 demands S < L. */
static void refuses_malleated_s(void **state)
{
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct signed_message m;
        make(&m);
        for (int times = 1; times <= 7; times++) { /* S + 7L still fits 32 bytes */
            unsigned carry = 0;
            for (size_t i = 0; i < sizeof(order); i++) {
                carry += m.signature[32 + i] + order[i];
                m.signature[32 + i] = (uint8_t)carry;
                carry >>= 8;
            }
            assert_int_equal(carry, 0);
            assert_false(verifies(&m));
        }
    }
}

/* The encodings of the eight points of small order, canonical and not, with either sign bit. */
static const char *const small_order[] = {
    "0100000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000080",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
};

/* Under the neutral element as key, R = B and S = 1 satisfy the equation for every message; under
 * the other points of small order for one message in two, four or eight. So 64 messages show a lax
 * verifier. */
static void refuses_small_order_and_non_canonical_keys(void **state)
{
    (void)state;
    uint8_t signature[SIGN_BYTES] = { 0x58 };
    memset(signature + 1, 0x66, 31); /* the encoding of the base point B */
    signature[32] = 1;
    for (size_t k = 0; k < COUNT(small_order); k++) {
        uint8_t public[SIGN_PUBLIC_BYTES];
        from_hex(small_order[k], public, sizeof(public));
        for (uint8_t message = 0; message < 64; message++)
            assert_false(sign_verify(public, &message, 1, signature));
    }
}

/* R of small order, S = 0 and any of these keys: the same forgery from the other side. */
static void refuses_small_order_r(void **state)
{
    (void)state;
    for (size_t k = 0; k < COUNT(small_order); k++) {
        for (size_t r = 0; r < COUNT(small_order); r++) {
            uint8_t public[SIGN_PUBLIC_BYTES];
            uint8_t signature[SIGN_BYTES] = { 0 };
            from_hex(small_order[k], public, sizeof(public));
            from_hex(small_order[r], signature, 32);
            for (uint8_t message = 0; message < 16; message++)
                assert_false(sign_verify(public, &message, 1, signature));
        }
    }
}

/* y >= p is a second spelling of y - p. There is one for each y in 0..18. */
static void refuses_non_canonical_y(void **state)
{
    (void)state;
    struct signed_message m;
    make(&m);
    for (unsigned y = 0; y < 19; y++) {
        uint8_t public[SIGN_PUBLIC_BYTES];
        memset(public, 0xff, sizeof(public));
        public[0] = (uint8_t)(0xed + y);
        assert_false(sign_verify(public, m.message, sizeof(m.message), m.signature));
        public[31] = 0x7f;
        assert_false(sign_verify(public, m.message, sizeof(m.message), m.signature));
    }
}

static void wipe_leaves_nothing(void **state)
{
    (void)state;
    struct signed_message m;
    make(&m);
    sign_key_wipe(&m.key);
    const struct sign_key zero = { 0 };
    assert_memory_equal(&m.key, &zero, sizeof(zero));
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc8032_vectors),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_malleated_s),
        cmocka_unit_test(refuses_small_order_and_non_canonical_keys),
        cmocka_unit_test(refuses_small_order_r),
        cmocka_unit_test(refuses_non_canonical_y),
        cmocka_unit_test(wipe_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
