/* A damaged journal: every flipped bit, lost sector, cut, missing or exchanged piece is either in
 * the tail of the last sync, which is dropped from there on, or the journal is refused. Never is a
 * record of an earlier sync lost, nor one taken that was not written. */
#include "tests/unit/ledger/io/journal_whole.h"

static char dir[64];

static void test_undamaged(void **state)
{
    (void)state;
    for (size_t i = 1; i <= whole.n; i++) { /* the layout says zero behind a body */
        uint8_t body[1024];
        const struct place *p = &whole.at[i];
        size_t used = JOURNAL_UNIT + sample_record(i, body).body_len;
        assert_true(journal_all_zero(whole.bytes[p->segment] + p->offset + used, p->span - used));
    }
    restore();
    expect_records(whole.n);
}

/* One bit of every byte of every file: heads, records, bodies, padding, and what was never used. */
static void test_every_flip(void **state)
{
    (void)state;
    size_t refused = 0, dropped = 0;
    restore();
    for (size_t s = 0; s < FILES; s++)
        for (size_t at = 0; at < SEGMENT; at++) {
            size_t record = record_at(s, at);
            uint8_t byte = (uint8_t)(whole.bytes[s][at] ^ 1u << (at * 5 + s) % 8);
            put(s, &byte, 1, at);
            if (record >= whole.last_first) {
                expect_records(record - 1);
                restore();
                dropped++;
            } else {
                expect_refused("flip", s, at);
                put(s, &whole.bytes[s][at], 1, at);
                refused++;
            }
        }
    printf("%zu flips refused, %zu in the tail\n", refused, dropped);
    assert_true(refused > 20000 && dropped > 1000);
}

/* Single records that are gone as a whole, and sectors that are. */
static void test_lost_pieces(void **state)
{
    (void)state;
    static const uint8_t zeros[SEGMENT];
    for (size_t i = 1; i <= whole.n; i++) {
        const struct place *p = &whole.at[i];
        restore();
        put(p->segment, zeros, p->span, p->offset);
        if (i >= whole.last_first)
            expect_records(i - 1);
        else
            expect_refused("lost record", p->segment, p->offset);
    }
    for (size_t s = 0; s < 3; s++)
        for (size_t at = 0; at < SEGMENT; at += 512) {
            bool used = !journal_all_zero(whole.bytes[s] + at, 512);
            size_t first = record_at(s, at == 0 ? JOURNAL_UNIT : at);
            restore();
            put(s, zeros, 512, at);
            if (!used)
                expect_records(whole.n);
            else if (at > 0 && first >= whole.last_first)
                expect_records(first - 1);
            else
                expect_refused("lost sector", s, at);
        }
}

/* Everything from a record on is gone, as if it had never been written. Nothing in the files can
 * tell that; the high mark does (expect_records). */
static void test_lost_rest(void **state)
{
    (void)state;
    static const uint8_t zeros[SEGMENT];
    for (size_t i = 1; i <= whole.n; i++) {
        const struct place *p = &whole.at[i];
        restore();
        put(p->segment, zeros, SEGMENT - p->offset, p->offset);
        for (size_t s = p->segment + 1; s < 3; s++)
            put(s, zeros, SEGMENT - JOURNAL_UNIT, JOURNAL_UNIT);
        expect_records(i - 1);
    }
}

static void test_cut_and_missing_files(void **state)
{
    (void)state;
    char path[64], name[JOURNAL_NAME_MAX];
    for (size_t s = 0; s < FILES; s++) {
        journal_segment_name(s + 1, name);
        (void)snprintf(path, sizeof(path), "case/%s", name);
        for (size_t at = 0; at <= SEGMENT; at += JOURNAL_UNIT) {
            restore();
            assert_int_equal(truncate(path, (off_t)(at < SEGMENT ? at : SEGMENT + 1)), 0);
            expect_refused("cut", s, at);
        }
        restore();
        assert_int_equal(unlink(path), 0);
        if (s < FILES - 1)
            expect_refused("missing", s, 0);
        else
            expect_records(whole.n); /* it was only prepared */
    }
}

static void test_exchanged_files(void **state)
{
    (void)state;
    for (size_t to = 0; to < FILES; to++)
        for (size_t from = 0; from < FILES; from++) {
            if (from == to)
                continue;
            restore();
            put(to, whole.bytes[from], SEGMENT, 0);
            expect_refused("another segment", to, from);
            /* Even under the right head: the records know their place. Only if the last one is
             * exchanged for the unused one, that is the end of it, for the high mark to tell. */
            put(to, whole.bytes[to], JOURNAL_UNIT, 0);
            if (to == 2 && from == 3)
                expect_records(record_at(2, JOURNAL_UNIT) - 1);
            else
                expect_refused("another segment's records", to, from);
        }
    struct journal *j = sample_journal("other", SEGMENT); /* same genesis, another tag */
    journal_close(j);
    for (size_t s = 0; s < FILES; s++) {
        uint8_t bytes[SEGMENT];
        int fd = sample_segment("other", 1);
        assert_int_equal(pread(fd, bytes, SEGMENT, 0), SEGMENT);
        (void)close(fd);
        assert_true(journal_segment_parse(bytes, 1, &(struct journal_identity){ 0 }));
        restore();
        put(s, bytes, SEGMENT, 0);
        expect_refused("another journal's segment", s, 0);
    }
}

/* After trimming, the files before are missing rightly, and only they. */
static void test_trimmed(void **state)
{
    (void)state;
    struct journal *j = sample_journal("trimmed", SEGMENT);
    for (uint64_t i = 1; i <= 400; i++) {
        const struct journal_record r = { .kind = CORE_REC_N, .chain = 1, .epoch = 1, .view = i };
        journal_add(j, &r);
        journal_sync(j);
    }
    journal_release(j, 1, 1, 250);
    journal_trim(j);
    journal_sync(j);
    journal_trim(j);
    uint64_t first = j->segments[0].number, n = 0;
    assert_in_range(first, 4, 7);
    journal_close(j);
    assert_int_equal(journal_open("trimmed", sample_genesis, 400, count, &n, &j), OK);
    journal_close(j);
    int fd = sample_segment("trimmed", first);
    uint8_t byte;
    assert_int_equal(pread(fd, &byte, 1, JOURNAL_UNIT), 1);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, JOURNAL_UNIT), 1);
    j = NULL;
    n = 0;
    assert_int_equal(journal_open("trimmed", sample_genesis, 0, count, &n, &j),
                     ERR_LOG_INCONSISTENT);
    byte ^= 1;
    assert_int_equal(pwrite(fd, &byte, 1, JOURNAL_UNIT), 1);
    (void)close(fd);
    char name[JOURNAL_NAME_MAX], path[64];
    journal_segment_name(first, name);
    (void)snprintf(path, sizeof(path), "trimmed/%s", name);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(journal_open("trimmed", sample_genesis, 0, count, &n, &j),
                     ERR_LOG_INCONSISTENT);
    assert_null(j);
}

static int up(void **state)
{
    (void)state;
    whole_up(dir);
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
        cmocka_unit_test(test_undamaged),
        cmocka_unit_test(test_every_flip),
        cmocka_unit_test(test_lost_pieces),
        cmocka_unit_test(test_lost_rest),
        cmocka_unit_test(test_cut_and_missing_files),
        cmocka_unit_test(test_exchanged_files),
        cmocka_unit_test(test_trimmed),
    };
    return cmocka_run_group_tests_name("journal damage", tests, up, down);
}
