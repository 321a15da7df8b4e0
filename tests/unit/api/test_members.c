/* The whole job over HTTP with the bounty at member 1 and everybody else at member 2: two edges
 * with the product's own routes, signed calls between them, two databases. */
#include "server/base/text.h"
#include "server/clearing/clearing.h"
#include "server/peering/peering.h"
#include "server/review/verdict.h"
#include "server/timeline/check.h"
#include "server/vault/format.h"
#include "server/vault/record.h"
#include "tests/lib/pair_http.h"
#include "tests/lib/world_client.h"

#include <curl/curl.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <poll.h>
#include <stdio.h>

#define SLICE_BYTES 421

static struct pair pair;
static struct world *const home = &pair.w[0];
static struct world *const here = &pair.w[1]; /* of the people */
static struct person op[2], sponsor, patient, reviewers[3];
static struct id bounty, nym_account;
static struct sign_key nym;
static struct box_key nym_box;
static struct offer offer;

/* The answer must have this status, and this code if it is a problem. */
static void expect(const struct ask *a, long status, const char *code)
{
    struct said s;
    ask(a, &s);
    if (s.status != status)
        print_message("%s %s: %s\n", a->method, a->path, buf_str(&s.body));
    assert_int_equal(s.status, status);
    assert_string_equal(s.code, code);
    said_free(&s);
}

/* {"statement": signed by key} as text; more: further members of the body. Free with free. */
static char *signed_body(const char *kind, const struct sign_key *key, int64_t version,
                         json_t *extras, json_t *more)
{
    struct statement s;
    say(here, kind, key, version, extras, &s);
    json_t *body = json_pack("{s:O}", "statement", s.root);
    if (more != NULL)
        assert_int_equal(json_object_update_new(body, more), 0);
    char *text = json_dumps(body, JSON_COMPACT);
    json_decref(body);
    statement_release(&s);
    return text;
}

static char *path_of(const struct id *id, const char *before, const char *behind)
{
    static char paths[8][200];
    static unsigned next;
    char text[ID_TEXT_SIZE];
    char *path = paths[next++ % 8];
    id_text(id, text);
    (void)snprintf(path, 200, "%s%s%s", before, text, behind);
    return path;
}

static const char *acting(void)
{
    static char text[ID_TEXT_SIZE];
    id_text(&nym_account, text);
    return text;
}

/* ---- the job ----------------------------------------------------------------------------------
 */

static void test_pseudonym(void **state)
{
    (void)state;
    json_t *extras =
        json_pack("{s:o, s:o, s:o}", "bounty", json_id(&bounty), "key", json_b64(nym.public, 32),
                  "receive_key", json_b64(nym_box.public, 32));
    char *body = signed_body("pseudonym.register", &patient.identity, 1, extras, NULL);
    const struct ask a = { .at = here,
                           .method = "POST",
                           .path = "/v1/pseudonyms",
                           .who = &patient,
                           .key = "pseudonym-0000000001",
                           .body = body,
                           .len = strlen(body) };
    struct said s;
    ask(&a, &s);
    assert_int_equal(s.status, 201);
    assert_string_equal(json_string_value(json_object_get(s.json, "id")), acting());
    said_free(&s);
    free(body);
}

static json_t *certificate(void)
{
    return json_pack("{s:s, s:i, s:i, s:o}", "checks", CHECKS_VERSION, "errors", 0, "warnings", 0,
                     "content_commitment", json_b64(offer.manifest.content_commitment, 32));
}

static char *open_body(void)
{
    return signed_body("submission.open", &offer.key, 1,
                       json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:{s:I, s:I}}", "bounty",
                                 json_id(&bounty), "terms_hash", json_b64(offer.terms_hash, 32),
                                 "receive_key", json_b64(nym_box.public, 32), "record",
                                 json_id(&offer.record), "manifest", manifest_json(&offer.manifest),
                                 "certificate", certificate(), "claims", "visits",
                                 (json_int_t)offer.visits, "months", (json_int_t)offer.months),
                       NULL);
}

static void read_offer(const json_t *answer)
{
    const json_t *seats = json_object_get(answer, "seats");
    assert_true(id_parse(json_string_value(json_object_get(answer, "id")), &offer.id));
    offer.n = json_array_size(seats);
    for (size_t i = 0; i < offer.n; i++) {
        const json_t *seat = json_array_get(seats, i);
        const char *key = json_string_value(json_object_get(seat, "grantee"));
        offer.seats[i].seat = json_integer_value(json_object_get(seat, "seat"));
        assert_true(base64_decode(key, strlen(key), offer.seats[i].grantee, BOX_PUBLIC_BYTES));
    }
}

