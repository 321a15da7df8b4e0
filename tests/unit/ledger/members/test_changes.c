/* Changes of the membership: a quorum decides, one change for each epoch, and whatever may not be
 * said here and now leaves the state as it was, to the byte. */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m, before;

/* Says it and expects this refusal, an unchanged state and no boundary. */
static void refused_by(unsigned by, json_t *object, const struct sign_key *key, const char *why)
{
    bool boundary = true;
    memcpy(&before, &m, sizeof(m));
    const char *got = sample_say(&m, by, object, key, &boundary);
    if (got == NULL || strcmp(got, why) != 0)
        fail_msg("expected %s, got %s", why, got != NULL ? got : "consent");
    assert_false(boundary);
    assert_memory_equal(&m, &before, sizeof(m));
}

static void proposal_refused(unsigned by, json_t *proposal, const char *why)
{
    struct sign_key k = sample_key(by, SAMPLE_OPERATOR, 0);
    refused_by(by, proposal, &k, why);
}

static void a_member_joins_and_rises(void **state)
{
    (void)state;
    struct member new = sample_member(9, 0);
    bool boundary;
    sample_members(4, 0, 0, &m);
    assert_null(sample_propose(&m, 2, sample_join(&m, 1, &new), &boundary));
    assert_false(boundary);
    assert_int_equal(m.n_pending, 1);
    assert_null(sample_approve(&m, 4, 1, &boundary));
    assert_false(boundary); /* two of q = 3: the proposer counts */
    assert_null(members_find(&m, 9));
    assert_null(sample_approve(&m, 1, 1, &boundary));
    assert_true(boundary);
    assert_null(members_find(&m, 9)); /* not before the boundary */
    struct core_id block = sample_block(1);
    members_next_epoch(&m, &block);
    assert_int_equal(m.epoch, 2);
    assert_int_equal(m.n_pending, 0);
    assert_int_equal(members_find(&m, 9)->role, MEMBER_OBSERVER);
    assert_string_equal(members_find(&m, 9)->endpoint, new.endpoint);
    assert_int_equal(members_validator_index(&m, 9), -1);
    assert_null(sample_change(&m, 1, sample_proposal(&m, 2, "promote", 9), 2));
    assert_int_equal(members_find(&m, 9)->role, MEMBER_CANDIDATE);
    assert_null(sample_change(&m, 1, sample_proposal(&m, 3, "promote", 9), 3));
    assert_int_equal(members_find(&m, 9)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_validator_index(&m, 9), 4);
    assert_null(sample_change(&m, 9, sample_proposal(&m, 4, "demote", 2), 4));
    assert_int_equal(members_find(&m, 2)->role, MEMBER_CANDIDATE);
    assert_null(sample_change(&m, 9, sample_proposal(&m, 5, "demote", 2), 5));
    assert_int_equal(members_find(&m, 2)->role, MEMBER_OBSERVER);
    proposal_refused(9, sample_proposal(&m, 6, "demote", 2), "member.change");
    assert_null(sample_change(&m, 9, sample_proposal(&m, 6, "leave", 2), 6));
    assert_int_equal(members_find(&m, 2)->role, MEMBER_GONE);
    proposal_refused(9, sample_proposal(&m, 7, "promote", 2), "member.unknown");
    proposal_refused(2, sample_proposal(&m, 7, "leave", 9), "member.unknown");
    assert_int_equal(m.epoch, 7);
}

/* The list stays in order wherever a number falls. */
static void numbers_in_order(void **state)
{
    (void)state;
    static const unsigned numbers[] = { 500, 7, 65535, 6, 100, 8 };
    sample_members(4, 0, 0, &m);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct member new = sample_member(numbers[i], 0);
        assert_null(sample_change(&m, 1, sample_join(&m, i + 1, &new), i + 1));
        for (size_t k = 1; k < m.n; k++)
            assert_true(m.list[k].number > m.list[k - 1].number);
    }
    assert_int_equal(m.n, 10);
    assert_int_equal(m.list[9].number, 65535);
}

