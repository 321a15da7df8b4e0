/* Bounties of another member: they appear, follow what their home says, and nothing else can be
 * done with them here. */
#include "server/market/replica.h"
#include "server/market/board.h"
#include "server/market/bounty.h"
#include "server/market/price.h"
#include "server/market/submission.h"
#include "server/peering/peering.h"
#include "server/store/bounty.h"
#include "tests/lib/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct pair pair;
static struct world *const home = &pair.w[0];
static struct world *const away = &pair.w[1];
static struct person op[2], sponsor, other_sponsor, patient;

/* What the board of a member shows of a bounty; NULL if nothing. New reference. */
static json_t *shown(struct world *w, const struct id *bounty)
{
    struct buf text;
    int64_t next = 0;
    uint64_t version = 0;
    json_t *list = NULL, *found = NULL;
    char id[ID_TEXT_SIZE];
    id_text(bounty, id);
    buf_init(&text, 1u << 20);
    assert_int_equal(db_check(w->db), OK);
    assert_int_equal(board_refresh(w->app.board, w->db), OK);
    assert_int_equal(buf_add_str(&text, "["), OK);
    assert_int_equal(board_list(w->app.board, NULL, INT64_MAX, 100, &text, &next, &version), OK);
    assert_int_equal(buf_add_str(&text, "]"), OK);
    assert_int_equal(json_read(buf_str(&text), text.len, &list, NULL), OK);
    for (size_t i = 0; i < json_array_size(list); i++) {
        json_t *item = json_array_get(list, i);
        if (strcmp(json_string_value(json_object_get(item, "id")), id) == 0)
            found = json_incref(item);
    }
    json_decref(list);
    buf_release(&text);
    return found;
}

static void tell(void)
{
    assert_int_equal(db_check(home->db), OK);
    assert_int_equal(price_publish(&home->app, home->db), OK);
    pair_deliver(&pair, 0, false);
}

static int64_t prices(void)
{
    return world_number(home, "SELECT count(*) FROM bounty_price");
}

static void expect_funded(const struct id *bounty, bool want)
{
    json_t *item = shown(away, bounty);
    assert_non_null(item);
    assert_int_equal(json_is_true(json_object_get(item, "funded")), want);
    assert_int_equal(json_integer_value(json_object_get(item, "home")), 1);
    json_decref(item);
}

static void test_appears_and_follows(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct offer o;
    assert_int_equal(do_publish(home, &sponsor, &wish, &id), OK);
    assert_null(shown(away, &id)); /* not delivered yet */
    tell();
    expect_funded(&id, false);
    int64_t at = prices();
    tell(); /* nothing has changed */
    assert_int_equal(prices(), at);
    assert_int_equal(do_fund(home, &sponsor, &id, 20299), OK);
    tell();
    assert_int_equal(prices(), at); /* the public would see no difference */
    assert_int_equal(do_fund(home, &sponsor, &id, 1), OK);
    tell();
    expect_funded(&id, true);
    /* A submission takes what is left: the bounty shows as not funded, and as funded again. */
    offer_make(home, &patient, &id, 1, 1, &o);
    assert_int_equal(do_open(home, &patient, &o), OK);
    tell();
    expect_funded(&id, false);
    assert_int_equal(do_withdraw(home, &patient, &o), OK);
    tell();
    expect_funded(&id, true);
    assert_int_equal(prices(), at + 3);
    assert_int_equal(do_close(home, &sponsor, &id, 1), OK);
    tell();
    assert_null(shown(away, &id));
    assert_int_equal(prices(), at + 4);
    tell();
    assert_int_equal(prices(), at + 4);
    assert_string_equal(world_check(home), "");
    assert_string_equal(world_check(away), "");
}

