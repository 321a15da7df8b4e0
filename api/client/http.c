#include "api/client/http.h"

#include "server/base/clock.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdio.h>
#include <strings.h>
#include <sys/random.h>

#define SERVER_MAX 256
#define URL_MAX 4096
#define TIMEOUT_MS 30000
#define CONNECT_MS 5000
#define PATIENCE_S 15
#define REFUSED_S 3 /* a server that is not there at all is not waited for as long */
#define BACKOFF_MS 50u
#define BACKOFF_MS_MAX 2000u

struct http_client {
    CURL *easy;
    char server[SERVER_MAX];
    unsigned patience_s;
    char error[CURL_ERROR_SIZE];
};

/* What one attempt brought. */
struct attempt {
    struct buf body;
    long status;
    unsigned retry_after_s;
    bool replayed;
    CURLcode curl;
};

void http_setup(void)
{
    CURLcode c = curl_global_init(CURL_GLOBAL_DEFAULT);
    assert(c == CURLE_OK);
}

void http_key(char ret[HTTP_KEY_SIZE])
{
    uint8_t bytes[(HTTP_KEY_SIZE - 1) / 2];
    random_bytes(bytes, sizeof(bytes));
    hex_encode(bytes, sizeof(bytes), ret);
}

static bool server_valid(const char *server)
{
    static const char *const schemes[] = { "http://", "https://" };
    for (size_t i = 0; i < COUNT(schemes); i++) {
        size_t n = strlen(schemes[i]);
        if (strncmp(server, schemes[i], n) != 0)
            continue;
        size_t host = strcspn(server + n, "/");
        return host > 0 &&
               strspn(server + n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-:[]") == host &&
               strlen(server + n + host) <= 1;
    }
    return false;
}

enum err http_client_open(const char *server, struct http_client **ret, struct problem *p)
{
    size_t len = strlen(server);
    if (len >= SERVER_MAX || !server_valid(server))
        return problem_set(p, ERR_USAGE, "",
                           "The server must be given as http://HOST:PORT or https://HOST.");
    struct http_client *h = calloc(1, sizeof(*h));
    if (h == NULL)
        return ERR_NO_MEMORY;
    h->easy = curl_easy_init();
    if (h->easy == NULL) {
        free(h);
        return ERR_NO_MEMORY;
    }
    memcpy(h->server, server, server[len - 1] == '/' ? len - 1 : len);
    h->patience_s = PATIENCE_S;
    *ret = h;
    return OK;
}

void http_client_close(struct http_client *h)
{
    if (h == NULL)
        return;
    curl_easy_cleanup(h->easy);
    free(h);
}

void http_client_patience(struct http_client *h, unsigned seconds)
{
    h->patience_s = seconds;
}

const char *http_client_server(const struct http_client *h)
{
    return h->server;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct attempt *a = arg;
    return buf_add(&a->body, bytes, size * n) == OK ? size * n : 0;
}

/* The value of a header line if it is the named one; NUL-ended, without white space around it. */
static bool header_is(const char *line, size_t len, const char *name, char *ret, size_t size)
{
    size_t n = strlen(name);
    if (len <= n || strncasecmp(line, name, n) != 0 || line[n] != ':')
        return false;
    const char *from = line + n + 1, *end = line + len;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    if ((size_t)(end - from) >= size)
        return false;
    memcpy(ret, from, (size_t)(end - from));
    ret[end - from] = '\0';
    return true;
}

static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct attempt *a = arg;
    char value[32];
    uint64_t seconds;
    if (header_is(bytes, size * n, "Retry-After", value, sizeof(value)) &&
        u64_parse(value, strlen(value), &seconds))
        a->retry_after_s = seconds > 3600 ? 3600 : (unsigned)seconds;
    if (header_is(bytes, size * n, "Idempotency-Replayed", value, sizeof(value)))
        a->replayed = strcasecmp(value, "true") == 0;
    return size * n;
}

/* Appends one header line; on failure the list is freed and stays NULL. */
static void add_header(struct curl_slist **list, bool *ok, const char *name, const char *value)
{
    char line[512];
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);
    struct curl_slist *more = NULL;
    if (len > 0 && (size_t)len < sizeof(line))
        more = curl_slist_append(*list, line);
    bytes_wipe(line, sizeof(line)); /* may hold a token */
    if (more == NULL)
        *ok = false;
    else
        *list = more;
}

