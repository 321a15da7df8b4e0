/* Money between two members: the whole job with patient and reviewers at another member than the
 * bounty, what each side books, and that nothing is credited twice or lost whatever happens to a
 * message. */
#include "server/clearing/clearing.h"
#include "server/party/pseudonym.h"
#include "server/schedule/courier.h"
#include "server/store/member_message.h"
#include "tests/lib/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

static struct pair pair;
static struct world *const home = &pair.w[0];      /* the bounty's, member 1 */
static struct world *const elsewhere = &pair.w[1]; /* the people's, member 2 */
static struct person op[2], sponsor, patient, reviewers[3];
static struct id bounty;

static int64_t clearing(struct world *w)
{
    struct id owner = clearing_owner(w == home ? 2 : 1);
    int64_t available = 0, pending = 0;
    assert_int_equal(db_check(w->db), OK);
    assert_int_equal(books_balance(w->db, BOOK_CLEARING, &owner, "EUR", &available, &pending), OK);
    return available;
}

static void promises(void)
{
    assert_string_equal(world_check(home), "");
    assert_string_equal(world_check(elsewhere), "");
}

/* The patient as member 1 knows it: the bounty's key and nothing else. */
static struct person pseudonym_of(const struct person *p)
{
    struct person q = *p;
    keys_bounty(p->root, &bounty, &q.identity, &q.receive);
    q.account = account_id(q.identity.public);
    return q;
}

static void take_pseudonym(const struct person *p)
{
    struct person q = pseudonym_of(p);
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer answer = { 0 };
    ask_as(elsewhere, p, arena, &act);
    say(elsewhere, "pseudonym.register", &p->identity, 1, json_object(), &s);
    assert_int_equal(
        pseudonym_register(&act, &s, &bounty, q.identity.public, q.receive.public, &answer), OK);
    statement_release(&s);
    arena_free(arena);
    assert_int_equal(pair_vouch(&pair, 0, &p->account, &q.account), OK);
}

/* Three reviewers, all at member 2: what is in the round is paid there. */
static int64_t review_all(struct offer *o)
{
    for (size_t i = 0; i < 2; i++) {
        const struct person *who = seat_holder(o, i + 1, reviewers, COUNT(reviewers));
        json_t *v = verdict_of(9000, 3, 20, "accept");
        assert_non_null(who);
        assert_int_equal(do_commit(home, who, &o->id, v), OK);
        json_decref(v);
    }
    for (size_t i = 0; i < 2; i++) {
        json_t *v = verdict_of(9000, 3, 20, "accept");
        assert_int_equal(
            do_reveal(home, seat_holder(o, i + 1, reviewers, COUNT(reviewers)), &o->id, v), OK);
        json_decref(v);
    }
    char state[12];
    state_of(home, &o->id, state);
    assert_string_equal(state, "PAID");
    return 1000 + 3 * 500 + 20 * 10;
}

/* Messages wait, all three of them; nothing has moved at member 2. */
static void test_paid_into_clearing(void **state)
{
    (void)state;
    struct person q = pseudonym_of(&patient);
    struct offer o;
    take_pseudonym(&patient);
    offer_in_round(home, &q, &bounty, 4, 20, &o);
    int64_t pay = review_all(&o);
    assert_int_equal(clearing(home), pay + 2 * 100);
    assert_int_equal(wallet_of(home, &q), 0);
    assert_int_equal(clearing(elsewhere), 0);
    assert_int_equal(world_number(home, "SELECT sent - acknowledged FROM peer_head"), 3);
    assert_int_equal(wallet_of(elsewhere, &patient), 0);
    promises();
}

static void wait_acknowledged(void)
{
    usec_t until = clock_monotonic() + 20 * USEC_PER_SEC;
    while (world_number(home, "SELECT coalesce(sum(sent - acknowledged), 0) FROM peer_head") != 0 &&
           clock_monotonic() < until)
        (void)poll(NULL, 0, 5); /* the courier tells nobody */
    assert_int_equal(
        world_number(home, "SELECT coalesce(sum(sent - acknowledged), 0) FROM peer_head"), 0);
}

/* First nothing arrives; then everything is done and every answer is lost; then all is well. */
static void test_courier(void **state)
{
    (void)state;
    struct person q = pseudonym_of(&patient);
    atomic_store(&pair.trouble, PAIR_LOST);
    assert_int_equal(courier_start(&home->app, &home->app.courier), OK);
    while (atomic_load(&pair.calls) < 2)
        (void)poll(NULL, 0, 5);
    assert_int_equal(clearing(elsewhere), 0);
    atomic_store(&pair.trouble, PAIR_MUTE);
    unsigned before = atomic_load(&pair.calls);
    while (atomic_load(&pair.calls) < before + 2)
        (void)poll(NULL, 0, 5);
    assert_int_equal(clearing(elsewhere), -clearing(home)); /* done, though nobody said so */
    assert_int_equal(world_number(home, "SELECT acknowledged FROM peer_head"), 0);
    atomic_store(&pair.trouble, PAIR_FINE);
    wait_acknowledged();
    assert_int_equal(clearing(elsewhere), -clearing(home));
    assert_int_equal(wallet_of(elsewhere, &patient), 2700); /* the person, not the pseudonym */
    assert_int_equal(wallet_of(elsewhere, &q), 0);
    int64_t fees = 0;
    for (size_t i = 0; i < COUNT(reviewers); i++)
        fees += wallet_of(elsewhere, &reviewers[i]);
    assert_int_equal(fees, 200);
    promises();
}

