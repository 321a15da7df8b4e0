/* Records whose checksums are true and that nevertheless cannot be: they do not follow, or pretend
 * to be of another sync, or lie inside a body. */
#include "tests/unit/ledger/io/journal_whole.h"

static char dir[64];

static void forge(uint64_t tag, uint64_t seq, uint64_t batch, struct journal_record r, size_t gap)
{
    static uint8_t bytes[JOURNAL_UNIT + JOURNAL_BODY_MAX];
    static const uint8_t body[JOURNAL_BODY_MAX];
    const struct place *end = &whole.at[whole.n + 1];
    r.body = r.body_len > 0 ? body : NULL;
    journal_record_encode(tag, seq, batch, &r, bytes);
    size_t room = SEGMENT - end->offset - gap, span = journal_span(r.body_len);
    restore();
    put(end->segment, bytes, span < room ? span : room, end->offset + gap);
}

static void test_wrong_place(void **state)
{
    (void)state;
    const uint64_t next = whole.n + 1, tag = whole.identity.tag;
    const struct journal_record right = {
        .kind = CORE_REC_N, .chain = 1, .epoch = 7, .view = next
    };
    const uint64_t seqs[] = { next + 1, next + 7, next - 1, 1, 0, UINT64_MAX };
    for (size_t i = 0; i < COUNT(seqs); i++) {
        forge(tag, seqs[i], next, right, 0);
        expect_refused("wrong seq", 0, seqs[i]);
        forge(tag, seqs[i], seqs[i], right, 0);
        expect_refused("wrong seq, own sync", 0, seqs[i]);
    }
    const uint64_t batches[] = { next + 1, whole.last_first - 1, whole.last_first + 1, 0, 1 };
    for (size_t i = 0; i < COUNT(batches); i++) {
        forge(tag, next, batches[i], right, 0);
        expect_refused("wrong sync", 0, batches[i]);
    }
}

static void test_wrong_fields(void **state)
{
    (void)state;
    const uint64_t next = whole.n + 1, tag = whole.identity.tag;
    const struct journal_record right = {
        .kind = CORE_REC_N, .chain = 1, .epoch = 7, .view = next
    };
    struct journal_record wrong = right;
    for (unsigned kind = 0; kind < 256; kind++) {
        wrong.kind = (uint8_t)kind;
        forge(tag, next, next, wrong, 0);
        if (kind == 0 || (kind > CORE_REC_FIN && kind < 16) || (kind > 17 && kind != 32))
            expect_refused("unknown kind", 0, kind);
    }
    wrong = right;
    wrong.chain = JOURNAL_CHAINS;
    forge(tag, next, next, wrong, 0);
    expect_refused("wrong chain", 0, 0);
    wrong = right;
    wrong.body_len = SEGMENT - whole.at[next].offset; /* one unit too long */
    forge(tag, next, next, wrong, 0);
    expect_refused("body beyond the segment", 0, 0);
    wrong = (struct journal_record){ .kind = JOURNAL_TRIM, .view = 4 };
    forge(tag, next, next, wrong, 0);
    expect_refused("beginning behind itself", 0, 0);
}

/* Behind a place where nothing is: a hole if it is of a later sync, a torn tail if of the missing
 * one. */
static void test_behind_nothing(void **state)
{
    (void)state;
    const uint64_t next = whole.n + 1, tag = whole.identity.tag;
    const struct journal_record right = {
        .kind = CORE_REC_N, .chain = 1, .epoch = 7, .view = next
    };
    forge(tag, next + 1, next + 1, right, JOURNAL_UNIT);
    expect_refused("hole", 0, 0);
    forge(tag, next + 1, next, right, JOURNAL_UNIT);
    expect_records(whole.n);
    forge(tag, next + 1, whole.last_first, right, JOURNAL_UNIT);
    expect_records(whole.n);
    uint8_t of_missing[JOURNAL_UNIT]; /* both at once cannot be */
    const struct place *end = &whole.at[next];
    journal_record_encode(tag, next + 2, next, &right, of_missing);
    forge(tag, next + 1, whole.last_first, right, JOURNAL_UNIT);
    put(end->segment, of_missing, sizeof(of_missing), end->offset + (size_t)2 * JOURNAL_UNIT);
    expect_refused("two syncs in one tail", 0, 0);
    forge(tag ^ 1, next + 1, next + 1, right, JOURNAL_UNIT); /* anybody's bytes */
    expect_records(whole.n);
}

/* The control: what is right is taken. */
static void test_whole_and_right(void **state)
{
    (void)state;
    const uint64_t next = whole.n + 1, batches[] = { next, whole.last_first };
    const struct journal_record right = { .kind = CORE_REC_F, .chain = 1, .view = 1 };
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct journal *j = NULL;
        uint64_t n = 0;
        forge(whole.identity.tag, next, batches[i], right, 0);
        assert_int_equal(journal_open("case", sample_genesis, next, count, &n, &j), OK);
        assert_int_equal(n, next);
        journal_close(j);
    }
}

/* A body holds what looks like records of a later sync, and the record before it is torn. */
static void test_records_inside_a_body(void **state)
{
    (void)state;
    for (int knows_tag = 0; knows_tag < 2; knows_tag++) {
        char folder[16];
        uint8_t body[4 * JOURNAL_UNIT];
        static const uint8_t zeros[JOURNAL_UNIT];
        (void)snprintf(folder, sizeof(folder), "body%d", knows_tag);
        struct journal *j = sample_journal(folder, SEGMENT);
        struct journal_record vote = { .kind = CORE_REC_N, .chain = 1, .view = 1 };
        struct journal_record batch = {
            .kind = JOURNAL_BATCH, .chain = 1, .body = body, .body_len = sizeof(body)
        };
        for (size_t i = 0; i < 4; i++)
            journal_record_encode(j->identity.tag ^ (uint64_t)!knows_tag, 100 + i, 100, &vote,
                                  body + i * JOURNAL_UNIT);
        journal_add(j, &vote);
        journal_add(j, &batch);
        journal_sync(j);
        journal_close(j);
        int fd = sample_segment(folder, 1);
        assert_int_equal(pwrite(fd, zeros, JOURNAL_UNIT, JOURNAL_UNIT), JOURNAL_UNIT);
        (void)close(fd);
        uint64_t n = 0;
        j = NULL;
        assert_int_equal(journal_open(folder, sample_genesis, 0, count, &n, &j),
                         knows_tag ? ERR_LOG_INCONSISTENT : OK);
        assert_int_equal(n, 0);
        journal_close(j);
    }
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
        cmocka_unit_test(test_wrong_place),           cmocka_unit_test(test_wrong_fields),
        cmocka_unit_test(test_behind_nothing),        cmocka_unit_test(test_whole_and_right),
        cmocka_unit_test(test_records_inside_a_body),
    };
    return cmocka_run_group_tests_name("journal forged", tests, up, down);
}