/* The same terms, sponsor and publishing statement are read at both members. */
static void test_is_the_same(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct bounty_row a, b;
    const uint8_t *text[2];
    size_t len[2];
    struct arena *arena = arena_new(1u << 20);
    assert_int_equal(do_publish(home, &sponsor, &wish, &id), OK);
    tell();
    assert_int_equal(store_bounty_get(home->db, &id, BOUNTY_READ, arena, &a), OK);
    assert_int_equal(store_bounty_get(away->db, &id, BOUNTY_READ, arena, &b), OK);
    assert_int_equal(b.home, 1);
    assert_int_equal(a.home, 0);
    assert_string_equal(a.terms, b.terms);
    assert_memory_equal(a.terms_hash, b.terms_hash, HASH_BYTES);
    assert_memory_equal(&a.sponsor, &b.sponsor, sizeof(a.sponsor));
    assert_int_equal(a.closes_at, b.closes_at);
    assert_int_equal(store_bounty_statement(home->db, &id, arena, &text[0], &len[0]), OK);
    assert_int_equal(store_bounty_statement(away->db, &id, arena, &text[1], &len[1]), OK);
    assert_int_equal(len[0], len[1]);
    assert_memory_equal(text[0], text[1], len[0]);
    arena_free(arena);
}

/* Here it takes no submission and no money, and nobody here closes it, not even in time. */
static void test_not_ours(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct offer o;
    struct person there;
    struct rows *r = NULL;
    wish.closes_at = world_now(home) + 2 * HOUR;
    assert_int_equal(do_publish(home, &sponsor, &wish, &id), OK);
    tell();
    person_join(away, &op[1], "patient", "clinic", 30, &there);
    offer_make(away, &there, &id, 1, 1, &o);
    assert_int_equal(do_open(away, &there, &o), ERR_BOUNTY_ELSEWHERE);
    assert_int_equal(do_fund(away, &there, &id, 5), ERR_BOUNTY_ELSEWHERE);
    assert_int_equal(do_close(away, &there, &id, 1), ERR_BOUNTY_ELSEWHERE);
    world_shift(away, 3 * HOUR);
    assert_int_equal(store_bounties_over(away->db, world_now(away), 10, &r), OK);
    assert_int_equal(rows_count(r), 0);
    rows_free(r);
    assert_int_equal(bounty_expire(&away->app, &id), ERR_STATE);
    world_shift(away, -3 * HOUR);
    assert_int_equal(world_number(away, "SELECT count(*) FROM submission"), 0);
    assert_string_equal(world_check(away), "");
}

/* ---- what other members may write -------------------------------------------------------------
 */

static unsigned long long refused(void)
{
    return atomic_load(&away->app.peering->refused);
}

static void apply(uint16_t member, uint64_t sequence, const char *kind, const struct sign_key *key,
                  int64_t version, json_t *extras)
{
    struct statement s;
    say(home, kind, key, version, extras, &s);
    assert_int_equal(pair_apply(&pair, 1, member, sequence, kind, s.canonical, s.canonical_len),
                     OK);
    statement_release(&s);
}

static json_t *price(const struct id *bounty, const char *state, bool funded)
{
    return json_pack("{s:o, s:s, s:b, s:i}", "bounty", json_id(bounty), "state", state, "funded",
                     (int)funded, "scarcity_bp", 0);
}

static void test_bad_prices(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id, own;
    const struct sign_key *key = &home->app.member_key;
    assert_int_equal(do_publish(home, &sponsor, &wish, &id), OK);
    assert_int_equal(do_publish(away, &other_sponsor, &wish, &own), OK);
    tell();
    unsigned long long before = refused();
    apply(1, 900, "bounty.price", &sponsor.identity, 9, price(&id, "open", true));
    apply(2, 901, "bounty.price", key, 9, price(&id, "open", true)); /* in the wrong outbox */
    apply(1, 902, "bounty.price", key, 9, price(&id, "half", true));
    apply(1, 903, "bounty.price", key, 9, json_object());
    assert_int_equal(refused(), before + 4);
    assert_int_equal(pair_apply(&pair, 1, 1, 904, "bounty.price", "[]", 2), OK);
    assert_int_equal(refused(), before + 5);
    expect_funded(&id, false);
    apply(1, 905, "bounty.price", key, 1, price(&id, "open", true)); /* the version it knows */
    expect_funded(&id, false);
    apply(1, 906, "bounty.price", key, 9, price(&own, "closed", false)); /* not that member's */
    json_t *item = shown(away, &own);
    assert_non_null(item);
    assert_int_equal(json_integer_value(json_object_get(item, "home")), 2);
    json_decref(item);
    apply(1, 907, "bounty.price", key, 9, price(&id, "open", true)); /* the control */
    expect_funded(&id, true);
    apply(1, 908, "bounty.price", key, 10, price(&id, "closed", false));
    apply(1, 909, "bounty.price", key, 11, price(&id, "open", true));
    assert_null(shown(away, &id)); /* closed is closed */
}

