/* The driver: its life and its loop. */
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/ledger/io/journal.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/log/tile.h"
#include "server/store/chain.h"
#include "server/store/health.h"
#include "server/store/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Entries that another process of this member wrote are found by looking: soon again after some
 * were found, then more and more seldom, at least once a second. */
#define LEDGER_LOOK_MS 1000
#define LEDGER_LOOK_SOON_MS 5
#define PING_EVERY_US (USEC_PER_SEC / 4)
#define DRAIN_US (2 * USEC_PER_SEC)

/* ---- what the ledger thread brings ----------------------------------------------------------- */

static void wake_locked(struct ledger *l)
{
    l->wake = true;
    (void)pthread_cond_signal(&l->woken);
}

static void on_final_block(void *arg, struct final_block *b)
{
    struct ledger *l = arg;
    (void)pthread_mutex_lock(&l->lock);
    b->next = NULL;
    *l->finals_tail = b;
    l->finals_tail = &b->next;
    wake_locked(l);
    (void)pthread_mutex_unlock(&l->lock);
}

static void free_note(struct note_item *n)
{
    if (n == NULL)
        return;
    buf_release(&n->note.note);
    free(n);
}

/* A checkpoint that finds no memory is made again with the next one. */
static void on_final_note(void *arg, const struct final_note *n)
{
    struct ledger *l = arg;
    struct note_item *item = calloc(1, sizeof(*item));
    if (item == NULL)
        return;
    item->note = *n;
    buf_init(&item->note.note, CHECKPOINT_MAX);
    if (buf_add(&item->note.note, n->note.data, n->note.len) != OK) {
        free_note(item);
        return;
    }
    (void)pthread_mutex_lock(&l->lock);
    struct note_item *old = l->notes[n->chain - 1];
    l->notes[n->chain - 1] = item;
    wake_locked(l);
    (void)pthread_mutex_unlock(&l->lock);
    free_note(old);
}

static void on_serve(void *arg, uint16_t from, const struct wire_pull *p)
{
    struct ledger *l = arg;
    (void)pthread_mutex_lock(&l->lock);
    if (l->n_serve < SERVE_MAX)
        l->serve[l->n_serve++] = (struct serve_item){ .from = from, .pull = *p };
    wake_locked(l);
    (void)pthread_mutex_unlock(&l->lock);
}

static void on_evidence(void *arg, const uint8_t *bytes, size_t len)
{
    struct ledger *l = arg;
    (void)pthread_mutex_lock(&l->lock);
    if (l->evidence.len == 0 && buf_add(&l->evidence, bytes, len) == OK)
        wake_locked(l);
    (void)pthread_mutex_unlock(&l->lock);
}

/* ---- consensus on and off -------------------------------------------------------------------- */

static enum err start_consensus(struct ledger *l)
{
    char dir[256];
    struct consensus_start *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(dir, sizeof(dir), "%s/journal", l->app->data_dir);
    *s = (struct consensus_start){ .dir = dir,
                                   .federation = l->app->federation,
                                   .keys = &l->keys,
                                   .me = l->app->member,
                                   .t0_ms = l->genesis.t0_ms,
                                   .in_flight_max = l->in_flight_max,
                                   .members = &l->members,
                                   .peers = l->app->peers,
                                   .hooks = { l, on_final_block, on_final_note, on_serve,
                                              on_evidence },
                                   .now = l->app->now,
                                   .app = l->app };
    struct members *first = malloc(sizeof(*first));
    enum err e = first != NULL ? store_journal_mark(l->db, l->keys.vote.public, &s->high_mark)
                               : ERR_NO_MEMORY;
    if (e == OK) {
        members_init(first, &l->genesis, l->members.genesis);
        s->first = first;
        e = ledger_load_ends(l);
    }
    s->ends = l->ends;
    s->n_ends = l->n_ends;
    for (int k = 0; k < CHAINS; k++) {
        s->tips[k] = l->logs[k].tip;
        s->tip_cert[k] = l->logs[k].tip_cert;
        s->tip_cert_len[k] = l->logs[k].tip_cert_len;
        s->published[k] = l->logs[k].published_size;
    }
    struct consensus *c = NULL;
    if (e == OK)
        e = consensus_open(s, &c);
    if (e == OK) {
        (void)pthread_mutex_lock(&l->lock);
        l->consensus = c;
        (void)pthread_mutex_unlock(&l->lock);
    }
    free(first);
    free(s);
    return e;
}