static void quorums(void **state)
{
    (void)state;
    static const unsigned sizes[] = { 1, 4, 5, 6, 7, 10, 13, 31 };
    for (size_t i = 0; i < COUNT(sizes); i++) {
        unsigned n = sizes[i], q = 2 * n / 3 + 1;
        struct member new = sample_member(200, 0);
        bool boundary;
        sample_members(n, 0, 0, &m);
        assert_null(sample_propose(&m, n, sample_join(&m, 1, &new), &boundary));
        for (unsigned said = 1; said < q; said++) {
            assert_false(boundary);
            assert_null(sample_approve(&m, said, 1, &boundary));
        }
        assert_true(boundary);
    }
}

/* Never two or three validators, and never none. */
static void too_few(void **state)
{
    (void)state;
    sample_members(4, 1, 0, &m);
    proposal_refused(1, sample_proposal(&m, 1, "demote", 2), "member.too_few");
    proposal_refused(1, sample_proposal(&m, 1, "leave", 1), "member.too_few");
    assert_null(sample_change(&m, 1, sample_proposal(&m, 1, "promote", 5), 1));
    assert_null(sample_change(&m, 1, sample_proposal(&m, 2, "leave", 1), 2));
    proposal_refused(2, sample_proposal(&m, 3, "demote", 3), "member.too_few");
    sample_members(1, 1, 1, &m);
    proposal_refused(1, sample_proposal(&m, 1, "promote", 2), "member.too_few");
    proposal_refused(1, sample_proposal(&m, 1, "demote", 1), "member.too_few");
    proposal_refused(1, sample_proposal(&m, 1, "leave", 1), "member.too_few");
    assert_null(sample_change(&m, 1, sample_proposal(&m, 1, "promote", 3), 1));
    assert_int_equal(members_find(&m, 3)->role, MEMBER_CANDIDATE);
}

static json_t *rekey(const struct members *of, uint64_t id, unsigned who, unsigned generation)
{
    struct sign_key k = sample_key(who, SAMPLE_VOTE, generation);
    json_t *v = sample_proposal(of, id, "rekey", who);
    sample_set_bytes(v, "vote_key", k.public, SIGN_PUBLIC_BYTES);
    return v;
}

static void new_keys(void **state)
{
    (void)state;
    struct sign_key old = sample_key(3, SAMPLE_VOTE, 0), new = sample_key(3, SAMPLE_VOTE, 1);
    sample_members(4, 0, 1, &m);
    m.list[2].credit = 100;
    proposal_refused(1, rekey(&m, 1, 3, 1), "member.role");   /* of oneself only */
    proposal_refused(3, rekey(&m, 1, 3, 0), "member.change"); /* nothing new */
    proposal_refused(3, sample_proposal(&m, 1, "rekey", 3), "member.change");
    assert_null(sample_change(&m, 3, rekey(&m, 1, 3, 1), 1));
    assert_memory_equal(members_find(&m, 3)->vote_key, new.public, SIGN_PUBLIC_BYTES);
    assert_int_equal(members_find(&m, 3)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_find(&m, 3)->credit, 88);
    assert_string_equal(members_find(&m, 3)->name, "institute-3");
    assert_string_equal(members_find(&m, 3)->endpoint, "http://10.0.0.3:8480");
    assert_memory_not_equal(old.public, new.public, SIGN_PUBLIC_BYTES);
    /* An observer may ask for new keys, but its own word does not count. */
    assert_null(sample_change(&m, 5, rekey(&m, 2, 5, 1), 2));
    new = sample_key(5, SAMPLE_VOTE, 1);
    assert_memory_equal(members_find(&m, 5)->vote_key, new.public, SIGN_PUBLIC_BYTES);
    /* All keys and the endpoint at once, but not to what somebody else has. */
    json_t *v = rekey(&m, 3, 4, 1);
    sample_set_text(v, "endpoint", "https://new.example:443");
    sample_set_bytes(v, "operator_key", sample_key(4, SAMPLE_OPERATOR, 7).public, 32);
    assert_null(sample_change(&m, 4, v, 3));
    assert_string_equal(members_find(&m, 4)->endpoint, "https://new.example:443");
    proposal_refused(4, rekey(&m, 4, 4, 2), "statement.signer"); /* by the old operator */
    v = rekey(&m, 4, 1, 1);
    sample_set_text(v, "endpoint", "https://new.example:443");
    proposal_refused(1, v, "member.endpoint_used");
    v = sample_proposal(&m, 4, "rekey", 1);
    sample_set_bytes(v, "vote_key", members_find(&m, 2)->operator_key, 32);
    proposal_refused(1, v, "member.key_used");
    v = sample_proposal(&m, 4, "rekey", 1);
    sample_set_bytes(v, "vote_key", members_find(&m, 1)->operator_key, 32);
    proposal_refused(1, v, "member.key_used"); /* one purpose for each key */
    v = rekey(&m, 4, 1, 1);
    sample_set_text(v, "name", "another-name");
    proposal_refused(1, v, "field.unknown");
}

