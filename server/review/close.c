/* The close of a round: the decision, and every payment under an entry of its own. */
#include "server/clearing/clearing.h"
#include "server/ledger/io/outbox.h"
#include "server/market/money.h"
#include "server/market/reward.h"
#include "server/market/states.h"
#include "server/review/round.h"
#include "server/review/score.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static enum err pay_fee(struct db *db, struct app *app, usec_t now, const struct submission_row *s,
                        const struct bounty_row *b, int64_t fee, const struct seat_row *seat)
{
    struct statement st = { 0 };
    struct money m;
    enum err e = member_statement(app, "review.pay", 1, now,
                                  json_pack("{s:o, s:I, s:I, s:s}", "submission", json_id(&s->id),
                                            "seat", (json_int_t)seat->seat, "amount_minor",
                                            (json_int_t)fee, "currency", b->currency),
                                  &st);
    if (e == OK)
        e = outbox_append(db, &st, &seat->reviewer, &seat->reviewer, 1, now);
    if (e == OK) {
        money_init(&m, &st.id, b->currency);
        e = clearing_pay(db, app, now, &m, BOOK_RESERVED, &s->bounty, &seat->reviewer, fee,
                         "review");
    }
    if (e == OK)
        e = money_post(db, &m);
    if (e == OK)
        e = store_seat_fee(db, &s->id, seat->seat, &st.id);
    statement_release(&st);
    return e;
}

enum err round_pay_fees(struct db *db, struct app *app, usec_t now, const struct submission_row *s,
                        const struct bounty_row *b, const struct terms *terms,
                        const struct seat_row *seats, size_t n, bool commitment_suffices,
                        int64_t *ret_spent)
{
    int64_t spent = 0;
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (!seats[i].revealed && !(commitment_suffices && seats[i].committed))
            continue;
        e = pay_fee(db, app, now, s, b, terms->review.fee_minor, &seats[i]);
        spent += terms->review.fee_minor;
    }
    if (e == OK)
        *ret_spent = spent;
    return e;
}

static enum err read_verdicts(const struct terms *terms, const struct seat_row *seats, size_t n,
                              struct scored_verdict ret[SEATS_MAX], size_t *ret_n)
{
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        json_t *value = NULL;
        if (!seats[i].revealed)
            continue;
        enum err e = json_read(seats[i].verdict, strlen(seats[i].verdict), &value, NULL);
        if (e == OK)
            e = verdict_read(value, "", terms, &ret[out].verdict, NULL);
        json_decref(value);
        if (e != OK)
            return e == ERR_NO_MEMORY ? e : ERR_INTERNAL; /* it was checked when it was revealed */
        ret[out++].institution = seats[i].institution;
    }
    *ret_n = out;
    return OK;
}

/* The decision goes into the row; reasons as their codes. */
static void apply(struct submission_row *s, const struct decision *d, int64_t pay)
{
    (void)snprintf(s->outcome, sizeof(s->outcome), "%s", outcome_name(d->outcome));
    s->score_bp = d->outcome == OUTCOME_EXPIRED ? -1 : d->score.score_bp;
    s->n_eff_bp = d->score.n_eff_bp;
    s->quality_bp = d->quality_bp;
    s->visits = d->visits;
    s->months = d->months;
    s->pay = pay;
    s->reasons[0] = '\0';
    for (size_t i = 0; i < reason_count(); i++) {
        size_t len = strlen(s->reasons);
        if ((d->reasons >> i & 1u) != 0)
            (void)snprintf(s->reasons + len, sizeof(s->reasons) - len, "%s%s", len > 0 ? " " : "",
                           reason_codes[i]);
    }
}

static enum err decide_statement(struct db *db, struct app *app, usec_t now,
                                 const struct submission_row *s, const struct bounty_row *b,
                                 const struct decision *d, size_t verdicts, struct id *ret_entry)
{
    struct statement st = { 0 };
    const struct id parties[] = { s->account, b->sponsor };
    json_t *extras =
        json_pack("{s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:s, s:I, s:o}", "submission",
                  json_id(&s->id), "round", (json_int_t)s->round, "outcome", s->outcome, "score_bp",
                  (json_int_t)s->score_bp, "n_eff_bp", (json_int_t)s->n_eff_bp, "quality_bp",
                  (json_int_t)s->quality_bp, "visits", (json_int_t)s->visits, "months",
                  (json_int_t)s->months, "pay_minor", (json_int_t)s->pay, "currency", b->currency,
                  "verdicts", (json_int_t)verdicts, "reasons", reasons_json(d->reasons));
    enum err e = member_statement(app, "round.decide", s->version + 1, now, extras, &st);
    if (e == OK)
        e = outbox_append(db, &st, &s->account, parties, COUNT(parties), now);
    if (e == OK)
        *ret_entry = st.id;
    statement_release(&st);
    return e;
}

