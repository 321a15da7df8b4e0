/* How many writes a second the writer makes: an entry, a transfer and the stored answer each,
 * durable. Prints medians of five; fails only below a floor that any machine should reach. */
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <poll.h>

#define RUNS 5
#define RUN_TIME (600 * 1000) /* microseconds */
#define LEAST 100.0

static struct fixture f;

static double one_run(unsigned threads)
{
    static uint32_t space;
    struct writers w;
    (void)space;
    writers_start(&w, f.store, threads, 100000);
    usec_t start = clock_monotonic();
    unsigned before = writers_acked(&w);
    (void)poll(NULL, 0, RUN_TIME / 1000);
    unsigned n = writers_acked(&w) - before;
    usec_t took = clock_monotonic() - start;
    atomic_store(&w.stop, true);
    writers_join(&w);
    assert_int_equal(atomic_load(&w.unknown), 0);
    writers_free(&w);
    return (double)n * (double)USEC_PER_SEC / (double)took;
}

static void measure(unsigned threads)
{
    double all[RUNS];
    for (size_t i = 0; i < RUNS; i++) {
        double n = one_run(threads);
        size_t at = i;
        for (; at > 0 && all[at - 1] > n; at--)
            all[at] = all[at - 1];
        all[at] = n;
    }
    print_message("%u callers: median %.0f writes/s (%.0f to %.0f)\n", threads, all[RUNS / 2],
                  all[0], all[RUNS - 1]);
    assert_true(all[RUNS / 2] >= LEAST);
}

static void test_16_callers(void **state)
{
    (void)state;
    measure(16);
}

static void test_64_callers(void **state)
{
    (void)state;
    measure(64);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 64);
    fixture_money(&f, WRITERS_MAX, 1000000);
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
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_16_callers),
                                        cmocka_unit_test(test_64_callers) };
    return cmocka_run_group_tests(tests, up, down);
}
