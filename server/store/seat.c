#include "server/store/seat.h"

#include "server/base/text.h"

#include <stdio.h>

static const struct store_stmt candidates = {
    "candidates", "SELECT g.account, g.institution, a.receive_key,"
                  " (SELECT count(*) FROM seat t JOIN submission s ON s.id = t.submission"
                  "  WHERE t.reviewer = g.account AND s.state IN ('QUOTED', 'ROUND'))"
                  " FROM role_grant g JOIN account a ON a.id = g.account"
                  " WHERE g.role = 'reviewer' AND g.account NOT IN ($1::uuid, $2::uuid)"
                  " AND g.institution NOT IN (SELECT institution FROM role_grant"
                  "  WHERE account IN ($1::uuid, $2::uuid))"
                  " ORDER BY g.account LIMIT $3::int"
};

static bool read_candidate(const struct rows *r, size_t i, struct candidate_row *c)
{
    c->account = row_id(r, i, 0);
    (void)snprintf(c->institution, sizeof(c->institution), "%s", row_text(r, i, 1));
    c->load = row_i64(r, i, 3);
    return row_bytes(r, i, 2, c->receive, sizeof(c->receive));
}

enum err store_candidates(struct db *db, const struct id *patient, const struct id *sponsor,
                          size_t max, struct arena *arena, struct candidate_row **ret,
                          size_t *ret_n)
{
    const struct param in[] = { p_id(patient), p_id(sponsor), p_i64((int64_t)max) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &candidates, in, COUNT(in), &r);
    size_t n = e == OK ? rows_count(r) : 0;
    struct candidate_row *all = e == OK ? arena_alloc(arena, (n + 1) * sizeof(*all)) : NULL;
    if (e == OK && all == NULL)
        e = ERR_NO_MEMORY;
    for (size_t i = 0; i < n && e == OK; i++)
        if (!read_candidate(r, i, &all[i]))
            e = ERR_INTERNAL;
    rows_free(r);
    if (e == OK) {
        *ret = all;
        *ret_n = n;
    }
    return e;
}

static const struct store_stmt seats_insert = {
    "seats_insert",
    "WITH s AS (INSERT INTO seat (submission, seat, reviewer, institution, grantee)"
    " SELECT $1::uuid, t.n, t.r, t.i, decode(t.g, 'hex')"
    " FROM unnest($2::int[], $3::uuid[], $4::text[], $5::text[]) AS t (n, r, i, g)"
    " RETURNING reviewer)"
    " INSERT INTO reviewer_load (account, open_seats) SELECT reviewer, 1 FROM s ORDER BY reviewer"
    " ON CONFLICT (account) DO UPDATE SET open_seats = reviewer_load.open_seats + 1"
};

/* The columns of all seats as array literals; no value needs quotes: numbers, UUIDs, hex, and
 * institutions of a-z, 0-9 and dashes. */
struct seat_columns {
    struct buf seats, reviewers, institutions, grantees;
};

static enum err add_seat(struct seat_columns *c, const struct seat_row *s, const char *before)
{
    char reviewer[ID_TEXT_SIZE], grantee[HEX_SIZE(BOX_PUBLIC_BYTES)];
    id_text(&s->reviewer, reviewer);
    hex_encode(s->grantee, BOX_PUBLIC_BYTES, grantee);
    enum err e = buf_addf(&c->seats, "%s%d", before, (int)s->seat);
    if (e == OK)
        e = buf_addf(&c->reviewers, "%s%s", before, reviewer);
    if (e == OK)
        e = buf_addf(&c->institutions, "%s%s", before, s->institution);
    return e == OK ? buf_addf(&c->grantees, "%s%s", before, grantee) : e;
}

