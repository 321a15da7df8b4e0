/* Payouts: the money is held with the request and moves once, whatever step is done again. */
#include "server/payout/payout.h"

#include "server/books/books.h"
#include "server/payout/adapter.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

static struct world w;
static struct person op, ada, ben;

#define expect(call, want)                                                                         \
    do {                                                                                           \
        assert_string_equal(err_code(call), err_code(want));                                       \
        assert_string_equal(world_check(&w), "");                                                  \
    } while (0)

static int64_t held(const struct person *p)
{
    int64_t available = 0, pending = 0;
    assert_int_equal(books_balance(w.db, BOOK_WALLET, &p->account, "EUR", &available, &pending),
                     OK);
    return pending;
}

static void expect_state(const struct id *id, const char *want)
{
    char state[12];
    state_of(&w, id, state);
    assert_string_equal(state, want);
}

static int64_t orders(const struct id *id)
{
    char text[4096] = "", reference[ID_TEXT_SIZE];
    FILE *f = fopen("payments.log", "re");
    int64_t n = 0;
    if (f == NULL)
        return 0;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    id_text(id, reference);
    for (const char *at = text; (at = strstr(at, reference)) != NULL; at++)
        n++;
    return n;
}

static void test_confirmed(void **state)
{
    (void)state;
    struct id id;
    int64_t before = wallet_of(&w, &ada),
            out = world_number(&w, "SELECT credits - debits FROM"
                                   " book_account WHERE kind = 'outside'");
    expect(do_payout(&w, &ada, 300, "DE00", &id), OK);
    expect_state(&id, "created");
    assert_int_equal(wallet_of(&w, &ada), before - 300); /* held: cannot be spent again */
    assert_int_equal(held(&ada), 300);
    assert_int_equal(orders(&id), 0);
    expect(payout_advance(&w.app, w.db, &id), OK);
    expect_state(&id, "confirmed");
    assert_int_equal(orders(&id), 1);
    assert_int_equal(held(&ada), 0);
    assert_int_equal(wallet_of(&w, &ada), before - 300);
    assert_int_equal(world_number(&w, "SELECT credits - debits FROM book_account WHERE kind ="
                                      " 'outside'") -
                         out,
                     300);
    int64_t entries = world_number(&w, "SELECT count(*) FROM entry");
    expect(payout_advance(&w.app, w.db, &id), OK); /* nothing is left to do */
    assert_int_equal(world_number(&w, "SELECT count(*) FROM entry"), entries);
    assert_int_equal(orders(&id), 1);
}

static void test_failed_gives_back(void **state)
{
    (void)state;
    struct id id;
    int64_t before = wallet_of(&w, &ada);
    expect(do_payout(&w, &ada, before, "fail: account closed", &id), OK);
    assert_int_equal(wallet_of(&w, &ada), 0);
    expect(payout_advance(&w.app, w.db, &id), OK);
    expect_state(&id, "failed");
    assert_int_equal(wallet_of(&w, &ada), before);
    assert_int_equal(held(&ada), 0);
}

static void test_refusals(void **state)
{
    (void)state;
    struct id id = fixture_id(1, 1), same = id;
    int64_t before = world_number(&w, "SELECT count(*) FROM entry"), all = wallet_of(&w, &ada);
    expect(do_payout(&w, &ada, all + 1, "DE00", &id), ERR_BALANCE);
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    ask_as(&w, &ada, arena, &act);
    say(&w, "payout.request", &ada.identity, 1, json_object(), &s);
    expect(payout_request(&act, &s, 5, "EUR", "pigeon", "DE00", &a), ERR_PAYOUT_METHOD);
    ask_as(&w, &ben, arena, &act); /* another's statement */
    expect(payout_request(&act, &s, 5, "EUR", "test", "DE00", &a), ERR_STATEMENT_SIGNER);
    ask_as(&w, &ada, arena, &act); /* a currency in which there is nothing */
    expect(payout_request(&act, &s, 5, "USD", "test", "DE00", &a), ERR_BALANCE);
    statement_release(&s);
    arena_free(arena);
    assert_true(id_equal(&id, &same));
    assert_int_equal(world_number(&w, "SELECT count(*) FROM entry"), before);
    assert_int_equal(wallet_of(&w, &ada), all);
    struct id none = fixture_id(1, 2);
    expect(payout_advance(&w.app, w.db, &none), ERR_NOT_FOUND);
}

