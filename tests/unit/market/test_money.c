/* Money moves: legs under one entry, none for nothing, together or not at all. */
#include "server/market/money.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static struct cast cast;

static void test_legs(void **state)
{
    (void)state;
    struct id entry = fixture_id(1, 1), bounty = fixture_id(1, 2), who = fixture_id(1, 3);
    struct id available = book_account_id(BOOK_AVAILABLE, &bounty, "EUR");
    struct id wallet = book_account_id(BOOK_WALLET, &who, "EUR");
    struct money m;
    money_init(&m, &entry, "EUR");
    money_move(&m, BOOK_AVAILABLE, &bounty, BOOK_WALLET, &who, 0, "refund");
    assert_int_equal(m.n, 0); /* nothing is not a transfer */
    money_move(&m, BOOK_AVAILABLE, &bounty, BOOK_WALLET, &who, 7, "refund");
    money_move(&m, BOOK_OUTSIDE, NULL, BOOK_WALLET, &who, 9, "deposit");
    assert_int_equal(m.n, 2);
    assert_true(id_equal(&m.legs[0].debit, &available));
    assert_true(id_equal(&m.legs[0].credit, &wallet));
    assert_int_equal(m.legs[0].amount, 7);
    assert_string_equal(m.legs[0].kind, "refund");
    assert_int_equal(m.legs[0].mode, TRANSFER_POST);
    assert_false(id_equal(&m.legs[0].id, &m.legs[1].id));
    struct id second = books_transfer_id(&entry, 1);
    assert_true(id_equal(&m.legs[1].id, &second)); /* so that the same entry can never pay twice */
    assert_int_equal(books_check("EUR", m.legs, m.n), OK);
}

struct pouring {
    struct id entry;
    int64_t first, second;
    bool twice;
};

/* From the sponsor's wallet to two reviewers; the entry is one that tests may write. */
static enum err pour(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct pouring *p = arg;
    struct money m;
    enum err e = p->twice ? OK : fixture_entry(db, &p->entry);
    for (size_t i = 0; i < 2 && e == OK; i++)
        e = books_open(db, BOOK_WALLET, &cast.reviewers[i].account, "EUR");
    money_init(&m, &p->entry, "EUR");
    money_move(&m, BOOK_WALLET, &cast.sponsor.account, BOOK_WALLET, &cast.reviewers[0].account,
               p->first, "fund");
    money_move(&m, BOOK_WALLET, &cast.sponsor.account, BOOK_WALLET, &cast.reviewers[1].account,
               p->second, "fund");
    if (e == OK)
        e = money_post(db, &m);
    return e == OK ? answer_set(ret, arena, 201, json_object()) : e;
}

static enum err poured(struct pouring *p)
{
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct answer a = { 0 };
    ask_as(&w, &cast.sponsor, arena, &act);
    enum err e = act_write(&act, "pour", pour, p, &a);
    arena_free(arena);
    return e;
}

static void test_together_or_not(void **state)
{
    (void)state;
    int64_t all = wallet_of(&w, &cast.sponsor);
    struct pouring p = { .entry = fixture_id(2, 1), .first = all, .second = 1 };
    assert_int_equal(poured(&p), ERR_BALANCE);
    assert_int_equal(wallet_of(&w, &cast.sponsor), all);
    assert_int_equal(wallet_of(&w, &cast.reviewers[0]), 0);
    p = (struct pouring){ .entry = fixture_id(2, 2), .first = 60, .second = 40 };
    assert_int_equal(poured(&p), OK);
    assert_int_equal(wallet_of(&w, &cast.sponsor), all - 100);
    assert_int_equal(wallet_of(&w, &cast.reviewers[1]), 40);
    p.twice = true; /* another request, the same entry */
    assert_int_equal(poured(&p), ERR_STATEMENT_REPLAYED);
    assert_int_equal(wallet_of(&w, &cast.sponsor), all - 100);
    p = (struct pouring){ .entry = fixture_id(2, 3) }; /* nothing at all is fine */
    assert_int_equal(poured(&p), OK);
    assert_int_equal(fixture_contradictions(&w.f), 0);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &cast.op);
    person_join(&w, &cast.op, "sponsor", "acme", 2, &cast.sponsor);
    for (uint32_t i = 0; i < 2; i++)
        person_join(&w, &cast.op, "reviewer", "north", 10 + i, &cast.reviewers[i]);
    return do_deposit(&w, &cast.sponsor, 5000) == OK ? 0 : -1;
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
        cmocka_unit_test(test_legs),
        cmocka_unit_test(test_together_or_not),
    };
    return cmocka_run_group_tests_name("money", tests, up, down);
}
