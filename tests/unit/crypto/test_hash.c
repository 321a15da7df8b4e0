/* Published vectors for each primitive, and the properties that callers lean on. */
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_hex(const uint8_t *got, size_t len, const char *want)
{
    uint8_t bytes[128];
    assert_true(len <= sizeof(bytes));
    assert_true(hex_decode(want, strlen(want), bytes, len));
    assert_memory_equal(got, bytes, len);
}

/* FIPS 180-4 examples, and the empty message. */
static void sha256_vectors(void **state)
{
    (void)state;
    uint8_t out[HASH_BYTES];
    sha256("", 0, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(NULL, 0, out);
    assert_hex(out, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256("abc", 3, out);
    assert_hex(out, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    const char *two = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    sha256(two, strlen(two), out);
    assert_hex(out, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

static void sha256_two_is_concatenation(void **state)
{
    (void)state;
    uint8_t bytes[200];
    uint8_t whole[HASH_BYTES];
    uint8_t split[HASH_BYTES];
    random_bytes(bytes, sizeof(bytes));
    sha256(bytes, sizeof(bytes), whole);
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        sha256_two(bytes, cut, bytes + cut, sizeof(bytes) - cut, split);
        assert_memory_equal(whole, split, HASH_BYTES);
    }
    bytes[0] ^= 1;
    sha256(bytes, sizeof(bytes), split);
    assert_memory_not_equal(whole, split, HASH_BYTES);
}

/* RFC 4231, test cases 1, 2, 3 and 6 (a key longer than the block). */
static void hmac_vectors(void **state)
{
    (void)state;
    uint8_t key[131];
    uint8_t data[50];
    uint8_t out[HASH_BYTES];
    memset(key, 0x0b, 20);
    hmac_sha256(key, 20, "Hi There", 8, out);
    assert_hex(out, 32, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    hmac_sha256((const uint8_t *)"Jefe", 4, "what do ya want for nothing?", 28, out);
    assert_hex(out, 32, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    memset(data, 0xdd, sizeof(data));
    hmac_sha256(key, 20, data, sizeof(data), out);
    assert_hex(out, 32, "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    hmac_sha256(key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54,
                out);
    assert_hex(out, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

static void hmac_parts_are_concatenation(void **state)
{
    (void)state;
    uint8_t key[32];
    uint8_t bytes[100];
    uint8_t whole[HASH_BYTES];
    uint8_t split[HASH_BYTES];
    random_bytes(key, sizeof(key));
    random_bytes(bytes, sizeof(bytes));
    hmac_sha256(key, sizeof(key), bytes, sizeof(bytes), whole);
    for (size_t cut = 0; cut <= sizeof(bytes); cut++) {
        const struct part parts[] = { { bytes, cut },
                                      { NULL, 0 },
                                      { bytes + cut, sizeof(bytes) - cut } };
        hmac_sha256_parts(key, sizeof(key), parts, COUNT(parts), split);
        assert_memory_equal(whole, split, HASH_BYTES);
    }
}

/* RFC 5869, appendices A.1, A.2 and A.3. */
static void hkdf_vectors(void **state)
{
    (void)state;
    uint8_t ikm[80], salt[80], info[80], out[82];
    memset(ikm, 0x0b, 22);
    for (size_t i = 0; i < sizeof(salt); i++) {
        salt[i] = (uint8_t)i;
        info[i] = (uint8_t)(0xf0 + i);
    }
    hkdf_sha256(ikm, 22, salt, 13, info, 10, out, 42);
    assert_hex(out, 42,
               "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b8871858"
               "65");
    hkdf_sha256(ikm, 22, NULL, 0, NULL, 0, out, 42);
    assert_hex(out, 42,
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96"
               "c8");
    for (size_t i = 0; i < 80; i++) {
        ikm[i] = (uint8_t)i;
        salt[i] = (uint8_t)(0x60 + i);
        info[i] = (uint8_t)(0xb0 + i);
    }
    hkdf_sha256(ikm, 80, salt, 80, info, 80, out, 82);
    assert_hex(
        out, 82,
        "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271"
        "cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87");
}

/* A shorter output is a prefix of a longer one, up to the most that RFC 5869 allows. */
static void hkdf_lengths(void **state)
{
    (void)state;
    enum { MOST = 255 * HASH_BYTES };
    uint8_t secret[32];
    uint8_t *whole = malloc(MOST);
    uint8_t *part = malloc(MOST);
    assert_non_null(whole);
    assert_non_null(part);
    random_bytes(secret, sizeof(secret));
    hkdf_sha256(secret, sizeof(secret), NULL, 0, "label", 5, whole, MOST);
    const size_t lengths[] = { 0, 1, 31, 32, 33, 64, 1000, MOST - 1, MOST };
    for (size_t i = 0; i < COUNT(lengths); i++) {
        memset(part, 0, MOST);
        hkdf_sha256(secret, sizeof(secret), NULL, 0, "label", 5, part, lengths[i]);
        assert_memory_equal(whole, part, lengths[i]);
        for (size_t j = lengths[i]; j < MOST; j++)
            assert_int_equal(part[j], 0);
    }
    free(whole);
    free(part);
}

/* BLAKE2b with a 32-byte digest: of the empty message and of "abc". */
static void blake2b_vectors(void **state)
{
    (void)state;
    uint8_t out[HASH_BYTES];
    blake2b_256("", 0, NULL, 0, out);
    assert_hex(out, 32, "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
    blake2b_256("abc", 3, NULL, 0, out);
    assert_hex(out, 32, "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
}

static void blake2b_pieces_and_keys(void **state)
{
    (void)state;
    uint8_t bytes[700];
    uint8_t key[64];
    uint8_t whole[HASH_BYTES];
    uint8_t split[HASH_BYTES];
    random_bytes(bytes, sizeof(bytes));
    random_bytes(key, sizeof(key));
    for (size_t key_len = 16; key_len <= 64; key_len += 16) {
        blake2b_256(bytes, sizeof(bytes), key, key_len, whole);
        for (size_t cut = 0; cut <= sizeof(bytes); cut += 7) {
            struct blake2b h;
            blake2b_init(&h, key, key_len);
            blake2b_add(&h, bytes, cut);
            blake2b_add(&h, bytes + cut, sizeof(bytes) - cut);
            blake2b_finish(&h, split);
            assert_memory_equal(whole, split, HASH_BYTES);
        }
        key[0] ^= 1;
        blake2b_256(bytes, sizeof(bytes), key, key_len, split);
        assert_memory_not_equal(whole, split, HASH_BYTES);
    }
    blake2b_256(bytes, sizeof(bytes), NULL, 0, split);
    assert_memory_not_equal(whole, split, HASH_BYTES);
}

static void compare_and_wipe(void **state)
{
    (void)state;
    uint8_t a[40], b[40], zero[40] = { 0 };
    random_bytes(a, sizeof(a));
    memcpy(b, a, sizeof(a));
    assert_true(bytes_equal(a, b, sizeof(a)));
    for (size_t bit = 0; bit < 8 * sizeof(a); bit++) {
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_false(bytes_equal(a, b, sizeof(a)));
        b[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_true(bytes_equal(a, b, 0));
    bytes_wipe(a, sizeof(a));
    assert_memory_equal(a, zero, sizeof(a));
}

static void random_differs(void **state)
{
    (void)state;
    uint8_t a[32] = { 0 }, b[32] = { 0 };
    random_bytes(a, sizeof(a));
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    crypto_setup();
    crypto_setup(); /* a second call does no harm */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha256_vectors),   cmocka_unit_test(sha256_two_is_concatenation),
        cmocka_unit_test(hmac_vectors),     cmocka_unit_test(hmac_parts_are_concatenation),
        cmocka_unit_test(hkdf_vectors),     cmocka_unit_test(hkdf_lengths),
        cmocka_unit_test(blake2b_vectors),  cmocka_unit_test(blake2b_pieces_and_keys),
        cmocka_unit_test(compare_and_wipe), cmocka_unit_test(random_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