static void joins_refused(void **state)
{
    (void)state;
    struct member new = sample_member(9, 0), x;
    sample_members(5, 1, 1, &m);
    x = new;
    x.number = 7;
    proposal_refused(1, sample_join(&m, 1, &x), "member.number_used");
    x = new;
    memcpy(x.vote_key, m.list[5].cosigner_key, SIGN_PUBLIC_BYTES);
    proposal_refused(1, sample_join(&m, 1, &x), "member.key_used");
    x = new;
    memcpy(x.name, m.list[5].name, sizeof(x.name));
    proposal_refused(1, sample_join(&m, 1, &x), "member.name_used");
    x = new;
    memcpy(x.endpoint, m.list[6].endpoint, sizeof(x.endpoint));
    proposal_refused(1, sample_join(&m, 1, &x), "member.endpoint_used");
    x = new;
    (void)snprintf(x.endpoint, sizeof(x.endpoint), "http://h:1/path");
    proposal_refused(1, sample_join(&m, 1, &x), "field.format");
    proposal_refused(6, sample_join(&m, 1, &new), "member.role"); /* a candidate */
    json_t *v = sample_join(&m, 1, &new);
    sample_set_text(v, "role", "validator");
    proposal_refused(1, v, "field.unknown");
    sample_members(100, 0, 0, &m);
    new = sample_member(101, 0);
    proposal_refused(1, sample_join(&m, 1, &new), "member.full");
}

/* A number is never used again; name and endpoint are free once their member is gone, whichever of
 * the two numbers is the smaller one. */
static void after_a_leave(void **state)
{
    (void)state;
    static const unsigned numbers[] = { 60, 8 };
    uint64_t id = 1;
    sample_members(5, 1, 1, &m);
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct member old = sample_member(numbers[i], 0), x = old;
        assert_null(sample_change(&m, 1, sample_join(&m, id, &old), id));
        id++;
        assert_null(sample_change(&m, 1, sample_proposal(&m, id, "leave", old.number), id));
        id++;
        proposal_refused(1, sample_join(&m, id, &old), "member.number_used");
        x.number = 30;
        proposal_refused(1, sample_join(&m, id, &x), "member.key_used");
        x = sample_member(20 + (unsigned)i, 0);
        memcpy(x.name, old.name, sizeof(x.name));
        memcpy(x.endpoint, old.endpoint, sizeof(x.endpoint));
        assert_null(sample_change(&m, 1, sample_join(&m, id, &x), id));
        id++;
        struct buf b = sample_bytes(&m);
        assert_int_equal(members_parse(b.data, b.len, &m), OK);
        buf_release(&b);
    }
}

