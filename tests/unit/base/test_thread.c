#include "server/base/thread.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

struct pair {
    pthread_mutex_t lock;
    pthread_cond_t said;
    bool done;
};

static void *say(void *arg)
{
    struct pair *p = arg;
    pthread_mutex_lock(&p->lock);
    p->done = true;
    pthread_cond_signal(&p->said);
    pthread_mutex_unlock(&p->lock);
    return NULL;
}

static void test_a_moment_that_has_passed(void **state)
{
    (void)state;
    struct pair p = { .lock = PTHREAD_MUTEX_INITIALIZER };
    wait_init(&p.said);
    pthread_mutex_lock(&p.lock);
    usec_t before = clock_monotonic();
    assert_false(wait_until(&p.said, &p.lock, before - 1));
    assert_false(wait_until(&p.said, &p.lock, before + 2500));
    assert_true(clock_monotonic() >= before + 2500);
    pthread_mutex_unlock(&p.lock);
    pthread_cond_destroy(&p.said);
}

static void test_woken_before_the_moment(void **state)
{
    (void)state;
    struct pair p = { .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t thread;
    wait_init(&p.said);
    pthread_mutex_lock(&p.lock);
    usec_t until = clock_monotonic() + 60 * USEC_PER_SEC;
    assert_int_equal(pthread_create(&thread, NULL, say, &p), 0);
    while (!p.done)
        assert_true(wait_until(&p.said, &p.lock, until));
    pthread_mutex_unlock(&p.lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&p.said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_moment_that_has_passed),
        cmocka_unit_test(test_woken_before_the_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
