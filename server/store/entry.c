#include "server/store/entry.h"

#include <string.h>

/* One round trip: the locked head row hands out the sequence that the new row takes. */
static const struct store_stmt entry_insert = {
    "entry_insert",
    "WITH head AS (UPDATE chain_head SET last_seq = last_seq + 1 WHERE chain = $2::smallint"
    " RETURNING last_seq), e AS (INSERT INTO entry (id, chain, seq, kind, is_public, subject,"
    " statement, at) SELECT $1::uuid, $2::smallint, last_seq, $3, $4::boolean, $5::uuid, $6::bytea,"
    " $7::timestamptz FROM head RETURNING id)"
    " INSERT INTO entry_party (account, entry) SELECT a, e.id FROM e, unnest($8::uuid[]) AS a"
};

#define PARTIES_MAX 8

enum err store_entry_insert(struct db *db, const struct entry_new *e)
{
    static const struct constraint_err expect[] = { { "entry_pkey", ERR_STATEMENT_REPLAYED } };
    char parties[PARTIES_MAX * ID_TEXT_SIZE + 2] = "{";
    size_t at = 1;
    if (e->n_parties > PARTIES_MAX)
        return ERR_LIMIT;
    for (size_t i = 0; i < e->n_parties; i++) {
        if (i > 0)
            parties[at++] = ',';
        id_text(&e->parties[i], parties + at);
        at += ID_TEXT_SIZE - 1;
    }
    memcpy(parties + at, "}", 2);
    const struct param in[] = {
        p_id(&e->id),         p_i64(e->chain),   p_text(e->kind),
        p_bool(e->is_public), p_id(&e->subject), p_bytes(e->statement, e->len),
        p_time(e->at),        p_text(parties),
    };
    return db_exec_expect(db, &entry_insert, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt entries_after = {
    "entries_after",
    "SELECT e.id, e.seq, e.is_public, e.subject, coalesce(a.salt_slot, 0), e.statement"
    " FROM entry e LEFT JOIN account a ON a.id = e.subject"
    " WHERE e.chain = $1::smallint AND e.seq > $2::bigint ORDER BY e.seq LIMIT $3::int"
};

static enum err read_stored(const struct rows *r, size_t row, int column, struct arena *arena,
                            struct entry_stored *ret)
{
    *ret = (struct entry_stored){
        .id = row_id(r, row, column),
        .sequence = (uint64_t)row_i64(r, row, column + 1),
        .is_public = row_bool(r, row, column + 2),
        .subject = row_id(r, row, column + 3),
        .salt_slot = row_i64(r, row, column + 4),
    };
    ret->statement = row_bytes_any(r, row, column + 5, arena, &ret->len);
    return ret->statement != NULL ? OK : ERR_NO_MEMORY;
}

enum err store_entries_after(struct db *db, enum chain chain, uint64_t sequence, size_t max,
                             struct arena *arena, struct entry_stored **ret, size_t *ret_n)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)sequence), p_i64((int64_t)max) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &entries_after, in, COUNT(in), &r);
    if (e != OK)
        return e;
    size_t n = rows_count(r);
    struct entry_stored *all = arena_alloc(arena, (n + 1) * sizeof(*all));
    if (all == NULL)
        e = ERR_NO_MEMORY;
    for (size_t i = 0; i < n && e == OK; i++)
        e = read_stored(r, i, 0, arena, &all[i]);
    rows_free(r);
    if (e == OK) {
        *ret = all;
        *ret_n = n;
    }
    return e;
}

static const struct store_stmt receipt = {
    "receipt",
    "SELECT e.id, e.seq, e.is_public, e.subject, coalesce(a.salt_slot, 0), e.statement, e.chain,"
    " d.first_index + e.seq - d.first_seq"
    " FROM entry_party p JOIN entry e ON e.id = p.entry LEFT JOIN account a ON a.id = e.subject"
    " LEFT JOIN LATERAL (SELECT first_seq, n, first_index FROM delivery"
    "   WHERE chain = e.chain AND first_seq <= e.seq ORDER BY first_seq DESC LIMIT 1) d"
    "   ON e.seq < d.first_seq + d.n"
    " WHERE p.entry = $1::uuid AND p.account = $2::uuid"
};

enum err store_receipt(struct db *db, const struct id *entry, const struct id *account,
                       struct arena *arena, struct receipt_row *ret)
{
    const struct param in[] = { p_id(entry), p_id(account) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &receipt, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    struct receipt_row row = { 0 };
    if (e == OK)
        e = read_stored(r, 0, 0, arena, &row.entry);
    if (e == OK) {
        row.chain = (enum chain)row_i64(r, 0, 6);
        row.sequence = row.entry.sequence;
        row.final = !row_null(r, 0, 7);
        row.index = row.final ? (uint64_t)row_i64(r, 0, 7) : 0;
        *ret = row;
    }
    rows_free(r);
    return e;
}

static const struct store_stmt receipts = {
    "receipts", "SELECT e.id, e.kind, e.chain, (extract(epoch from e.at) * 1000000)::bigint,"
                " e.seq <= coalesce((SELECT first_seq + n - 1 FROM delivery"
                "  WHERE chain = e.chain ORDER BY first_seq DESC LIMIT 1), 0), p.n"
                " FROM entry_party p JOIN entry e ON e.id = p.entry"
                " WHERE p.account = $1::uuid AND p.n < $2::bigint ORDER BY p.n DESC LIMIT $3::int"
};

enum err store_receipts(struct db *db, const struct id *account, int64_t before, int limit,
                        struct rows **ret)
{
    const struct param in[] = { p_id(account), p_i64(before), p_i64(limit) };
    return db_exec(db, &receipts, in, COUNT(in), ret);
}

static const struct store_stmt delivery_insert = {
    "delivery_insert", "INSERT INTO delivery (chain, first_seq, n, first_index, at)"
                       " VALUES ($1::smallint, $2::bigint, $3::bigint, $4::bigint, $5::timestamptz)"
};

enum err store_delivery_insert(struct db *db, enum chain chain, uint64_t first_seq, uint64_t n,
                               uint64_t first_index, usec_t at)
{
    const struct param in[] = { p_i64(chain), p_i64((int64_t)first_seq), p_i64((int64_t)n),
                                p_i64((int64_t)first_index), p_time(at) };
    return db_later(db, &delivery_insert, in, COUNT(in), NULL);
}

const struct store_stmt *const entry_stmts[] = { &entry_insert, &entries_after, &receipt, &receipts,
                                                 &delivery_insert };
const size_t entry_stmts_n = COUNT(entry_stmts);
