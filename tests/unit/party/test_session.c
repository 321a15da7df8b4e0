/* Sign-in: a challenge for each account, its signature once, a token that ends. */
#include "server/base/text.h"
#include "server/party/party.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>

static struct world w;
static struct person op, ada, ben;

struct signing {
    uint8_t challenge[CHALLENGE_BYTES], signature[SIGN_BYTES];
    char token[TOKEN_TEXT_SIZE];
    usec_t expires;
    unsigned roles;
};

static void sign_as(const struct sign_key *key, const char *federation, struct signing *s)
{
    char text[BASE64_SIZE(CHALLENGE_BYTES)], message[256];
    base64_encode(s->challenge, CHALLENGE_BYTES, text);
    int len = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", federation, text);
    sign_detached(key, message, (size_t)len, s->signature);
}

static void challenged(const struct person *p, struct signing *s)
{
    usec_t expires = 0;
    *s = (struct signing){ .roles = 77 };
    party_challenge(&w.app, &p->account, world_now(&w), s->challenge, &expires);
    sign_as(&p->identity, WORLD_FEDERATION, s);
}

static enum err sign_in(const struct id *account, struct signing *s, struct db *db)
{
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    ask_as(&w, &ada, arena, &act);
    enum err e = party_sign_in(&act, db, account, s->challenge, s->signature, s->token, &s->expires,
                               &s->roles);
    arena_free(arena);
    return e;
}

static void test_sign_in(void **state)
{
    (void)state;
    struct signing s;
    struct account_row row;
    challenged(&ada, &s);
    usec_t before = world_now(&w);
    assert_int_equal(sign_in(&ada.account, &s, w.db), OK);
    assert_int_equal(s.roles, ROLE_PATIENT);
    assert_in_range(s.expires - before, SESSION_HOURS * HOUR, SESSION_HOURS * HOUR + 5000000);
    assert_int_equal(strlen(s.token), TOKEN_TEXT_SIZE - 1);
    assert_int_equal(strncmp(s.token, "cairn_", 6), 0);
    assert_int_equal(party_session(&w.app, w.db, s.token, &row), OK);
    assert_true(id_equal(&row.id, &ada.account));
    assert_int_equal(row.n_roles, 1);
    /* Neither the token nor its bytes are stored anywhere in the database. */
    char sql[400];
    (void)snprintf(sql, sizeof(sql),
                   "SELECT (SELECT count(*) FROM session x WHERE x::text LIKE '%%%s%%')"
                   " + (SELECT count(*) FROM idem x WHERE x::text LIKE '%%%s%%')",
                   s.token + 6, s.token + 6);
    assert_int_equal(world_number(&w, sql), 0);
}

static void refused(const struct id *account, struct signing *s)
{
    struct signing kept = *s;
    assert_int_equal(sign_in(account, s, w.db), ERR_AUTH_CHALLENGE);
    assert_memory_equal(s, &kept, sizeof(kept)); /* no token, no roles */
}

static void test_what_is_wrong(void **state)
{
    (void)state;
    struct signing s;
    struct id none = fixture_id(4, 4);
    int64_t before = world_number(&w, "SELECT count(*) FROM session");
    challenged(&ada, &s);
    sign_as(&ben.identity, WORLD_FEDERATION, &s); /* another's key */
    refused(&ada.account, &s);
    sign_as(&ada.identity, "cairn.other", &s); /* meant for another federation */
    refused(&ada.account, &s);
    sign_as(&ada.identity, "", &s);
    refused(&ada.account, &s);
    challenged(&ada, &s);
    refused(&ben.account, &s); /* another account's challenge */
    sign_as(&ben.identity, WORLD_FEDERATION, &s);
    refused(&ben.account, &s);
    challenged(&ada, &s);
    refused(&none, &s);                                         /* nobody's */
    for (size_t bit = 0; bit < CHALLENGE_BYTES * 8; bit += 5) { /* made up, also its expiry */
        challenged(&ada, &s);
        s.challenge[bit / 8] = (uint8_t)(s.challenge[bit / 8] ^ 1u << bit % 8);
        sign_as(&ada.identity, WORLD_FEDERATION, &s);
        refused(&ada.account, &s);
    }
    challenged(&ada, &s);
    s.signature[10] ^= 1;
    refused(&ada.account, &s);
    assert_int_equal(world_number(&w, "SELECT count(*) FROM session"), before);
}

/* Challenges are there for unknown accounts alike, and no two are the same. */
static void test_challenges(void **state)
{
    (void)state;
    struct id none = fixture_id(4, 5);
    uint8_t a[CHALLENGE_BYTES], b[CHALLENGE_BYTES];
    usec_t expires = 0, now = world_now(&w);
    party_challenge(&w.app, &none, now, a, &expires);
    assert_int_equal(expires, now + CHALLENGE_MINUTES * 60 * USEC_PER_SEC);
    party_challenge(&w.app, &none, now, b, &expires);
    assert_memory_not_equal(a + 8, b + 8, 8);
    assert_memory_not_equal(a + 16, b + 16, 16);
}

