/* /v1/reviews: a reviewer's seats */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/review/round.h"
#include "server/vault/record.h"

#include <string.h>

static json_t *review_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id submission = row_id(rows, i, 0), bounty = row_id(rows, i, 1);
    return json_pack("{s:o, s:o, s:I, s:s, s:b, s:b, s:o}", "submission", json_id(&submission),
                     "bounty", json_id(&bounty), "seat", (json_int_t)row_i64(rows, i, 2), "phase",
                     row_text(rows, i, 3), "committed", (int)row_bool(rows, i, 4), "revealed",
                     (int)row_bool(rows, i, 5), "due_at", json_time(row_i64(rows, i, 6)));
}

void api_reviews_get(struct request *r)
{
    static const char *const phases[] = { "commit", "reveal", "closed" };
    struct page p;
    struct rows *rows = NULL;
    const char *phase = req_query(r, "phase");
    enum err e = v1_page(r, &p);
    bool known = phase == NULL;
    for (size_t i = 0; i < COUNT(phases) && !known; i++)
        known = strcmp(phase, phases[i]) == 0;
    if (e == OK && !known)
        e = problem_set(&r->problem, ERR_QUERY, "/phase", "phase is commit, reveal or closed.");
    if (e == OK)
        e = store_reviews(r->db, &r->caller.account, phase, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 7, review_item);
}

/* The submission in whose round the caller holds a sealed seat; else it does not exist. */
static enum err own_seat(struct request *r, struct submission_row *ret_s, struct seat_row *ret_seat)
{
    struct id id;
    struct seat_row seats[SEATS_MAX];
    size_t n = 0;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_submission_get(r->db, &id, false, ret_s);
    if (e == OK)
        e = store_seats(r->db, &id, r->arena, seats, &n);
    if (e != OK)
        return e;
    for (size_t i = 0; i < n; i++)
        if (id_equal(&seats[i].reviewer, &r->caller.account) && seats[i].grant != NULL) {
            *ret_seat = seats[i];
            return OK;
        }
    return ERR_NOT_FOUND;
}

void api_review_get(struct request *r)
{
    struct submission_row s;
    struct seat_row seat;
    struct bounty_row b;
    json_t *grant = NULL;
    enum err e = own_seat(r, &s, &seat);
    if (e == OK)
        e = store_bounty_get(r->db, &s.bounty, BOUNTY_READ, r->arena, &b);
    if (e == OK)
        e = json_read(seat.grant, strlen(seat.grant), &grant, NULL);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_value(
        r, 200,
        json_pack("{s:o, s:o, s:o, s:I, s:I, s:s, s:o, s:o, s:o, s:o, s:{s:I, s:I}, s:o, s:o, s:b,"
                  " s:b}",
                  "submission", json_id(&s.id), "bounty", json_id(&s.bounty), "terms_hash",
                  json_b64(b.terms_hash, HASH_BYTES), "seat", (json_int_t)seat.seat, "round",
                  (json_int_t)s.round, "phase", s.phase, "due_at", json_time(s.due_at), "owner",
                  json_b64(s.nym, sizeof(s.nym)), "record", json_id(&s.record), "manifest",
                  manifest_json(&s.manifest), "claims", "visits", (json_int_t)s.claim_visits,
                  "months", (json_int_t)s.claim_months, "grant", grant, "wrap",
                  json_b64(seat.wrap, WRAP_BYTES), "committed", (int)seat.committed, "revealed",
                  (int)seat.revealed));
}

/* A slice is open to its reviewers while the round lasts; each first opening is noted. */
void api_review_content_get(struct request *r)
{
    struct submission_row s;
    struct seat_row seat;
    enum err e = own_seat(r, &s, &seat);
    if (e == OK && strcmp(s.state, "ROUND") != 0)
        e = ERR_STATE;
    if (e == OK && !seat.opened)
        e = store_seat_opened(r->db, &s.id, &r->caller.account, r->app->now(r->app));
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_content(r, s.manifest.ciphertext_hash);
}

void api_commitment_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id id, named;
    int64_t round = 0;
    uint8_t commitment[HASH_BYTES];
    const struct field extra[] = { F_ID("submission", &named), F_INT("round", &round, 1, 9),
                                   F_BYTES("commitment", commitment, HASH_BYTES) };
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = v1_statement(r, "verdict.commit", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_same_object(r, &id, &named, "/statement/submission");
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = round_commit(&act, &s, &id, round, commitment, &answer);
    v1_done(r, e, &answer);
}

void api_verdict_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id id, named;
    int64_t round = 0;
    uint8_t nonce[VERDICT_NONCE_BYTES];
    json_t *verdict = NULL;
    const struct field extra[] = { F_ID("submission", &named), F_INT("round", &round, 1, 9),
                                   F_BYTES("nonce", nonce, VERDICT_NONCE_BYTES),
                                   F_OBJECT("verdict", &verdict) };
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = v1_statement(r, "verdict.reveal", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_same_object(r, &id, &named, "/statement/submission");
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = round_reveal(&act, &s, &id, round, nonce, verdict, &answer);
    v1_done(r, e, &answer);
}
