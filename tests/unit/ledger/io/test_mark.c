/* The high mark: which slot counts, what a torn write leaves, and that a file is never made twice.
 */
#include "server/ledger/io/mark.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 64

static char dir[64];

static struct mark mark_of(uint64_t size)
{
    struct mark m = { .size = size };
    memset(m.root.bytes, (int)(size % 251), HASH_BYTES);
    return m;
}

static int fresh(const char *name)
{
    int fd = -1;
    assert_int_equal(mark_create(name), OK);
    assert_int_equal(mark_open(name, &fd), OK);
    return fd;
}

static void expect_mark(int fd, enum chain chain, uint64_t counter, uint64_t size)
{
    struct mark got, want = mark_of(size);
    assert_int_equal(mark_read(fd, chain, &got), OK);
    assert_int_equal(got.counter, counter);
    assert_int_equal(got.size, size);
    assert_memory_equal(got.root.bytes, want.root.bytes, HASH_BYTES);
}

static void test_new_file(void **state)
{
    (void)state;
    struct stat st;
    struct mark m;
    uint8_t empty[HASH_BYTES];
    int fd = fresh("new");
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_size, 4 * SLOT);
    assert_int_equal(st.st_mode & 0777, 0600);
    sha256("", 0, empty);
    for (enum chain c = CHAIN_ACCOUNT; c <= CHAIN_TX; c++) {
        assert_int_equal(mark_read(fd, c, &m), OK);
        assert_int_equal(m.counter, 2);
        assert_int_equal(m.size, 0);
        assert_memory_equal(m.root.bytes, empty, HASH_BYTES);
    }
    (void)close(fd);
}

static void test_never_overwritten(void **state)
{
    (void)state;
    int fd = fresh("once");
    struct mark m;
    assert_int_equal(mark_read(fd, CHAIN_TX, &m), OK);
    m = (struct mark){ .counter = m.counter, .size = 9 };
    assert_int_equal(mark_write(fd, CHAIN_TX, &m), OK);
    assert_int_equal(mark_create("once"), ERR_IO);
    assert_int_equal(mark_read(fd, CHAIN_TX, &m), OK);
    assert_int_equal(m.size, 9);
    (void)close(fd);
    int none = -7;
    assert_int_equal(mark_open("missing", &none), ERR_NOT_FOUND);
    assert_int_equal(none, -7);
}

/* Two slots in turn, each chain in its own place, the highest counter counts. */
static void test_counters(void **state)
{
    (void)state;
    int fd = fresh("counters");
    for (uint64_t i = 1; i <= 9; i++)
        for (enum chain c = CHAIN_ACCOUNT; c <= CHAIN_TX; c++) {
            struct mark old, m = mark_of(i * 10 + c);
            assert_int_equal(mark_read(fd, c, &old), OK);
            m.counter = old.counter;
            assert_int_equal(mark_write(fd, c, &m), OK);
            assert_int_equal(m.counter, 2 + i);
            expect_mark(fd, c, 2 + i, i * 10 + c);
        }
    expect_mark(fd, CHAIN_ACCOUNT, 11, 91);
    (void)close(fd);
    assert_int_equal(mark_open("counters", &fd), OK);
    expect_mark(fd, CHAIN_TX, 11, 92);
    (void)close(fd);
}

static void flip(int fd, off_t at)
{
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, at), 1);
    byte ^= 0x40;
    assert_int_equal(pwrite(fd, &byte, 1, at), 1);
}

/* Whatever byte of the newest slot a torn write changed, the one before it stands; without both
 * there is no mark at all, rather than a wrong one. */
static void test_torn_slots(void **state)
{
    (void)state;
    int fd = fresh("torn");
    struct mark m = mark_of(5);
    m.counter = 2;
    assert_int_equal(mark_write(fd, CHAIN_TX, &m), OK); /* counter 3: the odd slot */
    const off_t even = 2 * SLOT, odd = 3 * SLOT;
    for (off_t i = 0; i < SLOT; i++) {
        flip(fd, odd + i);
        assert_int_equal(mark_read(fd, CHAIN_TX, &m), OK);
        assert_int_equal(m.counter, 2);
        assert_int_equal(m.size, 0);
        for (off_t k = 0; k < SLOT; k += 13) {
            struct mark untouched = { .counter = 77 };
            flip(fd, even + k);
            assert_int_equal(mark_read(fd, CHAIN_TX, &untouched), ERR_LOG_INCONSISTENT);
            assert_int_equal(untouched.counter, 77);
            flip(fd, even + k);
        }
        assert_int_equal(mark_read(fd, CHAIN_ACCOUNT, &m), OK); /* the other chain is not meant */
        flip(fd, odd + i);
    }
    expect_mark(fd, CHAIN_TX, 3, 5);
    (void)close(fd);
}

/* A slot that lies where another belongs counts as broken: chain and parity are part of it. */
static void test_misplaced_slots(void **state)
{
    (void)state;
    uint8_t slot[SLOT];
    struct mark m = mark_of(6);
    int fd = fresh("misplaced");
    m.counter = 2;
    assert_int_equal(mark_write(fd, CHAIN_ACCOUNT, &m), OK);
    assert_int_equal(pread(fd, slot, SLOT, SLOT), SLOT);
    assert_int_equal(pwrite(fd, slot, SLOT, 0), SLOT); /* odd counter in the even place */
    expect_mark(fd, CHAIN_ACCOUNT, 3, 6);
    assert_int_equal(pwrite(fd, slot, SLOT, 3 * SLOT), SLOT); /* the other chain's slot */
    assert_int_equal(mark_read(fd, CHAIN_TX, &m), OK);
    assert_int_equal(m.size, 0);
    flip(fd, SLOT);
    assert_int_equal(mark_read(fd, CHAIN_ACCOUNT, &m), ERR_LOG_INCONSISTENT);
    assert_int_equal(ftruncate(fd, 2 * SLOT + 10), 0); /* cut off */
    assert_int_equal(mark_read(fd, CHAIN_TX, &m), ERR_LOG_INCONSISTENT);
    (void)close(fd);
}

/* A write that fails leaves the caller's mark alone. */
static void test_failed_write(void **state)
{
    (void)state;
    (void)close(fresh("readonly"));
    int fd = open("readonly", O_RDONLY | O_CLOEXEC);
    struct mark m = mark_of(3);
    m.counter = 2;
    assert_int_equal(mark_write(fd, CHAIN_TX, &m), ERR_IO);
    assert_int_equal(m.counter, 2);
    (void)close(fd);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
    unprivileged_folder(dir, sizeof(dir));
    return 0;
}

static int down(void **state)
{
    (void)state;
    unprivileged_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_file),        cmocka_unit_test(test_never_overwritten),
        cmocka_unit_test(test_counters),        cmocka_unit_test(test_torn_slots),
        cmocka_unit_test(test_misplaced_slots), cmocka_unit_test(test_failed_write),
    };
    return cmocka_run_group_tests_name("mark", tests, up, down);
}
