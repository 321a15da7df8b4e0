/* Credit: what a block earns and a skipped view costs, within bounds, the same for the same blocks
 * however they are fed, and forgotten by an eighth at each boundary (S4-7). */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m, other;
static const struct core_id boundary = { { 7 } };

static size_t leader(const struct members *of, uint64_t view)
{
    return of->schedule[view % of->schedule_len];
}

static void a_block_and_a_gap(void **state)
{
    (void)state;
    int32_t want[CORE_MEMBERS_MAX] = { 0 };
    sample_members(5, 0, 0, &m);
    members_block(&m, 1, 0);
    want[leader(&m, 1)]++;
    members_block(&m, 2, 1);
    want[leader(&m, 2)]++;
    members_block(&m, 9, 2); /* 3..8 were skipped */
    for (uint64_t v = 3; v < 9; v++)
        want[leader(&m, v)] -= 4;
    want[leader(&m, 9)]++;
    assert_memory_equal(m.earned, want, sizeof(want));
    members_block(&m, 9, 9); /* no such block: nothing */
    members_block(&m, 8, 9);
    members_block(&m, 0, UINT64_MAX);
    assert_memory_equal(m.earned, want, sizeof(want));
}

/* The closed form is what counting view by view gives, from any place on. */
static void as_counted_one_by_one(void **state)
{
    (void)state;
    struct prop p = { 4711 };
    for (int round = 0; round < 300; round++) {
        size_t n = (size_t)prop_int(&p, 4, 12);
        int32_t want[CORE_MEMBERS_MAX] = { 0 };
        sample_members(n, 0, 0, &m);
        for (size_t i = 0; i < n; i++)
            m.list[i].credit = (int32_t)prop_int(&p, 0, CREDIT_MAX);
        members_schedule(&m);
        uint64_t parent = prop_next(&p) >> prop_int(&p, 2, 63);
        uint64_t view = parent + (uint64_t)prop_int(&p, 1, 100);
        members_block(&m, view, parent);
        for (uint64_t v = parent + 1; v < view; v++)
            want[leader(&m, v)] -= 4;
        want[leader(&m, view)]++;
        assert_memory_equal(m.earned, want, sizeof(want));
    }
}

static void bounded(void **state)
{
    (void)state;
    sample_members(4, 0, 0, &m);
    members_block(&m, UINT64_MAX, 0); /* the longest gap takes no longer than any other */
    for (size_t i = 0; i < 4; i++)
        assert_in_range(m.earned[i] + EARNED_MAX, 0, 1);
    members_next_epoch(&m, &boundary);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(m.list[i].credit, -CREDIT_MAX);
    for (uint64_t v = 1; v < 20000; v++)
        members_block(&m, v, v - 1);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(m.earned[i], EARNED_MAX);
    members_next_epoch(&m, &boundary);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(m.list[i].credit, CREDIT_MAX);
}

static void decay(void **state)
{
    (void)state;
    static const int32_t rows[][2] = { { 1000, 875 }, { 875, 766 },   { 8, 7 },  { 7, 6 },
                                       { 1, 0 },      { 0, 0 },       { -1, 0 }, { -7, -6 },
                                       { -8, -7 },    { -1000, -875 } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        sample_members(4, 1, 0, &m);
        m.list[1].credit = rows[i][0];
        m.list[4].credit = rows[i][0]; /* a candidate: nothing to earn, the same decay */
        m.earned[1] = 3;
        members_next_epoch(&m, &boundary);
        assert_int_equal(m.list[1].credit, rows[i][1] + 3);
        assert_int_equal(m.list[4].credit, rows[i][1]);
        assert_int_equal(m.earned[1], 0);
    }
    /* What is neither earned nor lost is gone after some epochs, from either side. */
    sample_members(4, 0, 0, &m);
    m.list[0].credit = CREDIT_MAX;
    m.list[1].credit = -CREDIT_MAX;
    for (int i = 0; i < 60; i++)
        members_next_epoch(&m, &boundary);
    assert_int_equal(m.list[0].credit, 0);
    assert_int_equal(m.list[1].credit, 0);
}

/* Who leads well gains on who is skipped, and leads more often from then on. */
static void honest_rounds_raise(void **state)
{
    (void)state;
    sample_members(4, 0, 0, &m);
    uint64_t parent = 0;
    for (uint64_t v = 1; v <= 3000; v++)
        if (leader(&m, v) != 2) {
            members_block(&m, v, parent);
            parent = v;
        }
    members_next_epoch(&m, &boundary);
    unsigned turns[4] = { 0 };
    for (uint16_t i = 0; i < m.schedule_len; i++)
        turns[m.schedule[i]]++;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(m.list[i].credit, i == 2 ? -CREDIT_MAX : 750);
        assert_int_equal(turns[i], i == 2 ? 1 : 3);
    }
}

/* A node that stored its state half way and read it back has the same credit as one that did not.
 */
static void same_ledger_same_credit(void **state)
{
    (void)state;
    struct prop p = { 99 };
    sample_members(7, 0, 0, &m);
    sample_members(7, 0, 0, &other);
    for (int round = 0; round < 500; round++) {
        uint64_t parent = (uint64_t)prop_int(&p, 0, 1000);
        uint64_t view = parent + (uint64_t)prop_int(&p, 1, 9);
        members_block(&m, view, parent);
        members_block(&other, view, parent);
        if (prop_int(&p, 0, 9) == 0) {
            members_next_epoch(&m, &boundary);
            members_next_epoch(&other, &boundary);
        }
        struct buf a = sample_bytes(&m), b = sample_bytes(&other);
        assert_int_equal(a.len, b.len);
        assert_memory_equal(a.data, b.data, a.len);
        assert_int_equal(members_parse(b.data, b.len, &other), OK);
        buf_release(&a);
        buf_release(&b);
    }
    for (size_t i = 0; i < m.n; i++)
        assert_in_range(m.list[i].credit + CREDIT_MAX, 0, 2 * CREDIT_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_and_a_gap),
        cmocka_unit_test(as_counted_one_by_one),
        cmocka_unit_test(bounded),
        cmocka_unit_test(decay),
        cmocka_unit_test(honest_rounds_raise),
        cmocka_unit_test(same_ledger_same_credit),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("credit", tests, NULL, NULL);
}
