/* Working on what lives at another member: which calls go there, as whom, and that nothing of a
 * patient but the key for the bounty is told. */
#include "api/client/away.h"
#include "api/client/calls.h"
#include "api/client/crew.h"
#include "api/client/sealing.h"
#include "server/base/text.h"
#include "tests/lib/mock_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Member 2 of a federation. It lets everybody in, and remembers what was asked last. */
struct server {
    char path[512], acting_as[64];
    struct buf body;
    bool pseudonym_exists;
    unsigned pseudonyms, receipts_pending, calls;
};

static void say(struct mock_reply *reply, int status, const char *text)
{
    reply->status = status;
    assert_int_equal(buf_add_str(&reply->body, text), OK);
}

static void remember(struct server *s, const struct mock_request *r)
{
    const char *as = strcasestr(r->head, "\r\nCairn-Acting-As: ");
    (void)snprintf(s->path, sizeof(s->path), "%s", r->path);
    s->acting_as[0] = '\0';
    if (as != NULL)
        (void)sscanf(as + strlen("\r\nCairn-Acting-As: "), "%60s", s->acting_as);
    buf_clear(&s->body);
    assert_int_equal(buf_add(&s->body, r->body, r->body_len), OK);
    s->calls++;
}

static void serve(void *arg, const struct mock_request *r, struct mock_reply *reply)
{
    struct server *s = arg;
    if (strcmp(r->path, "/v1/federation") == 0) {
        say(reply, 200, "{\"federation\":\"fed.test\",\"member\":2}");
        return;
    }
    remember(s, r);
    if (strcmp(r->path, "/v1/pseudonyms") == 0) {
        s->pseudonyms++;
        say(reply, s->pseudonym_exists ? 409 : 201,
            s->pseudonym_exists ? "{\"code\":\"pseudonym.exists\"}" : "{}");
    } else if (strstr(r->path, "/receipts/") != NULL) {
        bool pending = s->receipts_pending > 0;
        s->receipts_pending -= pending ? 1 : 0;
        say(reply, pending ? 202 : 200, pending ? "{\"state\":\"pending\"}" : "{\"proof\":\"\"}");
    } else if (strstr(r->path, "cursor=") == NULL) {
        say(reply, 200, "{\"items\":[1],\"next\":\"abc\"}");
    } else {
        say(reply, 200, "{\"items\":[2],\"next\":null}");
    }
}

struct world {
    struct server server;
    struct mock_http *mock;
    struct http_client *http;
    struct client c;
};

static const struct id bounty = { { 9, 1 } };

static void open_world(struct world *w)
{
    const uint8_t root[ROOT_BYTES] = { 5 };
    struct problem p = { 0 };
    memset(w, 0, sizeof(*w));
    buf_init(&w->server.body, 65536);
    w->mock = mock_http_start(serve, &w->server);
    assert_int_equal(http_client_open(mock_http_url(w->mock), &w->http, &p), OK);
    client_init(&w->c, w->http, root);
    assert_int_equal(client_federation(&w->c, &p), OK);
    assert_int_equal(w->c.member, 2);
}

static void close_world(struct world *w)
{
    client_release(&w->c);
    http_client_close(w->http);
    mock_http_stop(w->mock);
    buf_release(&w->server.body);
}

static void expect_place(const struct client *c, const char *path, const char *wanted)
{
    struct placed at;
    assert_int_equal(client_place(c, path, &at, NULL), OK);
    assert_string_equal(at.path, wanted);
}

static void what_is_at_the_bounty_goes_there(void **state)
{
    (void)state;
    struct client c = { .member = 2 };
    client_go(&c, 1);
    expect_place(&c, "/v1/submissions", "/v1/members/1/submissions");
    expect_place(&c, "/v1/reviews?phase=commit", "/v1/members/1/reviews?phase=commit");
    expect_place(&c, "/v1/receipts/x?wait=5", "/v1/members/1/receipts/x?wait=5");
    /* what everybody has at home stays there */
    expect_place(&c, "/v1/wallet", "/v1/wallet");
    expect_place(&c, "/v1/records/x/versions", "/v1/records/x/versions");
    expect_place(&c, "/v1/bounties/x/submissions", "/v1/bounties/x/submissions");
    expect_place(&c, "/v1/pseudonyms", "/v1/pseudonyms");
    expect_place(&c, "/v1/submissionsx", "/v1/submissionsx");
    client_go(&c, 2); /* its own member */
    expect_place(&c, "/v1/submissions", "/v1/submissions");
    client_go(&c, 65535);
    expect_place(&c, "/v1/receipts", "/v1/members/65535/receipts");
    client_go(&c, 0);
    expect_place(&c, "/v1/receipts", "/v1/receipts");
}

static void long_paths_are_refused(void **state)
{
    (void)state;
    struct client c = { .member = 2 };
    struct placed at;
    struct problem p = { 0 };
    char path[CALL_PATH_MAX];
    memset(path, 'a', sizeof(path));
    memcpy(path, "/v1/receipts/", 13);
    path[sizeof(path) - 1] = '\0';
    assert_int_equal(client_place(&c, path, &at, &p), OK);
    client_go(&c, 1);
    assert_int_equal(client_place(&c, path, &at, &p), ERR_LIMIT);
}

static void reviewers_go_as_themselves(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    json_t *items = NULL;
    open_world(&w);
    client_go(&w.c, 3);
    assert_int_equal(call_reviews(&w.c, "commit", &items, &p), OK);
    assert_int_equal(json_array_size(items), 2);
    json_decref(items);
    assert_string_equal(w.server.path, "/v1/members/3/reviews?phase=commit&limit=100&cursor=abc");
    assert_string_equal(w.server.acting_as, "");
    close_world(&w);
}

