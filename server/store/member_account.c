#include "server/store/member_account.h"

static const struct store_stmt account_home = { "account_home",
                                                "SELECT home FROM account WHERE id = $1::uuid" };

enum err store_account_home(struct db *db, const struct id *id, uint16_t *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &account_home, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        *ret = (uint16_t)row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

static const struct store_stmt account_elsewhere = {
    "account_elsewhere",
    "INSERT INTO account (id, identity_key, receive_key, entry, at, home)"
    " VALUES ($1::uuid, $2::bytea, $3::bytea, $4::uuid, $5::timestamptz, $6::int)"
    " ON CONFLICT DO NOTHING RETURNING salt_slot"
};

enum err store_account_elsewhere(struct db *db, const struct account_elsewhere *a, usec_t at,
                                 int64_t *ret_slot)
{
    const struct param in[] = { p_id(&a->id),
                                p_bytes(a->identity, sizeof(a->identity)),
                                p_bytes(a->receive, sizeof(a->receive)),
                                a->entry != NULL ? p_id(a->entry) : p_null(),
                                p_time(at),
                                p_i64(a->home) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &account_elsewhere, in, COUNT(in), &r);
    if (e == OK)
        *ret_slot = rows_count(r) > 0 ? row_i64(r, 0, 0) : 0;
    rows_free(r);
    return e;
}

/* Whether a statement that writes one row or none wrote it. */
static enum err wrote(struct db *db, const struct store_stmt *s, const struct param *in, size_t n,
                      bool *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, s, in, n, &r);
    if (e == OK)
        *ret = rows_affected(r) == 1;
    rows_free(r);
    return e;
}

static const struct store_stmt role_elsewhere = {
    "role_elsewhere", "INSERT INTO role_grant (account, role, institution, entry, at, home)"
                      " SELECT id, $2, $3, $4::uuid, $5::timestamptz, home FROM account"
                      " WHERE id = $1::uuid AND home = $6::int AND home <> 0 ON CONFLICT DO NOTHING"
};

enum err store_role_elsewhere(struct db *db, const struct account_elsewhere *a, usec_t at,
                              bool *ret_new)
{
    const struct param in[] = { p_id(&a->id),
                                p_text(a->role),
                                p_text(a->institution),
                                a->entry != NULL ? p_id(a->entry) : p_null(),
                                p_time(at),
                                p_i64(a->home) };
    return wrote(db, &role_elsewhere, in, COUNT(in), ret_new);
}

static const struct store_stmt public_entry = {
    "public_entry", "INSERT INTO public_entry (member, chain, seq, id, kind, statement, at)"
                    " VALUES ($1::int, $2::smallint, $3::bigint, $4::uuid, $5, $6::bytea,"
                    " $7::timestamptz) ON CONFLICT DO NOTHING"
};

enum err store_public_entry(struct db *db, uint16_t member, enum chain chain, uint64_t sequence,
                            const struct id *id, const char *kind, const void *statement,
                            size_t len, usec_t at, bool *ret_new)
{
    const struct param in[] = { p_i64(member), p_i64(chain), p_i64((int64_t)sequence),
                                p_id(id),      p_text(kind), p_bytes(statement, len),
                                p_time(at) };
    return wrote(db, &public_entry, in, COUNT(in), ret_new);
}

static const struct store_stmt enrolment_insert = {
    "enrolment_insert",
    "INSERT INTO enrolment (account, entry, at) VALUES ($1::uuid, $2::uuid, $3::timestamptz)"
};

