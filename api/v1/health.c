/* /health and /metrics */
#include "api/v1/handlers.h"
#include "server/base/json.h"
#include "server/clearing/clearing.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/peers.h"
#include "server/store/health.h"
#include "server/witness/asker.h"
#include "server/witness/witness.h"

#include <string.h>
#include <sys/statvfs.h>

#define DISK_FREE_MIN (32u << 20) /* bytes; below, writes will soon fail */

void api_live_get(struct request *r)
{
    static const char body[] = "{\"status\":\"ok\"}";
    reply_json(r, 200, body, sizeof(body) - 1);
}

static bool disk_ok(const struct app *app)
{
    struct statvfs v;
    return statvfs(app->data_dir, &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >= DISK_FREE_MIN;
}

void api_ready_get(struct request *r)
{
    bool database = r->db != NULL && store_ping(r->db) == OK;
    bool ledger = ledger_healthy(r->app->ledger), disk = disk_ok(r->app);
    if (!database || !ledger || !disk) {
        api_fail(r, problem_set(&r->problem, ERR_NOT_READY, "", "Not ready:%s%s%s.",
                                database ? "" : " database", ledger ? "" : " ledger",
                                disk ? "" : " disk"));
        return;
    }
    reply_value(r, 200,
                json_pack("{s:s, s:{s:s, s:s, s:s}}", "status", "ready", "checks", "database", "ok",
                          "ledger", "ok", "disk", "ok"));
}

static enum err gauges(struct request *r, struct buf *text)
{
    struct books_state books;
    int64_t lag = 0;
    enum err e = store_books_state(r->db, &books);
    if (e == OK)
        e = store_outbox_lag(r->db, &lag);
    if (e != OK)
        return e;
    return buf_addf(text,
                    "# TYPE cairn_books_sum_minor gauge\n"
                    "# HELP cairn_books_sum_minor Sum of all balances; anything but 0 is a fault.\n"
                    "cairn_books_sum_minor %lld\n"
                    "# TYPE cairn_books_negative_accounts gauge\n"
                    "# HELP cairn_books_negative_accounts Accounts below their floor; always 0.\n"
                    "cairn_books_negative_accounts %lld\n"
                    "# TYPE cairn_outbox_lag gauge\n"
                    "# HELP cairn_outbox_lag Entries written and not yet in a checkpoint.\n"
                    "cairn_outbox_lag %lld\n",
                    (long long)books.sum_minor, (long long)books.negative_accounts, (long long)lag);
}

void api_metrics_get(struct request *r)
{
    struct buf text;
    buf_init(&text, 4u << 20);
    enum err e = gauges(r, &text);
    if (e == OK)
        e = ledger_metrics(r->app->ledger, &text);
    if (e == OK && r->app->peers != NULL)
        e = peers_metrics(r->app->peers, &text);
    if (e == OK && r->app->peering != NULL)
        e = clearing_metrics(r->app, r->db, &text);
    if (e == OK)
        e = witness_metrics(r->app->witness, r->db, &text);
    if (e == OK && r->app->asker != NULL)
        e = asker_metrics(r->app->asker, &text);
    if (e == OK)
        e = store_metrics(r->app->store, &text);
    if (e == OK)
        e = listener_metrics(r->app->listener, &text);
    if (e == OK)
        e = buf_add_str(&text, "# EOF\n");
    if (e != OK)
        api_fail(r, e);
    else
        reply_text(r, 200, "application/openmetrics-text; version=1.0.0; charset=utf-8",
                   buf_str(&text), text.len);
    buf_release(&text);
}
