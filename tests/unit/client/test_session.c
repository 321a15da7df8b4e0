/* Signing in: bound to one federation, renewed when it runs out, and nothing carried to the wrong
 * place. */
#include "api/client/session.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "tests/lib/mock_http.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* A server that knows one account: it checks sign-ins as the contract says. */
struct server {
    const char *federation;
    uint8_t identity[SIGN_PUBLIC_BYTES];
    unsigned challenges, sessions, refuse_sessions;
    unsigned valid_token; /* tokens before this one have expired */
    unsigned page;
    struct buf last_body;
};

static void say(struct mock_reply *reply, int status, const char *text)
{
    reply->status = status;
    assert_int_equal(buf_add_str(&reply->body, text), OK);
}

static void challenge_of(const struct server *s, uint8_t ret[32])
{
    memset(ret, (int)s->challenges, 32);
}

static void open_session(struct server *s, const struct mock_request *r, struct mock_reply *reply)
{
    uint8_t challenge[32], signature[SIGN_BYTES];
    char text[BASE64_SIZE(32)], message[256], token[64];
    json_t *body = json_loadb((const char *)r->body, r->body_len, 0, NULL);
    const char *told = json_string_value(json_object_get(body, "signature"));
    challenge_of(s, challenge);
    base64_encode(challenge, 32, text);
    int n = snprintf(message, sizeof(message), "cairn-session/1\n%s\n%s", s->federation, text);
    bool good = told != NULL && base64_decode(told, strlen(told), signature, SIGN_BYTES) &&
                sign_verify(s->identity, message, (size_t)n, signature);
    json_decref(body);
    assert_null(strcasestr(r->head, "Idempotency-Key"));
    assert_null(strcasestr(r->head, "Authorization"));
    if (!good || s->refuse_sessions > 0) {
        s->refuse_sessions -= s->refuse_sessions > 0 ? 1 : 0;
        say(reply, 401, "{\"code\":\"auth.challenge\"}");
        return;
    }
    (void)snprintf(token, sizeof(token), "{\"token\":\"t%u\"}", ++s->sessions);
    say(reply, 201, token);
}

static bool token_valid(const struct server *s, const char *head)
{
    unsigned token = 0;
    const char *at = strcasestr(head, "\r\nAuthorization: Bearer t");
    return at != NULL && sscanf(at + 25, "%u", &token) == 1 && token >= s->valid_token;
}

static void serve(void *arg, const struct mock_request *r, struct mock_reply *reply)
{
    struct server *s = arg;
    char text[256];
    if (strcmp(r->path, "/v1/federation") == 0) {
        (void)snprintf(text, sizeof(text), "{\"federation\":\"%s\"}", s->federation);
        say(reply, 200, text);
    } else if (strstr(r->path, "/challenge") != NULL) {
        uint8_t challenge[32];
        char base64[BASE64_SIZE(32)];
        s->challenges++;
        challenge_of(s, challenge);
        base64_encode(challenge, 32, base64);
        (void)snprintf(text, sizeof(text), "{\"challenge\":\"%s\"}", base64);
        say(reply, 200, text);
    } else if (strcmp(r->path, "/v1/sessions") == 0) {
        open_session(s, r, reply);
    } else if (!token_valid(s, r->head)) {
        say(reply, 401, "{\"code\":\"auth.invalid\"}");
    } else if (strncmp(r->path, "/list", 5) == 0) {
        bool first = strstr(r->path, "cursor=") == NULL;
        s->page++;
        say(reply, 200,
            first ? "{\"items\":[1,2],\"next\":\"abc\"}" : "{\"items\":[3],\"next\":null}");
    } else {
        buf_clear(&s->last_body);
        assert_int_equal(buf_add(&s->last_body, r->body, r->body_len), OK);
        say(reply, 200, "{\"ok\":true}");
    }
}

struct world {
    struct server server;
    struct mock_http *mock;
    struct http_client *http;
    struct client c;
};

static void open_world(struct world *w)
{
    const uint8_t root[ROOT_BYTES] = { 5 };
    struct problem p = { 0 };
    memset(w, 0, sizeof(*w));
    w->server.federation = "fed.test";
    w->server.valid_token = 1;
    buf_init(&w->server.last_body, 65536);
    w->mock = mock_http_start(serve, &w->server);
    assert_int_equal(http_client_open(mock_http_url(w->mock), &w->http, &p), OK);
    client_init(&w->c, w->http, root);
    memcpy(w->server.identity, w->c.identity.public, SIGN_PUBLIC_BYTES);
}