/* Nobody is known at member 1 until the request comes, and the same key gives the same answer. */
static void test_open(void **state)
{
    (void)state;
    struct said first, again;
    offer_make(home, &patient, &bounty, 4, 20, &offer);
    char *body = open_body();
    struct ask a = { .at = here,
                     .method = "POST",
                     .path = "/v1/members/1/submissions",
                     .who = &patient,
                     .key = "open-submission-00001",
                     .body = body,
                     .len = strlen(body) };
    expect(&a, 403, "pseudonym.missing");
    a.as = "0b9e8a52-4c6e-4b65-9a3c-111111111111";
    expect(&a, 404, "object.not_found");
    a.as = acting();
    ask(&a, &first);
    if (first.status != 201)
        print_message("%s\n", buf_str(&first.body));
    assert_int_equal(first.status, 201);
    assert_string_equal(first.replayed, "");
    ask(&a, &again);
    assert_int_equal(again.status, 201);
    assert_string_equal(again.replayed, "true");
    assert_int_equal(first.body.len, again.body.len);
    assert_memory_equal(first.body.data, again.body.data, first.body.len);
    read_offer(first.json);
    said_free(&first);
    said_free(&again);
    free(body);
    body = open_body(); /* signed anew: another request */
    a.body = body;
    a.len = strlen(body);
    expect(&a, 422, "idempotency.reused");
    free(body);
    assert_int_equal(world_number(home, "SELECT count(*) FROM submission"), 1);
    assert_int_equal(world_number(home, "SELECT count(*) FROM account WHERE home = 2 AND id NOT IN"
                                        " (SELECT account FROM role_grant WHERE role ="
                                        " 'reviewer')"),
                     1); /* the pseudonym and nobody else */
    assert_int_equal(world_number(here, "SELECT count(*) FROM vouched"), 1);
}

static void slice(uint8_t ret[SLICE_BYTES])
{
    memset(ret, 0x33, SLICE_BYTES); /* as tests/lib/people.c fills its manifest for */
    memcpy(ret, offer.record.bytes, ID_BYTES);
}

static void test_content_and_grants(void **state)
{
    (void)state;
    uint8_t bytes[SLICE_BYTES], other[SLICE_BYTES] = { 1 };
    slice(bytes);
    struct ask put = { .at = here,
                       .method = "PUT",
                       .path = path_of(&offer.id, "/v1/members/1/submissions/", "/content"),
                       .who = &patient,
                       .as = acting(),
                       .type = "application/octet-stream",
                       .body = other,
                       .len = sizeof(other) };
    expect(&put, 422, "vault.manifest_mismatch");
    put.body = bytes;
    expect(&put, 204, "");
    expect(&put, 204, "");
    json_t *grants = offer_grants(home, &offer), *wraps = json_array();
    for (size_t i = 0; i < offer.n; i++) {
        uint8_t wrap[WRAP_BYTES];
        memset(wrap, 0x77, sizeof(wrap));
        (void)json_array_append_new(wraps,
                                    json_pack("{s:I, s:o}", "seat", (json_int_t)offer.seats[i].seat,
                                              "wrap", json_b64(wrap, sizeof(wrap))));
    }
    char *body = signed_body("submission.submit", &offer.key, 1,
                             json_pack("{s:o, s:i, s:o}", "submission", json_id(&offer.id), "round",
                                       1, "grants", grants),
                             json_pack("{s:o}", "wraps", wraps));
    const struct ask a = { .at = here,
                           .method = "POST",
                           .path = path_of(&offer.id, "/v1/members/1/submissions/", "/grants"),
                           .who = &patient,
                           .as = acting(),
                           .key = "submit-grants-000001",
                           .body = body,
                           .len = strlen(body) };
    expect(&a, 200, "");
    free(body);
}

