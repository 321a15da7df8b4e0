/* CRC-32C against the vectors of RFC 3720 B.4 and the usual check value; with and without the
 * processor's instruction, at every length and alignment. */
#include "server/base/crc32c.h"
#include "tests/lib/prop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <string.h>

static void expect(const void *bytes, size_t len, uint32_t want)
{
    assert_int_equal(crc32c(bytes, len), want);
    assert_int_equal(crc32c_portable(bytes, len), want);
}

/* The appendix prints the checksum as it is sent, lowest byte first. */
static void test_rfc3720(void **state)
{
    (void)state;
    uint8_t zeros[32] = { 0 }, ones[32], up[32], down[32];
    static const uint8_t read_command[48] = {
        0x01, 0xc0, 0, 0,    0, 0, 0, 0,    0,    0, 0, 0, 0, 0, 0, 0, 0x14, 0, 0, 0, 0, 0, 4, 0,
        0,    0,    0, 0x14, 0, 0, 0, 0x18, 0x28, 0, 0, 0, 0, 0, 0, 0, 2,    0, 0, 0, 0, 0, 0, 0,
    };
    memset(ones, 0xff, sizeof(ones));
    for (size_t i = 0; i < 32; i++) {
        up[i] = (uint8_t)i;
        down[i] = (uint8_t)(31 - i);
    }
    expect(zeros, 32, 0x8a9136aa);
    expect(ones, 32, 0x62a8ab43);
    expect(up, 32, 0x46dd794e);
    expect(down, 32, 0x113fdb5c);
    expect(read_command, 48, 0xd9963a56);
    expect("123456789", 9, 0xe3069283);
    expect("", 0, 0);
}

static void test_both_agree(void **state)
{
    (void)state;
    struct prop p = { .state = 11 };
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)prop_next(&p);
    for (size_t from = 0; from < 9; from++)
        for (size_t len = 0; from + len <= sizeof(bytes); len++)
            assert_int_equal(crc32c(bytes + from, len), crc32c_portable(bytes + from, len));
}

/* What a checksum is for: no single flipped bit, and no burst of up to 32 bits, goes unseen. */
static void test_flips(void **state)
{
    (void)state;
    struct prop p = { .state = 12 };
    uint8_t bytes[128];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)prop_next(&p);
    uint32_t whole = crc32c(bytes, sizeof(bytes));
    for (size_t bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_not_equal(crc32c(bytes, sizeof(bytes)), whole);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t at = 0; at + 4 <= sizeof(bytes); at++) {
        uint8_t was[4];
        memcpy(was, bytes + at, 4);
        memset(bytes + at, 0, 4);
        assert_int_not_equal(crc32c(bytes, sizeof(bytes)), whole);
        memcpy(bytes + at, was, 4);
    }
    assert_int_equal(crc32c(bytes, sizeof(bytes)), whole);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc3720),
        cmocka_unit_test(test_both_agree),
        cmocka_unit_test(test_flips),
    };
    return cmocka_run_group_tests_name("crc32c", tests, NULL, NULL);
}
