/* The thread that ends what takes too long: libmicrohttpd's own timeout is an inactivity timer,
 * which one byte every few seconds outlives for ever, and it does not run at all for suspended
 * connections. */
#include "api/http/edge.h"
#include "server/base/thread.h"

#define TICK_US (USEC_PER_SEC / 5)

static void *reaper_main(void *arg)
{
    struct listener *l = arg;
    (void)pthread_mutex_lock(&l->reaper_lock);
    while (!l->reaper_stop) {
        (void)wait_until(&l->reaper_wake, &l->reaper_lock, clock_monotonic() + TICK_US);
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
    return thread_start(&l->reaper, "reaper", reaper_main, l);
}

void reaper_stop(struct listener *l)
{
    (void)pthread_mutex_lock(&l->reaper_lock);
    l->reaper_stop = true;
    (void)pthread_cond_signal(&l->reaper_wake);
    (void)pthread_mutex_unlock(&l->reaper_lock);
    (void)pthread_join(l->reaper, NULL);
}
