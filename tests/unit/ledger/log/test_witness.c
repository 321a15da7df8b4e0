/* tlog-witness as a text: the request, bounded and strict, and what the other end takes for an
 * answer.
 */
#include "tests/unit/ledger/log/edit.h"
#include "tests/unit/ledger/log/witness_sample.h"

#include "server/base/text.h"

#include <stdlib.h>

#define SPEC_PROOF "PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw="

/* ---- the text -------------------------------------------------------------------------------- */

static void test_specification(void **state)
{
    (void)state;
    static const char head[] = "old 20852014\n" SPEC_PROOF "\n"
                               "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n\n";
    static const char note[] =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\xe2\x80\x94 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/"
        "5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
    struct witness_request r;
    struct buf text, again;
    buf_init(&text, WITNESS_REQUEST_MAX);
    buf_init(&again, WITNESS_REQUEST_MAX);
    assert_int_equal(buf_addf(&text, "%s%s", head, note), OK);
    assert_int_equal(witness_request_parse(buf_str(&text), text.len, &r), OK);
    assert_int_equal(r.old_size, 20852014);
    assert_int_equal(r.n, 2);
    assert_string_equal(r.checkpoint.origin, "example.com/behind-the-sofa");
    assert_int_equal(r.checkpoint.size, 20852163);
    assert_string_equal(r.note, note);
    assert_int_equal(witness_request_print(r.old_size, r.proof, r.n, r.note, r.note_len, &again),
                     OK);
    assert_string_equal(buf_str(&again), buf_str(&text));
    buf_release(&text);
    buf_release(&again);
}

static void test_truncations(void **state)
{
    (void)state;
    struct buf text;
    struct witness_request r;
    buf_init(&text, WITNESS_REQUEST_MAX);
    (void)request_of(13, 50, &text);
    /* The one prefix that is a request is the one without the cosigner's line. */
    const char *whole = buf_str(&text);
    size_t taken = 0;
    for (size_t len = 0; len < text.len; len++) {
        char *cut = malloc(len > 0 ? len : 1); /* exactly as long: a read beyond is found */
        assert_non_null(cut);
        memcpy(cut, whole, len);
        enum err e = witness_request_parse(cut, len, &r);
        free(cut);
        if (e == OK) {
            assert_int_equal(whole[len - 1], '\n');
            taken++;
        } else {
            assert_int_equal(e, ERR_SYNTAX);
        }
    }
    assert_int_equal(taken, 1);
    buf_release(&text);
}

static void test_malformed(void **state)
{
    (void)state;
    static const struct edit edits[] = {
        { "old 13\n", "", 0 },
        { "old 13\n", "old\n", 0 },
        { "old 13\n", "old \n", 0 },
        { "old 13\n", "old 013\n", 0 },
        { "old 13\n", "old +13\n", 0 },
        { "old 13\n", "old -1\n", 0 },
        { "old 13\n", "old 13 \n", 0 },
        { "old 13\n", "old  13\n", 0 },
        { "old 13\n", "Old 13\n", 0 },
        { "old 13\n", "old 13\r\n", 0 },
        { "old 13\n", "old 51\n", 0 },
        { "old 13\n", "old 9223372036854775808\n", 0 },
        { "old 13\n", "old 0x13\n", 0 },
        { "old 13\n", "old 18446744073709551616\n", 0 },
        { "old 13\n", "old13\n", 0 },
        { "old 13\n", "\nold 13\n", 0 },
        { "=\n", "\n", 0 },
        { "=\n", "==\n", 0 },
        { "=\n", "= \n", 0 },
        { "=\n", "=\nAAAA\n", 0 },
        { "=\n", "=\n*\n", 0 },
        { "=\n\n", "=\n", 0 },
        { "=\n\n", "=\n\n\n", 0 },
        { "\n50\n", "\n050\n", 0 },
        { "\n50\n", "\n12\n", 0 },
        { "\n50\n", "\n9223372036854775808\n", 0 },
        { "\n50\n", "\n5\0\n", 4 },
        { "\xe2\x80\x94 ", "- ", 0 },
    };
    struct buf text;
    struct witness_request r;
    buf_init(&text, WITNESS_REQUEST_MAX);
    (void)request_of(13, 50, &text);
    for (size_t i = 0; i < COUNT(edits); i++) {
        size_t len = 0;
        char *bad = edit_apply(buf_str(&text), &edits[i], &len);
        enum err e = witness_request_parse(bad, len, &r);
        if (e != ERR_SYNTAX)
            fail_msg("edit %zu: %s for %s", i, err_text(e), edits[i].to);
        free(bad);
    }
    buf_release(&text);
}