static void test_challenge_ends(void **state)
{
    (void)state;
    struct signing s;
    challenged(&ada, &s);
    world_shift(&w, CHALLENGE_MINUTES * 60 * USEC_PER_SEC);
    refused(&ada.account, &s);
    challenged(&ada, &s);
    world_shift(&w, CHALLENGE_MINUTES * 60 * USEC_PER_SEC - 30 * USEC_PER_SEC);
    assert_int_equal(sign_in(&ada.account, &s, w.db), OK);
}

static void test_once(void **state)
{
    (void)state;
    struct signing s;
    challenged(&ada, &s);
    assert_int_equal(sign_in(&ada.account, &s, w.db), OK);
    refused(&ada.account, &s);
    world_shift(&w, 2 * HOUR);
    refused(&ada.account, &s);
}

struct racer {
    struct signing s;
    struct db *db;
    enum err result;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    r->result = sign_in(&ada.account, &r->s, r->db);
    return NULL;
}

/* One signature that eight use at once opens one session. */
static void test_once_at_once(void **state)
{
    (void)state;
    static struct racer racers[8];
    pthread_t threads[8];
    int won = 0;
    challenged(&ada, &racers[0].s);
    for (size_t i = 0; i < 8; i++) {
        racers[i].s = racers[0].s;
        assert_int_equal(db_open(w.f.store, &racers[i].db), OK);
    }
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        won += racers[i].result == OK;
        assert_true(racers[i].result == OK || racers[i].result == ERR_AUTH_CHALLENGE);
        db_close(racers[i].db);
    }
    assert_int_equal(won, 1);
}

static void test_session_ends(void **state)
{
    (void)state;
    struct signing s;
    struct account_row row;
    challenged(&ada, &s);
    assert_int_equal(sign_in(&ada.account, &s, w.db), OK);
    world_shift(&w, SESSION_HOURS * HOUR - 60 * USEC_PER_SEC);
    assert_int_equal(party_session(&w.app, w.db, s.token, &row), OK);
    world_shift(&w, 60 * USEC_PER_SEC);
    assert_int_equal(party_session(&w.app, w.db, s.token, &row), ERR_AUTH_INVALID);
}

static void test_sign_out(void **state)
{
    (void)state;
    struct signing mine, other;
    struct account_row row;
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    challenged(&ada, &mine);
    challenged(&ada, &other);
    assert_int_equal(sign_in(&ada.account, &mine, w.db), OK);
    assert_int_equal(sign_in(&ada.account, &other, w.db), OK);
    ask_as(&w, &ada, arena, &act);
    assert_int_equal(party_sign_out(&act, mine.token), OK);
    assert_int_equal(party_session(&w.app, w.db, mine.token, &row), ERR_AUTH_INVALID);
    assert_int_equal(party_session(&w.app, w.db, other.token, &row), OK); /* that one stays */
    assert_int_equal(party_sign_out(&act, mine.token), OK);               /* twice is once */
    refused(&ada.account, &mine); /* the challenge stays used, also without its session */
    assert_int_equal(party_sign_out(&act, "cairn_00"), ERR_AUTH_INVALID);
    arena_free(arena);
}

static void test_malformed_tokens(void **state)
{
    (void)state;
    struct signing s;
    struct account_row row;
    struct arena *arena = arena_new(1u << 16);
    challenged(&ada, &s);
    assert_int_equal(sign_in(&ada.account, &s, w.db), OK);
    const char *const t = s.token;
    char text[TOKEN_TEXT_SIZE];
    char *const forms[] = {
        arena_printf(arena, "%s0", t),  arena_printf(arena, "%.69s", t),
        arena_printf(arena, "x%s", t),  arena_printf(arena, " %s", t),
        arena_printf(arena, "%s ", t),  arena_printf(arena, "CAIRN_%s", t + 6),
        arena_printf(arena, "%.6s", t), arena_printf(arena, "%s", ""),
    };
    for (size_t i = 0; i < COUNT(forms); i++)
        assert_int_equal(party_session(&w.app, w.db, forms[i], &row), ERR_AUTH_INVALID);
    for (size_t i = 0; i < TOKEN_TEXT_SIZE - 1; i++) {
        memcpy(text, s.token, TOKEN_TEXT_SIZE);
        text[i] = text[i] == '0' ? '1' : '0';
        assert_int_equal(party_session(&w.app, w.db, text, &row), ERR_AUTH_INVALID);
    }
    assert_int_equal(party_session(&w.app, w.db, t, &row), OK);
    arena_free(arena);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &op);
    person_join(&w, &op, "patient", "clinic", 2, &ada);
    person_join(&w, &op, "sponsor", "acme", 3, &ben);
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
        cmocka_unit_test(test_sign_in),
        cmocka_unit_test(test_what_is_wrong),
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_challenge_ends),
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_once_at_once),
        cmocka_unit_test(test_session_ends),
        cmocka_unit_test(test_sign_out),
        cmocka_unit_test(test_malformed_tokens),
    };
    return cmocka_run_group_tests_name("session", tests, up, down);
}
