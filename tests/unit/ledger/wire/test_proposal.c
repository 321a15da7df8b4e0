/* Proposals, on their way and at rest: exact bytes, the leader's signature, and the same bytes with
 * a final certificate behind them. */
#include "tests/unit/ledger/wire/sample.h"

#include "server/ledger/wire/final.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define LEADER 2

static struct sample s;

static struct wire_proposal proposal_of(struct buf *just, uint16_t n_batches)
{
    struct core_id parent = sample_id(4);
    buf_init(just, WIRE_FRAME_MAX);
    sample_just(&s, 4, &parent, CORE_N, 6, just);
    struct wire_block b = sample_block(&s, 6, 4, &parent, just, n_batches);
    return sample_proposal(&s, &b, just, LEADER);
}

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_proposal p;
    if (wire_proposal_parse(bytes, len, &p) != OK)
        return REFUSED;
    assert_int_equal(wire_proposal_print(&p, ret), OK);
    return wire_proposal_verify(arg, &p, LEADER) ? VERIFIED : PARSED;
}

static void test_bytes(void **state)
{
    (void)state;
    struct buf just, block, out, want;
    struct wire_proposal p = proposal_of(&just, 2), back;
    buf_init(&block, WIRE_FRAME_MAX);
    buf_init(&out, WIRE_FRAME_MAX);
    buf_init(&want, WIRE_FRAME_MAX);
    assert_int_equal(wire_block_print(&p.block, &block), OK);
    const uint8_t block_len[4] = { 0, 0, (uint8_t)(block.len >> 8), (uint8_t)block.len };
    const uint8_t just_len[4] = { 0, 0, (uint8_t)(just.len >> 8), (uint8_t)just.len };
    assert_int_equal(buf_add(&want, block_len, 4), OK);
    assert_int_equal(buf_add(&want, block.data, block.len), OK);
    assert_int_equal(buf_add(&want, just_len, 4), OK);
    assert_int_equal(buf_add(&want, just.data, just.len), OK);
    assert_int_equal(buf_add(&want, p.signature, SIGN_BYTES), OK);
    assert_int_equal(wire_proposal_print(&p, &out), OK);
    assert_int_equal(out.len, want.len);
    assert_memory_equal(out.data, want.data, want.len);

    assert_int_equal(wire_proposal_parse(out.data, out.len, &back), OK);
    assert_memory_equal(&back.block, &p.block, sizeof(p.block));
    assert_memory_equal(&back.id, &p.id, sizeof(p.id));
    assert_ptr_equal(back.just, out.data + 8 + block.len);
    assert_int_equal(back.just_len, just.len);
    buf_release(&just);
    buf_release(&block);
    buf_release(&out);
    buf_release(&want);
}

static void test_strict(void **state)
{
    (void)state;
    struct buf just, out;
    struct wire_proposal p = proposal_of(&just, 1);
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_proposal_print(&p, &out), OK);
    assert_int_equal(sample_faults(judge, &s.scope, out.data, out.len, VERIFIED, PARSED), 0);
    buf_release(&just);
    buf_release(&out);
}

static void test_signature(void **state)
{
    (void)state;
    struct buf just;
    struct wire_proposal p = proposal_of(&just, 1);
    uint8_t text[17 + 32 + 1 + 4 + 8 + 32] = "ledger-proposal/1";
    memcpy(text + 17, s.scope.genesis, 32);
    const uint8_t middle[] = { 2, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0, 6 };
    memcpy(text + 49, middle, sizeof(middle));
    memcpy(text + 62, p.id.bytes, 32);
    assert_true(sign_verify(s.scope.vote_key[LEADER], text, sizeof(text), p.signature));

    assert_true(wire_proposal_verify(&s.scope, &p, LEADER));
    for (uint16_t other = 0; other < 200; other++)
        assert_true(wire_proposal_verify(&s.scope, &p, other) == (other == LEADER));
    struct wire_scope elsewhere = s.scope;
    elsewhere.epoch++;
    assert_false(wire_proposal_verify(&elsewhere, &p, LEADER));
    p.block.epoch++;
    assert_false(wire_proposal_verify(&elsewhere, &p, LEADER));
    p.block.epoch--;
    elsewhere = s.scope, elsewhere.chain = CHAIN_ACCOUNT;
    assert_false(wire_proposal_verify(&elsewhere, &p, LEADER));
    p.block.chain = CHAIN_ACCOUNT;
    assert_false(wire_proposal_verify(&elsewhere, &p, LEADER));
    p.block.chain = CHAIN_TX;
    elsewhere = s.scope, elsewhere.genesis[0]++;
    assert_false(wire_proposal_verify(&elsewhere, &p, LEADER));
    /* Signed for here, but the block itself says that it belongs elsewhere. */
    struct wire_block astray[] = { p.block, p.block };
    astray[0].epoch++;
    astray[1].chain = CHAIN_ACCOUNT;
    for (size_t i = 0; i < COUNT(astray); i++) {
        struct wire_proposal q = sample_proposal(&s, &astray[i], &just, LEADER);
        assert_false(wire_proposal_verify(&s.scope, &q, LEADER));
    }
    sample_malleate(p.signature);
    assert_false(wire_proposal_verify(&s.scope, &p, LEADER));
    buf_release(&just);
}

