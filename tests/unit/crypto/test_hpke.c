/* RFC 9180 appendix A.2.1, and that nothing opens but what was sealed for this recipient and
 * context. */
#include "server/crypto/hash.h"
#include "server/crypto/hpke.h"
#include "tests/lib/vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define CT_MAX 256

static void load_box(const json_t *v, const char *secret, const char *public, struct box_key *ret)
{
    uint8_t bytes[BOX_SECRET_BYTES];
    uint8_t want[BOX_PUBLIC_BYTES];
    vectors_bytes(v, secret, bytes, sizeof(bytes));
    vectors_bytes(v, public, want, sizeof(want));
    box_key_from_secret(bytes, ret);
    assert_memory_equal(ret->public, want, sizeof(want));
}

static void rfc9180_vector(void **state)
{
    (void)state;
    json_t *v = vectors_load("tests/data/hpke/rfc9180-a2.json");
    struct box_key ephemeral, recipient;
    size_t info_len, aad_len, len, ct_len;
    uint8_t *info = vectors_alloc(v, "info", &info_len);
    uint8_t *aad = vectors_alloc(v, "aad", &aad_len);
    uint8_t *plain = vectors_alloc(v, "pt", &len);
    uint8_t *ct = vectors_alloc(v, "ct", &ct_len);
    uint8_t want_enc[HPKE_ENC_BYTES], enc[HPKE_ENC_BYTES], got[CT_MAX];
    load_box(v, "skEm", "pkEm", &ephemeral);
    load_box(v, "skRm", "pkRm", &recipient);
    vectors_bytes(v, "enc", want_enc, sizeof(want_enc));
    assert_int_equal(ct_len, len + HPKE_TAG_BYTES);
    assert_int_equal(hpke_seal_with(&ephemeral, recipient.public, info, info_len, aad, aad_len,
                                    plain, len, enc, got),
                     OK);
    assert_memory_equal(enc, want_enc, sizeof(enc));
    assert_memory_equal(got, ct, ct_len);
    assert_int_equal(hpke_open(&recipient, want_enc, info, info_len, aad, aad_len, ct, ct_len, got),
                     OK);
    assert_memory_equal(got, plain, len);
    free(info);
    free(aad);
    free(plain);
    free(ct);
    json_decref(v);
}

/* One sealed message and all that is needed to open it. */
struct sealed {
    struct box_key recipient;
    uint8_t info[20];
    uint8_t aad[10];
    uint8_t plain[32];
    uint8_t enc[HPKE_ENC_BYTES];
    uint8_t ct[32 + HPKE_TAG_BYTES];
};

static void make(struct sealed *s)
{
    uint8_t secret[BOX_SECRET_BYTES];
    random_bytes(secret, sizeof(secret));
    random_bytes(s->info, sizeof(s->info));
    random_bytes(s->aad, sizeof(s->aad));
    random_bytes(s->plain, sizeof(s->plain));
    box_key_from_secret(secret, &s->recipient);
    assert_int_equal(hpke_seal(s->recipient.public, s->info, sizeof(s->info), s->aad,
                               sizeof(s->aad), s->plain, sizeof(s->plain), s->enc, s->ct),
                     OK);
}

/* Opens s with its ciphertext cut to ct_len; on failure the output must be zero. */
static enum err try_open(const struct sealed *s, size_t ct_len)
{
    uint8_t out[32];
    const uint8_t zero[32] = { 0 };
    memset(out, 0xaa, sizeof(out));
    enum err e = hpke_open(&s->recipient, s->enc, s->info, sizeof(s->info), s->aad, sizeof(s->aad),
                           s->ct, ct_len, out);
    if (e == OK)
        assert_memory_equal(out, s->plain, sizeof(out));
    else if (ct_len == sizeof(s->ct))
        assert_memory_equal(out, zero, sizeof(out));
    return e;
}

