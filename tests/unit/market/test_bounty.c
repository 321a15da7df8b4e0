/* Bounties and the sponsor's money through the real store: deposit, publish, fund, close, expire.
 */
#include "server/market/bounty.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct world w;
static struct cast cast;

#define expect(call, want)                                                                         \
    do {                                                                                           \
        assert_string_equal(err_code(call), err_code(want));                                       \
        assert_string_equal(world_check(&w), "");                                                  \
    } while (0)

static struct id published(void)
{
    struct wish wish = wish_usual();
    struct id id;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &id), OK);
    return id;
}

static int64_t entries(void)
{
    return world_number(&w, "SELECT count(*) FROM entry");
}

static void test_deposit(void **state)
{
    (void)state;
    int64_t before = wallet_of(&w, &cast.patients[0]);
    expect(do_deposit(&w, &cast.patients[0], 1), OK);
    expect(do_deposit(&w, &cast.patients[0], 999), OK);
    assert_int_equal(wallet_of(&w, &cast.patients[0]) - before, 1000);
    assert_int_equal(world_number(&w, "SELECT count(*) FROM book_account a JOIN account p ON p.id ="
                                      " a.owner WHERE a.kind = 'wallet' AND credits = 1000"),
                     1);
}

/* What is stored is what was signed: the terms' canonical bytes under their hash. */
static void test_publish(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct bounty_row b;
    struct terms terms;
    uint8_t hash[HASH_BYTES];
    struct arena *arena = arena_new(1u << 20);
    expect(do_publish(&w, &cast.sponsor, &wish, &id), OK);
    assert_int_equal(store_bounty_get(w.db, &id, BOUNTY_READ, arena, &b), OK);
    assert_true(b.open);
    assert_int_equal(b.version, 1);
    assert_true(id_equal(&b.sponsor, &cast.sponsor.account));
    sha256(b.terms, strlen(b.terms), hash);
    assert_memory_equal(b.terms_hash, hash, HASH_BYTES);
    assert_true(json_is_canonical(b.terms, strlen(b.terms)));
    assert_int_equal(bounty_terms(&b, &terms), OK);
    assert_int_equal(terms.reward.base_minor, 1000);
    assert_int_equal(terms.review.quorum, 2);
    assert_int_equal(available_of(&w, &id), 0);
    arena_free(arena);
}

static void test_publish_refusals(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id = fixture_id(3, 3), same = id;
    int64_t before = entries();
    wish.opens_at = world_now(&w) - 3 * HOUR;
    wish.closes_at = world_now(&w) - HOUR;
    expect(do_publish(&w, &cast.sponsor, &wish, &id), ERR_BOUNTY_TERMS);
    wish = wish_usual();
    wish.quorum = 4; /* of three seats */
    enum err e = do_publish(&w, &cast.sponsor, &wish, &id);
    assert_true(e == ERR_BOUNTY_TERMS || e == ERR_FIELD_RANGE);
    struct person forger = cast.sponsor; /* in the sponsor's name, with another's key */
    struct person other = cast.patients[0];
    forger.identity = other.identity;
    wish = wish_usual();
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    json_t *terms = wish_terms(&w, &wish);
    ask_as(&w, &cast.sponsor, arena, &act);
    say(&w, "bounty.publish", &forger.identity, 1, json_pack("{s:O}", "terms", terms), &s);
    expect(bounty_publish(&act, &s, terms, &a), ERR_STATEMENT_SIGNER);
    expect(deposit_make(&act, &s, 5, "EUR", "x", &a), ERR_STATEMENT_SIGNER);
    expect(bounty_fund(&act, &s, &id, 5, "EUR", &a), ERR_STATEMENT_SIGNER);
    expect(bounty_close(&act, &s, &id, 1, &a), ERR_STATEMENT_SIGNER);
    json_decref(terms);
    statement_release(&s);
    arena_free(arena);
    assert_true(id_equal(&id, &same));
    assert_int_equal(entries(), before);
}

static void test_fund(void **state)
{
    (void)state;
    struct id id = published(), none = fixture_id(3, 4);
    int64_t before = wallet_of(&w, &cast.sponsor);
    expect(do_fund(&w, &cast.sponsor, &id, 700), OK);
    expect(do_fund(&w, &cast.sponsor, &id, 300), OK);
    assert_int_equal(available_of(&w, &id), 1000);
    assert_int_equal(wallet_of(&w, &cast.sponsor), before - 1000);
    int64_t written = entries();
    expect(do_fund(&w, &cast.sponsor, &id, before - 999), ERR_BALANCE);
    expect(do_fund(&w, &cast.sponsor, &none, 1), ERR_NOT_FOUND);
    expect(do_fund(&w, &cast.patients[0], &id, 1), ERR_NOT_FOUND); /* not its own */
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    ask_as(&w, &cast.sponsor, arena, &act);
    say(&w, "bounty.fund", &cast.sponsor.identity, 1, json_object(), &s);
    expect(bounty_fund(&act, &s, &id, 1, "USD", &a), ERR_BOOKS_CURRENCY);
    statement_release(&s);
    arena_free(arena);
    assert_int_equal(entries(), written);
    assert_int_equal(available_of(&w, &id), 1000);
}

