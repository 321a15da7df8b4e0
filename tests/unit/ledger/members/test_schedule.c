/* The schedule: the same bytes everywhere, nobody starved, more turns with more credit, and no
 * place that anybody gets more often than others. */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m;

static void count_turns(size_t n, unsigned ret[CORE_MEMBERS_MAX])
{
    memset(ret, 0, CORE_MEMBERS_MAX * sizeof(*ret));
    assert_in_range(m.schedule_len, n, 4 * n);
    for (uint16_t i = 0; i < m.schedule_len; i++) {
        assert_true(m.schedule[i] < n);
        ret[m.schedule[i]]++;
    }
}

/* Computed by a program in another language from the text of docs/federation.md. */
static void vectors(void **state)
{
    (void)state;
    static const uint8_t small[] = { 1, 2, 2, 1, 3, 2, 0 };
    uint8_t hash[HASH_BYTES];
    char hex[HEX_SIZE(HASH_BYTES)];
    sample_members(4, 0, 0, &m);
    for (uint8_t i = 0; i < HASH_BYTES; i++)
        m.seed[i] = (uint8_t)(100 + i);
    m.list[1].credit = 334;
    m.list[2].credit = 667;
    m.list[3].credit = 333;
    members_schedule(&m);
    assert_int_equal(m.schedule_len, sizeof(small));
    assert_memory_equal(m.schedule, small, sizeof(small));
    /* Some words are drawn again here: 300 does not divide 65536. */
    sample_members(100, 0, 0, &m);
    memset(m.seed, 33, HASH_BYTES);
    for (size_t i = 0; i < m.n; i++)
        m.list[i].credit = CREDIT_MAX;
    members_schedule(&m);
    assert_int_equal(m.schedule_len, 300);
    sha256(m.schedule, 300, hash);
    hex_encode(hash, sizeof(hash), hex);
    assert_string_equal(hex, "448b2695f2dab6be12d5aa64177dad2c6d67ddd17877702b79f908ff9d4152c2");
}

static void nobody_is_starved(void **state)
{
    (void)state;
    struct prop p = { 20261 };
    unsigned turns[CORE_MEMBERS_MAX];
    static const size_t sizes[] = { 1, 4, 5, 7, 10, 16, 33, 100 };
    for (int round = 0; round < 400; round++) {
        size_t n = sizes[prop_int(&p, 0, COUNT(sizes) - 1)];
        sample_members(n, n < 90 ? 3 : 0, 0, &m);
        for (size_t i = 0; i < n; i++)
            m.list[i].credit = (int32_t)prop_edge(&p, -CREDIT_MAX, CREDIT_MAX);
        for (size_t i = 0; i < HASH_BYTES; i++)
            m.seed[i] = (uint8_t)prop_next(&p);
        m.limited.bits[0] = prop_next(&p) & (n >= 64 ? UINT64_MAX : (UINT64_C(1) << n) - 1);
        members_schedule(&m);
        count_turns(n, turns);
        for (size_t i = 0; i < n; i++) {
            bool limited = (m.limited.bits[i / 64] >> (i % 64) & 1) != 0;
            assert_in_range(turns[i], 1, limited ? 1 : 3);
            for (size_t k = 0; k < n; k++)
                if (m.list[k].credit > m.list[i].credit &&
                    (m.limited.bits[k / 64] >> (k % 64) & 1) == 0)
                    assert_true(turns[k] >= turns[i]);
        }
        /* From any view on, everybody leads within 4n views. */
        for (uint64_t from = UINT64_MAX / 2; from < UINT64_MAX / 2 + 8; from++) {
            bool led[CORE_MEMBERS_MAX] = { false };
            for (uint64_t v = from; v < from + 4 * n; v++)
                led[m.schedule[v % m.schedule_len]] = true;
            for (size_t i = 0; i < n; i++)
                assert_true(led[i]);
        }
    }
}

static void thirds_of_credit(void **state)
{
    (void)state;
    static const struct {
        int32_t credit;
        unsigned turns;
    } rows[] = { { -CREDIT_MAX, 1 }, { -1, 1 },  { 0, 1 },   { 333, 1 },       { 334, 2 },
                 { 500, 2 },         { 666, 2 }, { 667, 3 }, { CREDIT_MAX, 3 } };
    unsigned turns[CORE_MEMBERS_MAX];
    for (size_t i = 0; i < COUNT(rows); i++) {
        sample_members(4, 0, 0, &m);
        m.list[2].credit = rows[i].credit;
        members_schedule(&m);
        count_turns(4, turns);
        assert_int_equal(turns[2], rows[i].turns);
        assert_int_equal(turns[1], 1);
        m.limited.bits[0] = 4;
        members_schedule(&m);
        count_turns(4, turns);
        assert_int_equal(turns[2], 1);
    }
}

/* Over many seeds everybody is at every place about equally often: within 6 standard deviations. */
static void no_favourite_place(void **state)
{
    (void)state;
    enum { N = 7, SEEDS = 14000 };
    unsigned seen[N][N] = { { 0 } };
    sample_members(N, 0, 0, &m);
    for (uint64_t i = 0; i < SEEDS; i++) {
        sample_hash(i, m.seed);
        members_schedule(&m);
        for (size_t at = 0; at < N; at++)
            seen[at][m.schedule[at]]++;
    }
    for (size_t at = 0; at < N; at++)
        for (size_t who = 0; who < N; who++)
            assert_in_range(seen[at][who], SEEDS / N - 250, SEEDS / N + 250);
}

static void depends_on_the_seed_only(void **state)
{
    (void)state;
    uint8_t first[CORE_SCHEDULE_MAX];
    sample_members(16, 0, 0, &m);
    members_schedule(&m);
    memcpy(first, m.schedule, sizeof(first));
    memset(m.schedule, 0xff, sizeof(m.schedule));
    members_schedule(&m);
    assert_memory_equal(m.schedule, first, sizeof(first));
    m.seed[31] ^= 1;
    members_schedule(&m);
    assert_memory_not_equal(m.schedule, first, sizeof(first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(nobody_is_starved),
        cmocka_unit_test(thirds_of_credit),
        cmocka_unit_test(no_favourite_place),
        cmocka_unit_test(depends_on_the_seed_only),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
