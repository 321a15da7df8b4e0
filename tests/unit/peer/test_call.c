/* Signed calls between two ends of this process, over real sockets and a route table of its own. */
#include "server/base/json.h"
#include "server/base/log.h"
#include "server/crypto/hash.h"
#include "server/peer/call.h"
#include "tests/lib/member_end.h"
#include "tests/lib/mock_http.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <string.h>

#include <cmocka.h>

static atomic_uint handled;

static void put(json_t *o, const char *name, const char *value)
{
    assert_int_equal(json_object_set_new(o, name, json_string(value != NULL ? value : "")), 0);
}

/* Says what it was given. */
static void post_echo(struct request *r)
{
    json_t *o = json_pack("{s:i, s:O}", "peer", (int)r->peer, "body", r->json);
    assert_non_null(o);
    atomic_fetch_add(&handled, 1);
    put(o, "key", req_header(r, "Idempotency-Key"));
    put(o, "account", req_header(r, "Cairn-On-Behalf-Of"));
    put(o, "q", req_query(r, "q"));
    reply_header(r, "Link", "</next>; rel=\"next\"");
    reply_etag_version(r, 3);
    reply_value(r, 201, o);
}

static void get_echo(struct request *r)
{
    atomic_fetch_add(&handled, 1);
    reply_text(r, 200, "text/plain", r->path_params[0], strlen(r->path_params[0]));
}

static void put_file(struct request *r)
{
    assert_non_null(r->body_file);
    atomic_fetch_add(&handled, 1);
    reply_empty(r, 204);
}

static void get_plain(struct request *r)
{
    reply_text(r, 200, "text/plain", "plain", 5);
}

const struct route api_routes[] = {
    { M_POST, "/peer/v1/echo", "e", post_echo, WHO_PEER, BODY_JSON, 65536, 5000, false, true, "q" },
    { M_GET, "/peer/v1/echo/{text}", "g", get_echo, WHO_PEER, BODY_NONE, 0, 5000, false, true,
      NULL },
    { M_PUT, "/peer/v1/file", "f", put_file, WHO_PEER, BODY_FILE, 1 << 20, 5000, false, true,
      NULL },
    { M_GET, "/plain", "p", get_plain, WHO_ANYONE, BODY_NONE, 0, 5000, true, false, NULL },
};
const size_t api_routes_n = COUNT(api_routes);

struct world {
    struct member_end a, b;
    struct calls *calls; /* of a */
};

static int open_world(void **state)
{
    static struct world w;
    struct member_end *const both[] = { &w.a, &w.b };
    member_end_open(&w.a, 1);
    member_end_open(&w.b, 2);
    member_end_join(both, 2);
    atomic_store(&handled, 0);
    *state = &w;
    return calls_open(w.a.app.peers, &w.calls) == OK ? 0 : -1;
}

static int close_world(void **state)
{
    struct world *w = *state;
    calls_close(w->calls);
    member_end_close(&w->a);
    member_end_close(&w->b);
    return 0;
}

static int64_t now(void)
{
    return clock_now() / USEC_PER_SEC;
}

static struct call post_of(const char *body)
{
    return (struct call){ .to = 2,
                          .method = "POST",
                          .path = "/peer/v1/echo",
                          .query = "q=a%20b",
                          .type = "application/json",
                          .body = body,
                          .body_len = strlen(body),
                          .on_behalf_of = "6039a558-94a3-8a09-8a20-767aeba2fa90",
                          .idempotency_key = "0123456789abcdef",
                          .timeout_ms = 5000,
                          .now = now() };
}

static void a_call_carries_everything(void **state)
{
    struct world *w = *state;
    char link[40], etag[3], none[8];
    struct call_header headers[] = { { "link", link, sizeof(link) },
                                     { "ETag", etag, sizeof(etag) },
                                     { "X-None", none, sizeof(none) } };
    struct call_answer answer = { .headers = headers, .headers_n = 3 };
    struct call call = post_of("{\"a\":1}");
    buf_init(&answer.body, 4096);
    for (int i = 0; i < 3; i++) { /* the same call again is a new signature */
        assert_int_equal(calls_make(w->calls, &call, &answer), OK);
        assert_int_equal(answer.status, 201);
        assert_string_equal(buf_str(&answer.body),
                            "{\"peer\":1,\"body\":{\"a\":1},\"key\":\"0123456789abcdef\","
                            "\"account\":\"6039a558-94a3-8a09-8a20-767aeba2fa90\",\"q\":\"a b\"}");
        assert_string_equal(link, "</next>; rel=\"next\"");
        assert_string_equal(etag, ""); /* "v3" with its quotes does not fit */
        assert_string_equal(none, "");
    }
    assert_int_equal(atomic_load(&handled), 3);
    buf_release(&answer.body);
}

static void a_call_without_a_body_is_signed_too(void **state)
{
    struct world *w = *state;
    struct call_answer answer = { 0 };
    struct call call = {
        .to = 2, .method = "GET", .path = "/peer/v1/echo/x%20y", .timeout_ms = 5000
    };
    call.now = now();
    buf_init(&answer.body, 4096);
    assert_int_equal(calls_make(w->calls, &call, &answer), OK);
    assert_int_equal(answer.status, 200);
    assert_string_equal(buf_str(&answer.body), "x y");
    buf_release(&answer.body);
}

