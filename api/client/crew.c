#include "api/client/crew.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

struct crew {
    unsigned n;
    size_t n_servers;
    struct links links[CREW_THREADS_MAX];
};

/* One run: shared by its threads. */
struct run {
    struct crew *crew;
    crew_job *job;
    void *arg;
    size_t n;
    atomic_size_t next;
    atomic_bool stop;
    pthread_mutex_t lock; /* over e and problem */
    enum err e;
    struct problem problem;
};

struct member {
    struct run *run;
    unsigned place;
};

enum err crew_new(const char *const *servers, size_t n, unsigned threads, struct crew **ret,
                  struct problem *p)
{
    assert(threads >= 1 && threads <= CREW_THREADS_MAX && n >= 1 && n <= CREW_SERVERS_MAX);
    struct crew *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    c->n = threads;
    c->n_servers = n;
    for (size_t i = 0; i < threads * n; i++) {
        enum err e = http_client_open(servers[i % n], &c->links[i / n].to[i % n], p);
        if (e != OK) {
            crew_free(c);
            return e;
        }
    }
    *ret = c;
    return OK;
}

void crew_free(struct crew *c)
{
    if (c == NULL)
        return;
    for (size_t i = 0; i < c->n * c->n_servers; i++)
        http_client_close(c->links[i / c->n_servers].to[i % c->n_servers]);
    free(c);
}

const struct links *crew_links(const struct crew *c)
{
    return &c->links[0];
}

static void *work(void *arg)
{
    const struct member *m = arg;
    struct run *r = m->run;
    while (!atomic_load(&r->stop)) {
        size_t i = atomic_fetch_add(&r->next, 1);
        if (i >= r->n)
            break;
        struct problem p = { 0 };
        enum err e = r->job(r->arg, i, &r->crew->links[m->place], &p);
        if (e == OK)
            continue;
        atomic_store(&r->stop, true);
        (void)pthread_mutex_lock(&r->lock);
        if (r->e == OK) {
            r->e = e;
            r->problem = p;
        }
        (void)pthread_mutex_unlock(&r->lock);
    }
    return NULL;
}

enum err crew_run(struct crew *c, crew_job *job, void *arg, size_t n, struct problem *p)
{
    struct run run = { .crew = c, .job = job, .arg = arg, .n = n };
    pthread_t threads[CREW_THREADS_MAX];
    struct member members[CREW_THREADS_MAX];
    unsigned started = 0;
    (void)pthread_mutex_init(&run.lock, NULL);
    while (started < c->n && started < n) {
        members[started] = (struct member){ &run, started };
        if (pthread_create(&threads[started], NULL, work, &members[started]) != 0)
            break;
        started++;
    }
    if (started == 0 && n > 0) { /* no thread to be had: the caller's does it all */
        members[0] = (struct member){ &run, 0 };
        (void)work(&members[0]);
    }
    for (unsigned i = 0; i < started; i++)
        (void)pthread_join(threads[i], NULL);
    (void)pthread_mutex_destroy(&run.lock);
    if (run.e != OK && p != NULL)
        *p = run.problem;
    return run.e;
}
