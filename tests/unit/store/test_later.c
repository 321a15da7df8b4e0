/* Statements that nobody waits for: one round trip, the first failure wins, nothing after it is
 * done. */
#include "server/crypto/hash.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static struct fixture f;
static struct db *db;

static const struct store_stmt put = { "later_put", "INSERT INTO later_t VALUES ($1::int)" };
static const struct store_stmt say = { "later_say", "SELECT count(*) FROM later_t" };
static const struct store_stmt gone = { "later_gone", "DELETE FROM later_t WHERE n = $1::int" };

static enum err put_later(int n)
{
    static const struct constraint_err expect[] = { { "later_t_pkey", ERR_ACCOUNT_EXISTS } };
    static const struct later must = { .expect = expect, .n_expect = COUNT(expect) };
    const struct param in[] = { p_i64(n) };
    return db_later(db, &put, in, COUNT(in), &must);
}

static enum err say_later(const char *count)
{
    struct later must = { .otherwise = ERR_STATE };
    memcpy(must.text, count, strlen(count) + 1);
    return db_later(db, &say, NULL, 0, &must);
}

static int64_t stored(void)
{
    return fixture_number(&f, "SELECT count(*) FROM later_t");
}

static int empty(void **state)
{
    (void)state;
    fixture_sql(&f, "DELETE FROM later_t");
    return 0;
}

/* More than may be pending at once; what is waited for sees all of it. */
static void test_the_next_one_waited_for(void **state)
{
    (void)state;
    for (int i = 0; i < 1000; i++)
        assert_int_equal(put_later(i), OK);
    struct rows *r = NULL;
    assert_int_equal(db_exec(db, &say, NULL, 0, &r), OK);
    assert_int_equal(row_i64(r, 0, 0), 1000);
    rows_free(r);
    assert_int_equal(stored(), 1000);
    assert_int_equal(db_settle(db), OK);
}

static void test_the_first_failure(void **state)
{
    (void)state;
    struct rows *r = NULL;
    assert_int_equal(put_later(1), OK);
    assert_int_equal(db_settle(db), OK);
    assert_int_equal(put_later(2), OK);
    assert_int_equal(put_later(1), OK); /* refused, and with it all since the last answer */
    assert_int_equal(say_later("77"), OK);
    assert_int_equal(put_later(3), OK);
    assert_int_equal(db_exec(db, &say, NULL, 0, &r), ERR_ACCOUNT_EXISTS);
    assert_null(r);
    assert_int_equal(stored(), 1);
    assert_int_equal(put_later(4), OK); /* and the connection goes on */
    assert_int_equal(db_settle(db), OK);
    assert_int_equal(stored(), 2);
}

static void test_the_one_that_is_waited_for_fails(void **state)
{
    (void)state;
    static const struct constraint_err expect[] = { { "later_t_pkey", ERR_ACCOUNT_EXISTS } };
    const struct param in[] = { p_i64(5) };
    assert_int_equal(put_later(5), OK);
    assert_int_equal(db_exec_expect(db, &put, in, COUNT(in), expect, COUNT(expect), NULL),
                     ERR_ACCOUNT_EXISTS);
    assert_int_equal(stored(), 0);
}

static enum err two_then(struct db *in, void *arg)
{
    const char *count = arg;
    (void)in;
    enum err e = put_later(1);
    if (e == OK)
        e = put_later(2);
    return e == OK && count != NULL ? say_later(count) : e;
}

static enum err two_and_fail(struct db *in, void *arg)
{
    enum err e = two_then(in, arg);
    return e == OK ? ERR_LIMIT : e;
}

static enum err nothing(struct db *in, void *arg)
{
    (void)in;
    (void)arg;
    return OK;
}

