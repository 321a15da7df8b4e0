#include "server/base/thread.h"

#include <assert.h>
#include <string.h>
#include <time.h>

enum err thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg)
{
    assert(strlen(name) < 16);
    if (pthread_create(ret, NULL, fn, arg) != 0)
        return ERR_NO_MEMORY;
    (void)pthread_setname_np(*ret, name);
    return OK;
}

void wait_init(pthread_cond_t *ret)
{
    pthread_condattr_t attr;
    int failed = pthread_condattr_init(&attr);
    failed |= pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    failed |= pthread_cond_init(ret, &attr);
    assert(failed == 0);
    (void)pthread_condattr_destroy(&attr);
}

bool wait_until(pthread_cond_t *c, pthread_mutex_t *held, usec_t at)
{
    const struct timespec until = { .tv_sec = at / USEC_PER_SEC,
                                    .tv_nsec = (long)(at % USEC_PER_SEC) * 1000 };
    return pthread_cond_timedwait(c, held, &until) == 0;
}
