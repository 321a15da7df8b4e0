/* People of one member at another one: a member's word, reviewers whom all know, pseudonyms. */
#include "server/base/text.h"
#include "server/party/enroll.h"
#include "server/party/party.h"
#include "server/party/pseudonym.h"
#include "server/party/vouch.h"
#include "tests/lib/pair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static struct pair pair;
static struct world *const here = &pair.w[0];
static struct world *const there = &pair.w[1]; /* where the people live */
static struct person op[2], funder, sponsor, patient, reviewer, both;
static struct id bounty;

static int64_t rows_of(struct world *w)
{
    return world_number(w, "SELECT (SELECT count(*) FROM entry) + (SELECT count(*) FROM account)"
                           " + (SELECT count(*) FROM role_grant) + (SELECT count(*) FROM"
                           " pseudonym) + (SELECT count(*) FROM enrolment)");
}

static enum err account_of(struct world *w, const struct person *p, struct account_row *ret)
{
    assert_int_equal(db_check(w->db), OK);
    return store_account_get(w->db, &p->account, ret);
}

/* ---- a member's word --------------------------------------------------------------------------
 */

static void test_sponsor_is_vouched_for(void **state)
{
    (void)state;
    struct account_row a;
    int64_t before = rows_of(here);
    assert_int_equal(account_of(here, &sponsor, &a), ERR_NOT_FOUND);
    assert_int_equal(pair_vouch(&pair, 0, &sponsor.account, NULL), OK);
    assert_int_equal(account_of(here, &sponsor, &a), OK);
    assert_int_equal(a.home, 2);
    assert_memory_equal(a.identity, sponsor.identity.public, SIGN_PUBLIC_BYTES);
    assert_memory_equal(a.receive, sponsor.receive.public, BOX_PUBLIC_BYTES);
    assert_int_equal(a.n_roles, 1);
    assert_int_equal(party_roles(&here->app, &a), ROLE_SPONSOR);
    assert_string_equal(a.roles[0].institution, "acme");
    assert_int_equal(rows_of(here), before + 3);
    assert_int_equal(pair_vouch(&pair, 0, &sponsor.account, NULL), OK); /* again: nothing new */
    assert_int_equal(rows_of(here), before + 3);
    assert_string_equal(world_check(here), "");
    world_settle(here); /* its entry is private under a salt key of its own */
}

/* It cannot sign in where it does not live, nor be attested by the operator there. */
static void test_home_alone_decides(void **state)
{
    (void)state;
    uint8_t challenge[CHALLENGE_BYTES], signature[SIGN_BYTES];
    char token[TOKEN_TEXT_SIZE], text[BASE64_SIZE(CHALLENGE_BYTES)], message[256];
    usec_t expires = 0;
    unsigned roles = 0;
    struct arena *arena = arena_new(1u << 20);
    const struct act act = { .app = &here->app, .arena = arena, .now = world_now(here) };
    party_challenge(&here->app, &sponsor.account, act.now, challenge, &expires);
    base64_encode(challenge, sizeof(challenge), text);
    int len = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", WORLD_FEDERATION, text);
    sign_detached(&sponsor.identity, message, (size_t)len, signature);
    assert_int_equal(party_sign_in(&act, here->db, &sponsor.account, challenge, signature, token,
                                   &expires, &roles),
                     ERR_AUTH_CHALLENGE);
    const struct act at_home = { .app = &there->app, .arena = arena, .now = world_now(there) };
    assert_int_equal(party_sign_in(&at_home, there->db, &sponsor.account, challenge, signature,
                                   token, &expires, &roles),
                     OK); /* the control: the worlds share the secret behind challenges */
    arena_free(arena);
    int64_t before = rows_of(here);
    assert_int_equal(do_attest(here, &op[0], &sponsor.account, "patient", "clinic"),
                     ERR_ACCOUNT_UNKNOWN);
    assert_int_equal(do_register(here, &sponsor), ERR_ACCOUNT_EXISTS);
    assert_int_equal(rows_of(here), before);
}

struct word {
    const char *role, *institution;
    struct id account;
    const struct person *who;
    const struct sign_key *key;
    uint16_t from;
};

