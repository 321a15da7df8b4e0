#include "tests/lib/people.h"

#include "server/base/text.h"
#include "server/books/books.h"
#include "server/market/bounty.h"
#include "server/market/submission.h"
#include "server/party/party.h"
#include "server/payout/payout.h"
#include "server/review/round.h"
#include "server/vault/record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void must(enum err e, const char *what)
{
    if (e == OK)
        return;
    fprintf(stderr, "%s: %s\n", what, err_code(e));
    abort();
}

/* ---- people ------------------------------------------------------------------------------------
 */

void person_make(uint32_t n, struct person *ret)
{
    char label[32];
    int len = snprintf(label, sizeof(label), "person %u", n);
    sha256(label, (size_t)len, ret->root);
    keys_identity(ret->root, &ret->identity);
    keys_receive(ret->root, &ret->receive);
    ret->account = account_id(ret->identity.public);
}

void person_join(struct world *w, const struct person *op, const char *role,
                 const char *institution, uint32_t n, struct person *ret)
{
    person_make(n, ret);
    must(do_register(w, ret), "register");
    if (role != NULL)
        must(do_attest(w, op, &ret->account, role, institution), "attest");
}

void operator_join(struct world *w, uint32_t n, struct person *ret)
{
    person_make(n, ret);
    w->app.operator_id = ret->account;
    must(do_register(w, ret), "register the operator");
}

/* ---- statements and requests -------------------------------------------------------------------
 */

void say(struct world *w, const char *kind, const struct sign_key *key, int64_t version,
         json_t *extras, struct statement *ret)
{
    uint8_t random[10];
    random_bytes(random, sizeof(random));
    struct id id = id_v7(world_now(w), random);
    json_t *object = statement_draft(kind, &id, version, world_now(w));
    if (object == NULL || extras == NULL || json_object_update_new(object, extras) != 0)
        abort();
    must(statement_sign(object, key, ret), kind);
}

void ask_as(struct world *w, const struct person *p, struct arena *arena, struct act *ret)
{
    *ret = (struct act){ .app = &w->app,
                         .arena = arena,
                         .account = p->account,
                         .key = { .principal = p->account },
                         .now = world_now(w) };
    memcpy(ret->identity, p->identity.public, SIGN_PUBLIC_BYTES);
    (void)snprintf(ret->key.key, sizeof(ret->key.key), "request-%08u",
                   atomic_fetch_add(&w->next, 1));
    sha256(ret->key.key, strlen(ret->key.key), ret->key.request_hash);
}

/* One request: an arena, the act of p and a statement of its kind. */
struct call {
    struct arena *arena;
    struct act act;
    struct statement s;
    struct answer answer;
};

static void call_begin(struct world *w, const struct person *p, const char *kind,
                       const struct sign_key *key, int64_t version, json_t *extras, struct call *c)
{
    *c = (struct call){ .arena = arena_new(4u << 20) };
    if (c->arena == NULL)
        abort();
    ask_as(w, p, c->arena, &c->act);
    say(w, kind, key, version, extras, &c->s);
}

static enum err call_end(struct call *c, enum err e)
{
    statement_release(&c->s);
    arena_free(c->arena);
    return e;
}

enum err do_register(struct world *w, const struct person *p)
{
    struct call c;
    call_begin(w, p, "account.register", &p->identity, 1,
               json_pack("{s:o}", "receive_key", json_b64(p->receive.public, BOX_PUBLIC_BYTES)),
               &c);
    return call_end(&c, party_register(&c.act, &c.s, p->receive.public, &c.answer));
}

enum err do_attest(struct world *w, const struct person *by, const struct id *who, const char *role,
                   const char *institution)
{
    struct call c;
    call_begin(w, by, "role.attest", &by->identity, 1,
               json_pack("{s:o, s:s, s:s}", "account", json_id(who), "role", role, "institution",
                         institution),
               &c);
    return call_end(&c, party_attest(&c.act, &c.s, who, role, institution, &c.answer));
}

