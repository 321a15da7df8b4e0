/* The witness over its database: who it signs as, at what time, what it keeps, what it counts. The
 * verdicts themselves are in tests/unit/ledger/log, two processes in tests/e2e/witness.mjs. */
#include "server/witness/witness.h"

#include "server/store/witness.h"
#include "tests/lib/store_fixture.h"
#include "tests/unit/ledger/log/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <stdio.h>

#define NOW (INT64_C(1800000000) * USEC_PER_SEC)

static struct fixture f;
static struct db *db;
static struct sample s;
static struct sample_key cosigner;
static struct app app;
static struct witness *w;

static usec_t shifted(const struct app *a)
{
    return NOW + a->now_offset;
}

/* The log as it is at this size; fork: another one. */
static void request(uint64_t old, uint64_t size, bool fork, struct buf *ret)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    struct buf note;
    size_t n = 0;
    buf_init(&note, CHECKPOINT_MAX);
    s.size = fork ? size - 1 : size;
    s.claimed = size;
    sample_note(&s, 0, &note);
    if (!fork)
        assert_int_equal(merkle_consistency(sample_read, &s, old, size, proof, &n), OK);
    buf_clear(ret);
    assert_int_equal(witness_request_print(old, proof, n, buf_str(&note), note.len, ret), OK);
    buf_release(&note);
}

static struct witness_answer add(uint64_t old, uint64_t size, bool fork, struct buf *lines)
{
    struct witness_answer a = { .lines = lines };
    struct buf text;
    buf_init(&text, WITNESS_REQUEST_MAX);
    request(old, size, fork, &text);
    buf_clear(lines);
    assert_int_equal(witness_add(w, db, buf_str(&text), text.len, &a), OK);
    buf_release(&text);
    return a;
}

/* The one line is what the cosigner makes of this size at this time, byte for byte. */
static void must_sign(uint64_t size, usec_t at, const struct buf *lines)
{
    struct buf body, want;
    buf_init(&body, CHECKPOINT_MAX);
    buf_init(&want, CHECKPOINT_MAX);
    s.size = s.claimed = size;
    sample_body(&s, &body);
    assert_int_equal(checkpoint_cosign(buf_str(&body), body.len, &cosigner.key, &cosigner.secret,
                                       (uint64_t)(at / USEC_PER_SEC), &want),
                     OK);
    assert_string_equal(buf_str(lines), buf_str(&want));
    buf_release(&body);
    buf_release(&want);
}

static int64_t counted(const char *name)
{
    struct buf text;
    char line[128];
    buf_init(&text, 8192);
    assert_int_equal(witness_metrics(w, db, &text), OK);
    (void)snprintf(line, sizeof(line), "\n%s ", name);
    const char *at = strstr(buf_str(&text), line);
    assert_non_null(at);
    int64_t n = at[strlen(line)] - '0'; /* one digit is all that is used here */
    assert_int_equal(at[strlen(line) + 1], '\n');
    buf_release(&text);
    return n;
}

static void test_signs(void **state)
{
    (void)state;
    struct buf lines;
    buf_init(&lines, CHECKPOINT_MAX);
    assert_int_equal(add(0, 0, false, &lines).verdict, WITNESS_AGAIN);
    must_sign(0, NOW, &lines);
    app.now_offset = 1500000;
    assert_int_equal(add(0, 5, false, &lines).verdict, WITNESS_GROWN);
    must_sign(5, NOW + USEC_PER_SEC, &lines);
    app.now_offset = 9 * USEC_PER_SEC;
    assert_int_equal(add(5, 5, false, &lines).verdict, WITNESS_AGAIN);
    must_sign(5, NOW + 9 * USEC_PER_SEC, &lines);
    app.now_offset = 0; /* the clock goes back, the times do not */
    assert_int_equal(add(5, 12, false, &lines).verdict, WITNESS_GROWN);
    must_sign(12, NOW + 9 * USEC_PER_SEC, &lines);
    buf_release(&lines);
}

static void test_refuses(void **state)
{
    (void)state;
    struct buf lines;
    buf_init(&lines, CHECKPOINT_MAX);
    struct witness_answer a = add(5, 13, false, &lines);
    assert_int_equal(a.verdict, WITNESS_OTHER_SIZE);
    assert_int_equal(a.size, 12);
    assert_int_equal(counted("cairn_witness_forked_logs"), 0);
    a = add(12, 12, true, &lines);
    assert_int_equal(a.verdict, WITNESS_FORKED);
    assert_int_equal(a.size, 12);
    assert_int_equal(counted("cairn_witness_forked_logs"), 1);
    assert_int_equal(add(12, 13, true, &lines).verdict, WITNESS_UNPROVEN);
    assert_int_equal(witness_add(w, db, "old 1\n", 6, &a), OK);
    assert_int_equal(a.verdict, WITNESS_MALFORMED);
    assert_int_equal(lines.len, 0); /* nothing was signed */
    struct witness_state kept;
    assert_int_equal(store_witness_state(db, SAMPLE_ORIGIN, &kept), OK);
    assert_int_equal(kept.size, 12);
    buf_release(&lines);
}

/* The verdicts of the two tests before. */
static void test_counts(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t n;
    } all[] = { { "grown", 2 },      { "again", 2 },  { "malformed", 1 },      { "unsigned", 0 },
                { "other_size", 1 }, { "forked", 1 }, { "unknown_origin", 0 }, { "unproven", 1 } };
    for (size_t i = 0; i < COUNT(all); i++) {
        char name[96];
        (void)snprintf(name, sizeof(name), "cairn_witness_requests_total{verdict=\"%s\"}",
                       all[i].name);
        assert_int_equal(counted(name), all[i].n);
    }
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    fixture_up(&f, 16);
    sample_init(&s, 20);
    cosigner = sample_key("here.example/member-7", NOTE_TYPE_COSIGNATURE, 40);
    app = (struct app){ .now = shifted, .member = 7, .federation = "here.example" };
    const struct witness_config c = { .logs = &s.log.key, .n = 1, .cosigner = &cosigner.secret };
    return witness_open(&app, &c, &w) == OK && db_open(f.store, &db) == OK ? 0 : 1;
}

static int down(void **state)
{
    (void)state;
    witness_close(w);
    db_close(db);
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signs),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_counts),
    };
    return cmocka_run_group_tests_name("witness", tests, up, down);
}