static enum err give(const struct word *w)
{
    struct arena *arena = arena_new(1u << 20);
    struct problem problem = { 0 };
    struct act act = {
        .app = &here->app, .arena = arena, .problem = &problem, .now = world_now(here)
    };
    struct statement s;
    struct answer answer = { 0 };
    say(here, "account.vouch", w->key, 1,
        json_pack("{s:o, s:o, s:o, s:s, s:s}", "account", json_id(&w->account), "identity_key",
                  json_b64(w->who->identity.public, 32), "receive_key",
                  json_b64(w->who->receive.public, 32), "role", w->role, "institution",
                  w->institution),
        &s);
    enum err e = vouch_accept(&act, w->from, &s, &answer);
    statement_release(&s);
    arena_free(arena);
    return e;
}

static void test_refused_words(void **state)
{
    (void)state;
    struct person new;
    person_make(70, &new);
    const struct word good = { "patient", "clinic", new.account, &new, &there->app.member_key, 2 };
    int64_t before = rows_of(here);
    struct word w = good;
    w.key = &new.identity;
    assert_int_equal(give(&w), ERR_STATEMENT_SIGNER);
    w = good;
    w.from = 3;
    assert_int_equal(give(&w), ERR_MEMBER_UNKNOWN);
    w = good;
    w.role = "operator";
    assert_int_equal(give(&w), ERR_FIELD_CODE);
    w.role = "reviewer"; /* all members have to know it, by the public entry */
    assert_int_equal(give(&w), ERR_FIELD_CODE);
    w = good;
    w.institution = "Clinic";
    assert_int_equal(give(&w), ERR_FIELD_FORMAT);
    w = good;
    w.account = op[0].account;
    assert_int_equal(give(&w), ERR_STATEMENT_FORM);
    w.who = &op[0]; /* somebody who lives here */
    assert_int_equal(give(&w), ERR_MEMBER_ACCOUNT);
    w.who = &funder; /* who holds that very role already */
    w.account = funder.account;
    w.role = "sponsor";
    assert_int_equal(give(&w), ERR_MEMBER_ACCOUNT);
    assert_int_equal(rows_of(here), before);
    assert_int_equal(give(&good), OK); /* the control */
    assert_int_equal(rows_of(here), before + 3);
    assert_string_equal(world_check(here), "");
}

/* ---- reviewers --------------------------------------------------------------------------------
 */

static void test_enrolled(void **state)
{
    (void)state;
    struct account_row a;
    assert_int_equal(account_of(here, &reviewer, &a), ERR_NOT_FOUND);
    pair_deliver(&pair, 1, false);
    assert_int_equal(account_of(here, &reviewer, &a), OK);
    assert_int_equal(a.home, 2);
    assert_int_equal(party_roles(&here->app, &a), ROLE_REVIEWER);
    assert_string_equal(a.roles[0].institution, "north");
    assert_memory_equal(a.receive, reviewer.receive.public, BOX_PUBLIC_BYTES);
    int64_t before = rows_of(here), noted = world_number(here, "SELECT count(*) FROM public_entry");
    pair_deliver(&pair, 1, true); /* delivered again: nothing new */
    assert_int_equal(rows_of(here), before);
    assert_int_equal(world_number(here, "SELECT count(*) FROM public_entry"), noted);
    assert_int_equal(atomic_load(&here->app.peering->refused), 0);
    assert_string_equal(world_check(here), "");
    assert_string_equal(world_check(there), "");
}