/* Who says it, with which key, for which epoch and federation. */
static void who_may_say_it(void **state)
{
    (void)state;
    struct sign_key member = sample_key(1, SAMPLE_MEMBER, 0);
    struct sign_key one = sample_key(1, SAMPLE_OPERATOR, 0);
    struct sign_key two = sample_key(2, SAMPLE_OPERATOR, 0);
    sample_members(5, 1, 0, &m);
    refused_by(1, sample_proposal(&m, 1, "promote", 6), &member, "statement.signer");
    refused_by(1, sample_proposal(&m, 1, "promote", 6), &two, "statement.signer");
    refused_by(2, sample_proposal(&m, 1, "promote", 6), &one, "statement.signer");
    refused_by(77, sample_proposal(&m, 1, "promote", 6), &one, "member.unknown");
    refused_by(0, sample_proposal(&m, 1, "promote", 6), &one, "member.unknown");
    for (int off = -1; off <= 1; off += 2) {
        json_t *v = sample_proposal(&m, 1, "promote", 6);
        m.epoch = 5;
        sample_set_number(v, "version", 5 + off);
        refused_by(1, v, &one, "member.epoch");
    }
    json_t *v = sample_proposal(&m, 1, "promote", 6);
    uint8_t other[HASH_BYTES] = { 1 };
    sample_set_bytes(v, "genesis", other, sizeof(other));
    refused_by(1, v, &one, "member.genesis");
    v = sample_proposal(&m, 1, "promote", 6);
    (void)json_object_del(v, "genesis");
    refused_by(1, v, &one, "field.missing");
    refused_by(1, sample_proposal(&m, 1, "elect", 6), &one, "field.unknown_code");
    refused_by(1, sample_proposal(&m, 1, "promote", 7), &one, "member.unknown");
    refused_by(1, sample_proposal(&m, 1, "promote", 2), &one, "member.change");
    v = sample_proposal(&m, 1, "promote", 6);
    sample_set_text(v, "reason", "because");
    refused_by(1, v, &one, "field.unknown");
}

static void approvals(void **state)
{
    (void)state;
    bool boundary = true;
    sample_members(7, 2, 0, &m);
    assert_null(sample_propose(&m, 1, sample_proposal(&m, 1, "promote", 8), &boundary));
    assert_string_equal(sample_approve(&m, 1, 1, &boundary), "change.approved");
    assert_string_equal(sample_approve(&m, 2, 2, &boundary), "change.unknown");
    assert_string_equal(sample_approve(&m, 8, 1, &boundary), "member.role");
    assert_null(sample_approve(&m, 2, 1, &boundary));
    assert_string_equal(sample_approve(&m, 2, 1, &boundary), "change.approved");
    assert_string_equal(sample_propose(&m, 3, sample_proposal(&m, 1, "promote", 9), &boundary),
                        "change.known");
    /* Others may wait beside it; a second one by the same member takes the first one's place. */
    assert_null(sample_propose(&m, 3, sample_proposal(&m, 2, "promote", 9), &boundary));
    assert_null(sample_propose(&m, 1, sample_proposal(&m, 3, "demote", 4), &boundary));
    assert_int_equal(m.n_pending, 2);
    assert_string_equal(sample_approve(&m, 4, 1, &boundary), "change.unknown");
    for (unsigned i = 4; i <= 7; i++) {
        assert_false(boundary);
        assert_null(sample_approve(&m, i, 2, &boundary)); /* q = 5 */
    }
    assert_true(boundary);
    /* One change for each epoch: what comes after it in the same block is too late. */
    assert_string_equal(sample_approve(&m, 2, 3, &boundary), "epoch.ended");
    assert_false(boundary);
    assert_string_equal(sample_propose(&m, 2, sample_proposal(&m, 4, "promote", 8), &boundary),
                        "epoch.ended");
    struct core_id block = sample_block(1);
    members_next_epoch(&m, &block);
    assert_int_equal(members_find(&m, 9)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_find(&m, 8)->role, MEMBER_CANDIDATE);
    assert_int_equal(members_find(&m, 4)->role, MEMBER_VALIDATOR);
    assert_int_equal(m.n_pending, 0); /* proposals lapse with their epoch */
    assert_string_equal(sample_approve(&m, 2, 3, &boundary), "change.unknown");
}

