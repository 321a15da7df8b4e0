/* Salt keys: slots are independent, durable once, and a destroyed one takes only its own salts
 * along. */
#include "server/ledger/io/subjects.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define SLOT 64

static char dir[64];

static struct subjects *opened(const char *name)
{
    struct subjects *s = NULL;
    assert_int_equal(subjects_open(name, &s), OK);
    return s;
}

static void salt(struct subjects *s, int64_t slot, enum chain chain, uint64_t sequence,
                 uint8_t ret[SALT_BYTES])
{
    assert_int_equal(subjects_salt(s, slot, chain, sequence, ret), OK);
}

/* The derivation of the header, computed here from the file's bytes. */
static void test_salt_is_the_one_specified(void **state)
{
    (void)state;
    struct subjects *s = opened("spec");
    uint8_t slot[SLOT], check[HASH_BYTES], got[SALT_BYTES], want[SALT_BYTES];
    uint8_t message[22] = "cairn/v1/salt";
    assert_int_equal(subjects_create(s, 3), OK);
    int fd = open("spec", O_RDONLY | O_CLOEXEC);
    assert_int_equal(pread(fd, slot, SLOT, 3 * SLOT), SLOT);
    (void)close(fd);
    assert_memory_equal(slot, "CKEY\0\0\0\0\0\0\0\3", 12);
    sha256(slot, 44, check);
    assert_memory_equal(slot + 44, check, 20);
    message[13] = CHAIN_TX;
    message[20] = 0x01;
    message[21] = 0x02;
    hmac_sha256(slot + 12, 32, message, sizeof(message), want);
    salt(s, 3, CHAIN_TX, 0x0102, got);
    assert_memory_equal(got, want, SALT_BYTES);
    subjects_close(s);
}

static void test_salts_differ(void **state)
{
    (void)state;
    struct subjects *s = opened("differ");
    uint8_t all[3 * 2 * 4][SALT_BYTES];
    size_t n = 0;
    for (int64_t slot = 0; slot < 3; slot++) {
        assert_int_equal(subjects_create(s, slot), OK);
        for (enum chain c = CHAIN_ACCOUNT; c <= CHAIN_TX; c++)
            for (uint64_t sequence = 1; sequence <= 1u << 24; sequence <<= 8)
                salt(s, slot, c, sequence, all[n++]);
    }
    assert_int_equal(n, COUNT(all));
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(all[i], all[k], SALT_BYTES);
    subjects_close(s);
}

