/* Certificates: exactly a quorum of distinct validators signed just this (S1-5), and nothing else
 * is taken for one. */
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEAD_BYTES (1 + 4 + 1 + 8 + 32 + 2 + 16)

static struct sample s;

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_cert c;
    size_t used = 0;
    if (wire_cert_parse(bytes, len, &c, &used) != OK || used != len)
        return REFUSED;
    assert_int_equal(wire_cert_print(&c, ret), OK);
    return wire_cert_verify(arg, &c) == OK ? VERIFIED : PARSED;
}

static void test_bytes(void **state)
{
    (void)state;
    static struct sample many;
    sample_init(&many, 100, CHAIN_TX, 7);
    struct core_id id = sample_id(5);
    struct wire_cert c = sample_cert_by(&many, CORE_N, 0x0a0b, &id, 99, 10);
    struct buf b;
    buf_init(&b, WIRE_FRAME_MAX);
    assert_int_equal(wire_cert_print(&c, &b), OK);
    assert_int_equal(b.len, HEAD_BYTES + 10 * SIGN_BYTES);
    const uint8_t head[] = { 2, 0, 0, 0, 7, 1, 0, 0, 0, 0, 0, 0, 0x0a, 0x0b };
    assert_memory_equal(b.data, head, sizeof(head));
    assert_memory_equal(b.data + 14, id.bytes, 32);
    /* Signers 0..8 and 99: bit i of the bitmap, from the least significant of its first byte. */
    const uint8_t tail[] = { 0, 10, 0xff, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x08, 0, 0, 0 };
    assert_memory_equal(b.data + 46, tail, sizeof(tail));
    struct wire_vote v = sample_vote(&many, 99, CORE_N, 0x0a0b, &id);
    assert_memory_equal(b.data + HEAD_BYTES + 9 * SIGN_BYTES, v.signature, SIGN_BYTES);
    /* Read from the front: what follows is left alone. */
    struct wire_cert back;
    size_t used = 0;
    assert_int_equal(buf_add(&b, "rest", 4), OK);
    assert_int_equal(wire_cert_parse(b.data, b.len, &back, &used), OK);
    assert_int_equal(used, b.len - 4);
    assert_memory_equal(&back, &c, sizeof(c));
    buf_release(&b);
}

static void test_strict(void **state)
{
    (void)state;
    static const uint16_t cases[][2] = {
        { 1, CORE_N }, { 4, CORE_N }, { 4, CORE_S }, { 4, CORE_F }, { 7, CORE_F },
    };
    static struct sample some;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct core_id id = sample_id(6);
        sample_init(&some, cases[i][0], CHAIN_TX, 1);
        struct wire_cert c = sample_cert(&some, (uint8_t)cases[i][1], 9, &id);
        struct buf b;
        buf_init(&b, WIRE_FRAME_MAX);
        assert_int_equal(wire_cert_print(&c, &b), OK);
        assert_int_equal(sample_faults(judge, &some.scope, b.data, b.len, VERIFIED, PARSED), 0);
        buf_release(&b);
    }
}

/* S1-5: q = 2n/3+1 of them, no fewer and no more, for every size of federation. */
static void test_quorum(void **state)
{
    (void)state;
    static struct sample some;
    static const uint16_t quorums[][2] = { { 1, 1 },   { 4, 3 },   { 5, 4 },   { 6, 5 },
                                           { 7, 5 },   { 8, 6 },   { 10, 7 },  { 13, 9 },
                                           { 31, 21 }, { 64, 43 }, { 100, 67 } };
    for (size_t i = 0; i < COUNT(quorums); i++) {
        struct core_id id = sample_id(i);
        uint16_t n = quorums[i][0], q = quorums[i][1];
        sample_init(&some, n, CHAIN_TX, 1);
        for (uint16_t first = 0; first < n; first = (uint16_t)(first + 1 + n / 3)) {
            struct wire_cert c = sample_cert_by(&some, CORE_N, 3, &id, first, q);
            assert_int_equal(wire_cert_verify(&some.scope, &c), OK);
            if (q > 1) {
                c = sample_cert_by(&some, CORE_N, 3, &id, first, (uint16_t)(q - 1));
                assert_int_equal(wire_cert_verify(&some.scope, &c), ERR_CRYPTO);
            }
            if (q < n) {
                c = sample_cert_by(&some, CORE_N, 3, &id, first, (uint16_t)(q + 1));
                assert_int_equal(wire_cert_verify(&some.scope, &c), ERR_CRYPTO);
            }
        }
    }
}

