/* The draw of a submission's reviewers: candidates from the store, seats from the pure draw. */
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/outbox.h"
#include "server/review/draw.h"
#include "server/review/round.h"

#include <string.h>

/* The seed binds the published log, the submission and the terms under a signature of the member:
 * patients choose the submission's id and see the log, but cannot compute the signature, so they
 * cannot try ids until the draw suits them; afterwards anyone who holds round.draw can check all of
 * it. */
#define DRAW_TEXT "cairn/v1/draw"

struct draw_seed {
    uint64_t size;
    struct merkle_hash root;
    uint8_t proof[SIGN_BYTES];
    uint8_t seed[HASH_BYTES];
};

static void seed_make(const struct act *act, const struct submission_row *s,
                      const struct bounty_row *b, struct draw_seed *ret)
{
    const size_t text = sizeof(DRAW_TEXT) - 1;
    uint8_t message[sizeof(DRAW_TEXT) - 1 + HASH_BYTES + 8 + ID_BYTES + HASH_BYTES];
    uint8_t *at = message;
    ledger_root(act->app->ledger, CHAIN_TX, &ret->size, &ret->root);
    memcpy(at, DRAW_TEXT, text);
    at += text;
    memcpy(at, ret->root.bytes, HASH_BYTES);
    at += HASH_BYTES;
    for (int i = 0; i < 8; i++)
        *at++ = (uint8_t)(ret->size >> (56 - 8 * i));
    memcpy(at, s->id.bytes, ID_BYTES);
    at += ID_BYTES;
    memcpy(at, b->terms_hash, HASH_BYTES);
    sign_detached(&act->app->member_key, message, sizeof(message), ret->proof);
    sha256(ret->proof, sizeof(ret->proof), ret->seed);
}

static json_t *candidates_json(const struct candidate_row *c, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++) {
        json_t *one = json_pack("{s:o, s:s, s:I}", "account", json_id(&c[i].account), "institution",
                                c[i].institution, "load", (json_int_t)c[i].load);
        if (json_array_append_new(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *drawn_json(const struct candidate_row *c, const size_t *places, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n && list != NULL; i++)
        if (json_array_append_new(list, json_id(&c[places[i]].account)) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

/* Everything that a replay needs stands in the statement. */
static enum err draw_statement(struct db *db, const struct act *act, const struct submission_row *s,
                               const struct draw_seed *seed, const struct candidate_row *c,
                               size_t n, const struct draw *d, struct id *ret_entry)
{
    struct statement st = { 0 };
    json_t *extras =
        json_pack("{s:o, s:i, s:I, s:o, s:o, s:o, s:o, s:o}", "submission", json_id(&s->id),
                  "round", 1, "log_size", (json_int_t)seed->size, "seed",
                  json_b64(seed->seed, HASH_BYTES), "seed_proof", json_b64(seed->proof, SIGN_BYTES),
                  "candidates", candidates_json(c, n), "seats", drawn_json(c, d->seats, d->n_seats),
                  "alternates", drawn_json(c, d->alternates, d->n_alternates));
    enum err e = member_statement(act->app, "round.draw", 1, act->now, extras, &st);
    if (e == OK)
        e = outbox_append(db, &st, &s->account, &s->account, 1, act->now);
    if (e == OK)
        *ret_entry = st.id;
    statement_release(&st);
    return e;
}

/* A statement holds at most this many candidates; of more, those with the lowest ids are taken. */
#define CANDIDATES_MAX 128

enum err round_draw(struct db *db, const struct act *act, const struct submission_row *s,
                    const struct bounty_row *b, const struct terms *terms, struct arena *arena,
                    struct seat_row ret[SEATS_MAX], size_t *ret_n, struct id *ret_entry)
{
    struct candidate_row *rows = NULL;
    struct draw_seed seed;
    struct draw d;
    size_t n = 0;
    enum err e = store_candidates(db, &s->account, &b->sponsor, CANDIDATES_MAX, arena, &rows, &n);
    struct candidate *c = e == OK ? arena_alloc(arena, (n + 1) * sizeof(*c)) : NULL;
    if (e == OK && c == NULL)
        e = ERR_NO_MEMORY;
    if (e != OK)
        return e;
    for (size_t i = 0; i < n; i++)
        c[i] = (struct candidate){ rows[i].account, rows[i].institution, rows[i].load };
    seed_make(act, s, b, &seed);
    e = draw_seats(seed.seed, c, n, (size_t)terms->review.seats, &d);
    for (size_t i = 0; e == OK && i < d.n_seats; i++) {
        const struct candidate_row *drawn = &rows[d.seats[i]];
        ret[i] = (struct seat_row){ .seat = (int64_t)i + 1, .reviewer = drawn->account };
        memcpy(ret[i].institution, drawn->institution, sizeof(ret[i].institution));
        memcpy(ret[i].grantee, drawn->receive, sizeof(ret[i].grantee));
    }
    if (e == OK)
        e = store_seats_insert(db, &s->id, ret, d.n_seats);
    if (e == OK)
        e = draw_statement(db, act, s, &seed, rows, n, &d, ret_entry);
    if (e == OK)
        *ret_n = d.n_seats;
    return e;
}
