/* The journal: what was synced comes back, in order and byte for byte; who may open it; what
 * happens when the disk fails, is full or is needed for longer. Damage is in test_journal_damage.c,
 * power cuts are in test_journal_cut.c. */
#include "server/base/log.h"
#include "server/base/text.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/io/journal_sample.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char dir[64];

static enum err expect_none(void *arg, const struct journal_record *r)
{
    (void)arg;
    fail_msg("record of kind %d in an empty journal", r->kind);
    return OK;
}

static mode_t mode_of(const char *path, off_t size)
{
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    if (size > 0)
        assert_int_equal(st.st_size, size);
    return st.st_mode & 0777;
}

static void test_new(void **state)
{
    (void)state;
    struct journal *j = NULL;
    assert_int_equal(journal_open("new", sample_genesis, 0, expect_none, NULL, &j), ERR_NOT_FOUND);
    assert_int_equal(mkdir("new", 0700), 0);
    assert_int_equal(journal_open("new", sample_genesis, 0, expect_none, NULL, &j), ERR_NOT_FOUND);
    assert_null(j);
    assert_int_equal(journal_create("new", sample_genesis), OK);
    assert_int_equal(mode_of("new", 0), 0700);
    assert_int_equal(mode_of("new/0000000000000001.seg", JOURNAL_SEGMENT_BYTES), 0600);
    assert_int_equal(journal_open("new", sample_genesis, 0, expect_none, NULL, &j), OK);
    assert_int_equal(journal_seq(j), 0);
    assert_false(journal_pending(j));
    journal_sync(j);
    assert_int_equal(journal_seq(j), 0);
    journal_close(j);
}

/* Never made twice, never opened twice. */
static void test_one_owner(void **state)
{
    (void)state;
    struct journal *j = sample_journal("owner", JOURNAL_SEGMENT_MIN), *other = NULL;
    assert_int_equal(journal_create("owner", sample_genesis), ERR_BUSY);
    assert_int_equal(journal_open("owner", sample_genesis, 0, expect_none, NULL, &other), ERR_BUSY);
    assert_null(other);
    sample_add(j, 1);
    journal_sync(j);
    journal_close(j);
    assert_int_equal(journal_create("owner", sample_genesis), ERR_STATE);
    uint64_t n = 0;
    assert_int_equal(sample_open("owner", 1, &n, &j), OK);
    assert_int_equal(n, 1);
    journal_close(j);
}

static void test_round_trip(void **state)
{
    (void)state;
    struct journal *j = sample_journal("trip", 8192);
    struct journal_counters counters;
    uint64_t n = 0, added = 0;
    for (uint64_t burst = 0; burst < 40; burst++) {
        for (uint64_t i = 0; i < burst % 5; i++) {
            sample_add(j, ++added);
            assert_true(journal_pending(j));
        }
        journal_sync(j);
        assert_false(journal_pending(j));
        assert_int_equal(journal_seq(j), added);
    }
    journal_counters(j, &counters);
    assert_int_equal(counters.records, added);
    assert_true(counters.segments > 2);
    assert_in_range(counters.syncs, 32, 32 + counters.segments);
    sample_add(j, 4711); /* queued only: gone */
    journal_close(j);
    for (uint64_t again = 0; again < 3; again++) { /* goes on where it ended */
        assert_int_equal(sample_open("trip", added, &n, &j), OK);
        assert_int_equal(n, added);
        assert_int_equal(journal_seq(j), added);
        sample_add(j, ++added);
        journal_sync(j);
        journal_close(j);
    }
}

static enum err stop_at_third(void *arg, const struct journal_record *r)
{
    uint64_t *n = arg;
    assert_int_equal(r->view, *n + 1);
    return ++*n == 3 ? ERR_TIMEOUT : OK;
}