static struct curl_slist *headers_of(const struct http_call *call)
{
    struct curl_slist *list = NULL;
    bool ok = true;
    char text[256];
    if (call->token != NULL) {
        (void)snprintf(text, sizeof(text), "Bearer %s", call->token);
        add_header(&list, &ok, "Authorization", text);
    }
    if (call->key != NULL)
        add_header(&list, &ok, "Idempotency-Key", call->key);
    if (call->acting_as != NULL)
        add_header(&list, &ok, "Cairn-Acting-As", call->acting_as);
    if (call->if_match > 0) {
        (void)snprintf(text, sizeof(text), "\"v%lld\"", (long long)call->if_match);
        add_header(&list, &ok, "If-Match", text);
    }
    if (call->body != NULL)
        add_header(&list, &ok, "Content-Type",
                   call->octets ? "application/octet-stream" : "application/json");
    if (ok) { /* no "Expect: 100-continue": it would cost a round trip on every upload */
        struct curl_slist *more = curl_slist_append(list, "Expect:");
        ok = more != NULL;
        list = ok ? more : list;
    }
    bytes_wipe(text, sizeof(text));
    if (ok)
        return list;
    curl_slist_free_all(list);
    return NULL;
}

static void set_options(struct http_client *h, const struct http_call *call, const char *url,
                        struct curl_slist *headers, struct attempt *a)
{
    CURL *e = h->easy;
    curl_easy_reset(e); /* keeps the connection */
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(e, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(e, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1");
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS,
                     (long)(call->timeout_ms > 0 ? call->timeout_ms : TIMEOUT_MS));
    curl_easy_setopt(e, CURLOPT_ERRORBUFFER, h->error);
    curl_easy_setopt(e, CURLOPT_USERAGENT, "cairn/1");
    curl_easy_setopt(e, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, a);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, a);
    if (call->body != NULL) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body);
    }
    if (strcmp(call->method, "GET") != 0)
        curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
}

static void try_once(struct http_client *h, const struct http_call *call, const char *url,
                     struct curl_slist *headers, struct attempt *a)
{
    buf_clear(&a->body);
    a->status = 0;
    a->retry_after_s = 0;
    a->replayed = false;
    h->error[0] = '\0';
    set_options(h, call, url, headers, a);
    a->curl = curl_easy_perform(h->easy);
    if (a->curl == CURLE_OK)
        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &a->status);
}

/* Losses after which the same request may be sent again under the same key. */
static bool worth_retrying(const struct attempt *a)
{
    switch (a->curl) {
    case CURLE_OK:
        return a->status == 503 || a->status == 429 || a->status == 502 || a->status == 504;
    case CURLE_COULDNT_CONNECT:
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
        return true;
    default:
        return false;
    }
}

/* Half of the delay is random, so that clients turned away together do not come back together. */
static unsigned pause_ms(const struct attempt *a, unsigned tries)
{
    unsigned ms = BACKOFF_MS << (tries < 6 ? tries : 6);
    if (ms > BACKOFF_MS_MAX)
        ms = BACKOFF_MS_MAX;
    uint8_t r;
    random_bytes(&r, 1);
    ms = ms / 2 + ms / 2 * r / 255;
    return a->retry_after_s * 1000 > ms ? a->retry_after_s * 1000 : ms;
}

void http_pause(unsigned ms)
{
    struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
    while (nanosleep(&t, &t) != 0)
        ;
}

/* Tries until there is an answer worth having or patience ends. */
static void persist(struct http_client *h, const struct http_call *call, const char *url,
                    struct curl_slist *headers, struct attempt *a)
{
    usec_t start = clock_monotonic();
    for (unsigned tries = 0;; tries++) {
        try_once(h, call, url, headers, a);
        if (!worth_retrying(a))
            return;
        unsigned allowed = h->patience_s;
        if (a->curl == CURLE_COULDNT_CONNECT && allowed == PATIENCE_S)
            allowed = REFUSED_S;
        unsigned ms = pause_ms(a, tries);
        if (clock_monotonic() - start + (usec_t)ms * 1000 > (usec_t)allowed * USEC_PER_SEC)
            return;
        http_pause(ms);
    }
}

