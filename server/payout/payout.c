#include "server/payout/payout.h"

#include "server/base/failpoint.h"
#include "server/books/books.h"
#include "server/ledger/io/outbox.h"
#include "server/payout/adapter.h"

#include <stdio.h>
#include <string.h>

/* ---- request --------------------------------------------------------------------------------- */

struct requesting {
    const struct act *act;
    const struct statement *s;
    struct payout_row row;
};

static enum err request_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct requesting *q = arg;
    const struct payout_row *p = &q->row;
    struct id wallet = book_account_id(BOOK_WALLET, &p->account, p->currency);
    struct id outside = book_account_id(BOOK_OUTSIDE, NULL, p->currency);
    struct transfer hold = books_leg(&p->id, 0, &wallet, &outside, p->amount, "payout");
    hold.mode = TRANSFER_PENDING;
    enum err e = outbox_append(db, q->s, &p->account, &p->account, 1, q->act->now);
    if (e == OK)
        e = books_open(db, BOOK_OUTSIDE, NULL, p->currency);
    if (e == OK)
        e = books_open(db, BOOK_WALLET, &p->account, p->currency);
    if (e == OK)
        e = books_post(db, &p->id, p->currency, &hold, 1);
    if (e == OK)
        e = store_payout_insert(db, p, q->act->now);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:s, s:I, s:s, s:i}", "id", json_id(&p->id), "entry",
                                json_id(&p->id), "state", "created", "amount_minor",
                                (json_int_t)p->amount, "currency", p->currency, "version", 1));
}

enum err payout_request(const struct act *act, const struct statement *s, int64_t amount,
                        const char *currency, const char *method, const char *destination,
                        struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    if (!adapter_known(method))
        return problem_set(act->problem, ERR_PAYOUT_METHOD, "/statement/method",
                           "This member pays out by: test.");
    struct requesting q = { .act = act,
                            .s = s,
                            .row = { .id = s->id, .account = act->account, .amount = amount } };
    (void)snprintf(q.row.currency, sizeof(q.row.currency), "%s", currency);
    (void)snprintf(q.row.method, sizeof(q.row.method), "%s", method);
    (void)snprintf(q.row.destination, sizeof(q.row.destination), "%s", destination);
    return act_write(act, "payout-request", request_tx, &q, ret);
}

/* ---- the way out ----------------------------------------------------------------------------- */

struct moving {
    struct app *app;
    const struct id *payout;
    usec_t now;
    bool confirmed; /* settle: what the adapter said */
};

static enum err submit_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct moving *m = arg;
    struct payout_row p;
    enum err e = store_payout_get(db, m->payout, NULL, true, &p);
    if (e == OK && strcmp(p.state, "created") != 0)
        e = ERR_STATE;
    if (e == OK)
        e = store_payout_move(db, &p, "submitted", NULL);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

static enum err settle_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct moving *m = arg;
    struct payout_row p;
    struct statement st = { 0 };
    enum err e = store_payout_get(db, m->payout, NULL, true, &p);
    if (e == OK && strcmp(p.state, "submitted") != 0)
        e = ERR_STATE;
    const char *result = m->confirmed ? "confirmed" : "failed";
    if (e == OK)
        e = member_statement(m->app, "payout.settle", p.version + 1, m->now,
                             json_pack("{s:o, s:s, s:I, s:s}", "payout", json_id(&p.id), "result",
                                       result, "amount_minor", (json_int_t)p.amount, "currency",
                                       p.currency),
                             &st);
    if (e == OK)
        e = outbox_append(db, &st, &p.account, &p.account, 1, m->now);
    if (e == OK) {
        struct id wallet = book_account_id(BOOK_WALLET, &p.account, p.currency);
        struct id outside = book_account_id(BOOK_OUTSIDE, NULL, p.currency);
        struct transfer t = books_leg(&st.id, 0, &wallet, &outside, p.amount, "payout");
        t.mode = m->confirmed ? TRANSFER_SETTLE : TRANSFER_VOID;
        t.pending_of = books_transfer_id(&p.id, 0);
        e = books_post(db, &st.id, p.currency, &t, 1);
    }
    if (e == OK)
        e = store_payout_move(db, &p, result, &st.id);
    statement_release(&st);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

static enum err step(struct moving *m, const char *name, store_fn *fn)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    char id[ID_TEXT_SIZE], key[65];
    id_text(m->payout, id);
    (void)snprintf(key, sizeof(key), "%s-%s", name, id);
    struct act act;
    act_member(m->app, arena, key, &act);
    m->now = act.now;
    struct answer answer = { 0 };
    enum err e = act_write(&act, name, fn, m, &answer);
    arena_free(arena);
    return e;
}

/* The reference is durable in our books before anything leaves the house. */
enum err payout_advance(struct app *app, struct db *db, const struct id *payout)
{
    struct payout_row p;
    struct moving m = { .app = app, .payout = payout };
    enum err e = store_payout_get(db, payout, NULL, false, &p);
    if (e == OK && strcmp(p.state, "created") == 0) {
        e = step(&m, "payout-submit", submit_tx);
        if (e == OK)
            e = FP("payout_submitted");
    } else if (e == OK && strcmp(p.state, "submitted") != 0) {
        return OK; /* settled meanwhile */
    }
    enum adapter_outcome outcome = ADAPTER_UNKNOWN;
    if (e == OK)
        e = adapter_pay(app, &p, &outcome);
    if (e == OK)
        e = FP("payout_sent");
    if (e != OK || outcome == ADAPTER_UNKNOWN)
        return e;
    m.confirmed = outcome == ADAPTER_CONFIRMED;
    return step(&m, "payout-settle", settle_tx);
}
