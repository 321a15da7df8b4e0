#include "server/witness/witness.h"

#include "server/base/log.h"
#include "server/store/witness.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRIES 8 /* as often may another request for the same log be faster */

struct witness {
    struct app *app;
    struct note_key logs[WITNESS_LOGS_MAX];
    size_t n;
    struct sign_key cosigner;
    struct note_key key;
    atomic_ullong verdicts[WITNESS_VERDICTS];
};

enum err witness_open(struct app *app, const struct witness_config *c, struct witness **ret)
{
    char name[NOTE_NAME_MAX + 1];
    if (c->n > WITNESS_LOGS_MAX)
        return ERR_USAGE;
    struct witness *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return ERR_NO_MEMORY;
    w->app = app;
    w->n = c->n;
    for (size_t i = 0; i < c->n; i++)
        w->logs[i] = c->logs[i];
    w->cosigner = *c->cosigner;
    (void)snprintf(name, sizeof(name), "%s/member-%u", app->federation, (unsigned)app->member);
    if (!note_key_make(name, NOTE_TYPE_COSIGNATURE, w->cosigner.public, &w->key)) {
        witness_close(w);
        return ERR_USAGE;
    }
    *ret = w;
    return OK;
}

void witness_close(struct witness *w)
{
    if (w == NULL)
        return;
    sign_key_wipe(&w->cosigner);
    free(w);
}

struct taking {
    const struct witness_request *r;
    struct witness_state was;
    const char *note; /* of r, as a string */
    usec_t now, at;
    bool taken;
};

static enum err take_tx(struct db *db, void *arg)
{
    struct taking *t = arg;
    t->taken = false;
    return store_witness_take(db, &t->was, &t->r->checkpoint, t->note, t->now, &t->taken, &t->at);
}

/* The state as it is stored, the verdict over it, and the new state if there is one: what lies
 * between the reading and the writing is settled by the condition under which the row is written.
 * The same tree again is written too, so that the times of all cosignatures are in its order; only
 * that of no entries has no row. */
static enum err decide(struct witness *w, struct db *db, struct taking *t,
                       enum witness_verdict *ret)
{
    const struct checkpoint *c = &t->r->checkpoint;
    for (int i = 0; i < TRIES; i++) {
        enum err e = store_witness_state(db, c->origin, &t->was);
        if (e != OK)
            return e;
        *ret = witness_decide(t->r, w->logs, w->n, &t->was);
        if ((*ret != WITNESS_GROWN && *ret != WITNESS_AGAIN) || c->size == 0)
            return OK;
        e = db_transact(db, "witness", take_tx, t);
        if (e != OK || t->taken)
            return e;
    }
    return ERR_DB_CONFLICT;
}

/* Two trees under one size, both signed by the log: what a witness is there to find. */
static enum err forked(struct db *db, const struct taking *t)
{
    const struct checkpoint *c = &t->r->checkpoint;
    log_error("witness",
              "the log %s has signed two different trees of %llu entries: it shows others another "
              "log; both checkpoints are kept in witness_log",
              c->origin, (unsigned long long)c->size);
    return store_witness_fork(db, c, t->note, t->now);
}

static enum err decide_parsed(struct witness *w, struct db *db, struct taking *t,
                              struct witness_answer *ret)
{
    const struct witness_request *r = t->r;
    enum err e = decide(w, db, t, &ret->verdict);
    if (e != OK)
        return e;
    ret->size = t->was.size;
    if (ret->verdict == WITNESS_FORKED)
        return forked(db, t);
    if (ret->verdict != WITNESS_GROWN && ret->verdict != WITNESS_AGAIN)
        return OK;
    return checkpoint_cosign(r->note, r->body_len, &w->key, &w->cosigner,
                             (uint64_t)(t->at / USEC_PER_SEC), ret->lines);
}

enum err witness_add(struct witness *w, struct db *db, const char *body, size_t len,
                     struct witness_answer *ret)
{
    struct witness_request r;
    struct buf note;
    enum err e = witness_request_parse(body, len, &r);
    if (e != OK) {
        ret->verdict = WITNESS_MALFORMED;
        (void)atomic_fetch_add(&w->verdicts[WITNESS_MALFORMED], 1);
        return e == ERR_NO_MEMORY ? e : OK;
    }
    usec_t now = w->app->now(w->app);
    buf_init(&note, CHECKPOINT_MAX);
    e = buf_add(&note, r.note, r.note_len);
    struct taking t = { .r = &r, .note = buf_str(&note), .now = now, .at = now };
    if (e == OK)
        e = decide_parsed(w, db, &t, ret);
    if (e == OK)
        (void)atomic_fetch_add(&w->verdicts[ret->verdict], 1);
    buf_release(&note);
    return e;
}

enum err witness_metrics(struct witness *w, struct db *db, struct buf *ret)
{
    int64_t forks = 0;
    enum err e = store_witness_forks(db, &forks);
    if (e == OK)
        e = buf_addf(
            ret,
            "# TYPE cairn_witness_forked_logs gauge\n"
            "# HELP cairn_witness_forked_logs Logs of others that were seen to show two "
            "trees; anything but 0 is a fraud.\n"
            "cairn_witness_forked_logs %lld\n"
            "# TYPE cairn_witness_requests counter\n"
            "# HELP cairn_witness_requests Checkpoints of other federations, by verdict.\n",
            (long long)forks);
    for (int v = 0; v < WITNESS_VERDICTS && e == OK; v++)
        e = buf_addf(ret, "cairn_witness_requests_total{verdict=\"%s\"} %llu\n",
                     witness_verdict_name((enum witness_verdict)v),
                     (unsigned long long)atomic_load(&w->verdicts[v]));
    return e;
}