/* An operator's word for one epoch cannot be played again in another. */
static void no_replay(void **state)
{
    (void)state;
    struct statement s;
    const char *refused;
    bool boundary;
    struct sign_key k = sample_key(1, SAMPLE_OPERATOR, 0);
    sample_members(5, 1, 0, &m);
    assert_int_equal(statement_sign(sample_proposal(&m, 1, "promote", 6), &k, &s), OK);
    assert_int_equal(members_apply(&m, 1, s.canonical, s.canonical_len, &refused, &boundary), OK);
    assert_null(refused);
    assert_int_equal(members_apply(&m, 1, s.canonical, s.canonical_len, &refused, &boundary), OK);
    assert_string_equal(refused, "change.known");
    for (unsigned i = 2; i <= 4; i++)
        assert_null(sample_approve(&m, i, 1, &boundary));
    assert_true(boundary);
    struct core_id block = sample_block(1);
    members_next_epoch(&m, &block);
    assert_null(sample_change(&m, 2, sample_proposal(&m, 2, "demote", 6), 2));
    assert_int_equal(members_apply(&m, 1, s.canonical, s.canonical_len, &refused, &boundary), OK);
    assert_string_equal(refused, "member.epoch");
    statement_release(&s);
}

/* Kinds of others, bytes that are no statement, and statements with a changed byte. */
static void foreign_and_broken(void **state)
{
    (void)state;
    static const char *const texts[] = { "",
                                         "{}",
                                         "[]",
                                         "{",
                                         "{\"kind\":\"bounty.publish\"}",
                                         "{\"kind\":1}",
                                         "{\"kind\":\"member\"}",
                                         "nul" };
    struct statement s;
    struct sign_key k = sample_key(1, SAMPLE_OPERATOR, 0);
    const char *refused;
    bool boundary;
    sample_members(5, 1, 0, &m);
    memcpy(&before, &m, sizeof(m));
    for (size_t i = 0; i < COUNT(texts); i++) {
        refused = "untouched";
        boundary = true;
        assert_int_equal(members_apply(&m, 1, texts[i], strlen(texts[i]), &refused, &boundary), OK);
        assert_null(refused);
        assert_false(boundary);
    }
    static const char bare[] = "{\"kind\":\"member.propose\"}";
    assert_int_equal(members_apply(&m, 1, bare, strlen(bare), &refused, &boundary), OK);
    assert_string_equal(refused, "statement.form");
    assert_int_equal(statement_sign(sample_proposal(&m, 1, "promote", 6), &k, &s), OK);
    char *text = malloc(s.canonical_len + 1);
    assert_non_null(text);
    for (size_t i = 0; i < s.canonical_len; i++) {
        memcpy(text, s.canonical, s.canonical_len);
        text[i] ^= 1;
        assert_int_equal(members_apply(&m, 1, text, s.canonical_len, &refused, &boundary), OK);
        assert_memory_equal(&m, &before, sizeof(m));
    }
    /* The same object in another spelling is not what was signed and anchored. */
    memcpy(text, s.canonical, s.canonical_len);
    text[s.canonical_len] = ' ';
    assert_int_equal(members_apply(&m, 1, text, s.canonical_len + 1, &refused, &boundary), OK);
    assert_string_equal(refused, "statement.form");
    assert_memory_equal(&m, &before, sizeof(m));
    free(text);
    statement_release(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_joins_and_rises),
        cmocka_unit_test(numbers_in_order),
        cmocka_unit_test(quorums),
        cmocka_unit_test(too_few),
        cmocka_unit_test(new_keys),
        cmocka_unit_test(joins_refused),
        cmocka_unit_test(after_a_leave),
        cmocka_unit_test(who_may_say_it),
        cmocka_unit_test(approvals),
        cmocka_unit_test(no_replay),
        cmocka_unit_test(foreign_and_broken),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
