/* libpq's pipeline mode, one sync at a time: the statements travel together, and after a failure
 * the server skips the rest up to the sync, so a later COMMIT can stand in the same round trip. */
#include "server/store/store_internal.h"

#include <assert.h>
#include <string.h>

/* ---- one statement's answer ------------------------------------------------------------------ */

/* Each statement answers with one result and a NULL. *ret = NULL if the statement failed or was
 * skipped; only the first failure means something: the rest was skipped because of it. */
static enum err take_one(struct db *db, const struct store_stmt *s,
                         const struct constraint_err *expect, size_t n_expect, enum err so_far,
                         PGresult **ret)
{
    PGresult *res = NULL, *end = NULL;
    *ret = NULL;
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
        *ret = res;
        return so_far;
    }
    if (so_far == OK)
        so_far = db_result_err(db, res, s->name, expect, n_expect);
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

/* ---- a list of steps ------------------------------------------------------------------------- */

void steps_clear(struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        PQclear(steps[i].res);
        steps[i].res = NULL;
    }
}

static bool send_steps(struct db *db, const struct step *steps, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (db_send(db, steps[i].stmt, steps[i].params, steps[i].n) != OK)
            return false;
    return PQpipelineSync(db->pg) == 1;
}

enum err db_pipeline(struct db *db, struct step *steps, size_t n)
{
    /* Two processes stored the same key at once: run again, and the look-up finds the winner's. */
    static const struct constraint_err expect[] = { { "idem_pkey", ERR_DB_CONFLICT } };
    assert(n >= 1 && n <= STEPS_MAX);
    for (size_t i = 0; i < n; i++)
        steps[i].res = NULL;
    enum err e = db_settle(db);
    if (e != OK)
        return e;
    if (PQenterPipelineMode(db->pg) != 1 || !send_steps(db, steps, n)) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    for (size_t i = 0; i < n && !db->lost; i++)
        e = take_one(db, steps[i].stmt, expect, COUNT(expect), e, &steps[i].res);
    if (!db->lost) {
        enum err sync = take_sync(db);
        if (sync != OK)
            e = sync;
    }
    if (e != OK)
        steps_clear(steps, n);
    return e;
}

/* ---- statements that nobody waits for -------------------------------------------------------- */

static bool did(PGresult *res, const struct later *must)
{
    bool rows = PQresultStatus(res) == PGRES_TUPLES_OK;
    if (must->one_row && (rows ? PQntuples(res) != 1 : strcmp(PQcmdTuples(res), "1") != 0))
        return false;
    return must->text[0] == '\0' ||
           (rows && PQntuples(res) == 1 && strcmp(PQgetvalue(res, 0, 0), must->text) == 0);
}

static enum err take_pending(struct db *db, const struct pending *p, enum err so_far,
                             PGresult **ret)
{
    PGresult *res = NULL;
    enum err e = take_one(db, p->stmt, p->must.expect, p->must.n_expect, so_far, &res);
    if (e == OK && !did(res, &p->must))
        e = p->must.otherwise;
    if (ret != NULL)
        *ret = res;
    else
        PQclear(res);
    return e;
}

enum err db_later(struct db *db, const struct store_stmt *s, const struct param *params, size_t n,
                  const struct later *must)
{
    enum err e = db_prepare(db, s);
    if (e == OK && db->pending_n == DB_PENDING_MAX)
        e = db_settle(db);
    if (e == OK && db->pending_n == 0 && PQenterPipelineMode(db->pg) != 1) {
        db_abandon(db);
        e = ERR_DB_DOWN;
    }
    if (e == OK)
        e = db_send(db, s, params, n);
    if (e != OK)
        return e;
    struct pending *p = &db->pending[db->pending_n++];
    *p = (struct pending){ .stmt = s };
    if (must != NULL)
        p->must = *must;
    return OK;
}

bool db_pending_checks(const struct db *db)
{
    for (size_t i = 0; i < db->pending_n; i++)
        if (db->pending[i].must.one_row || db->pending[i].must.text[0] != '\0')
            return true;
    return false;
}

/* The last result goes to the caller, if there is one who wants it. */
static enum err settle(struct db *db, PGresult **ret)
{
    size_t n = db->pending_n;
    enum err e = OK;
    if (PQpipelineSync(db->pg) != 1) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    for (size_t i = 0; i < n && !db->lost; i++)
        e = take_pending(db, &db->pending[i], e, i + 1 == n ? ret : NULL);
    db->pending_n = 0;
    enum err sync = db->lost ? ERR_DB_DOWN : take_sync(db);
    return sync != OK ? sync : e;
}

enum err db_settle(struct db *db)
{
    if (db->lost)
        return ERR_DB_DOWN;
    return db->pending_n == 0 ? OK : settle(db, NULL);
}

enum err db_settle_with(struct db *db, const struct store_stmt *s, const struct param *params,
                        size_t n, const struct later *must, PGresult **ret)
{
    *ret = NULL;
    enum err e = db_later(db, s, params, n, must);
    if (e == OK)
        e = settle(db, ret);
    if (e != OK) {
        PQclear(*ret);
        *ret = NULL;
    }
    return e;
}
