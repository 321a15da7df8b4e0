#include "server/store/member_message.h"

static enum err number(struct db *db, const struct store_stmt *s, const struct param *in, size_t n,
                       int64_t *ret)
{
    struct rows *r = NULL;
    enum err e = db_exec(db, s, in, n, &r);
    if (e == OK && rows_count(r) != 1)
        e = ERR_INTERNAL;
    if (e == OK)
        *ret = row_i64(r, 0, 0);
    rows_free(r);
    return e;
}

static const struct store_stmt message_next = {
    "message_next",
    "INSERT INTO peer_head AS h (member, sent, acknowledged, received) VALUES ($1::int, 1, 0, 0)"
    " ON CONFLICT (member) DO UPDATE SET sent = h.sent + 1 RETURNING sent"
};

enum err store_message_next(struct db *db, uint16_t member, int64_t *ret)
{
    const struct param in[] = { p_i64(member) };
    return number(db, &message_next, in, COUNT(in), ret);
}

static const struct store_stmt message_insert = {
    "message_insert",
    "INSERT INTO peer_message (member, seq, id, cause, account, amount, currency, statement, at)"
    " VALUES ($1::int, $2::bigint, $3::uuid, $4::uuid, $5::uuid, $6::bigint, $7, $8::bytea,"
    " $9::timestamptz)"
};

enum err store_message_insert(struct db *db, const struct message_row *m, usec_t at)
{
    const struct param in[] = { p_i64(m->member),    p_i64(m->seq),
                                p_id(&m->id),        p_id(&m->cause),
                                p_id(&m->account),   p_i64(m->amount),
                                p_text(m->currency), p_bytes(m->statement, m->len),
                                p_time(at) };
    return db_exec(db, &message_insert, in, COUNT(in), NULL);
}

static const struct store_stmt messages_open = {
    "messages_open",
    "SELECT member, acknowledged FROM peer_head WHERE acknowledged < sent ORDER BY member"
};

enum err store_messages_open(struct db *db, struct rows **ret)
{
    return db_exec(db, &messages_open, NULL, 0, ret);
}

static const struct store_stmt messages = {
    "messages", "SELECT seq, convert_from(statement, 'UTF8') FROM peer_message"
                " WHERE member = $1::int AND seq > $2::bigint ORDER BY seq LIMIT $3::int"
};

enum err store_messages(struct db *db, uint16_t member, int64_t after, int limit, struct rows **ret)
{
    const struct param in[] = { p_i64(member), p_i64(after), p_i64(limit) };
    return db_exec(db, &messages, in, COUNT(in), ret);
}

static const struct store_stmt message_acknowledge = {
    "message_acknowledge",
    "UPDATE peer_head SET acknowledged = $2::bigint"
    " WHERE member = $1::int AND acknowledged < $2::bigint AND sent >= $2::bigint"
};

enum err store_message_acknowledge(struct db *db, uint16_t member, int64_t seq)
{
    const struct param in[] = { p_i64(member), p_i64(seq) };
    return db_exec(db, &message_acknowledge, in, COUNT(in), NULL);
}

/* The update that changes nothing makes the row and locks it. */
static const struct store_stmt message_received = {
    "message_received",
    "INSERT INTO peer_head AS h (member, sent, acknowledged, received) VALUES ($1::int, 0, 0, 0)"
    " ON CONFLICT (member) DO UPDATE SET received = h.received RETURNING received"
};

enum err store_message_received(struct db *db, uint16_t member, int64_t *ret)
{
    const struct param in[] = { p_i64(member) };
    return number(db, &message_received, in, COUNT(in), ret);
}

static const struct store_stmt credit_insert = {
    "credit_insert",
    "WITH h AS (UPDATE peer_head SET received = $2::bigint WHERE member = $1::int"
    " AND received = $2::bigint - 1 RETURNING member)"
    " INSERT INTO peer_credit (member, seq, entry, account, amount, currency, at)"
    " SELECT member, $2::bigint, $3::uuid, $4::uuid, $5::bigint, $6, $7::timestamptz FROM h"
};

enum err store_credit_insert(struct db *db, uint16_t member, int64_t seq, const struct id *entry,
                             const struct id *account, int64_t amount, const char *currency,
                             usec_t at)
{
    const struct param in[] = { p_i64(member), p_i64(seq),       p_id(entry), p_id(account),
                                p_i64(amount), p_text(currency), p_time(at) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &credit_insert, in, COUNT(in), &r);
    if (e == OK && rows_affected(r) != 1)
        e = ERR_MEMBER_ORDER;
    rows_free(r);
    return e;
}

static const struct store_stmt clearing_open = {
    "clearing_open",
    "SELECT m.member, m.currency, sum(m.amount)::bigint FROM peer_head h JOIN peer_message m"
    " ON m.member = h.member AND m.seq > h.acknowledged WHERE h.acknowledged < h.sent"
    " GROUP BY m.member, m.currency ORDER BY m.member, m.currency"
};

enum err store_clearing_open(struct db *db, struct rows **ret)
{
    return db_exec(db, &clearing_open, NULL, 0, ret);
}

const struct store_stmt *const member_message_stmts[] = {
    &message_next,        &message_insert,   &messages_open, &messages,
    &message_acknowledge, &message_received, &credit_insert, &clearing_open,
};
const size_t member_message_stmts_n = COUNT(member_message_stmts);