/* What does not belong together is not printed, and not taken from others. */
static void test_parts(void **state)
{
    (void)state;
    struct buf just, out, other;
    struct wire_proposal p = proposal_of(&just, 1), bad = p;
    buf_init(&out, WIRE_FRAME_MAX);
    bad.id = sample_id(8);
    assert_int_equal(wire_proposal_print(&bad, &out), ERR_CRYPTO);
    bad = p;
    bad.just_len--;
    assert_int_equal(wire_proposal_print(&bad, &out), ERR_CRYPTO);
    bad = p;
    bad.block.height = 0;
    assert_int_equal(wire_proposal_print(&bad, &out), ERR_SYNTAX);
    bad = p;
    bad.just_len = WIRE_FRAME_MAX;
    assert_int_equal(wire_proposal_print(&bad, &out), ERR_LIMIT);
    assert_int_equal(out.len, 0);
    buf_init(&other, 700);
    assert_int_equal(buf_add_str(&other, "before"), OK);
    assert_int_equal(wire_proposal_print(&p, &other), ERR_LIMIT); /* too small for it all */
    assert_string_equal(buf_str(&other), "before");

    /* A justification of a length that no justification has: refused before it is looked for. */
    assert_int_equal(wire_proposal_print(&p, &out), OK);
    size_t at = out.len - SIGN_BYTES - just.len - 4;
    memset(out.data + at, 0xff, 4);
    assert_int_equal(wire_proposal_parse(out.data, out.len, &bad), ERR_LIMIT);
    memset(out.data, 0xff, 4);
    assert_int_equal(wire_proposal_parse(out.data, out.len, &bad), ERR_SYNTAX);
    buf_release(&just);
    buf_release(&out);
    buf_release(&other);
}

/* ---- with the certificate that covers it ---- */
static enum fate judge_final(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_proposal p;
    struct wire_cert c;
    bool has = false;
    if (wire_final_parse(bytes, len, &p, &c, &has) != OK)
        return REFUSED;
    assert_int_equal(wire_final_print(&p, has ? &c : NULL, ret), OK);
    return wire_proposal_verify(arg, &p, LEADER) && has && wire_cert_verify(arg, &c) == OK
               ? VERIFIED
               : PARSED;
}

static void test_final(void **state)
{
    (void)state;
    struct buf just, out;
    struct wire_proposal p = proposal_of(&just, 1);
    struct wire_cert c = sample_cert(&s, CORE_F, 6, &p.id);
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_proposal_print(&p, &out), OK);
    size_t alone = out.len;
    assert_int_equal(sample_judged(judge_final, &s.scope, out.data, out.len), PARSED);
    assert_int_equal(wire_cert_print(&c, &out), OK);
    assert_int_equal(sample_judged(judge_final, &s.scope, out.data, out.len), VERIFIED);
    for (size_t cut = 0; cut < out.len; cut++)
        assert_int_equal(sample_judged(judge_final, &s.scope, out.data, cut),
                         cut == alone ? PARSED : REFUSED);
    for (size_t bit = 0; bit < 8 * out.len; bit++) {
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_int_not_equal(sample_judged(judge_final, &s.scope, out.data, out.len), VERIFIED);
        out.data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    assert_int_equal(buf_add(&out, "", 1), OK);
    assert_int_equal(sample_judged(judge_final, &s.scope, out.data, out.len), REFUSED);
    buf_clear(&out);
    /* No certificate but F says that something is final. */
    struct wire_cert n = sample_cert(&s, CORE_N, 6, &p.id);
    assert_int_equal(wire_final_print(&p, &n, &out), ERR_SYNTAX);
    assert_int_equal(wire_proposal_print(&p, &out), OK);
    assert_int_equal(wire_cert_print(&n, &out), OK);
    assert_int_equal(sample_judged(judge_final, &s.scope, out.data, out.len), REFUSED);
    buf_release(&just);
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),     cmocka_unit_test(test_strict),
        cmocka_unit_test(test_signature), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_final),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_TX, 5);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
