/* The head scanner: what it takes, what it refuses, and that the answer never depends on how the
 * bytes were cut: each case is fed whole, byte by byte and at every single split point. */
#include "api/http/head.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define GET "GET / HTTP/1.1\r\n"
#define HOST "Host: a\r\n"
#define END "\r\n"
#define POST "POST /x HTTP/1.1\r\nHost: a\r\n"
#define S16 "aaaaaaaaaaaaaaaa"
#define S128 S16 S16 S16 S16 S16 S16 S16 S16

struct bad {
    enum err e;
    const char *text;
    size_t len; /* 0 = strlen */
};

#define NUL(e, t)                                                                                  \
    {                                                                                              \
        e, t, sizeof(t) - 1                                                                        \
    }
static const struct bad bad[] = {
    /* line ends */
    { ERR_HTTP_MALFORMED, "\r\n" GET HOST END, 0 },
    { ERR_HTTP_MALFORMED, "\n" GET HOST END, 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/1.1\nHost: a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "\n", 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a\rX: b\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a\r\rX: b\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/1.1\rHost: a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "\rX", 0 },
    /* control bytes */
    NUL(ERR_HTTP_MALFORMED, GET "Host: a\0b\r\n\r\n"),
    NUL(ERR_HTTP_MALFORMED, GET HOST "X: \0\r\n\r\n"),
    NUL(ERR_HTTP_MALFORMED, GET HOST "X\0: a\r\n\r\n"),
    NUL(ERR_HTTP_MALFORMED, "GE\0T / HTTP/1.1\r\n"),
    NUL(ERR_HTTP_MALFORMED, "GET /\0 HTTP/1.1\r\n"),
    { ERR_HTTP_MALFORMED, GET HOST "X: a\x01\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X: a\x7f\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X: a\vb\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X\x02: a\r\n\r\n", 0 },
    /* field syntax */
    { ERR_HTTP_MALFORMED, GET HOST "X: a\r\n b\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X: a\r\n\tb\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET " Host: a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET "Host : a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET "Host\t: a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST ": a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "no colon\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "nocolon\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X(y): a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "X\xc3\xa9: a\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, GET HOST "\"X\": a\r\n\r\n", 0 },
    /* request line */
    { ERR_HTTP_MALFORMED, " GET / HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET  / HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /  HTTP/1.1\r\n" HOST END, 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/1.1 \r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET\t/ HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /\tx HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / \r\n", 0 },
    { ERR_HTTP_MALFORMED, "G(T / HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "AAAAAAAAAAAAAAAAA / HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "\x16\x03\x01\x02", 0 },
    { ERR_HTTP_MALFORMED, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET http://a/ HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "OPTIONS * HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "CONNECT a:1 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET ?a HTTP/1.1\r\n", 0 },
    /* version */
    { ERR_HTTP_VERSION, "GET / HTTP/1.0\r\n", 0 },
    { ERR_HTTP_VERSION, "GET / HTTP/2.0\r\n", 0 },
    { ERR_HTTP_VERSION, "GET / HTTP/0.9\r\n", 0 },
    { ERR_HTTP_VERSION, "GET / HTTP/1.2\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/1.11\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/1,1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / http/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/2\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTX/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET / HTTP/a.1\r\n", 0 },
    /* target */
    { ERR_HTTP_MALFORMED, "GET // HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a//b HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /.. HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a/../b HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a/. HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /./a HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a/..?x HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /%2e%2e/a HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%2E HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%2fb HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%2Fb HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%5cb HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%5Cb HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%00 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%0a HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /?a=%00 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%g0 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a%2 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /?a=% HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a\\b HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /a#b HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /?a#b HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /\xc3\xa9 HTTP/1.1\r\n", 0 },
    { ERR_HTTP_MALFORMED, "GET /\x7f HTTP/1.1\r\n", 0 },
    { ERR_QUERY, "GET /?&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&&& HTTP/1.1\r\n", 0 },
    /* Host */
    { ERR_HTTP_MALFORMED, GET END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST HOST END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "hOST: b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host:\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a,b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a/b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: u@a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a:\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a:123456\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: a:1:2\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: [::1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: []\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET "Host: " S128 S128 "\r\n" END, 0 },
    /* length, transfer coding */
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1\r\nContent-Length: 1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1\r\nContent-Length: 2\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1, 1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: -1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: +1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 0x1\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1 \r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length:\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 1234567890123456789\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 18446744073709551617\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n" END, 0 },
    { ERR_HTTP_LENGTH_REQUIRED, POST "Transfer-Encoding: chunked\r\n" END, 0 },
    { ERR_HTTP_LENGTH_REQUIRED, POST "transfer-encoding: identity\r\n" END, 0 },
    { ERR_HTTP_LENGTH_REQUIRED, POST "Transfer-Encoding: x\r\nTransfer-Encoding: chunked\r\n" END,
      0 },
    { ERR_HTTP_LENGTH_REQUIRED, GET HOST "Transfer-Encoding: chunked\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Transfer-Encoding : chunked\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Content-Length: 5\r\n" END "hello", 0 },
    { ERR_HTTP_MALFORMED, "HEAD / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, "DELETE / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, "OPTIONS / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, "TRACE / HTTP/1.1\r\n" HOST "Content-Length: 5\r\n" END, 0 },
    /* fields that may come once */
    { ERR_HTTP_MALFORMED, GET HOST "Authorization: a\r\nauthorization: b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Content-Type: a\r\nContent-Type: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Idempotency-Key: a\r\nIdempotency-Key: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "If-Match: a\r\nIf-Match: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "traceparent: a\r\ntraceparent: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Signature: a\r\nsignature: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Signature-Input: a\r\nsignature-input: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Cairn-Member: a\r\ncairn-member: b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Content-Digest: a\r\ncontent-digest: b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Cairn-On-Behalf-Of: a\r\ncairn-on-behalf-of: b\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, GET HOST "Cookie: a\r\nCookie: a\r\n" END, 0 },
    { ERR_HTTP_MALFORMED, POST "Expect: 100-continue\r\nExpect: 100-continue\r\n" END, 0 },
    { ERR_HTTP_EXPECT, POST "Expect: 200-ok\r\n" END, 0 },
    { ERR_HTTP_EXPECT, POST "Expect:\r\n" END, 0 },
    { ERR_HTTP_EXPECT, POST "Expect: 100-continue, x\r\n" END, 0 },
};

struct good {
    uint64_t requests;
    const char *text;
};

static const struct good good[] = {
    { 1, GET HOST END },
    { 1, GET "Host:a\r\n" END },
    { 1, GET "Host: \t a\r\n" END },
    { 1, GET "Host: example.org:8443\r\n" END },
    { 1, GET "Host: [2001:db8::1]:80\r\n" END },
    { 1, GET "Host: 127.0.0.1\r\n" END },
    { 1, GET "Host: " S128 "\r\n" END },
    { 1, "HEAD /a/b?c=d&e=%2Ff HTTP/1.1\r\n" HOST END },
    { 1, "GET /a.b/...c/.d/...?..//.. HTTP/1.1\r\n" HOST END },
    { 1, "GET /a%20b%3A/ HTTP/1.1\r\n" HOST END },
    { 1, "PATCH /a HTTP/1.1\r\n" HOST END },
    { 1, "get /a HTTP/1.1\r\n" HOST END },
    { 1, "DELETE /a HTTP/1.1\r\n" HOST "Content-Length: 0\r\n" END },
    { 1, GET HOST "X: a \t b\x80\xff\r\nY:\r\nZ:  \r\n" END },
    { 1, GET HOST "Connection: upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n" END },
    { 1, GET HOST "If-None-Match: \"a\"\r\nIf-None-Match: \"b\"\r\n" END },
    { 1, GET HOST "Content-Length-X: 5\r\nHosts: a\r\nHos: b\r\n" END },
    { 1, POST "Content-Length: 5\r\nExpect: 100-CONTINUE\r\n" END "hello" },
    { 1, POST "Content-Length: 000000000000000005\r\n" END "hello" },
    { 2, GET HOST END GET HOST END },
    { 2, POST "Content-Length: 5\r\n" END "GET /" GET HOST END },
    { 3, GET HOST END POST "Content-Length: 4\r\n" END "\r\n\r\n"
                           "DELETE /x HTTP/1.1\r\n" HOST END },
    { 1, POST "Content-Length: 999999999999999999\r\n" END "abc" },
    { 1, GET HOST END "GET /unfinished HTT" },
};

static enum err feed_whole(struct head_scan *s, const char *text, size_t len)
{
    head_scan_init(s);
    return head_scan_feed(s, text, len);
}

static enum err feed_split(struct head_scan *s, const char *text, size_t len, size_t at)
{
    head_scan_init(s);
    enum err e = head_scan_feed(s, text, at);
    enum err f = head_scan_feed(s, text + at, len - at);
    if (e != OK)
        assert_int_equal(f, e); /* a refusal stays */
    return f;
}

static enum err feed_bytes(struct head_scan *s, const char *text, size_t len)
{
    enum err e = OK;
    head_scan_init(s);
    for (size_t i = 0; i < len; i++)
        e = head_scan_feed(s, text + i, 1);
    return e;
}

static void check(const char *text, size_t len, enum err e, uint64_t requests)
{
    struct head_scan s;
    enum err got = feed_whole(&s, text, len);
    if (got != e || (e == OK && s.requests != requests))
        fail_msg("%s gave %s after %llu requests", text, err_code(got),
                 (unsigned long long)s.requests);
    struct head_scan t;
    assert_int_equal(feed_bytes(&t, text, len), e);
    assert_int_equal(t.requests, s.requests);
    for (size_t at = 0; at <= len; at++) {
        assert_int_equal(feed_split(&t, text, len, at), e);
        assert_int_equal(t.requests, s.requests);
        assert_int_equal(t.body_left, s.body_left);
        assert_int_equal(t.state, s.state);
    }
}

static void hostile_heads_are_refused(void **state)
{
    (void)state;
    assert_true(COUNT(bad) >= 60);
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t len = bad[i].len != 0 ? bad[i].len : strlen(bad[i].text);
        check(bad[i].text, len, bad[i].e, 0);
    }
}

static void good_heads_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++)
        check(good[i].text, strlen(good[i].text), OK, good[i].requests);
}

/* Every hostile head behind a good request: the good one is counted, the boundary lies before the
 * bad one, and the refusal is the same. */
static void a_bad_head_behind_a_good_request(void **state)
{
    (void)state;
    static const char first[] = POST "Content-Length: 3\r\n" END "abc";
    const size_t first_len = sizeof(first) - 1;
    char text[4096];
    for (size_t i = 0; i < COUNT(bad); i++) {
        size_t len = bad[i].len != 0 ? bad[i].len : strlen(bad[i].text);
        memcpy(text, first, first_len);
        memcpy(text + first_len, bad[i].text, len);
        struct head_scan s;
        assert_int_equal(feed_whole(&s, text, first_len + len), bad[i].e);
        assert_int_equal(s.requests, 1);
        assert_int_equal(s.boundary, first_len);
        head_scan_init(&s);
        assert_int_equal(head_scan_feed(&s, text, first_len), OK);
        assert_int_equal(s.boundary, first_len);
        assert_int_equal(head_scan_feed(&s, text + first_len, len), bad[i].e);
        assert_int_equal(s.boundary, 0);
    }
}

static size_t put(char *at, const char *text)
{
    size_t len = strlen(text);
    memcpy(at, text, len);
    return len;
}

/* GET of a target with n bytes. */
static size_t make_target(char *text, size_t n)
{
    size_t len = put(text, "GET /");
    memset(text + len, 'a', n - 1);
    len += n - 1;
    return len + put(text + len, " HTTP/1.1\r\n" HOST END);
}

/* A head of exactly n bytes with one long field. */
static size_t make_head(char *text, size_t n)
{
    static const char tail[] = "\r\n\r\n";
    size_t len = put(text, GET HOST "X: ");
    memset(text + len, 'a', n - len - 4);
    len = n - 4;
    return len + put(text + len, tail);
}

static size_t make_fields(char *text, size_t n)
{
    size_t len = put(text, GET HOST);
    for (size_t i = 1; i < n; i++)
        len += put(text + len, "X: a\r\n");
    return len + put(text + len, END);
}

static void sizes_are_bounded(void **state)
{
    (void)state;
    static char text[HEAD_BYTES_MAX + 4096];
    struct head_scan s;
    assert_int_equal(feed_whole(&s, text, make_target(text, HEAD_TARGET_MAX)), OK);
    assert_int_equal(feed_whole(&s, text, make_target(text, HEAD_TARGET_MAX + 1)),
                     ERR_HTTP_URI_TOO_LONG);
    assert_int_equal(feed_whole(&s, text, make_head(text, HEAD_BYTES_MAX)), OK);
    assert_int_equal(s.requests, 1);
    assert_int_equal(feed_whole(&s, text, make_head(text, HEAD_BYTES_MAX + 1)),
                     ERR_HTTP_HEAD_TOO_LARGE);
    assert_int_equal(feed_whole(&s, text, make_fields(text, HEAD_FIELDS_MAX)), OK);
    assert_int_equal(feed_whole(&s, text, make_fields(text, HEAD_FIELDS_MAX + 1)),
                     ERR_HTTP_HEAD_TOO_LARGE);
    /* The counters begin again with each request. */
    size_t len = make_fields(text, HEAD_FIELDS_MAX);
    head_scan_init(&s);
    for (int i = 0; i < 5; i++)
        assert_int_equal(head_scan_feed(&s, text, len), OK);
    assert_int_equal(s.requests, 5);
}

/* Records in libmicrohttpd's memory are bounded beside the bytes. */
static void cost_is_bounded(void **state)
{
    (void)state;
    static char text[HEAD_BYTES_MAX + 4096];
    struct head_scan s;
    size_t len = put(text, GET HOST);
    for (int i = 0; i < 60; i++)
        len += put(text + len, "X: " S128 S16 S16 S16 S16 S16 "\r\n");
    len += put(text + len, END);
    assert_true(len < HEAD_BYTES_MAX);
    assert_int_equal(feed_whole(&s, text, len), OK);
    len = put(text, GET HOST "Cookie: ");
    for (int i = 0; i < 300; i++)
        len += put(text + len, "a;");
    len += put(text + len, "\r\n\r\n");
    assert_int_equal(feed_whole(&s, text, len), ERR_HTTP_HEAD_TOO_LARGE);
}

static void progress_is_told(void **state)
{
    (void)state;
    struct head_scan s;
    head_scan_init(&s);
    assert_false(head_scan_in_head(&s));
    assert_int_equal(head_scan_feed(&s, "G", 1), OK);
    assert_true(head_scan_in_head(&s));
    head_scan_init(&s);
    static const char begun[] = POST "Content-Length: 2\r\n\r\na";
    assert_int_equal(head_scan_feed(&s, begun, sizeof(begun) - 1), OK);
    assert_false(head_scan_in_head(&s));
    assert_true(head_scan_in_body(&s));
    assert_int_equal(head_scan_feed(&s, "b", 1), OK);
    assert_false(head_scan_in_body(&s));
    assert_false(head_scan_in_head(&s));
    assert_int_equal(s.requests, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_heads_are_refused),
        cmocka_unit_test(good_heads_are_taken),
        cmocka_unit_test(a_bad_head_behind_a_good_request),
        cmocka_unit_test(sizes_are_bounded),
        cmocka_unit_test(cost_is_bounded),
        cmocka_unit_test(progress_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
