#include "api/client/progress.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BAR 30
#define REDRAW_US 50000

void progress_init(struct progress *p, bool quiet)
{
    *p = (struct progress){ .terminal = isatty(STDERR_FILENO) == 1, .quiet = quiet, .what = "" };
    (void)pthread_mutex_init(&p->lock, NULL);
}

void progress_release(struct progress *p)
{
    (void)pthread_mutex_destroy(&p->lock);
}

static void draw(struct progress *p, const char *end)
{
    char bar[BAR + 1];
    size_t full = p->total > 0 ? p->done * BAR / p->total : BAR;
    memset(bar, '.', BAR);
    memset(bar, '#', full);
    bar[BAR] = '\0';
    double seconds = (double)(clock_monotonic() - p->started) / (double)USEC_PER_SEC;
    (void)fprintf(stderr, "%s%-24s [%s] %zu/%zu  %.1f s%s", p->terminal ? "\r" : "", p->what, bar,
                  p->done, p->total, seconds, end);
    (void)fflush(stderr);
}

void progress_begin(struct progress *p, const char *what, size_t total)
{
    (void)pthread_mutex_lock(&p->lock);
    p->what = what;
    p->done = 0;
    p->total = total;
    p->started = clock_monotonic();
    p->drawn = 0;
    p->tenths = 0;
    (void)pthread_mutex_unlock(&p->lock);
}

void progress_step(struct progress *p)
{
    (void)pthread_mutex_lock(&p->lock);
    p->done++;
    usec_t now = clock_monotonic();
    unsigned tenths = p->total > 0 ? (unsigned)(p->done * 10 / p->total) : 10;
    if (!p->quiet && p->terminal && now - p->drawn >= REDRAW_US) {
        p->drawn = now;
        draw(p, "");
    } else if (!p->quiet && !p->terminal && tenths > p->tenths && tenths < 10) {
        p->tenths = tenths;
        draw(p, "\n");
    }
    (void)pthread_mutex_unlock(&p->lock);
}

void progress_end(struct progress *p)
{
    (void)pthread_mutex_lock(&p->lock);
    if (!p->quiet)
        draw(p, "\n");
    (void)pthread_mutex_unlock(&p->lock);
}
