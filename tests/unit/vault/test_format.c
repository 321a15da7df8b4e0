/* The vault format: reproducible vectors, round trips, and that an envelope opens in exactly one
 * spelling for exactly one key, owner, record and version. */
#include "tests/lib/prop.h"
#include "tests/lib/vault_vectors.h"
#include "tests/lib/vectors.h"
#include "tests/unit/vault/sample.h"

#define SEALED_CHUNK (VAULT_CHUNK_BYTES + VAULT_CHUNK_OVERHEAD)
#define SUITE_AT 7
#define VERSION_AT 24
#define COMMITMENT_AT VAULT_AAD_BYTES

/* ---- vectors ---- */

static void vectors_are_reproduced(void **state)
{
    (void)state;
    json_t *file = vectors_load("tests/data/vault/envelopes.json");
    json_t *made = vault_vectors_envelopes();
    assert_int_equal(json_array_size(json_object_get(file, "vectors")), 10);
    assert_true(json_equal(file, made));
    json_decref(file);
    json_decref(made);
}

/* The wraps and whole envelopes of the file open by the ordinary way, which knows of no fixed
 * header. */
static void vectors_open(void **state)
{
    (void)state;
    json_t *file = vectors_load("tests/data/vault/envelopes.json");
    size_t i, whole = 0;
    json_t *v;
    json_array_foreach(json_object_get(file, "vectors"), i, v)
    {
        struct sample s = { .len = (size_t)vectors_int(v, "content_size") };
        struct box_key recipient;
        uint8_t secret[BOX_SECRET_BYTES], context[HASH_BYTES], wrap[WRAP_BYTES];
        const json_t *w = json_object_get(v, "wrap");
        vectors_bytes(w, "recipient_secret", secret, sizeof(secret));
        vectors_bytes(w, "context_hash", context, sizeof(context));
        vectors_bytes(w, "wrap", wrap, sizeof(wrap));
        box_key_from_secret(secret, &recipient);
        assert_int_equal(vault_unwrap(&recipient, context, wrap, s.dek), OK);
        if (json_object_get(v, "envelope") == NULL)
            continue;
        size_t len;
        uint8_t *envelope = vectors_alloc(v, "envelope", &len);
        assert_true(id_parse(vectors_text(v, "record"), &s.subject.record));
        s.subject.version = (uint32_t)vectors_int(v, "version");
        vault_schema_hash(vectors_text(v, "schema"), s.subject.schema_hash);
        vectors_bytes(v, "owner", s.subject.owner, sizeof(s.subject.owner));
        s.content = malloc(s.len + 1);
        assert_non_null(s.content);
        vectors_pattern(s.content, s.len);
        assert_int_equal(open_bytes(&s, envelope, len), OK);
        whole++;
        free(envelope);
        free(s.content);
    }
    assert_int_equal(whole, 6);
    json_decref(file);
}

/* ---- lengths ---- */

static void padme_lengths(void **state)
{
    (void)state;
    static const uint64_t known[][2] = { { 0, 0 },         { 1, 1 },        { 2, 2 },
                                         { 8, 8 },         { 9, 10 },       { 11, 12 },
                                         { 256, 256 },     { 257, 272 },    { 1000, 1024 },
                                         { 65536, 65536 }, { 65537, 67584 } };
    for (size_t i = 0; i < COUNT(known); i++)
        assert_int_equal(vault_padded(known[i][0]), known[i][1]);
    uint64_t last = 0;
    for (uint64_t len = 1; len < 200000; len++) {
        uint64_t padded = vault_padded(len);
        assert_true(padded >= len && padded >= last);
        assert_true((padded - len) * 100 <= len * 12);
        assert_int_equal(vault_padded(padded), padded);
        last = padded;
    }
    for (unsigned bit = 20; bit <= 61; bit++) {
        uint64_t len = (UINT64_C(1) << bit) + 1;
        uint64_t padded = vault_padded(len);
        assert_true(padded >= len && (padded - len) * 100 <= len * 12);
        assert_int_equal(vault_padded(padded), padded);
    }
}