/* What is demanded is looked at before the COMMIT, not after it. */
static void test_transactions(void **state)
{
    (void)state;
    assert_int_equal(db_transact(db, "t", two_then, "3"), ERR_STATE);
    assert_int_equal(stored(), 0);
    assert_int_equal(db_transact(db, "t", two_and_fail, NULL), ERR_LIMIT);
    assert_int_equal(stored(), 0);
    assert_int_equal(db_transact(db, "t", two_then, "2"), OK);
    assert_int_equal(stored(), 2);
    assert_int_equal(db_transact(db, "t", two_then, NULL),
                     ERR_ACCOUNT_EXISTS); /* with its COMMIT */
    assert_int_equal(stored(), 2);
    assert_int_equal(db_transact(db, "t", nothing, NULL), OK);
    assert_int_equal(db_check(db), OK);
}

/* In the writer's batches a failure of what was sent later is the callback's own. */
static enum err put_in_batch(struct db *in, void *arg, struct arena *arena, struct answer *ret)
{
    static const struct constraint_err expect[] = { { "later_t_pkey", ERR_ACCOUNT_EXISTS } };
    static const struct later must = { .expect = expect, .n_expect = COUNT(expect) };
    const int *n = arg;
    const struct param param[] = { p_i64(*n) };
    *ret = (struct answer){ .status = 201, .body = arena_strdup(arena, "{}"), .body_len = 2 };
    return db_later(in, &put, param, COUNT(param), &must);
}

static void test_in_a_write(void **state)
{
    (void)state;
    struct arena *arena = arena_new(65536);
    int n = 7;
    for (uint32_t i = 0; i < 3; i++) {
        struct id id = fixture_id(77, i);
        struct write_key key = fixture_key(&id);
        struct answer a;
        n = i == 2 ? 8 : 7;
        assert_int_equal(store_write(f.store, "t", &key, put_in_batch, &n, arena, &a),
                         i == 1 ? ERR_ACCOUNT_EXISTS : OK);
    }
    assert_int_equal(stored(), 2);
    arena_free(arena);
}

static void test_one_row(void **state)
{
    (void)state;
    static const struct later must = { .one_row = true, .otherwise = ERR_NOT_FOUND };
    const struct param in[] = { p_i64(9) };
    assert_int_equal(db_later(db, &gone, in, COUNT(in), &must), OK);
    assert_int_equal(db_settle(db), ERR_NOT_FOUND);
    assert_int_equal(put_later(9), OK);
    assert_int_equal(db_later(db, &gone, in, COUNT(in), &must), OK);
    assert_int_equal(db_settle(db), OK);
    assert_int_equal(db_later(db, &say, NULL, 0, &must), OK); /* rows that are answered count too */
    assert_int_equal(db_settle(db), OK);
}

static void test_a_lost_connection(void **state)
{
    (void)state;
    assert_int_equal(put_later(1), OK);
    fixture_sql(&f, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <>"
                    " pg_backend_pid() AND usename = 'cairn_app'");
    enum err e = put_later(2);
    if (e == OK)
        e = db_settle(db);
    assert_int_equal(e, ERR_DB_DOWN);
    assert_int_equal(put_later(3), ERR_DB_DOWN);
    assert_int_equal(db_settle(db), ERR_DB_DOWN);
    assert_int_equal(db_check(db), OK);
    assert_int_equal(db_settle(db), OK);
    assert_int_equal(stored(), 0);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    fixture_up(&f, 1);
    fixture_sql(&f, "CREATE TABLE later_t (n int PRIMARY KEY);"
                    " GRANT SELECT, INSERT, DELETE ON later_t TO cairn_app");
    return db_open(f.store, &db) == OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    db_close(db);
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_the_next_one_waited_for, empty),
        cmocka_unit_test_setup(test_the_first_failure, empty),
        cmocka_unit_test_setup(test_the_one_that_is_waited_for_fails, empty),
        cmocka_unit_test_setup(test_transactions, empty),
        cmocka_unit_test_setup(test_in_a_write, empty),
        cmocka_unit_test_setup(test_one_row, empty),
        cmocka_unit_test_setup(test_a_lost_connection, empty),
    };
    return cmocka_run_group_tests_name("later", tests, up, down);
}
