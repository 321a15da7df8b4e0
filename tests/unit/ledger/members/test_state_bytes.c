/* The stored state: one spelling, and nothing is read that the fold could not have come to. */
#include "tests/unit/ledger/members/sample.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct members m, back;

/* A state with something in every part: three pending changes, openings, debts, a prior epoch. */
static void full_state(struct members *ret)
{
    struct member new = sample_member(50, 0);
    struct core_id id = sample_block(3);
    bool boundary;
    sample_members(7, 2, 1, ret);
    ret->committed.bits[0] = 127;
    ret->opened.bits[0] = 62;
    members_next_epoch(ret, &id);
    assert_int_equal(ret->limited.bits[0], 65);
    ret->list[6].convicted = true; /* as if four were left */
    ret->list[6].credit = -CREDIT_MAX;
    assert_null(sample_commit(ret, 2));
    for (unsigned i = 3; i <= 6; i++)
        assert_null(sample_commit(ret, i));
    assert_null(sample_open(ret, 2));
    members_block(ret, 3, 1);
    assert_null(sample_open(ret, 5));
    ret->list[6].role = MEMBER_OBSERVER; /* keeps the epoch open */
    members_schedule(ret);
    assert_null(sample_propose(ret, 1, sample_join(ret, 1, &new), &boundary));
    assert_null(sample_propose(ret, 2, sample_proposal(ret, 2, "promote", 8), &boundary));
    json_t *v = sample_proposal(ret, 3, "rekey", 9);
    sample_set_text(v, "endpoint", "https://nine.example:9");
    assert_null(sample_propose(ret, 9, v, &boundary));
    assert_null(sample_approve(ret, 4, 3, &boundary));
    ret->limited.bits[0] = 1;
}

static enum err parse(const struct buf *b)
{
    return members_parse(b->data, b->len, &back);
}

static void round_trip(void **state)
{
    (void)state;
    full_state(&m);
    struct buf a = sample_bytes(&m);
    assert_int_equal(parse(&a), OK);
    struct buf b = sample_bytes(&back);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    assert_int_equal(back.n_pending, 3);
    assert_int_equal(back.pending[2].proposer, 9);
    assert_string_equal(back.pending[2].member.endpoint, "https://nine.example:9");
    assert_int_equal(back.fresh.bits[0], 16);
    assert_int_equal(back.prior.n, 7);
    assert_memory_equal(back.earned, m.earned, sizeof(m.earned));
    /* It goes on as the original would: the same approvals end the same epoch. */
    bool boundary = false;
    for (unsigned i = 1; i <= 6 && !boundary; i++)
        if (i != 4) {
            assert_null(sample_approve(&back, i, 3, &boundary));
            assert_null(sample_approve(&m, i, 3, &boundary));
        }
    assert_true(boundary);
    struct core_id id = sample_block(9);
    members_next_epoch(&m, &id);
    members_next_epoch(&back, &id);
    buf_release(&a);
    buf_release(&b);
    a = sample_bytes(&m);
    b = sample_bytes(&back);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    buf_release(&a);
    buf_release(&b);
}

/* The label, then the numbers where the format puts them. */
static void the_bytes(void **state)
{
    (void)state;
    sample_members(1, 0, 0, &m);
    m.list[0].credit = -2;
    struct buf b = sample_bytes(&m);
    static const uint8_t head[] = { 0, 1, 0, 1, MEMBER_VALIDATOR, 0, 255, 255, 255, 254, 11 };
    assert_memory_equal(b.data, "cairn-members/1", 15);
    assert_memory_equal(b.data + 15, m.genesis, HASH_BYTES);
    assert_memory_equal(b.data + 47, "\0\0\0\1", 4);
    assert_memory_equal(b.data + 51, m.seed, HASH_BYTES);
    assert_memory_equal(b.data + 83, head, sizeof(head));
    assert_memory_equal(b.data + 94, "institute-1", 11);
    buf_release(&b);
}

/* Cut anywhere, longer, or with a changed byte: refused, or another state with this very spelling.
 */