static void round_trips(void **state)
{
    (void)state;
    static const size_t edges[] = { 0,
                                    1,
                                    247,
                                    248,
                                    249,
                                    255,
                                    256,
                                    65527,
                                    65528,
                                    65529,
                                    65535,
                                    65536,
                                    65537,
                                    131063,
                                    131064,
                                    131072,
                                    200000,
                                    VAULT_CONTENT_MAX - 1,
                                    VAULT_CONTENT_MAX };
    struct prop random = { .state = 2026 };
    for (size_t i = 0; i < COUNT(edges) + 60; i++) {
        struct sample s;
        size_t len = i < COUNT(edges) ? edges[i] : (size_t)prop_edge(&random, 0, 300000);
        sample_seal(&s, len);
        assert_int_equal(open_sample(&s), OK);
        assert_int_equal(s.manifest.size, s.envelope.len);
        assert_true(s.envelope.len <= VAULT_ENVELOPE_MAX);
        sample_release(&s);
    }
}

/* Contents of nearby lengths give envelopes of one length. */
static void length_is_hidden(void **state)
{
    (void)state;
    struct sample a, b;
    sample_seal(&a, 0);
    sample_seal(&b, 248);
    assert_int_equal(a.envelope.len, b.envelope.len);
    sample_release(&b);
    sample_seal(&b, 249);
    assert_int_not_equal(a.envelope.len, b.envelope.len);
    sample_release(&a);
    sample_release(&b);
}

static void limits_are_kept(void **state)
{
    (void)state;
    struct sample s;
    struct buf out;
    struct vault_manifest manifest = { .size = -1 };
    sample_seal(&s, 1000);
    uint8_t *large = calloc(1, VAULT_CONTENT_MAX + 1);
    assert_non_null(large);
    buf_init(&out, VAULT_ENVELOPE_MAX);
    assert_int_equal(
        vault_seal(&s.subject, s.dek, large, VAULT_CONTENT_MAX + 1, NULL, &out, &manifest),
        ERR_LIMIT);
    free(large);
    s.subject.version = 0;
    assert_int_equal(vault_seal(&s.subject, s.dek, "", 0, NULL, &out, &manifest), ERR_FIELD_RANGE);
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    s.subject.version = 1;
    buf_init(&out, 420); /* the smallest envelope has 421 bytes */
    assert_int_equal(vault_seal(&s.subject, s.dek, "", 0, NULL, &out, &manifest), ERR_LIMIT);
    assert_int_equal(out.len, 0);
    assert_int_equal(manifest.size, -1);
    sample_release(&s);

    sample_seal(&s, 1000);
    buf_init(&out, 999);
    assert_int_equal(vault_open(&s.subject, s.dek, s.envelope.data, s.envelope.len, &out),
                     ERR_LIMIT);
    assert_int_equal(out.len, 0);
    buf_init(&out, 1000);
    assert_int_equal(vault_open(&s.subject, s.dek, s.envelope.data, s.envelope.len, &out), OK);
    buf_release_secret(&out);
    sample_release(&s);
}

/* ---- what must be refused ---- */

static void refuses_every_flipped_bit(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 100);
    for (size_t bit = 0; bit < 8 * s.envelope.len; bit++) {
        s.envelope.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(open_sample(&s), ERR_CRYPTO);
        s.envelope.data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(open_sample(&s), OK);
    sample_release(&s);
}

/* Damage in any chunk of a long envelope: open_bytes checks that what was decrypted is wiped. */
static void refuses_damage_in_every_chunk(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 200000);
    for (size_t at = VAULT_HEAD_BYTES; at < s.envelope.len; at += 6553) {
        s.envelope.data[at] ^= 0x80;
        assert_int_equal(open_sample(&s), ERR_CRYPTO);
        s.envelope.data[at] ^= 0x80;
    }
    s.envelope.data[s.envelope.len - 1] ^= 1;
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    sample_release(&s);
}

