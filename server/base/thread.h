/* Threads with names, and waiting for a condition against the monotonic clock, so that a clock set
 * by hand moves no deadline. Thread rule: that of pthreads. */
#ifndef CAIRN_BASE_THREAD_H
#define CAIRN_BASE_THREAD_H

#include "server/base/clock.h"
#include "server/base/err.h"

#include <pthread.h>

/* Starts a thread that `top -H` and `perf` show under this name (at most 15 bytes). ERR_NO_MEMORY.
 */
enum err thread_start(pthread_t *ret, const char *name, void *(*fn)(void *), void *arg) MUST_USE;

/* A condition for wait_until; destroyed with pthread_cond_destroy. */
void wait_init(pthread_cond_t *ret);
/* Waits with the lock held, at most until this moment of clock_monotonic(). False when it has come.
 * A wake-up proves nothing: look at what was waited for. */
bool wait_until(pthread_cond_t *c, pthread_mutex_t *held, usec_t at);

#endif
