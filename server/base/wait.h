/* Waiting for a condition against the monotonic clock, so that a clock set by hand moves no
 * deadline. Thread rule: that of pthread conditions. */
#ifndef CAIRN_BASE_WAIT_H
#define CAIRN_BASE_WAIT_H

#include "server/base/clock.h"

#include <pthread.h>

/* A condition for wait_until; destroyed with pthread_cond_destroy. */
void wait_init(pthread_cond_t *ret);
/* Waits with the lock held, at most until this moment of clock_monotonic(). False when it has come.
 * A wake-up proves nothing: look at what was waited for. */
bool wait_until(pthread_cond_t *c, pthread_mutex_t *held, usec_t at);

#endif
