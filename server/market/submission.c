#include "server/market/submission.h"

#include "server/ledger/io/outbox.h"
#include "server/market/bounty.h"
#include "server/market/money.h"
#include "server/market/reward.h"
#include "server/market/states.h"
#include "server/review/round.h"

#include <string.h>

/* ---- open ------------------------------------------------------------------------------------ */

struct opening {
    const struct act *act;
    const struct submission_draft *d;
    struct bounty_row bounty;
    struct terms terms;
    struct submission_row row;
    int64_t quote; /* the most that will be paid for it */
    struct seat_row seats[SEATS_MAX];
    size_t n;
    struct id draw_entry;
};

static enum err check_bounty(struct db *db, struct opening *o, struct arena *arena)
{
    const struct submission_draft *d = o->d;
    usec_t now = o->act->now;
    enum err e = store_bounty_get(db, &d->bounty, BOUNTY_SHARE, arena, &o->bounty);
    if (e != OK)
        return e;
    if (o->bounty.home != 0)
        return ERR_BOUNTY_ELSEWHERE;
    if (!o->bounty.open || now < o->bounty.opens_at || now >= o->bounty.closes_at)
        return ERR_BOUNTY_CLOSED;
    if (!bytes_equal(d->terms_hash, o->bounty.terms_hash, HASH_BYTES))
        return ERR_BOUNTY_TERMS_HASH;
    return bounty_terms(&o->bounty, &o->terms);
}

/* The quote: the increment that the claim can earn at best, plus the fee of every seat. */
static enum err quote(struct db *db, struct opening *o)
{
    const struct submission_draft *d = o->d;
    const struct terms_review *review = &o->terms.review;
    int64_t paid = 0;
    enum err e = store_submission_paid(db, &d->bounty, d->s->signer, &o->act->account, &paid);
    if (e != OK)
        return e;
    o->quote = pay_of(reward_quote(&o->terms, d->visits, d->months), paid);
    o->row = (struct submission_row){
        .id = d->s->id,
        .bounty = d->bounty,
        .account = o->act->account,
        .record = d->record,
        .sponsor = o->bounty.sponsor,
        .manifest = d->manifest,
        .claim_visits = d->visits,
        .claim_months = d->months,
        .due_at = o->act->now + QUOTE_HOURS * 3600 * USEC_PER_SEC,
        .version = 1,
        .reserved = o->quote + review->fee_minor * review->seats,
    };
    memcpy(o->row.nym, d->s->signer, SIGN_PUBLIC_BYTES);
    return OK;
}

static enum err reserve(struct db *db, const struct opening *o)
{
    struct money m;
    money_init(&m, &o->d->s->id, o->bounty.currency);
    money_move(&m, BOOK_AVAILABLE, &o->d->bounty, BOOK_RESERVED, &o->d->bounty, o->row.reserved,
               "reserve");
    enum err e = money_post(db, &m);
    return e == ERR_BALANCE ? ERR_BOUNTY_UNFUNDED : e;
}

static json_t *seats_json(const struct opening *o)
{
    json_t *list = json_array();
    for (size_t i = 0; i < o->n && list != NULL; i++) {
        json_t *one = json_pack("{s:I, s:o, s:s}", "seat", (json_int_t)o->seats[i].seat, "grantee",
                                json_b64(o->seats[i].grantee, BOX_PUBLIC_BYTES), "institution",
                                o->seats[i].institution);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static enum err open_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    struct opening *o = arg;
    const struct id *who = &o->act->account;
    enum err e = check_bounty(db, o, arena);
    if (e == OK)
        e = quote(db, o);
    if (e == OK)
        e = outbox_append(db, o->d->s, who, who, 1, o->act->now);
    if (e == OK)
        e = store_submission_insert(db, &o->row, o->act->now);
    if (e == OK)
        e = reserve(db, o);
    if (e == OK)
        e = round_draw(db, o->act, &o->row, &o->bounty, &o->terms, arena, o->seats, &o->n,
                       &o->draw_entry);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:o, s:s, s:i, s:o, s:I, s:s, s:o, s:o}", "id",
                                json_id(&o->d->s->id), "entry", json_id(&o->d->s->id), "state",
                                "QUOTED", "version", 1, "seats", seats_json(o), "max_pay_minor",
                                (json_int_t)o->quote, "currency", o->bounty.currency, "expires_at",
                                json_time(o->row.due_at), "draw_entry", json_id(&o->draw_entry)));
}

enum err submission_open(const struct act *act, const struct submission_draft *d,
                         struct answer *ret)
{
    struct opening o = { .act = act, .d = d };
    return act_write(act, "submission-open", open_tx, &o, ret);
}

/* ---- submit ---------------------------------------------------------------------------------- */

struct submitting {
    const struct act *act;
    const struct statement *s;
    const struct id *submission;
    const struct sealed_grant *grants;
    size_t n;
    struct submission_row row;
    struct bounty_row bounty;
    struct terms terms;
};