/* Signer 1 twice, so that there are q signatures of 2f members: under one bit, or under the bit of
 * someone who did not sign. */
static void test_duplicate_signer(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct buf b;
    size_t used = 0;
    struct wire_cert back;
    struct wire_cert c = sample_cert_by(&s, CORE_F, 3, &id, 0, 2);
    sample_sign(&s, &c, 1);
    assert_int_equal(c.n_signers, 3);
    assert_int_equal(wire_cert_verify(&s.scope, &c), ERR_CRYPTO);
    buf_init(&b, WIRE_FRAME_MAX);
    assert_int_equal(wire_cert_print(&c, &b), ERR_SYNTAX);
    struct wire_cert good = sample_cert_by(&s, CORE_F, 3, &id, 0, 3);
    assert_int_equal(wire_cert_print(&good, &b), OK);
    b.data[48] = 0x03; /* three signatures, two bits */
    assert_int_equal(wire_cert_parse(b.data, b.len, &back, &used), ERR_SYNTAX);
    b.data[48] = 0x07;
    memcpy(b.data + HEAD_BYTES + 2 * SIGN_BYTES, b.data + HEAD_BYTES + SIGN_BYTES, SIGN_BYTES);
    assert_int_equal(wire_cert_parse(b.data, b.len, &back, &used), OK);
    assert_int_equal(wire_cert_verify(&s.scope, &back), ERR_CRYPTO);
    buf_release(&b);
}

/* A validator of a larger federation signed; here its index is no validator, even if a key is in
 * the table behind the last. */
static void test_bit_beyond(void **state)
{
    (void)state;
    static struct sample five;
    struct core_id id = sample_id(5);
    sample_init(&five, 5, CHAIN_ACCOUNT, 3);
    struct wire_cert c = sample_cert_by(&five, CORE_F, 3, &id, 2, 3);
    five.scope.n = 4;
    assert_int_equal(core_quorum(4), c.n_signers);
    assert_int_equal(wire_cert_verify(&five.scope, &c), ERR_CRYPTO);
    c = sample_cert_by(&five, CORE_F, 3, &id, 1, 3);
    assert_int_equal(wire_cert_verify(&five.scope, &c), OK);

    /* Bits 100..127 belong to nobody, ever. */
    struct buf b;
    buf_init(&b, WIRE_FRAME_MAX);
    assert_int_equal(wire_cert_print(&c, &b), OK);
    for (unsigned bit = CORE_MEMBERS_MAX; bit < 128; bit++) {
        struct wire_cert back;
        size_t used = 0;
        struct wire_cert beyond = c;
        beyond.signers.bits[0] &= ~UINT64_C(2);
        beyond.signers.bits[1] |= UINT64_C(1) << (bit - 64);
        assert_int_equal(wire_cert_verify(&five.scope, &beyond), ERR_CRYPTO);
        assert_int_equal(wire_cert_print(&beyond, &b), ERR_SYNTAX);
        b.data[48] = 0x0c;
        b.data[48 + bit / 8] = (uint8_t)(1u << (bit % 8));
        assert_int_equal(wire_cert_parse(b.data, b.len, &back, &used), ERR_SYNTAX);
        b.data[48 + bit / 8] = 0;
    }
    buf_release(&b);
}

