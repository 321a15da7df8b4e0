/* The table of states: complete, without contradictions, and in line with what the database allows.
 */
#include "server/market/states.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

/* In the order of the migration's CHECK. */
static const char *const states[] = { "QUOTED",   "ROUND", "ACCEPTED",  "RETURNED",
                                      "REJECTED", "PAID",  "WITHDRAWN", "EXPIRED" };
static const char *const final[] = { "RETURNED", "REJECTED", "PAID", "WITHDRAWN", "EXPIRED" };

static bool among(const char *text, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

static void test_states_are_those_of_the_schema(void **state)
{
    (void)state;
    char sql[1 << 15], list[256];
    FILE *f = fopen("migrations/0004-market.sql", "re");
    assert_non_null(f);
    sql[fread(sql, 1, sizeof(sql) - 1, f)] = '\0';
    (void)fclose(f);
    const char *at = strstr(sql, "CREATE TABLE submission (");
    assert_non_null(at);
    at = strstr(at, "CHECK (state IN (");
    assert_non_null(at);
    size_t len = strcspn(at += 17, ")");
    assert_true(len < sizeof(list));
    memcpy(list, at, len);
    list[len] = '\0';
    size_t n = 0;
    for (char *word = list; (word = strchr(word, '\'')) != NULL; n++) {
        char *end = strchr(word + 1, '\'');
        assert_non_null(end);
        *end = '\0';
        assert_true(n < COUNT(states));
        assert_string_equal(word + 1, states[n]);
        word = end + 1;
    }
    assert_int_equal(n, COUNT(states));
}

/* Every pair of states under every actor: allowed exactly if the table has that row. */
static void test_moves_are_the_edges(void **state)
{
    (void)state;
    size_t n = 0, allowed = 0;
    const struct edge *edges = state_edges(&n);
    for (size_t a = 0; a < COUNT(states); a++)
        for (size_t b = 0; b < COUNT(states); b++)
            for (int actor = ACTOR_PATIENT; actor <= ACTOR_MEMBER; actor++) {
                bool there = false;
                for (size_t i = 0; i < n; i++)
                    there = there ||
                            (strcmp(edges[i].from, states[a]) == 0 &&
                             strcmp(edges[i].to, states[b]) == 0 && (int)edges[i].actor == actor);
                enum err e = state_move(states[a], states[b], (enum actor)actor);
                assert_int_equal(e, there ? OK : ERR_STATE);
                allowed += there;
            }
    assert_int_equal(allowed, n); /* no row twice, none with a state that is not there */
    assert_int_equal(state_move("QUOTED", "", ACTOR_PATIENT), ERR_STATE);
    assert_int_equal(state_move("quoted", "ROUND", ACTOR_PATIENT), ERR_STATE);
}

/* Spelled out here a second time: these are promises to people. */
static void test_who_may_do_what(void **state)
{
    (void)state;
    static const struct {
        const char *from, *to;
        enum actor actor;
    } promised[] = {
        { "QUOTED", "ROUND", ACTOR_PATIENT },     { "QUOTED", "WITHDRAWN", ACTOR_PATIENT },
        { "QUOTED", "EXPIRED", ACTOR_MEMBER },    { "ROUND", "ACCEPTED", ACTOR_REVIEWERS },
        { "ROUND", "RETURNED", ACTOR_REVIEWERS }, { "ROUND", "REJECTED", ACTOR_REVIEWERS },
        { "ROUND", "EXPIRED", ACTOR_REVIEWERS },  { "ROUND", "WITHDRAWN", ACTOR_PATIENT },
        { "ACCEPTED", "PAID", ACTOR_MEMBER },
    };
    size_t n = 0;
    (void)state_edges(&n);
    assert_int_equal(n, COUNT(promised));
    for (size_t i = 0; i < n; i++)
        assert_int_equal(state_move(promised[i].from, promised[i].to, promised[i].actor), OK);
}

/* Nobody is stuck: every state is reached from QUOTED, and each that is not final has a way out. */
static void test_nobody_is_stuck(void **state)
{
    (void)state;
    size_t n = 0;
    bool reached[COUNT(states)] = { true };
    const struct edge *edges = state_edges(&n);
    for (size_t round = 0; round < COUNT(states); round++)
        for (size_t i = 0; i < n; i++)
            for (size_t a = 0; a < COUNT(states); a++)
                for (size_t b = 0; b < COUNT(states); b++)
                    if (reached[a] && strcmp(edges[i].from, states[a]) == 0 &&
                        strcmp(edges[i].to, states[b]) == 0)
                        reached[b] = true;
    for (size_t s = 0; s < COUNT(states); s++) {
        size_t out = 0;
        assert_true(reached[s]);
        for (size_t i = 0; i < n; i++)
            out += strcmp(edges[i].from, states[s]) == 0;
        assert_int_equal(out == 0, among(states[s], final, COUNT(final)));
    }
}

/* Each row says everything; a deadline that nobody keeps ends without the patient's doing. */
static void test_rows_are_whole(void **state)
{
    (void)state;
    size_t n = 0;
    const struct edge *edges = state_edges(&n);
    for (size_t i = 0; i < n; i++) {
        const char *const texts[] = { edges[i].by, edges[i].money, edges[i].notice,
                                      edges[i].otherwise };
        for (size_t t = 0; t < COUNT(texts); t++) {
            assert_non_null(texts[t]);
            assert_true(strlen(texts[t]) >= 4);
        }
        assert_non_null(strstr(edges[i].notice, "patient")); /* who always hears of it */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_states_are_those_of_the_schema),
        cmocka_unit_test(test_moves_are_the_edges),
        cmocka_unit_test(test_who_may_do_what),
        cmocka_unit_test(test_nobody_is_stuck),
        cmocka_unit_test(test_rows_are_whole),
    };
    return cmocka_run_group_tests_name("states", tests, NULL, NULL);
}