enum err store_seats_insert(struct db *db, const struct id *submission, const struct seat_row *s,
                            size_t n)
{
    struct seat_columns c;
    struct buf *all[] = { &c.seats, &c.reviewers, &c.institutions, &c.grantees };
    enum err e = n > 0 && n <= SEATS_MAX ? OK : ERR_LIMIT;
    for (size_t i = 0; i < COUNT(all); i++)
        buf_init(all[i], 4096);
    for (size_t i = 0; i < n && e == OK; i++)
        e = add_seat(&c, &s[i], i == 0 ? "{" : ",");
    for (size_t i = 0; i < COUNT(all) && e == OK; i++)
        e = buf_add_str(all[i], "}");
    if (e == OK) {
        const struct param in[] = { p_id(submission), p_text(buf_str(&c.seats)),
                                    p_text(buf_str(&c.reviewers)), p_text(buf_str(&c.institutions)),
                                    p_text(buf_str(&c.grantees)) };
        e = db_exec(db, &seats_insert, in, COUNT(in), NULL);
    }
    for (size_t i = 0; i < COUNT(all); i++)
        buf_release(all[i]);
    return e;
}

static enum err one_row(struct db *db, const struct store_stmt *s, const struct param *in, size_t n,
                        enum err none)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, s, in, n, &r);
    if (e == OK && rows_affected(r) != 1)
        e = none;
    rows_free(r);
    return e;
}

static const struct store_stmt seat_grant = {
    "seat_grant", "UPDATE seat SET grant_text = $3, wrap = $4::bytea"
                  " WHERE submission = $1::uuid AND seat = $2::int AND grant_text IS NULL"
};

enum err store_seat_grant(struct db *db, const struct id *submission, int64_t seat,
                          const char *grant, const uint8_t wrap[WRAP_BYTES])
{
    const struct param in[] = { p_id(submission), p_i64(seat), p_text(grant),
                                p_bytes(wrap, WRAP_BYTES) };
    return one_row(db, &seat_grant, in, COUNT(in), ERR_STATE);
}

static const struct store_stmt seats = {
    "seats",
    "SELECT seat, reviewer, institution, grantee, grant_text, wrap, commitment, verdict,"
    " coalesce((extract(epoch from opened_at) * 1000000)::bigint, 0), opened_at IS NOT NULL"
    " FROM seat WHERE submission = $1::uuid ORDER BY seat"
};

static enum err read_seat(const struct rows *r, size_t i, struct arena *arena, struct seat_row *s)
{
    *s = (struct seat_row){ .seat = row_i64(r, i, 0),
                            .reviewer = row_id(r, i, 1),
                            .committed = !row_null(r, i, 6),
                            .revealed = !row_null(r, i, 7),
                            .opened_at = row_i64(r, i, 8),
                            .opened = row_bool(r, i, 9) };
    (void)snprintf(s->institution, sizeof(s->institution), "%s", row_text(r, i, 2));
    if (!row_bytes(r, i, 3, s->grantee, sizeof(s->grantee)))
        return ERR_INTERNAL;
    if (!row_null(r, i, 4)) {
        s->grant = arena_strdup(arena, row_text(r, i, 4));
        if (s->grant == NULL || !row_bytes(r, i, 5, s->wrap, sizeof(s->wrap)))
            return ERR_NO_MEMORY;
    }
    if (s->committed && !row_bytes(r, i, 6, s->commitment, HASH_BYTES))
        return ERR_INTERNAL;
    if (s->revealed)
        s->verdict = arena_strdup(arena, row_text(r, i, 7));
    return s->revealed && s->verdict == NULL ? ERR_NO_MEMORY : OK;
}

enum err store_seats(struct db *db, const struct id *submission, struct arena *arena,
                     struct seat_row ret[SEATS_MAX], size_t *ret_n)
{
    const struct param in[] = { p_id(submission) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &seats, in, COUNT(in), &r);
    size_t n = e == OK ? rows_count(r) : 0;
    if (n > SEATS_MAX)
        e = ERR_INTERNAL;
    for (size_t i = 0; i < n && e == OK; i++)
        e = read_seat(r, i, arena, &ret[i]);
    rows_free(r);
    if (e == OK)
        *ret_n = n;
    return e;
}

