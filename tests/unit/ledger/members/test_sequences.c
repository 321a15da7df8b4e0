/* Random sequences of blocks and statements, good and bad, at random members: what must hold after
 * each, and that two nodes never differ, not even when one keeps storing and reading its state. */
#include "server/ledger/wire/forensics.h"
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SEQUENCES 20
#define STEPS 200
#define NUMBERS 12 /* members that there may be */

static struct members m, other, before;

struct counts {
    unsigned accepted, refused, boundaries, convictions;
};

static json_t *random_proposal(struct prop *p, uint64_t id, unsigned by)
{
    static const char *const kinds[] = { "promote", "demote", "leave" };
    unsigned about = (unsigned)prop_int(p, 1, NUMBERS);
    struct member who = sample_member(about, 0);
    switch (prop_int(p, 0, 7)) {
    case 0:
    case 1:
        return sample_join(&m, id, &who);
    case 2: {
        struct sign_key k = sample_key(by, SAMPLE_COSIGNER, (unsigned)prop_int(p, 0, 5));
        json_t *v = sample_proposal(&m, id, "rekey", by);
        sample_set_bytes(v, "cosigner_key", k.public, SIGN_PUBLIC_BYTES);
        return v;
    }
    default:
        return sample_proposal(&m, id, kinds[prop_int(p, 0, 4) % 3], about);
    }
}

static json_t *random_evidence(struct prop *p, unsigned by)
{
    struct wire_scope scope;
    struct buf b;
    uint8_t fault;
    uint32_t epoch = m.epoch - (uint32_t)prop_int(p, 0, m.epoch > 1 ? 1 : 0);
    struct wire_vote x = { .chain = CHAIN_TX, .epoch = epoch, .kind = CORE_F, .view = 3 }, y;
    bool known = members_scope(&m, CHAIN_TX, epoch, &scope);
    assert_true(known);
    x.signer = (uint16_t)prop_int(p, 0, scope.n - 1);
    y = x;
    x.id = sample_block(1);
    y.id = sample_block(2);
    struct sign_key k = sample_key(scope.member[x.signer], SAMPLE_VOTE, 0);
    wire_vote_sign(&scope, &k, &x);
    wire_vote_sign(&scope, &k, &y);
    buf_init(&b, EVIDENCE_MAX);
    assert_int_equal(evidence_votes(&x, &y, &fault, &b), OK);
    json_t *v = sample_draft(&m, "member.evidence", by);
    sample_set_bytes(v, "evidence", b.data, b.len);
    buf_release(&b);
    return v;
}

static json_t *random_statement(struct prop *p, uint64_t id, unsigned by, struct sign_key *key)
{
    uint8_t opening[HASH_BYTES], commitment[HASH_BYTES];
    int64_t what = prop_int(p, 0, 39);
    *key = sample_key(by, what < 30 ? SAMPLE_OPERATOR : SAMPLE_MEMBER, 0);
    if (what < 8 || (what < 30 && m.n_pending == 0))
        return random_proposal(p, id, by);
    if (what < 30) {
        char text[ID_TEXT_SIZE];
        id_text(&m.pending[prop_int(p, 0, (int64_t)m.n_pending - 1)].id, text);
        json_t *v = sample_draft(&m, "member.approve", id);
        sample_set_text(v, "change", text);
        return v;
    }
    if (what == 30)
        return random_evidence(p, by);
    sample_opening(&m, by, opening);
    members_commitment(&m, (uint16_t)by, opening, commitment);
    json_t *v = sample_draft(&m, what < 36 ? "seed.commit" : "seed.open", id);
    if (what < 36)
        sample_set_bytes(v, "commitment", commitment, sizeof(commitment));
    else
        sample_set_bytes(v, "opening", opening, sizeof(opening));
    return v;
}

static void check_state(size_t founders)
{
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(&m, who);
    bool led[CORE_MEMBERS_MAX] = { false };
    assert_true(founders == 1 ? n == 1 : n >= 4);
    assert_true(m.n_pending <= MEMBERS_PENDING_MAX);
    for (size_t i = 0; i < m.n; i++) {
        assert_in_range(m.list[i].credit + CREDIT_MAX, 0, 2 * CREDIT_MAX);
        assert_true(i == 0 || m.list[i].number > m.list[i - 1].number);
    }
    assert_in_range(m.schedule_len, n, 4 * n);
    for (uint16_t i = 0; i < m.schedule_len; i++)
        led[m.schedule[i]] = true;
    for (uint16_t i = 0; i < n; i++) {
        assert_true(led[i]);
        assert_in_range(m.earned[i] + EARNED_MAX, 0, 2 * EARNED_MAX);
    }
}

