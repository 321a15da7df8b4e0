/* Frames: what was added comes out again, in order, and anything else stops the reading. */
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Reads to the end; returns how many frames there were. */
static size_t walk(const uint8_t *bytes, size_t len, bool *ret_bad)
{
    size_t offset = 0, n = 0, payload_len = 0;
    uint8_t type = 0;
    const uint8_t *payload = NULL, *copy_end;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, bytes, len);
    copy_end = copy + len;
    while (wire_frame_next(copy, len, &offset, &type, &payload, &payload_len, ret_bad)) {
        assert_false(*ret_bad);
        assert_true(payload + payload_len <= copy_end && payload + payload_len == copy + offset);
        assert_true(type >= WIRE_VOTE && type <= WIRE_FINAL);
        n++;
    }
    assert_true(*ret_bad || offset == len);
    free(copy);
    return n;
}

static void test_frames(void **state)
{
    (void)state;
    struct buf b;
    bool bad = true;
    buf_init(&b, WIRE_POST_MAX);
    assert_int_equal(walk((const uint8_t *)"", 0, &bad), 0);
    assert_false(bad);
    for (uint8_t type = WIRE_VOTE; type <= WIRE_FINAL; type++)
        assert_int_equal(wire_frame_add(type, "payload", type > 7 ? 7 : type, &b), OK);
    static const uint8_t head[] = { 1, 0, 0, 0, 1, 'p', 2, 0, 0, 0, 2, 'p', 'a', 3 };
    assert_memory_equal(b.data, head, sizeof(head));
    assert_int_equal(walk(b.data, b.len, &bad), 9);
    assert_false(bad);

    size_t offset = 0, len = 0;
    uint8_t type = 0;
    const uint8_t *payload = NULL;
    for (uint8_t want = WIRE_VOTE; want <= WIRE_FINAL; want++) {
        assert_true(wire_frame_next(b.data, b.len, &offset, &type, &payload, &len, &bad));
        assert_int_equal(type, want);
        assert_int_equal(len, want > 7 ? 7 : want);
        assert_memory_equal(payload, "payload", len);
    }
    /* Cut anywhere but between two frames, the rest is no frame. */
    size_t ends[10] = { 0 }, n = 0;
    offset = 0;
    while (wire_frame_next(b.data, b.len, &offset, &type, &payload, &len, &bad))
        ends[++n] = offset;
    for (size_t cut = 0, whole = 0; cut < b.len; cut++) {
        if (cut == ends[whole + 1])
            whole++;
        assert_int_equal(walk(b.data, cut, &bad), whole);
        assert_int_equal(bad, cut != ends[whole]);
    }
    buf_release(&b);
}

static void test_refusals(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, WIRE_POST_MAX);
    uint8_t *big = calloc(1, WIRE_FRAME_MAX);
    assert_non_null(big);
    assert_int_equal(wire_frame_add(0, "x", 1, &b), ERR_SYNTAX);
    assert_int_equal(wire_frame_add(WIRE_FINAL + 1, "x", 1, &b), ERR_SYNTAX);
    assert_int_equal(wire_frame_add(WIRE_VOTE, "", 0, &b), ERR_SYNTAX);
    assert_int_equal(wire_frame_add(WIRE_VOTE, big, WIRE_FRAME_MAX - 4, &b), ERR_LIMIT);
    assert_int_equal(b.len, 0);
    assert_int_equal(wire_frame_add(WIRE_BLOCK, big, WIRE_FRAME_MAX - 5, &b), OK);
    assert_int_equal(b.len, WIRE_FRAME_MAX);
    bool bad = false;
    assert_int_equal(walk(b.data, b.len, &bad), 1);
    assert_false(bad);
    /* One byte more than a frame may have, and all of it there. */
    assert_int_equal(buf_add(&b, "x", 1), OK);
    b.data[4]++;
    assert_int_equal(walk(b.data, b.len, &bad), 0);
    assert_true(bad);
    static const uint8_t cases[][8] = { { 0, 0, 0, 0, 1, 'x' },
                                        { 10, 0, 0, 0, 1, 'x' },
                                        { 255, 0, 0, 0, 1, 'x' },
                                        { 1, 0, 0, 0, 0, 1 },
                                        { 1, 0xff, 0xff, 0xff, 0xff, 'x' } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bad = false;
        assert_int_equal(walk(cases[i], 6, &bad), 0);
        assert_true(bad);
    }
    struct buf small;
    buf_init(&small, 5);
    assert_int_equal(wire_frame_add(WIRE_VOTE, "x", 1, &small), ERR_LIMIT);
    assert_int_equal(small.len, 0);
    buf_release(&b);
    buf_release(&small);
    free(big);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_refusals),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