static void give(const struct person *who, bool reveal)
{
    uint8_t nonce[VERDICT_NONCE_BYTES], seal[HASH_BYTES];
    json_t *verdict = verdict_of(9000, 3, 20, "accept");
    memcpy(nonce, who->root, sizeof(nonce));
    assert_int_equal(verdict_commitment(verdict, nonce, seal), OK);
    json_t *extras = json_pack("{s:o, s:i}", "submission", json_id(&offer.id), "round", 1);
    (void)json_object_set_new(extras, reveal ? "nonce" : "commitment",
                              reveal ? json_b64(nonce, sizeof(nonce)) : json_b64(seal, HASH_BYTES));
    if (reveal)
        (void)json_object_set(extras, "verdict", verdict);
    char *body =
        signed_body(reveal ? "verdict.reveal" : "verdict.commit", &who->identity, 1, extras, NULL);
    const struct ask a = { .at = here,
                           .method = "POST",
                           .path = path_of(&offer.id, "/v1/members/1/reviews/",
                                           reveal ? "/verdict" : "/commitment"),
                           .who = who,
                           .key = reveal ? "reveal-000000000001" : "commit-000000000001",
                           .body = body,
                           .len = strlen(body) };
    expect(&a, 201, "");
    free(body);
    json_decref(verdict);
}

static void test_review(void **state)
{
    (void)state;
    uint8_t bytes[SLICE_BYTES];
    const struct person *who[2];
    struct said s;
    slice(bytes);
    for (size_t i = 0; i < 2; i++) {
        who[i] = seat_holder(&offer, i + 1, reviewers, COUNT(reviewers));
        assert_non_null(who[i]);
        const struct ask list = {
            .at = here, .method = "GET", .path = "/v1/members/1/reviews?phase=commit", .who = who[i]
        };
        ask(&list, &s);
        assert_int_equal(s.status, 200);
        assert_int_equal(json_array_size(json_object_get(s.json, "items")), 1);
        said_free(&s);
        const struct ask get = { .at = here,
                                 .method = "GET",
                                 .path = path_of(&offer.id, "/v1/members/1/reviews/", "/content"),
                                 .who = who[i] };
        ask(&get, &s);
        assert_int_equal(s.status, 200);
        assert_int_equal(s.body.len, SLICE_BYTES);
        assert_memory_equal(s.body.data, bytes, SLICE_BYTES);
        said_free(&s);
    }
    for (int reveal = 0; reveal <= 1; reveal++)
        for (size_t i = 0; i < 2; i++)
            give(who[i], reveal == 1);
    const struct ask get = { .at = here,
                             .method = "GET",
                             .path = path_of(&offer.id, "/v1/members/1/submissions/", ""),
                             .who = &patient,
                             .as = acting() };
    ask(&get, &s);
    assert_int_equal(s.status, 200);
    assert_string_equal(json_string_value(json_object_get(s.json, "state")), "PAID");
    said_free(&s);
}

/* The money comes home by itself. */
static void test_paid(void **state)
{
    (void)state;
    struct id owner = clearing_owner(1);
    int64_t open = 1, available = 0, pending = 0;
    usec_t until = clock_monotonic() + 20 * USEC_PER_SEC;
    while (open != 0 && clock_monotonic() < until) {
        open = world_number(home, "SELECT sum(sent - acknowledged) FROM peer_head");
        (void)poll(NULL, 0, 5);
    }
    assert_int_equal(open, 0);
    assert_int_equal(wallet_of(here, &patient), 1000 + 3 * 500 + 20 * 10);
    assert_int_equal(books_balance(here->db, BOOK_CLEARING, &owner, "EUR", &available, &pending),
                     OK);
    assert_int_equal(available, -2900);
    assert_string_equal(world_check(home), "");
    assert_string_equal(world_check(here), "");
}

/* Receipts are at member 1, page by page, under our own path. */
static void test_receipts(void **state)
{
    (void)state;
    struct said s;
    char path[300] = "/v1/members/1/receipts?limit=2";
    unsigned seen = 0, pages = 0;
    world_settle(home);
    while (path[0] != '\0') {
        const struct ask list = {
            .at = here, .method = "GET", .path = path, .who = &patient, .as = acting()
        };
        ask(&list, &s);
        assert_int_equal(s.status, 200);
        const json_t *items = json_object_get(s.json, "items");
        seen += (unsigned)json_array_size(items);
        pages++;
        struct id entry;
        assert_true(
            id_parse(json_string_value(json_object_get(json_array_get(items, 0), "id")), &entry));
        const struct ask one = { .at = here,
                                 .method = "GET",
                                 .path = path_of(&entry, "/v1/members/1/receipts/", "?wait=20"),
                                 .who = &patient,
                                 .as = acting() };
        expect(&one, 200, "");
        path[0] = '\0';
        if (s.link[0] != '\0') {
            assert_int_equal(strncmp(s.link, "</v1/members/1/receipts?", 24), 0);
            (void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(s.link + 1, ">"), s.link + 1);
        }
        said_free(&s);
    }
    assert_true(pages > 1);
    /* vouch, open, draw, submit, decide, pay */
    assert_int_equal(seen, 6);
}

