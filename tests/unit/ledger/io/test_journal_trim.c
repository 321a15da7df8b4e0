/* What of a journal is kept and what goes: bodies until they are released, votes of a quiet chain
 * by being carried forward, the newest FIN always; and files only when that is durable. */
#include "tests/lib/unprivileged.h"
#include "tests/unit/ledger/io/journal_sample.h"

static char dir[64];

static void add(struct journal *j, uint8_t kind, uint8_t chain, uint64_t view, size_t body_len)
{
    static const uint8_t body[3000];
    struct journal_record r = { .kind = kind,
                                .chain = chain,
                                .epoch = 3,
                                .view = view,
                                .body = body_len > 0 ? body : NULL,
                                .body_len = body_len };
    memset(r.id, (int)view, HASH_BYTES);
    journal_add(j, &r);
}

static uint64_t segments(const struct journal *j)
{
    struct journal_counters counters;
    journal_counters(j, &counters);
    return counters.segments;
}

/* Both steps: the record of it, made durable, and the removal. */
static void trim(struct journal *j)
{
    journal_trim(j);
    journal_sync(j);
    journal_trim(j);
}

struct heard {
    unsigned fin_idle, skip_idle, busy, batches, proposals;
    uint64_t least_busy;
};

static enum err hear(void *arg, const struct journal_record *r)
{
    struct heard *h = arg;
    h->fin_idle += r->kind == CORE_REC_FIN && r->chain == 1 && r->view == 5;
    h->skip_idle += r->kind == CORE_REC_S && r->chain == 1 && r->view == 6;
    h->batches += r->kind == JOURNAL_BATCH;
    h->proposals += r->kind == JOURNAL_PROPOSAL;
    if (r->chain == 2 && r->kind == CORE_REC_N) {
        h->busy++;
        if (h->least_busy == 0 || r->view < h->least_busy)
            h->least_busy = r->view;
    }
    return OK;
}

/* Chain 1 has a FIN and a vote above it and then does nothing; chain 2 fills segment after segment.
 * The files stay few, and what chain 1 needs stays there. */
static void test_idle_chain_is_carried(void **state)
{
    (void)state;
    struct heard h = { 0 };
    struct journal *j = sample_journal("idle", 8192);
    add(j, CORE_REC_N, 1, 5, 0);
    add(j, CORE_REC_FIN, 1, 5, 0);
    add(j, CORE_REC_S, 1, 6, 0);
    journal_release(j, 1, 3, 5);
    for (uint64_t view = 1; view <= 500; view++) {
        add(j, CORE_REC_N, 2, view, 0);
        add(j, CORE_REC_FIN, 2, view, 0);
        journal_sync(j);
        journal_release(j, 2, 3, view);
        journal_trim(j);
        assert_in_range(segments(j), 1, 4);
    }
    trim(j);
    assert_true(j->segments[0].number > 10);
    journal_close(j);
    assert_int_equal(journal_open("idle", sample_genesis, 0, hear, &h, &j), OK);
    assert_true(h.fin_idle >= 1 && h.fin_idle <= 3 && h.skip_idle >= 1 && h.skip_idle <= 3);
    assert_true(h.busy > 0 && h.least_busy > 300);
    /* Once more from what was read, although nobody said again what is released. */
    for (uint64_t view = 501; view <= 600; view++) {
        add(j, CORE_REC_N, 2, view, 0);
        add(j, CORE_REC_FIN, 2, view, 0);
        journal_sync(j);
    }
    journal_release(j, 2, 3, 600);
    trim(j);
    journal_close(j);
    h = (struct heard){ 0 };
    assert_int_equal(journal_open("idle", sample_genesis, 0, hear, &h, &j), OK);
    assert_true(h.fin_idle >= 1 && h.skip_idle >= 1);
    journal_close(j);
}

/* A batch holds its segment until it is released, wherever it came last; a proposal until its view
 * is, or its epoch is over. */
