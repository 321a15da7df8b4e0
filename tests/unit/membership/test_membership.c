/* What the operator of a member says about the members: tried against the fold, written once, and
 * carried out when its block is final. And what a member alone does not do by itself. */
#include "server/membership/membership.h"

#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/wire/forensics.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <string.h>

static struct world w;
static struct person op;
static struct members now; /* of the fold */
static struct problem problem;

static int64_t entries(const char *kind)
{
    char sql[100];
    (void)snprintf(sql, sizeof(sql), "SELECT count(*) FROM entry WHERE kind = '%s'", kind);
    return world_number(&w, sql);
}

static void draft(const char *kind, const struct sign_key *key, int64_t epoch, json_t *extras,
                  struct statement *ret)
{
    assert_int_equal(json_object_set_new(extras, "genesis", json_b64(w.genesis_hash, HASH_BYTES)),
                     0);
    say(&w, kind, key, epoch, extras, ret);
}

static enum err say_as(const struct person *p, const struct statement *s, struct answer *ret)
{
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    ask_as(&w, p, arena, &act);
    problem = (struct problem){ 0 };
    act.problem = &problem;
    enum err e = membership_say(&act, s, ret);
    arena_free(arena);
    ret->body = NULL;
    return e;
}

static json_t *move_to(const char *endpoint)
{
    return json_pack("{s:s, s:i, s:s}", "change", "rekey", "number", 1, "endpoint", endpoint);
}

static enum err propose(const struct person *p, int64_t epoch, json_t *extras)
{
    struct statement s;
    struct answer a = { 0 };
    draft("member.propose", &p->identity, epoch, extras, &s);
    enum err e = say_as(p, &s, &a);
    assert_true(e != OK || a.status == 201);
    statement_release(&s);
    return e;
}

/* The driver tells nobody when it has delivered. */
static void wait_for_epoch(uint32_t epoch)
{
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    do {
        ledger_members(w.app.ledger, &now);
        assert_true(clock_monotonic() < until);
        (void)poll(NULL, 0, 5);
    } while (now.epoch < epoch);
    assert_int_equal(now.epoch, epoch);
}

static void expect_refused(enum err e, const char *reason)
{
    assert_int_equal(e, ERR_CHANGE_REFUSED);
    assert_string_equal(problem.detail, reason);
}

static void test_refused_leaves_nothing(void **state)
{
    (void)state;
    struct statement s;
    struct answer a = { 0 };
    struct person other;
    int64_t before = world_number(&w, "SELECT count(*) FROM entry");
    expect_refused(propose(&op, 2, move_to("http://10.1.1.1:1")), "member.epoch");
    expect_refused(propose(&op, 1, move_to("http://127.0.0.1:8480")), "member.change");
    expect_refused(propose(&op, 1, json_pack("{s:s, s:i}", "change", "promote", "number", 1)),
                   "member.change");
    expect_refused(propose(&op, 1, json_pack("{s:s, s:i}", "change", "leave", "number", 1)),
                   "member.too_few");
    draft("member.approve", &op.identity, 1, json_pack("{s:o}", "change", json_id(&op.account)),
          &s);
    expect_refused(say_as(&op, &s, &a), "change.unknown");
    statement_release(&s);
    person_join(&w, &op, "operator", "clinic", 2, &other); /* an operator here, not in the fold */
    assert_int_equal(propose(&other, 1, move_to("http://10.1.1.1:1")), ERR_STATEMENT_SIGNER);
    draft("member.propose", &op.identity, 1, move_to("http://10.1.1.1:1"), &s);
    assert_int_equal(say_as(&other, &s, &a), ERR_STATEMENT_SIGNER);
    statement_release(&s);
    draft("member.propose", &other.identity, 1, move_to("http://10.1.1.1:1"), &s);
    assert_int_equal(say_as(&op, &s, &a), ERR_STATEMENT_SIGNER);
    statement_release(&s);
    assert_int_equal(entries("member.propose") + entries("member.approve"), 0);
    assert_int_equal(world_number(&w, "SELECT count(*) FROM entry"), before + 2); /* of the other */
    wait_for_epoch(1);
}