static void test_malleable(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_cert c = sample_cert_by(&s, CORE_N, 3, &id, 0, 3);
    for (unsigned i = 0; i < c.n_signers; i++) {
        struct wire_cert other = c;
        sample_malleate(other.signature[i]);
        assert_int_equal(wire_cert_verify(&s.scope, &other), ERR_CRYPTO);
    }
    /* The right signatures under the wrong bits. */
    struct wire_cert swapped = c;
    memcpy(swapped.signature[0], c.signature[1], SIGN_BYTES);
    memcpy(swapped.signature[1], c.signature[0], SIGN_BYTES);
    assert_int_equal(wire_cert_verify(&s.scope, &swapped), ERR_CRYPTO);
    swapped = c;
    swapped.signers.bits[0] = 0x0d;
    assert_int_equal(wire_cert_verify(&s.scope, &swapped), ERR_CRYPTO);
}

/* Members sign for a genesis, a chain, an epoch; a certificate of another one is none here, whether
 * its label was left or changed. */
static void test_scope(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_cert c = sample_cert(&s, CORE_F, 3, &id);
    assert_int_equal(wire_cert_verify(&s.scope, &c), OK);
    struct wire_scope other = s.scope;
    other.genesis[0] ^= 0x80;
    assert_int_equal(wire_cert_verify(&other, &c), ERR_CRYPTO);

    other = s.scope, other.epoch = 4;
    assert_int_equal(wire_cert_verify(&other, &c), ERR_CRYPTO);
    struct wire_cert relabelled = c;
    relabelled.epoch = 4;
    assert_int_equal(wire_cert_verify(&other, &relabelled), ERR_CRYPTO);
    assert_int_equal(wire_cert_verify(&s.scope, &relabelled), ERR_CRYPTO);

    other = s.scope, other.chain = CHAIN_TX;
    assert_int_equal(wire_cert_verify(&other, &c), ERR_CRYPTO);
    relabelled = c, relabelled.chain = CHAIN_TX;
    assert_int_equal(wire_cert_verify(&other, &relabelled), ERR_CRYPTO);
    assert_int_equal(wire_cert_verify(&s.scope, &relabelled), ERR_CRYPTO);

    relabelled = c, relabelled.kind = CORE_N;
    assert_int_equal(wire_cert_verify(&s.scope, &relabelled), ERR_CRYPTO);
    relabelled = c, relabelled.view = 4;
    assert_int_equal(wire_cert_verify(&s.scope, &relabelled), ERR_CRYPTO);
    relabelled = c, relabelled.id = sample_id(6);
    assert_int_equal(wire_cert_verify(&s.scope, &relabelled), ERR_CRYPTO);
}

/* What no certificate can be. */
static void test_values(void **state)
{
    (void)state;
    static const struct core_id zero;
    struct core_id id = sample_id(5);
    struct wire_cert good = sample_cert(&s, CORE_N, 3, &id);
    struct wire_cert bad[8];
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = good;
    bad[0].kind = 0;
    bad[1].kind = 4;
    bad[2].view = 0;
    bad[3].epoch = 0;
    bad[4].chain = (enum chain)3;
    bad[5].kind = CORE_S;
    bad[6].id = zero;
    bad[7].n_signers = 0, bad[7].signers = (struct core_members){ { 0, 0 } };
    struct buf b;
    buf_init(&b, WIRE_FRAME_MAX);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(wire_cert_print(&bad[i], &b), ERR_SYNTAX);
        assert_int_equal(wire_cert_verify(&s.scope, &bad[i]), ERR_CRYPTO);
    }
    assert_int_equal(b.len, 0);
    assert_int_equal(wire_cert_print(&good, &b), OK);
    size_t used = 99;
    struct wire_cert back;
    memset(b.data + 46, 0, 18); /* no signers, no bits */
    assert_int_equal(wire_cert_parse(b.data, HEAD_BYTES, &back, &used), ERR_SYNTAX);
    b.data[46] = 0xff; /* more signers than the bitmap can name */
    assert_int_equal(wire_cert_parse(b.data, b.len, &back, &used), ERR_SYNTAX);
    assert_int_equal(used, 99);
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),      cmocka_unit_test(test_strict),
        cmocka_unit_test(test_quorum),     cmocka_unit_test(test_duplicate_signer),
        cmocka_unit_test(test_bit_beyond), cmocka_unit_test(test_malleable),
        cmocka_unit_test(test_scope),      cmocka_unit_test(test_values),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_ACCOUNT, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
