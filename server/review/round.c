#include "server/review/round.h"

#include "server/ledger/io/outbox.h"
#include "server/market/bounty.h"
#include "server/statement/terms.h"

#include <string.h>

/* What both steps of a verdict work on, read under the submission's lock. */
struct step {
    const struct act *act;
    const struct statement *s;
    const struct id *submission;
    int64_t round;
    const uint8_t *commitment; /* commit */
    const uint8_t *nonce;      /* reveal */
    const json_t *verdict;     /* reveal */
    struct submission_row row;
    struct bounty_row bounty;
    struct terms terms;
    struct seat_row seats[SEATS_MAX];
    size_t n;
    struct seat_row *mine;
};

/* ERR_NOT_FOUND for whoever has no seat, as for what does not exist. */
static enum err load(struct db *db, struct step *x, struct arena *arena)
{
    enum err e = store_submission_get(db, x->submission, true, &x->row);
    if (e == OK)
        e = store_seats(db, x->submission, arena, x->seats, &x->n);
    if (e != OK)
        return e;
    x->mine = NULL;
    for (size_t i = 0; i < x->n; i++)
        if (id_equal(&x->seats[i].reviewer, &x->act->account))
            x->mine = &x->seats[i];
    if (x->mine == NULL || x->mine->grant == NULL)
        return ERR_NOT_FOUND;
    if (strcmp(x->row.state, "ROUND") != 0 || x->round != x->row.round)
        return ERR_VERDICT_LATE;
    e = store_bounty_get(db, &x->row.bounty, BOUNTY_SHARE, arena, &x->bounty);
    return e == OK ? bounty_terms(&x->bounty, &x->terms) : e;
}

static size_t count(const struct step *x, bool revealed)
{
    size_t n = 0;
    for (size_t i = 0; i < x->n; i++)
        if (revealed ? x->seats[i].revealed : x->seats[i].committed)
            n++;
    return n;
}

static enum err answer_step(const struct step *x, struct arena *arena, struct answer *ret)
{
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:I, s:o, s:s}", "submission", json_id(x->submission),
                                "seat", (json_int_t)x->mine->seat, "entry", json_id(&x->s->id),
                                "phase", x->row.phase));
}

static enum err commit_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    struct step *x = arg;
    const struct id *who = &x->act->account;
    enum err e = load(db, x, arena);
    if (e == OK && x->mine->committed)
        e = ERR_VERDICT_TWICE;
    if (e == OK && (strcmp(x->row.phase, "commit") != 0 || x->act->now >= x->row.due_at))
        e = ERR_VERDICT_LATE;
    if (e == OK)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK)
        e = store_seat_commit(db, x->submission, x->mine->seat, x->commitment, &x->s->id);
    if (e != OK)
        return e;
    x->mine->committed = true;
    /* With the quorum's commitments in, nobody's verdict can be copied: the reveal begins. */
    if (count(x, false) >= (size_t)x->terms.review.quorum) {
        memcpy(x->row.phase, "reveal", sizeof("reveal"));
        e = store_submission_phase(db, x->submission, "reveal",
                                   x->act->now +
                                       x->terms.review.reveal_hours * 3600 * USEC_PER_SEC);
    }
    return e == OK ? answer_step(x, arena, ret) : e;
}

enum err round_commit(const struct act *act, const struct statement *s, const struct id *submission,
                      int64_t round, const uint8_t commitment[HASH_BYTES], struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct step x = {
        .act = act, .s = s, .submission = submission, .round = round, .commitment = commitment
    };
    return act_write(act, "verdict-commit", commit_tx, &x, ret);
}

/* The verdict must be what was committed to, and well-formed under the terms. */
static enum err check_verdict(struct step *x, struct verdict *ret)
{
    uint8_t commitment[HASH_BYTES];
    enum err e = verdict_read(x->verdict, "/statement/verdict", &x->terms, ret, x->act->problem);
    if (e == OK)
        e = verdict_commitment(x->verdict, x->nonce, commitment);
    if (e == OK && !bytes_equal(commitment, x->mine->commitment, HASH_BYTES))
        e = problem_set(x->act->problem, ERR_VERDICT_SEAL, "/statement/nonce",
                        "Reveal the verdict and nonce that you committed to.");
    return e;
}

static enum err store_verdict(struct db *db, struct step *x, const struct verdict *v,
                              struct arena *arena)
{
    struct buf canonical;
    buf_init(&canonical, STATEMENT_MAX);
    enum err e = json_canonical(x->verdict, &canonical);
    const struct seat_verdict row = {
        .verdict = buf_str(&canonical),
        .value_bp = v->rubric_sum / (int64_t)x->terms.review.n_rubric,
        .visits = v->visits,
        .months = v->months,
        .recommend = recommend_codes[v->recommend],
    };
    if (e == OK)
        e = store_seat_reveal(db, x->submission, x->mine->seat, &row, &x->s->id);
    if (e == OK) {
        x->mine->revealed = true;
        x->mine->verdict = arena_strdup(arena, row.verdict);
        e = x->mine->verdict != NULL ? OK : ERR_NO_MEMORY;
    }
    buf_release(&canonical);
    return e;
}

static enum err reveal_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    struct step *x = arg;
    struct verdict v;
    const struct id *who = &x->act->account;
    enum err e = load(db, x, arena);
    if (e == OK && x->mine->revealed)
        e = ERR_VERDICT_TWICE;
    if (e == OK && (strcmp(x->row.phase, "reveal") != 0 || !x->mine->committed ||
                    x->act->now >= x->row.due_at))
        e = ERR_VERDICT_LATE;
    if (e == OK)
        e = check_verdict(x, &v);
    if (e == OK)
        e = outbox_append(db, x->s, who, who, 1, x->act->now);
    if (e == OK)
        e = store_verdict(db, x, &v, arena);
    if (e == OK && count(x, true) == count(x, false)) {
        e = round_close(db, x->act->app, x->act->now, &x->row, &x->bounty, &x->terms, x->seats,
                        x->n);
        memcpy(x->row.phase, "closed", sizeof("closed"));
    }
    return e == OK ? answer_step(x, arena, ret) : e;
}

enum err round_reveal(const struct act *act, const struct statement *s, const struct id *submission,
                      int64_t round, const uint8_t nonce[VERDICT_NONCE_BYTES],
                      const json_t *verdict, struct answer *ret)
{
    enum err e = act_signed_by_caller(act, s);
    if (e != OK)
        return e;
    struct step x = { .act = act,
                      .s = s,
                      .submission = submission,
                      .round = round,
                      .nonce = nonce,
                      .verdict = verdict };
    return act_write(act, "verdict-reveal", reveal_tx, &x, ret);
}
