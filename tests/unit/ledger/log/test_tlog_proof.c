/* Receipts: every entry of many trees verifies, broken texts are refused, and so is a receipt with
 * any one bit changed in proof, entry, statement or salt. */
#include "tests/unit/ledger/log/edit.h"
#include "tests/unit/ledger/log/sample.h"

#include "server/base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct policy *policy_of(const struct sample *s, const char *threshold)
{
    struct buf text;
    struct policy *policy = NULL;
    buf_init(&text, POLICY_MAX);
    sample_policy(s, threshold, &text);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &policy, NULL), OK);
    buf_release(&text);
    return policy;
}

static void test_receipts(void **state)
{
    (void)state;
    static const uint64_t sizes[] = { 1, 2, 3, 5, 8, 21, 64, 65 };
    static struct sample s;
    struct buf proof, entry;
    buf_init(&proof, PROOF_MAX);
    buf_init(&entry, ENTRY_MAX);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        sample_init(&s, sizes[i]);
        struct policy *policy = policy_of(&s, "2");
        for (uint64_t index = 0; index < s.size; index++) {
            struct checkpoint c;
            uint64_t at = 99;
            buf_clear(&proof);
            buf_clear(&entry);
            sample_proof(&s, 2, index, &proof);
            sample_entry(index, &entry);
            assert_int_equal(tlog_proof_verify(policy, buf_str(&proof), proof.len, entry.data,
                                               entry.len, &c, &at),
                             OK);
            assert_int_equal(at, index);
            assert_int_equal(c.size, s.size);
            assert_string_equal(c.origin, SAMPLE_ORIGIN);
            /* The receipt of one entry is not the receipt of another. */
            buf_clear(&entry);
            sample_entry(index + 1, &entry);
            assert_int_equal(tlog_proof_verify(policy, buf_str(&proof), proof.len, entry.data,
                                               entry.len, &c, &at),
                             ERR_CRYPTO);
        }
        policy_free(policy);
    }
    buf_release(&proof);
    buf_release(&entry);
}

/* The exact text, from the parts. */
static void test_text(void **state)
{
    (void)state;
    static struct sample s;
    sample_init(&s, 3);
    struct buf proof, note, want;
    char h0[BASE64_SIZE(HASH_BYTES)], h2[BASE64_SIZE(HASH_BYTES)];
    buf_init(&proof, PROOF_MAX);
    buf_init(&want, PROOF_MAX);
    buf_init(&note, CHECKPOINT_MAX);
    sample_proof(&s, 1, 1, &proof);
    sample_note(&s, 1, &note);
    base64_encode(s.leaves[0].bytes, HASH_BYTES, h0);
    base64_encode(s.leaves[2].bytes, HASH_BYTES, h2);
    assert_int_equal(
        buf_addf(&want, "c2sp.org/tlog-proof@v1\nindex 1\n%s\n%s\n\n%s", h0, h2, buf_str(&note)),
        OK);
    assert_string_equal(buf_str(&proof), buf_str(&want));

    struct tlog_proof p;
    assert_int_equal(tlog_proof_parse(buf_str(&proof), proof.len, &p), OK);
    assert_int_equal(p.index, 1);
    assert_int_equal(p.n, 2);
    assert_memory_equal(&p.hashes[1], &s.leaves[2], HASH_BYTES);
    assert_int_equal(p.note_len, note.len);
    assert_memory_equal(p.note, note.data, note.len);
    buf_release(&proof);
    buf_release(&note);
    buf_release(&want);
}

#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ="
static const char good_proof[] = HEAD "index 73894\n" HASH "\n"
                                      "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n\n"
                                      "example.com/fancylog\n109482\n"
                                      "sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n\n"
                                      "\xe2\x80\x94 example.com/fancylog AAAAAAECAwQ=\n";

static const struct edit fine_proofs[] = {
    { .from = HEAD, .to = HEAD "extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n" },
    { .from = HEAD, .to = HEAD "extra AA==\n" },
    { .from = "73894", .to = "0" },
    { .from = "73894", .to = "109481" },
    { .from = HASH "\n", .to = "" },
};