/* The patient's own submission, locked; foreign ones do not exist. */
static enum err own_submission(struct db *db, const struct act *act, const struct statement *s,
                               const struct id *id, struct submission_row *ret)
{
    enum err e = store_submission_get(db, id, true, ret);
    if (e == OK && !id_equal(&ret->account, &act->account))
        e = ERR_NOT_FOUND;
    if (e == OK && !bytes_equal(s->signer, ret->nym, SIGN_PUBLIC_BYTES))
        e = problem_set(act->problem, ERR_STATEMENT_SIGNER, "/statement/signer",
                        "Sign with the key under which you opened the submission.");
    if (e == OK && s->version != ret->version)
        e = ERR_IF_MATCH;
    return e;
}

/* One grant, member by member, against the seat it is for. */
static bool grant_fits(const json_t *grant, const struct submission_row *row,
                       const struct seat_row *seat, usec_t now)
{
    static const char *const purposes[] = { "review", NULL };
    struct id submission;
    int64_t number = 0;
    uint8_t grantee[BOX_PUBLIC_BYTES], key[HASH_BYTES], content[HASH_BYTES];
    const char *purpose = NULL;
    usec_t expires = 0;
    const struct field fields[] = {
        F_ID("submission", &submission),
        F_INT("seat", &number, 1, SEATS_MAX),
        F_BYTES("grantee", grantee, sizeof(grantee)),
        F_BYTES("key_commitment", key, HASH_BYTES),
        F_BYTES("content_commitment", content, HASH_BYTES),
        F_CODE("purpose", &purpose, purposes),
        F_TIME("expires_at", &expires),
    };
    return fields_read(grant, "", fields, COUNT(fields), NULL) == OK &&
           id_equal(&submission, &row->id) && number == seat->seat &&
           bytes_equal(grantee, seat->grantee, sizeof(grantee)) &&
           bytes_equal(key, row->manifest.key_commitment, HASH_BYTES) &&
           bytes_equal(content, row->manifest.content_commitment, HASH_BYTES) && expires > now;
}

static enum err store_grant(struct db *db, const struct submitting *x, const struct seat_row *seat)
{
    const struct sealed_grant *g = NULL;
    for (size_t i = 0; i < x->n; i++)
        if (x->grants[i].seat == seat->seat)
            g = &x->grants[i];
    if (g == NULL || !grant_fits(g->grant, &x->row, seat, x->act->now))
        return problem_set(x->act->problem, ERR_GRANTS, "/statement/grants",
                           "The grant for seat %d is missing or does not fit the draw.",
                           (int)seat->seat);
    struct buf text;
    buf_init(&text, STATEMENT_MAX);
    enum err e = json_canonical(g->grant, &text);
    if (e == OK)
        e = store_seat_grant(db, &x->row.id, seat->seat, buf_str(&text), g->wrap);
    buf_release(&text);
    return e;
}

static enum err seal_seats(struct db *db, const struct submitting *x, struct arena *arena)
{
    struct seat_row seats[SEATS_MAX];
    size_t n = 0;
    enum err e = store_seats(db, &x->row.id, arena, seats, &n);
    if (e == OK && n != x->n)
        e = problem_set(x->act->problem, ERR_GRANTS, "/statement/grants",
                        "There are %zu seats and %zu grants.", n, x->n);
    for (size_t i = 0; i < n && e == OK; i++)
        e = store_grant(db, x, &seats[i]);
    return e;
}

static enum err submit_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    struct submitting *x = arg;
    const struct id *who = &x->act->account;
    enum err e = own_submission(db, x->act, x->s, x->submission, &x->row);
    if (e == OK)
        e = state_move(x->row.state, "ROUND", ACTOR_PATIENT);
    if (e == OK && x->act->now >= x->row.due_at)
        e = ERR_STATE;
    if (e == OK && !x->row.stored)
        e = ERR_CONTENT_STATE;
    if (e == OK)
        e = store_bounty_get(db, &x->row.bounty, BOUNTY_SHARE, arena, &x->bounty);
    if (e == OK)
        e = bounty_terms(&x->bounty, &x->terms);
    if (e == OK)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK)
        e = seal_seats(db, x, arena);
    const struct submission_change c = {
        .state = "ROUND",
        .phase = "commit",
        .round = 1,
        .reserved = x->row.reserved,
        .due_at = x->act->now + x->terms.review.commit_hours * 3600 * USEC_PER_SEC,
        .entry = x->s->id,
    };
    if (e == OK)
        e = store_submission_change(db, &x->row, &c, x->act->now);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 200,
                      json_pack("{s:o, s:o, s:s, s:i, s:o, s:I}", "id", json_id(&x->row.id),
                                "entry", json_id(&x->s->id), "state", "ROUND", "round", 1,
                                "commit_due", json_time(c.due_at), "version",
                                (json_int_t)x->row.version));
}

