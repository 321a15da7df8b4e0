/* The store: the only place that includes libpq. Thread rule: a db connection belongs to one
 * thread; struct store is shared and locks itself. SQL text sits in the one function that uses it,
 * as a named statement; each table file lists its statements in an array that tests/db prepares.
 *
 * Writes: store_write() hands a callback to the one writer thread, which runs many callbacks in one
 * database transaction, each under a savepoint, and answers after COMMIT (group commit). Every
 * write carries an idempotency key; the runner looks the key up first and stores the answer with
 * it, so an unknown COMMIT is resolved by running the callback again: it finds its own answer. */
#ifndef CAIRN_STORE_STORE_H
#define CAIRN_STORE_STORE_H

#include "server/base/arena.h"
#include "server/base/clock.h"
#include "server/base/id.h"
#include "server/crypto/hash.h"

struct store; /* connection settings, the writer thread, counters */
struct db;    /* one connection, used by one thread at a time */

/* ---- statements, parameters, rows ------------------------------------------------------------ */
struct store_stmt {
    const char *name; /* unique over the program */
    const char *sql;
};

struct param {
    const char *value; /* NULL = SQL NULL */
    int len;
    int binary;    /* bytea parameters go as binary */
    char text[40]; /* holds numbers and ids while the struct lives */
};
struct param p_text(const char *text);               /* borrowed; NULL allowed */
struct param p_bytes(const void *bytes, size_t len); /* borrowed */
struct param p_i64(int64_t n);
struct param p_id(const struct id *id);
struct param p_time(usec_t at); /* timestamptz */
struct param p_bool(bool b);
struct param p_null(void);

struct rows; /* results; text format; values stay valid until rows_free */
enum err db_exec(struct db *db, const struct store_stmt *s, const struct param *params, size_t n,
                 struct rows **ret) MUST_USE; /* ret may be NULL when rows do not matter */
void rows_free(struct rows *r);               /* NULL is fine */
size_t rows_count(const struct rows *r);
size_t rows_affected(const struct rows *r);
bool row_null(const struct rows *r, size_t row, int column);
const char *row_text(const struct rows *r, size_t row, int column);
int64_t row_i64(const struct rows *r, size_t row, int column);
bool row_bool(const struct rows *r, size_t row, int column);
struct id row_id(const struct rows *r, size_t row, int column);
/* bytea columns in text format ("\x.."); false if the length differs from len. */
bool row_bytes(const struct rows *r, size_t row, int column, uint8_t *ret, size_t len);
/* Any length, into the arena; NULL if memory is out. */
uint8_t *row_bytes_any(const struct rows *r, size_t row, int column, struct arena *a,
                       size_t *ret_len);

/* A constraint that a statement may hit and the error it means; set while the statement runs.
 * SQLSTATE 23xxx with that constraint name -> e. Others: 53100 -> ERR_DISK_FULL, 08xxx/57xxx ->
 * ERR_DB_DOWN, 40001/40P01 -> ERR_DB_CONFLICT (the runner retries), anything else -> ERR_INTERNAL
 * (logged). */
struct constraint_err {
    const char *constraint;
    enum err e;
};
enum err db_exec_expect(struct db *db, const struct store_stmt *s, const struct param *params,
                        size_t n, const struct constraint_err *expect, size_t n_expect,
                        struct rows **ret) MUST_USE;

/* What a statement that nobody waits for must have done; what is left out may be anything. */
#define LATER_TEXT_SIZE (2 * HASH_BYTES + 1)
struct later {
    const struct constraint_err *expect; /* static; NULL: none */
    size_t n_expect;
    bool one_row;               /* it must affect, or answer, exactly one row */
    char text[LATER_TEXT_SIZE]; /* ... whose first column is this; "" = anything */
    enum err otherwise;         /* what it means if it is not so */
};
/* Sends a statement without waiting for it: it travels with the next one that is waited for
 * (db_exec, db_settle, the COMMIT of db_transact), in one round trip, and its failure is that one's
 * failure; what follows a failed one is not executed. Parameters are copied. must may be NULL. */
enum err db_later(struct db *db, const struct store_stmt *s, const struct param *params, size_t n,
                  const struct later *must) MUST_USE;
/* Waits for everything sent by db_later: the first failure, or OK. */
enum err db_settle(struct db *db) MUST_USE;

/* ---- reads ---------------------------------------------------------------------------------- */
/* Opens a reader connection of the caller's own; role cairn_app. */
enum err db_open(struct store *s, struct db **ret) MUST_USE;
void db_close(struct db *db);
/* Makes sure the connection is usable: reconnects if it was lost. ERR_DB_DOWN if that fails. */
enum err db_check(struct db *db) MUST_USE;

/* How often this connection was made: another number means another session, whose locks are gone.
 */
unsigned db_connects(const struct db *db);

/* ---- writes --------------------------------------------------------------------------------- */
struct write_key {
    struct id principal;      /* who: account id; zero for the server's own work */
    char key[65];             /* the Idempotency-Key */
    uint8_t request_hash[32]; /* SHA-256 of method, path and body */
};
struct answer { /* what the first execution answered; body is JSON */
    int status;
    char *body; /* in the arena given to store_write */
    size_t body_len;
    bool replayed;
};
/* Runs inside the transaction. Sets ret->status/body (arena memory) on success. Must be free of
 * side effects outside the database: it may run again. Errors roll its own savepoint back. */
typedef enum err store_fn(struct db *db, void *arg, struct arena *arena, struct answer *ret);

/* Sleeps until the callback's transaction is committed or refused. Besides the callback's own
 * errors: ERR_BUSY (1024 are waiting), ERR_TIMEOUT (not begun within 5 s), ERR_IDEM_REUSED,
 * ERR_DB_CONFLICT, ERR_DB_DOWN (the outcome may be open: the same key will tell). ret is set on OK
 * alone. */
enum err store_write(struct store *s, const char *name, const struct write_key *key, store_fn *fn,
                     void *arg, struct arena *arena, struct answer *ret) MUST_USE;

/* One transaction on a connection of the caller's own, for the ledger driver and the scheduler's
 * bookkeeping (never for money): BEGIN, fn, COMMIT, with retry on ERR_DB_CONFLICT. After
 * ERR_DB_DOWN the outcome is unknown: look before doing it again. */
typedef enum err db_tx_fn(struct db *db, void *arg);
enum err db_transact(struct db *db, const char *name, db_tx_fn *fn, void *arg) MUST_USE;

/* ---- life cycle ------------------------------------------------------------------------------ */
struct store_config {
    char conninfo[512];       /* libpq connection string for role cairn_app */
    char owner_conninfo[512]; /* for migrations */
    unsigned batch_max;       /* callbacks per transaction, 1..256 */
};
enum err store_open(const struct store_config *c,
                    struct store **ret) MUST_USE; /* starts the writer */
void store_close(struct store *s);                /* finishes what is queued, joins the writer */
/* Applies the migrations that are missing, under an advisory lock; hashes of applied ones must
 * match, and the database may hold none that we do not know (ERR_NOT_READY). */
enum err store_migrate(const struct store_config *c) MUST_USE;
/* For /metrics: commits, callbacks, rollbacks, retries, batch sizes. Appends OpenMetrics text. */
struct buf;
enum err store_metrics(struct store *s, struct buf *ret) MUST_USE;

#endif