static void close_world(struct world *w)
{
    client_release(&w->c);
    http_client_close(w->http);
    mock_http_stop(w->mock);
    buf_release(&w->server.last_body);
}

static void signs_in_and_renews(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    json_t *reply = NULL;
    open_world(&w);
    assert_int_equal(client_get(&w.c, "/x", &reply, &p), ERR_AUTH_INVALID); /* not signed in */
    assert_int_equal(client_sign_in(&w.c, &p), OK);
    assert_string_equal(w.c.federation, "fed.test");
    assert_int_equal(client_get(&w.c, "/x", &reply, &p), OK);
    json_decref(reply);
    w.server.valid_token = 2;
    assert_int_equal(client_get(&w.c, "/x", &reply, &p), OK);
    json_decref(reply);
    assert_int_equal(w.server.sessions, 2);
    w.server.valid_token = 99; /* a renewed token that is refused too is no reason to go on */
    assert_int_equal(client_get(&w.c, "/x", &reply, &p), ERR_AUTH_INVALID);
    assert_int_equal(w.server.sessions, 3);
    close_world(&w);
}

/* The federation's name is pinned: no proof of the key is made for another one. */
static void other_federations_get_nothing(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    open_world(&w);
    (void)snprintf(w.c.federation, sizeof(w.c.federation), "home.fed");
    assert_int_equal(client_federation(&w.c, &p), ERR_AUTH_CHALLENGE);
    assert_string_equal(w.c.federation, "home.fed");
    assert_int_equal(client_sign_in(&w.c, &p), ERR_AUTH_CHALLENGE); /* signed for home.fed only */
    assert_int_equal(w.server.sessions, 0);
    close_world(&w);
}

static void a_lost_challenge_is_replaced_once(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    open_world(&w);
    w.server.refuse_sessions = 1;
    assert_int_equal(client_sign_in(&w.c, &p), OK);
    assert_int_equal(w.server.challenges, 2);
    w.server.refuse_sessions = 2;
    assert_int_equal(client_sign_in(&w.c, &p), ERR_AUTH_CHALLENGE);
    assert_int_equal(w.server.challenges, 4);
    close_world(&w);
}

static void lists_are_followed_to_their_end(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    json_t *items = NULL;
    open_world(&w);
    assert_int_equal(client_sign_in(&w.c, &p), OK);
    assert_int_equal(client_list(&w.c, "/list", 3, &items, &p), OK);
    assert_int_equal(json_array_size(items), 3);
    assert_int_equal(w.server.page, 2);
    json_decref(items);
    assert_int_equal(client_list(&w.c, "/list?phase=x", 2, &items, &p), ERR_LIMIT);
    close_world(&w);
}

static void statements_are_made_and_sent(void **state)
{
    (void)state;
    struct world w;
    struct problem p = { 0 };
    struct statement s;
    json_t *reply = NULL;
    open_world(&w);
    assert_int_equal(client_sign_in(&w.c, &p), OK);
    assert_int_equal(client_say(&w.c, "/say", "deposit.request", 3,
                                json_pack("{s:i}", "amount_minor", 7), &reply, &p),
                     OK);
    json_decref(reply);
    json_t *body =
        json_loadb((const char *)w.server.last_body.data, w.server.last_body.len, 0, NULL);
    assert_int_equal(json_object_size(body), 1);
    assert_int_equal(statement_parse(json_object_get(body, "statement"), "/statement", &s, &p), OK);
    assert_int_equal(statement_check(&s, "deposit.request", clock_now(), &p), OK);
    assert_int_equal(s.version, 3);
    assert_memory_equal(s.signer, w.c.identity.public, SIGN_PUBLIC_BYTES);
    assert_int_equal(json_integer_value(json_object_get(s.root, "amount_minor")), 7);
    statement_release(&s);
    json_decref(body);
    assert_int_equal(client_say(&w.c, "/say", "deposit.request", 1, NULL, &reply, &p),
                     ERR_NO_MEMORY);
    close_world(&w);
}

int main(void)
{
    crypto_setup();
    http_setup();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_in_and_renews),
        cmocka_unit_test(other_federations_get_nothing),
        cmocka_unit_test(a_lost_challenge_is_replaced_once),
        cmocka_unit_test(lists_are_followed_to_their_end),
        cmocka_unit_test(statements_are_made_and_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
