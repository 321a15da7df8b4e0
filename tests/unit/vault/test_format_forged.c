/* Envelopes that a malicious client with the data key could build, made from the seal functions
 * underneath: every tag is true, and still they must not open. */
#include "tests/unit/vault/sample.h"

#define SEALED_CHUNK (VAULT_CHUNK_BYTES + VAULT_CHUNK_OVERHEAD)
#define SUITE_AT 7
#define RECORD_AT 8
#define VERSION_AT 24
#define COMMITMENT_AT VAULT_AAD_BYTES
#define HEADER_AT (VAULT_AAD_BYTES + HASH_BYTES)

/* Rebuilds the envelope of s around any plaintext, with a true head. final is the index of the
 * chunk that is tagged FINAL. */
static void forge(struct sample *s, const uint8_t *plain, size_t len, size_t final)
{
    struct seal stream;
    uint8_t *chunk = malloc(SEALED_CHUNK);
    assert_non_null(chunk);
    s->envelope.len = VAULT_HEAD_BYTES;
    seal_resume(&stream, s->dek, s->envelope.data + HEADER_AT);
    for (size_t at = 0, i = 0; at < len; at += VAULT_CHUNK_BYTES, i++) {
        size_t size = len - at < VAULT_CHUNK_BYTES ? len - at : VAULT_CHUNK_BYTES;
        seal_push(&stream, plain + at, size, s->envelope.data, VAULT_AAD_BYTES, i == final, chunk);
        assert_int_equal(buf_add(&s->envelope, chunk, size + VAULT_CHUNK_OVERHEAD), OK);
    }
    free(chunk);
}

/* The plaintext that vault_seal would make of s->content. */
static uint8_t *plain_of(const struct sample *s, size_t len)
{
    uint8_t *plain = calloc(1, len);
    assert_non_null(plain);
    for (size_t i = 0; i < 8; i++)
        plain[i] = (uint8_t)((uint64_t)s->len >> (56 - 8 * i));
    memcpy(plain + 8, s->content, s->len);
    return plain;
}

static void refuses_forged_padding(void **state)
{
    (void)state;
    static const struct {
        size_t len, plain, last;
    } cases[] = {
        { 100, 256, 0 }, { 65528, 65536, 0 }, { 65540, 67584, 1 }, { 140000, 143360, 2 }
    };
    for (size_t c = 0; c < COUNT(cases); c++) {
        struct sample s;
        sample_seal(&s, cases[c].len);
        uint8_t *plain = plain_of(&s, cases[c].plain);
        forge(&s, plain, cases[c].plain, cases[c].last);
        assert_int_equal(open_sample(&s), OK); /* forge can make the real thing */
        for (size_t at = 8 + s.len; at < cases[c].plain; at += 41) {
            plain[at] ^= 1;
            forge(&s, plain, cases[c].plain, cases[c].last);
            assert_int_equal(open_sample(&s), ERR_CRYPTO);
            plain[at] ^= 1;
        }
        if (8 + s.len < cases[c].plain) {
            plain[cases[c].plain - 1] ^= 1;
            forge(&s, plain, cases[c].plain, cases[c].last);
            assert_int_equal(open_sample(&s), ERR_CRYPTO);
        }
        free(plain);
        sample_release(&s);
    }
}

/* The length field says more or less than the padded length allows, or absurdly much. */
static void refuses_forged_lengths(void **state)
{
    (void)state;
    static const uint64_t lengths[] = { 263,
                                        265,
                                        1000,
                                        VAULT_CONTENT_MAX,
                                        VAULT_CONTENT_MAX + UINT64_C(1),
                                        UINT64_C(1) << 32,
                                        UINT64_C(1) << 62,
                                        UINT64_MAX - 7,
                                        UINT64_MAX };
    struct sample s;
    sample_seal(&s, 264); /* 8 + 264 = 272 = Padme(257..272) */
    uint8_t *plain = plain_of(&s, 288);
    forge(&s, plain, 272, 0);
    assert_int_equal(open_sample(&s), OK);
    for (size_t i = 1; i < COUNT(lengths); i++) { /* 263 is what the field may say too */
        for (size_t b = 0; b < 8; b++)
            plain[b] = (uint8_t)(lengths[i] >> (56 - 8 * b));
        forge(&s, plain, 272, 0);
        assert_int_equal(open_sample(&s), ERR_CRYPTO);
    }
    plain[6] = 1, plain[7] = 8; /* 264 again, but with more padding than there should be */
    memset(plain, 0, 6);
    forge(&s, plain, 288, 0);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    forge(&s, plain, 256, 0);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    free(plain);
    sample_release(&s);
}

/* FINAL belongs on the last chunk and nowhere else. */
static void refuses_forged_tags(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 140000);
    uint8_t *plain = plain_of(&s, 143360);
    for (size_t final = 0; final < 5; final++) {
        forge(&s, plain, 143360, final);
        assert_int_equal(open_sample(&s) == OK, final == 2);
    }
    free(plain);
    sample_release(&s);
}

/* Makes the commitment true for the head as it stands, and the chunks with it. */
static void reseal_head(struct sample *s, const uint8_t *plain, size_t len)
{
    static const char label[] = "cairn/kc/v1";
    struct blake2b h;
    blake2b_init(&h, s->dek, sizeof(s->dek));
    blake2b_add(&h, label, sizeof(label) - 1);
    blake2b_add(&h, s->envelope.data, VAULT_AAD_BYTES);
    blake2b_finish(&h, s->envelope.data + COMMITMENT_AT);
    forge(s, plain, len, 0);
}

static void refuses_forged_heads(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 100);
    uint8_t *plain = plain_of(&s, 256);
    reseal_head(&s, plain, 256);
    assert_int_equal(open_sample(&s), OK); /* reseal_head can make the real thing */
    s.envelope.data[SUITE_AT] = VAULT_SUITE + 1;
    reseal_head(&s, plain, 256);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    s.envelope.data[SUITE_AT] = VAULT_SUITE;
    /* The chunks belong to another record, the commitment to the expected one. */
    reseal_head(&s, plain, 256);
    s.envelope.data[RECORD_AT] ^= 1;
    forge(&s, plain, 256, 0);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    s.envelope.data[RECORD_AT] ^= 1;
    /* Version 0 does not exist, even if reader and writer agree on it. */
    s.subject.version = 0;
    memset(s.envelope.data + VERSION_AT, 0, 4);
    reseal_head(&s, plain, 256);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    free(plain);
    sample_release(&s);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_forged_padding),
        cmocka_unit_test(refuses_forged_lengths),
        cmocka_unit_test(refuses_forged_tags),
        cmocka_unit_test(refuses_forged_heads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
