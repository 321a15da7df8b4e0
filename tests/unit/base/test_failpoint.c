/* Failpoints, built in here whatever the variant: each acts at its hit, once, and by its name. */
#ifndef CAIRN_FAILPOINTS
#define CAIRN_FAILPOINTS
#endif
#include "server/base/failpoint.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include <sys/wait.h>

/* Runs fn in a process of its own with CAIRN_FP set, because the environment is read once. */
static int in_child(const char *spec, int (*fn)(void))
{
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        if (freopen("/dev/null", "w", stderr) == NULL)
            _exit(99);
        if (spec != NULL)
            (void)setenv("CAIRN_FP", spec, 1);
        else
            (void)unsetenv("CAIRN_FP");
        _exit(fn());
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* The hits of "a" that failed, one bit each. */
static int hit_four_times(void)
{
    int bits = 0;
    for (int i = 0; i < 4; i++) {
        bits |= FP("a") != OK ? 1 << i : 0;
        bits |= FP("other") != OK ? 64 : 0;
    }
    return bits;
}

static void test_error(void **state)
{
    (void)state;
    assert_int_equal(in_child(NULL, hit_four_times), 0);
    assert_int_equal(in_child("", hit_four_times), 0);
    assert_int_equal(in_child("a:error:1", hit_four_times), 1);
    assert_int_equal(in_child("a:error:3", hit_four_times), 4);
    assert_int_equal(in_child("a:error:2,a:error:4", hit_four_times), 10);
    assert_int_equal(in_child("aa:error:1,x:crash:1", hit_four_times), 0);
}

static void test_crash(void **state)
{
    (void)state;
    assert_int_equal(in_child("a:crash:2", hit_four_times), 1000 + SIGKILL);
    assert_int_equal(in_child("a:crash:5", hit_four_times), 0);
}

static void test_wrong_spec_aborts(void **state)
{
    (void)state;
    static const char *const wrong[] = { "a",         "a:error",  "a:sleep:1", "a:error:0",
                                         "a:error:x", ":error:1", "a:error:1x" };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(in_child(wrong[i], hit_four_times), 1000 + SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_error), cmocka_unit_test(test_crash),
                                        cmocka_unit_test(test_wrong_spec_aborts) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
