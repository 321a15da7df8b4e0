#include "server/store/account.h"

#include <stdio.h>

static const struct store_stmt account_insert = {
    "account_insert",
    "INSERT INTO account (id, identity_key, receive_key, entry, at)"
    " VALUES ($1::uuid, $2::bytea, $3::bytea, $4::uuid, $5::timestamptz) RETURNING salt_slot"
};

enum err store_account_insert(struct db *db, const struct id *id, const uint8_t *identity,
                              const uint8_t *receive, const struct id *entry, usec_t at,
                              int64_t *ret_slot)
{
    static const struct constraint_err expect[] = {
        { "account_pkey", ERR_ACCOUNT_EXISTS }, { "account_identity_key_key", ERR_ACCOUNT_EXISTS }
    };
    const struct param in[] = { p_id(id), p_bytes(identity, SIGN_PUBLIC_BYTES),
                                p_bytes(receive, 32), p_id(entry), p_time(at) };
    struct rows *r = NULL;
    enum err e = db_exec_expect(db, &account_insert, in, COUNT(in), expect, COUNT(expect), &r);
    if (e == OK)
        *ret_slot = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

#define ACCOUNT_COLUMNS                                                                            \
    "a.id, a.identity_key, a.receive_key, g.role, g.institution, g.entry, a.home"

/* One row per role (or one with NULLs) -> one account. */
static enum err read_account(const struct rows *r, enum err none, struct account_row *ret)
{
    struct account_row a = { 0 };
    if (rows_count(r) == 0)
        return none;
    a.id = row_id(r, 0, 0);
    a.home = (uint16_t)row_i64(r, 0, 6);
    if (!row_bytes(r, 0, 1, a.identity, sizeof(a.identity)) ||
        !row_bytes(r, 0, 2, a.receive, sizeof(a.receive)))
        return ERR_INTERNAL;
    for (size_t i = 0; i < rows_count(r) && a.n_roles < ROLES_MAX; i++) {
        if (row_null(r, i, 3))
            continue;
        struct role_row *role = &a.roles[a.n_roles++];
        (void)snprintf(role->role, sizeof(role->role), "%s", row_text(r, i, 3));
        (void)snprintf(role->institution, sizeof(role->institution), "%s", row_text(r, i, 4));
        if (!row_null(r, i, 5))
            role->entry = row_id(r, i, 5);
    }
    *ret = a;
    return OK;
}

static const struct store_stmt account_get = {
    "account_get",
    "SELECT " ACCOUNT_COLUMNS " FROM account a LEFT JOIN role_grant g ON g.account = a.id"
    " WHERE a.id = $1::uuid ORDER BY g.role"
};

enum err store_account_get(struct db *db, const struct id *id, struct account_row *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &account_get, in, COUNT(in), &r);
    if (e == OK)
        e = read_account(r, ERR_NOT_FOUND, ret);
    rows_free(r);
    return e;
}

static const struct store_stmt role_insert = {
    "role_insert", "INSERT INTO role_grant (account, role, institution, entry, at)"
                   " VALUES ($1::uuid, $2, $3, $4::uuid, $5::timestamptz)"
};

enum err store_role_insert(struct db *db, const struct id *account, const char *role,
                           const char *institution, const struct id *entry, usec_t at)
{
    static const struct constraint_err expect[] = { { "role_grant_account_fkey",
                                                      ERR_ACCOUNT_UNKNOWN },
                                                    { "role_grant_home", ERR_ACCOUNT_UNKNOWN },
                                                    { "role_grant_pkey", ERR_STATE } };
    const struct param in[] = { p_id(account), p_text(role), p_text(institution), p_id(entry),
                                p_time(at) };
    return db_exec_expect(db, &role_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt session_insert = {
    "session_insert", "INSERT INTO session (token_hash, account, challenge, expires_at)"
                      " VALUES ($1::bytea, $2::uuid, $3::bytea, $4::timestamptz)"
};

enum err store_session_insert(struct db *db, const uint8_t token_hash[HASH_BYTES],
                              const struct id *account, const uint8_t challenge[32],
                              usec_t expires_at)
{
    static const struct constraint_err expect[] = {
        { "session_challenge_key", ERR_AUTH_CHALLENGE },
        { "session_account_fkey", ERR_AUTH_CHALLENGE },
    };
    const struct param in[] = { p_bytes(token_hash, HASH_BYTES), p_id(account),
                                p_bytes(challenge, 32), p_time(expires_at) };
    return db_exec_expect(db, &session_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt session_get = {
    "session_get",
    "SELECT " ACCOUNT_COLUMNS " FROM session s JOIN account a ON a.id = s.account"
    " LEFT JOIN role_grant g ON g.account = a.id"
    " WHERE s.token_hash = $1::bytea AND s.expires_at > $2::timestamptz ORDER BY g.role"
};

enum err store_session_get(struct db *db, const uint8_t token_hash[HASH_BYTES], usec_t now,
                           struct account_row *ret)
{
    const struct param in[] = { p_bytes(token_hash, HASH_BYTES), p_time(now) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &session_get, in, COUNT(in), &r);
    if (e == OK)
        e = read_account(r, ERR_AUTH_INVALID, ret);
    rows_free(r);
    return e;
}

static const struct store_stmt session_delete = {
    "session_delete", "DELETE FROM session WHERE token_hash = $1::bytea"
};

enum err store_session_delete(struct db *db, const uint8_t token_hash[HASH_BYTES])
{
    const struct param in[] = { p_bytes(token_hash, HASH_BYTES) };
    return db_exec(db, &session_delete, in, COUNT(in), NULL);
}

static const struct store_stmt sessions_expire = {
    "sessions_expire", "DELETE FROM session WHERE expires_at <= $1::timestamptz"
};

enum err store_sessions_expire(struct db *db, usec_t now)
{
    const struct param in[] = { p_time(now) };
    return db_exec(db, &sessions_expire, in, COUNT(in), NULL);
}

const struct store_stmt *const account_stmts[] = { &account_insert, &account_get, &role_insert,
                                                   &session_insert, &session_get, &session_delete,
                                                   &sessions_expire };
const size_t account_stmts_n = COUNT(account_stmts);
