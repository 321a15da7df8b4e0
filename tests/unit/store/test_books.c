/* The books in PostgreSQL: every rule with a violation of it. */
#include "server/books/books.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static struct fixture f;
static uint32_t next_entry;

/* What a test posts, as one write. */
struct post {
    struct id entry;
    bool no_entry;
    const char *currency;
    const struct transfer *t;
    size_t n;
};

static enum err post_fn(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct post *p = arg;
    enum err e = p->no_entry ? OK : fixture_entry(db, &p->entry);
    if (e == OK)
        e = books_post(db, &p->entry, p->currency, p->t, p->n);
    *ret = (struct answer){ .status = 201, .body = arena_strdup(arena, "{}") };
    return e;
}

static enum err write_post(struct post p)
{
    struct write_key key = fixture_key(&p.entry);
    struct arena *arena = arena_new(65536);
    struct answer a;
    (void)snprintf(key.key, sizeof(key.key), "post-%u", ++next_entry);
    enum err e = store_write(f.store, "post", &key, post_fn, &p, arena, &a);
    arena_free(arena);
    return e;
}

static struct id new_entry(void)
{
    return fixture_id(50, ++next_entry);
}

static enum err post(struct id entry, const struct transfer *t, size_t n)
{
    return write_post((struct post){ .entry = entry, .currency = "EUR", .t = t, .n = n });
}

static struct id wallet_of(uint32_t n)
{
    struct id owner = fixture_id(2, n);
    return book_account_id(BOOK_WALLET, &owner, "EUR");
}

static void balance(uint32_t n, int64_t *available, int64_t *pending)
{
    struct db *db;
    struct id owner = fixture_id(2, n);
    assert_int_equal(db_open(f.store, &db), OK);
    assert_int_equal(books_balance(db, BOOK_WALLET, &owner, "EUR", available, pending), OK);
    db_close(db);
}

static int64_t available(uint32_t n)
{
    int64_t a, p;
    balance(n, &a, &p);
    return a;
}

static void test_moves_money(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry();
    int64_t a0 = available(0), b0 = available(1);
    struct transfer t[] = { books_leg(&entry, 0, &a, &b, 30, "test"),
                            books_leg(&entry, 1, &b, &a, 7, "test") };
    assert_int_equal(post(entry, t, 2), OK);
    assert_int_equal(available(0), a0 - 23);
    assert_int_equal(available(1), b0 + 23);
}

static void test_floor(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry(), other = new_entry();
    int64_t a0 = available(0);
    struct transfer all = books_leg(&entry, 0, &a, &b, a0, "test");
    struct transfer more = books_leg(&other, 0, &a, &b, a0 + 1, "test");
    assert_int_equal(post(other, &more, 1), ERR_BALANCE);
    assert_int_equal(available(0), a0);
    assert_int_equal(post(entry, &all, 1), OK);
    assert_int_equal(available(0), 0);
    struct id back = new_entry(), outside = book_account_id(BOOK_OUTSIDE, NULL, "EUR");
    struct transfer in = books_leg(&back, 0, &outside, &a, a0, "deposit");
    assert_int_equal(post(back, &in, 1), OK); /* outside has no floor */
}

/* Of a group with one impossible leg nothing is posted. */
static void test_all_or_none(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), c = wallet_of(2), entry = new_entry();
    int64_t a0 = available(0), b0 = available(1);
    struct transfer t[] = { books_leg(&entry, 0, &a, &b, 1, "test"),
                            books_leg(&entry, 1, &c, &a, INT64_C(1000000000), "test") };
    assert_int_equal(post(entry, t, 2), ERR_BALANCE);
    assert_int_equal(available(0), a0);
    assert_int_equal(available(1), b0);
    assert_int_equal(post(entry, t, 1), OK); /* the entry was undone too, so its id is free */
}

static void test_repeat_never_pays_twice(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry();
    struct transfer t = books_leg(&entry, 0, &a, &b, 5, "test");
    assert_int_equal(post(entry, &t, 1), OK);
    int64_t a0 = available(0);
    struct post again = { .entry = entry, .no_entry = true, .currency = "EUR", .t = &t, .n = 1 };
    assert_int_equal(write_post(again), ERR_STATEMENT_REPLAYED); /* with another idempotency key */
    assert_int_equal(available(0), a0);
}