static void a_file_is_checked_against_its_digest(void **state)
{
    struct world *w = *state;
    struct call_answer answer = { 0 };
    static const char bytes[100000] = { 1 };
    struct call call = { .to = 2,
                         .method = "PUT",
                         .path = "/peer/v1/file",
                         .type = "application/octet-stream",
                         .body = bytes,
                         .body_len = sizeof(bytes),
                         .timeout_ms = 5000,
                         .now = now() };
    buf_init(&answer.body, 4096);
    assert_int_equal(calls_make(w->calls, &call, &answer), OK);
    assert_int_equal(answer.status, 204);
    call.body_len = 0;
    assert_int_equal(calls_make(w->calls, &call, &answer), OK);
    assert_int_equal(answer.status, 204);
    buf_release(&answer.body);
}

/* Wrong by five minutes and a minute is right; by an hour it is not. */
static void clocks_may_differ_a_little(void **state)
{
    struct world *w = *state;
    static const struct {
        int64_t off;
        int status;
    } known[] = { { -350, 201 }, { 290, 201 }, { 3600, 403 }, { -3600, 403 } };
    struct call_answer answer = { 0 };
    buf_init(&answer.body, 4096);
    for (size_t i = 0; i < COUNT(known); i++) {
        struct call call = post_of("{}");
        call.now = now() + known[i].off;
        assert_int_equal(calls_make(w->calls, &call, &answer), OK);
        assert_int_equal(answer.status, known[i].status);
        if (known[i].status == 403)
            assert_non_null(strstr(buf_str(&answer.body), "\"peer.stale\""));
    }
    assert_int_equal(peers_refusals(w->b.app.peers, PEERS_STALE), 2);
    assert_int_equal(atomic_load(&handled), 2);
    buf_release(&answer.body);
}

static void who_cannot_be_called_is_told(void **state)
{
    struct world *w = *state;
    struct call_answer answer = { 0 };
    struct call call = post_of("{}");
    buf_init(&answer.body, 4096);
    call.to = 9;
    assert_int_equal(calls_make(w->calls, &call, &answer), ERR_MEMBER_UNKNOWN);
    call.to = 1; /* oneself */
    assert_int_equal(calls_make(w->calls, &call, &answer), ERR_MEMBER_UNKNOWN);
    call.to = 2;
    member_end_stop_edge(&w->b);
    assert_int_equal(calls_make(w->calls, &call, &answer), ERR_MEMBER_DOWN);
    member_end_start_edge(&w->b);
    assert_int_equal(calls_make(w->calls, &call, &answer), OK);
    buf_release(&answer.body);
    buf_init(&answer.body, 10); /* the answer is longer */
    assert_int_equal(calls_make(w->calls, &call, &answer), ERR_MEMBER_DOWN);
    buf_release(&answer.body);
}

static void a_route_for_anyone_takes_a_signed_call(void **state)
{
    struct world *w = *state;
    struct call_answer answer = { 0 };
    struct call call = { .to = 2, .method = "GET", .path = "/plain", .timeout_ms = 5000 };
    call.now = now();
    buf_init(&answer.body, 4096);
    assert_int_equal(calls_make(w->calls, &call, &answer), OK);
    assert_int_equal(answer.status, 200);
    buf_release(&answer.body);
}

/* libcurl may have sent it twice by itself: "seen already" then says nothing about the first one.
 */
static void answer_replayed(void *arg, const struct mock_request *request, struct mock_reply *reply)
{
    (void)arg;
    reply->status = 409;
    assert_int_equal(buf_addf(&reply->body, "{\"code\":\"%s\"}",
                              err_code(request->number == 0 ? ERR_PEER_REPLAYED : ERR_STATE)),
                     OK);
}

static void an_answer_about_the_first_sending_is_none(void **state)
{
    struct world *w = *state;
    static struct members m;
    struct member_end *const both[] = { &w->a, &w->b };
    struct call_answer answer = { 0 };
    struct call call = post_of("{}");
    struct mock_http *h = mock_http_start(answer_replayed, NULL);
    member_end_list(both, 2, &m);
    (void)snprintf(m.list[1].endpoint, sizeof(m.list[1].endpoint), "%s", mock_http_url(h));
    member_end_knows(&w->a, &m);
    buf_init(&answer.body, 4096);
    assert_int_equal(calls_make(w->calls, &call, &answer), ERR_MEMBER_DOWN);
    assert_int_equal(calls_make(w->calls, &call, &answer), OK); /* another conflict is an answer */
    assert_int_equal(answer.status, 409);
    mock_http_stop(h);
    buf_release(&answer.body);
}

int main(void)
{
    crypto_setup();
    json_setup();
    log_set_level(LOG_ERROR);
    (void)signal(SIGPIPE, SIG_IGN);
#define TEST(f) cmocka_unit_test_setup_teardown(f, open_world, close_world)
    const struct CMUnitTest tests[] = {
        TEST(a_call_carries_everything),
        TEST(a_call_without_a_body_is_signed_too),
        TEST(a_file_is_checked_against_its_digest),
        TEST(clocks_may_differ_a_little),
        TEST(who_cannot_be_called_is_told),
        TEST(a_route_for_anyone_takes_a_signed_call),
        TEST(an_answer_about_the_first_sending_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
