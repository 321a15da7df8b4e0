/* PostgreSQL is killed while eight threads write: every acknowledged write must be there, none
 * twice. */
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <poll.h>

#define KILLS 5

static struct fixture f;

static void wait_for_more(const struct writers *w, unsigned more)
{
    unsigned goal = writers_acked(w) + more;
    usec_t until = clock_monotonic() + 30 * USEC_PER_SEC;
    while (writers_acked(w) < goal) {
        assert_true(clock_monotonic() < until);
        (void)poll(NULL, 0, 2);
    }
}

static void test_kill_while_writing(void **state)
{
    (void)state;
    struct writers w;
    writers_start(&w, f.store, 8, 100000);
    for (int i = 0; i < KILLS; i++) {
        wait_for_more(&w, 200);
        fixture_kill_postgres(&f);
        fixture_wait_up(&f, false);
        fixture_wait_up(&f, true);
    }
    wait_for_more(&w, 200); /* the writers have healed by themselves */
    atomic_store(&w.stop, true);
    writers_join(&w);
    unsigned lost = writers_lost(&f, &w);
    print_message("%u acknowledged, %u unknown, %u lost, %d kills\n", writers_acked(&w),
                  atomic_load(&w.unknown), lost, KILLS);
    assert_int_equal(lost, 0);
    assert_int_equal(fixture_contradictions(&f), 0);
    writers_free(&w);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    fixture_money(&f, 8, 1000000);
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_kill_while_writing) };
    return cmocka_run_group_tests(tests, up, down);
}