static void both_the_same(void)
{
    struct buf a = sample_bytes(&m), b = sample_bytes(&other);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(members_parse(b.data, b.len, &other), OK);
    struct buf c = sample_bytes(&other);
    assert_int_equal(c.len, a.len);
    assert_memory_equal(c.data, a.data, a.len);
    buf_release(&a);
    buf_release(&b);
    buf_release(&c);
}

/* What was voted on changes with the epoch and only with it. */
static void check_config(const uint8_t config[HASH_BYTES], bool same_epoch)
{
    uint8_t now[HASH_BYTES];
    members_config_hash(&m, now);
    assert_int_equal(memcmp(now, config, HASH_BYTES) == 0, same_epoch);
}

static bool one_statement(struct prop *p, uint64_t id, struct counts *c)
{
    struct sign_key key;
    struct statement s;
    const char *refused, *refused_there;
    bool boundary, boundary_there;
    unsigned by = (unsigned)prop_int(p, 1, NUMBERS);
    assert_int_equal(statement_sign(random_statement(p, id, by, &key), &key, &s), OK);
    memcpy(&before, &m, sizeof(m));
    assert_int_equal(
        members_apply(&m, (uint16_t)by, s.canonical, s.canonical_len, &refused, &boundary), OK);
    assert_int_equal(members_apply(&other, (uint16_t)by, s.canonical, s.canonical_len,
                                   &refused_there, &boundary_there),
                     OK);
    assert_int_equal(boundary, boundary_there);
    assert_int_equal(refused != NULL, refused_there != NULL);
    if (refused != NULL) {
        assert_string_equal(refused, refused_there);
        assert_memory_equal(&m, &before, sizeof(m));
        assert_false(boundary);
        c->refused++;
    } else {
        c->accepted++;
        c->convictions += strcmp(s.kind, "member.evidence") == 0;
    }
    statement_release(&s);
    return boundary;
}

static void run(struct prop *p, size_t founders, struct counts *c)
{
    uint8_t config[HASH_BYTES];
    uint64_t view = 0;
    sample_members(founders, 1, 1, &m);
    sample_members(founders, 1, 1, &other);
    for (uint64_t step = 1; step <= STEPS; step++) {
        uint64_t parent = view;
        bool boundary = false;
        view += (uint64_t)prop_int(p, 1, 5) / 4 + 1;
        members_config_hash(&m, config);
        members_block(&m, view, parent);
        members_block(&other, view, parent);
        for (int64_t i = prop_int(p, 0, 3); i > 0; i--)
            boundary = one_statement(p, step * 10 + (uint64_t)i, c) || boundary;
        check_config(config, true);
        assert_int_equal(boundary, members_epoch_ended(&m));
        if (boundary) {
            struct core_id id = sample_block(prop_next(p));
            members_next_epoch(&m, &id);
            members_next_epoch(&other, &id);
            check_config(config, false);
            assert_false(members_epoch_ended(&m));
            view = 0;
            c->boundaries++;
        }
        check_state(founders);
        both_the_same();
    }
}

static void sequences(void **state)
{
    (void)state;
    static const size_t founders[] = { 1, 4, 5, 7 };
    struct counts c = { 0 };
    for (uint64_t i = 0; i < SEQUENCES; i++) {
        struct prop p = { 1000 + i };
        run(&p, founders[i % COUNT(founders)], &c);
    }
    /* The sequences did what they are for. */
    print_message("%u accepted, %u refused, %u epochs, %u convictions\n", c.accepted, c.refused,
                  c.boundaries, c.convictions);
    assert_true(c.accepted > 600 && c.refused > 1000);
    assert_true(c.boundaries > 80 && c.convictions > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(sequences) };
    crypto_setup();
    return cmocka_run_group_tests_name("sequences", tests, NULL, NULL);
}
