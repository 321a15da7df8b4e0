/* Lines of witnesses elsewhere go behind the checkpoint that they are for, and behind no other. */
#include "server/ledger/io/outside.h"

#include "server/ledger/log/note.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void append(struct outside *o, enum chain chain, uint64_t size, const char *want)
{
    struct buf note;
    buf_init(&note, CHECKPOINT_MAX);
    assert_int_equal(buf_add_str(&note, "note\n"), OK);
    assert_int_equal(outside_append(o, chain, size, &note), OK);
    assert_string_equal(buf_str(&note), want);
    buf_release(&note);
}

static void test_of_this_size(void **state)
{
    (void)state;
    struct outside *o = NULL;
    append(NULL, CHAIN_TX, 5, "note\n");
    assert_int_equal(outside_new(&o), OK);
    append(o, CHAIN_TX, 0, "note\n");
    assert_int_equal(outside_set(o, CHAIN_TX, 5, "a\nb\n"), OK);
    append(o, CHAIN_TX, 5, "note\na\nb\n");
    append(o, CHAIN_TX, 4, "note\n");
    append(o, CHAIN_TX, 6, "note\n");
    append(o, CHAIN_ACCOUNT, 5, "note\n");
    assert_int_equal(outside_set(o, CHAIN_ACCOUNT, 6, "c\n"), OK);
    assert_int_equal(outside_set(o, CHAIN_TX, 6, ""), OK);
    append(o, CHAIN_ACCOUNT, 6, "note\nc\n");
    append(o, CHAIN_TX, 6, "note\n");
    append(o, CHAIN_TX, 5, "note\n");
    outside_free(o);
}

/* A checkpoint that would be too long goes out without them. */
static void test_bound(void **state)
{
    (void)state;
    static char text[CHECKPOINT_MAX + 2];
    struct outside *o = NULL;
    struct buf note;
    assert_int_equal(outside_new(&o), OK);
    memset(text, 'x', sizeof(text) - 1);
    assert_int_equal(outside_set(o, CHAIN_TX, 5, text), ERR_LIMIT);
    append(o, CHAIN_TX, 5, "note\n");
    assert_int_equal(outside_set(o, CHAIN_TX, 5, "1234567\n"), OK);
    for (size_t over = 0; over < 2; over++) {
        buf_init(&note, 2 * CHECKPOINT_MAX);
        assert_int_equal(buf_add(&note, text, CHECKPOINT_MAX - 8 + over), OK);
        assert_int_equal(outside_append(o, CHAIN_TX, 5, &note), OK);
        assert_int_equal(note.len, over == 0 ? CHECKPOINT_MAX : CHECKPOINT_MAX - 7);
        buf_release(&note);
    }
    outside_free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_this_size),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests_name("outside", tests, NULL, NULL);
}
