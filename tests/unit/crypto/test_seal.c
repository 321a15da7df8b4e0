/* The chunked stream: what the vault builds on. libsodium itself is called here once, to make the
 * tags that server/crypto/seal.h cannot make. */
#include "server/crypto/hash.h"
#include "server/crypto/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <sodium.h>

#define LEN 100
#define SEALED (LEN + SEAL_OVERHEAD)
#define CHUNKS 4

struct stream {
    uint8_t key[SEAL_KEY_BYTES];
    uint8_t header[SEAL_HEADER_BYTES];
    uint8_t plain[CHUNKS][LEN];
    uint8_t sealed[CHUNKS][SEALED];
};

static void make(struct stream *s)
{
    struct seal seal;
    random_bytes(s->key, sizeof(s->key));
    random_bytes(s->plain, sizeof(s->plain));
    seal_begin(&seal, s->key, s->header);
    for (size_t i = 0; i < CHUNKS; i++)
        seal_push(&seal, s->plain[i], LEN, "aad", 3, i + 1 == CHUNKS, s->sealed[i]);
    seal_wipe(&seal);
}

static void reads_what_was_written(void **state)
{
    (void)state;
    struct stream s;
    struct seal seal;
    uint8_t out[LEN];
    make(&s);
    seal_resume(&seal, s.key, s.header);
    for (size_t i = 0; i < CHUNKS; i++) {
        assert_int_equal(seal_pull(&seal, s.sealed[i], SEALED, "aad", 3, i + 1 == CHUNKS, out), OK);
        assert_memory_equal(out, s.plain[i], LEN);
    }
}

/* A stream resumed at the header that another drew writes the same bytes: the fixed header of the
 * test vectors is therefore the ordinary format. */
static void resume_writes_the_same(void **state)
{
    (void)state;
    struct stream s;
    struct seal seal;
    uint8_t sealed[SEALED];
    make(&s);
    seal_resume(&seal, s.key, s.header);
    for (size_t i = 0; i < CHUNKS; i++) {
        seal_push(&seal, s.plain[i], LEN, "aad", 3, i + 1 == CHUNKS, sealed);
        assert_memory_equal(sealed, s.sealed[i], SEALED);
    }
}

static void headers_are_fresh(void **state)
{
    (void)state;
    struct stream a, b;
    make(&a);
    make(&b);
    assert_memory_not_equal(a.header, b.header, sizeof(a.header));
}

/* Pulls chunk number at of s as the first chunk of a fresh stream; the output must be wiped on
 * failure. */
static enum err pull_first(const struct stream *s, const uint8_t *chunk, size_t len,
                           const char *aad, bool final)
{
    struct seal seal;
    uint8_t out[LEN];
    const uint8_t zero[LEN] = { 0 };
    memset(out, 0xaa, sizeof(out));
    seal_resume(&seal, s->key, s->header);
    enum err e = seal_pull(&seal, chunk, len, aad, strlen(aad), final, out);
    if (e != OK && len >= SEAL_OVERHEAD)
        assert_memory_equal(out, zero, len - SEAL_OVERHEAD);
    return e;
}

static void refuses_what_was_not_written(void **state)
{
    (void)state;
    struct stream s;
    make(&s);
    assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", false), OK);
    assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", true), ERR_CRYPTO);
    assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aaD", false), ERR_CRYPTO);
    assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "", false), ERR_CRYPTO);
    assert_int_equal(pull_first(&s, s.sealed[1], SEALED, "aad", false), ERR_CRYPTO);
    for (size_t len = 0; len < SEALED; len++)
        assert_int_equal(pull_first(&s, s.sealed[0], len, "aad", false), ERR_CRYPTO);
    for (size_t bit = 0; bit < 8 * SEALED; bit++) {
        s.sealed[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", false), ERR_CRYPTO);
        s.sealed[0][bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    s.key[0] ^= 1;
    assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", false), ERR_CRYPTO);
    s.key[0] ^= 1;
    for (size_t i = 0; i < sizeof(s.header); i++) {
        s.header[i] ^= 1;
        assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", false), ERR_CRYPTO);
        s.header[i] ^= 1;
    }
}

/* A missing last chunk cannot be noticed by those before it; so the reader says which is last. */
static void refuses_a_cut_or_reordered_stream(void **state)
{
    (void)state;
    struct stream s;
    struct seal seal;
    uint8_t out[LEN];
    make(&s);
    seal_resume(&seal, s.key, s.header);
    assert_int_equal(seal_pull(&seal, s.sealed[0], SEALED, "aad", 3, false, out), OK);
    assert_int_equal(seal_pull(&seal, s.sealed[1], SEALED, "aad", 3, true, out), ERR_CRYPTO);
    seal_resume(&seal, s.key, s.header);
    assert_int_equal(seal_pull(&seal, s.sealed[0], SEALED, "aad", 3, false, out), OK);
    assert_int_equal(seal_pull(&seal, s.sealed[0], SEALED, "aad", 3, false, out), ERR_CRYPTO);
    seal_resume(&seal, s.key, s.header);
    assert_int_equal(seal_pull(&seal, s.sealed[0], SEALED, "aad", 3, false, out), OK);
    assert_int_equal(seal_pull(&seal, s.sealed[2], SEALED, "aad", 3, false, out), ERR_CRYPTO);
}

static void refuses_the_other_tags(void **state)
{
    (void)state;
    const uint8_t tags[] = { crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
                             crypto_secretstream_xchacha20poly1305_TAG_PUSH,
                             crypto_secretstream_xchacha20poly1305_TAG_REKEY,
                             crypto_secretstream_xchacha20poly1305_TAG_FINAL };
    for (size_t i = 0; i < COUNT(tags); i++) {
        struct stream s;
        crypto_secretstream_xchacha20poly1305_state raw;
        make(&s);
        assert_int_equal(crypto_secretstream_xchacha20poly1305_init_push(&raw, s.header, s.key), 0);
        assert_int_equal(
            crypto_secretstream_xchacha20poly1305_push(&raw, s.sealed[0], NULL, s.plain[0], LEN,
                                                       (const unsigned char *)"aad", 3, tags[i]),
            0);
        assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", false) == OK, i == 0);
        assert_int_equal(pull_first(&s, s.sealed[0], SEALED, "aad", true) == OK, i == 3);
    }
}

static void wipe_leaves_nothing(void **state)
{
    (void)state;
    struct stream s;
    struct seal seal = { .state = { 0 } };
    const struct seal zero = { .state = { 0 } };
    make(&s);
    seal_resume(&seal, s.key, s.header);
    assert_memory_not_equal(&seal, &zero, sizeof(seal));
    seal_wipe(&seal);
    assert_memory_equal(&seal, &zero, sizeof(seal));
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(resume_writes_the_same),
        cmocka_unit_test(headers_are_fresh),
        cmocka_unit_test(refuses_what_was_not_written),
        cmocka_unit_test(refuses_a_cut_or_reordered_stream),
        cmocka_unit_test(refuses_the_other_tags),
        cmocka_unit_test(wipe_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
