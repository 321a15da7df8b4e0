/* tlog-witness: every verdict, over trees of many sizes. */
#include "tests/unit/ledger/log/witness_sample.h"

#include <stdlib.h>

static void root_of(uint64_t size, struct merkle_hash *ret)
{
    assert_int_equal(merkle_root_at(sample_read, &s, size, ret), OK);
}

static struct witness_state state_of(uint64_t size)
{
    struct witness_state state;
    witness_state_init(&state);
    state.size = size;
    if (size > 0)
        root_of(size, &state.root);
    return state;
}

static enum witness_verdict decide(const struct witness_request *r, const struct witness_state *was)
{
    return witness_decide(r, &s.log.key, 1, was);
}

/* Every pair of sizes: taken from the right state, refused from every other. */
static void test_grown(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, WITNESS_REQUEST_MAX);
    for (uint64_t old = 0; old <= SIZE; old++)
        for (uint64_t size = old; size <= SIZE; size += size < 20 ? 1 : 7) {
            struct witness_request r = request_of(old, size, &text);
            struct witness_state was = state_of(old);
            assert_int_equal(decide(&r, &was), old == size ? WITNESS_AGAIN : WITNESS_GROWN);
            was.size = old + 1; /* whatever its root */
            assert_int_equal(decide(&r, &was), WITNESS_OTHER_SIZE);
            was = state_of(old > 0 ? old - 1 : 2);
            assert_int_equal(decide(&r, &was), WITNESS_OTHER_SIZE);
        }
    buf_release(&text);
}

/* From another tree of the same size no proof leads here, and a proof changed anywhere leads
 * nowhere.
 */
static void test_unproven(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, WITNESS_REQUEST_MAX);
    for (uint64_t old = 1; old < 40; old++) {
        uint64_t size = old + 1 + old % 30;
        struct witness_request r = request_of(old, size, &text), bad;
        struct witness_state was = state_of(old), other = was;
        assert_int_equal(decide(&r, &was), WITNESS_GROWN);
        other.root.bytes[old % HASH_BYTES] ^= 1;
        assert_int_equal(decide(&r, &other), WITNESS_UNPROVEN);
        for (size_t i = 0; i < r.n; i++) {
            bad = r;
            bad.proof[i].bytes[i % HASH_BYTES] ^= 0x80;
            assert_int_equal(decide(&bad, &was), WITNESS_UNPROVEN);
        }
        bad = r;
        bad.n--;
        assert_int_equal(decide(&bad, &was), WITNESS_UNPROVEN);
        bad = r;
        bad.n++;
        assert_int_equal(decide(&bad, &was), WITNESS_UNPROVEN);
    }
    /* Where nothing has to be proven the proof is empty. */
    struct witness_request r = request_of(0, 9, &text);
    struct witness_state was = state_of(0);
    r.n = 1;
    assert_int_equal(decide(&r, &was), WITNESS_UNPROVEN);
    r = request_of(9, 9, &text);
    was = state_of(9);
    r.n = 1;
    assert_int_equal(decide(&r, &was), WITNESS_UNPROVEN);
    buf_release(&text);
}

static void test_forked(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, WITNESS_REQUEST_MAX);
    for (uint64_t size = 0; size <= SIZE; size++) {
        struct witness_request r = request_of(size, size, &text);
        struct witness_state was = state_of(size);
        for (size_t bit = 0; bit < 8 * HASH_BYTES; bit += 37) {
            struct witness_state other = was;
            other.root.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
            assert_int_equal(decide(&r, &other), WITNESS_FORKED);
        }
        /* A proof does not make it another matter. */
        was.root.bytes[0] ^= 1;
        r.n = 1;
        assert_int_equal(decide(&r, &was), WITNESS_FORKED);
    }
    buf_release(&text);
}

/* Whatever else is wrong, who speaks is looked at first. */
static void test_strangers(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, WITNESS_REQUEST_MAX);
    struct witness_request r = request_of(13, 50, &text);
    struct witness_state was = state_of(20);
    struct sample_key keys[] = { sample_key("test.example/cairn/t", NOTE_TYPE_ED25519, 1),
                                 sample_key("test.example/cairn/tx2", NOTE_TYPE_ED25519, 1),
                                 sample_key(SAMPLE_ORIGIN, NOTE_TYPE_ED25519, 9) };
    struct note_key list[] = { keys[0].key, keys[1].key, keys[2].key, s.log.key };
    assert_int_equal(witness_decide(&r, list, 0, &was), WITNESS_UNKNOWN);
    assert_int_equal(witness_decide(&r, list, 2, &was), WITNESS_UNKNOWN);
    assert_int_equal(witness_decide(&r, list, 3, &was), WITNESS_UNSIGNED);
    assert_int_equal(witness_decide(&r, list, 4, &was), WITNESS_OTHER_SIZE);
    assert_true(witness_knows(list, 4, SAMPLE_ORIGIN));
    assert_false(witness_knows(list, 2, SAMPLE_ORIGIN));
    was = state_of(13); /* of two keys of one origin either may sign */
    assert_int_equal(witness_decide(&r, list, 4, &was), WITNESS_GROWN);
    buf_release(&text);
}

