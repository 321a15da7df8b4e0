/* Batches and their receipts: the digest binds the entries, the entries are the origin's own and
 * without gaps, and every bound holds. */
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEAD_BYTES (1 + 46 + 64 + 4)
#define MEMBER 14 /* of index 1 */

static struct sample s;

static struct wire_batch batch_of(uint64_t first, uint32_t n, struct buf *entries)
{
    buf_init(entries, WIRE_FRAME_MAX);
    sample_entries(MEMBER, first, n, entries);
    struct wire_batch b = {
        .chain = CHAIN_TX,
        .ref = { .member = MEMBER, .first = first, .n = n },
        .entries = entries->data,
        .entries_len = entries->len,
    };
    wire_batch_sign(s.scope.genesis, &s.key[1], &b);
    return b;
}

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_batch b;
    (void)arg;
    if (wire_batch_parse(bytes, len, &b) != OK)
        return REFUSED;
    assert_int_equal(wire_batch_print(&b, ret), OK);
    return wire_batch_verify(s.scope.genesis, s.scope.vote_key[1], &b) ? VERIFIED : PARSED;
}

static void test_bytes(void **state)
{
    (void)state;
    struct buf entries, out;
    struct wire_batch b = batch_of(0x0102, 2, &entries), back;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_batch_print(&b, &out), OK);
    assert_int_equal(out.len, HEAD_BYTES + 2 * (2 + ENTRY_ANCHOR_BYTES));
    static const uint8_t head[] = { 2, 0, MEMBER, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 2 };
    uint8_t digest[HASH_BYTES];
    sha256(entries.data, entries.len, digest);
    assert_memory_equal(out.data, head, sizeof(head));
    assert_memory_equal(out.data + 15, digest, HASH_BYTES);
    assert_memory_equal(out.data + 47, b.signature, SIGN_BYTES);
    assert_memory_equal(out.data + 111, "\0\0\0\x68", 4);
    assert_memory_equal(out.data + 115, entries.data, entries.len);
    assert_int_equal(wire_batch_parse(out.data, out.len, &back), OK);
    assert_ptr_equal(back.entries, out.data + 115);

    uint8_t text[14 + 32 + 47] = "ledger-batch/1";
    memcpy(text + 14, s.scope.genesis, 32);
    memcpy(text + 46, out.data, 47);
    assert_true(sign_verify(s.scope.vote_key[1], text, sizeof(text), b.signature));
    buf_release(&entries);
    buf_release(&out);
}

static void test_strict(void **state)
{
    (void)state;
    struct buf entries, out;
    struct wire_batch b = batch_of(41, 4, &entries); /* the third is public */
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_batch_print(&b, &out), OK);
    assert_int_equal(sample_faults(judge, NULL, out.data, out.len, VERIFIED, PARSED), 0);
    buf_release(&entries);
    buf_release(&out);
}

/* The right digest over these entries, under this reference: does it parse? */
static enum err sealed(struct wire_batch_ref ref, const struct buf *entries)
{
    struct buf out;
    struct wire_batch b = {
        .chain = CHAIN_TX, .ref = ref, .entries = entries->data, .entries_len = entries->len
    };
    struct wire_batch back;
    buf_init(&out, WIRE_FRAME_MAX);
    wire_batch_sign(s.scope.genesis, &s.key[1], &b);
    assert_int_equal(wire_batch_print(&b, &out), OK);
    enum err e = wire_batch_parse(out.data, out.len, &back);
    buf_release(&out);
    return e;
}

static void test_entries(void **state)
{
    (void)state;
    struct buf entries;
    buf_init(&entries, WIRE_FRAME_MAX);
    sample_entries(MEMBER, 41, 3, &entries);
    struct wire_batch_ref ref = { .member = MEMBER, .first = 41, .n = 3 };
    assert_int_equal(sealed(ref, &entries), OK);
    ref.n = 2; /* more than it says */
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    ref.n = 4; /* fewer */
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    ref.n = 3, ref.first = 40;
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    ref.first = 42;
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    ref.first = 41, ref.member = MEMBER + 3;
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);

    /* A gap, the same entry twice, the wrong order, another member's in the middle, nothing. */
    static const struct {
        uint16_t member[3];
        uint64_t sequence[3];
        enum err want;
    } cases[] = {
        { { MEMBER, MEMBER, MEMBER }, { 41, 42, 43 }, OK },
        { { MEMBER, MEMBER, MEMBER }, { 41, 43, 44 }, ERR_SYNTAX },
        { { MEMBER, MEMBER, MEMBER }, { 41, 42, 42 }, ERR_SYNTAX },
        { { MEMBER, MEMBER, MEMBER }, { 41, 43, 42 }, ERR_SYNTAX },
        { { MEMBER, MEMBER + 3, MEMBER }, { 41, 42, 43 }, ERR_SYNTAX },
    };
    ref.member = MEMBER;
    for (size_t i = 0; i < COUNT(cases); i++) {
        buf_clear(&entries);
        for (unsigned k = 0; k < 3; k++)
            sample_entries(cases[i].member[k], cases[i].sequence[k], 1, &entries);
        assert_int_equal(sealed(ref, &entries), cases[i].want);
    }
    buf_clear(&entries);
    ref.n = 1;
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    assert_int_equal(buf_add(&entries, "\0\3abc", 5), OK); /* no entry */
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    buf_clear(&entries);
    assert_int_equal(buf_add(&entries, "\0\0", 2), OK); /* one of no length */
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    buf_clear(&entries);
    sample_entries(MEMBER, 41, 1, &entries);
    assert_int_equal(buf_add(&entries, "\0", 1), OK); /* half a length behind the last */
    assert_int_equal(sealed(ref, &entries), ERR_SYNTAX);
    buf_release(&entries);
}