enum err store_enrolment_insert(struct db *db, const struct id *account, const struct id *entry,
                                usec_t at)
{
    static const struct constraint_err expect[] = { { "enrolment_pkey", ERR_STATE } };
    const struct param in[] = { p_id(account), p_id(entry), p_time(at) };
    return db_exec_expect(db, &enrolment_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt unenrolled = {
    "unenrolled", "SELECT g.account, g.institution FROM role_grant g WHERE g.role = 'reviewer'"
                  " AND g.home = 0 AND NOT EXISTS"
                  " (SELECT 1 FROM enrolment e WHERE e.account = g.account)"
                  " ORDER BY g.account LIMIT $1::int"
};

enum err store_unenrolled(struct db *db, int limit, struct rows **ret)
{
    const struct param in[] = { p_i64(limit) };
    return db_exec(db, &unenrolled, in, COUNT(in), ret);
}

static const struct store_stmt vouched = {
    "vouched", "SELECT 1 FROM vouched WHERE account = $1::uuid AND member = $2::int AND role = $3"
};

enum err store_vouched(struct db *db, const struct id *account, uint16_t member, const char *role,
                       bool *ret)
{
    const struct param in[] = { p_id(account), p_i64(member), p_text(role) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &vouched, in, COUNT(in), &r);
    if (e == OK)
        *ret = rows_count(r) > 0;
    rows_free(r);
    return e;
}

static const struct store_stmt vouched_insert = {
    "vouched_insert", "INSERT INTO vouched (account, member, role, at)"
                      " VALUES ($1::uuid, $2::int, $3, $4::timestamptz) ON CONFLICT DO NOTHING"
};

enum err store_vouched_insert(struct db *db, const struct id *account, uint16_t member,
                              const char *role, usec_t at)
{
    const struct param in[] = { p_id(account), p_i64(member), p_text(role), p_time(at) };
    return db_exec(db, &vouched_insert, in, COUNT(in), NULL);
}

static const struct store_stmt pseudonym_insert = {
    "pseudonym_insert", "INSERT INTO pseudonym (id, account, bounty, key, receive_key, entry, at)"
                        " VALUES ($1::uuid, $2::uuid, $3::uuid, $4::bytea, $5::bytea, $6::uuid,"
                        " $7::timestamptz)"
};

enum err store_pseudonym_insert(struct db *db, const struct pseudonym_row *p, usec_t at)
{
    static const struct constraint_err expect[] = {
        { "pseudonym_pkey", ERR_PSEUDONYM_EXISTS },
        { "pseudonym_key_key", ERR_PSEUDONYM_EXISTS },
        { "pseudonym_account_bounty_key", ERR_PSEUDONYM_EXISTS },
    };
    const struct param in[] = { p_id(&p->id),
                                p_id(&p->account),
                                p_id(&p->bounty),
                                p_bytes(p->key, sizeof(p->key)),
                                p_bytes(p->receive, sizeof(p->receive)),
                                p_id(&p->entry),
                                p_time(at) };
    return db_exec_expect(db, &pseudonym_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt pseudonym_get = {
    "pseudonym_get",
    "SELECT account, bounty, entry, key, receive_key FROM pseudonym WHERE id = $1::uuid"
};

enum err store_pseudonym_get(struct db *db, const struct id *id, struct pseudonym_row *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &pseudonym_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        *ret = (struct pseudonym_row){ .id = *id,
                                       .account = row_id(r, 0, 0),
                                       .bounty = row_id(r, 0, 1),
                                       .entry = row_id(r, 0, 2) };
        if (!row_bytes(r, 0, 3, ret->key, sizeof(ret->key)) ||
            !row_bytes(r, 0, 4, ret->receive, sizeof(ret->receive)))
            e = ERR_INTERNAL;
    }
    rows_free(r);
    return e;
}

static const struct store_stmt pseudonym_any = {
    "pseudonym_any", "SELECT EXISTS (SELECT 1 FROM pseudonym WHERE account = $1::uuid)"
};

enum err store_pseudonym_any(struct db *db, const struct id *account, bool *ret)
{
    const struct param in[] = { p_id(account) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &pseudonym_any, in, COUNT(in), &r);
    if (e == OK)
        *ret = row_bool(r, 0, 0);
    rows_free(r);
    return e;
}

static const struct store_stmt person = {
    "person", "SELECT id FROM account WHERE id = $1::uuid AND home = 0"
              " UNION ALL SELECT account FROM pseudonym WHERE id = $1::uuid"
};

enum err store_person(struct db *db, const struct id *id, struct id *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &person, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        *ret = row_id(r, 0, 0);
    rows_free(r);
    return e;
}

const struct store_stmt *const member_account_stmts[] = {
    &account_home,     &account_elsewhere, &role_elsewhere, &public_entry,
    &unenrolled,       &enrolment_insert,  &vouched,        &vouched_insert,
    &pseudonym_insert, &pseudonym_get,     &pseudonym_any,  &person,
};
const size_t member_account_stmts_n = COUNT(member_account_stmts);