static void test_bodies_pin(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    struct journal *j = sample_journal("pin", 8192);
    memset(digest, 77, sizeof(digest));
    add(j, JOURNAL_BATCH, 2, 77, 2000);
    journal_sync(j);
    add(j, JOURNAL_BATCH, 2, 77, 2000); /* the same again */
    for (uint64_t view = 1; view <= 40; view++)
        add(j, JOURNAL_PROPOSAL, 2, view, 1000);
    journal_sync(j);
    assert_in_range(segments(j), 7, 9);
    uint64_t all = segments(j);
    trim(j);
    assert_int_equal(segments(j), all);
    journal_release(j, 2, 3, 40);
    trim(j);
    assert_int_equal(segments(j), all); /* the batch is in the first */
    journal_release_batch(j, digest);
    journal_release_batch(j, digest); /* twice is once */
    journal_trim(j);
    journal_trim(j);
    assert_int_equal(segments(j), all); /* that they may go is not yet durable */
    assert_true(journal_pending(j));
    trim(j);
    assert_in_range(segments(j), 1, 2);
    add(j, JOURNAL_PROPOSAL, 2, 41, 3000);
    for (uint64_t view = 1; view <= 100; view++)
        add(j, CORE_REC_N, 1, view, 0);
    journal_sync(j);
    uint64_t pinned = j->segments[0].number;
    trim(j);
    assert_int_equal(j->segments[0].number, pinned);
    journal_release(j, 2, 4, 1);
    trim(j);
    assert_true(j->segments[0].number > pinned);
    journal_close(j);
}

/* The process ends when it is durable that files may go, and before they are gone. */
static void test_restart_before_removal(void **state)
{
    (void)state;
    uint8_t digest[HASH_BYTES];
    struct heard h = { 0 };
    struct journal *j = sample_journal("restart", 8192);
    memset(digest, 77, sizeof(digest));
    add(j, JOURNAL_BATCH, 2, 77, 2000);
    add(j, JOURNAL_PROPOSAL, 2, 1, 2000);
    add(j, CORE_REC_N, 2, 9, 0);
    for (uint64_t view = 1; view <= 100; view++)
        add(j, CORE_REC_F, 1, view, 0);
    journal_sync(j);
    journal_release_batch(j, digest);
    journal_release(j, 2, 3, 8);
    journal_release(j, 1, 3, 100);
    journal_trim(j);
    journal_sync(j);
    uint64_t all = segments(j);
    journal_close(j);
    assert_int_equal(journal_open("restart", sample_genesis, 0, hear, &h, &j), OK);
    assert_int_equal(h.batches, 1);
    assert_int_equal(segments(j), all);
    journal_trim(j);
    assert_true(segments(j) < all);
    journal_release_batch(j, digest);
    add(j, JOURNAL_BATCH, 2, 77, 100);
    journal_sync(j);
    journal_release_batch(j, digest);
    journal_close(j);
    h = (struct heard){ 0 };
    assert_int_equal(journal_open("restart", sample_genesis, 0, hear, &h, &j), OK);
    assert_int_equal(h.busy, 1); /* the vote that was carried */
    assert_int_equal(h.least_busy, 9);
    journal_close(j);
}

/* Many digests, in and out, so that the table grows and is cleaned. */
static void test_many_batches(void **state)
{
    (void)state;
    struct journal *j = sample_journal("many", 65536);
    for (uint64_t round = 0; round < 20; round++) {
        for (uint64_t i = 0; i < 200; i++) {
            uint64_t name = round * 200 + i;
            struct journal_record r = { .kind = JOURNAL_BATCH, .chain = 1, .view = name };
            memcpy(r.id, &name, sizeof(name));
            journal_add(j, &r);
        }
        journal_sync(j);
        for (uint64_t i = 0; round > 0 && i < 200; i++) {
            uint64_t name = (round - 1) * 200 + i;
            uint8_t digest[HASH_BYTES] = { 0 };
            memcpy(digest, &name, sizeof(name));
            journal_release_batch(j, digest);
        }
        trim(j);
        assert_in_range(segments(j), 1, 4);
        assert_in_range(j->batches_cap, 64, 4096);
    }
    journal_close(j);
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
        cmocka_unit_test(test_idle_chain_is_carried),
        cmocka_unit_test(test_bodies_pin),
        cmocka_unit_test(test_restart_before_removal),
        cmocka_unit_test(test_many_batches),
    };
    return cmocka_run_group_tests_name("journal trim", tests, up, down);
}
