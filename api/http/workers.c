/* The bounded queue between libmicrohttpd's threads and ours, the parked long polls, and the worker
 * threads, each with a database connection of its own. A job that is pushed is resumed exactly
 * once, by whoever took it off its list. */
#include "api/http/edge.h"
#include "server/base/log.h"
#include "server/base/thread.h"

#include <stdlib.h>

enum err workers_reserve(struct listener *l)
{
    struct jobs *q = &l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    bool free_place = !atomic_load(&q->draining) && q->queued + q->reserved < l->config.queue_max;
    if (free_place) {
        q->reserved++;
        q->out++;
    }
    (void)pthread_mutex_unlock(&q->lock);
    return free_place ? OK : ERR_BUSY;
}

/* A job that comes back from parking does not count against the queue's bound: PARKED_MAX bounds
 * those, and a wake of many must not turn new requests away. */
static void append(struct jobs *q, struct job *j)
{
    j->next = NULL;
    if (q->tail != NULL)
        q->tail->next = j;
    else
        q->head = j;
    q->tail = j;
    q->queued += !j->again;
}

void workers_push(struct job *j)
{
    struct jobs *q = &j->l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    q->reserved--;
    append(q, j);
    (void)pthread_cond_signal(&q->ready);
    (void)pthread_mutex_unlock(&q->lock);
}

static struct job *take(struct jobs *q)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->head == NULL && !q->stop)
        (void)pthread_cond_wait(&q->ready, &q->lock);
    struct job *j = q->head;
    if (j != NULL) {
        q->head = j->next;
        if (q->head == NULL)
            q->tail = NULL;
        q->queued -= !j->again;
        j->wakes = q->wakes; /* a wake after this makes the job run again instead of sleeping */
    }
    (void)pthread_mutex_unlock(&q->lock);
    return j;
}

/* Gives the job back to libmicrohttpd. After the resume it may be freed at any moment; `out` sinks
 * after it, so that workers_drain() never returns while a connection is suspended. */
static void finish(struct job *j)
{
    struct listener *l = j->l;
    conn_deadline(j->conn, PHASE_REPLY, clock_monotonic() + REPLY_GRACE);
    MHD_resume_connection(j->mhd);
    (void)pthread_mutex_lock(&l->jobs.lock);
    if (--l->jobs.out == 0)
        (void)pthread_cond_broadcast(&l->jobs.quiet);
    (void)pthread_mutex_unlock(&l->jobs.lock);
}

/* Puts a job that wants to wait aside; false if it has to be answered now. */
static bool park(struct job *j)
{
    struct jobs *q = &j->l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    bool room = q->parked_n < PARKED_MAX && !atomic_load(&q->draining);
    bool woken = q->wakes != j->wakes;
    if (room) {
        j->again = true;
        conn_deadline(j->conn, PHASE_WORK, 0);
        if (woken) {
            append(q, j);
            (void)pthread_cond_signal(&q->ready);
        } else {
            j->next = q->parked;
            q->parked = j;
            q->parked_n++;
        }
    }
    (void)pthread_mutex_unlock(&q->lock);
    return room;
}

static enum err connection(struct worker *w)
{
    return w->db != NULL ? db_check(w->db) : db_open(w->l->app->store, &w->db);
}

static void work(struct worker *w, struct job *j)
{
    enum err e = clock_monotonic() < j->deadline ? OK : ERR_TIMEOUT;
    if (e == OK) {
        conn_deadline(j->conn, PHASE_WORK, j->deadline);
        e = j->r.route->no_db ? OK : connection(w);
    }
    if (e != OK) {
        api_fail(&j->r, e);
    } else {
        struct db *db = j->r.route->no_db ? NULL : w->db;
        job_run(j, db);
        if (j->wait && park(j))
            return;
        if (j->wait) {
            j->r.waited = true;
            job_run(j, db);
        }
    }
    finish(j);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    for (struct job *j; (j = take(&w->l->jobs)) != NULL;)
        work(w, j);
    if (w->db != NULL)
        db_close(w->db);
    return NULL;
}

