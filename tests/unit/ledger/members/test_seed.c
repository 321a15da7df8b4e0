/* The seed of the next epoch (S4-5, S4-6): fixed by the openings and the boundary block, computable
 * by anybody from the ledger, and out of reach of whoever opens last. */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m, other;

/* A block without statements: what was opened before it counts. */
static void block(struct members *of)
{
    members_block(of, 1, 0);
}

static void commit_and_open(struct members *of, unsigned n, unsigned openers)
{
    for (unsigned i = 1; i <= n; i++)
        assert_null(sample_commit(of, i));
    block(of);
    for (unsigned i = 1; i <= openers; i++)
        assert_null(sample_open(of, i));
    block(of);
}

/* What docs/federation.md says, from the statements alone. */
static void by_hand(const struct members *of, const struct core_id *boundary, unsigned openers,
                    uint8_t ret[HASH_BYTES])
{
    struct buf b;
    uint8_t epoch[4] = { 0, 0, 0, (uint8_t)(of->epoch + 1) };
    buf_init(&b, 4096);
    enum err e = buf_add_str(&b, "cairn/v1/epoch-seed");
    if (e == OK)
        e = buf_add(&b, of->genesis, HASH_BYTES);
    if (e == OK)
        e = buf_add(&b, epoch, 4);
    if (e == OK)
        e = buf_add(&b, boundary->bytes, 32);
    for (unsigned i = 1; i <= openers && e == OK; i++) {
        uint8_t number[2] = { 0, (uint8_t)i }, opening[HASH_BYTES];
        sample_opening(of, i, opening);
        e = buf_add(&b, number, 2);
        if (e == OK)
            e = buf_add(&b, opening, HASH_BYTES);
    }
    assert_int_equal(e, OK);
    sha256(b.data, b.len, ret);
    buf_release(&b);
}

static void anyone_recomputes_it(void **state)
{
    (void)state;
    uint8_t want[HASH_BYTES];
    struct core_id id = sample_block(1);
    for (unsigned openers = 0; openers <= 7; openers++) {
        sample_members(7, 0, 0, &m);
        commit_and_open(&m, 7, openers);
        by_hand(&m, &id, openers, want);
        members_next_epoch(&m, &id);
        assert_memory_equal(m.seed, want, HASH_BYTES);
        assert_int_equal(m.committed.bits[0] | m.opened.bits[0] | m.fresh.bits[0], 0);
    }
}

static void every_opening_and_the_block_change_it(void **state)
{
    (void)state;
    struct core_id id = sample_block(1), another = sample_block(2);
    uint8_t seed[HASH_BYTES], schedule[CORE_SCHEDULE_MAX];
    sample_members(7, 0, 0, &m);
    commit_and_open(&m, 7, 7);
    memcpy(&other, &m, sizeof(m));
    members_next_epoch(&m, &id);
    memcpy(seed, m.seed, sizeof(seed));
    memcpy(schedule, m.schedule, sizeof(schedule));
    for (unsigned i = 0; i < 7; i++) {
        memcpy(&m, &other, sizeof(m));
        m.opening[i][5] ^= 1;
        members_next_epoch(&m, &id);
        assert_memory_not_equal(m.seed, seed, sizeof(seed));
    }
    memcpy(&m, &other, sizeof(m));
    members_next_epoch(&m, &another);
    assert_memory_not_equal(m.seed, seed, sizeof(seed));
    assert_memory_not_equal(m.schedule, schedule, sizeof(schedule));
}

