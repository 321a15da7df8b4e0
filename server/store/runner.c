/* The writer thread: takes what is queued, runs it as one batch, wakes each caller with its result.
 * A caller sleeps while its job runs; the mutex hands its arena and arguments over and back. */
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/store/store_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LOST_TRIES 4
#define RECONNECT_WAIT (25 * USEC_PER_SEC / 1000)

struct runner {
    struct db *db; /* the writer thread's own */
    unsigned batch_max;
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t work;  /* something was queued, or stop */
    struct job *head, **tail;
    size_t queued;
    bool stop;
    struct write_counters count;
};

static void count(struct runner *r, uint64_t *counter, uint64_t n)
{
    (void)pthread_mutex_lock(&r->lock);
    *counter += n;
    (void)pthread_mutex_unlock(&r->lock);
}

static void count_batch(struct runner *r, struct job *const *jobs, size_t n)
{
    size_t bucket = 0;
    while (((size_t)1 << bucket) < n)
        bucket++;
    (void)pthread_mutex_lock(&r->lock);
    r->count.commits++;
    r->count.batch_sizes[bucket]++;
    r->count.batch_jobs += n;
    for (size_t i = 0; i < n; i++) {
        r->count.refused += jobs[i]->result != OK;
        r->count.replays += jobs[i]->result == OK && jobs[i]->answer.replayed;
    }
    (void)pthread_mutex_unlock(&r->lock);
}

/* Wakes the callers. A job's memory is its caller's stack: it is gone once the lock is released. */
static void answer_all(struct runner *r, struct job *const *jobs, size_t n)
{
    (void)pthread_mutex_lock(&r->lock);
    r->count.callbacks += n;
    for (size_t i = 0; i < n; i++) {
        jobs[i]->done = true;
        (void)pthread_cond_signal(&jobs[i]->wake);
    }
    (void)pthread_mutex_unlock(&r->lock);
}

static void answer_with(struct runner *r, struct job *job, enum err e)
{
    job->result = e;
    answer_all(r, &job, 1);
}

/* Answers the jobs whose time is over and returns how many are left, in order. */
static size_t drop_late(struct runner *r, struct job **jobs, size_t n, enum err why)
{
    usec_t now = clock_monotonic();
    size_t left = 0;
    for (size_t i = 0; i < n; i++) {
        if (now < jobs[i]->deadline) {
            jobs[left++] = jobs[i];
            continue;
        }
        count(r, &r->count.timeouts, 1);
        answer_with(r, jobs[i], why);
    }
    return left;
}

static enum err connect_writer(struct runner *r)
{
    if (db_alive(r->db))
        return OK;
    count(r, &r->count.reconnects, 1);
    enum err e = db_reconnect(r->db);
    if (e == OK)
        e = batch_setup(r->db);
    if (e != OK)
        db_abandon(r->db);
    return e;
}

/* There is no event that says "PostgreSQL is back" for every way it may be reached: ask again soon.
 */
static void wait_before_retry(struct runner *r)
{
    (void)pthread_mutex_lock(&r->lock);
    /* A signal for new work ends this early, which does no harm. */
    (void)wait_until(&r->work, &r->lock, clock_monotonic() + RECONNECT_WAIT);
    (void)pthread_mutex_unlock(&r->lock);
}

/* Runs the jobs in one transaction until it is committed or definitely refused. OK: all answered.
 * ERR_DB_DOWN: it cost the connection several times although PostgreSQL could be reached, so one of
 * these jobs may be what does it. */
static enum err run_together(struct runner *r, struct job **jobs, size_t *n)
{
    enum err why = ERR_TIMEOUT;
    unsigned lost = 0;
    while ((*n = drop_late(r, jobs, *n, why)) > 0) {
        enum err e = connect_writer(r);
        if (e == OK) {
            e = batch_try(r->db, jobs, *n);
            lost += e == ERR_DB_DOWN;
        }
        if (e == OK) {
            count_batch(r, jobs, *n);
            answer_all(r, jobs, *n);
            return OK;
        }
        if (e != ERR_DB_DOWN || lost >= LOST_TRIES)
            return e;
        why = ERR_DB_DOWN;
        wait_before_retry(r);
    }
    return OK;
}