static void test_needs_an_entry(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry();
    struct transfer t = books_leg(&entry, 0, &a, &b, 5, "test");
    struct post p = { .entry = entry, .no_entry = true, .currency = "EUR", .t = &t, .n = 1 };
    int64_t a0 = available(0);
    assert_int_equal(write_post(p),
                     ERR_INTERNAL); /* no caller may come here: the foreign key holds */
    assert_int_equal(available(0), a0);
}

static void test_currency(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry();
    struct transfer t = books_leg(&entry, 0, &a, &b, 5, "test");
    struct post p = { .entry = entry, .currency = "USD", .t = &t, .n = 1 };
    assert_int_equal(write_post(p), ERR_BOOKS_CURRENCY);
    p.currency = "EURO";
    assert_int_equal(write_post(p), ERR_BOOKS_CURRENCY);
}

static void test_unknown_account(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(4000), entry = new_entry();
    struct transfer t = books_leg(&entry, 0, &a, &b, 5, "test");
    assert_int_equal(post(entry, &t, 1), ERR_ACCOUNT_UNKNOWN);
}

static struct transfer ending(struct id entry, const struct transfer *of, enum transfer_mode mode)
{
    struct transfer t = books_leg(&entry, 0, &of->debit, &of->credit, of->amount, of->kind);
    t.mode = mode;
    t.pending_of = of->id;
    return t;
}

static void test_two_phase(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1);
    struct id entries[] = { new_entry(), new_entry(), new_entry(), new_entry() };
    int64_t a0 = available(0), b0 = available(1), have, held;
    struct transfer hold = books_leg(&entries[0], 0, &a, &b, 10, "payout");
    hold.mode = TRANSFER_PENDING;
    assert_int_equal(post(entries[0], &hold, 1), OK);
    balance(0, &have, &held);
    assert_int_equal(have, a0 - 10);
    assert_int_equal(held, 10);
    assert_int_equal(available(1), b0); /* announced money cannot be spent */

    struct transfer wrong = ending(entries[1], &hold, TRANSFER_SETTLE);
    wrong.amount = 9;
    assert_int_equal(post(entries[1], &wrong, 1), ERR_STATE);
    wrong = ending(entries[1], &hold, TRANSFER_SETTLE);
    wrong.credit = wallet_of(2);
    assert_int_equal(post(entries[1], &wrong, 1), ERR_STATE);

    struct transfer settle = ending(entries[2], &hold, TRANSFER_SETTLE);
    assert_int_equal(post(entries[2], &settle, 1), OK);
    balance(0, &have, &held);
    assert_int_equal(have, a0 - 10);
    assert_int_equal(held, 0);
    assert_int_equal(available(1), b0 + 10);

    struct transfer twice = ending(entries[3], &hold, TRANSFER_VOID);
    assert_int_equal(post(entries[3], &twice, 1), ERR_STATE);
    struct transfer of_post = ending(entries[3], &settle, TRANSFER_VOID);
    assert_int_equal(post(entries[3], &of_post, 1), ERR_STATE); /* only pending ones end */
}

static void test_void_gives_back(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), one = new_entry(), two = new_entry();
    int64_t a0 = available(0), have, held;
    struct transfer hold = books_leg(&one, 0, &a, &b, a0, "payout");
    hold.mode = TRANSFER_PENDING;
    assert_int_equal(post(one, &hold, 1), OK);
    assert_int_equal(available(0), 0);
    struct id third = new_entry();
    struct transfer spend = books_leg(&third, 0, &a, &b, 1, "test");
    assert_int_equal(post(third, &spend, 1), ERR_BALANCE); /* held money is not spent twice */
    struct transfer back = ending(two, &hold, TRANSFER_VOID);
    assert_int_equal(post(two, &back, 1), OK);
    balance(0, &have, &held);
    assert_int_equal(have, a0);
    assert_int_equal(held, 0);
}

static void test_pending_must_exist(void **state)
{
    (void)state;
    struct id a = wallet_of(0), b = wallet_of(1), entry = new_entry();
    struct transfer ghost = books_leg(&entry, 7, &a, &b, 3, "payout");
    struct transfer end = ending(entry, &ghost, TRANSFER_SETTLE);
    assert_int_equal(post(entry, &end, 1), ERR_STATE);
}