/* ---- what is refused --------------------------------------------------------------------------
 */

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        long status;
        const char *code;
    } cases[] = {
        { "GET", "/v1/members/1/wallet", 404, "route.unknown" },
        { "GET", "/v1/members/1/members/1/reviews", 404, "route.unknown" },
        { "GET", "/v1/members/1/accounts", 404, "route.unknown" },
        { "GET", "/v1/members/9/reviews", 404, "member.unknown" },
        { "GET", "/v1/members/0/reviews", 404, "member.unknown" },
        { "GET", "/v1/members/x/reviews", 404, "member.unknown" },
        { "GET", "/v1/members/1/reviews?wait=3", 400, "query.invalid" },
        { "GET", "/v1/members/1/submissions", 403, "auth.role" },
        { "GET", "/v1/members/1/reviews?limit=0", 400, "query.invalid" },
        { "GET", "/v1/members/1/reviews/0b9e8a52-4c6e-4b65-9a3c-111111111111", 404,
          "object.not_found" },
        { "POST", "/v1/members/1/deposits", 404, "route.unknown" },
        { "POST", "/v1/members/1/attestations", 404, "route.unknown" },
        { "GET", "/v1/members/2/reviews", 200, "" }, /* ourselves */
        { "GET", "/v1/members/2/reviews?wait=3", 400, "query.invalid" },
        { "GET", "/peer/v1/forward/reviews", 403, "peer.signature" },
        { "POST", "/peer/v1/messages", 403, "peer.signature" },
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        bool post = cases[i].method[0] == 'P';
        const struct ask a = { .at = here,
                               .method = cases[i].method,
                               .path = cases[i].path,
                               .who = &reviewers[0],
                               .key = post ? "refused-0000000000001" : NULL,
                               .body = post ? "{}" : NULL,
                               .len = 2 };
        expect(&a, cases[i].status, cases[i].code);
    }
    const struct ask nobody = { .at = here, .method = "GET", .path = "/v1/members/1/reviews" };
    expect(&nobody, 401, "auth.missing");
    const struct ask hidden = { .at = here,
                                .method = "GET",
                                .path = "/v1/members/2/receipts",
                                .who = &patient,
                                .as = acting() };
    expect(&hidden, 404, "object.not_found"); /* there are no pseudonyms at home */
    const struct ask anyone = { .at = here,
                                .method = "GET",
                                .path = path_of(&bounty, "/v1/members/1/bounties/", ""),
                                .who = &patient };
    expect(&anyone, 200, ""); /* what anyone may read needs no name */
}

/* Member 2 is taken at its word for its own people, and for nobody else. */
static void test_on_behalf_of_others(void **state)
{
    (void)state;
    struct peering *p = here->app.peering;
    struct person stranger;
    char ids[5][ID_TEXT_SIZE];
    person_make(4711, &stranger);
    id_text(&sponsor.account, ids[0]);
    id_text(&op[0].account, ids[1]);
    id_text(&stranger.account, ids[2]);
    id_text(&patient.account, ids[3]); /* known there by its pseudonym alone */
    id_text(&reviewers[0].account, ids[4]);
    const struct {
        const char *account;
        int status;
    } cases[] = { { ids[0], 403 }, { ids[1], 403 }, { ids[2], 403 }, { ids[3], 403 },
                  { NULL, 403 },   { "x", 403 },    { ids[4], 200 } };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct peer_answer answer = { 0 };
        const struct peer_call call = { .method = "GET",
                                        .target = "/peer/v1/forward/receipts",
                                        .on_behalf_of = cases[i].account,
                                        .deadline = clock_monotonic() + 5 * USEC_PER_SEC };
        buf_init(&answer.body, 1u << 20);
        assert_int_equal(p->call(p, 1, &call, &answer), OK);
        assert_int_equal(answer.status, cases[i].status);
        if (answer.status == 403)
            assert_non_null(strstr(buf_str(&answer.body), "member.account"));
        buf_release(&answer.body);
    }
}