/* ---- time and events ------------------------------------------------------------------ */

/* Takes the jobs out of the queue whose deadline has passed, in a list of their own. */
static struct job *take_overdue(struct jobs *q, usec_t now)
{
    struct job *overdue = NULL, *next, *list = q->head;
    q->head = q->tail = NULL;
    q->queued = 0;
    for (struct job *j = list; j != NULL; j = next) {
        next = j->next;
        if (j->deadline > now) {
            append(q, j);
        } else {
            j->next = overdue;
            overdue = j;
        }
    }
    return overdue;
}

/* Moves parked jobs to the queue: all of them, or those whose time has come. */
static void unpark(struct jobs *q, bool all, bool waited, usec_t now)
{
    struct job *next, *list = q->parked;
    q->parked = NULL;
    q->parked_n = 0;
    for (struct job *j = list; j != NULL; j = next) {
        next = j->next;
        bool due = j->wait_until <= now || j->deadline - WAIT_MARGIN <= now;
        if (all || due) {
            j->r.waited = waited || due;
            append(q, j);
        } else {
            j->next = q->parked;
            q->parked = j;
            q->parked_n++;
        }
    }
    (void)pthread_cond_broadcast(&q->ready);
}

void workers_tick(struct listener *l, usec_t now)
{
    struct jobs *q = &l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    struct job *overdue = take_overdue(q, now);
    if (q->parked_n > 0)
        unpark(q, false, false, now);
    (void)pthread_mutex_unlock(&q->lock);
    for (struct job *next; overdue != NULL; overdue = next) {
        next = overdue->next;
        api_fail(&overdue->r, ERR_TIMEOUT);
        finish(overdue);
    }
}

void listener_wake(struct listener *l)
{
    if (l == NULL)
        return; /* not started yet: nobody waits */
    struct jobs *q = &l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    q->wakes++;
    if (q->parked_n > 0)
        unpark(q, true, false, clock_monotonic());
    (void)pthread_mutex_unlock(&q->lock);
}

/* ---- start and stop
 * ------------------------------------------------------------------------------ */

enum err workers_start(struct listener *l)
{
    struct jobs *q = &l->jobs;
    q->workers = calloc(l->config.workers, sizeof(*q->workers));
    if (q->workers == NULL)
        return ERR_NO_MEMORY;
    for (unsigned i = 0; i < l->config.workers; i++) {
        struct worker *w = &q->workers[i];
        w->l = l;
        if (thread_start(&w->thread, "worker", worker_main, w) != OK) {
            workers_stop(l);
            return ERR_INTERNAL;
        }
        q->workers_n++;
    }
    return OK;
}

void workers_drain(struct listener *l)
{
    struct jobs *q = &l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    atomic_store(&q->draining, true);
    unpark(q, true, true, 0);
    while (q->out > 0)
        (void)pthread_cond_wait(&q->quiet, &q->lock);
    usec_t until = clock_monotonic() + DRAIN_DEADLINE;
    bool in_time = true;
    while (atomic_load(&l->open) > 0 && in_time)
        in_time = wait_until(&q->quiet, &q->lock, until);
    (void)pthread_mutex_unlock(&q->lock);
    if (!in_time)
        log_warn("drain", "%u requests were cut off", atomic_load(&l->open));
}

void workers_stop(struct listener *l)
{
    struct jobs *q = &l->jobs;
    (void)pthread_mutex_lock(&q->lock);
    q->stop = true;
    (void)pthread_cond_broadcast(&q->ready);
    (void)pthread_mutex_unlock(&q->lock);
    for (unsigned i = 0; i < q->workers_n; i++)
        (void)pthread_join(q->workers[i].thread, NULL);
    free(q->workers);
    q->workers = NULL;
    q->workers_n = 0;
}