/* Entries that are in order but are not those of the digest. */
static void test_digest(void **state)
{
    (void)state;
    struct buf entries, out;
    struct wire_batch b = batch_of(41, 3, &entries), back;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_batch_print(&b, &out), OK);
    out.data[HEAD_BYTES + 2 + ENTRY_ANCHOR_BYTES - 1] ^= 1;
    assert_int_equal(wire_batch_parse(out.data, out.len, &back), ERR_CRYPTO);
    buf_release(&entries);
    buf_release(&out);
}

static void test_limits(void **state)
{
    (void)state;
    struct buf entries, out;
    struct wire_batch back;
    buf_init(&out, WIRE_FRAME_MAX);
    struct wire_batch b = batch_of(UINT64_MAX - WIRE_BATCH_ENTRIES, WIRE_BATCH_ENTRIES, &entries);
    assert_int_equal(wire_batch_print(&b, &out), OK);
    assert_int_equal(wire_batch_parse(out.data, out.len, &back), OK);
    assert_true(wire_batch_verify(s.scope.genesis, s.scope.vote_key[1], &back));
    b.ref.n++;
    assert_int_equal(wire_batch_print(&b, &out), ERR_SYNTAX);
    b.ref.n = 0;
    assert_int_equal(wire_batch_print(&b, &out), ERR_SYNTAX);
    b.ref.n = 1, b.ref.member = 0;
    assert_int_equal(wire_batch_print(&b, &out), ERR_SYNTAX);
    b.ref.member = MEMBER, b.chain = (enum chain)3;
    assert_int_equal(wire_batch_print(&b, &out), ERR_SYNTAX);
    b.chain = CHAIN_TX, b.entries_len = WIRE_BATCH_BYTES + 1;
    assert_int_equal(wire_batch_print(&b, &out), ERR_LIMIT);
    /* Told to be longer than any batch: refused by its length alone. */
    memcpy(out.data + 111, "\0\x08\0\1", 4);
    assert_int_equal(wire_batch_parse(out.data, out.len, &back), ERR_LIMIT);
    buf_release(&entries);
    buf_release(&out);
}

static void test_scope(void **state)
{
    (void)state;
    struct buf entries;
    struct wire_batch b = batch_of(41, 3, &entries);
    uint8_t genesis[HASH_BYTES];
    memcpy(genesis, s.scope.genesis, HASH_BYTES);
    assert_true(wire_batch_verify(genesis, s.scope.vote_key[1], &b));
    assert_false(wire_batch_verify(genesis, s.scope.vote_key[0], &b));
    genesis[5] ^= 1;
    assert_false(wire_batch_verify(genesis, s.scope.vote_key[1], &b));
    b.chain = CHAIN_ACCOUNT;
    assert_false(wire_batch_verify(s.scope.genesis, s.scope.vote_key[1], &b));
    b.chain = CHAIN_TX;
    sample_malleate(b.signature);
    assert_false(wire_batch_verify(s.scope.genesis, s.scope.vote_key[1], &b));
    buf_release(&entries);
}

/* ---- receipts ---- */
static enum fate judge_receipt(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_receipt r;
    (void)arg;
    if (wire_receipt_parse(bytes, len, &r) != OK)
        return REFUSED;
    assert_int_equal(wire_receipt_print(&r, ret), OK);
    /* The key is that of the member it names. */
    for (uint16_t i = 0; i < s.scope.n; i++) {
        if (s.scope.member[i] == r.signer)
            return wire_receipt_verify(s.scope.genesis, s.scope.vote_key[i], &r) ? VERIFIED
                                                                                 : PARSED;
    }
    return PARSED;
}

static void test_receipt(void **state)
{
    (void)state;
    struct buf entries, out;
    struct wire_batch b = batch_of(41, 3, &entries);
    struct wire_receipt r = { .chain = CHAIN_TX, .ref = b.ref, .signer = s.scope.member[2] };
    wire_receipt_sign(s.scope.genesis, &s.key[2], &r);
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_receipt_print(&r, &out), OK);
    assert_int_equal(out.len, WIRE_RECEIPT_BYTES);
    assert_memory_equal(out.data + 47, "\0\x11", 2);
    assert_int_equal(sample_faults(judge_receipt, NULL, out.data, out.len, VERIFIED, PARSED), 0);

    uint8_t text[16 + 32 + 47] = "ledger-receipt/1";
    memcpy(text + 16, s.scope.genesis, 32);
    memcpy(text + 48, out.data, 47);
    assert_true(sign_verify(s.scope.vote_key[2], text, sizeof(text), r.signature));
    /* The origin's signature over its batch is no receipt of its own, nor the other way round. */
    memcpy(r.signature, b.signature, SIGN_BYTES);
    assert_false(wire_receipt_verify(s.scope.genesis, s.scope.vote_key[1], &r));

    r.signer = 0;
    assert_int_equal(wire_receipt_print(&r, &out), ERR_SYNTAX);
    memset(out.data + 47, 0, 2);
    assert_int_equal(wire_receipt_parse(out.data, out.len, &r), ERR_SYNTAX);
    r.signer = 17, r.ref.n = 0;
    assert_int_equal(wire_receipt_print(&r, &out), ERR_SYNTAX);
    buf_release(&entries);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),   cmocka_unit_test(test_strict),
        cmocka_unit_test(test_entries), cmocka_unit_test(test_digest),
        cmocka_unit_test(test_limits),  cmocka_unit_test(test_scope),
        cmocka_unit_test(test_receipt),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_TX, 5);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
