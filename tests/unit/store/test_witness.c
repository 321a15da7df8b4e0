/* What was cosigned is taken once and never back; lines of witnesses elsewhere stand under the
 * checkpoint they are for. */
#include "server/store/witness.h"

#include "server/store/log.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ORIGIN "other.example/tx"
#define AT (INT64_C(1800000000) * USEC_PER_SEC)

static struct fixture f;
static struct db *db, *second;

struct taking {
    struct witness_state was;
    struct checkpoint to;
    usec_t now, at;
    bool taken;
};

static struct checkpoint tree(uint64_t size, uint8_t root)
{
    struct checkpoint c = { .origin = ORIGIN, .size = size };
    memset(c.root.bytes, root, sizeof(c.root.bytes));
    return c;
}

static struct witness_state state(uint64_t size, uint8_t root)
{
    struct witness_state s;
    witness_state_init(&s);
    s.size = size;
    if (size > 0)
        memset(s.root.bytes, root, sizeof(s.root.bytes));
    return s;
}

static enum err take_tx(struct db *on, void *arg)
{
    struct taking *t = arg;
    return store_witness_take(on, &t->was, &t->to, "a note\n", t->now, &t->taken, &t->at);
}

static bool take(struct db *on, struct witness_state was, struct checkpoint to, usec_t now,
                 usec_t *ret_at)
{
    struct taking t = { .was = was, .to = to, .now = now };
    assert_int_equal(db_transact(on, "witness", take_tx, &t), OK);
    *ret_at = t.at;
    return t.taken;
}

static void must_be(uint64_t size, uint8_t root)
{
    struct witness_state got, want = state(size, root);
    assert_int_equal(store_witness_state(second, ORIGIN, &got), OK);
    assert_int_equal(got.size, size);
    assert_memory_equal(got.root.bytes, want.root.bytes, HASH_BYTES);
}

static void test_taken_once(void **unused)
{
    (void)unused;
    usec_t at = 0;
    must_be(0, 0);
    assert_true(take(db, state(0, 0), tree(5, 1), AT + 700000, &at));
    assert_int_equal(at, AT); /* whole seconds */
    must_be(5, 1);
    assert_false(take(db, state(0, 0), tree(6, 2), AT, &at)); /* the first of another connection */
    assert_false(take(db, state(4, 1), tree(6, 2), AT, &at)); /* another size */
    assert_false(take(db, state(5, 9), tree(6, 2), AT, &at)); /* another root */
    must_be(5, 1);
    assert_true(take(db, state(5, 1), tree(7, 2), AT + 3 * USEC_PER_SEC, &at));
    assert_int_equal(at, AT + 3 * USEC_PER_SEC);
    must_be(7, 2);
}

/* A clock that goes back does not put a cosignature before an earlier one. */
static void test_time_stays(void **unused)
{
    (void)unused;
    usec_t at = 0;
    assert_true(take(db, state(7, 2), tree(7, 2), AT, &at));
    assert_int_equal(at, AT + 3 * USEC_PER_SEC);
    assert_true(take(db, state(7, 2), tree(8, 3), AT, &at));
    assert_int_equal(at, AT + 3 * USEC_PER_SEC);
}

/* While one transaction has the row, another that began from the same state waits and then loses.
 */
struct other {
    struct taking t;
    pthread_t thread;
};

static void *take_too(void *arg)
{
    struct other *o = arg;
    assert_int_equal(db_transact(second, "witness", take_tx, &o->t), OK);
    return NULL;
}

