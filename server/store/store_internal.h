/* What the files of the store share and nobody else sees: connections with libpq types, the
 * pipeline, the idempotency table, the migration list. */
#ifndef CAIRN_STORE_STORE_INTERNAL_H
#define CAIRN_STORE_STORE_INTERNAL_H

#include "server/store/store.h"

#include <libpq-fe.h>
#include <pthread.h>

/* ---- connections (conn.c) ------------------------------------------------------------------ */
#define DB_PREPARED_SLOTS 512 /* power of two; emptied when 3/4 full */
#define DB_PARAMS_MAX 40
#define DB_ANSWER_WAIT (10 * USEC_PER_SEC) /* how long one answer of PostgreSQL may take */
#define DB_PENDING_MAX 128                 /* statements sent and not yet waited for */

struct pending {
    const struct store_stmt *stmt;
    struct later must;
};

struct db {
    PGconn *pg;
    char conninfo[512];
    unsigned connects;
    bool lost;     /* broken, or in a state we cannot know: only db_check mends it */
    bool conflict; /* a statement met 40001 or 40P01 since this was last cleared */
    usec_t answer_wait;
    const struct store_stmt *prepared[DB_PREPARED_SLOTS];
    size_t prepared_n;
    struct pending pending[DB_PENDING_MAX];
    size_t pending_n;
};

/* A connection of its own, not yet usable if PostgreSQL is away: db_check connects. */
struct db *db_new(const char *conninfo);
/* Opens the connection anew and sets the session up. */
enum err db_reconnect(struct db *db) MUST_USE;
/* Marks the connection as unusable and closes its socket, so that the server notices too. */
void db_abandon(struct db *db);
/* False if the connection is lost or the server has closed it. Asks the socket, not the server. */
bool db_alive(struct db *db) MUST_USE;
/* PREPARE unless this connection has it already. */
enum err db_prepare(struct db *db, const struct store_stmt *s) MUST_USE;
/* Hands a prepared statement to libpq, which sends it with the next flush. */
enum err db_send(struct db *db, const struct store_stmt *s, const struct param *params,
                 size_t n) MUST_USE;
/* Waits for the next result, at most answer_wait. *ret = NULL ends a query. ERR_DB_DOWN = lost. */
enum err db_next_result(struct db *db, PGresult **ret) MUST_USE;
/* The error that a failed result means; logs what is nobody's expected answer. */
enum err db_result_err(struct db *db, const PGresult *res, const char *statement,
                       const struct constraint_err *expect, size_t n_expect);

/* ---- pipeline (pipeline.c) ----------------------------------------------------------------- */
/* Several statements, one round trip, one sync: after a failure the rest is skipped by the server.
 */
struct step {
    const struct store_stmt *stmt; /* must be prepared */
    const struct param *params;
    size_t n;
    PGresult *res; /* set by db_pipeline when the step succeeded; step_clear frees */
};
#define STEPS_MAX 6
enum err db_pipeline(struct db *db, struct step *steps, size_t n) MUST_USE;
void steps_clear(struct step *steps, size_t n);
/* Ends what db_later began with one more statement, whose result is taken. */
enum err db_settle_with(struct db *db, const struct store_stmt *s, const struct param *params,
                        size_t n, const struct later *must, PGresult **ret) MUST_USE;
/* Whether what is pending has to be looked at before a COMMIT. */
bool db_pending_checks(const struct db *db);

/* ---- statements and rows (stmt.c, rows.c) -------------------------------------------------- */
struct rows {
    PGresult *res;
};
const char *param_value(const struct param *p);

/* ---- idempotency (idem.c) ------------------------------------------------------------------ */
extern const struct store_stmt idem_get, idem_put;
#define IDEM_GET_PARAMS 2
#define IDEM_PUT_PARAMS 5
/* The params borrow from key and answer. */
void idem_get_params(const struct write_key *key, struct param ret[IDEM_GET_PARAMS]);
void idem_put_params(const struct write_key *key, const struct answer *answer,
                     struct param ret[IDEM_PUT_PARAMS]);
/* Reads the row that idem_get found. ERR_IDEM_REUSED if the key belongs to another request. */
enum err idem_read(PGresult *res, const struct write_key *key, struct arena *arena,
                   struct answer *ret) MUST_USE;

/* ---- the writer (runner.c, batch.c) -------------------------------------------------------- */
#define BATCH_MAX 256
#define QUEUE_MAX 1024
#define JOB_DEADLINE (5 * USEC_PER_SEC)
#define CONFLICT_TRIES 5

struct job {
    const char *name;
    const struct write_key *key;
    store_fn *fn;
    void *arg;
    struct arena *arena;
    usec_t deadline; /* monotonic */
    enum err result;
    struct answer answer;
    bool done;
    pthread_cond_t wake;
    struct job *next;
};

struct write_counters {
    uint64_t commits, callbacks, refused, replays, conflicts, reconnects, timeouts, turned_away;
    uint64_t batch_sizes[9]; /* at most 1, 2, 4, ... 256 */
    uint64_t batch_jobs;
};

struct runner;
enum err runner_start(const char *conninfo, unsigned batch_max, struct runner **ret) MUST_USE;
void runner_stop(struct runner *r);
enum err runner_write(struct runner *r, struct job *job) MUST_USE;
void runner_counters(struct runner *r, struct write_counters *ret, size_t *ret_queued);

/* One database transaction over all jobs. OK: committed, every job has its result. ERR_DB_DOWN: the
 * connection is gone and the outcome unknown. Anything else: nothing was committed. */
enum err batch_try(struct db *db, struct job *const *jobs, size_t n) MUST_USE;
extern const struct store_stmt tx_begin, tx_commit, tx_rollback;
/* Prepares what batch_try uses and makes sure that a commit is durable. */
enum err batch_setup(struct db *db) MUST_USE;

struct store {
    struct store_config config;
    struct runner *runner;
};

/* ---- migrations (migrate.c) ---------------------------------------------------------------- */
struct migration {
    const char *name;
    const char *sha256; /* of the file, lower-case hex */
    const char *sql;    /* NUL-terminated */
};
enum err migrate_apply(const char *owner_conninfo, const struct migration *all, size_t n) MUST_USE;

/* ---- every statement of the program (stmts.c) ---------------------------------------------- */
struct store_list {
    const char *table;
    const struct store_stmt *const *stmts;
    const size_t *n;
};
extern const struct store_list store_lists[];
extern const size_t store_lists_n;
extern const struct store_stmt *const idem_stmts[];
extern const size_t idem_stmts_n;
/* Prepares all of them; ERR_INTERNAL (and a log line for each) if one does not fit the schema, or
 * two have one name. */
enum err store_prepare_all(struct db *db, const struct store_list *lists, size_t n) MUST_USE;

#endif
