#include "server/witness/asker.h"

#include "server/base/arena.h"
#include "server/base/log.h"
#include "server/base/thread.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/outside.h"
#include "server/ledger/io/tree.h"
#include "server/ledger/log/witness.h"
#include "server/peer/post.h"
#include "server/store/log.h"
#include "server/store/witness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define LOOK_US USEC_PER_SEC /* what another process published or stored wakes nobody here */
#define URL_MAX 320
#define ANSWER_MAX (64u << 10)
#define ARENA_MAX ((size_t)4 << 20)
#define TOLD_TRIES 2 /* with our own idea of what it has cosigned, and with what it says */

enum outcome { COSIGNED, AHEAD, FAILED, OUTCOMES };

struct asked {
    char url[URL_MAX];
    struct note_key key;
    usec_t not_before[CHAINS]; /* monotonic */
    usec_t pause;              /* 0: the last request was answered well */
    atomic_ullong outcomes[OUTCOMES];
};

struct asker {
    struct app *app;
    struct db *db;
    struct poster *poster;
    struct asked list[ASKER_WITNESSES_MAX];
    size_t n;
    usec_t look_at; /* monotonic; when it is looked even if nobody woke us */
    bool started;
    atomic_bool stop;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake;
};

/* The newest checkpoint of a chain. */
struct newest {
    enum chain chain;
    uint64_t size;
    const char *note;
    size_t body_len;
    struct arena *arena;
};

/* ---- one request ----------------------------------------------------------------------------- */

static enum err request_make(struct asker *a, const struct newest *c, uint64_t old, struct buf *ret)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    struct tree_reader reader;
    size_t n = 0;
    tree_reader_init(&reader, a->db, c->chain, c->arena);
    enum err e = merkle_consistency(tree_read, &reader, old, c->size, proof, &n);
    if (reader.error != OK)
        e = reader.error;
    return e == OK ? witness_request_print(old, proof, n, c->note, strlen(c->note), ret) : e;
}

static enum err line_store(struct asker *a, const struct asked *w, const struct newest *c,
                           const struct buf *answer)
{
    const char *line = NULL;
    size_t len = 0;
    enum err e = witness_answer_line(buf_str(answer), answer->len, &w->key, c->note, c->body_len,
                                     &line, &len);
    char *text = e == OK ? arena_memdup(c->arena, line, len + 1) : NULL;
    if (e == OK && text == NULL)
        e = ERR_NO_MEMORY;
    if (e != OK)
        return e;
    text[len] = '\0';
    return store_cosignature_put(a->db, c->chain, c->size, w->key.name, text, a->app->now(a->app));
}

/* 409: *old becomes what the witness says it has cosigned. The very size that was sent is no news:
 * then it has another root there. */
static enum err told(const struct asked *w, const struct newest *c, const struct buf *answer,
                     uint64_t *old, enum outcome *ret)
{
    uint64_t size = 0;
    enum err e = witness_answer_size(buf_str(answer), answer->len, &size);
    if (e != OK)
        return e;
    if (size == *old) {
        log_error("witness", "%s has cosigned another tree of %llu entries as %s", w->key.name,
                  (unsigned long long)size, chain_name(c->chain));
        return ERR_LOG_INCONSISTENT;
    }
    *old = size;
    *ret = size > c->size ? AHEAD : FAILED;
    return OK;
}

static enum err send_once(struct asker *a, const struct asked *w, const struct newest *c,
                          uint64_t old, int *ret_status, struct buf *answer)
{
    struct buf body;
    buf_init(&body, WITNESS_REQUEST_MAX);
    enum err e = request_make(a, c, old, &body);
    const struct post post = { .url = w->url,
                               .type = "text/plain; charset=utf-8",
                               .body = body.data,
                               .body_len = body.len,
                               .timeout_ms = ASKER_CALL_MS,
                               .abandon = &a->stop };
    if (e == OK)
        e = poster_send(a->poster, &post, ret_status, answer);
    buf_release(&body);
    return e;
}