/* A payment that wakes the courier arrives without waiting for its look. */
static void test_woken(void **state)
{
    (void)state;
    struct person q = pseudonym_of(&patient);
    struct offer o;
    int64_t before = wallet_of(elsewhere, &patient);
    offer_in_round(home, &q, &bounty, 9, 40, &o);
    (void)review_all(&o); /* the same series again: nothing more to pay, but the fees */
    wait_acknowledged();
    assert_int_equal(wallet_of(elsewhere, &patient), before);
    assert_int_equal(clearing(elsewhere), -clearing(home));
    courier_stop(home->app.courier);
    home->app.courier = NULL;
    promises();
}

/* ---- what a receiver refuses ------------------------------------------------------------------
 */

struct forged {
    int64_t to, sequence, amount;
    const struct id *account;
    const struct sign_key *key;
};

static enum err receive(const struct forged *f, uint16_t from)
{
    static const struct id cause = { { 7, 7, 7, 7, 7, 7, 0x47, 7, 0x87 } };
    struct arena *arena = arena_new(1u << 20);
    struct problem problem = { 0 };
    struct act act = {
        .app = &elsewhere->app, .arena = arena, .problem = &problem, .now = world_now(elsewhere)
    };
    struct statement s;
    struct answer answer = { 0 };
    say(home, "clearing.credit", f->key, 1,
        json_pack("{s:I, s:I, s:o, s:I, s:s, s:o}", "to", (json_int_t)f->to, "sequence",
                  (json_int_t)f->sequence, "account", json_id(f->account), "amount_minor",
                  (json_int_t)f->amount, "currency", "EUR", "cause", json_id(&cause)),
        &s);
    enum err e = clearing_apply(&act, from, &s, &answer);
    statement_release(&s);
    arena_free(arena);
    return e;
}

static void test_refusals(void **state)
{
    (void)state;
    struct person nobody;
    person_make(999, &nobody);
    int64_t at = world_number(elsewhere, "SELECT received FROM peer_head");
    int64_t before = clearing(elsewhere);
    const struct sign_key *key = &home->app.member_key;
    const struct forged good = { 2, at + 1, 5, &patient.account, key };
    struct forged f = good;
    f.key = &patient.identity;
    assert_int_equal(receive(&f, 1), ERR_STATEMENT_SIGNER);
    assert_int_equal(receive(&good, 3), ERR_MEMBER_UNKNOWN);
    f = good;
    f.to = 3;
    assert_int_equal(receive(&f, 1), ERR_STATEMENT_FORM);
    f = good;
    f.sequence = at + 2;
    assert_int_equal(receive(&f, 1), ERR_MEMBER_ORDER);
    f = good;
    f.amount = 0;
    assert_int_equal(receive(&f, 1), ERR_FIELD_RANGE);
    f = good;
    f.account = &nobody.account;
    assert_int_equal(receive(&f, 1), ERR_ACCOUNT_UNKNOWN);
    f = good;
    f.account = &sponsor.account; /* known here too, but it lives at member 1 */
    assert_int_equal(receive(&f, 1), ERR_ACCOUNT_UNKNOWN);
    f = good;
    f.sequence = at; /* another message under a number that was taken: the first one stands */
    f.amount = 1000000;
    assert_int_equal(receive(&f, 1), OK);
    assert_int_equal(clearing(elsewhere), before);
    assert_int_equal(world_number(elsewhere, "SELECT received FROM peer_head"), at);
    promises();
    assert_int_equal(receive(&good, 1), OK); /* the control */
    assert_int_equal(clearing(elsewhere), before - 5);
}

/* A federation of one pays wallets and writes no message. */
static void test_at_home(void **state)
{
    (void)state;
    int64_t messages = world_number(home, "SELECT count(*) FROM peer_message");
    struct id account = sponsor.account;
    struct money m;
    money_init(&m, &bounty, "EUR");
    assert_int_equal(clearing_pay(home->db, &home->app, world_now(home), &m, BOOK_RESERVED, &bounty,
                                  &account, 0, "reward"),
                     OK);
    assert_int_equal(m.n, 0);
    assert_int_equal(clearing_pay(home->db, &home->app, world_now(home), &m, BOOK_RESERVED, &bounty,
                                  &account, 9, "reward"),
                     OK);
    assert_int_equal(m.n, 1);
    struct id wallet = book_account_id(BOOK_WALLET, &account, "EUR");
    assert_memory_equal(&m.legs[0].credit, &wallet, sizeof(wallet));
    assert_int_equal(world_number(home, "SELECT count(*) FROM peer_message"), messages);
}

static int up(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    static const char *const houses[] = { "north", "south", "west" };
    pair_up(&pair);
    operator_join(home, 1, &op[0]);
    operator_join(elsewhere, 2, &op[1]);
    person_join(home, &op[0], "sponsor", "acme", 3, &sponsor);
    person_join(elsewhere, &op[1], "patient", "clinic", 4, &patient);
    for (uint32_t i = 0; i < COUNT(reviewers); i++)
        person_join(elsewhere, &op[1], "reviewer", houses[i], 10 + i, &reviewers[i]);
    assert_int_equal(do_deposit(home, &sponsor, 1000000), OK);
    assert_int_equal(do_publish(home, &sponsor, &wish, &bounty), OK);
    assert_int_equal(do_fund(home, &sponsor, &bounty, 100000), OK);
    pair_deliver(&pair, 0, false);
    pair_deliver(&pair, 1, false);
    /* known to member 2 under its home, as a sponsor of member 1 */
    assert_int_equal(pair_vouch(&pair, 1, &sponsor.account, NULL), OK);
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
        cmocka_unit_test(test_paid_into_clearing),
        cmocka_unit_test(test_courier),
        cmocka_unit_test(test_woken),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_at_home),
    };
    return cmocka_run_group_tests_name("clearing", tests, up, down);
}
