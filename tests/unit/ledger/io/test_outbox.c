/* The outbox: where each kind goes, and that a written change and its entry cannot be parted. */
#include "server/ledger/io/outbox.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

static struct world w;

static void test_every_kind_has_its_chain(void **state)
{
    (void)state;
    static const char *const account[] = { "account.register", "role.attest", "record.version" };
    static const char *const tx[] = {
        "deposit.request",   "bounty.publish",  "bounty.fund",       "bounty.close",
        "bounty.expire",     "submission.open", "submission.submit", "submission.withdraw",
        "submission.expire", "submission.pay",  "round.draw",        "round.decide",
        "verdict.commit",    "verdict.reveal",  "review.pay",        "payout.request",
        "payout.settle",
    };
    enum chain chain;
    bool is_public;
    for (size_t i = 0; i < COUNT(account); i++) {
        assert_int_equal(outbox_route(account[i], &chain, &is_public), OK);
        assert_int_equal(chain, CHAIN_ACCOUNT);
        assert_false(is_public);
    }
    for (size_t i = 0; i < COUNT(tx); i++) {
        assert_int_equal(outbox_route(tx[i], &chain, &is_public), OK);
        assert_int_equal(chain, CHAIN_TX);
        assert_int_equal(is_public, strcmp(tx[i], "bounty.publish") == 0); /* terms alone */
    }
}

static void test_unknown_kinds(void **state)
{
    (void)state;
    static const char *const kinds[] = { "",
                                         "bounty",
                                         "bounty.",
                                         "bounty.publishe",
                                         "bounty.publis",
                                         "Bounty.publish",
                                         "account.erase" };
    enum chain chain = (enum chain)7;
    bool is_public = true;
    for (size_t i = 0; i < COUNT(kinds); i++)
        assert_int_equal(outbox_route(kinds[i], &chain, &is_public), ERR_STATEMENT_KIND);
    assert_int_equal(chain, 7);
    assert_true(is_public);
}

struct job {
    const struct statement *s;
    struct id parties[9];
    size_t n;
    enum err after; /* what the callback returns once the entry is written */
};

static enum err append(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct job *j = arg;
    enum err e = outbox_append(db, j->s, &j->parties[0], j->parties, j->n, world_now(&w));
    if (e == OK)
        e = j->after;
    return e == OK ? answer_set(ret, arena, 201, json_object()) : e;
}

static enum err write_job(struct job *j)
{
    struct arena *arena = arena_new(1u << 20);
    struct answer a = { 0 };
    struct act act;
    struct person p;
    person_make(1, &p);
    ask_as(&w, &p, arena, &act);
    enum err e = act_write(&act, "append", append, j, &a);
    arena_free(arena);
    return e;
}

static int64_t last_seq(enum chain c)
{
    char sql[80];
    (void)snprintf(sql, sizeof(sql), "SELECT last_seq FROM chain_head WHERE chain = %d", (int)c);
    return world_number(&w, sql);
}

/* A refused change takes its entry along and leaves no gap. */
static void test_entry_and_change_are_one(void **state)
{
    (void)state;
    struct person p;
    struct statement first, second, other;
    person_make(1, &p);
    say(&w, "deposit.request", &p.identity, 1, json_object(), &first);
    say(&w, "deposit.request", &p.identity, 1, json_object(), &second);
    say(&w, "nothing.known", &p.identity, 1, json_object(), &other);
    struct job j = { .s = &first, .parties = { p.account }, .n = 1, .after = ERR_STATE };
    int64_t before = last_seq(CHAIN_TX);
    assert_int_equal(write_job(&j), ERR_STATE);
    assert_int_equal(last_seq(CHAIN_TX), before);
    j.after = OK;
    assert_int_equal(write_job(&j), OK);
    assert_int_equal(last_seq(CHAIN_TX), before + 1);
    assert_int_equal(write_job(&j), ERR_STATEMENT_REPLAYED); /* the statement, under another key */
    j.s = &other;
    assert_int_equal(write_job(&j), ERR_STATEMENT_KIND);
    assert_int_equal(last_seq(CHAIN_TX), before + 1);
    j.s = &second;
    assert_int_equal(write_job(&j), OK);
    assert_int_equal(last_seq(CHAIN_TX), before + 2);
    assert_int_equal(last_seq(CHAIN_ACCOUNT), 0);
    assert_int_equal(
        world_number(&w, "SELECT count(*) FROM entry WHERE chain = 2 AND seq IN (1, 2)"), 2);
    statement_release(&first);
    statement_release(&second);
    statement_release(&other);
}

/* The stored bytes are the statement's; each party can fetch the receipt, nobody else can. */
static void test_parties_and_bytes(void **state)
{
    (void)state;
    struct person p;
    struct statement s;
    struct arena *arena = arena_new(1u << 20);
    struct receipt_row r;
    struct id stranger = fixture_id(5, 5);
    person_make(2, &p);
    say(&w, "payout.settle", &p.identity, 4, json_object(), &s);
    struct job j = { .s = &s, .n = 8 };
    j.parties[0] = p.account;
    for (uint32_t i = 1; i < COUNT(j.parties); i++)
        j.parties[i] = fixture_id(6, i);
    assert_int_equal(write_job(&j), OK);
    assert_int_equal(db_check(w.db), OK);
    for (size_t i = 0; i < j.n; i++) {
        assert_int_equal(store_receipt(w.db, &s.id, &j.parties[i], arena, &r), OK);
        assert_int_equal(r.chain, CHAIN_TX);
        assert_int_equal(r.entry.len, s.canonical_len);
        assert_memory_equal(r.entry.statement, s.canonical, s.canonical_len);
    }
    assert_int_equal(store_receipt(w.db, &s.id, &stranger, arena, &r), ERR_NOT_FOUND);
    struct statement more;
    say(&w, "payout.settle", &p.identity, 5, json_object(), &more);
    j = (struct job){ .s = &more, .n = 9 };
    assert_int_equal(write_job(&j), ERR_LIMIT);
    statement_release(&more);
    statement_release(&s);
    arena_free(arena);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
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
        cmocka_unit_test(test_every_kind_has_its_chain),
        cmocka_unit_test(test_unknown_kinds),
        cmocka_unit_test(test_entry_and_change_are_one),
        cmocka_unit_test(test_parties_and_bytes),
    };
    return cmocka_run_group_tests_name("outbox", tests, up, down);
}
