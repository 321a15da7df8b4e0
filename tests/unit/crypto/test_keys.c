/* Key derivation: the vectors of tests/data/vault/keys.json (which tests/interop recomputes with
 * other libraries), and that no two keys of a person coincide. */
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/crypto/keys.h"
#include "tests/lib/vault_vectors.h"
#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void vectors_are_reproduced(void **state)
{
    (void)state;
    json_t *file = vectors_load("tests/data/vault/keys.json");
    json_t *made = vault_vectors_keys();
    assert_int_equal(json_array_size(json_object_get(file, "vectors")), 3);
    assert_true(json_equal(file, made));
    json_decref(file);
    json_decref(made);
}

/* RFC 7748, section 6.1: both sides of the example. */
static void x25519_public_keys(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        { "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
          "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" },
        { "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f" },
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        uint8_t secret[BOX_SECRET_BYTES], want[BOX_PUBLIC_BYTES];
        struct box_key key;
        assert_true(hex_decode(pairs[i][0], 64, secret, sizeof(secret)));
        assert_true(hex_decode(pairs[i][1], 64, want, sizeof(want)));
        box_key_from_secret(secret, &key);
        assert_memory_equal(key.public, want, sizeof(want));
        assert_memory_equal(key.secret, secret, sizeof(secret));
    }
}

/* All that one root gives, as 32-byte strings that must differ from each other. */
#define DERIVED 10

static void derive_all(const uint8_t root[ROOT_BYTES], const struct id *bounty,
                       uint8_t ret[DERIVED][32])
{
    struct sign_key identity, toward;
    struct box_key receive, toward_receive;
    keys_identity(root, &identity);
    keys_receive(root, &receive);
    keys_backup(root, ret[0]);
    keys_bounty(root, bounty, &toward, &toward_receive);
    memcpy(ret[1], identity.secret, 32);
    memcpy(ret[2], identity.public, 32);
    memcpy(ret[3], receive.secret, 32);
    memcpy(ret[4], receive.public, 32);
    memcpy(ret[5], toward.secret, 32);
    memcpy(ret[6], toward.public, 32);
    memcpy(ret[7], toward_receive.secret, 32);
    memcpy(ret[8], toward_receive.public, 32);
    memcpy(ret[9], root, 32);
}

static void all_keys_differ(void **state)
{
    (void)state;
    uint8_t root[ROOT_BYTES];
    struct id bounty;
    uint8_t keys[DERIVED][32];
    random_bytes(root, sizeof(root));
    random_bytes(&bounty, sizeof(bounty));
    derive_all(root, &bounty, keys);
    for (size_t i = 0; i < DERIVED; i++) {
        for (size_t j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], 32);
    }
}

/* Two bounties see unrelated keys; the keys that belong to no bounty stay. */
static void bounties_do_not_link(void **state)
{
    (void)state;
    uint8_t root[ROOT_BYTES];
    struct id bounty;
    uint8_t before[DERIVED][32], after[DERIVED][32];
    random_bytes(root, sizeof(root));
    random_bytes(&bounty, sizeof(bounty));
    derive_all(root, &bounty, before);
    for (size_t bit = 0; bit < 8 * sizeof(bounty.bytes); bit++) {
        bounty.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        derive_all(root, &bounty, after);
        bounty.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        for (size_t i = 0; i < DERIVED; i++)
            assert_int_equal(memcmp(before[i], after[i], 32) == 0, i < 5 || i == 9);
    }
}

static void account_follows_the_identity(void **state)
{
    (void)state;
    uint8_t public[SIGN_PUBLIC_BYTES];
    random_bytes(public, sizeof(public));
    const struct id one = account_id(public);
    char text[ID_TEXT_SIZE];
    struct id parsed;
    id_text(&one, text);
    assert_true(id_parse(text, &parsed));
    assert_int_equal(text[14], '8'); /* derived from a hash: version 8 */
    public[31] ^= 1;
    const struct id two = account_id(public);
    assert_false(id_equal(&one, &two));
}

static void wipe_leaves_nothing(void **state)
{
    (void)state;
    uint8_t root[ROOT_BYTES];
    struct box_key key;
    const struct box_key zero = { { 0 }, { 0 } };
    random_bytes(root, sizeof(root));
    keys_receive(root, &key);
    assert_memory_not_equal(&key, &zero, sizeof(key));
    box_key_wipe(&key);
    assert_memory_equal(&key, &zero, sizeof(key));
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_reproduced),
        cmocka_unit_test(x25519_public_keys),
        cmocka_unit_test(all_keys_differ),
        cmocka_unit_test(bounties_do_not_link),
        cmocka_unit_test(account_follows_the_identity),
        cmocka_unit_test(wipe_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
