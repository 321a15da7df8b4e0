#include "server/store/books.h"

#include "server/base/buf.h"

#include <inttypes.h>

static const struct store_stmt book_open = {
    "book_open", "SELECT books_open_account($1::uuid, $2, $3::uuid, $4)"
};

enum err store_book_open(struct db *db, const struct id *account, const char *kind,
                         const struct id *owner, const char *currency)
{
    const struct param in[] = { p_id(account), p_text(kind), owner != NULL ? p_id(owner) : p_null(),
                                p_text(currency) };
    static const struct constraint_err expect[] = {
        { "book_account_currency_check", ERR_BOOKS_CURRENCY },
    };
    return db_exec_expect(db, &book_open, in, COUNT(in), expect, COUNT(expect), NULL);
}

static const struct store_stmt book_post = {
    "book_post", "SELECT books_post($1::uuid, $2::uuid, $3::uuid[], $4::uuid[], $5::uuid[],"
                 " $6::bigint[], $7, $8::text[], $9::text[], $10::uuid[])"
};

static const struct constraint_err post_errors[] = {
    { "book_account_floor", ERR_BALANCE },
    { "book_account_unknown", ERR_ACCOUNT_UNKNOWN },
    { "book_account_currency", ERR_BOOKS_CURRENCY },
    { "book_transfer_pkey", ERR_STATEMENT_REPLAYED },
    { "book_transfer_resolved_once", ERR_STATE },
    { "book_transfer_settles", ERR_STATE },
    { "book_transfer_pending", ERR_STATE },
};

enum column { COL_ID, COL_DEBIT, COL_CREDIT, COL_AMOUNT, COL_KIND, COL_MODE, COL_PENDING, COL_N };

static enum err add_value(struct buf *b, const struct transfer *t, enum column c)
{
    static const char *const modes[] = { "post", "pending", "settle", "void" };
    char text[ID_TEXT_SIZE];
    switch (c) {
    case COL_ID:
        id_text(&t->id, text);
        return buf_add_str(b, text);
    case COL_DEBIT:
        id_text(&t->debit, text);
        return buf_add_str(b, text);
    case COL_CREDIT:
        id_text(&t->credit, text);
        return buf_add_str(b, text);
    case COL_AMOUNT:
        return buf_addf(b, "%" PRId64, t->amount);
    case COL_KIND:
        return buf_addf(b, "\"%s\"", t->kind);
    case COL_MODE:
        return buf_add_str(b, modes[t->mode]);
    case COL_PENDING:
    default:
        if (t->mode == TRANSFER_POST || t->mode == TRANSFER_PENDING)
            return buf_add_str(b, "NULL");
        id_text(&t->pending_of, text);
        return buf_add_str(b, text);
    }
}

/* One PostgreSQL array literal per column. Kinds hold no character that would need an escape. */
static enum err add_array(struct buf *b, const struct transfer *t, size_t n, enum column c)
{
    enum err e = buf_add_str(b, "{");
    for (size_t i = 0; i < n && e == OK; i++) {
        if (i > 0)
            e = buf_add_str(b, ",");
        if (e == OK)
            e = add_value(b, &t[i], c);
    }
    return e == OK ? buf_add_str(b, "}") : e;
}

enum err store_book_post(struct db *db, const struct id *group, const struct id *entry,
                         const char *currency, const struct transfer *t, size_t n)
{
    struct buf columns[COL_N];
    enum err e = OK;
    for (int c = 0; c < COL_N; c++) {
        buf_init(&columns[c], TRANSFERS_MAX * 48);
        if (e == OK)
            e = add_array(&columns[c], t, n, (enum column)c);
    }
    if (e == OK) {
        const struct param in[] = {
            p_id(group),
            p_id(entry),
            p_text(buf_str(&columns[COL_ID])),
            p_text(buf_str(&columns[COL_DEBIT])),
            p_text(buf_str(&columns[COL_CREDIT])),
            p_text(buf_str(&columns[COL_AMOUNT])),
            p_text(currency),
            p_text(buf_str(&columns[COL_KIND])),
            p_text(buf_str(&columns[COL_MODE])),
            p_text(buf_str(&columns[COL_PENDING])),
        };
        e = db_exec_expect(db, &book_post, in, COUNT(in), post_errors, COUNT(post_errors), NULL);
    }
    for (int c = 0; c < COL_N; c++)
        buf_release(&columns[c]);
    return e;
}

static const struct store_stmt book_sums = {
    "book_sums", "SELECT debits, credits, debits_pending, credits_pending FROM book_account"
                 " WHERE id = $1::uuid"
};

enum err store_book_sums(struct db *db, const struct id *account, struct book_sums *ret)
{
    const struct param in[] = { p_id(account) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &book_sums, in, COUNT(in), &r);
    if (e != OK)
        return e;
    struct book_sums s = { 0 };
    if (rows_count(r) > 0)
        s = (struct book_sums){ row_i64(r, 0, 0), row_i64(r, 0, 1), row_i64(r, 0, 2),
                                row_i64(r, 0, 3) };
    rows_free(r);
    *ret = s;
    return OK;
}

static const struct store_stmt book_balances = {
    "book_balances", "SELECT currency, credits - debits - debits_pending, debits_pending"
                     " FROM book_account WHERE owner = $1::uuid AND kind = $2 ORDER BY currency"
};

enum err store_book_balances(struct db *db, const struct id *owner, const char *kind,
                             struct rows **ret)
{
    const struct param in[] = { p_id(owner), p_text(kind) };
    return db_exec(db, &book_balances, in, COUNT(in), ret);
}

/* Two index scans per account, each stopping at the limit: the length of the history costs nothing.
 */
static const struct store_stmt book_transfers = {
    "book_transfers",
    "SELECT t.id, (extract(epoch from t.at) * 1000000)::bigint, t.kind, t.mode, t.amount, "
    "t.currency,"
    " t.incoming, t.entry_id, t.seq FROM book_account a CROSS JOIN LATERAL ("
    " (SELECT d.*, false AS incoming FROM book_transfer d WHERE d.debit = a.id AND d.seq < "
    "$3::bigint"
    "  ORDER BY d.seq DESC LIMIT $4::int) UNION ALL"
    " (SELECT c.*, true FROM book_transfer c WHERE c.credit = a.id AND c.seq < $3::bigint"
    "  ORDER BY c.seq DESC LIMIT $4::int)) t"
    " WHERE a.owner = $1::uuid AND a.kind = $2 ORDER BY t.seq DESC LIMIT $4::int"
};

enum err store_book_transfers(struct db *db, const struct id *owner, const char *kind,
                              int64_t before, int limit, struct rows **ret)
{
    const struct param in[] = { p_id(owner), p_text(kind), p_i64(before), p_i64(limit) };
    return db_exec(db, &book_transfers, in, COUNT(in), ret);
}

const struct store_stmt *const books_stmts[] = { &book_open, &book_post, &book_sums, &book_balances,
                                                 &book_transfers };
const size_t books_stmts_n = COUNT(books_stmts);