enum err do_deposit(struct world *w, const struct person *p, int64_t amount)
{
    struct call c;
    call_begin(w, p, "deposit.request", &p->identity, 1,
               json_pack("{s:I, s:s, s:s}", "amount_minor", (json_int_t)amount, "currency", "EUR",
                         "reference", "transfer"),
               &c);
    return call_end(&c, deposit_make(&c.act, &c.s, amount, "EUR", "transfer", &c.answer));
}

/* ---- bounties ----------------------------------------------------------------------------------
 */

struct wish wish_usual(void)
{
    return (struct wish){ .base = 1000,
                          .per_visit = 500,
                          .per_month = 10,
                          .cap = 20000,
                          .seats = 3,
                          .quorum = 2,
                          .fee = 100,
                          .threshold = 5000,
                          .commit_hours = 48,
                          .reveal_hours = 24 };
}

json_t *wish_terms(struct world *w, const struct wish *x)
{
    usec_t opens = x->opens_at != 0 ? x->opens_at : world_now(w) - HOUR;
    usec_t closes = x->closes_at != 0 ? x->closes_at : world_now(w) + 1000 * HOUR;
    json_t *visits = json_pack("{s:i, s:i, s:i, s:[]}", "min_spacing_days", 0, "horizon_months", 0,
                               "required_min", 0, "required");
    json_t *reward = json_pack(
        "{s:I, s:I, s:I, s:I, s:i, s:[{s:i, s:i}, {s:i, s:i}]}", "base_minor", (json_int_t)x->base,
        "per_visit_minor", (json_int_t)x->per_visit, "per_month_minor", (json_int_t)x->per_month,
        "cap_minor", (json_int_t)x->cap, "scarcity_bp", 0, "quality", "score_bp", 5000,
        "quality_bp", 8000, "score_bp", 6000, "quality_bp", 10000);
    json_t *review = json_pack(
        "{s:I, s:I, s:I, s:I, s:i, s:[s, s], s:I, s:I}", "seats", (json_int_t)x->seats, "quorum",
        (json_int_t)x->quorum, "fee_minor", (json_int_t)x->fee, "threshold_bp",
        (json_int_t)x->threshold, "k", 1, "rubric", "authentic", "complete", "commit_hours",
        (json_int_t)x->commit_hours, "reveal_hours", (json_int_t)x->reveal_hours);
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:[s], s:i, s:I, s:o, s:o}", "title",
                     "A course over years", "disease", "MONDO:0005388", "currency", "EUR",
                     "visit_plan", visits, "reward", reward, "review", review, "purposes",
                     "DUO:0000007", "retention_days", 3650, "budget_minor", (json_int_t)100000000,
                     "opens_at", json_time(opens), "closes_at", json_time(closes));
}

enum err do_publish(struct world *w, const struct person *p, const struct wish *wish,
                    struct id *ret)
{
    struct call c;
    json_t *terms = wish_terms(w, wish);
    call_begin(w, p, "bounty.publish", &p->identity, 1, json_pack("{s:O}", "terms", terms), &c);
    enum err e = bounty_publish(&c.act, &c.s, terms, &c.answer);
    json_decref(terms);
    if (e == OK)
        *ret = c.s.id;
    return call_end(&c, e);
}

enum err do_fund(struct world *w, const struct person *p, const struct id *bounty, int64_t amount)
{
    struct call c;
    call_begin(w, p, "bounty.fund", &p->identity, 1,
               json_pack("{s:o, s:I, s:s}", "bounty", json_id(bounty), "amount_minor",
                         (json_int_t)amount, "currency", "EUR"),
               &c);
    return call_end(&c, bounty_fund(&c.act, &c.s, bounty, amount, "EUR", &c.answer));
}

enum err do_close(struct world *w, const struct person *p, const struct id *bounty, int64_t version)
{
    struct call c;
    call_begin(w, p, "bounty.close", &p->identity, version,
               json_pack("{s:o}", "bounty", json_id(bounty)), &c);
    return call_end(&c, bounty_close(&c.act, &c.s, bounty, version, &c.answer));
}

