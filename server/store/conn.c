#include "server/base/log.h"
#include "server/store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* PostgreSQL's notices may quote values; errors are logged by us, without any. */
static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

struct db *db_new(const char *conninfo)
{
    struct db *db = calloc(1, sizeof(*db));
    if (db == NULL)
        return NULL;
    (void)snprintf(db->conninfo, sizeof(db->conninfo), "%s", conninfo);
    db->answer_wait = DB_ANSWER_WAIT;
    db->lost = true;
    return db;
}

void db_abandon(struct db *db)
{
    PQfinish(db->pg);
    db->pg = NULL;
    db->pending_n = 0;
    db->lost = true;
}

void db_close(struct db *db)
{
    if (db == NULL)
        return;
    db_abandon(db);
    free(db);
}

/* PostgreSQL gives up a little before we do, so that a slow statement is an error and not a lost
 * connection; a session that died on our side frees its locks. */
static const char session_setup[] =
    "SET statement_timeout = '8s'; SET idle_in_transaction_session_timeout = '10s';"
    " SET client_min_messages = warning; SET timezone = 'UTC'; SET search_path = public;"
    " SET default_transaction_isolation = 'read committed'; SET bytea_output = 'hex'";

static bool setup(struct db *db)
{
    PGresult *res = PQexec(db->pg, session_setup);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok && PQsetnonblocking(db->pg, 1) == 0;
}

unsigned db_connects(const struct db *db)
{
    return db->connects;
}

enum err db_reconnect(struct db *db)
{
    db->connects++;
    /* Keywords before dbname are defaults that the connection string may override. */
    const char *const keys[] = { "connect_timeout", "dbname", "client_encoding", NULL };
    const char *const values[] = { "5", db->conninfo, "UTF8", NULL };
    db_abandon(db);
    memset(db->prepared, 0, sizeof(db->prepared));
    db->prepared_n = 0;
    db->conflict = false;
    db->pg = PQconnectdbParams(keys, values, 1);
    if (db->pg != NULL)
        (void)PQsetNoticeProcessor(db->pg, ignore_notice, NULL);
    if (PQstatus(db->pg) != CONNECTION_OK || !setup(db)) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    db->lost = false;
    return OK;
}

enum err db_open(struct store *s, struct db **ret)
{
    struct db *db = db_new(s->config.conninfo);
    if (db == NULL)
        return ERR_NO_MEMORY;
    enum err e = db_reconnect(db);
    if (e != OK) {
        db_close(db);
        return e;
    }
    *ret = db;
    return OK;
}

/* An idle connection has nothing to say: if its socket can be read, the server has closed it or is
 * about to. Found here, it costs a reconnect; found by the next statement, it would cost an error.
 */
bool db_alive(struct db *db)
{
    if (db->lost || PQstatus(db->pg) != CONNECTION_OK)
        return false;
    struct pollfd p = { .fd = PQsocket(db->pg), .events = POLLIN };
    if (poll(&p, 1, 0) == 0)
        return true;
    return PQconsumeInput(db->pg) == 1 && PQstatus(db->pg) == CONNECTION_OK;
}

enum err db_check(struct db *db)
{
    if (db_alive(db)) {
        if (PQtransactionStatus(db->pg) == PQTRANS_IDLE)
            return OK;
        log_bug("a transaction was left open");
    }
    return db_reconnect(db);
}

/* Waits until the socket can be read (or written, while output is queued) or until is past. */
static bool wait_socket(struct db *db, bool output, usec_t until)
{
    struct pollfd p = { .fd = PQsocket(db->pg), .events = output ? POLLIN | POLLOUT : POLLIN };
    for (;;) {
        usec_t left = until - clock_monotonic();
        if (p.fd < 0 || left <= 0)
            return false;
        int n = poll(&p, 1, (int)(left / 1000) + 1);
        if (n > 0)
            return true;
        if (n < 0 && errno != EINTR)
            return false;
    }
}

enum err db_next_result(struct db *db, PGresult **ret)
{
    usec_t until = clock_monotonic() + db->answer_wait;
    for (;;) {
        int queued = PQflush(db->pg);
        if (queued < 0)
            break;
        if (PQisBusy(db->pg) == 0) {
            *ret = PQgetResult(db->pg);
            return OK;
        }
        if (!wait_socket(db, queued > 0, until) || PQconsumeInput(db->pg) == 0)
            break;
    }
    /* A FATAL answer may have come before the end: PQgetResult must not be asked again. */
    db_abandon(db);
    return ERR_DB_DOWN;
}

/* Reads one statement's whole answer, at most one result. */
static enum err take_result(struct db *db, PGresult **ret)
{
    PGresult *first = NULL, *next = NULL;
    enum err e = db_next_result(db, &first);
    while (e == OK && first != NULL) {
        e = db_next_result(db, &next);
        if (e != OK || next == NULL)
            break;
        PQclear(next);
    }
    if (e == OK && (first == NULL || PQstatus(db->pg) != CONNECTION_OK))
        e = ERR_DB_DOWN;
    if (e != OK) {
        PQclear(first);
        db_abandon(db);
        return e;
    }
    *ret = first;
    return OK;
}

static enum err sqlstate_err(struct db *db, const char *state)
{
    if (strcmp(state, "40001") == 0 || strcmp(state, "40P01") == 0) {
        db->conflict = true;
        return ERR_DB_CONFLICT;
    }
    if (strcmp(state, "57014") == 0)
        return ERR_TIMEOUT;
    if (strncmp(state, "57", 2) == 0 || strncmp(state, "08", 2) == 0) {
        db->lost = true;
        return ERR_DB_DOWN;
    }
    if (strcmp(state, "53100") == 0)
        return ERR_DISK_FULL;
    if (strcmp(state, "53200") == 0)
        return ERR_NO_MEMORY;
    return ERR_INTERNAL;
}