static void patients_are_a_key(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    struct sign_key key;
    struct box_key receive;
    char account[ID_TEXT_SIZE];
    json_t *items = NULL;
    open_world(&w);
    keys_bounty(w.c.root, &bounty, &key, &receive);
    struct id id = account_id(key.public);
    id_text(&id, account);
    client_go_as_patient(&w.c, 1, &bounty);
    assert_int_equal(call_submissions(&w.c, &items, &p), OK);
    json_decref(items);
    assert_string_equal(w.server.acting_as, account);
    assert_non_null(strstr(w.server.path, "/v1/members/1/submissions?"));
    assert_int_equal(call_wallet(&w.c, &items, &p), OK);
    json_decref(items);
    assert_string_equal(w.server.path, "/v1/wallet");
    assert_string_equal(w.server.acting_as, ""); /* at home the pseudonym is told to nobody */
    client_go_as_patient(&w.c, 2, &bounty);
    assert_int_equal(call_submissions(&w.c, &items, &p), OK);
    json_decref(items);
    assert_string_equal(w.server.acting_as, "");
    close_world(&w);
}

static void the_key_is_registered_once(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    struct statement s;
    struct sign_key key;
    struct box_key receive;
    uint8_t told[32], told_receive[32];
    open_world(&w);
    keys_bounty(w.c.root, &bounty, &key, &receive);
    client_go_as_patient(&w.c, 2, &bounty);
    assert_int_equal(call_pseudonym(&w.c, &bounty, &p), OK);
    assert_int_equal(w.server.pseudonyms, 0); /* it lives here */
    client_go_as_patient(&w.c, 1, &bounty);
    assert_int_equal(call_pseudonym(&w.c, &bounty, &p), OK);
    assert_int_equal(w.server.pseudonyms, 1);
    json_t *body = json_loadb((const char *)w.server.body.data, w.server.body.len, 0, NULL);
    assert_int_equal(statement_parse(json_object_get(body, "statement"), "/statement", &s, &p), OK);
    assert_int_equal(statement_check(&s, "pseudonym.register", clock_now(), &p), OK);
    assert_memory_equal(s.signer, w.c.identity.public, SIGN_PUBLIC_BYTES);
    const struct field fields[] = { F_BYTES("key", told, 32),
                                    F_BYTES("receive_key", told_receive, 32) };
    assert_int_equal(reply_fields(s.root, fields, COUNT(fields), &p), OK);
    assert_memory_equal(told, key.public, SIGN_PUBLIC_BYTES);
    assert_memory_equal(told_receive, receive.public, BOX_PUBLIC_BYTES);
    statement_release(&s);
    json_decref(body);
    w.server.pseudonym_exists = true;
    assert_int_equal(call_pseudonym(&w.c, &bounty, &p), OK);
    assert_int_equal(w.server.pseudonyms, 2);
    close_world(&w);
}

/* Another member answers a long poll early: the client asks on until its own time is up. */
static void long_polls_go_on(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    json_t *reply = NULL;
    open_world(&w);
    client_go_as_patient(&w.c, 1, &bounty);
    w.server.receipts_pending = 2;
    assert_int_equal(call_receipt(&w.c, &bounty, 20, &reply, &p), OK);
    assert_int_equal(w.server.calls, 3);
    json_decref(reply);
    w.server.receipts_pending = 5;
    assert_int_equal(call_receipt(&w.c, &bounty, 0, &reply, &p), ERR_RECEIPT_PENDING);
    assert_int_equal(w.server.calls, 4);
    close_world(&w);
}

static void serve_two(void *arg, const struct mock_request *r, struct mock_reply *reply)
{
    (void)r;
    ++*(unsigned *)arg;
    say(reply, 200, "{}");
}

static enum err visit(void *arg, size_t i, const struct links *links, struct problem *p)
{
    (void)arg;
    struct client c = { .http = links->to[i % 3 == 0 ? 1 : 0] };
    return client_get(&c, "/x", NULL, p);
}

static void a_crew_has_a_link_to_each_server(void **state)
{
    (void)state;
    unsigned seen[2] = { 0 };
    struct crew *crew = NULL;
    struct problem p = { 0 };
    struct mock_http *mocks[2] = { mock_http_start(serve_two, &seen[0]),
                                   mock_http_start(serve_two, &seen[1]) };
    const char *servers[] = { mock_http_url(mocks[0]), mock_http_url(mocks[1]) };
    assert_int_equal(crew_new(servers, 2, 1, &crew, &p), OK);
    assert_int_equal(crew_run(crew, visit, NULL, 9, &p), OK);
    crew_free(crew);
    servers[1] = "no server";
    assert_int_equal(crew_new(servers, 2, 3, &crew, &p), ERR_USAGE);
    mock_http_stop(mocks[0]);
    mock_http_stop(mocks[1]);
    assert_int_equal(seen[0], 6);
    assert_int_equal(seen[1], 3);
}

int main(void)
{
    crypto_setup();
    http_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_at_the_bounty_goes_there),
        cmocka_unit_test(long_paths_are_refused),
        cmocka_unit_test(reviewers_go_as_themselves),
        cmocka_unit_test(patients_are_a_key),
        cmocka_unit_test(the_key_is_registered_once),
        cmocka_unit_test(long_polls_go_on),
        cmocka_unit_test(a_crew_has_a_link_to_each_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