/* 63 hashes and no more; a note as long as notes may be and no longer. */
static void test_bounds(void **state)
{
    (void)state;
    struct merkle_hash proof[WITNESS_PROOF_MAX + 1] = { 0 };
    struct witness_request r;
    struct buf note, text;
    buf_init(&note, CHECKPOINT_MAX + 64);
    buf_init(&text, WITNESS_REQUEST_MAX + 4096);
    note_of(50, &note);
    assert_int_equal(
        witness_request_print(13, proof, WITNESS_PROOF_MAX + 1, buf_str(&note), note.len, &text),
        ERR_LIMIT);
    assert_int_equal(
        witness_request_print(13, proof, WITNESS_PROOF_MAX, buf_str(&note), note.len, &text), OK);
    assert_int_equal(witness_request_parse(buf_str(&text), text.len, &r), OK);
    assert_int_equal(r.n, WITNESS_PROOF_MAX);
    const struct edit more = { "old 13\n", "old 13\n" SPEC_PROOF "\n", 0 };
    size_t len = 0;
    char *bad = edit_apply(buf_str(&text), &more, &len);
    assert_int_equal(witness_request_parse(bad, len, &r), ERR_LIMIT);
    free(bad);
    /* A signature of an unknown kind fills the note to its last byte. */
    static const char head[] = "\xe2\x80\x94 x ";
    assert_int_equal(buf_add_str(&note, head), OK);
    while (note.len < CHECKPOINT_MAX - 5)
        assert_int_equal(buf_add_str(&note, "AAAA"), OK);
    assert_int_equal(buf_add_str(&note, "\n"), OK);
    size_t longest = note.len;
    buf_clear(&text);
    assert_int_equal(
        witness_request_print(13, proof, WITNESS_PROOF_MAX, buf_str(&note), longest, &text), OK);
    assert_true(text.len <= WITNESS_REQUEST_MAX);
    assert_int_equal(witness_request_parse(buf_str(&text), text.len, &r), OK);
    while (text.len <= WITNESS_REQUEST_MAX)
        assert_int_equal(buf_add_str(&text, "\n"), OK);
    assert_int_equal(witness_request_parse(buf_str(&text), text.len, &r), ERR_LIMIT);
    buf_clear(&text);
    assert_int_equal(witness_request_print(13, proof, 1, "no note\n", 8, &text), ERR_SYNTAX);
    assert_int_equal(text.len, 0);
    buf_release(&note);
    buf_release(&text);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static enum err find(const char *answer, const struct note_key *k, const struct buf *body,
                     const char **ret, size_t *ret_len)
{
    return witness_answer_line(answer, strlen(answer), k, buf_str(body), body->len, ret, ret_len);
}

static void cosign(struct buf *ret, const struct buf *body, size_t witness, uint64_t time)
{
    assert_int_equal(checkpoint_cosign(buf_str(body), body->len, &s.witness[witness].key,
                                       &s.witness[witness].secret, time, ret),
                     OK);
}

static void test_answer_line(void **state)
{
    (void)state;
    struct buf body, answer;
    const char *line = NULL;
    size_t len = 0;
    buf_init(&body, CHECKPOINT_MAX);
    buf_init(&answer, CHECKPOINT_MAX);
    s.claimed = SIZE;
    sample_body(&s, &body);
    cosign(&answer, &body, 0, 7);
    size_t begin = answer.len;
    cosign(&answer, &body, 1, 8);
    size_t end = answer.len;
    cosign(&answer, &body, 2, 9);
    assert_int_equal(find(buf_str(&answer), &s.witness[1].key, &body, &line, &len), OK);
    assert_ptr_equal(line, buf_str(&answer) + begin);
    assert_int_equal(len, end - begin);
    /* Of another key, type or body; twice; no list of lines; nothing at all. */
    const struct sample_key other = sample_key("test.example/m2", NOTE_TYPE_COSIGNATURE, 9);
    assert_int_equal(find(buf_str(&answer), &other.key, &body, &line, &len), ERR_CRYPTO);
    assert_int_equal(find(buf_str(&answer), &s.log.key, &body, &line, &len), ERR_CRYPTO);
    struct buf own;
    buf_init(&own, CHECKPOINT_MAX); /* the log is no witness of itself */
    assert_int_equal(checkpoint_sign(buf_str(&body), body.len, &s.log.key, &s.log.secret, &own),
                     OK);
    assert_int_equal(find(buf_str(&own), &s.log.key, &body, &line, &len), ERR_CRYPTO);
    buf_release(&own);
    body.data[0] ^= 1;
    assert_int_equal(find(buf_str(&answer), &s.witness[1].key, &body, &line, &len), ERR_CRYPTO);
    body.data[0] ^= 1;
    cosign(&answer, &body, 1, 10);
    assert_int_equal(find(buf_str(&answer), &s.witness[1].key, &body, &line, &len), ERR_CRYPTO);
    answer.len = end;
    answer.data[end] = '\0';
    assert_int_equal(find(buf_str(&answer), &s.witness[1].key, &body, &line, &len), OK);
    answer.data[end - 1] = '\0';
    assert_int_equal(find(buf_str(&answer), &s.witness[1].key, &body, &line, &len), ERR_SYNTAX);
    assert_int_equal(find("", &s.witness[1].key, &body, &line, &len), ERR_SYNTAX);
    assert_int_equal(find("<html>\n", &s.witness[1].key, &body, &line, &len), ERR_SYNTAX);
    buf_release(&body);
    buf_release(&answer);
}

static void test_answer_size(void **state)
{
    (void)state;
    static const char *const bad[] = { "",     "\n",   "9",    "99",    "9\n\n",
                                       " 9\n", "09\n", "-1\n", "9\r\n", "18446744073709551616\n" };
    uint64_t size = 1;
    assert_int_equal(witness_answer_size("0\n", 2, &size), OK);
    assert_int_equal(size, 0);
    assert_int_equal(witness_answer_size("20852014\n", 9, &size), OK);
    assert_int_equal(size, 20852014);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(witness_answer_size(bad[i], strlen(bad[i]), &size), ERR_SYNTAX);
    assert_int_equal(size, 20852014);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_specification), cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_malformed),     cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_answer_line),   cmocka_unit_test(test_answer_size),
    };
    sample_init(&s, SIZE);
    return cmocka_run_group_tests_name("witness", tests, NULL, NULL);
}