/* What the server's role is not able to do, whatever its code does. */
static void test_rights(void **state)
{
    (void)state;
    static const char *const denied[] = {
        "UPDATE book_account SET credits = credits + 1",
        "INSERT INTO book_transfer SELECT * FROM book_transfer",
        "DELETE FROM book_transfer",
        "TRUNCATE book_transfer",
        "UPDATE book_head SET last_seq = 0",
        "DELETE FROM book_account",
        "UPDATE idem SET status = 200",
        "DELETE FROM idem",
        "CREATE TABLE mine (x int)",
        "CREATE TEMP TABLE mine (x int)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "ALTER TABLE book_transfer DISABLE TRIGGER ALL",
        "SET ROLE cairn_owner",
        "SET session_replication_role = replica",
    };
    char sqlstate[6];
    for (size_t i = 0; i < COUNT(denied); i++) {
        fixture_sqlstate(&f, "cairn_app", denied[i], sqlstate);
        assert_string_equal(sqlstate, "42501");
    }
    fixture_sqlstate(&f, "cairn_app", "SELECT count(*) FROM book_transfer", sqlstate);
    assert_string_equal(sqlstate, "00000"); /* the control: reading is allowed */
    static const char *const read_only[] = {
        "INSERT INTO idem VALUES (gen_random_uuid(), 'k', sha256(''), 200, '')",
        "SELECT books_open_account(gen_random_uuid(), 'fees', NULL, 'GBP')",
    };
    for (size_t i = 0; i < COUNT(read_only); i++) {
        fixture_sqlstate(&f, "cairn_audit", read_only[i], sqlstate);
        assert_string_equal(sqlstate, "42501");
    }
}

/* Even the owner cannot change what was written, short of taking the triggers off. */
static void test_insert_only(void **state)
{
    (void)state;
    static const char *const refused[] = {
        "UPDATE book_transfer SET amount = amount + 1",
        "DELETE FROM book_transfer",
        "TRUNCATE book_transfer CASCADE",
        "UPDATE book_account SET floor = false",
        "UPDATE book_account SET owner = NULL",
        "DELETE FROM book_account",
        "TRUNCATE book_head",
        "UPDATE idem SET body = ''",
    };
    char sqlstate[6];
    for (size_t i = 0; i < COUNT(refused); i++) {
        fixture_sqlstate(&f, "cairn_owner", refused[i], sqlstate);
        assert_string_equal(sqlstate, "23000");
    }
}

static int post_raw(const char *args, const char *expect)
{
    char sql[1024], sqlstate[6];
    (void)snprintf(sql, sizeof(sql), "SELECT books_post(%s)", args);
    fixture_sqlstate(&f, "cairn_app", sql, sqlstate);
    return strcmp(sqlstate, expect);
}

#define E "(SELECT id FROM entry LIMIT 1)"
#define A "(SELECT id FROM book_account WHERE kind = 'wallet' ORDER BY id LIMIT 1)"
#define B "(SELECT id FROM book_account WHERE kind = 'fees')"
/* The function guards itself against callers that skip books_check. */
static void test_function_guards(void **state)
{
    (void)state;
    static const struct {
        const char *args, *sqlstate;
    } cases[] = {
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[1],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "00000" }, /* the control */
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[0],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[-5],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" A
            "],ARRAY[1],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[1],'EUR','{t}','{give}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[1],'EUR','{t}','{settle}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[1,2],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "23514" },
        { E "," E ",'{}','{}','{}','{}','EUR','{}','{}','{}'", "23514" },
        { E ",NULL,ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B
            "],ARRAY[1],'EUR','{t}','{post}',"
            "ARRAY[NULL::uuid]",
          "23502" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[NULL::uuid],ARRAY[1],'EUR','{t}',"
            "'{post}',ARRAY[NULL::uuid]",
          "23502" },
        { E "," E ",ARRAY[gen_random_uuid()],ARRAY[" A "],ARRAY[" B "],ARRAY[1],'EUR','{t}',"
            "ARRAY[NULL],ARRAY[NULL::uuid]",
          "23502" },
    };
    for (size_t i = 0; i < COUNT(cases); i++)
        if (post_raw(cases[i].args, cases[i].sqlstate) != 0)
            fail_msg("case %zu", i);
}

