/* The thread that ends what takes too long: libmicrohttpd's own timeout is an inactivity timer,
 * which one byte every few seconds outlives for ever, and it does not run at all for suspended
 * connections. */
#include "api/http/edge.h"

#define TICK_NS (200 * 1000 * 1000)

static void *reaper_main(void *arg)
{
    struct listener *l = arg;
    (void)pthread_mutex_lock(&l->reaper_lock);
    while (!l->reaper_stop) {
        struct timespec until;
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += TICK_NS;
        if (until.tv_nsec >= 1000 * 1000 * 1000) {
            until.tv_nsec -= 1000 * 1000 * 1000;
            until.tv_sec++;
        }
        (void)pthread_cond_timedwait(&l->reaper_wake, &l->reaper_lock, &until);
        (void)pthread_mutex_unlock(&l->reaper_lock);
        usec_t now = clock_monotonic();
        workers_tick(l, now);
        conns_cut(l, now, l->metrics.cut);
        (void)pthread_mutex_lock(&l->reaper_lock);
    }
    (void)pthread_mutex_unlock(&l->reaper_lock);
    return NULL;
}

enum err reaper_start(struct listener *l)
{
    return pthread_create(&l->reaper, NULL, reaper_main, l) == 0 ? OK : ERR_INTERNAL;
}

void reaper_stop(struct listener *l)
{
    (void)pthread_mutex_lock(&l->reaper_lock);
    l->reaper_stop = true;
    (void)pthread_cond_signal(&l->reaper_wake);
    (void)pthread_mutex_unlock(&l->reaper_lock);
    (void)pthread_join(l->reaper, NULL);
}