static const struct edit broken_proofs[] = {
    { .from = good_proof, .to = "" },
    { .from = HEAD, .to = "" },
    { .from = "@v1", .to = "@v2" },
    { .from = "@v1", .to = "@v1 " },
    { .from = "@v1", .to = "@v1\r" },
    { .from = HEAD, .to = "\n" HEAD },
    { .from = HEAD, .to = HEAD "\n" },
    { .from = HEAD, .to = HEAD "extra\n" },
    { .from = HEAD, .to = HEAD "extra \n" },
    { .from = HEAD, .to = HEAD "extra AA=\n" },
    { .from = HEAD, .to = HEAD "extra AB==\n" },
    { .from = HEAD, .to = HEAD "extra AA==\nextra AA==\n" },
    { .from = HEAD, .to = HEAD "Extra AA==\n" },
    { .from = HEAD, .to = HEAD "note AA==\n" },
    { .from = "index 73894\n", .to = "" },
    { .from = "index 73894\n", .to = "index 73894\nextra AA==\n" },
    { .from = "index 73894\n", .to = "index 73894\nindex 73894\n" },
    { .from = "index 73894", .to = "index" },
    { .from = "index 73894", .to = "index " },
    { .from = "index 73894", .to = "index  73894" },
    { .from = "index 73894", .to = "index\t73894" },
    { .from = "index 73894", .to = "Index 73894" },
    { .from = "index 73894", .to = "index73894" },
    { .from = "73894", .to = "073894" },
    { .from = "73894", .to = "+73894" },
    { .from = "73894", .to = "-1" },
    { .from = "73894", .to = "0x10" },
    { .from = "73894", .to = "73894 " },
    { .from = "73894", .to = "18446744073709551616" },
    { .from = HASH, .to = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ" },
    { .from = HASH, .to = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlR=" },
    { .from = HASH, .to = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQA" },
    { .from = HASH, .to = "XoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=" },
    { .from = HASH, .to = " " HASH },
    { .from = HASH, .to = HASH " " },
    { .from = HASH, .to = HASH "\r" },
    { .from = HASH "\n", .to = HASH },
    { .from = HASH "\n",
      .to = "\n" HASH "\n" }, /* an empty line: the checkpoint begins too early */
    { .from = "XmA=\n\n", .to = "XmA=\n" },
    { .from = "XmA=\n\n", .to = "XmA=\n\n\n" },
    { .from = "109482", .to = "0109482" },
    { .from = "109482\n", .to = "" },
    { .from = "/EQi08=\n\n", .to = "/EQi08=\n" },
    { .from = "ECAwQ=\n", .to = "ECAwQ=" },
    { .from = "ECAwQ=\n", .to = "ECAwQ=\n\n" },
};

static void test_broken_texts(void **state)
{
    (void)state;
    struct tlog_proof p = { .index = 5 };
    assert_int_equal(tlog_proof_parse(good_proof, strlen(good_proof), &p), OK);
    for (size_t i = 0; i < COUNT(fine_proofs); i++) {
        size_t len = 0;
        char *text = edit_apply(good_proof, &fine_proofs[i], &len);
        if (tlog_proof_parse(text, len, &p) != OK)
            fail_msg("case %zu was refused: %.*s", i, (int)len, text);
        free(text);
    }
    p.index = 5;
    for (size_t i = 0; i < COUNT(broken_proofs); i++) {
        size_t len = 0;
        char *text = edit_apply(good_proof, &broken_proofs[i], &len);
        if (tlog_proof_parse(text, len, &p) != ERR_SYNTAX)
            fail_msg("case %zu was taken: %.*s", i, (int)len, text);
        free(text);
    }
    /* In form, but the entry would stand outside the tree. */
    static const struct edit outside[] = { { .from = "73894", .to = "109482" },
                                           { .from = "109482", .to = "0" } };
    for (size_t i = 0; i < COUNT(outside); i++) {
        size_t len = 0;
        char *text = edit_apply(good_proof, &outside[i], &len);
        assert_int_equal(tlog_proof_parse(text, len, &p), ERR_CRYPTO);
        free(text);
    }
    for (size_t cut = 0; cut < strlen(good_proof); cut++)
        assert_int_not_equal(tlog_proof_parse(good_proof, cut, &p), OK);
    assert_int_equal(p.index, 5);
}

static void test_proof_limits(void **state)
{
    (void)state;
    struct buf text;
    struct tlog_proof p;
    const char *note = strstr(good_proof, "example.com/fancylog");
    struct merkle_hash hashes[MERKLE_PROOF_MAX + 1] = { { .bytes = { 0 } } };
    buf_init(&text, 2 * PROOF_MAX);
    assert_int_equal(tlog_proof_print(1, hashes, MERKLE_PROOF_MAX + 1, note, strlen(note), &text),
                     ERR_LIMIT);
    assert_int_equal(tlog_proof_print(109482, hashes, 1, note, strlen(note), &text), ERR_CRYPTO);
    assert_int_equal(tlog_proof_print(1, hashes, 1, note, strlen(note) - 1, &text), ERR_SYNTAX);
    assert_int_equal(text.len, 0);
    assert_int_equal(tlog_proof_print(1, hashes, MERKLE_PROOF_MAX, note, strlen(note), &text), OK);
    assert_int_equal(tlog_proof_parse(buf_str(&text), text.len, &p), OK);
    assert_int_equal(p.n, MERKLE_PROOF_MAX);
    struct edit more = { .from = "index 1\n", .to = "index 1\n" HASH "\n" };
    size_t len = 0;
    char *longer = edit_apply(buf_str(&text), &more, &len);
    assert_int_equal(tlog_proof_parse(longer, len, &p), ERR_LIMIT);
    free(longer);

    buf_clear(&text);
    assert_int_equal(buf_add_str(&text, HEAD "extra "), OK);
    while (text.len <= PROOF_MAX)
        assert_int_equal(buf_add_str(&text, "AAAA"), OK);
    assert_int_equal(buf_addf(&text, "\n%s", good_proof + strlen(HEAD)), OK);
    assert_int_equal(tlog_proof_parse(buf_str(&text), text.len, &p), ERR_LIMIT);
    buf_release(&text);

    /* A buffer without room keeps what it held. */
    buf_init(&text, 100);
    assert_int_equal(buf_add_str(&text, "held"), OK);
    assert_int_equal(tlog_proof_print(1, hashes, 3, note, strlen(note), &text), ERR_LIMIT);
    assert_int_equal(text.len, 4);
    buf_release(&text);
}

/* ---- one bit ---- */

struct receipt {
    struct policy *policy;
    struct buf proof, entry, statement;
    uint8_t salt[SALT_BYTES];
};

static bool receipt_verifies(const struct receipt *r)
{
    struct checkpoint c;
    uint64_t index;
    return tlog_proof_verify(r->policy, (const char *)r->proof.data, r->proof.len, r->entry.data,
                             r->entry.len, &c, &index) == OK &&
           entry_verify(r->entry.data, r->entry.len, r->salt, r->statement.data,
                        r->statement.len) == OK;
}

static void flip_all(const struct receipt *r, uint8_t *bytes, size_t len, const char *what)
{
    for (size_t bit = 0; bit < 8 * len; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        if (receipt_verifies(r))
            fail_msg("bit %zu of the %s may be changed", bit, what);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    assert_true(receipt_verifies(r));
}

/* The policy demands as many cosignatures as the receipt carries, so that no line can be spared. */
static void flip_receipt(struct sample *s, uint64_t index, size_t cosignatures,
                         const char *threshold)
{
    struct receipt r;
    r.policy = policy_of(s, threshold);
    buf_init(&r.proof, PROOF_MAX);
    buf_init(&r.entry, ENTRY_MAX);
    buf_init(&r.statement, ENTRY_MAX);
    sample_proof(s, cosignatures, index, &r.proof);
    sample_entry(index, &r.entry);
    sample_statement(index, &r.statement);
    sample_salt(index, r.salt);
    assert_true(receipt_verifies(&r));
    flip_all(&r, r.proof.data, r.proof.len, "proof");
    flip_all(&r, r.entry.data, r.entry.len, "entry");
    flip_all(&r, r.statement.data, r.statement.len, "statement");
    if (!sample_is_public(index))
        flip_all(&r, r.salt, sizeof(r.salt), "salt");
    for (size_t cut = 0; cut < r.proof.len; cut++) {
        size_t whole = r.proof.len;
        r.proof.len = cut;
        assert_false(receipt_verifies(&r));
        r.proof.len = whole;
    }
    policy_free(r.policy);
    buf_release(&r.proof);
    buf_release(&r.entry);
    buf_release(&r.statement);
}

static void test_every_bit(void **state)
{
    (void)state;
    static struct sample s;
    sample_init(&s, 1);
    flip_receipt(&s, 0, 1, "1");
    sample_init(&s, 100);
    flip_receipt(&s, 37, 3, "all");
    flip_receipt(&s, 99, 2, "2");
    sample_init(&s, 300);
    flip_receipt(&s, 4, 1, "any");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receipts),     cmocka_unit_test(test_text),
        cmocka_unit_test(test_broken_texts), cmocka_unit_test(test_proof_limits),
        cmocka_unit_test(test_every_bit),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
