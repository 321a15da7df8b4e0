/* The mark of a journal: it belongs to a vote key, and only ever rises. */
#include "server/store/chain.h"
#include "server/crypto/hash.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <string.h>

static struct fixture f;
static struct db *db;

static uint64_t mark_of(uint8_t key)
{
    uint8_t vote_key[SIGN_PUBLIC_BYTES];
    uint64_t seq = 77;
    memset(vote_key, key, sizeof(vote_key));
    assert_int_equal(store_journal_mark(db, vote_key, &seq), OK);
    return seq;
}

static void raise_to(uint8_t key, uint64_t seq)
{
    uint8_t vote_key[SIGN_PUBLIC_BYTES];
    memset(vote_key, key, sizeof(vote_key));
    assert_int_equal(store_journal_mark_raise(db, vote_key, seq), OK);
}

static void test_mark_of_each_key(void **state)
{
    (void)state;
    assert_int_equal(mark_of(1), 0);
    raise_to(1, 500);
    assert_int_equal(mark_of(1), 500);
    raise_to(1, 499);
    assert_int_equal(mark_of(1), 500);
    assert_int_equal(mark_of(2), 0); /* a new key has a new journal */
    raise_to(2, 3);
    assert_int_equal(mark_of(2), 3);
    assert_int_equal(mark_of(1), 500); /* and the old one is not forgotten */
    raise_to(1, 501);
    assert_int_equal(mark_of(1), 501);
}

static void test_mark_cannot_be_taken_back(void **state)
{
    (void)state;
    char got[6];
    fixture_sqlstate(&f, "cairn_app", "DELETE FROM journal_mark", got);
    assert_string_equal(got, "42501");
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    fixture_up(&f, 16);
    return db_open(f.store, &db) == OK ? 0 : 1;
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
        cmocka_unit_test(test_mark_of_each_key),
        cmocka_unit_test(test_mark_cannot_be_taken_back),
    };
    return cmocka_run_group_tests_name("chain", tests, up, down);
}