static enum err take_and_let_wait(struct db *on, void *arg)
{
    struct other *o = arg;
    struct taking mine = { .was = state(8, 3), .to = tree(9, 4), .now = AT };
    enum err e = take_tx(on, &mine);
    assert_true(mine.taken);
    assert_int_equal(pthread_create(&o->thread, NULL, take_too, o), 0);
    while (fixture_number(&f, "SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                              "'transactionid'") == 0)
        ;
    return e;
}

static void test_two_at_once(void **unused)
{
    (void)unused;
    struct other o = { .t = { .was = state(8, 3), .to = tree(10, 5), .now = AT } };
    assert_int_equal(db_transact(db, "witness", take_and_let_wait, &o), OK);
    assert_int_equal(pthread_join(o.thread, NULL), 0);
    assert_false(o.t.taken);
    must_be(9, 4);
}

static void test_forks(void **unused)
{
    (void)unused;
    int64_t n = 7;
    assert_int_equal(store_witness_forks(db, &n), OK);
    assert_int_equal(n, 0);
    struct checkpoint c = tree(9, 7), stranger = { .origin = "nobody.example", .size = 9 };
    assert_int_equal(store_witness_fork(db, &stranger, "x\n", AT), OK);
    assert_int_equal(store_witness_fork(db, &c, "first\n", AT), OK);
    assert_int_equal(store_witness_fork(db, &c, "second\n", AT), OK);
    assert_int_equal(store_witness_forks(db, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM witness_log WHERE fork = E'first\\n'"
                                        " AND fork_of = note AND size = 9"),
                     1);
}

/* Whatever the program did wrong: the database does not let it. */
static void test_not_taken_back(void **unused)
{
    (void)unused;
    static const struct {
        const char *sql, *state;
    } tries[] = {
        { "UPDATE witness_log SET size = size - 1", "23001" },
        { "UPDATE witness_log SET root = sha256('x')", "23001" },
        { "UPDATE witness_log SET at = at - interval '1 s'", "23001" },
        { "UPDATE witness_log SET fork = NULL, fork_at = NULL", "23001" },
        { "UPDATE witness_log SET origin = 'x'", "23001" },
        { "DELETE FROM witness_log", "42501" },
        { "TRUNCATE witness_log", "42501" },
        { "UPDATE log_cosignature SET line = '0123456789'", "42501" },
        { "DELETE FROM log_cosignature", "42501" },
        { "INSERT INTO log_cosignature VALUES (1, 999, 'x', '0123456789', now())", "23503" },
        { "UPDATE witness_log SET size = size + 1, root = sha256('x')", "00000" },
    };
    for (size_t i = 0; i < COUNT(tries); i++) {
        char got[6];
        fixture_sqlstate(&f, "cairn_app", tries[i].sql, got);
        assert_string_equal(got, tries[i].state);
    }
}

/* ---- lines of others ------------------------------------------------------------------------- */

static enum err insert_tx(struct db *on, void *arg)
{
    static const struct merkle_hash root;
    const uint64_t *size = arg;
    char *note = NULL;
    size_t len = *size == 40 ? CHECKPOINT_MAX - 20 : 6;
    note = malloc(len + 1);
    assert_non_null(note);
    memset(note, 'n', len);
    note[len - 1] = '\n';
    note[len] = '\0';
    enum err e = store_checkpoint_insert(on, CHAIN_TX, *size, &root, note, AT);
    free(note);
    return e;
}

static void line(uint64_t size, const char *name, const char *text)
{
    assert_int_equal(store_cosignature_put(db, CHAIN_TX, size, name, text, AT), OK);
}

static void covering(uint64_t size, uint64_t want, const char *tail)
{
    struct arena *arena = arena_new(1u << 20);
    const char *note = NULL;
    uint64_t got = 0;
    assert_int_equal(store_checkpoint_witnessed(db, CHAIN_TX, size, arena, &got, &note), OK);
    assert_int_equal(got, want);
    assert_true(strlen(note) <= CHECKPOINT_MAX && strlen(note) > strlen(tail));
    assert_string_equal(note + strlen(note) - strlen(tail), tail);
    assert_int_equal(note[strlen(note) - strlen(tail) - 1], '\n');
    arena_free(arena);
}

static void test_lines(void **unused)
{
    (void)unused;
    uint64_t sizes[] = { 10, 20, 30, 40 }, got = 9;
    struct arena *arena = arena_new(1u << 20);
    const char *text = NULL;
    for (size_t i = 0; i < COUNT(sizes); i++)
        assert_int_equal(db_transact(db, "checkpoint", insert_tx, &sizes[i]), OK);
    assert_int_equal(store_cosigned_size(db, CHAIN_TX, "b", &got), OK);
    assert_int_equal(got, 0);
    covering(5, 10, "");
    line(20, "b", "line of b at 20\n");
    line(20, "a", "line of a at 20\n");
    line(20, "b", "another of b at 20\n"); /* the first stays */
    line(40, "a", "line of a, which does not fit\n");
    assert_int_equal(store_cosigned_size(db, CHAIN_TX, "b", &got), OK);
    assert_int_equal(got, 20);
    assert_int_equal(store_cosigned_size(db, CHAIN_ACCOUNT, "b", &got), OK);
    assert_int_equal(got, 0);
    assert_int_equal(store_cosignatures(db, CHAIN_TX, 20, arena, &text), OK);
    assert_string_equal(text, "line of a at 20\nline of b at 20\n");
    assert_int_equal(store_cosignatures(db, CHAIN_TX, 30, arena, &text), OK);
    assert_string_equal(text, "");
    /* The first that is cosigned, else the first there is. */
    covering(5, 20, "line of a at 20\nline of b at 20\n");
    covering(20, 20, "line of a at 20\nline of b at 20\n");
    covering(21, 40, "");
    assert_int_equal(store_checkpoint_witnessed(db, CHAIN_TX, 41, arena, &got, &text),
                     ERR_NOT_FOUND);
    arena_free(arena);
}

static int up(void **unused)
{
    (void)unused;
    crypto_setup();
    fixture_up(&f, 16);
    return db_open(f.store, &db) == OK && db_open(f.store, &second) == OK ? 0 : 1;
}

static int down(void **unused)
{
    (void)unused;
    db_close(db);
    db_close(second);
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken_once),     cmocka_unit_test(test_time_stays),
        cmocka_unit_test(test_two_at_once),    cmocka_unit_test(test_forks),
        cmocka_unit_test(test_not_taken_back), cmocka_unit_test(test_lines),
    };
    return cmocka_run_group_tests_name("store witness", tests, up, down);
}
