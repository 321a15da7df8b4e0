#include "server/market/bounty.h"

#include "server/ledger/io/outbox.h"
#include "server/market/money.h"
#include "server/market/reward.h"

#include <stdio.h>
#include <string.h>

enum err bounty_terms(const struct bounty_row *b, struct terms *ret)
{
    json_t *value = NULL;
    enum err e = json_read(b->terms, strlen(b->terms), &value, NULL);
    if (e == OK)
        e = terms_read(value, "", ret, NULL);
    json_decref(value);
    return e == OK || e == ERR_NO_MEMORY ? e : ERR_INTERNAL; /* they were checked when published */
}

/* ---- deposit --------------------------------------------------------------------------------- */

struct depositing {
    const struct act *act;
    const struct statement *s;
    int64_t amount;
    const char *currency, *reference;
};

static enum err deposit_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct depositing *d = arg;
    const struct id *who = &d->act->account;
    struct money money;
    money_init(&money, &d->s->id, d->currency);
    money_move(&money, BOOK_OUTSIDE, NULL, BOOK_WALLET, who, d->amount, "deposit");
    enum err e = outbox_append(db, d->s, who, who, 1, d->act->now);
    if (e == OK)
        e = store_deposit_insert(db, &d->s->id, who, d->amount, d->currency, d->reference,
                                 d->act->now);
    if (e == OK)
        e = books_open(db, BOOK_OUTSIDE, NULL, d->currency);
    if (e == OK)
        e = books_open(db, BOOK_WALLET, who, d->currency);
    if (e == OK)
        e = money_post(db, &money);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:s, s:I, s:s}", "id", json_id(&d->s->id), "entry",
                                json_id(&d->s->id), "state", "settled", "amount_minor",
                                (json_int_t)d->amount, "currency", d->currency));
}

enum err deposit_make(const struct act *act, const struct statement *s, int64_t amount,
                      const char *currency, const char *reference, struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct depositing d = {
        .act = act, .s = s, .amount = amount, .currency = currency, .reference = reference
    };
    return act_write(act, "deposit", deposit_tx, &d, ret);
}

/* ---- publish --------------------------------------------------------------------------------- */

struct publishing {
    const struct act *act;
    const struct statement *s;
    const struct terms *terms;
    struct buf text; /* canonical terms */
    uint8_t hash[HASH_BYTES];
};

/* The buckets of a bounty are opened with it, so that money moves need not ask. */
static enum err open_buckets(struct db *db, const struct id *bounty, const char *currency)
{
    static const enum book_kind kinds[] = { BOOK_AVAILABLE, BOOK_RESERVED, BOOK_ACCRUED };
    enum err e = OK;
    for (size_t i = 0; i < COUNT(kinds) && e == OK; i++)
        e = books_open(db, kinds[i], bounty, currency);
    return e;
}

static enum err publish_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct publishing *p = arg;
    const struct bounty_new row = { .id = p->s->id,
                                    .sponsor = p->act->account,
                                    .disease = p->terms->disease,
                                    .currency = p->terms->currency,
                                    .terms = buf_str(&p->text),
                                    .terms_hash = p->hash,
                                    .opens_at = p->terms->opens_at,
                                    .closes_at = p->terms->closes_at,
                                    .at = p->act->now };
    enum err e = outbox_append(db, p->s, &p->act->account, &p->act->account, 1, p->act->now);
    if (e == OK)
        e = store_bounty_insert(db, &row);
    if (e == OK)
        e = open_buckets(db, &p->s->id, p->terms->currency);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:o, s:s, s:i}", "id", json_id(&p->s->id), "entry",
                                json_id(&p->s->id), "terms_hash", json_b64(p->hash, HASH_BYTES),
                                "state", "open", "version", 1));
}

enum err bounty_publish(const struct act *act, const struct statement *s, const json_t *terms_value,
                        struct answer *ret)
{
    struct terms terms;
    struct publishing p = { .act = act, .s = s, .terms = &terms };
    enum err e = act_signed_by_caller(act, s);
    if (e == OK)
        e = terms_read(terms_value, "/statement/terms", &terms, act->problem);
    if (e == OK && terms.closes_at <= act->now)
        e = problem_set(act->problem, ERR_BOUNTY_TERMS, "/statement/terms/closes_at",
                        "The bounty would be over before it begins.");
    buf_init(&p.text, STATEMENT_MAX);
    if (e == OK)
        e = json_canonical(terms_value, &p.text);
    if (e == OK)
        e = terms_hash(terms_value, p.hash);
    if (e == OK)
        e = act_write(act, "bounty-publish", publish_tx, &p, ret);
    buf_release(&p.text);
    return e;
}

/* ---- fund ------------------------------------------------------------------------------------ */

struct funding {
    const struct act *act;
    const struct statement *s;
    const struct id *bounty;
    int64_t amount;
    const char *currency;
};

/* The bounty, if the caller is its sponsor. */
static enum err own_bounty(struct db *db, const struct act *act, const struct id *id,
                           enum bounty_lock lock, struct arena *arena, struct bounty_row *ret)
{
    enum err e = store_bounty_get(db, id, lock, arena, ret);
    if (e == OK && ret->home != 0)
        return ERR_BOUNTY_ELSEWHERE;
    return e == OK && !id_equal(&ret->sponsor, &act->account) ? ERR_NOT_FOUND : e;
}

