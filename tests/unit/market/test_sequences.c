/* Whatever people and the scheduler do, in whatever order: after every step the books balance, each
 * bucket holds what its submissions say, and states and entries agree one to one. Seeded; SEED=n in
 * the environment tries another sequence, STEPS=n a longer one. */
#include "server/base/text.h"
#include "server/market/bounty.h"
#include "server/market/submission.h"
#include "server/payout/payout.h"
#include "tests/lib/people.h"
#include "tests/lib/prop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#define PATIENTS 6
#define BOUNTIES 12
#define OFFERS 120
#define PAYOUTS 40

static struct world w;
static struct cast cast;

/* What the sequence knows of the world; the domain is asked also for what cannot be. */
struct play {
    struct prop p;
    struct id bounties[BOUNTIES];
    size_t n_bounties;
    struct offer offers[OFFERS];
    size_t owner[OFFERS];
    enum stage { QUOTED, STORED, IN_ROUND, OVER } stage[OFFERS];
    size_t n_offers;
    struct id payouts[PAYOUTS];
    size_t n_payouts;
};

static size_t pick(struct play *x, size_t n)
{
    return (size_t)prop_int(&x->p, 0, (int64_t)n - 1);
}

/* Mostly one for which the step makes sense, sometimes any. There is one at least. */
static size_t pick_offer(struct play *x, enum stage stage)
{
    size_t fit[OFFERS], n = 0;
    for (size_t i = 0; i < x->n_offers; i++)
        if (x->stage[i] == stage)
            fit[n++] = i;
    return n == 0 || prop_next(&x->p) % 5 == 0 ? pick(x, x->n_offers) : fit[pick(x, n)];
}

static void staged(struct play *x, size_t i)
{
    char state[12];
    state_of(&w, &x->offers[i].id, state);
    if (strcmp(state, "ROUND") == 0)
        x->stage[i] = IN_ROUND;
    else if (strcmp(state, "QUOTED") != 0)
        x->stage[i] = OVER;
}

static enum err publish(struct play *x)
{
    struct wish wish = wish_usual();
    if (x->n_bounties == BOUNTIES)
        return ERR_LIMIT;
    wish.base = prop_edge(&x->p, 0, 3000);
    wish.per_month = prop_edge(&x->p, 0, 40);
    wish.seats = prop_int(&x->p, 1, 5);
    wish.quorum = prop_int(&x->p, 1, wish.seats);
    wish.fee = prop_edge(&x->p, 0, 200);
    wish.threshold = prop_int(&x->p, 2000, 6000);
    wish.closes_at = world_now(&w) + prop_int(&x->p, 30, 900) * HOUR;
    enum err e = do_publish(&w, &cast.sponsor, &wish, &x->bounties[x->n_bounties]);
    if (e != OK)
        return e;
    x->n_bounties++;
    return do_fund(&w, &cast.sponsor, &x->bounties[x->n_bounties - 1], prop_int(&x->p, 1, 60000));
}

static enum err fund(struct play *x)
{
    return do_fund(&w, &cast.sponsor, &x->bounties[pick(x, x->n_bounties)],
                   prop_edge(&x->p, 1, 20000));
}

static enum err close_one(struct play *x)
{
    if (prop_next(&x->p) % 3 != 0) /* not too often: a closed bounty ends many ways */
        return ERR_LIMIT;
    return do_close(&w, &cast.sponsor, &x->bounties[pick(x, x->n_bounties)], 1);
}

static enum err expire(struct play *x)
{
    return bounty_expire(&w.app, &x->bounties[pick(x, x->n_bounties)]);
}

static enum err open_one(struct play *x)
{
    if (x->n_offers == OFFERS)
        return ERR_LIMIT;
    struct offer *o = &x->offers[x->n_offers];
    size_t who = pick(x, PATIENTS);
    offer_make(&w, &cast.patients[who], &x->bounties[pick(x, x->n_bounties)],
               prop_edge(&x->p, 0, 30), prop_edge(&x->p, 0, 200), o);
    if (prop_next(&x->p) % 10 == 0)
        o->key = cast.patients[who].identity; /* a second key of the same account */
    enum err e = do_open(&w, &cast.patients[who], o);
    if (e == OK)
        x->owner[x->n_offers++] = who;
    return e;
}

static enum err content(struct play *x)
{
    if (x->n_offers == 0)
        return ERR_LIMIT;
    size_t i = pick_offer(x, QUOTED);
    enum err e = do_content(&w, &cast.patients[x->owner[i]], &x->offers[i]);
    if (e == OK && x->stage[i] == QUOTED)
        x->stage[i] = STORED;
    return e;
}

static enum err submit(struct play *x)
{
    if (x->n_offers == 0)
        return ERR_LIMIT;
    size_t i = pick_offer(x, STORED);
    enum err e = do_submit(&w, &cast.patients[x->owner[i]], &x->offers[i]);
    staged(x, i);
    return e;
}