static enum err err_from_code(const char *code)
{
    for (int e = 1; e < ERR_COUNT; e++)
        if (strcmp(err_code((enum err)e), code) == 0)
            return (enum err)e;
    return ERR_IO;
}

/* The first entry of "errors", if any, is the most precise. */
static enum err read_problem(const json_t *body, long status, struct problem *p)
{
    const char *code = json_string_value(json_object_get(body, "code"));
    const char *detail = json_string_value(json_object_get(body, "detail"));
    const char *title = json_string_value(json_object_get(body, "title"));
    const json_t *first = json_array_get(json_object_get(body, "errors"), 0);
    const char *pointer = json_string_value(json_object_get(first, "pointer"));
    const char *precise = json_string_value(json_object_get(first, "detail"));
    if (code == NULL)
        return problem_set(p, status >= 500 ? ERR_IO : ERR_INTERNAL, "",
                           "The server answered status %ld without a problem document.", status);
    enum err e = err_from_code(code);
    const char *text = precise != NULL ? precise : detail != NULL ? detail : title;
    if (text == NULL)
        text = err_text(e);
    if (e == ERR_IO) /* a code that this client is too old to know */
        return problem_set(p, status >= 500 ? ERR_IO : ERR_STATE, pointer, "%s (%s)", text, code);
    return problem_set(p, e, pointer, "%s", text);
}

static enum err judge(struct http_client *h, struct attempt *a, struct http_reply *ret,
                      struct problem *p)
{
    if (a->curl != CURLE_OK)
        return problem_set(p, ERR_IO, "", "%s does not answer: %s.", h->server,
                           h->error[0] != '\0' ? h->error : curl_easy_strerror(a->curl));
    json_t *json = NULL;
    if (a->body.len > 0 && (a->body.data[0] == '{' || a->body.data[0] == '['))
        if (json_read(buf_str(&a->body), a->body.len, &json, NULL) != OK)
            json = NULL;
    if (a->status < 200 || a->status > 299) {
        enum err e = read_problem(json, a->status, p);
        json_decref(json);
        return e;
    }
    *ret = (struct http_reply){
        .status = a->status, .body = a->body, .json = json, .replayed = a->replayed
    };
    buf_init(&a->body, HTTP_REPLY_MAX); /* moved into the reply */
    return OK;
}

enum err http_client_call(struct http_client *h, const struct http_call *call,
                          struct http_reply *ret, struct problem *p)
{
    char url[URL_MAX];
    int len = snprintf(url, sizeof(url), "%s%s", h->server, call->path);
    if (len < 0 || (size_t)len >= sizeof(url))
        return problem_set(p, ERR_HTTP_URI_TOO_LONG, "", "%s", err_text(ERR_HTTP_URI_TOO_LONG));
    struct curl_slist *headers = headers_of(call);
    if (headers == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    struct attempt a = { 0 };
    buf_init(&a.body, HTTP_REPLY_MAX);
    persist(h, call, url, headers, &a);
    enum err e = judge(h, &a, ret, p);
    buf_release_secret(&a.body);
    curl_slist_free_all(headers);
    return e;
}

void http_reply_release(struct http_reply *r)
{
    buf_release_secret(&r->body);
    json_decref(r->json);
    *r = (struct http_reply){ 0 };
}

enum err reply_fields(const json_t *reply, const struct field *fields, size_t n, struct problem *p)
{
    json_t *known = json_object();
    for (size_t i = 0; i < n && known != NULL; i++) {
        json_t *v = json_object_get(reply, fields[i].name);
        if (v != NULL && json_object_set(known, fields[i].name, v) != 0) {
            json_decref(known);
            known = NULL;
        }
    }
    if (known == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    struct problem why = { 0 };
    enum err e = fields_read(known, "", fields, n, &why);
    json_decref(known); /* the reply still holds the members */
    if (e == OK)
        return OK;
    return problem_set(p, ERR_IO, why.pointer, "The server's answer is not as documented: %.180s",
                       why.detail);
}
