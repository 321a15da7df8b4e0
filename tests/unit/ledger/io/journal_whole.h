/* A journal of which it is known where each record lies, to be damaged in a copy. */
#ifndef CAIRN_TESTS_JOURNAL_WHOLE_H
#define CAIRN_TESTS_JOURNAL_WHOLE_H

#include "server/base/log.h"
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/io/journal_sample.h"

#include <sys/stat.h>

#define SEGMENT 8192u
#define FILES 4 /* three with records, one prepared */
#define RECORDS_MAX 200

struct place {
    size_t segment, offset, span, sync;
};

static struct {
    uint8_t bytes[FILES][SEGMENT];
    struct place at[RECORDS_MAX + 1]; /* of record i; [n + 1] is where the next would go */
    size_t n, last_sync, last_first;  /* first record of the last sync */
    struct journal_identity identity;
} whole;

/* Syncs of one to four records until the third segment is more than half full and a fourth one is
 * there; the last has five. Where each record lies is reckoned here, from the rule alone. */
static inline void make_whole(void)
{
    struct journal *j = sample_journal("whole", SEGMENT);
    size_t segment = 0, offset = JOURNAL_UNIT;
    for (size_t sync = 0; whole.last_sync == 0; sync++) {
        bool last = segment == 2 && offset > SEGMENT / 2;
        whole.last_sync = last ? sync : 0;
        whole.last_first = whole.n + 1;
        for (size_t i = 0; i < (last ? 5 : 1 + sync % 4); i++) {
            uint8_t body[1024];
            struct journal_record r = sample_record(++whole.n, body);
            size_t span = journal_span(r.body_len);
            if (offset + span > SEGMENT) {
                segment++;
                offset = JOURNAL_UNIT;
            }
            whole.at[whole.n] = (struct place){ segment, offset, span, sync };
            offset += span;
            journal_add(j, &r);
        }
        journal_sync(j);
    }
    whole.at[whole.n + 1] =
        (struct place){ segment, offset, SEGMENT - offset, whole.last_sync + 1 };
    whole.identity = j->identity;
    assert_int_equal(whole.at[whole.last_first].segment, 2);
    assert_int_equal(segment, 2);
    assert_int_equal(j->n, FILES);
    assert_int_equal(j->offset, offset);
    journal_close(j);
    for (size_t s = 0; s < FILES; s++) {
        int fd = sample_segment("whole", s + 1);
        assert_int_equal(pread(fd, whole.bytes[s], SEGMENT, 0), SEGMENT);
        (void)close(fd);
    }
}

static inline void put(size_t segment, const void *bytes, size_t len, size_t at)
{
    int fd = sample_segment("case", segment + 1);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, len, (off_t)at), len);
    (void)close(fd);
}

/* "case" becomes a true copy again. */
static inline void restore(void)
{
    char path[64], name[JOURNAL_NAME_MAX];
    (void)mkdir("case", 0700);
    for (size_t s = 0; s < FILES + 1; s++) {
        journal_segment_name(s + 1, name);
        (void)snprintf(path, sizeof(path), "case/%s", name);
        int fd = s < FILES ? open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
        if (s == FILES)
            (void)unlink(path);
        else
            assert_int_equal(pwrite(fd, whole.bytes[s], SEGMENT, 0), SEGMENT);
        (void)close(fd);
    }
}

static inline void expect_refused(const char *what, size_t segment, size_t at)
{
    struct journal *j = NULL;
    struct sample_count c = { .first = 0 };
    enum err e = journal_open("case", sample_genesis, 0, sample_expect, &c, &j);
    if (e != ERR_LOG_INCONSISTENT)
        fail_msg("%s, segment %zu, offset %zu: %s, %u records", what, segment + 1, at, err_code(e),
                 (unsigned)c.n);
}

/* Opens with exactly n records, is behind a higher mark, takes more in their place, and opens again
 * with these and nothing else. */
static inline void expect_records(uint64_t n)
{
    struct journal *j = NULL;
    uint64_t got = 0;
    assert_int_equal(sample_open("case", n + 1, &got, &j), ERR_DB_OLD);
    assert_int_equal(sample_open("case", n, &got, &j), OK);
    assert_int_equal(got, n);
    assert_int_equal(journal_seq(j), n);
    sample_add(j, n + 1);
    sample_add(j, n + 2);
    journal_sync(j);
    journal_close(j);
    assert_int_equal(sample_open("case", n + 2, &got, &j), OK);
    assert_int_equal(got, n + 2);
    journal_close(j);
}

/* The record that the byte belongs to; n + 1 where the next may go, behind the last one or, if it
 * is too long for that, in the prepared segment; 0: none. */
static inline size_t record_at(size_t segment, size_t offset)
{
    if (segment == FILES - 1 && offset >= JOURNAL_UNIT)
        return whole.n + 1;
    for (size_t i = 1; i <= whole.n + 1; i++) {
        const struct place *p = &whole.at[i];
        if (p->segment == segment && offset >= p->offset && offset < p->offset + p->span)
            return i;
    }
    return 0;
}

static inline enum err count(void *arg, const struct journal_record *r)
{
    (void)r;
    ++*(uint64_t *)arg;
    return OK;
}

/* Thousands of openings, each with its syncs: in memory where there is a file system of it. Starts
 * with a whole journal. */
static inline void whole_up(char dir[64])
{
    crypto_setup();
    unprivileged_become();
    memcpy(dir, "/dev/shm/cairn-test-XXXXXX", 27);
    if (mkdtemp(dir) == NULL || chdir(dir) != 0)
        unprivileged_folder(dir, 64);
    log_set_level((enum log_level)(LOG_ERROR + 1)); /* thousands of refusals */
    make_whole();
}

#endif
