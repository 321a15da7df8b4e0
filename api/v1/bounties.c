/* /v1/bounties */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/base/log.h"
#include "server/books/books.h"
#include "server/market/board.h"
#include "server/market/bounty.h"
#include "server/store/submission.h"

#include <inttypes.h>
#include <string.h>

/* From memory, on the listener's thread. */
void api_bounties_get(struct request *r)
{
    struct page p;
    struct buf text;
    int64_t next = 0;
    uint64_t version = 0;
    char etag[32], cursor[CURSOR_TEXT_SIZE];
    buf_init(&text, 16u << 20);
    enum err e = v1_page(r, &p);
    const char *disease = req_query(r, "disease");
    if (e == OK && disease != NULL && !disease_valid(disease))
        e = problem_set(&r->problem, ERR_QUERY, "/disease",
                        "A disease is MONDO: and seven digits.");
    if (e == OK)
        e = buf_add_str(&text, "{\"items\":[");
    if (e == OK)
        e = board_list(r->app->board, disease, p.before, p.limit, &text, &next, &version);
    if (e == OK && next != 0)
        v1_next(r, next, p.limit, cursor);
    if (e == OK)
        e = next != 0 ? buf_addf(&text, "],\"next\":\"%s\"}", cursor)
                      : buf_add_str(&text, "],\"next\":null}");
    if (e != OK) {
        api_fail(r, e);
    } else {
        (void)snprintf(etag, sizeof(etag), "\"b%016" PRIx64 "\"", version);
        reply_header(r, "ETag", etag);
        reply_header(r, "Cache-Control", "public, max-age=1");
        reply_json_take(r, 200, &text);
    }
    buf_release(&text);
}

/* What was published or changed shows at once where it was done; the board elsewhere follows within
 * a second, so a failed refresh is only logged. */
static void refresh_board(struct request *r, enum err e)
{
    if (e == OK && board_refresh(r->app->board, r->db) != OK)
        log_warn("board", "refresh after a change failed");
}

void api_bounties_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    json_t *terms = NULL;
    const struct field extra[] = { F_OBJECT("terms", &terms) };
    enum err e = v1_statement(r, "bounty.publish", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = bounty_publish(&act, &s, terms, &answer);
    refresh_board(r, e);
    v1_done(r, e, &answer);
}

static enum err statement_value(struct request *r, const struct id *id, json_t **ret)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    enum err e = store_bounty_statement(r->db, id, r->arena, &bytes, &len);
    return e == OK ? json_read((const char *)bytes, len, ret, NULL) : e;
}

void api_bounty_get(struct request *r)
{
    struct id id;
    struct rows *rows = NULL;
    json_t *terms = NULL, *statement = NULL, *summary = NULL;
    int64_t version = 0;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_bounty_public(r->db, &id, &rows);
    if (e == OK && rows_count(rows) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = statement_value(r, &id, &statement);
    if (e == OK) {
        version = row_i64(rows, 0, 6);
        summary = bounty_summary(rows, 0, r->app->member, &terms);
        if (summary == NULL || json_object_set(summary, "terms", terms) != 0 ||
            json_object_set(summary, "statement", statement) != 0)
            e = ERR_NO_MEMORY;
    }
    rows_free(rows);
    json_decref(terms);
    json_decref(statement);
    if (e != OK) {
        json_decref(summary);
        api_fail(r, e);
        return;
    }
    /* funded moves without the version, so the answer is always validated anew */
    reply_etag_version(r, version);
    reply_value(r, 200, summary);
}

void api_funding_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id bounty, named;
    int64_t amount = 0;
    const char *currency = NULL;
    const struct field extra[] = { F_ID("bounty", &named),
                                   F_INT("amount_minor", &amount, 1, TERMS_AMOUNT_MAX),
                                   F_CODE("currency", &currency, terms_currencies) };
    enum err e = req_id(r, 0, &bounty);
    if (e == OK)
        e = v1_statement(r, "bounty.fund", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_same_object(r, &bounty, &named, "/statement/bounty");
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = bounty_fund(&act, &s, &bounty, amount, currency, &answer);
    refresh_board(r, e);
    v1_done(r, e, &answer);
}

void api_closure_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id bounty, named;
    int64_t version = 0;
    const struct field extra[] = { F_ID("bounty", &named) };
    enum err e = req_id(r, 0, &bounty);
    if (e == OK)
        e = req_if_match(r, &version);
    if (e == OK)
        e = v1_statement(r, "bounty.close", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_same_object(r, &bounty, &named, "/statement/bounty");
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = bounty_close(&act, &s, &bounty, version, &answer);
    refresh_board(r, e);
    v1_done(r, e, &answer);
}

/* The sponsor's own bounty, or nothing. */
static enum err own_bounty(struct request *r, struct bounty_row *ret)
{
    struct id id;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_bounty_get(r->db, &id, BOUNTY_READ, r->arena, ret);
    return e == OK && !id_equal(&ret->sponsor, &r->caller.account) ? ERR_NOT_FOUND : e;
}

void api_bounty_account_get(struct request *r)
{
    static const enum book_kind kinds[] = { BOOK_AVAILABLE, BOOK_RESERVED, BOOK_ACCRUED };
    struct bounty_row b;
    int64_t amounts[COUNT(kinds)] = { 0 }, pending = 0, paid = 0;
    enum err e = own_bounty(r, &b);
    for (size_t i = 0; i < COUNT(kinds) && e == OK; i++)
        e = books_balance(r->db, kinds[i], &b.id, b.currency, &amounts[i], &pending);
    if (e == OK)
        e = store_bounty_paid(r->db, &b.id, &paid);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_etag_version(r, b.version);
    reply_value(r, 200,
                json_pack("{s:o, s:s, s:I, s:I, s:I, s:I, s:I}", "bounty", json_id(&b.id),
                          "currency", b.currency, "available_minor", (json_int_t)amounts[0],
                          "reserved_minor", (json_int_t)amounts[1], "accrued_minor",
                          (json_int_t)amounts[2], "paid_minor", (json_int_t)paid, "version",
                          (json_int_t)b.version));
}

static json_t *bounty_submission_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id id = row_id(rows, i, 0);
    json_int_t score = row_i64(rows, i, 6);
    return json_pack("{s:o, s:s, s:o, s:I, s:o}", "id", json_id(&id), "state", row_text(rows, i, 2),
                     "at", json_time(row_i64(rows, i, 3)), "pay_minor",
                     (json_int_t)row_i64(rows, i, 5), "score_bp",
                     score >= 0 ? json_integer(score) : json_null());
}

void api_bounty_submissions_get(struct request *r)
{
    struct page p;
    struct bounty_row b;
    struct rows *rows = NULL;
    enum err e = own_bounty(r, &b);
    if (e == OK)
        e = v1_page(r, &p);
    if (e == OK)
        e = store_submissions_to(r->db, &b.id, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 7, bounty_submission_item);
}