/* Walks the whole history of wallet 3 in pages; every row once, newest first, whatever the limit.
 */
static void walk_history(struct db *db, const struct id *owner, int limit)
{
    int64_t before = INT64_MAX;
    size_t seen = 0, n;
    do {
        struct rows *r = NULL;
        assert_int_equal(books_transfers(db, owner, before, limit, &r), OK);
        n = rows_count(r);
        for (size_t i = 0; i < n; i++, seen++) {
            assert_true(row_i64(r, i, 8) < before);
            before = row_i64(r, i, 8);
            if (seen < 5) { /* amounts 5, 4, 3, 2, 1, then the first deposit */
                assert_int_equal(row_i64(r, i, 4), 5 - (int64_t)seen);
                assert_int_equal(row_bool(r, i, 6), seen % 2 == 1);
            }
        }
        rows_free(r);
    } while (n == (size_t)limit);
    assert_int_equal(seen, 6);
}

static void test_history_pages(void **state)
{
    (void)state;
    struct db *db;
    struct id owner = fixture_id(2, 3), a = wallet_of(3), b = wallet_of(1);
    for (int i = 0; i < 5; i++) {
        struct id entry = new_entry();
        const struct id *from = i % 2 == 0 ? &a : &b, *to = i % 2 == 0 ? &b : &a;
        struct transfer t = books_leg(&entry, 0, from, to, i + 1, "test");
        assert_int_equal(post(entry, &t, 1), OK);
    }
    assert_int_equal(db_open(f.store, &db), OK);
    for (int limit = 1; limit <= 7; limit++)
        walk_history(db, &owner, limit);
    struct rows *r = NULL;
    assert_int_equal(books_balances(db, BOOK_WALLET, &owner, &r), OK);
    assert_int_equal(rows_count(r), 1);
    assert_string_equal(row_text(r, 0, 0), "EUR");
    assert_int_equal(row_i64(r, 0, 1), available(3));
    rows_free(r);
    db_close(db);
}

static void test_opening_twice(void **state)
{
    (void)state;
    struct db *db;
    struct id owner = fixture_id(2, 0);
    int64_t n = fixture_number(&f, "SELECT count(*) FROM book_account"), have = -1, held = -1;
    assert_int_equal(db_open(f.store, &db), OK);
    assert_int_equal(books_open(db, BOOK_WALLET, &owner, "EUR"), OK);
    assert_int_equal(books_open(db, BOOK_FEES, NULL, "EUR"), OK);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM book_account"), n);
    struct id nobody = fixture_id(2, 777);
    assert_int_equal(books_balance(db, BOOK_WALLET, &nobody, "EUR", &have, &held), OK);
    assert_int_equal(have, 0);
    assert_int_equal(held, 0);
    db_close(db);
}

static void test_nothing_contradicts(void **state)
{
    (void)state;
    assert_int_equal(fixture_contradictions(&f), 0);
    fixture_sql(&f, "SET session_replication_role = replica;"
                    "UPDATE book_account SET credits = credits + 1 WHERE kind = 'fees'");
    assert_true(fixture_contradictions(&f) > 0); /* the checker sees a planted cent */
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    fixture_money(&f, 8, 1000);
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
        cmocka_unit_test(test_moves_money),     cmocka_unit_test(test_floor),
        cmocka_unit_test(test_all_or_none),     cmocka_unit_test(test_repeat_never_pays_twice),
        cmocka_unit_test(test_needs_an_entry),  cmocka_unit_test(test_currency),
        cmocka_unit_test(test_unknown_account), cmocka_unit_test(test_two_phase),
        cmocka_unit_test(test_void_gives_back), cmocka_unit_test(test_pending_must_exist),
        cmocka_unit_test(test_rights),          cmocka_unit_test(test_insert_only),
        cmocka_unit_test(test_function_guards), cmocka_unit_test(test_history_pages),
        cmocka_unit_test(test_opening_twice),   cmocka_unit_test(test_nothing_contradicts),
    };
    return cmocka_run_group_tests(tests, up, down);
}