static void test_reader_stops(void **state)
{
    (void)state;
    struct journal *j = sample_journal("stop", JOURNAL_SEGMENT_MIN);
    for (uint64_t i = 1; i <= 5; i++)
        sample_add(j, i);
    journal_sync(j);
    journal_close(j);
    uint64_t n = 0;
    j = NULL;
    assert_int_equal(journal_open("stop", sample_genesis, 0, stop_at_third, &n, &j), ERR_TIMEOUT);
    assert_int_equal(n, 3);
    assert_null(j);
}

static void test_high_mark_and_genesis(void **state)
{
    (void)state;
    static const uint8_t other[HASH_BYTES] = { 1 };
    struct journal *j = sample_journal("mark", JOURNAL_SEGMENT_MIN);
    for (uint64_t i = 1; i <= 4; i++)
        sample_add(j, i);
    journal_sync(j);
    journal_close(j);
    uint64_t n = 0;
    j = NULL;
    assert_int_equal(sample_open("mark", 5, &n, &j), ERR_DB_OLD);
    assert_int_equal(sample_open("mark", UINT64_MAX, &n, &j), ERR_DB_OLD);
    assert_int_equal(journal_open("mark", other, 0, expect_none, NULL, &j), ERR_LOG_INCONSISTENT);
    assert_null(j);
    assert_int_equal(sample_open("mark", 4, &n, &j), OK);
    journal_close(j);
}

static enum err count_bodies(void *arg, const struct journal_record *r)
{
    uint64_t *n = arg;
    ++*n;
    assert_int_equal(r->view, *n);
    assert_int_equal(r->body_len, JOURNAL_BODY_MAX);
    assert_int_equal(r->body[0], *n);
    assert_int_equal(r->body[JOURNAL_BODY_MAX - 1], *n);
    return OK;
}

/* The largest bodies: three to a segment, and more than 32 MiB of them are not held in memory. */
static void test_large_bodies(void **state)
{
    (void)state;
    struct journal *j = NULL;
    struct journal_counters counters;
    uint64_t n = 0;
    uint8_t *body = malloc(JOURNAL_BODY_MAX);
    assert_non_null(body);
    assert_int_equal(journal_create("large", sample_genesis), OK);
    assert_int_equal(journal_open("large", sample_genesis, 0, expect_none, NULL, &j), OK);
    for (uint64_t i = 1; i <= 17; i++) {
        struct journal_record r = {
            .kind = JOURNAL_BATCH, .chain = 2, .view = i, .body = body, .body_len = JOURNAL_BODY_MAX
        };
        memset(body, (int)i, JOURNAL_BODY_MAX);
        r.id[0] = (uint8_t)i;
        journal_add(j, &r);
        assert_int_equal(journal_seq(j), i <= 15 ? 0 : 15);
    }
    journal_sync(j);
    journal_counters(j, &counters);
    assert_int_equal(counters.segments, 7); /* six, and one prepared */
    assert_int_equal(counters.syncs, 6);
    journal_close(j);
    free(body);
    assert_int_equal(journal_open("large", sample_genesis, 17, count_bodies, &n, &j), OK);
    assert_int_equal(n, 17);
    journal_close(j);
}

/* ---- failures of the disk -------------------------------------------------------------------- */

/* The descriptor of the segment that is written to. */
static int segment_fd(void)
{
    DIR *d = opendir("/proc/self/fd");
    int found = -1;
    assert_non_null(d);
    for (const struct dirent *one; (one = readdir(d)) != NULL;) {
        char target[256];
        ssize_t len = readlinkat(dirfd(d), one->d_name, target, sizeof(target) - 1);
        uint64_t fd;
        if (len > 4 && memcmp(target + len - 4, ".seg", 4) == 0 &&
            u64_parse(one->d_name, strlen(one->d_name), &fd))
            found = (int)fd;
    }
    (void)closedir(d);
    return found;
}

/* What the process dies of when fault was done to it and one record is synced: 0 if it lives. */
static int death_after(void (*fault)(void), const char *name)
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct journal *j = sample_journal(name, JOURNAL_SEGMENT_MIN);
        const struct rlimit no_core = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &no_core);
        fault();
        sample_add(j, 1);
        journal_sync(j);
        journal_close(j);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
}

