/* Receipts: the offline check, and that no bit of any part can be turned over. */
#include "api/client/files.h"
#include "api/client/receipt.h"
#include "server/base/text.h"
#include "tests/lib/mock_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#define ENTRIES 300
#define NUMBER 270 /* the entry that is looked at */

struct world {
    struct mock_log account, tx;
    struct policy *policy;
};

static struct world w; /* the log is large; tests only read it */

static int setup(void **state)
{
    (void)state;
    struct buf text;
    mock_log_init(&w.account, CHAIN_ACCOUNT);
    mock_log_init(&w.tx, CHAIN_TX);
    for (unsigned i = 0; i < ENTRIES; i++)
        mock_log_anchor(&w.tx, "deposit.request", i);
    struct statement s = mock_statement("bounty.publish", ENTRIES, json_pack("{s:i}", "x", 1));
    mock_log_public(&w.tx, &s);
    statement_release(&s);
    buf_init(&text, POLICY_MAX);
    mock_policy(&w.account, &w.tx, &text);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &w.policy, NULL), OK);
    buf_release(&text);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    policy_free(w.policy);
    mock_log_release(&w.account);
    mock_log_release(&w.tx);
    return 0;
}

static void fill(struct receipt *r, unsigned number)
{
    uint8_t salt[SALT_BYTES];
    char hex[HEX_SIZE(SALT_BYTES)];
    bool is_public = number == ENTRIES;
    struct statement s = is_public
                             ? mock_statement("bounty.publish", number, json_pack("{s:i}", "x", 1))
                             : mock_statement("deposit.request", number, NULL);
    receipt_init(r);
    mock_log_proof(&w.tx, number, w.tx.n, &r->proof);
    assert_int_equal(buf_add(&r->leaf, w.tx.entries[number].data, w.tx.entries[number].len), OK);
    assert_int_equal(buf_add(&r->statement, s.canonical, s.canonical_len), OK);
    mock_salt(number, salt);
    hex_encode(salt, SALT_BYTES, hex);
    if (!is_public)
        assert_int_equal(buf_add_str(&r->salt, hex), OK);
    statement_release(&s);
}

static void a_sound_receipt_verifies(void **state)
{
    (void)state;
    struct receipt r;
    struct receipt_facts f;
    struct problem p = { 0 };
    fill(&r, NUMBER);
    if (receipt_verify(w.policy, &r, NULL, &f, &p) != OK)
        fail_msg("%s", p.detail);
    assert_string_equal(f.kind, "deposit.request");
    assert_string_equal(f.origin, "mock.test/tx");
    assert_int_equal(f.index, NUMBER);
    assert_int_equal(f.size, ENTRIES + 1);
    assert_int_equal(f.member, 1);
    assert_int_equal(f.sequence, NUMBER + 1);
    assert_false(f.is_public);
    assert_int_equal(receipt_verify(w.policy, &r, &f.id, &f, &p), OK);
    struct id other = f.id;
    other.bytes[15] ^= 1;
    assert_int_equal(receipt_verify(w.policy, &r, &other, &f, &p), ERR_CRYPTO);
    receipt_release(&r);
    fill(&r, ENTRIES);
    assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), OK);
    assert_true(f.is_public);
    receipt_release(&r);
}

static void flip_all(struct receipt *r, struct buf *part)
{
    struct receipt_facts f;
    struct problem p = { 0 };
    for (size_t bit = 0; bit < 8 * part->len; bit++) {
        part->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (receipt_verify(w.policy, r, NULL, &f, &p) == OK)
            fail_msg("bit %zu of byte %zu of %zu makes no difference", bit % 8, bit / 8, part->len);
        part->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    assert_int_equal(receipt_verify(w.policy, r, NULL, &f, &p), OK);
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    const unsigned numbers[] = { NUMBER, ENTRIES };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct receipt r;
        fill(&r, numbers[i]);
        flip_all(&r, &r.proof);
        flip_all(&r, &r.leaf);
        flip_all(&r, &r.statement);
        flip_all(&r, &r.salt);
        receipt_release(&r);
    }
}

static void parts_must_belong_together(void **state)
{
    (void)state;
    struct receipt r, other;
    struct receipt_facts f;
    struct problem p = { 0 };
    struct buf *const mine[] = { &r.proof, &r.leaf, &r.statement, &r.salt };
    struct buf *const theirs[] = { &other.proof, &other.leaf, &other.statement, &other.salt };
    fill(&r, NUMBER);
    fill(&other, NUMBER - 1);
    for (size_t i = 0; i < COUNT(mine); i++) {
        struct buf kept = *mine[i];
        *mine[i] = *theirs[i];
        assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), ERR_CRYPTO);
        *mine[i] = kept;
        for (size_t cut = 0; cut < kept.len; cut += 7) {
            mine[i]->len = cut;
            assert_int_not_equal(receipt_verify(w.policy, &r, NULL, &f, &p), OK);
        }
        mine[i]->len = kept.len;
    }
    assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), OK);
    receipt_release(&r);
    receipt_release(&other);
    /* A public entry has no salt; one given for it would be a part that nothing protects. */
    fill(&r, ENTRIES);
    for (int i = 0; i < 64; i++)
        assert_int_equal(buf_add(&r.salt, "0", 1), OK);
    assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), ERR_CRYPTO);
    receipt_release(&r);
}