static int64_t balance(struct world *w, enum book_kind kind, const struct id *owner)
{
    int64_t available = 0, pending = 0;
    must(db_check(w->db), "connection");
    must(books_balance(w->db, kind, owner, "EUR", &available, &pending), "balance");
    return available;
}

int64_t available_of(struct world *w, const struct id *bounty)
{
    return balance(w, BOOK_AVAILABLE, bounty);
}

int64_t reserved_of(struct world *w, const struct id *bounty)
{
    return balance(w, BOOK_RESERVED, bounty);
}

int64_t wallet_of(struct world *w, const struct person *p)
{
    return balance(w, BOOK_WALLET, &p->account);
}

/* ---- submissions -------------------------------------------------------------------------------
 */

#define SLICE_BYTES 421 /* of an envelope; the server cannot look inside */

static void slice(const struct offer *o, uint8_t ret[SLICE_BYTES])
{
    memset(ret, 0x33, SLICE_BYTES);
    memcpy(ret, o->record.bytes, ID_BYTES);
}

void offer_make(struct world *w, const struct person *p, const struct id *bounty, int64_t visits,
                int64_t months, struct offer *ret)
{
    uint8_t bytes[SLICE_BYTES], random[10];
    struct box_key receive;
    struct arena *arena = arena_new(1u << 20);
    struct bounty_row b;
    random_bytes(random, sizeof(random));
    *ret = (struct offer){ .bounty = *bounty, .visits = visits, .months = months, .version = 1 };
    ret->record = id_v7(world_now(w), random);
    keys_bounty(p->root, bounty, &ret->key, &receive);
    slice(ret, bytes);
    ret->manifest.size = SLICE_BYTES;
    blake2b_256(bytes, sizeof(bytes), NULL, 0, ret->manifest.ciphertext_hash);
    memset(ret->manifest.key_commitment, 0x11, HASH_BYTES);
    memcpy(ret->manifest.content_commitment, ret->manifest.ciphertext_hash, HASH_BYTES);
    must(db_check(w->db), "connection");
    must(store_bounty_get(w->db, bounty, BOUNTY_READ, arena, &b), "bounty");
    memcpy(ret->terms_hash, b.terms_hash, HASH_BYTES);
    arena_free(arena);
}

static void read_seats(const struct answer *a, struct offer *o)
{
    json_t *body = NULL;
    must(json_read(a->body, a->body_len, &body, NULL), "answer");
    const json_t *seats = json_object_get(body, "seats");
    o->n = json_array_size(seats);
    o->max_pay = json_integer_value(json_object_get(body, "max_pay_minor"));
    for (size_t i = 0; i < o->n; i++) {
        const json_t *seat = json_array_get(seats, i);
        const char *key = json_string_value(json_object_get(seat, "grantee"));
        o->seats[i].seat = json_integer_value(json_object_get(seat, "seat"));
        if (!base64_decode(key, strlen(key), o->seats[i].grantee, BOX_PUBLIC_BYTES))
            abort();
    }
    json_decref(body);
}

enum err do_open(struct world *w, const struct person *p, struct offer *o)
{
    struct call c;
    call_begin(w, p, "submission.open", &o->key, 1,
               json_pack("{s:o, s:o, s:o, s:o, s:{s:I, s:I}}", "bounty", json_id(&o->bounty),
                         "terms_hash", json_b64(o->terms_hash, HASH_BYTES), "record",
                         json_id(&o->record), "manifest", manifest_json(&o->manifest), "claims",
                         "visits", (json_int_t)o->visits, "months", (json_int_t)o->months),
               &c);
    struct submission_draft d = { .s = &c.s,
                                  .bounty = o->bounty,
                                  .record = o->record,
                                  .manifest = o->manifest,
                                  .visits = o->visits,
                                  .months = o->months };
    memcpy(d.terms_hash, o->terms_hash, HASH_BYTES);
    enum err e = submission_open(&c.act, &d, &c.answer);
    if (e == OK) {
        o->id = c.s.id;
        read_seats(&c.answer, o);
    }
    return call_end(&c, e);
}