static enum err withdraw(struct play *x)
{
    if (x->n_offers == 0)
        return ERR_LIMIT;
    size_t i = pick_offer(x, prop_next(&x->p) % 2 == 0 ? STORED : IN_ROUND);
    enum err e = do_withdraw(&w, &cast.patients[x->owner[i]], &x->offers[i]);
    staged(x, i);
    return e;
}

/* A reviewer's verdict on a submission is always the same, so that it can be revealed. */
static enum err judge(struct play *x, bool reveal)
{
    static const char *const recommend[] = { "accept", "return", "reject" };
    if (x->n_offers == 0)
        return ERR_LIMIT;
    size_t i = pick_offer(x, IN_ROUND);
    const struct offer *o = &x->offers[i];
    const struct person *who = seat_holder(o, 1 + pick(x, o->n), cast.reviewers, CAST_REVIEWERS);
    struct prop mind = { (uint64_t)(who - cast.reviewers) * 1000003 + i };
    json_t *v = verdict_of(prop_int(&mind, 4000, 10000), prop_edge(&mind, 0, 40),
                           prop_edge(&mind, 0, 250), recommend[prop_next(&mind) % 3]);
    enum err e = reveal ? do_reveal(&w, who, &o->id, v) : do_commit(&w, who, &o->id, v);
    json_decref(v);
    staged(x, i);
    return e;
}

static enum err commit_one(struct play *x)
{
    return judge(x, false);
}

static enum err reveal_one(struct play *x)
{
    return judge(x, true);
}

static enum err due(struct play *x)
{
    if (x->n_offers == 0)
        return ERR_LIMIT;
    size_t i = pick_offer(x, prop_next(&x->p) % 2 == 0 ? QUOTED : IN_ROUND);
    enum err e = submission_due(&w.app, &x->offers[i].id, prop_int(&x->p, 1, 3));
    staged(x, i);
    return e;
}

static enum err later(struct play *x)
{
    world_shift(&w, prop_int(&x->p, 1, 20) * HOUR);
    return OK;
}

static enum err pay_out(struct play *x)
{
    if (x->n_payouts == PAYOUTS)
        return ERR_LIMIT;
    const struct person *who = prop_next(&x->p) % 2 == 0 ? &cast.patients[pick(x, PATIENTS)]
                                                         : &cast.reviewers[pick(x, CAST_REVIEWERS)];
    enum err e = do_payout(&w, who, prop_edge(&x->p, 1, 3000),
                           prop_next(&x->p) % 3 == 0 ? "fail" : "DE00", &x->payouts[x->n_payouts]);
    if (e == OK)
        x->n_payouts++;
    return e;
}

static enum err advance(struct play *x)
{
    if (x->n_payouts == 0)
        return ERR_LIMIT;
    return payout_advance(&w.app, w.db, &x->payouts[pick(x, x->n_payouts)]);
}

static const struct action {
    const char *name;
    enum err (*act)(struct play *);
    unsigned weight, least; /* least: successes without which the sequence says little */
} actions[] = {
    { "publish", publish, 2, 3 },
    { "fund", fund, 2, 2 },
    { "close", close_one, 1, 0 },
    { "expire", expire, 1, 0 },
    { "open", open_one, 11, 10 },
    { "content", content, 10, 10 },
    { "submit", submit, 12, 5 },
    { "withdraw", withdraw, 1, 0 },
    { "commit", commit_one, 18, 5 },
    { "reveal", reveal_one, 18, 2 },
    { "due", due, 3, 0 },
    { "later", later, 2, 2 },
    { "payout", pay_out, 4, 2 },
    { "advance", advance, 4, 2 },
};

static const struct action *choose(struct play *x)
{
    unsigned all = 0;
    for (size_t i = 0; i < COUNT(actions); i++)
        all += actions[i].weight;
    unsigned at = (unsigned)(prop_next(&x->p) % all);
    size_t i = 0;
    while (at >= actions[i].weight)
        at -= actions[i++].weight;
    return &actions[i];
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n = otherwise;
    if (text != NULL)
        assert_true(u64_parse(text, strlen(text), &n));
    return n;
}

/* Refusals are fine; faults of ours are not. */
static bool refusal(enum err e)
{
    return e == OK || e == ERR_LIMIT || (err_status(e) >= 400 && err_status(e) < 500);
}

/* The action that has not succeeded as often as it must for the run to have shown something; NULL
 * when all have. */
static const struct action *lacking(const unsigned done[COUNT(actions)])
{
    for (size_t i = 0; i < COUNT(actions); i++)
        if (done[i] < actions[i].least)
            return &actions[i];
    return NULL;
}

/* Who is drawn depends on keys that are new in every run, so a run is as long as it takes to have
 * done everything often enough, up to five times its usual length. */
