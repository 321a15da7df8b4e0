#include "server/store/submission.h"

#include <stdio.h>
#include <string.h>

static const struct store_stmt submission_insert = {
    "submission_insert",
    "WITH s AS (INSERT INTO submission (id, bounty, account, nym, record, size, ciphertext_hash,"
    " key_commitment, content_commitment, claim_visits, claim_months, state, round, phase, due_at,"
    " version, reserved, at) VALUES ($1::uuid, $2::uuid, $3::uuid, $4::bytea, $5::uuid, $6::bigint,"
    " $7::bytea, $8::bytea, $9::bytea, $10::int, $11::int, 'QUOTED', 0, 'none', $12::timestamptz, "
    "1,"
    " $13::bigint, $14::timestamptz) RETURNING id, at)"
    " INSERT INTO submission_event (submission, version, state, entry, at)"
    " SELECT id, 1, 'QUOTED', id, at FROM s"
};

enum err store_submission_insert(struct db *db, const struct submission_row *s, usec_t at)
{
    static const struct constraint_err expect[] = { { "submission_one_open", ERR_SUBMISSION_OPEN },
                                                    { "submission_record_key",
                                                      ERR_VERSION_NUMBER } };
    const struct vault_manifest *m = &s->manifest;
    const struct param in[] = {
        p_id(&s->id),
        p_id(&s->bounty),
        p_id(&s->account),
        p_bytes(s->nym, SIGN_PUBLIC_BYTES),
        p_id(&s->record),
        p_i64(m->size),
        p_bytes(m->ciphertext_hash, HASH_BYTES),
        p_bytes(m->key_commitment, HASH_BYTES),
        p_bytes(m->content_commitment, HASH_BYTES),
        p_i64(s->claim_visits),
        p_i64(s->claim_months),
        p_time(s->due_at),
        p_i64(s->reserved),
        p_time(at),
    };
    return db_exec_expect(db, &submission_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

#define SUBMISSION_SELECT                                                                          \
    "SELECT s.id, s.bounty, s.account, s.record, y.sponsor, s.nym, s.size, s.ciphertext_hash,"     \
    " s.key_commitment, s.content_commitment, s.claim_visits, s.claim_months, s.state, s.round,"   \
    " s.phase, (extract(epoch from s.due_at) * 1000000)::bigint, s.version, s.reserved,"           \
    " s.outcome, coalesce(s.score_bp, -1), coalesce(s.n_eff_bp, 0), coalesce(s.quality_bp, 0),"    \
    " coalesce(s.visits, 0), coalesce(s.months, 0), s.pay, s.reasons,"                             \
    " EXISTS (SELECT 1 FROM blob WHERE hash = s.ciphertext_hash)"                                  \
    " FROM submission s JOIN bounty y ON y.id = s.bounty WHERE s.id = $1::uuid"

static const struct store_stmt submission_read = { "submission_read", SUBMISSION_SELECT };
static const struct store_stmt submission_lock = { "submission_lock",
                                                   SUBMISSION_SELECT " FOR NO KEY UPDATE OF s" };

static bool read_submission(const struct rows *r, struct submission_row *s)
{
    *s = (struct submission_row){
        .id = row_id(r, 0, 0),
        .bounty = row_id(r, 0, 1),
        .account = row_id(r, 0, 2),
        .record = row_id(r, 0, 3),
        .sponsor = row_id(r, 0, 4),
        .manifest.size = row_i64(r, 0, 6),
        .claim_visits = row_i64(r, 0, 10),
        .claim_months = row_i64(r, 0, 11),
        .round = row_i64(r, 0, 13),
        .due_at = row_i64(r, 0, 15),
        .version = row_i64(r, 0, 16),
        .reserved = row_i64(r, 0, 17),
        .decided = !row_null(r, 0, 18),
        .score_bp = row_i64(r, 0, 19),
        .n_eff_bp = row_i64(r, 0, 20),
        .quality_bp = row_i64(r, 0, 21),
        .visits = row_i64(r, 0, 22),
        .months = row_i64(r, 0, 23),
        .pay = row_i64(r, 0, 24),
        .stored = row_bool(r, 0, 26),
    };
    (void)snprintf(s->state, sizeof(s->state), "%s", row_text(r, 0, 12));
    (void)snprintf(s->phase, sizeof(s->phase), "%s", row_text(r, 0, 14));
    (void)snprintf(s->outcome, sizeof(s->outcome), "%s", s->decided ? row_text(r, 0, 18) : "");
    (void)snprintf(s->reasons, sizeof(s->reasons), "%s", row_text(r, 0, 25));
    return row_bytes(r, 0, 5, s->nym, SIGN_PUBLIC_BYTES) &&
           row_bytes(r, 0, 7, s->manifest.ciphertext_hash, HASH_BYTES) &&
           row_bytes(r, 0, 8, s->manifest.key_commitment, HASH_BYTES) &&
           row_bytes(r, 0, 9, s->manifest.content_commitment, HASH_BYTES);
}

enum err store_submission_get(struct db *db, const struct id *id, bool lock,
                              struct submission_row *ret)
{
    const struct param in[] = { p_id(id) };
    struct rows *r = NULL;
    struct submission_row s;
    enum err e = db_exec(db, lock ? &submission_lock : &submission_read, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK && !read_submission(r, &s))
        e = ERR_INTERNAL;
    rows_free(r);
    if (e == OK)
        *ret = s;
    return e;
}

/* When an open submission ends, its reviewers have one open seat less each. */
static const struct store_stmt submission_change = {
    "submission_change",
    "WITH s AS (UPDATE submission SET state = $2, phase = $3, round = $4::int,"
    " due_at = $5::timestamptz, reserved = $6::bigint, version = $7::bigint"
    " WHERE id = $1::uuid AND version = $7::bigint - 1 RETURNING id),"
    " l AS (UPDATE reviewer_load SET open_seats = open_seats - 1 WHERE $10::boolean"
    " AND account IN (SELECT t.reviewer FROM seat t JOIN s ON s.id = t.submission))"
    " INSERT INTO submission_event (submission, version, state, entry, at)"
    " SELECT id, $7::bigint, $2, $8::uuid, $9::timestamptz FROM s"
};

static bool is_open(const char *state)
{
    return strcmp(state, "QUOTED") == 0 || strcmp(state, "ROUND") == 0;
}

enum err store_submission_change(struct db *db, struct submission_row *s,
                                 const struct submission_change *c, usec_t at)
{
    const struct param in[] = {
        p_id(&s->id),
        p_text(c->state),
        p_text(c->phase),
        p_i64(c->round),
        p_time(c->due_at),
        p_i64(c->reserved),
        p_i64(s->version + 1),
        p_id(&c->entry),
        p_time(at),
        p_bool(is_open(s->state) && !is_open(c->state)),
    };
    struct rows *r = NULL;
    enum err e = db_exec(db, &submission_change, in, COUNT(in), &r);
    if (e == OK && rows_affected(r) != 1)
        e = ERR_DB_CONFLICT;
    rows_free(r);
    if (e == OK) {
        s->version++;
        (void)snprintf(s->state, sizeof(s->state), "%s", c->state);
    }
    return e;
}

static const struct store_stmt submission_phase = {
    "submission_phase",
    "UPDATE submission SET phase = $2, due_at = $3::timestamptz WHERE id = $1::uuid"
};

enum err store_submission_phase(struct db *db, const struct id *id, const char *phase,
                                usec_t due_at)
{
    const struct param in[] = { p_id(id), p_text(phase), p_time(due_at) };
    return db_exec(db, &submission_phase, in, COUNT(in), NULL);
}

static const struct store_stmt submission_decide = {
    "submission_decide",
    "UPDATE submission SET phase = 'closed', outcome = $2, score_bp = nullif($3::int, -1),"
    " n_eff_bp = $4::int, quality_bp = $5::int, visits = $6::int, months = $7::int, pay = "
    "$8::bigint,"
    " reasons = $9 WHERE id = $1::uuid"
};

enum err store_submission_decide(struct db *db, const struct submission_row *s)
{
    const struct param in[] = { p_id(&s->id),       p_text(s->outcome),   p_i64(s->score_bp),
                                p_i64(s->n_eff_bp), p_i64(s->quality_bp), p_i64(s->visits),
                                p_i64(s->months),   p_i64(s->pay),        p_text(s->reasons) };
    return db_exec(db, &submission_decide, in, COUNT(in), NULL);
}

static const struct store_stmt submission_paid = {
    "submission_paid",
    "SELECT coalesce(sum(pay) FILTER (WHERE state = 'PAID'), 0)::bigint,"
    " coalesce(bool_or(nym <> $2::bytea OR account <> $3::uuid), false)"
    " FROM submission WHERE bounty = $1::uuid AND (nym = $2::bytea OR account = $3::uuid)"
};

enum err store_submission_paid(struct db *db, const struct id *bounty,
                               const uint8_t nym[SIGN_PUBLIC_BYTES], const struct id *account,
                               int64_t *ret)
{
    const struct param in[] = { p_id(bounty), p_bytes(nym, SIGN_PUBLIC_BYTES), p_id(account) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &submission_paid, in, COUNT(in), &r);
    if (e == OK && row_bool(r, 0, 1))
        e = ERR_STATEMENT_SIGNER;
    else if (e == OK)
        *ret = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

#define LIST_SELECT                                                                                \
    "SELECT id, bounty, state, (extract(epoch from at) * 1000000)::bigint, version, pay,"          \
    " coalesce(score_bp, -1), n FROM submission"

static const struct store_stmt submissions_of = { "submissions_of", LIST_SELECT
                                                  " WHERE account = $1::uuid AND n < $2::bigint"
                                                  " ORDER BY n DESC LIMIT $3::int" };
static const struct store_stmt submissions_to = { "submissions_to", LIST_SELECT
                                                  " WHERE bounty = $1::uuid AND n < $2::bigint"
                                                  " ORDER BY n DESC LIMIT $3::int" };

enum err store_submissions_of(struct db *db, const struct id *account, int64_t before, int limit,
                              struct rows **ret)
{
    const struct param in[] = { p_id(account), p_i64(before), p_i64(limit) };
    return db_exec(db, &submissions_of, in, COUNT(in), ret);
}

enum err store_submissions_to(struct db *db, const struct id *bounty, int64_t before, int limit,
                              struct rows **ret)
{
    const struct param in[] = { p_id(bounty), p_i64(before), p_i64(limit) };
    return db_exec(db, &submissions_to, in, COUNT(in), ret);
}

static const struct store_stmt submission_history = {
    "submission_history",
    "SELECT state, (extract(epoch from at) * 1000000)::bigint, entry FROM submission_event"
    " WHERE submission = $1::uuid ORDER BY version"
};

enum err store_submission_history(struct db *db, const struct id *id, struct rows **ret)
{
    const struct param in[] = { p_id(id) };
    return db_exec(db, &submission_history, in, COUNT(in), ret);
}

static const struct store_stmt submissions_due = {
    "submissions_due", "SELECT id, version FROM submission WHERE state IN ('QUOTED', 'ROUND')"
                       " AND due_at <= $1::timestamptz ORDER BY due_at LIMIT $2::int"
};

enum err store_submissions_due(struct db *db, usec_t now, int limit, struct rows **ret)
{
    const struct param in[] = { p_time(now), p_i64(limit) };
    return db_exec(db, &submissions_due, in, COUNT(in), ret);
}

const struct store_stmt *const submission_stmts[] = {
    &submission_insert, &submission_read,    &submission_lock, &submission_change,
    &submission_phase,  &submission_decide,  &submission_paid, &submissions_of,
    &submissions_to,    &submission_history, &submissions_due,
};
const size_t submission_stmts_n = COUNT(submission_stmts);