static enum err fund_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct funding *f = arg;
    const struct id *who = &f->act->account;
    struct bounty_row b;
    int64_t available = 0, pending = 0;
    enum err e = own_bounty(db, f->act, f->bounty, BOUNTY_SHARE, arena, &b);
    if (e == OK && !b.open)
        e = ERR_BOUNTY_CLOSED;
    if (e == OK && strcmp(b.currency, f->currency) != 0)
        e = ERR_BOOKS_CURRENCY;
    struct money money;
    money_init(&money, &f->s->id, f->currency);
    money_move(&money, BOOK_WALLET, who, BOOK_AVAILABLE, f->bounty, f->amount, "fund");
    if (e == OK)
        e = outbox_append(db, f->s, who, who, 1, f->act->now);
    if (e == OK)
        e = books_open(db, BOOK_WALLET, who, f->currency);
    if (e == OK)
        e = money_post(db, &money);
    if (e == OK)
        e = books_balance(db, BOOK_AVAILABLE, f->bounty, f->currency, &available, &pending);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:o, s:I, s:s}", "id", json_id(&f->s->id), "entry",
                                json_id(&f->s->id), "bounty", json_id(f->bounty), "available_minor",
                                (json_int_t)available, "currency", f->currency));
}

enum err bounty_fund(const struct act *act, const struct statement *s, const struct id *bounty,
                     int64_t amount, const char *currency, struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct funding f = {
        .act = act, .s = s, .bounty = bounty, .amount = amount, .currency = currency
    };
    return act_write(act, "bounty-fund", fund_tx, &f, ret);
}

/* ---- close ----------------------------------------------------------------------------------- */

/* Shared by the sponsor and the scheduler: state, event, and the available money back to the
 * sponsor. */
static enum err close_bounty(struct db *db, const struct bounty_row *b, const struct statement *s,
                             usec_t now, int64_t *ret_refunded)
{
    int64_t available = 0, pending = 0;
    struct money money;
    money_init(&money, &s->id, b->currency);
    enum err e = outbox_append(db, s, &b->sponsor, &b->sponsor, 1, now);
    if (e == OK)
        e = books_balance(db, BOOK_AVAILABLE, &b->id, b->currency, &available, &pending);
    if (e == OK)
        e = books_open(db, BOOK_WALLET, &b->sponsor, b->currency);
    if (e == OK) {
        money_move(&money, BOOK_AVAILABLE, &b->id, BOOK_WALLET, &b->sponsor, available, "refund");
        e = money_post(db, &money);
    }
    if (e == OK)
        e = store_bounty_close(db, &b->id, b->version + 1, &s->id, now);
    if (e == OK)
        *ret_refunded = available;
    return e;
}

struct closing {
    const struct act *act;
    const struct statement *s;
    const struct id *bounty;
    int64_t version;
};

static enum err close_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct closing *c = arg;
    struct bounty_row b;
    int64_t refunded = 0;
    enum err e = own_bounty(db, c->act, c->bounty, BOUNTY_CHANGE, arena, &b);
    if (e == OK && b.version != c->version)
        e = ERR_IF_MATCH;
    if (e == OK && !b.open)
        e = ERR_BOUNTY_CLOSED;
    if (e == OK && c->s->version != b.version)
        e = ERR_IF_MATCH; /* signed for another version than the one that is there */
    if (e == OK)
        e = close_bounty(db, &b, c->s, c->act->now, &refunded);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 200,
                      json_pack("{s:o, s:o, s:s, s:I, s:I}", "id", json_id(c->bounty), "entry",
                                json_id(&c->s->id), "state", "closed", "refunded_minor",
                                (json_int_t)refunded, "version", (json_int_t)(b.version + 1)));
}

enum err bounty_close(const struct act *act, const struct statement *s, const struct id *bounty,
                      int64_t version, struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct closing c = { .act = act, .s = s, .bounty = bounty, .version = version };
    return act_write(act, "bounty-close", close_tx, &c, ret);
}

struct expiring {
    struct app *app;
    const struct id *bounty;
    usec_t now;
};

static enum err expire_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct expiring *x = arg;
    struct bounty_row b;
    struct statement s = { 0 };
    int64_t refunded = 0;
    enum err e = store_bounty_get(db, x->bounty, BOUNTY_CHANGE, arena, &b);
    if (e == OK && (b.home != 0 || !b.open || b.closes_at > x->now))
        e = ERR_STATE; /* somebody was quicker */
    if (e == OK)
        e = member_statement(x->app, "bounty.expire", b.version + 1, x->now,
                             json_pack("{s:o}", "bounty", json_id(x->bounty)), &s);
    if (e == OK)
        e = close_bounty(db, &b, &s, x->now, &refunded);
    statement_release(&s);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

enum err bounty_expire(struct app *app, const struct id *bounty)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    char id[ID_TEXT_SIZE], key[64];
    id_text(bounty, id);
    (void)snprintf(key, sizeof(key), "bounty-expire-%s", id);
    struct act act;
    act_member(app, arena, key, &act);
    struct expiring x = { .app = app, .bounty = bounty, .now = act.now };
    struct answer answer = { 0 };
    enum err e = act_write(&act, "bounty-expire", expire_tx, &x, &answer);
    arena_free(arena);
    return e;
}