static void refuses_other_lengths(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 100);
    for (size_t len = 0; len < s.envelope.len; len++)
        assert_int_equal(open_bytes(&s, s.envelope.data, len), ERR_CRYPTO);
    const size_t len = s.envelope.len;
    uint8_t *longer = calloc(1, len + 2 * SEALED_CHUNK);
    assert_non_null(longer);
    memcpy(longer, s.envelope.data, len);
    for (size_t more = 1; more <= 600; more++)
        assert_int_equal(open_bytes(&s, longer, len + more), ERR_CRYPTO);
    assert_int_equal(open_bytes(&s, longer, len + SEALED_CHUNK), ERR_CRYPTO);
    memcpy(longer + len, s.envelope.data + VAULT_HEAD_BYTES, len - VAULT_HEAD_BYTES);
    assert_int_equal(open_bytes(&s, longer, 2 * len - VAULT_HEAD_BYTES), ERR_CRYPTO);
    free(longer);
    sample_release(&s);

    sample_seal(&s, 200000);
    for (size_t chunks = 0; chunks <= 3; chunks++)
        for (size_t off = 0; off < 20; off++)
            assert_int_equal(
                open_bytes(&s, s.envelope.data, VAULT_HEAD_BYTES + chunks * SEALED_CHUNK + off),
                ERR_CRYPTO);
    assert_int_equal(open_sample(&s), OK);
    sample_release(&s);
}

static void refuses_exchanged_chunks(void **state)
{
    (void)state;
    struct sample s;
    uint8_t *chunk = malloc(SEALED_CHUNK);
    assert_non_null(chunk);
    sample_seal(&s, 190000);
    uint8_t *first = s.envelope.data + VAULT_HEAD_BYTES;
    uint8_t *second = first + SEALED_CHUNK;
    memcpy(chunk, first, SEALED_CHUNK);
    memcpy(first, second, SEALED_CHUNK);
    assert_int_equal(open_sample(&s), ERR_CRYPTO); /* one of them twice */
    memcpy(second, chunk, SEALED_CHUNK);
    assert_int_equal(open_sample(&s), ERR_CRYPTO); /* in the wrong order */
    memcpy(second, first, SEALED_CHUNK);
    memcpy(first, chunk, SEALED_CHUNK);
    assert_int_equal(open_sample(&s), OK);
    free(chunk);
    sample_release(&s);
}