static void test_said_once_and_carried_out(void **state)
{
    (void)state;
    struct statement s;
    struct answer a = { 0 };
    struct act act;
    struct arena *arena = arena_new(1u << 20);
    draft("member.propose", &op.identity, 1, move_to("http://10.1.1.1:1"), &s);
    ask_as(&w, &op, arena, &act);
    assert_int_equal(membership_say(&act, &s, &a), OK);
    assert_int_equal(a.status, 201);
    assert_false(a.replayed);
    wait_for_epoch(2);
    assert_string_equal(now.list[0].endpoint, "http://10.1.1.1:1");
    /* Sent again after the epoch is over: the first answer. Under another key it is refused. */
    assert_int_equal(membership_say(&act, &s, &a), OK);
    assert_true(a.replayed);
    expect_refused(say_as(&op, &s, &a), "member.epoch");
    assert_int_equal(entries("member.propose"), 1);
    assert_int_equal(
        world_number(&w, "SELECT count(*) FROM entry WHERE kind = 'member.propose' AND is_public"
                         " AND chain = 1"),
        1);
    statement_release(&s);
    arena_free(arena);
    world_settle(&w);
}

/* A single validator leads always: there is no seed to make. Without evidence none is shown. */
static void test_alone_has_no_duties(void **state)
{
    (void)state;
    int64_t before = world_number(&w, "SELECT count(*) FROM entry");
    assert_int_equal(membership_duties(&w.app), OK);
    assert_int_equal(world_number(&w, "SELECT count(*) FROM entry"), before);
}

/* What the ledger thread would bring: two votes of one member for two blocks of one view. */
static void find_evidence(uint64_t view)
{
    struct wire_scope scope;
    struct wire_vote a = { .kind = CORE_N, .view = view, .id = { { 1 } } }, b = a;
    struct ledger *l = w.app.ledger;
    uint8_t fault = 0;
    b.id.bytes[0] = 2;
    ledger_members(l, &now);
    assert_true(members_scope(&now, CHAIN_TX, now.epoch, &scope));
    wire_vote_sign(&scope, &w.keys.vote, &a);
    wire_vote_sign(&scope, &w.keys.vote, &b);
    (void)pthread_mutex_lock(&l->lock);
    assert_int_equal(evidence_votes(&a, &b, &fault, &l->evidence), OK);
    (void)pthread_mutex_unlock(&l->lock);
}

static size_t evidence_held(void)
{
    struct buf b;
    buf_init(&b, LEDGER_EVIDENCE_MAX);
    assert_int_equal(ledger_evidence(w.app.ledger, &b), OK);
    size_t len = b.len;
    buf_release(&b);
    return len;
}

/* Shown once however often it is looked at, kept until the fold knows it, and not shown again. */
static void test_evidence_is_shown_once(void **state)
{
    (void)state;
    find_evidence(5);
    assert_int_equal(membership_duties(&w.app), OK);
    assert_int_not_equal(evidence_held(), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(membership_duties(&w.app), OK);
    assert_int_equal(entries("member.evidence"), 1);
    world_settle(&w);
    ledger_members(w.app.ledger, &now);
    assert_true(now.list[0].convicted);
    assert_int_equal(membership_duties(&w.app), OK);
    assert_int_equal(evidence_held(), 0);
    find_evidence(6); /* another fault of one that is convicted */
    assert_int_equal(membership_duties(&w.app), OK);
    assert_int_equal(evidence_held(), 0);
    assert_int_equal(entries("member.evidence"), 1);
}

static void test_opening_needs_no_memory(void **state)
{
    (void)state;
    uint8_t first[HASH_BYTES], again[HASH_BYTES], next[HASH_BYTES];
    wait_for_epoch(now.epoch);
    membership_opening(&w.app, &now, first);
    membership_opening(&w.app, &now, again);
    assert_memory_equal(first, again, HASH_BYTES);
    now.epoch++;
    membership_opening(&w.app, &now, next);
    assert_memory_not_equal(first, next, HASH_BYTES);
    now.epoch--;
    now.genesis[0] ^= 1;
    membership_opening(&w.app, &now, next);
    assert_memory_not_equal(first, next, HASH_BYTES);
}

/* The operator in the genesis of a world signs nothing: before the first block it gets a key. */
static int up(void **state)
{
    (void)state;
    world_up(&w);
    world_park(&w);
    person_make(1, &op);
    memcpy(w.genesis.members[0].operator_key, op.identity.public, SIGN_PUBLIC_BYTES);
    if (world_drive(&w) != OK)
        return 1;
    operator_join(&w, 1, &op);
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
        cmocka_unit_test(test_refused_leaves_nothing),
        cmocka_unit_test(test_said_once_and_carried_out),
        cmocka_unit_test(test_alone_has_no_duties),
        cmocka_unit_test(test_opening_needs_no_memory),
        cmocka_unit_test(test_evidence_is_shown_once),
    };
    return cmocka_run_group_tests(tests, up, down);
}