static void no_fault(void)
{
}

static void replace_segment(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0 || dup2(fd, segment_fd()) < 0)
        _exit(99);
}

static void limit_files(rlim_t bytes)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void write_fails(void) /* EFBIG; a sync would succeed */
{
    (void)signal(SIGXFSZ, SIG_IGN);
    limit_files(JOURNAL_UNIT);
}

static void sync_fails(void) /* the write succeeds, the sync is EINVAL */
{
    replace_segment("/dev/null", O_RDWR);
}

static void test_failed_write_or_sync_ends_the_process(void **state)
{
    (void)state;
    assert_int_equal(death_after(no_fault, "alive"), 0);
    assert_int_equal(death_after(write_fails, "nowrite"), SIGABRT);
    assert_int_equal(death_after(sync_fails, "nosync"), SIGABRT);
}

static uint64_t vote_until(struct journal *j, uint64_t n, size_t offset)
{
    while (j->offset + JOURNAL_UNIT <= offset) {
        const struct journal_record r = { .kind = CORE_REC_N, .chain = 1, .epoch = 7, .view = ++n };
        journal_add(j, &r);
        journal_sync(j);
    }
    return n;
}

/* The limit on file sizes is a disk without room for another segment. It is said early, goes away
 * with its cause, and ends the process when nothing is left. */
static void test_no_room(void **state)
{
    (void)state;
    const size_t size = 16384;
    struct journal *j = sample_journal("room", 16384);
    struct journal_counters counters;
    void (*before)(int) = signal(SIGXFSZ, SIG_IGN);
    limit_files(size * 3 / 4);
    uint64_t n = vote_until(j, 0, size / 2 - JOURNAL_UNIT);
    assert_false(journal_space_low(j));
    n = vote_until(j, n, size * 3 / 4);
    assert_true(journal_space_low(j));
    journal_counters(j, &counters);
    assert_int_equal(counters.segments, 1);
    limit_files(RLIM_INFINITY);
    n = vote_until(j, n, size * 3 / 4 + size / 8);
    assert_false(journal_space_low(j));
    journal_counters(j, &counters);
    assert_int_equal(counters.segments, 2);
    n = vote_until(j, n, size);
    n = vote_until(j, n, size + 1 - JOURNAL_UNIT); /* nothing: it is full */
    const struct journal_record r = { .kind = CORE_REC_S, .chain = 1, .epoch = 7, .view = ++n };
    journal_add(j, &r);
    journal_sync(j);
    assert_int_equal(journal_seq(j), n);
    assert_int_equal(j->segments[j->current].number, 2);
    journal_close(j);
    (void)signal(SIGXFSZ, before);
}

static void test_no_room_at_all(void **state)
{
    static const uint8_t zeros[16384 / 2];
    (void)state;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        struct journal *j = sample_journal("full", 16384);
        const struct rlimit no_core = { 0, 0 };
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGXFSZ, SIG_IGN);
        limit_files(16384 * 3 / 4);
        (void)vote_until(j, 0, 16384 / 2);
        if (!journal_space_low(j))
            _exit(98);
        const struct journal_record r = {
            .kind = JOURNAL_BATCH, .chain = 1, .body = zeros, .body_len = sizeof(zeros)
        };
        journal_add(j, &r); /* does not fit any more */
        journal_sync(j);
        _exit(99);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
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
        cmocka_unit_test(test_new),
        cmocka_unit_test(test_one_owner),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_reader_stops),
        cmocka_unit_test(test_high_mark_and_genesis),
        cmocka_unit_test(test_large_bodies),
        cmocka_unit_test(test_failed_write_or_sync_ends_the_process),
        cmocka_unit_test(test_no_room),
        cmocka_unit_test(test_no_room_at_all),
    };
    return cmocka_run_group_tests_name("journal", tests, up, down);
}