static const struct store_stmt seat_commit = {
    "seat_commit", "UPDATE seat SET commitment = $3::bytea, commit_entry = $4::uuid"
                   " WHERE submission = $1::uuid AND seat = $2::int AND commitment IS NULL"
};

enum err store_seat_commit(struct db *db, const struct id *submission, int64_t seat,
                           const uint8_t commitment[HASH_BYTES], const struct id *entry)
{
    const struct param in[] = { p_id(submission), p_i64(seat), p_bytes(commitment, HASH_BYTES),
                                p_id(entry) };
    return one_row(db, &seat_commit, in, COUNT(in), ERR_VERDICT_TWICE);
}

static const struct store_stmt seat_reveal = {
    "seat_reveal",
    "UPDATE seat SET verdict = $3, value_bp = $4::int, visits = $5::int, months = $6::int,"
    " recommend = $7, reveal_entry = $8::uuid"
    " WHERE submission = $1::uuid AND seat = $2::int AND verdict IS NULL"
};

enum err store_seat_reveal(struct db *db, const struct id *submission, int64_t seat,
                           const struct seat_verdict *v, const struct id *entry)
{
    const struct param in[] = { p_id(submission),     p_i64(seat),      p_text(v->verdict),
                                p_i64(v->value_bp),   p_i64(v->visits), p_i64(v->months),
                                p_text(v->recommend), p_id(entry) };
    return one_row(db, &seat_reveal, in, COUNT(in), ERR_VERDICT_TWICE);
}

static const struct store_stmt seat_fee = {
    "seat_fee", "UPDATE seat SET fee_entry = $3::uuid"
                " WHERE submission = $1::uuid AND seat = $2::int AND fee_entry IS NULL"
};

enum err store_seat_fee(struct db *db, const struct id *submission, int64_t seat,
                        const struct id *entry)
{
    const struct param in[] = { p_id(submission), p_i64(seat), p_id(entry) };
    return one_row(db, &seat_fee, in, COUNT(in), ERR_STATE);
}

static const struct store_stmt seat_opened = {
    "seat_opened", "UPDATE seat SET opened_at = $3::timestamptz"
                   " WHERE submission = $1::uuid AND reviewer = $2::uuid AND opened_at IS NULL"
};

enum err store_seat_opened(struct db *db, const struct id *submission, const struct id *reviewer,
                           usec_t at)
{
    const struct param in[] = { p_id(submission), p_id(reviewer), p_time(at) };
    return db_exec(db, &seat_opened, in, COUNT(in), NULL);
}

static const struct store_stmt reviews = {
    "reviews", "SELECT t.submission, s.bounty, t.seat, s.phase, t.commitment IS NOT NULL,"
               " t.verdict IS NOT NULL, (extract(epoch from s.due_at) * 1000000)::bigint, t.n"
               " FROM seat t JOIN submission s ON s.id = t.submission"
               " WHERE t.reviewer = $1::uuid AND t.wrap IS NOT NULL AND s.phase <> 'none'"
               " AND ($2::text IS NULL OR s.phase = $2::text)"
               " AND t.n < $3::bigint ORDER BY t.n DESC LIMIT $4::int"
};

enum err store_reviews(struct db *db, const struct id *reviewer, const char *phase, int64_t before,
                       int limit, struct rows **ret)
{
    const struct param in[] = { p_id(reviewer), p_text(phase), p_i64(before), p_i64(limit) };
    return db_exec(db, &reviews, in, COUNT(in), ret);
}

const struct store_stmt *const seat_stmts[] = { &candidates, &seats_insert, &seat_grant,
                                                &seats,      &seat_commit,  &seat_reveal,
                                                &seat_fee,   &seat_opened,  &reviews };
const size_t seat_stmts_n = COUNT(seat_stmts);