/* The other member forgot whom we vouched for: it is told again, and nobody notices. */
static void test_forgotten(void **state)
{
    (void)state;
    struct person second;
    struct sign_key key;
    struct box_key box;
    char as[ID_TEXT_SIZE];
    person_join(here, &op[1], "patient", "clinic", 50, &second);
    keys_bounty(second.root, &bounty, &key, &box);
    struct id account = account_id(key.public);
    id_text(&account, as);
    char *body =
        signed_body("pseudonym.register", &second.identity, 1,
                    json_pack("{s:o, s:o, s:o}", "bounty", json_id(&bounty), "key",
                              json_b64(key.public, 32), "receive_key", json_b64(box.public, 32)),
                    NULL);
    const struct ask take = { .at = here,
                              .method = "POST",
                              .path = "/v1/pseudonyms",
                              .who = &second,
                              .key = "pseudonym-0000000002",
                              .body = body,
                              .len = strlen(body) };
    expect(&take, 201, "");
    free(body);
    char sql[200];
    (void)snprintf(sql, sizeof(sql), "INSERT INTO vouched VALUES ('%s', 1, 'patient', now())", as);
    fixture_sql(&here->f, sql); /* as if member 1 had taken it, and lost it */
    const struct ask list = {
        .at = here, .method = "GET", .path = "/v1/members/1/submissions", .who = &second, .as = as
    };
    expect(&list, 200, "");
}

/* Member 1 goes away and comes back: the client sends its request again, with the same key. */
static void test_away_and_back(void **state)
{
    (void)state;
    struct said s;
    offer_make(home, &patient, &bounty, 5, 30, &offer);
    char *body = open_body();
    const struct ask a = { .at = here,
                           .method = "POST",
                           .path = "/v1/members/1/submissions",
                           .who = &patient,
                           .as = acting(),
                           .key = "open-submission-00002",
                           .body = body,
                           .len = strlen(body) };
    uint16_t port = edge_down(home);
    ask(&a, &s);
    assert_int_equal(s.status, 503);
    assert_string_equal(s.code, "member.unreachable");
    assert_string_not_equal(s.retry_after, "");
    said_free(&s);
    edge_up(home, port);
    ask(&a, &s);
    assert_int_equal(s.status, 201);
    assert_string_equal(s.replayed, "");
    said_free(&s);
    port = edge_down(here); /* our own side, too */
    edge_up(here, port);
    ask(&a, &s);
    assert_int_equal(s.status, 201);
    assert_string_equal(s.replayed, "true");
    said_free(&s);
    free(body);
    assert_int_equal(world_number(home, "SELECT count(*) FROM submission"), 2);
}

/* No more than half of the workers ever wait for other members. */
static void test_bounded(void **state)
{
    (void)state;
    struct peering *p = here->app.peering;
    const struct ask a = {
        .at = here, .method = "GET", .path = "/v1/members/1/reviews", .who = &reviewers[0]
    };
    assert_int_equal(p->forwards_max, PAIR_WORKERS / 2);
    assert_int_equal(atomic_load(&p->forwards), 0);
    atomic_store(&p->forwards, PAIR_WORKERS / 2);
    expect(&a, 503, "server.busy");
    assert_int_equal(atomic_load(&p->forwards), PAIR_WORKERS / 2);
    atomic_store(&p->forwards, 0);
    expect(&a, 200, "");
}

static int up(void **state)
{
    (void)state;
    struct wish wish = wish_usual();
    static const char *const houses[] = { "north", "south", "west" };
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    pair_up(&pair);
    operator_join(home, 1, &op[0]);
    operator_join(here, 2, &op[1]);
    person_join(home, &op[0], "sponsor", "acme", 3, &sponsor);
    person_join(here, &op[1], "patient", "clinic", 4, &patient);
    for (uint32_t i = 0; i < COUNT(reviewers); i++)
        person_join(here, &op[1], "reviewer", houses[i], 10 + i, &reviewers[i]);
    assert_int_equal(do_deposit(home, &sponsor, 1000000), OK);
    assert_int_equal(do_publish(home, &sponsor, &wish, &bounty), OK);
    assert_int_equal(do_fund(home, &sponsor, &bounty, 100000), OK);
    pair_deliver(&pair, 0, false);
    pair_deliver(&pair, 1, false);
    keys_bounty(patient.root, &bounty, &nym, &nym_box);
    nym_account = account_id(nym.public);
    pair_http_up(&pair);
    return 0;
}

static int down(void **state)
{
    (void)state;
    pair_http_down(&pair);
    pair_down(&pair);
    curl_global_cleanup();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pseudonym),
        cmocka_unit_test(test_open),
        cmocka_unit_test(test_content_and_grants),
        cmocka_unit_test(test_review),
        cmocka_unit_test(test_paid),
        cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_on_behalf_of_others),
        cmocka_unit_test(test_forgotten),
        cmocka_unit_test(test_away_and_back),
        cmocka_unit_test(test_bounded),
    };
    return cmocka_run_group_tests_name("members", tests, up, down);
}
