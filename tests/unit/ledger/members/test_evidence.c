/* Evidence on the chain: it convicts whoever it convicts, whoever shows it; the guilty one goes as
 * soon as four others are left, and is of the least credit until then. */
#include "server/ledger/wire/forensics.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m, before;

/* Two notarize votes of one view by a member, in an epoch in which it had this vote key. */
static void double_vote(const struct members *of, enum chain chain, uint32_t epoch, unsigned who,
                        unsigned generation, struct buf *ret)
{
    struct wire_scope scope;
    struct sign_key k = sample_key(who, SAMPLE_VOTE, generation);
    struct wire_vote a = { .chain = chain, .epoch = epoch, .kind = CORE_N, .view = 5 }, b;
    uint8_t fault;
    assert_true(members_scope(of, chain, epoch, &scope));
    while (a.signer < scope.n && scope.member[a.signer] != who)
        a.signer++;
    b = a;
    a.id = sample_block(1);
    b.id = sample_block(2);
    wire_vote_sign(&scope, &k, &a);
    wire_vote_sign(&scope, &k, &b);
    buf_init(ret, EVIDENCE_MAX);
    assert_int_equal(evidence_votes(&a, &b, &fault, ret), OK);
}

static const char *show(unsigned by, const struct buf *evidence, bool *ret_boundary)
{
    struct sign_key k = sample_key(by, SAMPLE_MEMBER, 0);
    json_t *v = sample_draft(&m, "member.evidence", by);
    sample_set_bytes(v, "evidence", evidence->data, evidence->len);
    return sample_say(&m, by, v, &k, ret_boundary);
}

static void convict(unsigned by, unsigned who, bool expect_boundary)
{
    struct buf evidence;
    bool boundary;
    double_vote(&m, CHAIN_TX, m.epoch, who, 0, &evidence);
    assert_null(show(by, &evidence, &boundary));
    assert_int_equal(boundary, expect_boundary);
    buf_release(&evidence);
}

static void removed_at_the_boundary(void **state)
{
    (void)state;
    struct core_id id = sample_block(1);
    bool boundary;
    struct buf evidence;
    sample_members(5, 0, 1, &m);
    m.list[1].credit = 900;
    convict(6, 2, true); /* an observer may show it */
    assert_int_equal(members_find(&m, 2)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_find(&m, 2)->credit, -CREDIT_MAX);
    assert_true(members_epoch_ended(&m));
    /* In the same block: the change comes too late, further evidence does not. */
    assert_string_equal(sample_propose(&m, 1, sample_proposal(&m, 1, "promote", 6), &boundary),
                        "epoch.ended");
    double_vote(&m, CHAIN_TX, 1, 2, 0, &evidence);
    assert_string_equal(show(1, &evidence, &boundary), "evidence.known");
    assert_false(boundary);
    convict(1, 4, false);
    members_next_epoch(&m, &id);
    assert_int_equal(members_find(&m, 2)->role, MEMBER_GONE);
    assert_int_equal(members_find(&m, 4)->role, MEMBER_VALIDATOR); /* four must be left */
    assert_true(members_find(&m, 4)->convicted);
    assert_int_equal(members_find(&m, 4)->credit, -CREDIT_MAX);
    assert_false(members_epoch_ended(&m));
    assert_string_equal(show(2, &evidence, &boundary), "member.unknown"); /* it is gone */
    buf_release(&evidence);
}

static void the_fourth_stays_until_replaced(void **state)
{
    (void)state;
    struct core_id id = sample_block(1);
    sample_members(4, 1, 0, &m);
    convict(1, 3, false);
    assert_false(members_epoch_ended(&m));
    members_block(&m, 1, 0);
    members_next_epoch(&m, &id);
    assert_int_equal(members_find(&m, 3)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_find(&m, 3)->credit, -CREDIT_MAX); /* nothing decays or is earned */
    for (int i = 0; i < 50; i++)
        members_next_epoch(&m, &id);
    assert_int_equal(members_find(&m, 3)->credit, -CREDIT_MAX);
    assert_null(sample_change(&m, 1, sample_proposal(&m, 9, "promote", 5), 9));
    assert_int_equal(members_find(&m, 5)->role, MEMBER_VALIDATOR);
    assert_int_equal(members_find(&m, 3)->role, MEMBER_GONE);
    uint16_t who[CORE_MEMBERS_MAX];
    assert_int_equal(members_validators(&m, who), 4);
    sample_members(1, 0, 0, &m);
    convict(1, 1, false);
    members_next_epoch(&m, &id);
    assert_int_equal(members_find(&m, 1)->role, MEMBER_VALIDATOR);
}

