/* Votes: the exact bytes, what they are signed for, and what is refused. */
#include "tests/unit/ledger/wire/sample.h"

#include "server/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct sample s;

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_vote v;
    if (wire_vote_parse(bytes, len, &v) != OK)
        return REFUSED;
    assert_int_equal(wire_vote_print(&v, ret), OK);
    return wire_vote_verify(arg, &v) ? VERIFIED : PARSED;
}

static void test_bytes(void **state)
{
    (void)state;
    struct wire_vote v = { .chain = CHAIN_TX,
                           .epoch = 0x01020304,
                           .kind = CORE_F,
                           .signer = 99,
                           .view = UINT64_C(0x1112131415161718) };
    memset(v.id.bytes, 0xaa, sizeof(v.id.bytes));
    memset(v.signature, 0xbb, sizeof(v.signature));
    struct buf b;
    char hex[HEX_SIZE(WIRE_VOTE_BYTES)];
    buf_init(&b, WIRE_VOTE_BYTES);
    assert_int_equal(wire_vote_print(&v, &b), OK);
    assert_int_equal(b.len, WIRE_VOTE_BYTES);
    hex_encode(b.data, b.len, hex);
    static const char head[] = "02"
                               "01020304"
                               "03"
                               "0063"
                               "1112131415161718";
    assert_memory_equal(hex, head, sizeof(head) - 1);
    for (size_t i = sizeof(head) - 1; i < 2 * WIRE_VOTE_BYTES; i++)
        assert_int_equal(hex[i], i < sizeof(head) - 1 + 64 ? 'a' : 'b');
    /* A buffer that is too small stays as it was. */
    assert_int_equal(wire_vote_print(&v, &b), ERR_LIMIT);
    assert_int_equal(b.len, WIRE_VOTE_BYTES);
    buf_release(&b);
}

/* The text as the header spells it, put together by hand. */
static void test_signed_text(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_vote v = sample_vote(&s, 2, CORE_N, 0x0102, &id);
    uint8_t text[13 + 32 + 1 + 4 + 1 + 8 + 32] = "ledger-vote/1";
    memcpy(text + 13, s.scope.genesis, 32);
    const uint8_t middle[] = { 1, 0, 0, 0, 3, 1, 0, 0, 0, 0, 0, 0, 1, 2 };
    memcpy(text + 45, middle, sizeof(middle));
    memcpy(text + 59, id.bytes, 32);
    assert_true(sign_verify(s.scope.vote_key[2], text, sizeof(text), v.signature));
}

static void test_strict(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    for (uint8_t kind = CORE_N; kind <= CORE_F; kind++) {
        struct wire_vote v = sample_vote(&s, 3, kind, 77, &id);
        struct buf b;
        buf_init(&b, WIRE_VOTE_BYTES);
        assert_int_equal(wire_vote_print(&v, &b), OK);
        assert_int_equal(sample_faults(judge, &s.scope, b.data, b.len, VERIFIED, PARSED), 0);
        buf_release(&b);
    }
}

/* A value that no vote can have is neither printed nor parsed nor verified, whoever signed it. */
static void refuse(struct wire_vote v, const struct wire_vote *good)
{
    struct buf b;
    buf_init(&b, WIRE_VOTE_BYTES);
    assert_int_equal(wire_vote_print(&v, &b), ERR_SYNTAX);
    assert_int_equal(b.len, 0);
    assert_int_equal(wire_vote_print(good, &b), OK);
    b.data[0] = (uint8_t)v.chain;
    for (unsigned i = 0; i < 4; i++)
        b.data[1 + i] = (uint8_t)(v.epoch >> (24 - 8 * i));
    b.data[5] = v.kind;
    b.data[6] = (uint8_t)(v.signer >> 8);
    b.data[7] = (uint8_t)v.signer;
    for (unsigned i = 0; i < 8; i++)
        b.data[8 + i] = (uint8_t)(v.view >> (56 - 8 * i));
    memcpy(b.data + 16, v.id.bytes, 32);
    struct wire_vote out = { .signer = 4242 };
    assert_int_equal(wire_vote_parse(b.data, b.len, &out), ERR_SYNTAX);
    assert_int_equal(out.signer, 4242);
    buf_release(&b);
}

static void test_values(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_vote good = sample_vote(&s, 3, CORE_N, 77, &id), v;
    static const struct core_id zero;
    static const uint8_t kinds[] = { 0, 4, 5, 255 };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        v = good;
        v.kind = kinds[i];
        refuse(v, &good);
    }
    static const uint8_t chains[] = { 0, 3, 255 };
    for (size_t i = 0; i < COUNT(chains); i++) {
        v = good;
        v.chain = (enum chain)chains[i];
        refuse(v, &good);
    }
    static const uint16_t signers[] = { 100, 127, 128, 65535 };
    for (size_t i = 0; i < COUNT(signers); i++) {
        v = good;
        v.signer = signers[i];
        refuse(v, &good);
    }
    v = good, v.view = 0;
    refuse(v, &good);
    v = good, v.epoch = 0;
    refuse(v, &good);
    v = good, v.kind = CORE_S; /* a skip names no block */
    refuse(v, &good);
    v = good, v.id = zero;
    refuse(v, &good);
    v = good, v.kind = CORE_F, v.id = zero;
    refuse(v, &good);
}

/* Another genesis, chain, epoch, signer, or an index that is no validator here. */
static void test_scope(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_vote v = sample_vote(&s, 3, CORE_N, 77, &id);
    struct wire_scope other = s.scope;
    assert_true(wire_vote_verify(&other, &v));
    other.genesis[31] ^= 1;
    assert_false(wire_vote_verify(&other, &v));
    other = s.scope, other.chain = CHAIN_TX;
    assert_false(wire_vote_verify(&other, &v));
    other = s.scope, other.epoch++;
    assert_false(wire_vote_verify(&other, &v));
    other = s.scope, other.n = 3;
    assert_false(wire_vote_verify(&other, &v));
    other = s.scope;
    memcpy(other.vote_key[3], s.scope.vote_key[2], SIGN_PUBLIC_BYTES);
    assert_false(wire_vote_verify(&other, &v));

    /* The same vote relabelled: chain and epoch are in what is signed, not only beside it. */
    other = s.scope, other.chain = CHAIN_TX;
    struct wire_vote relabelled = v;
    relabelled.chain = CHAIN_TX;
    assert_false(wire_vote_verify(&other, &relabelled));
    other = s.scope, other.epoch = 4;
    relabelled = v, relabelled.epoch = 4;
    assert_false(wire_vote_verify(&other, &relabelled));
}

static void test_malleable(void **state)
{
    (void)state;
    struct core_id id = sample_id(5);
    struct wire_vote v = sample_vote(&s, 3, CORE_N, 77, &id);
    sample_malleate(v.signature);
    assert_false(wire_vote_verify(&s.scope, &v));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),  cmocka_unit_test(test_signed_text),
        cmocka_unit_test(test_strict), cmocka_unit_test(test_values),
        cmocka_unit_test(test_scope),  cmocka_unit_test(test_malleable),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_ACCOUNT, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
