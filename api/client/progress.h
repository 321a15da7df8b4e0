/* A progress bar on standard error: redrawn in place on a terminal, a line every tenth elsewhere.
 * Thread-safe. */
#ifndef CAIRN_CLIENT_PROGRESS_H
#define CAIRN_CLIENT_PROGRESS_H

#include "server/base/clock.h"

#include <pthread.h>

struct progress {
    pthread_mutex_t lock;
    const char *what;
    size_t done, total;
    usec_t started, drawn;
    unsigned tenths; /* reported so far, without a terminal */
    bool terminal, quiet;
};

void progress_init(struct progress *p, bool quiet);
/* Begins a stretch of work; what is a static text of at most 24 characters. */
void progress_begin(struct progress *p, const char *what, size_t total);
void progress_step(struct progress *p);
/* Ends the stretch and leaves its line on the screen. */
void progress_end(struct progress *p);
void progress_release(struct progress *p);

#endif
