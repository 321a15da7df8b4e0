#include "server/peer/post.h"

#include "server/ledger/io/peers_request.h"

#include <stdio.h>
#include <stdlib.h>

#define CONNECT_MS 3000L
#define HEAD_MAX 16384u

struct poster {
    CURL *easy;
};

enum err poster_new(struct poster **ret)
{
    struct poster *p = calloc(1, sizeof(*p));
    if (p == NULL)
        return ERR_NO_MEMORY;
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        p->easy = curl_easy_init();
    if (p->easy == NULL) {
        free(p);
        return ERR_NO_MEMORY;
    }
    *ret = p;
    return OK;
}

void poster_free(struct poster *p)
{
    if (p == NULL)
        return;
    curl_easy_cleanup(p->easy);
    free(p);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    return buf_add(arg, bytes, size * n) == OK ? size * n : 0;
}

/* Nothing in it is needed; there may be only so much of it. */
static size_t pass_header(const char *bytes, size_t size, size_t n, void *arg)
{
    size_t *seen = arg;
    (void)bytes;
    *seen += size * n;
    return *seen <= HEAD_MAX ? size * n : 0;
}

static int abandoned(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    const atomic_bool *abandon = arg;
    (void)a, (void)b, (void)c, (void)d;
    return abandon != NULL && atomic_load(abandon);
}

static void set_options(CURL *e, const struct post *post, struct curl_slist *headers, size_t *head,
                        struct buf *body)
{
    peers_request_setup(e, NULL);
    curl_easy_setopt(e, CURLOPT_URL, post->url);
    curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
    curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, (long)post->timeout_ms);
    curl_easy_setopt(e, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(e, CURLOPT_POSTFIELDS, post->body_len > 0 ? post->body : "");
    curl_easy_setopt(e, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)post->body_len);
    curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(e, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, pass_header);
    curl_easy_setopt(e, CURLOPT_HEADERDATA, head);
    curl_easy_setopt(e, CURLOPT_XFERINFOFUNCTION, abandoned);
    curl_easy_setopt(e, CURLOPT_XFERINFODATA, post->abandon);
    curl_easy_setopt(e, CURLOPT_NOPROGRESS, 0L);
}

static struct curl_slist *headers_of(const struct post *post)
{
    char type[128];
    (void)snprintf(type, sizeof(type), "Content-Type: %s", post->type);
    struct curl_slist *list = curl_slist_append(NULL, type);
    /* No waiting for "100 Continue": it would cost a round trip. */
    struct curl_slist *more = list != NULL ? curl_slist_append(list, "Expect:") : NULL;
    if (more == NULL)
        curl_slist_free_all(list);
    return more;
}

enum err poster_send(struct poster *p, const struct post *post, int *ret_status, struct buf *ret)
{
    size_t head = 0;
    long status = 0;
    struct curl_slist *headers = headers_of(post);
    if (headers == NULL)
        return ERR_NO_MEMORY;
    buf_clear(ret);
    set_options(p->easy, post, headers, &head, ret);
    CURLcode code = curl_easy_perform(p->easy);
    (void)curl_easy_getinfo(p->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_reset(p->easy); /* keeps the connection; forgets pointers into the caller's memory */
    curl_slist_free_all(headers);
    *ret_status = (int)status;
    return code == CURLE_OK ? OK : ERR_MEMBER_DOWN;
}