static void drop_brought(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    while (l->finals != NULL) {
        struct final_block *f = l->finals;
        l->finals = f->next;
        final_block_free(f);
    }
    l->finals_tail = &l->finals;
    for (int k = 0; k < CHAINS; k++) {
        free_note(l->notes[k]);
        l->notes[k] = NULL;
    }
    l->n_serve = 0;
    (void)pthread_mutex_unlock(&l->lock);
}

static void stop_consensus(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    struct consensus *c = l->consensus;
    l->consensus = NULL;
    (void)pthread_mutex_unlock(&l->lock);
    consensus_close(c);
    drop_brought(l);
}

/* Session level: it goes with the connection, and taking it again on the same one is harmless.
 * Whoever does not get it follows: it serves what the driver publishes, and takes over when the
 * driver is gone. */
static enum err take_lock(struct ledger *l)
{
    bool got = false;
    enum err e = store_driver_lock(l->db, &got);
    l->session = db_connects(l->db);
    if (e == OK && got != l->drives)
        log_info("ledger", got ? "this process drives the ledger" : "another process drives it");
    if (e == OK)
        l->drives = got;
    return e;
}

static enum err load_all(struct ledger *l)
{
    enum err e = ledger_load_members(l);
    for (int k = 0; k < CHAINS && e == OK; k++)
        e = ledger_load(l, &l->logs[k]);
    return e;
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* A block stays at the head of the queue until the database has it. */
static enum err deliver_all(struct ledger *l)
{
    for (;;) {
        (void)pthread_mutex_lock(&l->lock);
        struct final_block *f = l->finals;
        (void)pthread_mutex_unlock(&l->lock);
        if (f == NULL)
            return OK;
        enum err e = ledger_deliver(l, f);
        if (e != OK)
            return e;
        (void)pthread_mutex_lock(&l->lock);
        l->finals = f->next;
        if (l->finals == NULL)
            l->finals_tail = &l->finals;
        (void)pthread_mutex_unlock(&l->lock);
        consensus_delivered(l->consensus, f);
    }
}

static enum err publish_all(struct ledger *l)
{
    enum err e = OK;
    for (int k = 0; k < CHAINS && e == OK; k++) {
        (void)pthread_mutex_lock(&l->lock);
        struct note_item *n = l->notes[k];
        l->notes[k] = NULL;
        (void)pthread_mutex_unlock(&l->lock);
        if (n != NULL)
            e = ledger_publish(l, &n->note);
        free_note(n);
    }
    return e;
}

static void serve_all(struct ledger *l)
{
    struct serve_item items[SERVE_MAX];
    (void)pthread_mutex_lock(&l->lock);
    size_t n = l->n_serve;
    memcpy(items, l->serve, n * sizeof(*items));
    l->n_serve = 0;
    (void)pthread_mutex_unlock(&l->lock);
    for (size_t k = 0; k < n; k++)
        ledger_serve(l, &items[k]);
}

static bool finals_wait(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    bool wait = l->finals != NULL;
    (void)pthread_mutex_unlock(&l->lock);
    return wait;
}

/* The outbox is asked when somebody wrote to it, when it is time to look, and where the last answer
 * may not have been all of it; not after every block. */
static enum err feed_chain(struct ledger *l, struct chain_log *log, bool said, bool doubtful)
{
    usec_t now = clock_monotonic();
    size_t waiting = 0;
    bool look = doubtful || now >= log->look_at;
    uint64_t offered = consensus_offered(l->consensus, log->chain, &waiting);
    if (!look && !said && !log->more)
        return OK;
    enum err e = ledger_feed(l, log->chain, &log->more);
    bool found = log->more || consensus_offered(l->consensus, log->chain, &waiting) != offered;
    if (look || log->more) {
        log->look_ms = found                               ? LEDGER_LOOK_SOON_MS
                       : 2 * log->look_ms < LEDGER_LOOK_MS ? 2 * log->look_ms
                                                           : LEDGER_LOOK_MS;
        log->look_at = now + log->look_ms * 1000;
    }
    return e;
}

/* The chain of transactions comes first: most of what waits is there. */
static enum err feed_all(struct ledger *l, bool doubtful)
{
    (void)pthread_mutex_lock(&l->lock);
    bool said = l->feed;
    l->feed = false;
    (void)pthread_mutex_unlock(&l->lock);
    enum err e = feed_chain(l, &l->logs[CHAIN_TX - 1], said, doubtful);
    return e == OK ? feed_chain(l, &l->logs[CHAIN_ACCOUNT - 1], said, doubtful) : e;
}

/* After a failure whose outcome may be open, tips and checkpoints are read again: a block whose
 * COMMIT got through is recognised by its height. */
static enum err drive_once(struct ledger *l, bool doubtful)
{
    enum err e = OK;
    if (l->consensus == NULL || doubtful)
        e = load_all(l);
    if (e == OK && doubtful)
        l->on_publish(l->on_publish_arg);
    if (e == OK && l->consensus == NULL)
        e = start_consensus(l);
    /* Final blocks before anything else; those that came meanwhile share one checkpoint. */
    while (e == OK && finals_wait(l)) {
        e = deliver_all(l);
        if (e == OK)
            e = feed_all(l, doubtful);
    }
    if (e == OK)
        e = feed_all(l, doubtful);
    if (e == OK)
        e = publish_all(l);
    if (e == OK)
        serve_all(l);
    return e;
}

/* Asked often enough to notice in time that the lock is gone, not at every entry: a delivery asks
 * for the lock itself, in its own transaction. */
static bool still_connected(struct ledger *l)
{
    usec_t now = clock_monotonic();
    if (db_connects(l->db) != l->session)
        return false;
    if (now - l->pinged_at < PING_EVERY_US)
        return true;
    bool ok = store_ping(l->db) == OK && db_connects(l->db) == l->session;
    l->pinged_at = ok ? now : 0;
    return ok;
}

/* A connection that was lost took the lock with it, and another process may have driven since. */
static enum err look(struct ledger *l)
{
    bool doubtful = !atomic_load(&l->healthy);
    enum err e = db_check(l->db);
    bool drove = l->drives && e == OK && still_connected(l);
    if (e == OK)
        e = db_check(l->db); /* the ping may have found it lost */
    drove = drove && db_connects(l->db) == l->session;
    l->drives = drove;
    if (e == OK && (doubtful || !drove))
        e = take_lock(l);
    if (e == OK && l->drives)
        return drive_once(l, doubtful || !drove);
    if (e == OK && l->consensus != NULL)
        stop_consensus(l); /* somebody else has the lock */
    if (e == OK)
        e = ledger_load_members(l);
    for (int k = 0; k < CHAINS && e == OK; k++)
        e = ledger_follow(l, &l->logs[k]);
    return e;
}

/* When the outbox is looked at though nobody woke us. */
static usec_t next_look(const struct ledger *l)
{
    int64_t soonest =
        l->logs[0].look_ms < l->logs[1].look_ms ? l->logs[0].look_ms : l->logs[1].look_ms;
    return clock_monotonic() + soonest * 1000;
}

/* Returns false when it is time to stop. */
static bool wait_for_work(struct ledger *l)
{
    usec_t until = next_look(l);
    (void)pthread_mutex_lock(&l->lock);
    while (!l->wake && !l->stop)
        if (!wait_until(&l->woken, &l->lock, until))
            break;
    l->wake = false;
    bool go_on = !l->stop;
    (void)pthread_mutex_unlock(&l->lock);
    return go_on;
}

/* On stopping, what is under way gets a moment to be finished, so that a member that is asked to
 * stop leaves nothing unordered; whatever remains is ordered after the next start. */
static bool finished(struct ledger *l)
{
    struct consensus_state s;
    if (l->consensus == NULL || !atomic_load(&l->healthy))
        return true;
    consensus_state(l->consensus, &s);
    bool done = true;
    for (int k = 0; k < CHAINS; k++)
        done = done && s.chain[k].pool_batches == 0 && !l->logs[k].more &&
               l->logs[k].published_size == l->logs[k].tip.tree.size;
    (void)pthread_mutex_lock(&l->lock);
    done = done && l->finals == NULL && !l->feed;
    (void)pthread_mutex_unlock(&l->lock);
    return done;
}

static void drain(struct ledger *l)
{
    usec_t until = clock_monotonic() + DRAIN_US;
    while (!finished(l) && clock_monotonic() < until) {
        usec_t look_at = next_look(l); /* entries may be held back for a moment */
        (void)pthread_mutex_lock(&l->lock);
        while (!l->wake && wait_until(&l->woken, &l->lock, look_at < until ? look_at : until))
            ;
        l->wake = false;
        (void)pthread_mutex_unlock(&l->lock);
        atomic_store(&l->healthy, look(l) == OK);
    }
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
    drain(l);
    return NULL;
}

/* ---- life cycle ------------------------------------------------------------------------------ */

static enum err setup_log(struct ledger *l, struct chain_log *log, enum chain chain)
{
    log->chain = chain;
    buf_init(&log->published_note, CHECKPOINT_MAX);
    tree_edge_init(&log->edge);
    log->look_ms = LEDGER_LOOK_MS;
    (void)snprintf(log->origin, sizeof(log->origin), "%s/%s", l->app->federation,
                   chain_name(chain));
    return note_key_make(log->origin, NOTE_TYPE_ED25519, l->keys.log[chain - 1].public, &log->key)
               ? OK
               : ERR_USAGE;
}

/* The whole log is read and hashed once before anything is served. */
static enum err verify_all(struct ledger *l, struct chain_log *log)
{
    struct merkle_hash root, stored;
    merkle_root(&log->tip.tree, &stored);
    enum err e = tree_recompute(l->db, log->chain, 0, log->tip.tree.size, &root);
    if (e == OK && memcmp(root.bytes, stored.bytes, HASH_BYTES) != 0)
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
    for (int i = 0; i < CHAINS && e == OK; i++)
        e = setup_log(l, &l->logs[i], (enum chain)(i + 1));
    if (e == OK)
        e = load_all(l);
    for (int i = 0; i < CHAINS && e == OK; i++)
        e = verify_all(l, &l->logs[i]);
    if (e == OK && l->drives)
        e = start_consensus(l);
    return e;
}

static void release(struct ledger *l)
{
    stop_consensus(l);
    for (int i = 0; i < CHAINS; i++) {
        buf_release(&l->logs[i].published_note);
        tree_edge_release(&l->logs[i].edge);
        free(l->logs[i].tip_cert);
    }
    ledger_free_ends(l);
    if (l->mark_fd >= 0)
        (void)close(l->mark_fd);
    db_close(l->db);
    buf_release(&l->evidence);
    bytes_wipe(&l->keys, sizeof(l->keys));
    (void)pthread_cond_destroy(&l->woken);
    (void)pthread_mutex_destroy(&l->lock);
    free(l);
}

enum err ledger_open(struct app *app, const struct ledger_start *s, struct ledger **ret)
{
    struct ledger *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->app = app;
    l->keys = *s->keys;
    l->genesis = *s->genesis;
    l->apply = s->apply;
    l->n_apply = s->n_apply;
    l->in_flight_max = s->in_flight_max != 0 ? s->in_flight_max : IN_FLIGHT_DEFAULT;
    l->mark_fd = -1;
    l->on_publish = s->on_publish;
    l->on_publish_arg = s->arg;
    l->wake = true;
    l->finals_tail = &l->finals;
    buf_init(&l->evidence, 4096);
    members_init(&l->members, s->genesis, s->genesis_hash);
    atomic_store(&l->healthy, true);
    (void)pthread_mutex_init(&l->lock, NULL);
    wait_init(&l->woken);
    enum err e = open_all(l);
    if (e == OK)
        e = thread_start(&l->thread, "driver", drive, l);
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
    l->feed = true; /* whoever wrote last may not have said so */
    (void)pthread_cond_signal(&l->woken);
    (void)pthread_mutex_unlock(&l->lock);
    (void)pthread_join(l->thread, NULL);
    release(l);
}

void ledger_wake(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    l->feed = true;
    wake_locked(l);
    (void)pthread_mutex_unlock(&l->lock);
}

void ledger_frames(struct ledger *l)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->consensus != NULL)
        consensus_wake(l->consensus);
    (void)pthread_mutex_unlock(&l->lock);
}

enum err ledger_found(const char *data_dir, const uint8_t genesis_hash[HASH_BYTES])
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/ledger.mark", data_dir);
    enum err e = mark_create(path);
    (void)snprintf(path, sizeof(path), "%s/journal", data_dir);
    return e == OK ? journal_create(path, genesis_hash) : e;
}
