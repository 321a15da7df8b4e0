/* Negative control of test_crash: the same checker must find the losses of a writer that
 * acknowledges before it commits. This program has its own batch_try, which leaves each COMMIT to
 * the next batch. */
#define batch_try batch_try_correct
#include "server/store/batch.c"
#undef batch_try
enum err batch_try(struct db *db, struct job *const *jobs, size_t n) MUST_USE;

#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <poll.h>

static struct fixture f;

static enum err commit_before(struct db *db)
{
    struct step end = { .stmt = &tx_commit };
    if (PQtransactionStatus(db->pg) == PQTRANS_IDLE)
        return OK;
    enum err e = db_pipeline(db, &end, 1);
    steps_clear(&end, 1);
    return e;
}

enum err batch_try(struct db *db, struct job *const *jobs, size_t n)
{
    struct batch b = { .db = db };
    enum err e = commit_before(db);
    for (size_t i = 0; i < n && e == OK; i++)
        e = run_job(&b, jobs[i], i == 0);
    if (e == OK) { /* all but the COMMIT itself */
        PGresult *res = NULL;
        add_tail(&b);
        e = send(&b, &res);
        PQclear(res);
    }
    return e == OK ? OK : rollback(db, e);
}

static void test_early_acknowledgement_is_caught(void **state)
{
    (void)state;
    struct writers w;
    unsigned lost = 0, tries = 0;
    do {
        unsigned goal = 300;
        usec_t until = clock_monotonic() + 30 * USEC_PER_SEC;
        writers_start(&w, f.store, 8, 100000);
        while (writers_acked(&w) < goal && clock_monotonic() < until)
            (void)poll(NULL, 0, 2);
        fixture_kill_postgres(&f);
        fixture_wait_up(&f, false);
        fixture_wait_up(&f, true);
        atomic_store(&w.stop, true);
        writers_join(&w);
        lost = writers_lost(&f, &w);
        writers_free(&w);
    } while (lost == 0 && ++tries < 3);
    print_message("the planted fault lost %u acknowledged writes\n", lost);
    assert_true(lost > 0);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    fixture_money(&f, 8, 1000000);
    return 0; /* the endowment, too, is committed by the next batch only */
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_early_acknowledgement_is_caught) };
    return cmocka_run_group_tests(tests, up, down);
}