/* *ret is FAILED unless it says otherwise. */
static enum err ask(struct asker *a, const struct asked *w, const struct newest *c, uint64_t old,
                    enum outcome *ret)
{
    struct buf answer;
    enum err e = OK;
    int status = 409;
    buf_init(&answer, ANSWER_MAX);
    *ret = FAILED;
    for (int i = 0; i < TOLD_TRIES && e == OK && status == 409 && *ret != AHEAD; i++) {
        e = send_once(a, w, c, old, &status, &answer);
        if (e == OK && status == 409)
            e = told(w, c, &answer, &old, ret);
    }
    if (e == OK && status == 200) {
        e = line_store(a, w, c, &answer);
        *ret = e == OK ? COSIGNED : FAILED;
    } else if (e == OK && *ret != AHEAD) {
        log_warn("witness", "%s answers %d about %s", w->key.name, status, chain_name(c->chain));
        e = ERR_MEMBER_DOWN;
    }
    buf_release(&answer);
    return e;
}

/* ---- who is due ------------------------------------------------------------------------------ */

/* It is the witness that failed, whichever chain it was asked about. */
static void note_outcome(struct asked *w, enum chain chain, enum outcome outcome, enum err e)
{
    usec_t now = clock_monotonic();
    (void)atomic_fetch_add(&w->outcomes[outcome], 1);
    if (outcome != FAILED) {
        w->pause = 0;
        w->not_before[chain - 1] = now + ASKER_EVERY;
        return;
    }
    if (w->pause == 0)
        log_warn("witness", "%s does not cosign: %s", w->key.name, err_text(e));
    w->pause = w->pause == 0                    ? ASKER_EVERY
               : w->pause * 2 < ASKER_PAUSE_MAX ? w->pause * 2
                                                : ASKER_PAUSE_MAX;
    for (int k = 0; k < CHAINS; k++)
        w->not_before[k] = now + w->pause;
}

static enum err visit(struct asker *a, struct asked *w, const struct newest *c)
{
    uint64_t old = 0;
    enum outcome outcome = FAILED;
    if (clock_monotonic() < w->not_before[c->chain - 1])
        return OK;
    enum err e = store_cosigned_size(a->db, c->chain, w->key.name, &old);
    if (e != OK || old >= c->size)
        return e;
    e = ask(a, w, c, old, &outcome);
    if (atomic_load(&a->stop) || e == ERR_DB_DOWN)
        return e; /* not the fault of the witness */
    note_outcome(w, c->chain, outcome, e);
    return OK;
}

static bool is_due(const struct asker *a, enum chain chain)
{
    usec_t now = clock_monotonic();
    for (size_t i = 0; i < a->n; i++)
        if (now >= a->list[i].not_before[chain - 1])
            return true;
    return false;
}

static enum err show(struct asker *a, const struct newest *c)
{
    const char *lines = NULL;
    enum err e = store_cosignatures(a->db, c->chain, c->size, c->arena, &lines);
    return e == OK ? outside_set(a->app->outside, c->chain, c->size, lines) : e;
}

/* A tree of no entries has no checkpoint that says anything. */
static enum err look_at(struct asker *a, enum chain chain, struct arena *arena)
{
    struct merkle_hash root;
    struct checkpoint parsed;
    struct newest c = { .chain = chain, .arena = arena };
    enum err e = store_checkpoint_last(a->db, chain, arena, &c.size, &root, &c.note);
    if (e != OK || c.note == NULL || c.size == 0)
        return e;
    e = checkpoint_parse(c.note, strlen(c.note), &parsed, &c.body_len);
    for (size_t i = 0; i < a->n && e == OK && !atomic_load(&a->stop); i++)
        e = visit(a, &a->list[i], &c);
    return e == OK ? show(a, &c) : e;
}

/* Under load there are many checkpoints in a second: the database is asked only if a witness may
 * be, or when a while has passed. */
static enum err look(struct asker *a)
{
    usec_t now = clock_monotonic();
    bool all = now >= a->look_at;
    enum err e = OK;
    if (all) {
        a->look_at = now + LOOK_US;
        e = db_check(a->db);
    }
    for (int k = 0; k < CHAINS && e == OK && !atomic_load(&a->stop); k++) {
        enum chain chain = (enum chain)(k + 1);
        if (!all && !is_due(a, chain))
            continue;
        struct arena *arena = arena_new(ARENA_MAX);
        e = arena != NULL ? look_at(a, chain, arena) : ERR_NO_MEMORY;
        arena_free(arena);
    }
    return e;
}