static void refuses_another_subject_or_key(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 100);
    struct {
        uint8_t *at;
        size_t len;
    } const fields[] = { { s.subject.record.bytes, ID_BYTES },
                         { (uint8_t *)&s.subject.version, sizeof(s.subject.version) },
                         { s.subject.schema_hash, HASH_BYTES },
                         { s.subject.owner, SIGN_PUBLIC_BYTES },
                         { s.dek, DEK_BYTES } };
    for (size_t f = 0; f < COUNT(fields); f++) {
        for (size_t bit = 0; bit < 8 * fields[f].len; bit++) {
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_int_equal(open_sample(&s), ERR_CRYPTO);
            fields[f].at[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
    }
    assert_int_equal(open_sample(&s), OK);
    sample_release(&s);
}

/* The commitment is not under the AEAD, so the chunks below are true and only it can refuse. */
static void refuses_a_false_key_commitment(void **state)
{
    (void)state;
    struct sample s;
    sample_seal(&s, 100);
    s.envelope.data[COMMITMENT_AT + 31] ^= 1;
    assert_int_equal(open_sample(&s), ERR_CRYPTO);
    sample_release(&s);
}

/* ---- what a server sees ---- */

static void peek_reads_the_head(void **state)
{
    (void)state;
    struct sample s;
    struct vault_subject subject;
    uint8_t commitment[HASH_BYTES];
    sample_seal(&s, 100);
    assert_int_equal(vault_peek(s.envelope.data, s.envelope.len, &subject, commitment), OK);
    assert_memory_equal(&subject, &s.subject, sizeof(subject));
    assert_memory_equal(commitment, s.manifest.key_commitment, HASH_BYTES);
    for (size_t at = 0; at <= SUITE_AT; at++) {
        s.envelope.data[at] ^= 2;
        assert_int_equal(vault_peek(s.envelope.data, s.envelope.len, &subject, commitment),
                         ERR_SYNTAX);
        s.envelope.data[at] ^= 2;
    }
    memset(s.envelope.data + VERSION_AT, 0, 4);
    assert_int_equal(vault_peek(s.envelope.data, s.envelope.len, &subject, commitment), ERR_SYNTAX);
    sample_release(&s);
}

/* Of all lengths up to some chunks, exactly those pass that vault_seal gives for some content. */
static void peek_knows_the_lengths(void **state)
{
    (void)state;
    enum { MOST = 300000 };
    struct sample s;
    struct vault_subject subject;
    uint8_t commitment[HASH_BYTES];
    bool *possible = calloc(MOST, sizeof(*possible));
    uint8_t *envelope = calloc(1, VAULT_ENVELOPE_MAX + 1);
    assert_non_null(possible);
    assert_non_null(envelope);
    sample_seal(&s, 0);
    memcpy(envelope, s.envelope.data, VAULT_HEAD_BYTES);
    for (size_t content = 0; content < MOST; content++) {
        size_t plain = (size_t)vault_padded(content + 8);
        plain = plain < VAULT_PADDED_MIN ? VAULT_PADDED_MIN : plain;
        size_t chunks = (plain + VAULT_CHUNK_BYTES - 1) / VAULT_CHUNK_BYTES;
        size_t size = VAULT_HEAD_BYTES + plain + chunks * VAULT_CHUNK_OVERHEAD;
        if (size < MOST)
            possible[size] = true;
    }
    for (size_t len = 0; len < MOST; len++)
        assert_int_equal(vault_peek(envelope, len, &subject, commitment) == OK, possible[len]);
    /* The longest content, one Padme step more than it, and the most bytes there may be. */
    assert_int_equal(vault_peek(envelope, 8653144, &subject, commitment), OK);
    assert_int_equal(vault_peek(envelope, 8915356, &subject, commitment), ERR_SYNTAX);
    assert_int_equal(vault_peek(envelope, VAULT_ENVELOPE_MAX, &subject, commitment), ERR_SYNTAX);
    assert_int_equal(vault_peek(envelope, VAULT_ENVELOPE_MAX + 1, &subject, commitment),
                     ERR_SYNTAX);
    free(envelope);
    free(possible);
    sample_release(&s);
}

static void manifest_is_true(void **state)
{
    (void)state;
    struct sample s;
    uint8_t hash[HASH_BYTES], other[DEK_BYTES] = { 1 };
    sample_seal(&s, 70000);
    blake2b_256(s.envelope.data, s.envelope.len, NULL, 0, hash);
    assert_memory_equal(hash, s.manifest.ciphertext_hash, HASH_BYTES);
    vault_content_commitment(s.dek, s.content, s.len, hash);
    assert_memory_equal(hash, s.manifest.content_commitment, HASH_BYTES);
    vault_content_commitment(other, s.content, s.len, hash);
    assert_memory_not_equal(hash, s.manifest.content_commitment, HASH_BYTES);
    s.content[69999] ^= 1;
    vault_content_commitment(s.dek, s.content, s.len, hash);
    assert_memory_not_equal(hash, s.manifest.content_commitment, HASH_BYTES);
    sample_release(&s);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_are_reproduced),
        cmocka_unit_test(vectors_open),
        cmocka_unit_test(padme_lengths),
        cmocka_unit_test(round_trips),
        cmocka_unit_test(length_is_hidden),
        cmocka_unit_test(limits_are_kept),
        cmocka_unit_test(refuses_every_flipped_bit),
        cmocka_unit_test(refuses_damage_in_every_chunk),
        cmocka_unit_test(refuses_other_lengths),
        cmocka_unit_test(refuses_exchanged_chunks),
        cmocka_unit_test(refuses_another_subject_or_key),
        cmocka_unit_test(refuses_a_false_key_commitment),
        cmocka_unit_test(peek_reads_the_head),
        cmocka_unit_test(peek_knows_the_lengths),
        cmocka_unit_test(manifest_is_true),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
