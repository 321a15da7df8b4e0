/* Migrations: applied once, refused when changed or unknown, undone when they fail; and every
 * statement of the program fits the schema they make. */
#include "server/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include "migrations.inc"

static struct fixture f;

static int64_t applied(void)
{
    return fixture_number(&f, "SELECT count(*) FROM schema_migration");
}

static void test_twice_is_once(void **state)
{
    (void)state;
    int64_t tables = fixture_number(&f, "SELECT count(*) FROM pg_class");
    assert_int_equal(applied(), COUNT(migrations));
    assert_int_equal(store_migrate(&f.config), OK);
    assert_int_equal(applied(), COUNT(migrations));
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM pg_class"), tables);
}

static void test_hashes_are_the_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(migrations); i++) {
        char sql[512];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM schema_migration WHERE name = '%s' AND"
                       " sha256 = '%s'",
                       migrations[i].name, migrations[i].sha256);
        assert_int_equal(fixture_number(&f, sql), 1);
    }
}

/* The list of the program and some more. */
static size_t extended(struct migration *all, const char *name, const char *sql)
{
    size_t n = COUNT(migrations);
    memcpy(all, migrations, sizeof(migrations));
    all[n] = (struct migration){ name,
                                 "00000000000000000000000000000000000000000000000000000000000000aa",
                                 sql };
    return n + 1;
}

static void test_failing_one_leaves_nothing(void **state)
{
    (void)state;
    struct migration all[COUNT(migrations) + 1];
    size_t n = extended(all, "9000-bad.sql", "CREATE TABLE half (x int); SELECT 1 / 0");
    assert_int_equal(migrate_apply(f.config.owner_conninfo, all, n), ERR_INTERNAL);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM pg_class WHERE relname = 'half'"), 0);
    assert_int_equal(applied(), COUNT(migrations));
}

static void test_own_transaction_is_refused(void **state)
{
    (void)state;
    struct migration all[COUNT(migrations) + 1];
    size_t n = extended(all, "9000-bad.sql", "COMMIT");
    assert_int_equal(migrate_apply(f.config.owner_conninfo, all, n), ERR_INTERNAL);
    assert_int_equal(applied(), COUNT(migrations));
}

static void test_changed_and_unknown_are_refused(void **state)
{
    (void)state;
    struct migration all[COUNT(migrations) + 1];
    size_t n = extended(all, "9000-new.sql", "CREATE TABLE later (x int)");
    all[0].sha256 = all[n - 1].sha256;
    assert_int_equal(migrate_apply(f.config.owner_conninfo, all, n), ERR_NOT_READY);
    assert_int_equal(applied(), COUNT(migrations));

    all[0] = migrations[0];
    assert_int_equal(migrate_apply(f.config.owner_conninfo, all, n), OK); /* the control */
    assert_int_equal(applied(), COUNT(migrations) + 1);
    assert_int_equal(fixture_number(&f,
                                    "SELECT count(*) FROM pg_tables WHERE tablename = 'later' AND"
                                    " tableowner = 'cairn_owner'"),
                     1);
    /* A program that does not know the last one is older than the database. */
    assert_int_equal(store_migrate(&f.config), ERR_NOT_READY);
    fixture_sql(&f, "DELETE FROM schema_migration WHERE name = '9000-new.sql'; DROP TABLE later");
    assert_int_equal(store_migrate(&f.config), OK);
    /* One that was skipped may not be slipped in before the others. */
    fixture_sql(&f, "DELETE FROM schema_migration WHERE name LIKE '0001%'");
    assert_int_equal(store_migrate(&f.config), ERR_NOT_READY);
    char sql[256];
    (void)snprintf(sql, sizeof(sql), "INSERT INTO schema_migration VALUES ('%s', '%s')",
                   migrations[0].name, migrations[0].sha256);
    fixture_sql(&f, sql);
}

static void test_books_are_commented(void **state)
{
    (void)state;
    assert_int_equal(
        fixture_number(
            &f,
            "SELECT count(*) FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relname IN ('idem', 'book_account', 'book_transfer', 'book_head',"
            "  'schema_migration') AND a.attnum >= 0 AND NOT a.attisdropped"
            " AND (col_description(c.oid, a.attnum) IS NULL OR obj_description(c.oid) IS NULL)"),
        0);
}

static void test_every_statement_fits(void **state)
{
    (void)state;
    static const struct store_stmt broken = { "test_broken", "SELECT nothing FROM nowhere" };
    static const struct store_stmt twin = { "idem_get", "SELECT 1" };
    static const struct store_stmt *const bad[] = { &broken }, *const twins[] = { &twin };
    static const size_t one = 1;
    struct db *db;
    assert_int_equal(db_open(f.store, &db), OK);
    assert_int_equal(store_prepare_all(db, store_lists, store_lists_n), OK);
    const struct store_list with_broken[] = { store_lists[0], { "bad", bad, &one } };
    const struct store_list with_twin[] = { store_lists[0], { "twin", twins, &one } };
    assert_int_equal(store_prepare_all(db, with_broken, 2), ERR_INTERNAL);
    assert_int_equal(store_prepare_all(db, with_twin, 2), ERR_INTERNAL);
    db_close(db);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twice_is_once),
        cmocka_unit_test(test_hashes_are_the_files),
        cmocka_unit_test(test_failing_one_leaves_nothing),
        cmocka_unit_test(test_own_transaction_is_refused),
        cmocka_unit_test(test_changed_and_unknown_are_refused),
        cmocka_unit_test(test_books_are_commented),
        cmocka_unit_test(test_every_statement_fits),
    };
    return cmocka_run_group_tests(tests, up, down);
}