static enum witness_verdict decide_text(const struct buf *text)
{
    struct witness_request r;
    struct witness_state was = state_of(13);
    assert_int_equal(witness_request_parse(buf_str(text), text->len, &r), OK);
    return decide(&r, &was);
}

static void test_signatures(void **state)
{
    (void)state;
    struct buf text, line;
    buf_init(&text, WITNESS_REQUEST_MAX);
    buf_init(&line, CHECKPOINT_MAX);
    struct witness_request r = request_of(13, 50, &text);
    size_t end = text.len;
    /* Lines of others do not matter, however they came about. */
    const struct sample_key stranger = sample_key("other.example", NOTE_TYPE_ED25519, 8);
    assert_int_equal(checkpoint_sign(r.note, r.body_len, &stranger.key, &stranger.secret, &line),
                     OK);
    assert_int_equal(buf_add(&text, line.data, line.len), OK);
    assert_int_equal(decide_text(&text), WITNESS_GROWN);
    /* The log's own line a second time makes the note ambiguous, like every note. */
    text.len = end;
    buf_clear(&line);
    assert_int_equal(checkpoint_sign(r.note, r.body_len, &s.log.key, &s.log.secret, &line), OK);
    assert_int_equal(buf_add(&text, line.data, line.len), OK);
    assert_int_equal(decide_text(&text), WITNESS_UNSIGNED);
    /* One bit of what is signed, under the old signature. */
    text.len = end;
    text.data[end] = '\0';
    char *size = strstr((char *)text.data, "\n50\n");
    assert_non_null(size);
    size[2] = '1';
    assert_int_equal(decide_text(&text), WITNESS_UNSIGNED);
    size[2] = '0';
    assert_int_equal(decide_text(&text), WITNESS_GROWN);
    buf_release(&text);
    buf_release(&line);
}

/* Signed by these of the keys, over one body; broken: the last line is not what it was. */
static enum witness_verdict decide_signed(const struct sample_key *const *by, size_t n, bool broken,
                                          const struct note_key *trusted, size_t n_trusted)
{
    struct witness_request made = { .n = 0 }, r;
    struct witness_state was = state_of(13);
    struct buf note, text;
    buf_init(&note, CHECKPOINT_MAX);
    buf_init(&text, WITNESS_REQUEST_MAX);
    s.size = s.claimed = 50;
    sample_body(&s, &note);
    s.size = SIZE;
    size_t body_len = note.len;
    char *body = malloc(body_len);
    assert_non_null(body);
    memcpy(body, note.data, body_len);
    assert_int_equal(buf_add_str(&note, "\n"), OK);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(checkpoint_sign(body, body_len, &by[i]->key, &by[i]->secret, &note), OK);
    if (broken) /* of 68 bytes in base64, one '=' at the end: this is a whole character */
        note.data[note.len - 8] = note.data[note.len - 8] == 'A' ? 'B' : 'A';
    proof_of(13, 50, &made);
    assert_int_equal(witness_request_print(13, made.proof, made.n, buf_str(&note), note.len, &text),
                     OK);
    assert_int_equal(witness_request_parse(buf_str(&text), text.len, &r), OK);
    enum witness_verdict verdict = witness_decide(&r, trusted, n_trusted, &was);
    free(body);
    buf_release(&note);
    buf_release(&text);
    return verdict;
}

/* Two keys of one origin, and one of another log that is trusted for its own origin alone. */
static void test_many_keys(void **state)
{
    (void)state;
    const struct sample_key second = sample_key(SAMPLE_ORIGIN, NOTE_TYPE_ED25519, 9);
    const struct sample_key other = sample_key("other.example/tx", NOTE_TYPE_ED25519, 10);
    const struct sample_key *const both[] = { &s.log, &second }, *const foreign[] = { &other };
    const struct note_key trusted[] = { s.log.key, second.key, other.key };
    assert_int_equal(decide_signed(both, 1, false, trusted, 3), WITNESS_GROWN);
    assert_int_equal(decide_signed(both + 1, 1, false, trusted, 3), WITNESS_GROWN);
    assert_int_equal(decide_signed(both, 2, false, trusted, 3), WITNESS_GROWN);
    assert_int_equal(decide_signed(both, 1, true, trusted, 3), WITNESS_UNSIGNED);
    assert_int_equal(decide_signed(both, 2, true, trusted, 3), WITNESS_UNSIGNED);
    assert_int_equal(decide_signed(both, 2, true, trusted, 1), WITNESS_GROWN); /* not known */
    assert_int_equal(decide_signed(foreign, 1, false, trusted, 3), WITNESS_UNSIGNED);
}

static void test_names(void **state)
{
    (void)state;
    for (int a = 0; a < WITNESS_VERDICTS; a++)
        for (int b = 0; b < a; b++)
            assert_string_not_equal(witness_verdict_name((enum witness_verdict)a),
                                    witness_verdict_name((enum witness_verdict)b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grown),      cmocka_unit_test(test_unproven),
        cmocka_unit_test(test_forked),     cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_signatures), cmocka_unit_test(test_many_keys),
        cmocka_unit_test(test_names),
    };
    sample_init(&s, SIZE);
    return cmocka_run_group_tests_name("witness verdict", tests, NULL, NULL);
}