static void order_of_statements(void **state)
{
    (void)state;
    bool boundary;
    sample_members(4, 1, 0, &m);
    assert_string_equal(sample_open(&m, 1), "seed.not_committed");
    assert_string_equal(sample_commit(&m, 5), "member.role");
    assert_null(sample_commit(&m, 1));
    assert_string_equal(sample_commit(&m, 1), "seed.committed");
    assert_string_equal(sample_open(&m, 1), "seed.early");
    assert_null(sample_commit(&m, 2));
    assert_string_equal(sample_open(&m, 1), "seed.early");
    assert_null(sample_commit(&m, 3)); /* a quorum */
    assert_null(sample_open(&m, 1));
    assert_string_equal(sample_open(&m, 1), "seed.opened");
    assert_string_equal(sample_commit(&m, 4), "seed.closed"); /* it could have seen an opening */
    assert_string_equal(sample_open(&m, 4), "seed.not_committed");
    /* Another opening than the one committed to. */
    uint8_t wrong[HASH_BYTES] = { 1 };
    struct sign_key k = sample_key(2, SAMPLE_MEMBER, 0);
    struct sign_key operator= sample_key(2, SAMPLE_OPERATOR, 0);
    json_t *v = sample_draft(&m, "seed.open", 9);
    sample_set_bytes(v, "opening", wrong, sizeof(wrong));
    assert_string_equal(sample_say(&m, 2, v, &k, &boundary), "seed.mismatch");
    v = sample_draft(&m, "seed.open", 9);
    sample_set_bytes(v, "opening", wrong, sizeof(wrong) - 1);
    assert_string_equal(sample_say(&m, 2, v, &k, &boundary), "field.format");
    v = sample_draft(&m, "seed.open", 9);
    sample_set_bytes(v, "opening", wrong, sizeof(wrong));
    assert_string_equal(sample_say(&m, 2, v, &operator, & boundary), "statement.signer");
    assert_null(sample_open(&m, 2));
    assert_false(boundary);
}

