/* One database transaction over many callbacks, each under a savepoint. The statements around a
 * callback ride with its neighbours': a job costs one round trip plus what its callback asks.
 *
 *   BEGIN; turn; SAVEPOINT; look up key 1 | callback 1 |
 *   store answer 1; RELEASE; SAVEPOINT; look up key 2 | callback 2 | ... | store answer n; COMMIT
 *
 * Everything here may run again: a batch whose outcome is unknown is simply run anew, and the jobs
 * that were committed find their answers. */
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "server/store/store_internal.h"

#include <assert.h>
#include <string.h>

const struct store_stmt tx_begin = { "tx_begin", "BEGIN ISOLATION LEVEL READ COMMITTED" };
/* Writers of several processes take turns: every write ends at the same locked head row, so they
 * could not overlap anyway, and in turns their other locks can never meet crosswise. */
static const struct store_stmt tx_turn = { "tx_turn",
                                           "SELECT pg_advisory_xact_lock(1128352082, 1)" };
static const struct store_stmt tx_savepoint = { "tx_savepoint", "SAVEPOINT w" };
static const struct store_stmt tx_release = { "tx_release", "RELEASE SAVEPOINT w" };
static const struct store_stmt tx_undo = { "tx_undo", "ROLLBACK TO SAVEPOINT w" };
const struct store_stmt tx_rollback = { "tx_rollback", "ROLLBACK" };
const struct store_stmt tx_commit = { "tx_commit", "COMMIT" };

/* What still has to be sent about the job before: nothing, or the end of its savepoint with or
 * without the answer to store. */
enum tail { TAIL_NONE, TAIL_RELEASE, TAIL_STORE };

struct batch {
    struct db *db;
    struct job *before; /* whose tail it is */
    enum tail tail;
    struct step steps[STEPS_MAX];
    size_t n;
    struct param put[IDEM_PUT_PARAMS];
    struct param get[IDEM_GET_PARAMS];
};

/* A COMMIT must mean "on disk", whatever the database's default says. */
static const struct store_stmt make_durable = {
    "tx_durable", "SELECT set_config('synchronous_commit', 'on', false)"
                  " WHERE current_setting('synchronous_commit') IN ('off', 'local')"
};

enum err batch_setup(struct db *db)
{
    static const struct store_stmt *const all[] = { &tx_begin,   &tx_turn,  &tx_savepoint,
                                                    &tx_release, &tx_undo,  &tx_rollback,
                                                    &tx_commit,  &idem_get, &idem_put };
    enum err e = db_exec(db, &make_durable, NULL, 0, NULL);
    for (size_t i = 0; i < COUNT(all) && e == OK; i++)
        e = db_prepare(db, all[i]);
    return e;
}

static void add(struct batch *b, const struct store_stmt *s, const struct param *params, size_t n)
{
    assert(b->n < STEPS_MAX);
    b->steps[b->n++] = (struct step){ .stmt = s, .params = params, .n = n };
}

static void add_tail(struct batch *b)
{
    if (b->tail == TAIL_STORE) {
        idem_put_params(b->before->key, &b->before->answer, b->put);
        add(b, &idem_put, b->put, IDEM_PUT_PARAMS);
    }
    if (b->tail != TAIL_NONE)
        add(b, &tx_release, NULL, 0);
    b->tail = TAIL_NONE;
}

/* Sends the steps; the last one's result goes to the caller, who frees it. */
static enum err send(struct batch *b, PGresult **ret)
{
    enum err e = db_pipeline(b->db, b->steps, b->n);
    if (e == OK) {
        *ret = b->steps[b->n - 1].res;
        b->steps[b->n - 1].res = NULL;
        steps_clear(b->steps, b->n);
    }
    b->n = 0;
    return e;
}

/* Takes the stored answer from a look-up, if there is one. */
static bool known(PGresult *res, struct job *job)
{
    bool found = PQntuples(res) > 0;
    if (found)
        job->result = idem_read(res, job->key, job->arena, &job->answer);
    PQclear(res);
    return found;
}

/* Undoes a refused callback. Its key is looked up once more: a twin request in another process may
 * have won while the callback ran into its rows, and then its answer is the right one. */
static enum err undo(struct batch *b, struct job *job)
{
    PGresult *res = NULL;
    add(b, &tx_undo, NULL, 0);
    idem_get_params(job->key, b->get);
    add(b, &idem_get, b->get, IDEM_GET_PARAMS);
    enum err e = send(b, &res);
    if (e == OK)
        (void)known(res, job);
    return e;
}

static enum err run_callback(struct batch *b, struct job *job)
{
    struct db *db = b->db;
    db->conflict = false;
    job->answer = (struct answer){ 0 };
    job->result = job->fn(db, job->arg, job->arena, &job->answer);
    enum err rest = db_settle(db); /* what it did not wait for is still its own */
    if (job->result == OK)
        job->result = rest;
    enum err fail = FP("tx_after_callback");
    if (fail != OK)
        job->result = fail;
    if (db->lost)
        return ERR_DB_DOWN;
    if (db->conflict) /* even if the callback made something else of it */
        return ERR_DB_CONFLICT;
    if (job->result == OK && PQtransactionStatus(db->pg) == PQTRANS_INERROR) {
        log_bug("write %s hid an error of a statement", job->name);
        job->result = ERR_INTERNAL;
    }
    if (job->result == OK) {
        b->tail = TAIL_STORE;
        return OK;
    }
    b->tail = TAIL_RELEASE;
    return undo(b, job);
}

static enum err run_job(struct batch *b, struct job *job, bool first)
{
    if (first) {
        add(b, &tx_begin, NULL, 0);
        add(b, &tx_turn, NULL, 0);
    }
    add_tail(b);
    add(b, &tx_savepoint, NULL, 0);
    idem_get_params(job->key, b->get);
    add(b, &idem_get, b->get, IDEM_GET_PARAMS);
    PGresult *res = NULL;
    enum err e = send(b, &res);
    if (e != OK)
        return e;
    b->before = job;
    b->tail = TAIL_RELEASE;
    return known(res, job) ? OK : run_callback(b, job);
}

static enum err commit(struct batch *b)
{
    enum err e = FP("tx_before_commit");
    if (e != OK)
        return e;
    add_tail(b);
    add(b, &tx_commit, NULL, 0);
    PGresult *res = NULL;
    e = send(b, &res);
    if (e != OK)
        return e;
    /* COMMIT of a failed transaction succeeds as a ROLLBACK. */
    bool committed = strcmp(PQcmdStatus(res), "COMMIT") == 0;
    PQclear(res);
    if (!committed) {
        log_bug("a batch was rolled back at its COMMIT");
        return ERR_INTERNAL;
    }
    (void)FP("tx_after_commit");
    return OK;
}

static enum err rollback(struct db *db, enum err why)
{
    if (!db->lost && PQtransactionStatus(db->pg) != PQTRANS_IDLE) {
        struct step end = { .stmt = &tx_rollback };
        if (db_pipeline(db, &end, 1) == OK)
            steps_clear(&end, 1);
        else
            db_abandon(db);
    }
    return db->lost ? ERR_DB_DOWN : why;
}

enum err batch_try(struct db *db, struct job *const *jobs, size_t n)
{
    assert(n >= 1 && n <= BATCH_MAX);
    struct batch b = { .db = db };
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++)
        e = run_job(&b, jobs[i], i == 0);
    if (e == OK)
        e = commit(&b);
    return e == OK ? OK : rollback(db, e);
}
