/* libpq's pipeline mode, one sync at a time: the statements travel together, and after a failure
 * the server skips the rest up to the sync, so a later COMMIT can stand in the same round trip. */
#include "server/store/store_internal.h"

#include <assert.h>
#include <string.h>

void steps_clear(struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PQclear(steps[i].res);
        steps[i].res = NULL;
    }
}

static bool send_steps(struct db *db, const struct step *steps, size_t n)
{
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
    for (size_t i = 0; i < n; i++) {
        const struct step *s = &steps[i];
        assert(s->n <= DB_PARAMS_MAX);
        for (size_t j = 0; j < s->n; j++) {
            values[j] = param_value(&s->params[j]);
            lengths[j] = s->params[j].len;
            formats[j] = s->params[j].binary;
        }
        if (PQsendQueryPrepared(db->pg, s->stmt->name, (int)s->n, values, lengths, formats, 0) != 1)
            return false;
    }
    return PQpipelineSync(db->pg) == 1;
}

/* Each statement answers with one result and a NULL. */
static enum err take_step(struct db *db, struct step *s, enum err so_far)
{
    PGresult *res = NULL, *end = NULL;
    enum err e = db_next_result(db, &res);
    if (e == OK && res == NULL)
        e = ERR_DB_DOWN;
    if (e == OK)
        e = db_next_result(db, &end);
    if (e != OK || end != NULL) {
        PQclear(res);
        PQclear(end);
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    ExecStatusType status = PQresultStatus(res);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        s->res = res;
        return so_far;
    }
    /* Two processes stored the same key at once: run again, and the look-up finds the winner's. */
    static const struct constraint_err expect[] = { { "idem_pkey", ERR_DB_CONFLICT } };
    /* Only the first failure means something: the rest was skipped because of it. */
    if (so_far == OK)
        so_far = db_result_err(db, res, s->stmt->name, expect, COUNT(expect));
    PQclear(res);
    return so_far;
}

static enum err take_sync(struct db *db)
{
    PGresult *res = NULL;
    enum err e = db_next_result(db, &res);
    bool ok = e == OK && PQresultStatus(res) == PGRES_PIPELINE_SYNC;
    PQclear(res);
    if (ok && PQexitPipelineMode(db->pg) == 1)
        return OK;
    db_abandon(db);
    return ERR_DB_DOWN;
}

enum err db_pipeline(struct db *db, struct step *steps, size_t n)
{
    assert(n >= 1 && n <= STEPS_MAX);
    for (size_t i = 0; i < n; i++)
        steps[i].res = NULL;
    if (db->lost)
        return ERR_DB_DOWN;
    if (PQenterPipelineMode(db->pg) != 1 || !send_steps(db, steps, n)) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    enum err e = OK;
    for (size_t i = 0; i < n && !db->lost; i++)
        e = take_step(db, &steps[i], e);
    if (!db->lost) {
        enum err sync = take_sync(db);
        if (sync != OK)
            e = sync;
    }
    if (e != OK)
        steps_clear(steps, n);
    return e;
}