/* ---- the thread ------------------------------------------------------------------------------ */

static bool wait_for_work(struct asker *a)
{
    (void)pthread_mutex_lock(&a->lock);
    while (!a->wake && !atomic_load(&a->stop))
        if (!wait_until(&a->woken, &a->lock, a->look_at))
            break;
    a->wake = false;
    (void)pthread_mutex_unlock(&a->lock);
    return !atomic_load(&a->stop);
}

static void *run(void *arg)
{
    struct asker *a = arg;
    while (wait_for_work(a))
        if (look(a) != OK)
            continue; /* the store has logged it */
    return NULL;
}

enum err asker_new(struct app *app, const struct asker_witness *list, size_t n, struct asker **ret)
{
    if (n > ASKER_WITNESSES_MAX)
        return ERR_LIMIT;
    struct asker *a = calloc(1, sizeof(*a));
    if (a == NULL)
        return ERR_NO_MEMORY;
    a->app = app;
    a->n = n;
    for (size_t i = 0; i < n; i++) {
        a->list[i].key = list[i].key;
        (void)snprintf(a->list[i].url, URL_MAX, "%s/add-checkpoint", list[i].url);
    }
    (void)pthread_mutex_init(&a->lock, NULL);
    wait_init(&a->woken);
    enum err e = poster_new(&a->poster);
    if (e != OK) {
        asker_free(a);
        return e;
    }
    *ret = a;
    return OK;
}

enum err asker_start(struct asker *a)
{
    enum err e = db_open(a->app->store, &a->db);
    if (e == OK)
        e = thread_start(&a->thread, "witness", run, a);
    a->started = e == OK;
    return e;
}

void asker_stop(struct asker *a)
{
    if (a == NULL || !a->started)
        return;
    (void)pthread_mutex_lock(&a->lock);
    atomic_store(&a->stop, true);
    (void)pthread_cond_signal(&a->woken);
    (void)pthread_mutex_unlock(&a->lock);
    (void)pthread_join(a->thread, NULL);
    a->started = false;
}

void asker_free(struct asker *a)
{
    if (a == NULL)
        return;
    db_close(a->db);
    poster_free(a->poster);
    (void)pthread_cond_destroy(&a->woken);
    (void)pthread_mutex_destroy(&a->lock);
    free(a);
}

void asker_wake(struct asker *a)
{
    if (a == NULL)
        return;
    (void)pthread_mutex_lock(&a->lock);
    a->wake = true;
    (void)pthread_cond_signal(&a->woken);
    (void)pthread_mutex_unlock(&a->lock);
}

/* ---- metrics --------------------------------------------------------------------------------- */

/* A key name may hold what a label value may not. */
static enum err add_label(struct buf *ret, const char *text)
{
    enum err e = OK;
    for (; *text != '\0' && e == OK; text++) {
        if (*text == '"' || *text == '\\')
            e = buf_add_str(ret, "\\");
        if (e == OK)
            e = buf_add(ret, text, 1);
    }
    return e;
}

enum err asker_metrics(struct asker *a, struct buf *ret)
{
    static const char *const names[OUTCOMES] = { "cosigned", "ahead", "failed" };
    enum err e = buf_add_str(ret, "# TYPE cairn_witness_asks counter\n"
                                  "# HELP cairn_witness_asks Requests to witnesses elsewhere; "
                                  "ahead: it knows a newer checkpoint.\n");
    for (size_t i = 0; i < a->n * OUTCOMES && e == OK; i++) {
        struct asked *w = &a->list[i / OUTCOMES];
        e = buf_add_str(ret, "cairn_witness_asks_total{witness=\"");
        if (e == OK)
            e = add_label(ret, w->key.name);
        if (e == OK)
            e = buf_addf(ret, "\",outcome=\"%s\"} %llu\n", names[i % OUTCOMES],
                         (unsigned long long)atomic_load(&w->outcomes[i % OUTCOMES]));
    }
    return e;
}