static void test_sequence(void **state)
{
    (void)state;
    static struct play x;
    unsigned done[COUNT(actions)] = { 0 };
    uint64_t seed = from_environment("SEED", 42), steps = from_environment("STEPS", 400);
    x.p.state = seed;
    while (x.n_bounties < 2)
        assert_int_equal(publish(&x), OK);
    for (uint64_t step = 0; step < steps || (lacking(done) != NULL && step < 5 * steps); step++) {
        const struct action *a = choose(&x);
        enum err e = a->act(&x);
        done[a - actions] += e == OK;
        if (!refusal(e))
            fail_msg("seed %u step %u: %s gave %s", (unsigned)seed, (unsigned)step, a->name,
                     err_code(e));
        if (world_check(&w)[0] != '\0')
            fail_msg("seed %u step %u: after %s: %s", (unsigned)seed, (unsigned)step, a->name,
                     w.what);
    }
    if (lacking(done) != NULL)
        fail_msg("%s succeeded too rarely", lacking(done)->name);
    world_settle(&w);
}

/* A submission that is paid, one that is quoted, and a payout. */
static void one_job(void)
{
    struct wish wish = wish_usual();
    struct id bounty, payout;
    struct offer o;
    json_t *v = verdict_of(9900, 5, 5, "accept");
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &bounty), OK);
    assert_int_equal(do_fund(&w, &cast.sponsor, &bounty, 50000), OK);
    offer_in_round(&w, &cast.patients[0], &bounty, 5, 5, &o);
    for (int reveal = 0; reveal < 2; reveal++)
        for (size_t seat = 1; seat <= 2; seat++) {
            const struct person *who = seat_holder(&o, seat, cast.reviewers, CAST_REVIEWERS);
            assert_int_equal(reveal ? do_reveal(&w, who, &o.id, v) : do_commit(&w, who, &o.id, v),
                             OK);
        }
    json_decref(v);
    assert_int_equal(do_payout(&w, &cast.patients[0], 50, "DE00", &payout), OK);
    assert_int_equal(payout_advance(&w.app, w.db, &payout), OK);
    assert_string_equal(world_check(&w), "");
}

/* The check itself: each promise is broken by hand once and must be noticed. */
static void test_the_check_notices(void **state)
{
    (void)state;
    one_job();
    static const struct {
        const char *name, *sql;
    } lies[] = {
        { "sum", "UPDATE book_account SET credits = credits + 1 WHERE kind = 'outside'" },
        { "cache", "UPDATE book_account SET credits = credits + 1, debits = debits + 1"
                   " WHERE kind = 'outside'" },
        { "reserved", "UPDATE book_account SET credits = credits + 1 WHERE kind = 'reserved'" },
        { "accrued", "UPDATE book_account SET credits = credits + 1 WHERE kind = 'accrued'" },
        { "history", "UPDATE submission SET version = version + 1" },
        { "bounty-history", "UPDATE bounty SET version = version + 1" },
        { "one-row-per-entry", "DELETE FROM submission_event WHERE state = 'ROUND'" },
        { "one-row-per-entry", "UPDATE seat SET fee_entry = NULL" },
        { "one-row-per-entry",
          "INSERT INTO entry SELECT gen_random_uuid(), chain, last_seq + 1,"
          " 'review.pay', false, gen_random_uuid(), '{}', now() FROM chain_head" },
        { "sequence", "UPDATE chain_head SET last_seq = last_seq + 1" },
        { "rewards", "UPDATE submission SET pay = pay + 1 WHERE state = 'PAID'" },
        { "fees", "UPDATE seat SET reviewer = (SELECT id FROM account ORDER BY at LIMIT 1) WHERE"
                  " fee_entry IS NOT NULL AND seat = 1" },
        { "load", "UPDATE reviewer_load SET open_seats = open_seats + 1" },
        { "held",
          "UPDATE payout SET state = 'submitted', settle_entry = NULL WHERE state = 'confirmed'" },
    };
    for (size_t i = 0; i < COUNT(lies); i++) {
        char sql[700];
        (void)snprintf(sql, sizeof(sql), "BEGIN; SET session_replication_role = replica; %s",
                       lies[i].sql);
        world_lie(&w, sql);
        if (strstr(world_check(&w), lies[i].name) == NULL)
            fail_msg("%s did not notice: %s (it says: %s)", lies[i].name, lies[i].sql, w.what);
        world_lie(&w, "ROLLBACK");
        assert_string_equal(world_check(&w), "");
    }
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    cast_join(&w, &cast);
    for (size_t i = 0; i < PATIENTS; i++) /* so that there is always something to pay out */
        assert_int_equal(do_deposit(&w, &cast.patients[i], 20000), OK);
    return 0;
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
        cmocka_unit_test(test_the_check_notices),
        cmocka_unit_test(test_sequence),
    };
    return cmocka_run_group_tests_name("sequences", tests, up, down);
}
