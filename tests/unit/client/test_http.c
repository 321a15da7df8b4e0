/* Calls over HTTP: what is sent, what comes back, and what is sent again. */
#include "api/client/http.h"
#include "server/crypto/hash.h"
#include "tests/lib/mock_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* What the server saw and what it is to say. */
struct script {
    int statuses[8]; /* one after the other; the last one repeats */
    const char *headers, *body, *type;
    unsigned seen;
    char keys[8][64];
    char last_head[4096], last_body[256], last_method[8];
};

static void play(void *arg, const struct mock_request *r, struct mock_reply *reply)
{
    struct script *s = arg;
    unsigned i = s->seen < 8 ? s->seen : 7;
    const char *key = strcasestr(r->head, "\r\nIdempotency-Key: ");
    if (key != NULL)
        (void)sscanf(key + 19, "%63s", s->keys[i]);
    s->seen++;
    (void)snprintf(s->last_head, sizeof(s->last_head), "%.*s",
                   (int)((const char *)r->body - r->head), r->head);
    (void)snprintf(s->last_body, sizeof(s->last_body), "%.*s", (int)r->body_len,
                   (const char *)r->body);
    (void)snprintf(s->last_method, sizeof(s->last_method), "%s", r->method);
    reply->status = s->statuses[i];
    reply->headers = s->headers;
    if (s->type != NULL)
        reply->type = s->type;
    assert_int_equal(buf_add_str(&reply->body, s->body), OK);
}

struct world {
    struct script script;
    struct mock_http *mock;
    struct http_client *http;
};

static void open_world(struct world *w)
{
    struct problem p = { 0 };
    w->mock = mock_http_start(play, &w->script);
    assert_int_equal(http_client_open(mock_http_url(w->mock), &w->http, &p), OK);
}

static void close_world(struct world *w)
{
    http_client_close(w->http);
    mock_http_stop(w->mock);
}

static void sends_and_reads(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 201, 201, 201, 201, 201, 201, 201, 201 },
                                   .body = "{\"id\":7}",
                                   .headers = "Idempotency-Replayed: true\r\n" } };
    struct http_reply reply;
    struct problem p = { 0 };
    open_world(&w);
    const struct http_call call = { .method = "POST",
                                    .path = "/v1/x?y=1",
                                    .token = "tok",
                                    .body = "{}",
                                    .body_len = 2,
                                    .key = "0123456789abcdef",
                                    .if_match = 12 };
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), OK);
    assert_int_equal(reply.status, 201);
    assert_true(reply.replayed);
    assert_int_equal(json_integer_value(json_object_get(reply.json, "id")), 7);
    http_reply_release(&reply);
    assert_string_equal(w.script.last_method, "POST");
    assert_string_equal(w.script.last_body, "{}");
    assert_non_null(strstr(w.script.last_head, "POST /v1/x?y=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(w.script.last_head, "\r\nAuthorization: Bearer tok\r\n"));
    assert_non_null(strstr(w.script.last_head, "\r\nIdempotency-Key: 0123456789abcdef\r\n"));
    assert_non_null(strstr(w.script.last_head, "\r\nIf-Match: \"v12\"\r\n"));
    assert_non_null(strstr(w.script.last_head, "\r\nContent-Type: application/json\r\n"));
    assert_null(strstr(w.script.last_head, "\r\nExpect"));
    assert_null(strstr(w.script.last_head, "chunked"));
    /* The next call on the same connection carries nothing over. */
    const struct http_call get = { .method = "GET", .path = "/" };
    assert_int_equal(http_client_call(w.http, &get, &reply, &p), OK);
    http_reply_release(&reply);
    assert_string_equal(w.script.last_method, "GET");
    assert_null(strstr(w.script.last_head, "Authorization"));
    assert_null(strstr(w.script.last_head, "Content-Type"));
    const struct http_call put = {
        .method = "PUT", .path = "/f", .body = "xyz", .body_len = 3, .octets = true
    };
    assert_int_equal(http_client_call(w.http, &put, &reply, &p), OK);
    http_reply_release(&reply);
    assert_string_equal(w.script.last_method, "PUT");
    assert_string_equal(w.script.last_body, "xyz");
    assert_non_null(strstr(w.script.last_head, "\r\nContent-Type: application/octet-stream\r\n"));
    close_world(&w);
}

static void problems_become_errors(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 422, 422, 409, 418, 500, 500, 500, 500 },
                                   .type = "application/problem+json" } };
    struct problem p = { 0 };
    struct http_reply reply;
    const struct http_call call = { .method = "GET", .path = "/" };
    w.script.body =
        "{\"code\":\"bounty.terms\",\"detail\":\"They contradict.\",\"status\":422,"
        "\"errors\":[{\"pointer\":\"/statement/terms/quorum\",\"detail\":\"Too large.\"}]}";
    open_world(&w);
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_BOUNTY_TERMS);
    assert_string_equal(p.pointer, "/statement/terms/quorum");
    assert_string_equal(p.detail, "Too large.");
    w.script.body = "{\"code\":\"object.not_found\",\"detail\":\"Gone.\"}";
    assert_int_equal(err_status(http_client_call(w.http, &call, &reply, &p)), 404);
    assert_string_equal(p.detail, "Gone.");
    assert_string_equal(p.pointer, "");
    w.script.body = "{\"code\":\"from.the.future\",\"detail\":\"New.\"}";
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_STATE);
    assert_string_equal(p.detail, "New. (from.the.future)");
    w.script.body = "no problem document";
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_INTERNAL);
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_IO);
    close_world(&w);
}