/* A batch that was refused is run job by job: so the culprit fails alone, and a deadlock's victims
 * hold few locks when they try again. */
static void run_alone(struct runner *r, struct job *job)
{
    enum err e = ERR_DB_CONFLICT;
    for (int i = 0; i < CONFLICT_TRIES && e == ERR_DB_CONFLICT; i++) {
        size_t n = 1;
        e = run_together(r, &job, &n);
        if (e == ERR_DB_CONFLICT)
            count(r, &r->count.conflicts, 1);
    }
    if (e != OK)
        answer_with(r, job, e);
}

static void run_batch(struct runner *r, struct job **jobs, size_t n)
{
    enum err e = run_together(r, jobs, &n);
    if (e == OK)
        return;
    if (e == ERR_DB_CONFLICT)
        count(r, &r->count.conflicts, 1);
    for (size_t i = 0; i < n; i++)
        run_alone(r, jobs[i]);
}

/* Sleeps until there is work; 0 = stop, and nothing is left. */
static size_t take_batch(struct runner *r, struct job **ret)
{
    size_t n = 0;
    (void)pthread_mutex_lock(&r->lock);
    while (r->head == NULL && !r->stop)
        (void)pthread_cond_wait(&r->work, &r->lock);
    for (; r->head != NULL && n < r->batch_max; r->queued--) {
        ret[n++] = r->head;
        r->head = r->head->next;
    }
    if (r->head == NULL)
        r->tail = &r->head;
    (void)pthread_mutex_unlock(&r->lock);
    return n;
}

static void *writer_main(void *arg)
{
    struct runner *r = arg;
    struct job *jobs[BATCH_MAX];
    size_t n;
    while ((n = take_batch(r, jobs)) > 0)
        run_batch(r, jobs, n);
    return NULL;
}

enum err runner_write(struct runner *r, struct job *job)
{
    wait_init(&job->wake);
    job->deadline = clock_monotonic() + JOB_DEADLINE;
    (void)pthread_mutex_lock(&r->lock);
    if (r->queued >= QUEUE_MAX || r->stop) {
        r->count.turned_away++;
        job->result = ERR_BUSY;
        job->done = true;
    } else {
        *r->tail = job;
        r->tail = &job->next;
        r->queued++;
        (void)pthread_cond_signal(&r->work);
    }
    while (!job->done)
        (void)pthread_cond_wait(&job->wake, &r->lock);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_cond_destroy(&job->wake);
    return job->result;
}

void runner_counters(struct runner *r, struct write_counters *ret, size_t *ret_queued)
{
    (void)pthread_mutex_lock(&r->lock);
    *ret = r->count;
    *ret_queued = r->queued;
    (void)pthread_mutex_unlock(&r->lock);
}

enum err runner_start(const char *conninfo, unsigned batch_max, struct runner **ret)
{
    assert(batch_max >= 1 && batch_max <= BATCH_MAX);
    struct runner *r = calloc(1, sizeof(*r));
    if (r == NULL || (r->db = db_new(conninfo)) == NULL) {
        free(r);
        return ERR_NO_MEMORY;
    }
    r->batch_max = batch_max;
    r->tail = &r->head;
    (void)pthread_mutex_init(&r->lock, NULL);
    wait_init(&r->work);
    if (thread_start(&r->thread, "writer", writer_main, r) != OK) {
        db_close(r->db);
        free(r);
        return ERR_NO_MEMORY;
    }
    *ret = r;
    return OK;
}

void runner_stop(struct runner *r)
{
    (void)pthread_mutex_lock(&r->lock);
    r->stop = true;
    (void)pthread_cond_signal(&r->work);
    (void)pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->thread, NULL);
    db_close(r->db);
    (void)pthread_cond_destroy(&r->work);
    (void)pthread_mutex_destroy(&r->lock);
    free(r);
}