enum err do_content(struct world *w, const struct person *p, const struct offer *o)
{
    uint8_t bytes[SLICE_BYTES];
    char path[300];
    slice(o, bytes);
    (void)snprintf(path, sizeof(path), "%s/tmp/%u", w->f.dir, atomic_fetch_add(&w->next, 1));
    FILE *f = fopen(path, "we");
    if (f == NULL || fwrite(bytes, 1, sizeof(bytes), f) != sizeof(bytes) || fclose(f) != 0)
        abort();
    struct upload u = { .file = path, .size = sizeof(bytes) };
    blake2b_256(bytes, sizeof(bytes), NULL, 0, u.hash);
    struct arena *arena = arena_new(1u << 20);
    struct act act;
    ask_as(w, p, arena, &act);
    enum err e = vault_store_upload(&act, &o->manifest, &u);
    arena_free(arena);
    return e;
}

json_t *offer_grants(struct world *w, const struct offer *o)
{
    json_t *grants = json_array();
    for (size_t i = 0; i < o->n; i++)
        (void)json_array_append_new(
            grants,
            json_pack("{s:o, s:I, s:o, s:o, s:o, s:s, s:o}", "submission", json_id(&o->id), "seat",
                      (json_int_t)o->seats[i].seat, "grantee",
                      json_b64(o->seats[i].grantee, BOX_PUBLIC_BYTES), "key_commitment",
                      json_b64(o->manifest.key_commitment, HASH_BYTES), "content_commitment",
                      json_b64(o->manifest.content_commitment, HASH_BYTES), "purpose", "review",
                      "expires_at", json_time(world_now(w) + 100 * HOUR)));
    return grants;
}

enum err do_submit_grants(struct world *w, const struct person *p, struct offer *o, json_t *grants)
{
    struct call c;
    struct sealed_grant sealed[SEATS_MAX];
    size_t n = json_array_size(grants);
    if (n > SEATS_MAX)
        abort();
    for (size_t i = 0; i < n; i++) {
        sealed[i].grant = json_array_get(grants, i);
        sealed[i].seat = json_integer_value(json_object_get(sealed[i].grant, "seat"));
        memset(sealed[i].wrap, 0x77, WRAP_BYTES);
    }
    call_begin(
        w, p, "submission.submit", &o->key, o->version,
        json_pack("{s:o, s:i, s:O}", "submission", json_id(&o->id), "round", 1, "grants", grants),
        &c);
    enum err e = submission_submit(&c.act, &c.s, &o->id, sealed, n, &c.answer);
    if (e == OK)
        o->version++;
    return call_end(&c, e);
}

enum err do_submit(struct world *w, const struct person *p, struct offer *o)
{
    json_t *grants = offer_grants(w, o);
    enum err e = do_submit_grants(w, p, o, grants);
    json_decref(grants);
    return e;
}

enum err do_withdraw(struct world *w, const struct person *p, struct offer *o)
{
    struct call c;
    call_begin(w, p, "submission.withdraw", &o->key, o->version,
               json_pack("{s:o}", "submission", json_id(&o->id)), &c);
    enum err e = submission_withdraw(&c.act, &c.s, &o->id, &c.answer);
    if (e == OK)
        o->version++;
    return call_end(&c, e);
}

void offer_in_round(struct world *w, const struct person *p, const struct id *bounty,
                    int64_t visits, int64_t months, struct offer *ret)
{
    offer_make(w, p, bounty, visits, months, ret);
    must(do_open(w, p, ret), "open");
    must(do_content(w, p, ret), "content");
    must(do_submit(w, p, ret), "submit");
}

/* ---- reviews -----------------------------------------------------------------------------------
 */