/* Busy twice, then cut off, then done: four attempts under one key, and the wait was kept. */
static void retries_under_the_same_key(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 503, 503, 0, 200, 200, 200, 200, 200 },
                                   .headers = "Retry-After: 0\r\n",
                                   .body = "{\"code\":\"server.busy\"}" } };
    char key[HTTP_KEY_SIZE];
    struct problem p = { 0 };
    struct http_reply reply;
    http_key(key);
    open_world(&w);
    const struct http_call call = {
        .method = "POST", .path = "/", .body = "{}", .body_len = 2, .key = key
    };
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), OK);
    http_reply_release(&reply);
    assert_int_equal(w.script.seen, 4);
    for (unsigned i = 0; i < 4; i++)
        assert_string_equal(w.script.keys[i], key);
    close_world(&w);
}

/* A fresh connection that is cut before any answer. */
static void a_lost_first_answer_is_asked_for_again(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 0, 200, 200, 200, 200, 200, 200, 200 },
                                   .body = "{}" } };
    struct problem p = { 0 };
    struct http_reply reply;
    const struct http_call call = { .method = "GET", .path = "/" };
    open_world(&w);
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), OK);
    http_reply_release(&reply);
    assert_int_equal(w.script.seen, 2);
    close_world(&w);
}

static void waits_as_asked_and_gives_up_in_time(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 503, 200, 503, 503, 503, 503, 503, 503 },
                                   .headers = "Retry-After: 1\r\n",
                                   .body = "{\"code\":\"server.busy\"}" } };
    struct problem p = { 0 };
    struct http_reply reply;
    const struct http_call call = { .method = "GET", .path = "/" };
    open_world(&w);
    usec_t start = clock_monotonic();
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), OK);
    http_reply_release(&reply);
    assert_true(clock_monotonic() - start >= USEC_PER_SEC);
    http_client_patience(w.http, 0);
    start = clock_monotonic();
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_BUSY);
    assert_true(clock_monotonic() - start < USEC_PER_SEC);
    assert_int_equal(w.script.seen, 3);
    close_world(&w);
}

/* What was refused is not asked again. */
static void refusals_are_final(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 409, 200, 200, 200, 200, 200, 200, 200 },
                                   .headers = "Retry-After: 0\r\n",
                                   .body = "{\"code\":\"review.twice\"}" } };
    struct problem p = { 0 };
    struct http_reply reply;
    const struct http_call call = { .method = "POST", .path = "/", .body = "{}", .body_len = 2 };
    open_world(&w);
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_VERDICT_TWICE);
    assert_int_equal(w.script.seen, 1);
    close_world(&w);
}

static void replies_are_bounded(void **state)
{
    (void)state;
    struct world w = { .script = { .statuses = { 200, 200, 200, 200, 200, 200, 200, 200 } } };
    struct problem p = { 0 };
    struct http_reply reply;
    const struct http_call call = { .method = "GET", .path = "/" };
    char *big = malloc(HTTP_REPLY_MAX + 2);
    assert_non_null(big);
    memset(big, 'x', HTTP_REPLY_MAX + 1);
    big[HTTP_REPLY_MAX + 1] = '\0';
    w.script.body = big;
    open_world(&w);
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), ERR_IO);
    big[HTTP_REPLY_MAX] = '\0';
    assert_int_equal(http_client_call(w.http, &call, &reply, &p), OK);
    assert_int_equal(reply.body.len, HTTP_REPLY_MAX);
    http_reply_release(&reply);
    close_world(&w);
    free(big);
}

static void servers_are_checked(void **state)
{
    (void)state;
    static const char *const bad[] = { "",           "127.0.0.1:80",       "ftp://x",
                                       "http://",    "http:///x",          "http://a/b",
                                       "http://a@b", "file:///etc/passwd", "http://a b" };
    struct http_client *h = NULL;
    struct problem p = { 0 };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(http_client_open(bad[i], &h, &p), ERR_USAGE);
    assert_int_equal(http_client_open("https://cairn.example/", &h, &p), OK);
    assert_string_equal(http_client_server(h), "https://cairn.example");
    http_client_close(h);
    assert_int_equal(http_client_open("http://[::1]:8080", &h, &p), OK);
    http_client_close(h);
}

static void reply_fields_let_others_be(void **state)
{
    (void)state;
    json_t *v = json_loads("{\"a\":1,\"new\":true}", 0, NULL);
    int64_t a = 0, b = 0;
    struct problem p = { 0 };
    const struct field one[] = { F_INT("a", &a, 0, 9) };
    const struct field two[] = { F_INT("a", &a, 0, 9), F_INT("b", &b, 0, 9) };
    const struct field small[] = { F_INT("a", &a, 2, 9) };
    assert_int_equal(reply_fields(v, one, 1, &p), OK);
    assert_int_equal(a, 1);
    assert_int_equal(reply_fields(v, two, 2, &p), ERR_IO);
    assert_string_equal(p.pointer, "/b");
    assert_int_equal(reply_fields(v, small, 1, &p), ERR_IO);
    assert_int_equal(reply_fields(NULL, one, 1, &p), ERR_IO);
    json_decref(v);
}

int main(void)
{
    crypto_setup();
    http_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_and_reads),
        cmocka_unit_test(problems_become_errors),
        cmocka_unit_test(retries_under_the_same_key),
        cmocka_unit_test(a_lost_first_answer_is_asked_for_again),
        cmocka_unit_test(waits_as_asked_and_gives_up_in_time),
        cmocka_unit_test(refusals_are_final),
        cmocka_unit_test(replies_are_bounded),
        cmocka_unit_test(servers_are_checked),
        cmocka_unit_test(reply_fields_let_others_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