/* A crash after "submitted", and one after the order left: the next look goes on from there. */
static void test_crash_between_steps(void **state)
{
    (void)state;
    struct id first, second;
    struct payout_row row;
    enum adapter_outcome outcome = ADAPTER_UNKNOWN;
    int64_t before = wallet_of(&w, &ada);
    expect(do_payout(&w, &ada, 10, "DE00", &first), OK);
    assert_int_equal(store_payout_get(w.db, &first, NULL, false, &row), OK);
    assert_int_equal(store_payout_move(w.db, &row, "submitted", NULL), OK);
    assert_int_equal(orders(&first), 0);
    expect(payout_advance(&w.app, w.db, &first), OK);
    expect_state(&first, "confirmed");
    expect(do_payout(&w, &ada, 20, "DE00", &second), OK);
    assert_int_equal(store_payout_get(w.db, &second, NULL, false, &row), OK);
    assert_int_equal(store_payout_move(w.db, &row, "submitted", NULL), OK);
    assert_int_equal(adapter_pay(&w.app, &row, &outcome), OK);
    assert_int_equal(outcome, ADAPTER_CONFIRMED);
    expect(payout_advance(&w.app, w.db, &second), OK);
    expect_state(&second, "confirmed");
    assert_int_equal(orders(&first), 1);
    assert_int_equal(orders(&second), 1);
    assert_int_equal(wallet_of(&w, &ada), before - 30);
}

struct racer {
    struct id id;
    struct db *db;
    enum err result;
};

static void *advance_on(void *arg)
{
    struct racer *r = arg;
    r->result = payout_advance(&w.app, r->db, &r->id);
    return NULL;
}

/* Several schedulers on one payout: one order, one settlement; the others find it done. */
static void test_at_once(void **state)
{
    (void)state;
    static struct racer racers[6];
    pthread_t threads[6];
    struct id id;
    int64_t before = wallet_of(&w, &ada);
    expect(do_payout(&w, &ada, 7, "DE00", &id), OK);
    for (size_t i = 0; i < 6; i++) {
        racers[i].id = id;
        assert_int_equal(db_open(w.f.store, &racers[i].db), OK);
    }
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, advance_on, &racers[i]), 0);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_true(racers[i].result == OK || racers[i].result == ERR_STATE);
        db_close(racers[i].db);
    }
    expect_state(&id, "confirmed");
    assert_int_equal(orders(&id), 1);
    assert_int_equal(wallet_of(&w, &ada), before - 7);
    assert_string_equal(world_check(&w), "");
}

/* The money on its way out cannot be taken out twice at once. */
static void *request_on(void *arg)
{
    struct racer *r = arg;
    r->result = do_payout(&w, &ben, 60, "DE00", &r->id);
    return NULL;
}

static void test_overdraft_at_once(void **state)
{
    (void)state;
    static struct racer racers[8];
    pthread_t threads[8];
    int won = 0;
    assert_int_equal(do_deposit(&w, &ben, 200), OK);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, request_on, &racers[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].result == OK;
        assert_true(racers[i].result == OK || racers[i].result == ERR_BALANCE);
    }
    assert_int_equal(won, 3);
    assert_int_equal(wallet_of(&w, &ben), 20);
    assert_string_equal(world_check(&w), "");
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &op);
    person_join(&w, &op, "patient", "clinic", 2, &ada);
    person_join(&w, &op, "patient", "clinic", 3, &ben);
    return do_deposit(&w, &ada, 1000) == OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    world_down(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_confirmed), cmocka_unit_test(test_failed_gives_back),
        cmocka_unit_test(test_refusals),  cmocka_unit_test(test_crash_between_steps),
        cmocka_unit_test(test_at_once),   cmocka_unit_test(test_overdraft_at_once),
    };
    return cmocka_run_group_tests_name("payout", tests, up, down);
}
