#include "server/base/buf.h"
#include "server/base/log.h"
#include "server/store/store_internal.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum err store_open(const struct store_config *c, struct store **ret)
{
    struct store *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->config = *c;
    enum err e = runner_start(c->conninfo, c->batch_max, &s->runner);
    if (e != OK) {
        free(s);
        return e;
    }
    *ret = s;
    return OK;
}

void store_close(struct store *s)
{
    if (s == NULL)
        return;
    runner_stop(s->runner);
    free(s);
}

enum err store_write(struct store *s, const char *name, const struct write_key *key, store_fn *fn,
                     void *arg, struct arena *arena, struct answer *ret)
{
    assert(strnlen(key->key, sizeof(key->key)) < sizeof(key->key));
    struct job job = { .name = name, .key = key, .fn = fn, .arg = arg, .arena = arena };
    enum err e = runner_write(s->runner, &job);
    if (e == OK)
        *ret = job.answer;
    return e;
}

/* COMMIT of a failed transaction succeeds as a ROLLBACK. */
static enum err commit(struct db *db, const char *name)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, &tx_commit, NULL, 0, &r);
    if (e == OK && strcmp(PQcmdStatus(r->res), "COMMIT") != 0) {
        log_bug("transaction %s hid an error of a statement", name);
        e = ERR_INTERNAL;
    }
    rows_free(r);
    return e;
}

/* BEGIN travels with the first statement, and COMMIT with the last ones, unless what those did has
 * to be looked at first. */
static enum err transact_once(struct db *db, const char *name, db_tx_fn *fn, void *arg)
{
    db->conflict = false;
    enum err e = db_later(db, &tx_begin, NULL, 0, NULL);
    if (e == OK)
        e = fn(db, arg);
    if (e == OK && db->conflict)
        e = ERR_DB_CONFLICT; /* even if fn made something else of it */
    if (e == OK && db_pending_checks(db))
        e = db_settle(db);
    if (e == OK)
        e = commit(db, name);
    enum err rest = db_settle(db); /* what was sent before fn failed */
    if (e == OK)
        e = rest;
    if (!db->lost && PQtransactionStatus(db->pg) != PQTRANS_IDLE) {
        enum err end = db_exec(db, &tx_rollback, NULL, 0, NULL);
        e = e == OK ? end : e;
    }
    return db->lost ? ERR_DB_DOWN : db->conflict ? ERR_DB_CONFLICT : e;
}

enum err db_transact(struct db *db, const char *name, db_tx_fn *fn, void *arg)
{
    enum err e = db_check(db);
    if (e != OK)
        return e;
    e = ERR_DB_CONFLICT;
    for (int i = 0; i < CONFLICT_TRIES && e == ERR_DB_CONFLICT; i++)
        e = transact_once(db, name, fn, arg);
    return e;
}

static enum err add_counter(struct buf *b, const char *name, const char *help, uint64_t n)
{
    return buf_addf(b, "# TYPE %s counter\n# HELP %s %s\n%s_total %" PRIu64 "\n", name, name, help,
                    name, n);
}

static enum err add_batches(struct buf *b, const struct write_counters *c)
{
    enum err e = buf_addf(b, "# TYPE cairn_write_batch histogram\n"
                             "# HELP cairn_write_batch Callbacks per committed transaction.\n");
    uint64_t sum = 0;
    for (size_t i = 0; i < COUNT(c->batch_sizes) && e == OK; i++) {
        sum += c->batch_sizes[i];
        e = buf_addf(b, "cairn_write_batch_bucket{le=\"%zu\"} %" PRIu64 "\n", (size_t)1 << i, sum);
    }
    if (e == OK)
        e = buf_addf(b,
                     "cairn_write_batch_bucket{le=\"+Inf\"} %" PRIu64 "\n"
                     "cairn_write_batch_count %" PRIu64 "\ncairn_write_batch_sum %" PRIu64 "\n",
                     sum, sum, c->batch_jobs);
    return e;
}

enum err store_metrics(struct store *s, struct buf *ret)
{
    struct write_counters c;
    size_t queued;
    runner_counters(s->runner, &c, &queued);
    const struct {
        const char *name, *help;
        uint64_t n;
    } all[] = {
        { "cairn_write_commits", "Database transactions of the writer.", c.commits },
        { "cairn_write_callbacks", "Writes answered.", c.callbacks },
        { "cairn_write_refused", "Writes whose rules refused them.", c.refused },
        { "cairn_write_replays", "Writes answered from their Idempotency-Key.", c.replays },
        { "cairn_write_conflicts", "Transactions run again after a conflict.", c.conflicts },
        { "cairn_write_reconnects", "Connections the writer opened.", c.reconnects },
        { "cairn_write_timeouts", "Writes whose deadline passed.", c.timeouts },
        { "cairn_write_turned_away", "Writes refused because the queue was full.", c.turned_away },
    };
    enum err e = buf_addf(ret,
                          "# TYPE cairn_write_queue gauge\n# HELP cairn_write_queue Writes "
                          "waiting.\ncairn_write_queue %zu\n",
                          queued);
    for (size_t i = 0; i < COUNT(all) && e == OK; i++)
        e = add_counter(ret, all[i].name, all[i].help, all[i].n);
    return e == OK ? add_batches(ret, &c) : e;
}
