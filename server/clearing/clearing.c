#include "server/clearing/clearing.h"

#include "server/ledger/io/outbox.h"
#include "server/peering/peering.h"
#include "server/statement/terms.h"
#include "server/store/member_account.h"
#include "server/store/member_message.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OWNER_TEXT "cairn/v1/member"

struct id clearing_owner(uint16_t member)
{
    const uint8_t number[2] = { (uint8_t)(member >> 8), (uint8_t)member };
    uint8_t hash[HASH_BYTES];
    sha256_two(OWNER_TEXT, sizeof(OWNER_TEXT) - 1, number, sizeof(number), hash);
    return id_from_hash(hash);
}

/* ---- paying ---------------------------------------------------------------------------------- */

/* The message that goes with the payment; it is signed here, so that whoever sends it later needs
 * no key. */
static enum err write_message(struct db *db, struct app *app, usec_t now, const struct money *m,
                              uint16_t home, const struct id *account, int64_t amount)
{
    struct statement st = { 0 };
    struct message_row row = {
        .member = home, .cause = m->entry, .account = *account, .amount = amount
    };
    enum err e = store_message_next(db, home, &row.seq);
    if (e == OK)
        e = member_statement(app, "clearing.credit", 1, now,
                             json_pack("{s:i, s:I, s:o, s:I, s:s, s:o}", "to", (int)home,
                                       "sequence", (json_int_t)row.seq, "account", json_id(account),
                                       "amount_minor", (json_int_t)amount, "currency", m->currency,
                                       "cause", json_id(&m->entry)),
                             &st);
    if (e == OK) {
        row.id = st.id;
        row.statement = st.canonical;
        row.len = st.canonical_len;
        memcpy(row.currency, m->currency, sizeof(row.currency));
        e = store_message_insert(db, &row, now);
    }
    statement_release(&st);
    if (e == OK && app->peering != NULL)
        atomic_store(&app->peering->messages, true); /* act_write wakes the courier after COMMIT */
    return e;
}

enum err clearing_pay(struct db *db, struct app *app, usec_t now, struct money *m,
                      enum book_kind from, const struct id *from_owner, const struct id *account,
                      int64_t amount, const char *kind)
{
    uint16_t home = 0;
    if (amount == 0)
        return OK;
    enum err e = store_account_home(db, account, &home);
    if (e != OK)
        return e;
    struct id owner = home == 0 ? *account : clearing_owner(home);
    enum book_kind to = home == 0 ? BOOK_WALLET : BOOK_CLEARING;
    e = books_open(db, to, &owner, m->currency);
    if (e == OK)
        money_move(m, from, from_owner, to, &owner, amount, kind);
    return e == OK && home != 0 ? write_message(db, app, now, m, home, account, amount) : e;
}

/* ---- being paid ------------------------------------------------------------------------------ */

struct crediting {
    const struct act *act;
    const struct statement *s;
    uint16_t from;
    int64_t to, sequence, amount;
    struct id account, cause;
    const char *currency;
};

static enum err read_credit(struct crediting *c, struct problem *p)
{
    const struct field extra[] = {
        F_INT("to", &c->to, 1, UINT16_MAX),
        F_INT("sequence", &c->sequence, 1, JSON_INT_MAX),
        F_ID("account", &c->account),
        F_INT("amount_minor", &c->amount, 1, TERMS_AMOUNT_MAX),
        F_CODE("currency", &c->currency, terms_currencies),
        F_ID("cause", &c->cause),
    };
    enum err e = statement_fields(c->s, extra, COUNT(extra), p);
    if (e == OK && c->to != c->act->app->member)
        e = problem_set(p, ERR_STATEMENT_FORM, "/statement/to", "This is another member.");
    return e;
}

