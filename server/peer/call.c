#include "server/peer/call.h"

#include "server/ledger/io/peers_request.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define CONNECT_MS 2000L
#define HEAD_MAX 16384u /* of an answer */
#define URL_MAX (MEMBER_ENDPOINT_MAX + 2048 + 2)

struct calls {
    struct peers *peers;
    pthread_mutex_t lock;
    size_t n;
    CURL *kept[CALLS_KEPT];
};

enum err calls_open(struct peers *p, struct calls **ret)
{
    struct calls *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->peers = p;
    (void)pthread_mutex_init(&c->lock, NULL);
    *ret = c;
    return OK;
}

void calls_close(struct calls *c)
{
    if (c == NULL)
        return;
    while (c->n > 0)
        curl_easy_cleanup(c->kept[--c->n]);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static CURL *take_easy(struct calls *c)
{
    (void)pthread_mutex_lock(&c->lock);
    CURL *e = c->n > 0 ? c->kept[--c->n] : NULL;
    (void)pthread_mutex_unlock(&c->lock);
    return e != NULL ? e : curl_easy_init();
}

static void give_easy(struct calls *c, CURL *e)
{
    curl_easy_reset(e); /* keeps the connection; forgets pointers into the caller's memory */
    (void)pthread_mutex_lock(&c->lock);
    bool keep = c->n < CALLS_KEPT;
    if (keep)
        c->kept[c->n++] = e;
    (void)pthread_mutex_unlock(&c->lock);
    if (!keep)
        curl_easy_cleanup(e);
}

/* ---- the answer ------------------------------------------------------------------------ */

struct incoming {
    struct call_answer *answer;
    size_t head;
};

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    const struct incoming *in = arg;
    return buf_add(&in->answer->body, bytes, size * n) == OK ? size * n : 0;
}

static void clear_headers(struct call_answer *a)
{
    for (size_t i = 0; i < a->headers_n; i++)
        a->headers[i].value[0] = '\0';
}

static void keep_header(struct call_header *h, const char *line, size_t len)
{
    size_t name = strlen(h->name);
    if (len <= name || strncasecmp(line, h->name, name) != 0 || line[name] != ':')
        return;
    const char *from = line + name + 1, *end = line + len;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && strchr("\r\n \t", end[-1]) != NULL)
        end--;
    size_t value = (size_t)(end - from);
    if (value >= h->size)
        return;
    memcpy(h->value, from, value);
    h->value[value] = '\0';
}

static size_t take_header(char *bytes, size_t size, size_t n, void *arg)
{
    struct incoming *in = arg;
    size_t len = size * n;
    in->head += len;
    if (in->head > HEAD_MAX)
        return 0;
    if (len >= 5 && memcmp(bytes, "HTTP/", 5) == 0)
        clear_headers(in->answer); /* what an interim answer said does not count */
    for (size_t i = 0; i < in->answer->headers_n; i++)
        keep_header(&in->answer->headers[i], bytes, len);
    return len;
}

/* ---- the call -------------------------------------------------------------------------- */

static bool url_of(struct calls *c, const struct call *call, char ret[URL_MAX], bool *ret_known)
{
    char endpoint[MEMBER_ENDPOINT_MAX + 1];
    *ret_known = peers_endpoint(c->peers, call->to, endpoint) && endpoint[0] != '\0';
    if (!*ret_known)
        return false;
    int len = snprintf(ret, URL_MAX, "%s%s%s%s", endpoint, call->path,
                       call->query != NULL ? "?" : "", call->query != NULL ? call->query : "");
    return len > 0 && len < URL_MAX;
}

static void set_options(struct calls *c, CURL *e, const struct call *call, const char *url,
                        struct curl_slist *headers, struct incoming *in)
{
    peers_request_setup(e, peers_ca_file(c->peers));
    curl_easy_setopt(e, CURLOPT_URL, url);
    curl_easy_setopt(e, CURLOPT_PATH_AS_IS, 1L); /* as it was signed */
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)call->timeout_ms);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, in);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, in);
    if (call->type != NULL) {
        curl_easy_setopt(e, CURLOPT_POSTFIELDS, call->body_len > 0 ? call->body : "");
        curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    }
    curl_easy_setopt(e, CURLOPT_CUSTOMREQUEST, call->method);
}

/* libcurl sends a request again by itself when a kept connection turns out to be closed. If the
 * first one was taken after all, the answer to the second says nothing about what became of it. */
static bool sent_twice(const struct call_answer *a)
{
    return a->status == err_status(ERR_PEER_REPLAYED) &&
           strstr(buf_str(&a->body), err_code(ERR_PEER_REPLAYED)) != NULL;
}

static enum err perform(struct calls *c, CURL *e, const struct call *call, const char *url,
                        struct call_answer *ret)
{
    const struct peers_request r = { .method = call->method,
                                     .path = call->path,
                                     .query = call->query,
                                     .type = call->type,
                                     .body = call->body,
                                     .body_len = call->body_len,
                                     .on_behalf_of = call->on_behalf_of,
                                     .idempotency_key = call->idempotency_key,
                                     .if_match = call->if_match,
                                     .to = call->to };
    struct incoming in = { .answer = ret };
    long status = 0;
    struct curl_slist *headers = peers_request_headers(c->peers, &r, call->now);
    if (headers == NULL) {
        give_easy(c, e);
        return ERR_NO_MEMORY;
    }
    set_options(c, e, call, url, headers, &in);
    CURLcode code = curl_easy_perform(e);
    (void)curl_easy_getinfo(e, CURLINFO_RESPONSE_CODE, &status);
    give_easy(c, e);
    curl_slist_free_all(headers);
    ret->status = (int)status;
    return code == CURLE_OK && !sent_twice(ret) ? OK : ERR_MEMBER_DOWN;
}

enum err calls_make(struct calls *c, const struct call *call, struct call_answer *ret)
{
    char url[URL_MAX];
    bool known = false;
    assert(call->timeout_ms > 0 && call->path[0] == '/');
    clear_headers(ret);
    buf_clear(&ret->body);
    ret->status = 0;
    if (!url_of(c, call, url, &known))
        return known ? ERR_LIMIT : ERR_MEMBER_UNKNOWN;
    CURL *e = take_easy(c);
    if (e == NULL)
        return ERR_NO_MEMORY;
    return perform(c, e, call, url, ret);
}