static void test_bad_publications(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id first;
    json_t *terms = wish_terms(home, &wish);
    unsigned long long before = refused();
    int64_t rows = world_number(away, "SELECT count(*) FROM bounty");
    assert_int_equal(pair_apply(&pair, 1, 1, 700, "bounty.publish", "{}", 2), OK);
    apply(1, 701, "bounty.publish", &sponsor.identity, 1, json_object());
    apply(1, 702, "bounty.publish", &sponsor.identity, 1, json_pack("{s:{}}", "terms"));
    json_object_del(terms, "currency");
    apply(1, 703, "bounty.publish", &sponsor.identity, 1, json_pack("{s:O}", "terms", terms));
    assert_int_equal(refused(), before + 4);
    assert_int_equal(world_number(away, "SELECT count(*) FROM bounty"), rows);
    json_decref(terms);
    /* A member that copies another one's publication gets nothing by it, if that one was first. */
    assert_int_equal(do_publish(home, &sponsor, &wish, &first), OK);
    pair_deliver(&pair, 0, false);
    struct arena *arena = arena_new(1u << 20);
    const uint8_t *text = NULL;
    size_t len = 0;
    assert_int_equal(store_bounty_statement(home->db, &first, arena, &text, &len), OK);
    assert_int_equal(pair_apply(&pair, 1, 3, 1, "bounty.publish", (const char *)text, len), OK);
    struct bounty_row b;
    assert_int_equal(store_bounty_get(away->db, &first, BOUNTY_READ, arena, &b), OK);
    assert_int_equal(b.home, 1);
    arena_free(arena);
    assert_string_equal(world_check(away), "");
}

/* Alone, a member says nothing. */
static void test_alone(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    struct id id;
    struct peering *p = home->app.peering;
    home->app.peering = NULL;
    int64_t at = prices();
    assert_int_equal(do_publish(home, &sponsor, &wish, &id), OK);
    assert_int_equal(price_publish(&home->app, home->db), OK);
    assert_int_equal(prices(), at);
    home->app.peering = p;
    tell(); /* others came: they hear of it */
    expect_funded(&id, false);
}

static int up(void **state)
{
    (void)state;
    pair_up(&pair);
    operator_join(home, 1, &op[0]);
    operator_join(away, 2, &op[1]);
    person_join(home, &op[0], "sponsor", "acme", 3, &sponsor);
    person_join(home, &op[0], "patient", "clinic", 4, &patient);
    static const char *const houses[] = { "north", "south", "west" };
    for (uint32_t i = 0; i < 3; i++) {
        struct person reviewer;
        person_join(home, &op[0], "reviewer", houses[i], 10 + i, &reviewer);
    }
    assert_int_equal(do_deposit(home, &sponsor, 1000000), OK);
    person_join(away, &op[1], "sponsor", "acme", 20, &other_sponsor);
    return 0;
}

static int down(void **state)
{
    (void)state;
    pair_down(&pair);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appears_and_follows),
        cmocka_unit_test(test_is_the_same),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_bad_prices),
        cmocka_unit_test(test_bad_publications),
        cmocka_unit_test(test_alone),
    };
    return cmocka_run_group_tests_name("replica", tests, up, down);
}