/* A commitment names its member and epoch, so that a copy of it cannot be opened. */
static void commitments_are_not_copied(void **state)
{
    (void)state;
    uint8_t opening[HASH_BYTES] = { 3 }, a[HASH_BYTES], b[HASH_BYTES];
    sample_members(4, 0, 0, &m);
    members_commitment(&m, 1, opening, a);
    members_commitment(&m, 2, opening, b);
    assert_memory_not_equal(a, b, sizeof(a));
    m.epoch++;
    members_commitment(&m, 1, opening, b);
    assert_memory_not_equal(a, b, sizeof(a));
    m.epoch--;
    m.genesis[0] ^= 1;
    members_commitment(&m, 1, opening, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

/* Once the boundary block is there, what stands in it is not mixed in: for a given boundary block
 * and the chain before it there is one seed, whatever the last opener and the proposer put into it.
 */
static void nothing_is_opened_in_the_boundary_block(void **state)
{
    (void)state;
    struct core_id id = sample_block(1);
    sample_members(7, 0, 0, &m);
    commit_and_open(&m, 7, 6);
    memcpy(&other, &m, sizeof(m));
    block(&m); /* the boundary block, with the last opening in it */
    assert_null(sample_open(&m, 7));
    members_next_epoch(&m, &id);
    block(&other); /* the same without */
    members_next_epoch(&other, &id);
    assert_memory_equal(m.seed, other.seed, HASH_BYTES);
    /* It was in time to be no debt, though. */
    assert_int_equal(m.list[6].credit, 0);
    assert_int_equal(m.limited.bits[0], 0);
    assert_int_equal(other.limited.bits[0], 64);
}

/* The last opener decides before the boundary block exists. It knows all other openings and tries
 * to lead the first view of the next epoch by opening or withholding, whatever rule it follows on
 * what it can know then; the block comes after. Its luck is that of everybody: 1 in n. */
static void the_last_opener_cannot_choose(void **state)
{
    (void)state;
    enum { N = 7, ROUNDS = 2800 };
    static struct members open, withheld;
    unsigned wins[3] = { 0 }, differ = 0;
    sample_members(N, 0, 0, &m);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        struct core_id id = sample_block(round), guess = sample_block(ROUNDS + round);
        m.committed.bits[0] = 127;
        m.opened.bits[0] = 127;
        for (unsigned i = 0; i < N; i++)
            sample_hash(round * N + i, m.opening[i]);
        memcpy(&open, &m, sizeof(m));
        memcpy(&withheld, &m, sizeof(m));
        withheld.opened.bits[0] = 63;
        /* The rule: what would serve best under a block of its own imagination. */
        static struct members try;
        memcpy(&try, &open, sizeof(open));
        members_next_epoch(&try, &guess);
        bool opens = try.schedule[0] == N - 1;
        members_next_epoch(&open, &id);
        members_next_epoch(&withheld, &id);
        wins[0] += open.schedule[0] == N - 1;
        wins[1] += withheld.schedule[0] == N - 1;
        wins[2] += (opens ? &open : &withheld)->schedule[0] == N - 1;
        differ += memcmp(open.seed, withheld.seed, HASH_BYTES) != 0;
    }
    assert_int_equal(differ, ROUNDS); /* there are two outcomes; it can tell neither */
    for (size_t i = 0; i < 3; i++)
        assert_in_range(wins[i], ROUNDS / N - 95, ROUNDS / N + 95); /* five standard deviations */
}

/* Who commits and withholds pays and leads as little as possible, and everyone computes it. */
static void withholding_is_debited(void **state)
{
    (void)state;
    struct core_id id = sample_block(1);
    sample_members(4, 0, 0, &m);
    for (size_t i = 0; i < 4; i++)
        m.list[i].credit = CREDIT_MAX;
    commit_and_open(&m, 4, 3);
    int32_t earned = m.earned[3];
    members_next_epoch(&m, &id);
    assert_int_equal(m.list[3].credit, 875 - 16 + earned);
    unsigned turns[4] = { 0 };
    for (uint16_t i = 0; i < m.schedule_len; i++)
        turns[m.schedule[i]]++;
    assert_int_equal(turns[3], 1);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(turns[i], 3);
    /* One epoch later that is over. */
    members_next_epoch(&m, &id);
    assert_int_equal(m.limited.bits[0], 0);
    assert_int_equal(m.schedule_len, 12);
}

/* An epoch that ends before a quorum could open makes nobody guilty; neither does not taking part.
 */
static void no_time_no_debt(void **state)
{
    (void)state;
    struct core_id id = sample_block(1);
    sample_members(4, 0, 0, &m);
    commit_and_open(&m, 4, 2);
    members_next_epoch(&m, &id);
    assert_int_equal(m.limited.bits[0], 0);
    /* Nor one whose quorum is full only in the boundary block itself. */
    commit_and_open(&m, 4, 2);
    assert_null(sample_open(&m, 3));
    members_next_epoch(&m, &id);
    assert_int_equal(m.limited.bits[0], 0);
    for (unsigned i = 1; i <= 3; i++)
        assert_null(sample_commit(&m, i));
    for (unsigned i = 1; i <= 3; i++)
        assert_null(sample_open(&m, i));
    block(&m);
    members_next_epoch(&m, &id);
    assert_int_equal(m.limited.bits[0], 0);
    assert_true(m.list[3].credit >= 0);
}

/* Indices shift when the list does: the debt follows the member. */
static void the_limit_follows_the_member(void **state)
{
    (void)state;
    bool boundary;
    struct core_id id = sample_block(1);
    sample_members(5, 0, 0, &m);
    commit_and_open(&m, 5, 4);
    assert_null(sample_propose(&m, 2, sample_proposal(&m, 1, "leave", 1), &boundary));
    for (unsigned i = 3; i <= 5; i++)
        assert_null(sample_approve(&m, i, 1, &boundary));
    assert_true(boundary);
    members_next_epoch(&m, &id);
    assert_int_equal(m.limited.bits[0], 8); /* member 5 is index 3 now */
    assert_int_equal(members_validator_index(&m, 5), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anyone_recomputes_it),
        cmocka_unit_test(every_opening_and_the_block_change_it),
        cmocka_unit_test(order_of_statements),
        cmocka_unit_test(commitments_are_not_copied),
        cmocka_unit_test(nothing_is_opened_in_the_boundary_block),
        cmocka_unit_test(the_last_opener_cannot_choose),
        cmocka_unit_test(withholding_is_debited),
        cmocka_unit_test(no_time_no_debt),
        cmocka_unit_test(the_limit_follows_the_member),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("seed", tests, NULL, NULL);
}
