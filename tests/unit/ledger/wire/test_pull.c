/* Cosignatures and pulls carry no signature of their own that could be checked here: every form
 * that parses is the one spelling of what it says, and says something that can be. */
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static enum fate judge_cosignature(const void *arg, const uint8_t *bytes, size_t len,
                                   struct buf *ret)
{
    struct wire_cosignature c;
    (void)arg;
    if (wire_cosignature_parse(bytes, len, &c) != OK)
        return REFUSED;
    assert_int_equal(wire_cosignature_print(&c, ret), OK);
    return PARSED;
}

static void test_cosignature(void **state)
{
    (void)state;
    struct wire_cosignature good = {
        .chain = CHAIN_ACCOUNT, .size = 0x1234, .signer = 0x0506, .time = 1789000000
    };
    memset(good.root.bytes, 0x61, HASH_BYTES);
    memset(good.signature, 0x62, SIGN_BYTES);
    struct wire_cosignature c = good;
    struct buf out;
    buf_init(&out, WIRE_COSIGNATURE_BYTES);
    assert_int_equal(wire_cosignature_print(&c, &out), OK);
    assert_int_equal(out.len, WIRE_COSIGNATURE_BYTES);
    static const uint8_t head[] = { 1, 0, 0, 0, 0, 0, 0, 0x12, 0x34 };
    static const uint8_t middle[] = { 5, 6, 0, 0, 0, 0, 0x6a, 0xa1, 0xf9, 0x40 };
    assert_memory_equal(out.data, head, sizeof(head));
    assert_memory_equal(out.data + 41, middle, sizeof(middle));
    assert_int_equal(sample_faults(judge_cosignature, NULL, out.data, out.len, PARSED, PARSED), 0);

    buf_release(&out);
    c = good, c.chain = (enum chain)0;
    assert_int_equal(wire_cosignature_print(&c, &out), ERR_SYNTAX);
    c = good, c.signer = 0;
    assert_int_equal(wire_cosignature_print(&c, &out), ERR_SYNTAX);
    c = good, c.size = MERKLE_SIZE_MAX + 1;
    assert_int_equal(wire_cosignature_print(&c, &out), ERR_SYNTAX);
    c = good, c.time = (uint64_t)INT64_MAX + 1;
    assert_int_equal(wire_cosignature_print(&c, &out), ERR_SYNTAX);
    assert_int_equal(out.len, 0);
    assert_int_equal(wire_cosignature_print(&good, &out), OK);
    static const struct {
        size_t at;
        uint8_t to[2];
    } patches[] = { { 0, { 3, 0 } }, { 1, { 0x80, 0 } }, { 41, { 0, 0 } }, { 43, { 0x80, 0 } } };
    for (size_t i = 0; i < COUNT(patches); i++) {
        uint8_t bytes[WIRE_COSIGNATURE_BYTES];
        memcpy(bytes, out.data, sizeof(bytes));
        memcpy(bytes + patches[i].at, patches[i].to, patches[i].at == 41 ? 2 : 1);
        assert_int_equal(wire_cosignature_parse(bytes, sizeof(bytes), &c), ERR_SYNTAX);
    }
    buf_release(&out);
}

static enum fate judge_pull(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_pull p;
    (void)arg;
    if (wire_pull_parse(bytes, len, &p) != OK)
        return REFUSED;
    assert_int_equal(wire_pull_print(&p, ret), OK);
    return PARSED;
}

/* Every field is given; each wish takes its own. */
static struct wire_pull pull_of(uint8_t want)
{
    return (struct wire_pull){ .chain = CHAIN_TX,
                               .epoch = 3,
                               .want = want,
                               .kind = CORE_S,
                               .member = 14,
                               .view = 77,
                               .first = 41,
                               .id = sample_id(3) };
}

static void test_pull(void **state)
{
    (void)state;
    static const struct {
        bool kind, member, view, first, id;
    } has[] = {
        [WIRE_WANT_CERT] = { .kind = true, .view = true },
        [WIRE_WANT_BLOCK] = { .view = true, .id = true },
        [WIRE_WANT_BATCH] = { .member = true, .first = true, .id = true },
        [WIRE_WANT_RANGE] = { .view = true },
        [WIRE_WANT_NEWS] = { .view = true },
    };
    static const struct core_id zero;
    struct buf out;
    buf_init(&out, WIRE_FRAME_MAX);
    for (uint8_t want = WIRE_WANT_CERT; want <= WIRE_WANT_NEWS; want++) {
        struct wire_pull p = pull_of(want), back;
        buf_clear(&out);
        assert_int_equal(wire_pull_print(&p, &out), OK);
        assert_int_equal(out.len, WIRE_PULL_BYTES);
        assert_int_equal(wire_pull_parse(out.data, out.len, &back), OK);
        assert_true(back.chain == CHAIN_TX && back.epoch == 3 && back.want == want);
        assert_int_equal(back.kind, has[want].kind ? CORE_S : 0);
        assert_int_equal(back.member, has[want].member ? 14 : 0);
        assert_int_equal(back.view, has[want].view ? 77 : 0);
        assert_int_equal(back.first, has[want].first ? 41 : 0);
        assert_memory_equal(&back.id, has[want].id ? &p.id : &zero, sizeof(zero));
        assert_int_equal(sample_faults(judge_pull, NULL, out.data, out.len, PARSED, PARSED), 0);
        /* A field that the wish does not have is zero, or the form is another spelling. */
        static const uint8_t at[] = { 6, 8, 16, 24, 56 };
        const bool used[] = { has[want].kind, has[want].member, has[want].view, has[want].first,
                              has[want].id };
        for (size_t i = 0; i < COUNT(at); i++) {
            out.data[at[i]] ^= 1;
            assert_int_equal(wire_pull_parse(out.data, out.len, &back) == OK, used[i]);
            out.data[at[i]] ^= 1;
        }
    }
    buf_release(&out);
}

static void test_pull_values(void **state)
{
    (void)state;
    struct buf out;
    struct wire_pull bad[8], back;
    for (size_t i = 0; i < COUNT(bad); i++)
        bad[i] = pull_of(i < 5 ? WIRE_WANT_CERT : WIRE_WANT_BATCH);
    bad[0].want = 0;
    bad[1].want = 6;
    bad[2].kind = 0;
    bad[3].kind = 4;
    bad[4].view = 0;
    bad[5].member = 0;
    bad[6].first = 0;
    bad[7].chain = (enum chain)9;
    buf_init(&out, WIRE_FRAME_MAX);
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(wire_pull_print(&bad[i], &out), ERR_SYNTAX);
    assert_int_equal(out.len, 0);
    struct wire_pull good = pull_of(WIRE_WANT_CERT);
    assert_int_equal(wire_pull_print(&good, &out), OK);
    static const uint8_t patches[][2] = { { 0, 9 }, { 5, 0 }, { 5, 6 },
                                          { 6, 0 }, { 6, 4 }, { 16, 0 } };
    for (size_t i = 0; i < COUNT(patches); i++) {
        uint8_t bytes[WIRE_PULL_BYTES];
        memcpy(bytes, out.data, sizeof(bytes));
        bytes[patches[i][0]] = patches[i][1];
        assert_int_equal(wire_pull_parse(bytes, sizeof(bytes), &back), ERR_SYNTAX);
    }
    buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cosignature),
        cmocka_unit_test(test_pull),
        cmocka_unit_test(test_pull_values),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