static enum err credit(struct db *db, const struct crediting *c)
{
    struct id person, owner = clearing_owner(c->from);
    struct money m;
    money_init(&m, &c->s->id, c->currency);
    enum err e = store_person(db, &c->account, &person);
    if (e == ERR_NOT_FOUND)
        return ERR_ACCOUNT_UNKNOWN;
    if (e == OK)
        e = outbox_append(db, c->s, &person, &person, 1, c->act->now);
    if (e == OK)
        e = books_open(db, BOOK_CLEARING, &owner, c->currency);
    if (e == OK)
        e = books_open(db, BOOK_WALLET, &person, c->currency);
    if (e == OK) {
        money_move(&m, BOOK_CLEARING, &owner, BOOK_WALLET, &person, c->amount, "credit");
        e = money_post(db, &m);
    }
    return e == OK ? store_credit_insert(db, c->from, c->sequence, &c->s->id, &person, c->amount,
                                         c->currency, c->act->now)
                   : e;
}

/* What was applied before is not applied again, whatever the message of that sequence says now: the
 * first one stands, signed by the one who sent it. */
static enum err credit_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct crediting *c = arg;
    int64_t received = 0;
    enum err e = store_message_received(db, c->from, &received);
    if (e == OK && c->sequence > received + 1)
        e = ERR_MEMBER_ORDER;
    if (e == OK && c->sequence == received + 1) {
        e = credit(db, c);
        received++;
    }
    return e == OK
               ? answer_set(ret, arena, 200, json_pack("{s:I}", "received", (json_int_t)received))
               : e;
}

enum err clearing_apply(const struct act *act, uint16_t from, const struct statement *s,
                        struct answer *ret)
{
    struct act own;
    struct crediting c = { .act = &own, .s = s, .from = from };
    act_of_statement(act, "credit", s, &own);
    uint8_t key[SIGN_PUBLIC_BYTES];
    const struct peering *p = act->app->peering;
    enum err e = p != NULL ? p->key(p, from, key) : ERR_MEMBER_UNKNOWN;
    if (e == OK && !bytes_equal(key, s->signer, sizeof(key)))
        e = ERR_STATEMENT_SIGNER;
    if (e == OK)
        e = read_credit(&c, act->problem);
    return e == OK ? act_write(&own, "clearing-credit", credit_tx, &c, ret) : e;
}

/* ---- what is open ---------------------------------------------------------------------------- */

static enum err counters(const struct peering *p, struct buf *ret)
{
    const struct {
        const char *name, *help;
        unsigned long long value;
    } all[] = {
        { "cairn_member_forwards", "Requests of our people that went to other members.",
          atomic_load(&p->calls) },
        { "cairn_member_deliveries", "Calls that other members took messages from.",
          atomic_load(&p->delivered) },
        { "cairn_member_delivery_failures", "Calls with messages that failed.",
          atomic_load(&p->failures) },
        { "cairn_member_entries_refused", "Public entries of other members that were invalid.",
          atomic_load(&p->refused) },
    };
    enum err e = OK;
    for (size_t i = 0; i < COUNT(all) && e == OK; i++)
        e = buf_addf(ret, "# TYPE %s counter\n# HELP %s %s\n%s_total %llu\n", all[i].name,
                     all[i].name, all[i].help, all[i].name, all[i].value);
    return e;
}

enum err clearing_metrics(const struct app *app, struct db *db, struct buf *ret)
{
    struct rows *r = NULL;
    enum err e = store_clearing_open(db, &r);
    if (e == OK)
        e = buf_add_str(ret, "# TYPE cairn_clearing_open_minor gauge\n"
                             "# HELP cairn_clearing_open_minor Money sent to another member and "
                             "not acknowledged yet.\n");
    for (size_t i = 0; e == OK && i < rows_count(r); i++)
        e = buf_addf(ret, "cairn_clearing_open_minor{member=\"%s\",currency=\"%s\"} %" PRId64 "\n",
                     row_text(r, i, 0), row_text(r, i, 1), row_i64(r, i, 2));
    rows_free(r);
    return e == OK ? counters(app->peering, ret) : e;
}