static void round_trip_sizes(void **state)
{
    (void)state;
    uint8_t secret[BOX_SECRET_BYTES], plain[CT_MAX], ct[CT_MAX + HPKE_TAG_BYTES], out[CT_MAX];
    uint8_t enc[HPKE_ENC_BYTES];
    struct box_key recipient;
    random_bytes(secret, sizeof(secret));
    random_bytes(plain, sizeof(plain));
    box_key_from_secret(secret, &recipient);
    for (size_t len = 0; len <= CT_MAX; len += 16) {
        assert_int_equal(hpke_seal(recipient.public, plain, len, NULL, 0, plain, len, enc, ct), OK);
        assert_int_equal(
            hpke_open(&recipient, enc, plain, len, NULL, 0, ct, len + HPKE_TAG_BYTES, out), OK);
        assert_memory_equal(out, plain, len);
    }
}

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct sealed s;
    make(&s);
    assert_int_equal(try_open(&s, sizeof(s.ct)), OK);
    struct {
        uint8_t *at;
        size_t len;
    } const fields[] = { { s.enc, sizeof(s.enc) },
                         { s.ct, sizeof(s.ct) },
                         { s.info, sizeof(s.info) },
                         { s.aad, sizeof(s.aad) } };
    for (size_t f = 0; f < COUNT(fields); f++) {
        for (size_t bit = 0; bit < 8 * fields[f].len; bit++) {
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(try_open(&s, sizeof(s.ct)), ERR_CRYPTO);
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    for (size_t len = 0; len < sizeof(s.ct); len++)
        assert_int_equal(try_open(&s, len), ERR_CRYPTO);
    assert_int_equal(try_open(&s, sizeof(s.ct)), OK);
}

static void refuses_another_recipient(void **state)
{
    (void)state;
    struct sealed s, other;
    make(&s);
    make(&other);
    s.recipient = other.recipient;
    assert_int_equal(try_open(&s, sizeof(s.ct)), ERR_CRYPTO);
}

/* RFC 7748 section 6.1 and RFC 9180 7.1.4: points whose Diffie-Hellman result is always zero. */
static void refuses_low_order_points(void **state)
{
    (void)state;
    static const uint8_t points[][32] = {
        { 0 },
        { 1 },
        { 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
          0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
          0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
        { 0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1,
          0x55, 0x9c, 0x83, 0xef, 0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c,
          0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f, 0x11, 0x57 },
    };
    for (size_t i = 0; i < COUNT(points); i++) {
        struct sealed s;
        uint8_t enc[HPKE_ENC_BYTES], ct[sizeof(s.ct)], before[sizeof(s.ct)];
        make(&s);
        memset(ct, 0x5a, sizeof(ct));
        memset(before, 0x5a, sizeof(before));
        memset(enc, 0x5a, sizeof(enc));
        assert_int_equal(hpke_seal(points[i], NULL, 0, NULL, 0, s.plain, sizeof(s.plain), enc, ct),
                         ERR_CRYPTO);
        assert_memory_equal(ct, before, sizeof(ct));
        assert_memory_equal(enc, before, sizeof(enc));
        memcpy(s.enc, points[i], sizeof(s.enc));
        assert_int_equal(try_open(&s, sizeof(s.ct)), ERR_CRYPTO);
    }
}

static void ephemeral_keys_are_fresh(void **state)
{
    (void)state;
    struct sealed s;
    uint8_t enc[HPKE_ENC_BYTES], ct[sizeof(s.ct)];
    make(&s);
    assert_int_equal(hpke_seal(s.recipient.public, s.info, sizeof(s.info), s.aad, sizeof(s.aad),
                               s.plain, sizeof(s.plain), enc, ct),
                     OK);
    assert_memory_not_equal(enc, s.enc, sizeof(enc));
    assert_memory_not_equal(ct, s.ct, sizeof(ct));
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc9180_vector),
        cmocka_unit_test(round_trip_sizes),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_another_recipient),
        cmocka_unit_test(refuses_low_order_points),
        cmocka_unit_test(ephemeral_keys_are_fresh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
