/* Migrations: numbered SQL files that are part of the program, each applied once, in its own
 * transaction, by role cairn_owner, and registered with its hash. */
#include "server/base/log.h"
#include "server/store/store_internal.h"

#include <string.h>

#include "migrations.inc"

#define MIGRATION_LOCK "1128352082, 2"

static void ignore_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* Runs SQL text, possibly several statements; false (and a log line) unless it ended well. */
static bool run(PGconn *pg, const char *sql, const char *what)
{
    PGresult *res = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(res);
    bool ok = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
    if (!ok)
        log_error("migration", "%s: %s", what, PQerrorMessage(pg));
    PQclear(res);
    return ok;
}

static const char create_register[] =
    "CREATE TABLE IF NOT EXISTS schema_migration ("
    " name text PRIMARY KEY, sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),"
    " applied_at timestamptz NOT NULL DEFAULT now());"
    "COMMENT ON TABLE schema_migration IS 'SQL files applied to this database, each once.';"
    "COMMENT ON COLUMN schema_migration.name IS 'File name.';"
    "COMMENT ON COLUMN schema_migration.sha256 IS 'Hash of the file as it was applied.';"
    "COMMENT ON COLUMN schema_migration.applied_at IS 'Time of the transaction that applied it.';"
    "GRANT SELECT ON schema_migration TO cairn_app, cairn_audit";

/* The lock belongs to the session, so it outlives the transactions of the single files. */
static bool prepare_register(PGconn *pg)
{
    return run(pg,
               "SET client_min_messages = warning; SET search_path = public;"
               " SET ROLE cairn_owner; SELECT pg_advisory_lock(" MIGRATION_LOCK ")",
               "lock") &&
           run(pg, create_register, "schema_migration");
}

/* The applied ones must be the first of ours, unchanged; *ret_n says how many they are. */
static enum err check_applied(PGconn *pg, const struct migration *all, size_t n, size_t *ret_n)
{
    PGresult *res =
        PQexec(pg, "SELECT name, sha256 FROM schema_migration ORDER BY name COLLATE \"C\"");
    enum err e = PQresultStatus(res) == PGRES_TUPLES_OK ? OK : ERR_DB_DOWN;
    size_t applied = e == OK ? (size_t)PQntuples(res) : 0;
    for (size_t i = 0; i < applied && e == OK; i++) {
        const char *name = PQgetvalue(res, (int)i, 0);
        if (i >= n || strcmp(name, all[i].name) != 0) {
            log_error("migration", "the database has %s where this program has %s", name,
                      i < n ? all[i].name : "none");
            e = ERR_NOT_READY;
        } else if (strcmp(PQgetvalue(res, (int)i, 1), all[i].sha256) != 0) {
            log_error("migration", "%s was changed after it was applied", name);
            e = ERR_NOT_READY;
        }
    }
    PQclear(res);
    if (e == OK)
        *ret_n = applied;
    return e;
}

static bool register_one(PGconn *pg, const struct migration *m)
{
    const char *const values[] = { m->name, m->sha256 };
    PGresult *res = PQexecParams(pg, "INSERT INTO schema_migration (name, sha256) VALUES ($1, $2)",
                                 2, NULL, values, NULL, NULL, 0);
    bool ok = PQresultStatus(res) == PGRES_COMMAND_OK;
    PQclear(res);
    return ok;
}

static enum err apply_one(PGconn *pg, const struct migration *m)
{
    if (!run(pg, "BEGIN", m->name))
        return ERR_DB_DOWN;
    bool ok = run(pg, m->sql, m->name);
    if (ok && PQtransactionStatus(pg) != PQTRANS_INTRANS) {
        log_error("migration", "%s ends its own transaction", m->name);
        ok = false;
    }
    ok = ok && register_one(pg, m) && run(pg, "COMMIT", m->name);
    if (!ok) {
        (void)run(pg, "ROLLBACK", m->name);
        return PQstatus(pg) == CONNECTION_OK ? ERR_INTERNAL : ERR_DB_DOWN;
    }
    log_info("migration", "applied %s", m->name);
    return OK;
}

enum err migrate_apply(const char *owner_conninfo, const struct migration *all, size_t n)
{
    PGconn *pg = PQconnectdb(owner_conninfo);
    enum err e = ERR_DB_DOWN;
    size_t applied = 0;
    (void)PQsetNoticeProcessor(pg, ignore_notice, NULL);
    if (PQstatus(pg) != CONNECTION_OK)
        log_error("migration", "no connection as the owner");
    else if (prepare_register(pg))
        e = check_applied(pg, all, n, &applied);
    for (size_t i = applied; i < n && e == OK; i++)
        e = apply_one(pg, &all[i]);
    PQfinish(pg);
    return e;
}

enum err store_migrate(const struct store_config *c)
{
    return migrate_apply(c->owner_conninfo, migrations, COUNT(migrations));
}
