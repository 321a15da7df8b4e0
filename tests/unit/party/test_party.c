/* Accounts and roles: registered by their key, attested by somebody else. */
#include "server/ledger/io/subjects.h"
#include "server/party/party.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

static struct world w;
static struct person op;

static int64_t rows(void)
{
    return world_number(&w, "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM account)"
                            " + (SELECT count(*) FROM role_grant)");
}

static void test_register(void **state)
{
    (void)state;
    struct person p;
    struct account_row row;
    person_make(10, &p);
    assert_int_equal(store_account_get(w.db, &p.account, &row), ERR_NOT_FOUND);
    assert_int_equal(do_register(&w, &p), OK);
    assert_int_equal(store_account_get(w.db, &p.account, &row), OK);
    assert_memory_equal(row.identity, p.identity.public, SIGN_PUBLIC_BYTES);
    assert_memory_equal(row.receive, p.receive.public, BOX_PUBLIC_BYTES);
    assert_int_equal(row.n_roles, 0);
    assert_int_equal(party_roles(&w.app, &row), 0);
    int64_t before = rows();
    assert_int_equal(do_register(&w, &p), ERR_ACCOUNT_EXISTS);
    assert_int_equal(rows(), before);
    assert_string_equal(world_check(&w), "");
}

/* Everyone has a salt key of its own, durable before the account is there. */
static void test_salt_keys(void **state)
{
    (void)state;
    struct person all[4];
    uint8_t salts[4][SALT_BYTES];
    for (uint32_t i = 0; i < 4; i++) {
        char id[ID_TEXT_SIZE], sql[120];
        person_join(&w, &op, NULL, NULL, 20 + i, &all[i]);
        id_text(&all[i].account, id);
        (void)snprintf(sql, sizeof(sql), "SELECT salt_slot FROM account WHERE id = '%s'", id);
        int64_t slot = world_number(&w, sql);
        assert_true(slot >= 1); /* 0 is the member's */
        assert_int_equal(subjects_salt(w.app.subjects, slot, CHAIN_ACCOUNT, 1, salts[i]), OK);
        for (uint32_t k = 0; k < i; k++)
            assert_memory_not_equal(salts[i], salts[k], SALT_BYTES);
    }
}

struct racer {
    struct person p;
    enum err result;
};

static void *register_on(void *arg)
{
    struct racer *r = arg;
    r->result = do_register(&w, &r->p);
    return NULL;
}

static void test_one_account_per_key(void **state)
{
    (void)state;
    static struct racer racers[6];
    pthread_t threads[6];
    int won = 0;
    for (size_t i = 0; i < 6; i++) {
        person_make(30, &racers[i].p);
        assert_int_equal(pthread_create(&threads[i], NULL, register_on, &racers[i]), 0);
    }
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].result == OK;
        assert_true(racers[i].result == OK || racers[i].result == ERR_ACCOUNT_EXISTS);
    }
    assert_int_equal(won, 1);
    assert_string_equal(world_check(&w), "");
}

static void test_roles(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        unsigned role;
    } roles[] = { { "patient", ROLE_PATIENT },
                  { "sponsor", ROLE_SPONSOR },
                  { "reviewer", ROLE_REVIEWER },
                  { "operator", ROLE_OPERATOR } };
    struct person p;
    struct account_row row;
    unsigned want = 0;
    person_join(&w, &op, NULL, NULL, 40, &p);
    for (size_t i = 0; i < COUNT(roles); i++) {
        assert_int_equal(do_attest(&w, &op, &p.account, roles[i].name, "house-1"), OK);
        want |= roles[i].role;
        assert_int_equal(store_account_get(w.db, &p.account, &row), OK);
        assert_int_equal(row.n_roles, i + 1);
        assert_int_equal(party_roles(&w.app, &row), want);
        int64_t before = rows();
        assert_int_equal(do_attest(&w, &op, &p.account, roles[i].name, "house-2"), ERR_STATE);
        assert_int_equal(rows(), before);
    }
    assert_string_equal(row.roles[0].institution, "house-1");
    assert_string_equal(world_check(&w), "");
}

/* The operator of the configuration has that role without a grant; nobody else has any. */
static void test_configured_operator(void **state)
{
    (void)state;
    struct account_row row;
    assert_int_equal(store_account_get(w.db, &op.account, &row), OK);
    assert_int_equal(row.n_roles, 0);
    assert_int_equal(party_roles(&w.app, &row), ROLE_OPERATOR);
    row.id.bytes[0] ^= 1;
    assert_int_equal(party_roles(&w.app, &row), 0);
}

static void test_attest_refusals(void **state)
{
    (void)state;
    static const char *const houses[] = { "Clinic", "clinic north", "clinic/1", "klinik_1",
                                          "caf\xc3\xa9" };
    struct person p, nobody, other;
    person_join(&w, &op, NULL, NULL, 50, &p);
    person_make(51, &nobody);
    int64_t before = rows();
    for (size_t i = 0; i < COUNT(houses); i++)
        assert_int_equal(do_attest(&w, &op, &p.account, "patient", houses[i]), ERR_FIELD_FORMAT);
    assert_int_equal(do_attest(&w, &op, &nobody.account, "patient", "clinic"), ERR_ACCOUNT_UNKNOWN);
    other = op; /* the operator's account, but signed by somebody else */
    other.identity = p.identity;
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    struct statement s;
    struct answer a = { 0 };
    ask_as(&w, &op, arena, &act);
    say(&w, "role.attest", &other.identity, 1, json_object(), &s);
    assert_int_equal(party_attest(&act, &s, &p.account, "patient", "clinic", &a),
                     ERR_STATEMENT_SIGNER);
    statement_release(&s);
    arena_free(arena);
    assert_int_equal(rows(), before);
    assert_int_equal(do_attest(&w, &op, &p.account, "patient", "clinic-2"), OK);
}

/* Whose receipt it is: who registered; who was attested and who attested. */
static void test_parties(void **state)
{
    (void)state;
    struct person p;
    person_join(&w, &op, "patient", "clinic", 60, &p);
    char id[ID_TEXT_SIZE], sql[200];
    id_text(&p.account, id);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM entry_party x JOIN role_grant g ON g.entry ="
                   " x.entry WHERE g.account = '%s'",
                   id);
    assert_int_equal(world_number(&w, sql), 2);
    (void)snprintf(sql, sizeof(sql),
                   "SELECT count(*) FROM entry_party x JOIN account a ON a.entry ="
                   " x.entry WHERE a.id = '%s' AND x.account = a.id",
                   id);
    assert_int_equal(world_number(&w, sql), 1);
    assert_int_equal(do_attest(&w, &op, &op.account, "sponsor", "acme"), OK); /* one party, twice */
    assert_string_equal(world_check(&w), "");
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
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
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_salt_keys),
        cmocka_unit_test(test_one_account_per_key),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_configured_operator),
        cmocka_unit_test(test_attest_refusals),
        cmocka_unit_test(test_parties),
    };
    return cmocka_run_group_tests_name("party", tests, up, down);
}