static void test_existing_key_stays(void **state)
{
    (void)state;
    uint8_t before[SALT_BYTES], after[SALT_BYTES];
    struct stat st;
    struct subjects *s = opened("stay");
    assert_int_equal(subjects_create(s, 1), OK);
    salt(s, 1, CHAIN_TX, 1, before);
    assert_int_equal(subjects_create(s, 1), OK);
    salt(s, 1, CHAIN_TX, 1, after);
    assert_memory_equal(before, after, SALT_BYTES);
    subjects_close(s);
    assert_int_equal(stat("stay", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    s = opened("stay");
    salt(s, 1, CHAIN_TX, 1, after);
    assert_memory_equal(before, after, SALT_BYTES);
    subjects_close(s);
}

static void test_absent_slots(void **state)
{
    (void)state;
    uint8_t ret[SALT_BYTES] = { 0 }, zero[SALT_BYTES] = { 0 };
    struct subjects *s = opened("absent");
    assert_int_equal(subjects_create(s, 9), OK);
    assert_int_equal(subjects_salt(s, 4, CHAIN_TX, 1, ret), ERR_NOT_FOUND);    /* a hole */
    assert_int_equal(subjects_salt(s, 5000, CHAIN_TX, 1, ret), ERR_NOT_FOUND); /* behind the end */
    assert_int_equal(subjects_salt(s, -1, CHAIN_TX, 1, ret), ERR_NOT_FOUND);
    assert_int_equal(subjects_create(s, -1), ERR_INTERNAL);
    assert_memory_equal(ret, zero, SALT_BYTES);
    subjects_close(s);
}

/* Destroying is overwriting with zeroes: the others keep their salts. */
static void test_destroyed_slot(void **state)
{
    (void)state;
    static const uint8_t zero[SLOT];
    uint8_t before[2][SALT_BYTES], after[SALT_BYTES];
    struct subjects *s = opened("destroyed");
    for (int64_t slot = 1; slot <= 3; slot++)
        assert_int_equal(subjects_create(s, slot), OK);
    salt(s, 1, CHAIN_ACCOUNT, 7, before[0]);
    salt(s, 3, CHAIN_ACCOUNT, 7, before[1]);
    int fd = open("destroyed", O_RDWR | O_CLOEXEC);
    assert_int_equal(pwrite(fd, zero, SLOT, 2 * SLOT), SLOT);
    (void)close(fd);
    assert_int_equal(subjects_salt(s, 2, CHAIN_ACCOUNT, 7, after), ERR_NOT_FOUND);
    salt(s, 1, CHAIN_ACCOUNT, 7, after);
    assert_memory_equal(before[0], after, SALT_BYTES);
    salt(s, 3, CHAIN_ACCOUNT, 7, after);
    assert_memory_equal(before[1], after, SALT_BYTES);
    subjects_close(s);
}

/* Whatever byte was torn, the slot gives no salt and is made anew; its neighbours do not notice. */
static void test_torn_slot(void **state)
{
    (void)state;
    uint8_t first[SALT_BYTES], neighbour[SALT_BYTES], got[SALT_BYTES];
    struct subjects *s = opened("torn");
    assert_int_equal(subjects_create(s, 1), OK);
    assert_int_equal(subjects_create(s, 2), OK);
    salt(s, 2, CHAIN_TX, 1, neighbour);
    int fd = open("torn", O_RDWR | O_CLOEXEC);
    for (off_t i = 0; i < SLOT; i++) {
        uint8_t byte;
        salt(s, 1, CHAIN_TX, 1, first);
        assert_int_equal(pread(fd, &byte, 1, SLOT + i), 1);
        byte ^= 1;
        assert_int_equal(pwrite(fd, &byte, 1, SLOT + i), 1);
        assert_int_equal(subjects_salt(s, 1, CHAIN_TX, 1, got), ERR_SYNTAX);
        assert_int_equal(subjects_create(s, 1), OK);
        salt(s, 1, CHAIN_TX, 1, got);
        assert_memory_not_equal(got, first, SALT_BYTES);
        salt(s, 2, CHAIN_TX, 1, got);
        assert_memory_equal(got, neighbour, SALT_BYTES);
    }
    (void)close(fd);
    subjects_close(s);
}

#define RACED 800

struct maker {
    struct subjects *s;
    pthread_barrier_t *start;
    uint8_t salts[RACED][SALT_BYTES];
};

/* All at the same slot at once; what each then reads must be what stays. */
static void *make_all(void *arg)
{
    struct maker *m = arg;
    void *failed = NULL;
    for (int64_t i = 1; i <= RACED; i++) {
        (void)pthread_barrier_wait(m->start);
        if (subjects_create(m->s, i) != OK ||
            subjects_salt(m->s, i, CHAIN_TX, 1, m->salts[i - 1]) != OK)
            failed = m;
    }
    return failed;
}

/* Four handles, as of four processes, race for the same slots and end with the same keys. */
static void test_handles_agree(void **state)
{
    (void)state;
    static struct maker makers[4];
    pthread_t threads[4];
    pthread_barrier_t start;
    void *failed = NULL;
    (void)pthread_barrier_init(&start, NULL, 4);
    for (size_t i = 0; i < 4; i++) {
        makers[i].s = opened("shared");
        makers[i].start = &start;
    }
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, make_all, &makers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    (void)pthread_barrier_destroy(&start);
    for (size_t i = 0; i < 4; i++) {
        assert_memory_equal(makers[0].salts, makers[i].salts, sizeof(makers[0].salts));
        subjects_close(makers[i].s);
    }
}

static void *create_one(void *arg)
{
    return subjects_create(arg, 1) == OK ? NULL : arg;
}

/* While another process makes a slot, this one waits, and then keeps what it finds. */
static void test_waits_for_its_turn(void **state)
{
    (void)state;
    struct subjects *s = opened("turn");
    uint8_t slot[SLOT], got[SLOT];
    pthread_t thread;
    void *failed = NULL;
    int fd = open("turn", O_RDWR | O_CLOEXEC);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(pthread_create(&thread, NULL, create_one, s), 0);
    (void)poll(NULL, 0, 60); /* nothing may happen, so there is nothing to wait for */
    assert_int_equal(pread(fd, slot, SLOT, SLOT), 0);
    memcpy(slot, "CKEY\0\0\0\0\0\0\0\1", 12);
    memset(slot + 12, 0x44, 32);
    sha256(slot, 44, got);
    memcpy(slot + 44, got, 20);
    assert_int_equal(pwrite(fd, slot, SLOT, SLOT), SLOT);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_int_equal(pthread_join(thread, &failed), 0);
    assert_null(failed);
    assert_int_equal(pread(fd, got, SLOT, SLOT), SLOT);
    assert_memory_equal(got, slot, SLOT);
    (void)close(fd);
    subjects_close(s);
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
        cmocka_unit_test(test_salt_is_the_one_specified),
        cmocka_unit_test(test_salts_differ),
        cmocka_unit_test(test_existing_key_stays),
        cmocka_unit_test(test_absent_slots),
        cmocka_unit_test(test_destroyed_slot),
        cmocka_unit_test(test_torn_slot),
        cmocka_unit_test(test_handles_agree),
        cmocka_unit_test(test_waits_for_its_turn),
    };
    return cmocka_run_group_tests_name("subjects", tests, up, down);
}