enum err submission_submit(const struct act *act, const struct statement *s,
                           const struct id *submission, const struct sealed_grant *grants, size_t n,
                           struct answer *ret)
{
    struct submitting x = {
        .act = act, .s = s, .submission = submission, .grants = grants, .n = n
    };
    return act_write(act, "submission-submit", submit_tx, &x, ret);
}

/* ---- withdraw and due ------------------------------------------------------------------------ */

/* Leaves without a decision: reviewers who did their part are paid, the rest goes back. */
static enum err leave(struct db *db, struct app *app, usec_t now, struct submission_row *row,
                      const char *state, const struct id *entry, struct arena *arena)
{
    struct bounty_row b;
    struct terms terms;
    struct seat_row seats[SEATS_MAX];
    size_t n = 0;
    int64_t fees = 0;
    struct money m;
    enum err e = store_bounty_get(db, &row->bounty, BOUNTY_SHARE, arena, &b);
    if (e == OK)
        e = bounty_terms(&b, &terms);
    if (e == OK)
        e = store_seats(db, &row->id, arena, seats, &n);
    if (e == OK)
        e = round_pay_fees(db, app, now, row, &b, &terms, seats, n, true, &fees);
    if (e != OK)
        return e;
    money_init(&m, entry, b.currency);
    e = money_release(db, &m, &b, row->reserved - fees);
    if (e == OK)
        e = money_post(db, &m);
    const struct submission_change c = {
        .state = state, .phase = "closed", .round = row->round, .due_at = now, .entry = *entry
    };
    return e == OK ? store_submission_change(db, row, &c, now) : e;
}

static enum err withdraw_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    struct submitting *x = arg;
    const struct id *who = &x->act->account;
    enum err e = own_submission(db, x->act, x->s, x->submission, &x->row);
    if (e == OK)
        e = state_move(x->row.state, "WITHDRAWN", ACTOR_PATIENT);
    if (e == OK)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK)
        e = leave(db, x->act->app, x->act->now, &x->row, "WITHDRAWN", &x->s->id, arena);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 200,
                      json_pack("{s:o, s:o, s:s, s:I}", "id", json_id(&x->row.id), "entry",
                                json_id(&x->s->id), "state", "WITHDRAWN", "version",
                                (json_int_t)x->row.version));
}

enum err submission_withdraw(const struct act *act, const struct statement *s,
                             const struct id *submission, struct answer *ret)
{
    struct submitting x = { .act = act, .s = s, .submission = submission };
    return act_write(act, "submission-withdraw", withdraw_tx, &x, ret);
}

struct due {
    struct app *app;
    const struct id *submission;
    usec_t now;
};

static enum err expire_quote(struct db *db, const struct due *d, struct submission_row *row,
                             struct arena *arena)
{
    struct statement st = { 0 };
    enum err e = state_move(row->state, "EXPIRED", ACTOR_MEMBER);
    if (e == OK)
        e = member_statement(d->app, "submission.expire", row->version + 1, d->now,
                             json_pack("{s:o}", "submission", json_id(&row->id)), &st);
    if (e == OK)
        e = outbox_append(db, &st, &row->account, &row->account, 1, d->now);
    if (e == OK)
        e = leave(db, d->app, d->now, row, "EXPIRED", &st.id, arena);
    statement_release(&st);
    return e;
}

/* A round that is due is decided with the verdicts there are. */
static enum err close_due_round(struct db *db, const struct due *d, struct submission_row *row,
                                struct arena *arena)
{
    struct bounty_row b;
    struct terms terms;
    struct seat_row seats[SEATS_MAX];
    size_t n = 0;
    enum err e = store_bounty_get(db, &row->bounty, BOUNTY_SHARE, arena, &b);
    if (e == OK)
        e = bounty_terms(&b, &terms);
    if (e == OK)
        e = store_seats(db, &row->id, arena, seats, &n);
    return e == OK ? round_close(db, d->app, d->now, row, &b, &terms, seats, n) : e;
}

static enum err due_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct due *d = arg;
    struct submission_row row;
    enum err e = store_submission_get(db, d->submission, true, &row);
    if (e == OK && row.due_at <= d->now && strcmp(row.state, "QUOTED") == 0)
        e = expire_quote(db, d, &row, arena);
    else if (e == OK && row.due_at <= d->now && strcmp(row.state, "ROUND") == 0)
        e = close_due_round(db, d, &row, arena);
    else if (e == OK)
        e = ERR_STATE; /* somebody was quicker; as an error it is not remembered under this key */
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

enum err submission_due(struct app *app, const struct id *submission, int64_t version)
{
    struct arena *arena = arena_new(4u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    struct act act;
    char id[ID_TEXT_SIZE], key[65];
    id_text(submission, id);
    /* The version names the step: a submission comes due at most once in each of its versions. */
    (void)snprintf(key, sizeof(key), "due-%s-%lld", id, (long long)version);
    act_member(app, arena, key, &act);
    struct due d = { .app = app, .submission = submission, .now = act.now };
    struct answer answer = { 0 };
    enum err e = act_write(&act, "submission-due", due_tx, &d, &answer);
    arena_free(arena);
    return e;
}