/* What another member may write into its public entries: anything. */
static void test_bad_enrolments(void **state)
{
    (void)state;
    struct person new;
    struct account_row a;
    struct statement s;
    person_make(80, &new);
    struct {
        const char *account, *institution, *role;
        const struct sign_key *key;
        uint16_t member;
    } cases[] = {
        { NULL, "north", "reviewer", &new.identity, 2 },          /* signed by itself */
        { NULL, "north", "reviewer", &here->app.member_key, 2 },  /* by another member */
        { NULL, "north", "reviewer", &there->app.member_key, 3 }, /* in a stranger's outbox */
        { NULL, "north", "operator", &there->app.member_key, 2 }, /* another role */
        { NULL, "N", "reviewer", &there->app.member_key, 2 },     /* no institution */
        { "0b9e8a52-4c6e-4b65-9a3c-111111111111", "north", "reviewer", &there->app.member_key, 2 },
    };
    unsigned long long refused = atomic_load(&here->app.peering->refused);
    int64_t before = rows_of(here);
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_t *account =
            cases[i].account != NULL ? json_string(cases[i].account) : json_id(&new.account);
        say(there, "reviewer.enroll", cases[i].key, 1,
            json_pack("{s:o, s:o, s:o, s:s, s:s}", "account", account, "identity_key",
                      json_b64(new.identity.public, 32), "receive_key",
                      json_b64(new.receive.public, 32), "institution", cases[i].institution, "role",
                      cases[i].role),
            &s);
        assert_int_equal(pair_apply(&pair, 0, cases[i].member, 900 + i, "reviewer.enroll",
                                    s.canonical, s.canonical_len),
                         OK);
        assert_int_equal(atomic_load(&here->app.peering->refused), refused + i + 1);
        statement_release(&s);
    }
    assert_int_equal(pair_apply(&pair, 0, 2, 950, "reviewer.enroll", "{}", 2), OK);
    assert_int_equal(pair_apply(&pair, 0, 2, 951, "reviewer.enroll", "nonsense", 8), OK);
    assert_int_equal(rows_of(here), before);
    assert_int_equal(account_of(here, &new, &a), ERR_NOT_FOUND);
    /* Somebody who lives here cannot be claimed by another member, and that is no fault of form. */
    say(there, "reviewer.enroll", &there->app.member_key, 1,
        json_pack("{s:o, s:o, s:o, s:s, s:s}", "account", json_id(&op[0].account), "identity_key",
                  json_b64(op[0].identity.public, 32), "receive_key",
                  json_b64(op[0].receive.public, 32), "institution", "north", "role", "reviewer"),
        &s);
    assert_int_equal(pair_apply(&pair, 0, 2, 960, "reviewer.enroll", s.canonical, s.canonical_len),
                     OK);
    statement_release(&s);
    assert_int_equal(account_of(here, &op[0], &a), OK);
    assert_int_equal(a.home, 0);
    assert_int_equal(a.n_roles, 0);
    assert_int_equal(rows_of(here), before);
}

/* Attested while nobody else was there: all members hear of it later, once. */
static void test_attested_alone(void **state)
{
    (void)state;
    struct person lone;
    struct account_row a;
    struct peering *p = there->app.peering;
    there->app.peering = NULL;
    int64_t before = world_number(there, "SELECT count(*) FROM enrolment");
    person_join(there, &op[1], "reviewer", "west", 90, &lone);
    assert_int_equal(db_check(there->db), OK);
    assert_int_equal(enroll_missing(&there->app, there->db), OK);
    assert_int_equal(world_number(there, "SELECT count(*) FROM enrolment"), before);
    there->app.peering = p;
    assert_int_equal(enroll_missing(&there->app, there->db), OK);
    assert_int_equal(enroll_missing(&there->app, there->db), OK);
    assert_int_equal(world_number(there, "SELECT count(*) FROM enrolment"), before + 1);
    pair_deliver(&pair, 1, false);
    assert_int_equal(account_of(here, &lone, &a), OK);
    assert_int_equal(a.home, 2);
    assert_string_equal(world_check(there), "");
}

/* ---- pseudonyms -------------------------------------------------------------------------------
 */

static enum err take(const struct person *p, const struct id *to, const struct sign_key *key,
                     const struct sign_key *signer)
{
    struct arena *arena = arena_new(1u << 20);
    struct problem problem = { 0 };
    struct act act;
    struct statement s;
    struct answer answer = { 0 };
    ask_as(there, p, arena, &act);
    act.problem = &problem;
    say(there, "pseudonym.register", signer, 1, json_object(), &s);
    enum err e = pseudonym_register(&act, &s, to, key->public, p->receive.public, &answer);
    statement_release(&s);
    arena_free(arena);
    return e;
}