/* Votes of the epoch before still convict, under the key of then; older ones do not. */
static void votes_of_the_epoch_before(void **state)
{
    (void)state;
    struct buf evidence, older;
    bool boundary;
    struct sign_key k = sample_key(2, SAMPLE_VOTE, 1);
    sample_members(6, 1, 0, &m);
    double_vote(&m, CHAIN_ACCOUNT, 1, 2, 0, &older);
    json_t *v = sample_proposal(&m, 1, "rekey", 2);
    sample_set_bytes(v, "vote_key", k.public, SIGN_PUBLIC_BYTES);
    assert_null(sample_change(&m, 2, v, 1));
    memcpy(&before, &m, sizeof(m));
    assert_null(show(1, &older, &boundary));
    assert_true(boundary);
    assert_true(members_find(&m, 2)->convicted);
    memcpy(&m, &before, sizeof(m));
    assert_null(sample_change(&m, 1, sample_proposal(&m, 2, "demote", 3), 2));
    memcpy(&before, &m, sizeof(m));
    assert_string_equal(show(1, &older, &boundary), "evidence.refused"); /* two epochs ago */
    assert_memory_equal(&m, &before, sizeof(m));
    /* Member 3 is a candidate now: it goes with the next boundary and makes none by itself. */
    double_vote(&m, CHAIN_TX, 2, 3, 0, &evidence);
    assert_null(show(1, &evidence, &boundary));
    assert_false(boundary);
    assert_string_equal(sample_propose(&m, 1, sample_proposal(&m, 3, "promote", 3), &boundary),
                        "member.change");
    assert_null(sample_change(&m, 1, sample_proposal(&m, 3, "promote", 7), 3));
    assert_int_equal(members_find(&m, 3)->role, MEMBER_GONE);
    buf_release(&evidence);
    buf_release(&older);
}

static void what_does_not_convict(void **state)
{
    (void)state;
    struct buf evidence, b;
    bool boundary;
    sample_members(5, 0, 0, &m);
    double_vote(&m, CHAIN_TX, 1, 2, 0, &evidence);
    memcpy(&before, &m, sizeof(m));
    for (size_t i = 0; i < evidence.len; i++) {
        evidence.data[i] ^= 1;
        const char *refused = show(1, &evidence, &boundary);
        if (refused == NULL || strcmp(refused, "evidence.refused") != 0)
            fail_msg("byte %zu may be another: %s", i, refused != NULL ? refused : "convicted");
        assert_memory_equal(&m, &before, sizeof(m));
        evidence.data[i] ^= 1;
    }
    double_vote(&m, CHAIN_TX, 1, 2, 3, &b); /* by another key */
    assert_string_equal(show(1, &b, &boundary), "evidence.refused");
    struct sign_key operator= sample_key(1, SAMPLE_OPERATOR, 0);
    json_t *v = sample_draft(&m, "member.evidence", 1);
    sample_set_bytes(v, "evidence", evidence.data, evidence.len);
    assert_string_equal(sample_say(&m, 1, v, &operator, & boundary), "statement.signer");
    v = sample_draft(&m, "member.evidence", 1);
    sample_set_text(v, "evidence", "!!!!");
    struct sign_key k = sample_key(1, SAMPLE_MEMBER, 0);
    assert_string_equal(sample_say(&m, 1, v, &k, &boundary), "evidence.refused");
    m.genesis[0] ^= 1; /* votes of another federation */
    assert_string_equal(show(1, &evidence, &boundary), "evidence.refused");
    buf_release(&evidence);
    buf_release(&b);
}

static void scopes(void **state)
{
    (void)state;
    struct wire_scope now, then;
    sample_members(5, 0, 0, &m);
    assert_false(members_scope(&m, CHAIN_TX, 0, &now));
    assert_false(members_scope(&m, CHAIN_TX, 2, &now));
    assert_true(members_scope(&m, CHAIN_TX, 1, &then));
    assert_int_equal(then.n, 5);
    assert_int_equal(then.member[4], 5);
    assert_memory_equal(then.vote_key[4], m.list[4].vote_key, SIGN_PUBLIC_BYTES);
    assert_memory_equal(then.genesis, m.genesis, HASH_BYTES);
    assert_null(sample_change(&m, 1, sample_proposal(&m, 1, "leave", 1), 1));
    assert_true(members_scope(&m, CHAIN_TX, 1, &now));
    assert_memory_equal(&now, &then, sizeof(now));
    assert_false(members_scope(&m, CHAIN_TX, 0, &now));
    assert_false(members_scope(&m, CHAIN_TX, 3, &now));
    assert_true(members_scope(&m, CHAIN_ACCOUNT, 2, &now));
    assert_int_equal(now.n, 4);
    assert_int_equal(now.chain, CHAIN_ACCOUNT);
    assert_int_equal(now.member[0], 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(removed_at_the_boundary),
        cmocka_unit_test(the_fourth_stays_until_replaced),
        cmocka_unit_test(votes_of_the_epoch_before),
        cmocka_unit_test(what_does_not_convict),
        cmocka_unit_test(scopes),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("evidence", tests, NULL, NULL);
}
