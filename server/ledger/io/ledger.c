#include "server/ledger/io/ledger_internal.h"

#include "server/base/log.h"
#include "server/ledger/log/tile.h"
#include "server/store/health.h"
#include "server/store/log.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Entries that another process of this member wrote are found by looking once a second. */
#define LEDGER_LOOK_MS 1000

/* ---- the thread ------------------------------------------------------------------------------ */

static struct timespec in_ms(int64_t ms)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * 1000000L;
    if (t.tv_nsec >= 1000000000L) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000L;
    }
    return t;
}

/* Returns false when it is time to stop. */
static bool wait_for_work(struct ledger *l)
{
    struct timespec until = in_ms(LEDGER_LOOK_MS);
    (void)pthread_mutex_lock(&l->lock);
    while (!l->wake && !l->stop)
        if (pthread_cond_timedwait(&l->woken, &l->lock, &until) != 0)
            break;
    l->wake = false;
    bool go_on = !l->stop;
    (void)pthread_mutex_unlock(&l->lock);
    return go_on;
}

/* Session level: it goes with the connection, and taking it again on the same one is harmless.
 * Whoever does not get it follows: it serves what the driver publishes, and takes over when the
 * driver is gone. */
static enum err take_lock(struct ledger *l)
{
    bool got = false;
    enum err e = store_driver_lock(l->db, &got);
    if (e == OK && got != l->drives)
        log_info("ledger", got ? "this process drives the ledger" : "another process drives it");
    if (e == OK)
        l->drives = got;
    return e;
}

/* After any failure memory is dropped and loaded again: nothing is signed from doubtful state. */
static enum err deliver_all(struct ledger *l, bool reload)
{
    enum err e = OK;
    for (int i = 0; i < CHAINS && e == OK; i++) {
        if (reload) {
            e = ledger_load(l, &l->logs[i]);
            if (e == OK)
                l->on_publish(
                    l->on_publish_arg); /* a COMMIT of unknown outcome may have been one */
        }
        size_t n = LEDGER_BATCH_MAX;
        while (e == OK && n == LEDGER_BATCH_MAX)
            e = ledger_deliver(l, &l->logs[i], &n);
    }
    return e;
}

/* A connection that was lost took the lock with it, and another process may have driven since. */
static enum err look(struct ledger *l)
{
    bool drove = l->drives && store_ping(l->db) == OK, doubtful = !atomic_load(&l->healthy);
    l->drives = drove;
    enum err e = db_check(l->db);
    if (e == OK && (doubtful || !drove))
        e = take_lock(l);
    if (e == OK && l->drives)
        return deliver_all(l, doubtful || !drove);
    for (int i = 0; i < CHAINS && e == OK; i++)
        e = ledger_follow(l, &l->logs[i]);
    return e;
}

static void *drive(void *arg)
{
    struct ledger *l = arg;
    bool go_on = true;
    enum err last = OK;
    while (go_on) {
        go_on = wait_for_work(l);
        enum err e = look(l);
        if (e != OK && e != last)
            log_error("ledger", "delivery failed: %s", err_text(e));
        if (e != OK)
            (void)atomic_fetch_add(&l->failures, 1);
        last = e;
        atomic_store(&l->healthy, e == OK);
    }
    return NULL;
}

/* ---- life cycle ------------------------------------------------------------------------------ */

static enum err setup_log(struct ledger *l, struct chain_log *log, enum chain chain)
{
    log->chain = chain;
    buf_init(&log->published_note, CHECKPOINT_MAX);
    merkle_init(&log->tree);
    (void)snprintf(log->origin, sizeof(log->origin), "%s/%s", l->app->federation,
                   chain_name(chain));
    return note_key_make(log->origin, NOTE_TYPE_ED25519, l->keys.log[chain - 1].public, &log->key)
               ? OK
               : ERR_USAGE;
}

/* The whole log is read and hashed once before anything is served. */
static enum err verify_all(struct ledger *l, struct chain_log *log)
{
    struct merkle_hash root;
    enum err e = tree_recompute(l->db, log->chain, 0, log->tree.size, &root);
    if (e == OK && memcmp(root.bytes, log->published_root.bytes, HASH_BYTES) != 0)
        e = ERR_LOG_INCONSISTENT;
    return e;
}

static enum err open_all(struct ledger *l)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/ledger.mark", l->app->data_dir);
    enum err e = mark_open(path, &l->mark_fd);
    if (e == ERR_NOT_FOUND) {
        log_error("ledger", "%s is missing; restore it with the newest database", path);
        e = ERR_DB_OLD;
    }
    if (e == OK)
        e = db_open(l->app->store, &l->db);
    if (e == OK)
        e = take_lock(l);
    char name[NOTE_NAME_MAX + 1];
    (void)snprintf(name, sizeof(name), "%s/member-%u", l->app->federation, l->app->member);
    if (e == OK &&
        !note_key_make(name, NOTE_TYPE_COSIGNATURE, l->keys.cosigner.public, &l->cosigner))
        e = ERR_USAGE;
    for (int i = 0; i < CHAINS && e == OK; i++) {
        e = setup_log(l, &l->logs[i], (enum chain)(i + 1));
        if (e == OK)
            e = ledger_load(l, &l->logs[i]);
        if (e == OK)
            e = verify_all(l, &l->logs[i]);
    }
    return e;
}

static void release(struct ledger *l)
{
    for (int i = 0; i < CHAINS; i++)
        buf_release(&l->logs[i].published_note);
    if (l->mark_fd >= 0)
        (void)close(l->mark_fd);
    db_close(l->db);
    sign_key_wipe(&l->keys.log[0]);
    sign_key_wipe(&l->keys.log[1]);
    sign_key_wipe(&l->keys.cosigner);
    (void)pthread_cond_destroy(&l->woken);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

enum err ledger_open(struct app *app, const struct ledger_keys *keys, void (*on_publish)(void *),
                     void *arg, struct ledger **ret)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NO_MEMORY;
    *l = (struct ledger){ .app = app,
                          .keys = *keys,
                          .mark_fd = -1,
                          .on_publish = on_publish,
                          .on_publish_arg = arg,
                          .wake = true };
    atomic_store(&l->healthy, true);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_mutex_init(&l->lock, NULL);
    (void)pthread_cond_init(&l->woken, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    enum err e = open_all(l);
    if (e == OK && pthread_create(&l->thread, NULL, drive, l) != 0)
        e = ERR_NO_MEMORY;
    if (e != OK) {
        release(l);
        return e;
    }
    *ret = l;
    return OK;
}

void ledger_close(struct ledger *l)
{
    if (l == NULL)
        return;
    (void)pthread_mutex_lock(&l->lock);
    l->stop = true;
    (void)pthread_cond_signal(&l->woken);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    release(l);
}

void ledger_wake(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->wake = true;
    (void)pthread_cond_signal(&l->woken);
    (void)pthread_mutex_unlock(&l->lock);
}

enum err ledger_mark_init(const char *data_dir)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/ledger.mark", data_dir);
    return mark_create(path);
}