/* The same request twice is one payment; the same statement under another key is refused. */
static void test_fund_once(void **state)
{
    (void)state;
    struct id id = published();
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer first = { 0 }, again = { 0 };
    ask_as(&w, &cast.sponsor, arena, &act);
    say(&w, "bounty.fund", &cast.sponsor.identity, 1, json_object(), &s);
    expect(bounty_fund(&act, &s, &id, 40, "EUR", &first), OK);
    expect(bounty_fund(&act, &s, &id, 40, "EUR", &again), OK);
    assert_true(again.replayed);
    assert_string_equal(first.body, again.body);
    ask_as(&w, &cast.sponsor, arena, &act);
    expect(bounty_fund(&act, &s, &id, 40, "EUR", &again), ERR_STATEMENT_REPLAYED);
    assert_int_equal(available_of(&w, &id), 40);
    statement_release(&s);
    arena_free(arena);
}

static void test_close(void **state)
{
    (void)state;
    struct id id = published();
    int64_t before = wallet_of(&w, &cast.sponsor);
    expect(do_fund(&w, &cast.sponsor, &id, 500), OK);
    expect(do_close(&w, &cast.patients[0], &id, 1), ERR_NOT_FOUND);
    expect(do_close(&w, &cast.sponsor, &id, 2), ERR_IF_MATCH);
    assert_int_equal(available_of(&w, &id), 500);
    expect(do_close(&w, &cast.sponsor, &id, 1), OK);
    assert_int_equal(available_of(&w, &id), 0);
    assert_int_equal(wallet_of(&w, &cast.sponsor), before);
    expect(do_close(&w, &cast.sponsor, &id, 1), ERR_IF_MATCH);
    expect(do_close(&w, &cast.sponsor, &id, 2), ERR_BOUNTY_CLOSED);
    expect(do_fund(&w, &cast.sponsor, &id, 5), ERR_BOUNTY_CLOSED);
    struct id empty = published(); /* closing without money moves none */
    expect(do_close(&w, &cast.sponsor, &empty, 1), OK);
}

/* If-Match and the signed version must both be what is there. */
static void test_close_signed_for_this_version(void **state)
{
    (void)state;
    struct id id = published();
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    ask_as(&w, &cast.sponsor, arena, &act);
    say(&w, "bounty.close", &cast.sponsor.identity, 7, json_object(), &s);
    expect(bounty_close(&act, &s, &id, 1, &a), ERR_IF_MATCH);
    statement_release(&s);
    arena_free(arena);
    expect(do_close(&w, &cast.sponsor, &id, 1), OK);
}

static void test_expire(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id, other = published();
    wish.closes_at = world_now(&w) + 5 * HOUR;
    expect(do_publish(&w, &cast.sponsor, &wish, &id), OK);
    int64_t before = wallet_of(&w, &cast.sponsor);
    expect(do_fund(&w, &cast.sponsor, &id, 900), OK);
    expect(bounty_expire(&w.app, &id), ERR_STATE);
    world_shift(&w, 5 * HOUR);
    expect(bounty_expire(&w.app, &id), OK);
    assert_int_equal(wallet_of(&w, &cast.sponsor), before);
    int64_t written = entries();
    expect(bounty_expire(&w.app, &id), OK); /* the same step again */
    assert_int_equal(entries(), written);
    expect(do_close(&w, &cast.sponsor, &id, 2), ERR_BOUNTY_CLOSED);
    expect(do_close(&w, &cast.sponsor, &other, 1), OK);
    world_shift(&w, 2000 * HOUR);
    expect(bounty_expire(&w.app, &other), ERR_STATE); /* closed by its sponsor before */
    struct id none = fixture_id(3, 5);
    expect(bounty_expire(&w.app, &none), ERR_NOT_FOUND);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &cast.op);
    person_join(&w, &cast.op, "sponsor", "acme", 2, &cast.sponsor);
    person_join(&w, &cast.op, "patient", "clinic", 3, &cast.patients[0]);
    return do_deposit(&w, &cast.sponsor, 10000) == OK ? 0 : -1;
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
        cmocka_unit_test(test_deposit),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_publish_refusals),
        cmocka_unit_test(test_fund),
        cmocka_unit_test(test_fund_once),
        cmocka_unit_test(test_close),
        cmocka_unit_test(test_close_signed_for_this_version),
        cmocka_unit_test(test_expire),
    };
    return cmocka_run_group_tests_name("bounty", tests, up, down);
}