json_t *verdict_of(int64_t mark, int64_t visits, int64_t months, const char *recommend)
{
    return json_pack("{s:{s:I, s:I}, s:I, s:I, s:s, s:[]}", "rubric", "authentic", (json_int_t)mark,
                     "complete", (json_int_t)mark, "visits", (json_int_t)visits, "months",
                     (json_int_t)months, "recommend", recommend, "reasons");
}

/* The same for a person and submission each time, so that commit and reveal agree. */
static void nonce_of(const struct person *p, const struct id *submission,
                     uint8_t ret[VERDICT_NONCE_BYTES])
{
    sha256_two(p->root, ROOT_BYTES, submission->bytes, ID_BYTES, ret);
}

enum err do_commit(struct world *w, const struct person *p, const struct id *submission,
                   const json_t *verdict)
{
    struct call c;
    uint8_t nonce[VERDICT_NONCE_BYTES], commitment[HASH_BYTES];
    nonce_of(p, submission, nonce);
    must(verdict_commitment(verdict, nonce, commitment), "commitment");
    call_begin(w, p, "verdict.commit", &p->identity, 1,
               json_pack("{s:o, s:i, s:o}", "submission", json_id(submission), "round", 1,
                         "commitment", json_b64(commitment, HASH_BYTES)),
               &c);
    return call_end(&c, round_commit(&c.act, &c.s, submission, 1, commitment, &c.answer));
}

enum err do_reveal(struct world *w, const struct person *p, const struct id *submission,
                   json_t *verdict)
{
    struct call c;
    uint8_t nonce[VERDICT_NONCE_BYTES];
    nonce_of(p, submission, nonce);
    call_begin(w, p, "verdict.reveal", &p->identity, 1,
               json_pack("{s:o, s:i, s:o, s:O}", "submission", json_id(submission), "round", 1,
                         "nonce", json_b64(nonce, sizeof(nonce)), "verdict", verdict),
               &c);
    return call_end(&c, round_reveal(&c.act, &c.s, submission, 1, nonce, verdict, &c.answer));
}

const struct person *seat_holder(const struct offer *o, size_t seat, const struct person *people,
                                 size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (memcmp(people[i].receive.public, o->seats[seat - 1].grantee, BOX_PUBLIC_BYTES) == 0)
            return &people[i];
    return NULL;
}

/* ---- everyone ----------------------------------------------------------------------------------
 */

void cast_join(struct world *w, struct cast *ret)
{
    static const char *const houses[] = { "north", "south", "west" };
    operator_join(w, 1, &ret->op);
    person_join(w, &ret->op, "sponsor", "acme", 2, &ret->sponsor);
    must(do_deposit(w, &ret->sponsor, 1000000000), "deposit");
    for (uint32_t i = 0; i < CAST_PATIENTS; i++)
        person_join(w, &ret->op, "patient", "clinic", 100 + i, &ret->patients[i]);
    for (uint32_t i = 0; i < CAST_REVIEWERS; i++)
        person_join(w, &ret->op, "reviewer", houses[i % 3], 200 + i, &ret->reviewers[i]);
}

/* ---- money out ---------------------------------------------------------------------------------
 */

enum err do_payout(struct world *w, const struct person *p, int64_t amount, const char *destination,
                   struct id *ret)
{
    struct call c;
    call_begin(w, p, "payout.request", &p->identity, 1,
               json_pack("{s:I, s:s, s:s, s:s}", "amount_minor", (json_int_t)amount, "currency",
                         "EUR", "method", "test", "destination", destination),
               &c);
    enum err e = payout_request(&c.act, &c.s, amount, "EUR", "test", destination, &c.answer);
    if (e == OK)
        *ret = c.s.id;
    return call_end(&c, e);
}

void state_of(struct world *w, const struct id *id, char ret[12])
{
    struct submission_row s;
    struct payout_row p;
    must(db_check(w->db), "connection");
    enum err e = store_submission_get(w->db, id, false, &s);
    if (e == ERR_NOT_FOUND)
        must(store_payout_get(w->db, id, NULL, false, &p), "state");
    else
        must(e, "state");
    memcpy(ret, e == OK ? s.state : p.state, 12);
}