enum err db_result_err(struct db *db, const PGresult *res, const char *statement,
                       const struct constraint_err *expect, size_t n_expect)
{
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    const char *constraint = PQresultErrorField(res, PG_DIAG_CONSTRAINT_NAME);
    if (state == NULL) { /* made by libpq itself: the connection broke */
        db->lost = true;
        return ERR_DB_DOWN;
    }
    if (strncmp(state, "23", 2) == 0 && constraint != NULL)
        for (size_t i = 0; i < n_expect; i++)
            if (strcmp(expect[i].constraint, constraint) == 0)
                return expect[i].e;
    enum err e = sqlstate_err(db, state);
    if (e != ERR_INTERNAL)
        return e;
    /* Messages of classes 42 (wrong SQL) and XX (PostgreSQL's own) quote no values; others may. */
    bool quotable = strncmp(state, "42", 2) == 0 || strncmp(state, "XX", 2) == 0;
    const char *message = PQresultErrorField(res, PG_DIAG_MESSAGE_PRIMARY);
    log_bug("statement %s: SQLSTATE %s constraint %s %s", statement, state,
            constraint != NULL ? constraint : "-", quotable && message != NULL ? message : "");
    return e;
}

/* Where the statement stands in the table, or the free slot where it may be put. */
static size_t slot_of(const struct db *db, const struct store_stmt *s)
{
    size_t i = ((uintptr_t)s >> 4) & (DB_PREPARED_SLOTS - 1);
    while (db->prepared[i] != NULL && db->prepared[i] != s)
        i = (i + 1) & (DB_PREPARED_SLOTS - 1);
    return i;
}

static enum err forget_prepared(struct db *db)
{
    PGresult *res = NULL;
    if (PQsendQuery(db->pg, "DEALLOCATE ALL") != 1) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    enum err e = take_result(db, &res);
    PQclear(res);
    memset(db->prepared, 0, sizeof(db->prepared));
    db->prepared_n = 0;
    return e;
}

enum err db_prepare(struct db *db, const struct store_stmt *s)
{
    if (db->lost)
        return ERR_DB_DOWN;
    if (db->prepared[slot_of(db, s)] == s)
        return OK;
    if (db->pending_n > 0) {
        enum err e = db_settle(db); /* a PREPARE is waited for by itself */
        if (e != OK)
            return e;
    }
    if (db->prepared_n >= DB_PREPARED_SLOTS * 3 / 4) {
        enum err e = forget_prepared(db);
        if (e != OK)
            return e;
    }
    PGresult *res = NULL;
    if (PQsendPrepare(db->pg, s->name, s->sql, 0, NULL) != 1) {
        db_abandon(db);
        return ERR_DB_DOWN;
    }
    enum err e = take_result(db, &res);
    if (e == OK && PQresultStatus(res) != PGRES_COMMAND_OK)
        e = db_result_err(db, res, s->name, NULL, 0);
    PQclear(res);
    if (e == OK) {
        db->prepared[slot_of(db, s)] = s;
        db->prepared_n++;
    }
    return e;
}

enum err db_send(struct db *db, const struct store_stmt *s, const struct param *params, size_t n)
{
    const char *values[DB_PARAMS_MAX];
    int lengths[DB_PARAMS_MAX], formats[DB_PARAMS_MAX];
    assert(n <= DB_PARAMS_MAX);
    for (size_t i = 0; i < n; i++) {
        values[i] = param_value(&params[i]);
        lengths[i] = params[i].len;
        formats[i] = params[i].binary;
    }
    if (PQsendQueryPrepared(db->pg, s->name, (int)n, values, lengths, formats, 0) == 1)
        return OK;
    db_abandon(db);
    return ERR_DB_DOWN;
}

static enum err exec_result(struct db *db, const struct store_stmt *s, const struct param *params,
                            size_t n, const struct later *must, PGresult **ret)
{
    enum err e = db_prepare(db, s);
    if (e == OK && db->pending_n > 0)
        return db_settle_with(db, s, params, n, must, ret);
    if (e == OK)
        e = db_send(db, s, params, n);
    return e == OK ? take_result(db, ret) : e;
}

enum err db_exec_expect(struct db *db, const struct store_stmt *s, const struct param *params,
                        size_t n, const struct constraint_err *expect, size_t n_expect,
                        struct rows **ret)
{
    PGresult *res = NULL;
    const struct later must = { .expect = expect, .n_expect = n_expect };
    enum err e = exec_result(db, s, params, n, &must, &res);
    if (e != OK)
        return e;
    ExecStatusType status = PQresultStatus(res);
    bool failed = status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK;
    struct rows *rows = failed || ret == NULL ? NULL : malloc(sizeof(*rows));
    if (rows == NULL) {
        if (failed)
            e = db_result_err(db, res, s->name, expect, n_expect);
        PQclear(res);
        return failed ? e : ret == NULL ? OK : ERR_NO_MEMORY;
    }
    rows->res = res;
    *ret = rows;
    return OK;
}

enum err db_exec(struct db *db, const struct store_stmt *s, const struct param *params, size_t n,
                 struct rows **ret)
{
    return db_exec_expect(db, s, params, n, NULL, 0, ret);
}