/* An unsigned statement cannot hide behind a good anchor. */
static void statements_must_be_signed(void **state)
{
    (void)state;
    static const char text[] = "{\"kind\":\"x\"}";
    uint8_t salt[SALT_BYTES] = { 0 }, entry[ENTRY_ANCHOR_BYTES];
    struct mock_log *l = calloc(1, sizeof(*l));
    struct receipt r;
    struct receipt_facts f;
    struct problem p = { 0 };
    assert_non_null(l);
    mock_log_init(l, CHAIN_TX);
    entry_anchor(1, 1, salt, text, sizeof(text) - 1, entry);
    mock_log_append(l, entry, sizeof(entry));
    receipt_init(&r);
    mock_log_proof(l, 0, 1, &r.proof);
    assert_int_equal(buf_add(&r.leaf, entry, sizeof(entry)), OK);
    assert_int_equal(buf_add_str(&r.statement, text), OK);
    for (int i = 0; i < 64; i++)
        assert_int_equal(buf_add(&r.salt, "0", 1), OK);
    assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), ERR_STATEMENT_FORM);
    receipt_release(&r);
    mock_log_release(l);
    free(l);
}

static void files_round_trip(void **state)
{
    (void)state;
    char folder[] = "/tmp/cairn-receipt-XXXXXX", path[128], id[ID_TEXT_SIZE];
    struct receipt r, back;
    struct receipt_facts f;
    struct problem p = { 0 };
    assert_non_null(mkdtemp(folder));
    fill(&r, NUMBER);
    assert_int_equal(receipt_verify(w.policy, &r, NULL, &f, &p), OK);
    id_text(&f.id, id);
    assert_int_equal(receipt_save(&r, folder, id, &p), OK);
    assert_int_equal(receipt_load(folder, id, &back, &p), OK);
    assert_int_equal(receipt_verify(w.policy, &back, &f.id, &f, &p), OK);
    receipt_release(&back);
    static const char *const suffixes[] = { "salt", "leaf", "statement", "tlog-proof" };
    for (size_t i = 0; i < COUNT(suffixes); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s.%s", folder, id, suffixes[i]);
        assert_int_equal(unlink(path), 0);
        if (i == 0) { /* without its salt a private entry is not taken for a public one */
            assert_int_equal(receipt_load(folder, id, &back, &p), OK);
            assert_int_equal(receipt_verify(w.policy, &back, &f.id, &f, &p), ERR_CRYPTO);
            receipt_release(&back);
        } else {
            assert_int_equal(receipt_load(folder, id, &back, &p), ERR_IO);
        }
    }
    assert_int_equal(rmdir(folder), 0);
    receipt_release(&r);
}

static void replies_are_read(void **state)
{
    (void)state;
    struct receipt r, back;
    struct receipt_facts f;
    struct problem p = { 0 };
    fill(&r, NUMBER);
    char *leaf = calloc(1, BASE64_SIZE(r.leaf.len));
    assert_non_null(leaf);
    base64_encode(r.leaf.data, r.leaf.len, leaf);
    json_t *statement = json_loads(buf_str(&r.statement), 0, NULL);
    json_t *reply =
        json_pack("{s:s, s:O, s:s, s:s, s:i}", "entry", leaf, "statement", statement, "salt",
                  buf_str(&r.salt), "proof", buf_str(&r.proof), "index", NUMBER);
    assert_int_equal(receipt_from_reply(reply, &back, &p), OK);
    assert_int_equal(receipt_verify(w.policy, &back, NULL, &f, &p), OK);
    receipt_release(&back);
    assert_int_equal(json_object_del(reply, "proof"), 0);
    assert_int_equal(receipt_from_reply(reply, &back, &p), ERR_IO);
    json_decref(reply);
    json_decref(statement);
    free(leaf);
    receipt_release(&r);
}

int main(void)
{
    crypto_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sound_receipt_verifies),
        cmocka_unit_test(every_flipped_bit_is_refused),
        cmocka_unit_test(parts_must_belong_together),
        cmocka_unit_test(statements_must_be_signed),
        cmocka_unit_test(files_round_trip),
        cmocka_unit_test(replies_are_read),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