static void every_byte_matters(void **state)
{
    (void)state;
    full_state(&m);
    struct buf a = sample_bytes(&m);
    memset(&back, 0x33, sizeof(back));
    for (size_t len = 0; len < a.len; len++)
        assert_int_equal(members_parse(a.data, len, &back), ERR_SYNTAX);
    for (size_t i = 0; i < sizeof(back); i++)
        assert_int_equal(((const uint8_t *)&back)[i], 0x33);
    unsigned refused = 0;
    for (size_t i = 0; i < 8 * a.len; i += 3) {
        a.data[i / 8] ^= (uint8_t)(1u << i % 8);
        if (parse(&a) != OK) {
            refused++;
        } else {
            struct buf b = sample_bytes(&back);
            assert_int_equal(b.len, a.len);
            assert_memory_equal(b.data, a.data, a.len);
            buf_release(&b);
        }
        a.data[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    assert_true(refused > 100);
    assert_int_equal(buf_add(&a, "", 1), OK);
    assert_int_equal(parse(&a), ERR_SYNTAX);
    buf_release(&a);
}

/* States that no sequence of entries leads to; false when there are no more. */
static bool break_list(int how)
{
    struct member *one = &m.list[1];
    switch (how) {
    case 0:
        one->number = m.list[2].number;
        return true;
    case 1:
        one->role = 0;
        return true;
    case 2:
        m.list[6].credit = 0; /* convicted */
        return true;
    case 3:
        one->credit = CREDIT_MAX + 1;
        return true;
    case 4:
        memcpy(one->vote_key, m.list[4].member_key, SIGN_PUBLIC_BYTES);
        return true;
    case 5:
        one->name[0] = 'X';
        return true;
    case 6:
        one->endpoint[0] = 'f';
        return true;
    case 7:
        for (size_t k = 3; k < 6; k++)
            m.list[k].role = MEMBER_OBSERVER; /* three validators */
        return true;
    default:
        return false;
    }
}

static bool break_epoch(int how)
{
    switch (how) {
    case 0:
        m.opened.bits[0] |= 64;
        return true;
    case 1:
        m.fresh.bits[0] |= 4;
        return true;
    case 2:
        m.limited.bits[1] = 1;
        return true;
    case 3:
        m.earned[0] = -EARNED_MAX - 1;
        return true;
    case 4:
        m.schedule[0] = 6;
        return true;
    case 5:
        memset(m.schedule, 0, sizeof(m.schedule));
        return true;
    case 6:
        m.schedule_len = 0;
        return true;
    default:
        return false;
    }
}

static bool break_pending(int how)
{
    struct change *c = m.pending;
    switch (how) {
    case 0:
        c[1].proposer = c[0].proposer;
        return true;
    case 1:
        c[1].id = c[0].id;
        return true;
    case 2:
        c[2].proposer = 4; /* a rekey of somebody else */
        return true;
    case 3:
        c[1].member.name[0] = 'a'; /* a promotion has a number only */
        return true;
    case 4:
        c[1].member.number = 1; /* a promotion of a validator */
        return true;
    case 5:
        c[0].member.number = 2; /* a join of somebody known */
        return true;
    default:
        return false;
    }
}

static void impossible_states(void **state)
{
    (void)state;
    static bool (*const ways[])(int) = { break_list, break_epoch, break_pending };
    int refused = 0;
    for (size_t i = 0; i < COUNT(ways); i++)
        for (int how = 0; full_state(&m), ways[i](how); how++) {
            struct buf b = sample_bytes(&m);
            if (parse(&b) != ERR_SYNTAX)
                fail_msg("way %zu, case %d was taken", i, how);
            buf_release(&b);
            refused++;
        }
    assert_int_equal(refused, 21);
    full_state(&m);
    struct buf b = sample_bytes(&m);
    assert_int_equal(parse(&b), OK);
    buf_release(&b);
}

/* The greatest state fits its bound, and a buffer that is too small is left as it was. */
static void bounds(void **state)
{
    (void)state;
    struct buf b;
    sample_members(100, 0, 0, &m);
    for (size_t i = 0; i < m.n; i++) {
        memset(m.list[i].name, 'a', MEMBER_NAME_MAX);
        (void)snprintf(m.list[i].name, sizeof(m.list[i].name), "%059zu-a-a", i);
        memset(m.list[i].endpoint + 7, 'a', MEMBER_ENDPOINT_MAX - 7);
        (void)snprintf(m.list[i].endpoint + MEMBER_ENDPOINT_MAX - 6, 7, "%03u:80",
                       (unsigned)i % 1000);
        m.pending[i] = (struct change){ .kind = CHANGE_REKEY,
                                        .id = sample_id(i),
                                        .proposer = m.list[i].number,
                                        .member = m.list[i] };
        m.pending[i].member.vote_key[0] ^= 1;
    }
    m.n_pending = 100;
    memset(&m.committed, 0xff, 12);
    m.committed.bits[1] = (UINT64_C(1) << 36) - 1;
    m.opened = m.committed;
    b = sample_bytes(&m);
    assert_int_equal(parse(&b), OK);
    buf_release(&b);
    for (size_t max = 1; max < 4000; max += 37) {
        buf_init(&b, max);
        assert_int_equal(members_print(&m, &b), ERR_LIMIT);
        assert_int_equal(b.len, 0);
        buf_release(&b);
    }
}

/* The config hash: what votes depend on, and nothing else. */
static void config_hash(void **state)
{
    (void)state;
    uint8_t a[HASH_BYTES], b[HASH_BYTES];
    full_state(&m);
    members_config_hash(&m, a);
    memcpy(&back, &m, sizeof(m));
    m.n_pending = 0;
    m.earned[0]++;
    m.list[0].credit++;
    m.list[0].endpoint[8]++;
    m.list[8].vote_key[0]++; /* a candidate's */
    m.committed.bits[0] = 0;
    members_config_hash(&m, b);
    assert_memory_equal(a, b, sizeof(a));
    uint8_t *const matter[] = { m.genesis,
                                (uint8_t *)&m.epoch,
                                (uint8_t *)&m.list[0].number,
                                m.list[5].vote_key,
                                m.list[5].cosigner_key,
                                m.list[5].member_key,
                                m.list[5].operator_key,
                                &m.schedule[m.schedule_len - 1] };
    for (size_t i = 0; i < COUNT(matter); i++) {
        memcpy(&m, &back, sizeof(m));
        *matter[i] ^= 2;
        members_config_hash(&m, b);
        if (memcmp(a, b, sizeof(a)) == 0)
            fail_msg("%zu does not matter", i);
    }
    memcpy(&m, &back, sizeof(m));
    m.list[5].role = MEMBER_CANDIDATE;
    members_config_hash(&m, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(the_bytes),
        cmocka_unit_test(every_byte_matters),
        cmocka_unit_test(impossible_states),
        cmocka_unit_test(bounds),
        cmocka_unit_test(config_hash),
    };
    crypto_setup();
    return cmocka_run_group_tests_name("state bytes", tests, NULL, NULL);
}
