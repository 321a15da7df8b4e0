/* /v1/deposits, /v1/wallet, /v1/payouts */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/books/books.h"
#include "server/market/bounty.h"
#include "server/payout/payout.h"
#include "server/schedule/schedule.h"

void api_deposits_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    int64_t amount = 0;
    const char *currency = NULL, *reference = NULL;
    const struct field extra[] = { F_INT("amount_minor", &amount, 1, TERMS_AMOUNT_MAX),
                                   F_CODE("currency", &currency, terms_currencies),
                                   F_TEXT("reference", &reference, 1, 64) };
    enum err e = v1_statement(r, "deposit.request", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = deposit_make(&act, &s, amount, currency, reference, &answer);
    v1_done(r, e, &answer);
}

void api_wallet_get(struct request *r)
{
    struct rows *rows = NULL;
    enum err e = books_balances(r->db, BOOK_WALLET, &r->caller.account, &rows);
    json_t *list = json_array();
    for (size_t i = 0; e == OK && i < rows_count(rows); i++)
        if (json_array_append_new(list,
                                  json_pack("{s:s, s:I, s:I}", "currency", row_text(rows, i, 0),
                                            "available_minor", (json_int_t)row_i64(rows, i, 1),
                                            "pending_minor", (json_int_t)row_i64(rows, i, 2))) != 0)
            e = ERR_NO_MEMORY;
    rows_free(rows);
    if (e != OK) {
        json_decref(list);
        api_fail(r, e);
        return;
    }
    reply_value(r, 200, json_pack("{s:o}", "balances", list));
}

static json_t *transfer_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id id = row_id(rows, i, 0), entry = row_id(rows, i, 7);
    return json_pack("{s:o, s:o, s:s, s:s, s:I, s:s, s:s, s:o}", "id", json_id(&id), "at",
                     json_time(row_i64(rows, i, 1)), "kind", row_text(rows, i, 2), "mode",
                     row_text(rows, i, 3), "amount_minor", (json_int_t)row_i64(rows, i, 4),
                     "currency", row_text(rows, i, 5), "direction",
                     row_bool(rows, i, 6) ? "in" : "out", "entry", json_id(&entry));
}

void api_transfers_get(struct request *r)
{
    struct page p;
    struct rows *rows = NULL;
    enum err e = v1_page(r, &p);
    if (e == OK)
        e = books_transfers(r->db, &r->caller.account, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 8, transfer_item);
}

void api_payouts_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    int64_t amount = 0;
    const char *currency = NULL, *method = NULL, *destination = NULL;
    const struct field extra[] = { F_INT("amount_minor", &amount, 1, TERMS_AMOUNT_MAX),
                                   F_CODE("currency", &currency, terms_currencies),
                                   F_TEXT("method", &method, 1, 11),
                                   F_TEXT("destination", &destination, 1, 64) };
    enum err e = v1_statement(r, "payout.request", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = payout_request(&act, &s, amount, currency, method, destination, &answer);
    if (e == OK)
        schedule_wake(r->app->schedule);
    v1_done(r, e, &answer);
}

void api_payout_get(struct request *r)
{
    struct id id;
    struct payout_row p;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_payout_get(r->db, &id, &r->caller.account, false, &p);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_etag_version(r, p.version);
    reply_value(r, 200,
                json_pack("{s:o, s:s, s:I, s:s, s:s, s:o, s:I}", "id", json_id(&p.id), "state",
                          p.state, "amount_minor", (json_int_t)p.amount, "currency", p.currency,
                          "method", p.method, "entry", json_id(&p.id), "version",
                          (json_int_t)p.version));
}
