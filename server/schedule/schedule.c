#include "server/schedule/schedule.h"

#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/market/board.h"
#include "server/market/bounty.h"
#include "server/market/price.h"
#include "server/market/submission.h"
#include "server/membership/membership.h"
#include "server/party/enroll.h"
#include "server/party/party.h"
#include "server/payout/payout.h"

#include <pthread.h>

#define LOOK_MS 1000
#define AT_ONCE 64 /* per kind and look */

struct schedule {
    struct app *app;
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake, stop;
};

/* Keeps the first failure: one thing that cannot be done must not keep the others from being done.
 * ERR_STATE is none: somebody else did it meanwhile. */
static void keep(enum err *first, enum err e)
{
    if (*first == OK && e != ERR_STATE)
        *first = e;
}

/* Without a database there is no use in trying the next one. */
static bool goes_on(enum err e)
{
    return e != ERR_DB_DOWN;
}

static enum err do_submissions(struct schedule *s, usec_t now)
{
    struct rows *r = NULL;
    enum err first = store_submissions_due(s->db, now, AT_ONCE, &r);
    size_t n = first == OK ? rows_count(r) : 0;
    for (size_t i = 0; i < n && goes_on(first); i++) {
        struct id id = row_id(r, i, 0);
        keep(&first, submission_due(s->app, &id, row_i64(r, i, 1)));
    }
    rows_free(r);
    return first;
}

static enum err do_bounties(struct schedule *s, usec_t now)
{
    struct rows *r = NULL;
    enum err first = store_bounties_over(s->db, now, AT_ONCE, &r);
    size_t n = first == OK ? rows_count(r) : 0;
    for (size_t i = 0; i < n && goes_on(first); i++) {
        struct id id = row_id(r, i, 0);
        keep(&first, bounty_expire(s->app, &id));
    }
    rows_free(r);
    return first;
}

static enum err do_payouts(struct schedule *s)
{
    struct rows *r = NULL;
    enum err first = store_payouts_open(s->db, AT_ONCE, &r);
    size_t n = first == OK ? rows_count(r) : 0;
    for (size_t i = 0; i < n && goes_on(first); i++) {
        struct id id = row_id(r, i, 0);
        keep(&first, payout_advance(s->app, s->db, &id));
    }
    if (first == OK && n == AT_ONCE)
        schedule_wake(s); /* there are more */
    rows_free(r);
    return first;
}

static enum err look(struct schedule *s)
{
    usec_t now = s->app->now(s->app);
    enum err first = db_check(s->db);
    if (first == OK)
        keep(&first, do_submissions(s, now));
    if (goes_on(first))
        keep(&first, do_bounties(s, now));
    if (goes_on(first))
        keep(&first, do_payouts(s));
    if (goes_on(first))
        keep(&first, store_sessions_expire(s->db, now));
    if (goes_on(first))
        keep(&first, enroll_missing(s->app, s->db));
    if (goes_on(first))
        keep(&first, price_publish(s->app, s->db));
    if (goes_on(first))
        keep(&first, board_refresh(s->app->board, s->db));
    if (goes_on(first))
        keep(&first, membership_duties(s->app));
    return first;
}

static bool wait_for_work(struct schedule *s)
{
    usec_t until = clock_monotonic() + LOOK_MS * 1000;
    (void)pthread_mutex_lock(&s->lock);
    while (!s->wake && !s->stop)
        if (!wait_until(&s->woken, &s->lock, until))
            break;
    s->wake = false;
    bool go_on = !s->stop;
    (void)pthread_mutex_unlock(&s->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct schedule *s = arg;
    enum err last = OK;
    while (wait_for_work(s)) {
        enum err e = look(s);
        if (e != OK && e != last)
            log_error("schedule", "a step failed: %s", err_text(e));
        last = e;
    }
    return NULL;
}

enum err schedule_start(struct app *app, struct schedule **ret)
{
    struct schedule *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->app = app;
    s->wake = true;
    (void)pthread_mutex_init(&s->lock, NULL);
    wait_init(&s->woken);
    enum err e = db_open(app->store, &s->db);
    if (e == OK)
        e = thread_start(&s->thread, "schedule", run, s);
    if (e != OK) {
        db_close(s->db);
        free(s);
        return e;
    }
    *ret = s;
    return OK;
}

void schedule_stop(struct schedule *s)
{
    if (s == NULL)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stop = true;
    (void)pthread_cond_signal(&s->woken);
    (void)pthread_mutex_unlock(&s->lock);
    (void)pthread_join(s->thread, NULL);
    db_close(s->db);
    (void)pthread_cond_destroy(&s->woken);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

void schedule_wake(struct schedule *s)
{
    (void)pthread_mutex_lock(&s->lock);
    s->wake = true;
    (void)pthread_cond_signal(&s->woken);
    (void)pthread_mutex_unlock(&s->lock);
}