/* ACCEPTED > PAID: the accrued increment goes to the patient, under its own entry. */
static enum err pay_patient(struct db *db, struct app *app, usec_t now, struct submission_row *s,
                            const struct bounty_row *b)
{
    struct statement st = { 0 };
    struct money m;
    enum err e = state_move("ACCEPTED", "PAID", ACTOR_MEMBER);
    if (e == OK)
        e = member_statement(app, "submission.pay", s->version + 1, now,
                             json_pack("{s:o, s:I, s:s}", "submission", json_id(&s->id),
                                       "amount_minor", (json_int_t)s->pay, "currency", b->currency),
                             &st);
    if (e == OK)
        e = outbox_append(db, &st, &s->account, &s->account, 1, now);
    if (e == OK) {
        money_init(&m, &st.id, b->currency);
        e = clearing_pay(db, app, now, &m, BOOK_ACCRUED, &s->bounty, &s->account, s->pay, "reward");
    }
    if (e == OK)
        e = money_post(db, &m);
    const struct submission_change c = {
        .state = "PAID", .phase = "closed", .round = s->round, .due_at = now, .entry = st.id
    };
    if (e == OK)
        e = store_submission_change(db, s, &c, now);
    statement_release(&st);
    return e;
}

/* What this patient is owed now: the reward of the whole series less what was paid for it before.
 */
static enum err pay_now(struct db *db, const struct submission_row *s, const struct terms *terms,
                        const struct decision *d, int64_t *ret)
{
    int64_t paid = 0;
    *ret = 0;
    if (d->outcome != OUTCOME_ACCEPTED)
        return OK;
    enum err e = store_submission_paid(db, &s->bounty, s->nym, &s->account, &paid);
    if (e == OK)
        *ret = pay_of(reward_of(terms, d->visits, d->months, d->score.score_bp), paid);
    return e;
}

/* Reviewers may confirm more than was claimed, but the quote reserved only what the claim can earn.
 */
static void cap_to_claim(const struct submission_row *s, struct decision *d)
{
    if (d->visits > s->claim_visits)
        d->visits = s->claim_visits;
    if (d->months > s->claim_months)
        d->months = s->claim_months;
}

static enum err settle(struct db *db, struct app *app, usec_t now, struct submission_row *s,
                       const struct bounty_row *b, const struct terms *terms,
                       const struct seat_row *seats, size_t n, const struct id *entry)
{
    int64_t fees = 0;
    struct money m;
    /* Before the reveal began a commitment was all that could be done. */
    bool sealed = strcmp(s->phase, "commit") == 0;
    enum err e = round_pay_fees(db, app, now, s, b, terms, seats, n, sealed, &fees);
    if (e != OK)
        return e;
    assert(fees + s->pay <= s->reserved);
    money_init(&m, entry, b->currency);
    money_move(&m, BOOK_RESERVED, &s->bounty, BOOK_ACCRUED, &s->bounty, s->pay, "accrue");
    e = money_release(db, &m, b, s->reserved - fees - s->pay);
    return e == OK ? money_post(db, &m) : e;
}

enum err round_close(struct db *db, struct app *app, usec_t now, struct submission_row *s,
                     const struct bounty_row *b, const struct terms *terms,
                     const struct seat_row *seats, size_t n)
{
    struct scored_verdict verdicts[SEATS_MAX];
    struct decision d;
    size_t n_verdicts = 0;
    int64_t pay = 0;
    struct id entry = { { 0 } };
    enum err e = read_verdicts(terms, seats, n, verdicts, &n_verdicts);
    if (e != OK)
        return e;
    decide(terms, verdicts, n_verdicts, &d);
    cap_to_claim(s, &d);
    e = state_move(s->state, outcome_name(d.outcome), ACTOR_REVIEWERS);
    if (e == OK)
        e = pay_now(db, s, terms, &d, &pay);
    if (e == OK) {
        apply(s, &d, pay);
        e = decide_statement(db, app, now, s, b, &d, n_verdicts, &entry);
    }
    if (e == OK)
        e = settle(db, app, now, s, b, terms, seats, n, &entry);
    if (e == OK)
        e = store_submission_decide(db, s);
    const struct submission_change c = {
        .state = s->outcome, .phase = "closed", .round = s->round, .due_at = now, .entry = entry
    };
    if (e == OK)
        e = store_submission_change(db, s, &c, now);
    if (e == OK && d.outcome == OUTCOME_ACCEPTED)
        e = pay_patient(db, app, now, s, b);
    return e;
}