static void test_pseudonym(void **state)
{
    (void)state;
    struct sign_key key, other;
    struct box_key box;
    struct id own, unknown = bounty;
    struct wish wish = wish_usual();
    struct vouch_subject v;
    struct account_row a;
    pair_deliver(&pair, 0, false);
    keys_bounty(patient.root, &bounty, &key, &box);
    keys_bounty(sponsor.root, &bounty, &other, &box);
    unknown.bytes[3] ^= 1;
    assert_int_equal(do_publish(there, &sponsor, &wish, &own), OK);
    int64_t before = rows_of(there);
    assert_int_equal(take(&patient, &unknown, &key, &patient.identity), ERR_NOT_FOUND);
    assert_int_equal(take(&patient, &own, &key, &patient.identity), ERR_STATE);
    assert_int_equal(take(&patient, &bounty, &key, &key), ERR_STATEMENT_SIGNER);
    assert_int_equal(take(&both, &bounty, &other, &both.identity), ERR_ROLE);
    assert_int_equal(rows_of(there), before);
    assert_int_equal(take(&patient, &bounty, &key, &patient.identity), OK);
    assert_int_equal(rows_of(there), before + 2);
    assert_int_equal(take(&patient, &bounty, &other, &patient.identity), ERR_PSEUDONYM_EXISTS);
    assert_int_equal(take(&sponsor, &bounty, &key, &sponsor.identity), ERR_PSEUDONYM_EXISTS);
    assert_int_equal(rows_of(there), before + 2);
    /* It is the patient's and nobody else's to act as; the patient itself stays at home. */
    struct id as = account_id(key.public);
    assert_int_equal(vouch_find(there->db, &sponsor.account, &as, &v), ERR_NOT_FOUND);
    assert_int_equal(vouch_find(there->db, &patient.account, NULL, &v), ERR_PSEUDONYM_MISSING);
    assert_int_equal(vouch_find(there->db, &patient.account, &as, &v), OK);
    assert_string_equal(v.role, "patient");
    assert_int_equal(vouch_find(there->db, &reviewer.account, NULL, &v), OK);
    assert_null(v.role);
    /* Who was hidden cannot become a reviewer. */
    assert_int_equal(do_attest(there, &op[1], &patient.account, "reviewer", "north"), ERR_STATE);
    assert_int_equal(pair_vouch(&pair, 0, &patient.account, &as), OK);
    struct person hidden = patient;
    hidden.account = as;
    assert_int_equal(account_of(here, &hidden, &a), OK);
    assert_int_equal(a.home, 2);
    assert_memory_equal(a.identity, key.public, SIGN_PUBLIC_BYTES);
    assert_int_equal(account_of(here, &patient, &a), ERR_NOT_FOUND);
    assert_string_equal(world_check(there), "");
    assert_string_equal(world_check(here), "");
}

static int up(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    pair_up(&pair);
    operator_join(here, 1, &op[0]);
    operator_join(there, 2, &op[1]);
    person_join(here, &op[0], "sponsor", "acme", 3, &funder);
    person_join(there, &op[1], "sponsor", "acme", 4, &sponsor);
    person_join(there, &op[1], "patient", "clinic", 5, &patient);
    person_join(there, &op[1], "reviewer", "north", 6, &reviewer);
    person_join(there, &op[1], "patient", "clinic", 7, &both);
    assert_int_equal(do_attest(there, &op[1], &both.account, "reviewer", "south"), OK);
    assert_int_equal(do_publish(here, &funder, &wish, &bounty), OK);
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
        cmocka_unit_test(test_sponsor_is_vouched_for),
        cmocka_unit_test(test_home_alone_decides),
        cmocka_unit_test(test_refused_words),
        cmocka_unit_test(test_enrolled),
        cmocka_unit_test(test_bad_enrolments),
        cmocka_unit_test(test_attested_alone),
        cmocka_unit_test(test_pseudonym),
    };
    return cmocka_run_group_tests_name("vouch", tests, up, down);
}
