#include "api/http/edge.h"
#include "api/http/head_field.h"
#include "server/base/log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

void reply_clear(struct reply *r)
{
    if (r->body != NULL)
        bytes_wipe(r->body, r->len); /* may be what one person alone may read */
    free(r->body);
    if (r->fd >= 0)
        (void)close(r->fd);
    r->body = NULL;
    r->fd = -1;
}

void reply_reset(struct reply *r)
{
    reply_clear(r);
    r->status = 0;
    r->error = OK;
    r->len = 0;
    r->fd_size = 0;
    r->n = 0;
    r->text_len = 0;
}

/* ---- what handlers call --------------------------------------------------------------- */

static bool header_valid(const char *name, const char *value)
{
    for (const char *c = name; *c != '\0'; c++)
        if (!head_tchar((unsigned char)*c))
            return false;
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || (unsigned char)*c >= 0x7f)
            return false;
    return name[0] != '\0';
}

static const char *keep(struct reply *r, const char *text)
{
    size_t len = strlen(text) + 1;
    if (len > sizeof(r->text) - r->text_len)
        return NULL;
    char *at = r->text + r->text_len;
    memcpy(at, text, len);
    r->text_len += len;
    return at;
}

static const char *header_get(const struct reply *r, const char *name)
{
    for (unsigned i = 0; i < r->n; i++)
        if (strcasecmp(r->names[i], name) == 0)
            return r->values[i];
    return NULL;
}

void reply_header(struct request *request, const char *name, const char *value)
{
    struct reply *r = &job_of(request)->reply;
    unsigned at = 0;
    while (at < r->n && strcasecmp(r->names[at], name) != 0)
        at++;
    const char *value_kept = header_valid(name, value) ? keep(r, value) : NULL;
    const char *name_kept = value_kept != NULL ? keep(r, name) : NULL;
    if (name_kept == NULL || at == REPLY_HEADERS_MAX) {
        log_bug("the header %s of a reply was left out: malformed, or no room", name);
        return;
    }
    r->names[at] = name_kept;
    r->values[at] = value_kept;
    if (at == r->n)
        r->n++;
}

/* True if the caller may now set the body; a second reply is our bug, the first one stands. */
static bool begin(struct request *request, int status)
{
    struct job *j = job_of(request);
    assert(status >= 200 && status <= 599);
    if (j->reply.status != 0) {
        log_bug("%s replied twice", request->route != NULL ? request->route->operation : "?");
        return false;
    }
    j->reply.status = status;
    return true;
}

/* len bytes that the caller fills. Without memory the reply becomes a bare status: a problem
 * document would need memory too. */
static char *body_room(struct request *request, size_t len)
{
    struct reply *r = &job_of(request)->reply;
    if (len <= REPLY_BODY_MAX)
        r->body = malloc(len + 1);
    else
        log_bug("a reply of %zu bytes is too large to send", len);
    if (r->body == NULL) {
        r->error = len <= REPLY_BODY_MAX ? ERR_NO_MEMORY : ERR_INTERNAL;
        r->status = err_status(r->error);
        return NULL;
    }
    r->len = len;
    return r->body;
}

void reply_text(struct request *request, int status, const char *type, const void *bytes,
                size_t len)
{
    if (!begin(request, status))
        return;
    char *body = body_room(request, len);
    if (body == NULL)
        return;
    if (len > 0)
        memcpy(body, bytes, len);
    reply_header(request, "Content-Type", type);
}

void reply_json(struct request *request, int status, const char *json, size_t len)
{
    reply_text(request, status, "application/json", json, len);
}

void reply_json_take(struct request *request, int status, struct buf *body)
{
    if (!begin(request, status))
        return;
    struct reply *r = &job_of(request)->reply;
    r->body = (char *)body->data;
    r->len = body->len;
    buf_init(body, body->max);
    reply_header(request, "Content-Type", "application/json");
}

void reply_value(struct request *request, int status, json_t *value)
{
    if (value == NULL) {
        api_fail(request, ERR_NO_MEMORY);
        return;
    }
    if (begin(request, status)) {
        size_t len = json_dumpb(value, NULL, 0, JSON_COMPACT);
        char *body = body_room(request, len);
        if (body != NULL) {
            (void)json_dumpb(value, body, len, JSON_COMPACT);
            reply_header(request, "Content-Type", "application/json");
        }
    }
    json_decref(value);
}

void reply_file(struct request *request, int status, const char *type, const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        enum err e = fd < 0 && errno == ENOENT ? ERR_NOT_FOUND : ERR_INTERNAL;
        if (e != ERR_NOT_FOUND)
            log_error("file", "a file to be served could not be opened: %s", strerror(errno));
        if (fd >= 0)
            (void)close(fd);
        api_fail(request, e);
        return;
    }
    if (!begin(request, status)) {
        (void)close(fd);
        return;
    }
    struct reply *r = &job_of(request)->reply;
    r->fd = fd;
    r->fd_size = (uint64_t)st.st_size;
    reply_header(request, "Content-Type", type);
}

void reply_empty(struct request *request, int status)
{
    (void)begin(request, status);
}

void reply_etag_version(struct request *request, int64_t version)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "\"v%lld\"", (long long)version);
    reply_header(request, "ETag", text);
}

void reply_answer(struct request *request, const struct answer *a)
{
    if (a->replayed)
        reply_header(request, "Idempotency-Replayed", "true");
    if (a->body_len > 0)
        reply_json(request, a->status, a->body, a->body_len);
    else
        reply_empty(request, a->status);
}

/* ---- sending -------------------------------------------------------------------------- */

/* RFC 9110 13.1.2: weak comparison of our tag with each of the list. */
static bool none_match(const char *list, const char *tag)
{
    size_t len = strlen(tag);
    while (*list != '\0') {
        list += strspn(list, " \t,");
        if (list[0] == '*')
            return true;
        if (strncmp(list, "W/", 2) == 0)
            list += 2;
        if (strncmp(list, tag, len) == 0 &&
            (list[len] == '\0' || strchr(" \t,", list[len]) != NULL))
            return true;
        list += strcspn(list, ",");
    }
    return false;
}

static void check_unchanged(struct job *j)
{
    const char *tag = header_get(&j->reply, "ETag");
    if (tag == NULL || j->reply.status != 200 || j->r.route == NULL || j->r.route->method != M_GET)
        return;
    const char *list = req_header(&j->r, "If-None-Match");
    if (list == NULL || !none_match(list, tag))
        return;
    j->reply.status =
        304; /* the body stays for its Content-Length (RFC 9110 15.4.5); it is not sent */
}

static void default_header(struct job *j, const char *name, const char *value)
{
    if (header_get(&j->reply, name) == NULL)
        reply_header(&j->r, name, value);
}

/* draft-ietf-httpapi-ratelimit-headers: the quota, its window, what remains. */
static void rate_headers(struct job *j)
{
    const char *policy = j->l->policy_text[j->conn->local][j->has_token];
    char text[96];
    if (j->r.peer != 0)
        policy = j->l->policy_text_peer;
    int n = snprintf(text, sizeof(text), "\"%s\";r=%u;t=%u", j->r.peer != 0 ? "member" : "ip",
                     j->by_ip.remaining, j->by_ip.reset_s);
    if (j->has_token)
        (void)snprintf(text + n, sizeof(text) - (size_t)n, ", \"token\";r=%u;t=%u",
                       j->by_token.remaining, j->by_token.reset_s);
    reply_header(&j->r, "RateLimit-Policy", policy);
    reply_header(&j->r, "RateLimit", text);
}

static void common_headers(struct job *j)
{
    check_unchanged(j);
    reply_header(&j->r, "X-Request-Id", j->r.id);
    reply_header(&j->r, "X-Content-Type-Options", "nosniff");
    default_header(j, "Cache-Control", "no-store");
    default_header(j, "Referrer-Policy", "no-referrer");
    rate_headers(j);
    if (j->traced)
        reply_header(&j->r, "traceparent", req_header(&j->r, "traceparent"));
    if (j->reply.close)
        reply_header(&j->r, "Connection", "close");
}

static struct MHD_Response *response_new(struct reply *r)
{
    if (r->fd < 0)
        return MHD_create_response_from_buffer(r->len, r->body, MHD_RESPMEM_PERSISTENT);
    struct MHD_Response *response = MHD_create_response_from_fd64(r->fd_size, r->fd);
    if (response != NULL)
        r->fd = -1; /* libmicrohttpd closes it */
    return response;
}

enum MHD_Result reply_send(struct job *j)
{
    struct reply *r = &j->reply;
    common_headers(j);
    struct MHD_Response *response = response_new(r);
    if (response == NULL)
        return MHD_NO;
    enum MHD_Result done = MHD_YES;
    for (unsigned i = 0; i < r->n && done == MHD_YES; i++)
        done = MHD_add_response_header(response, r->names[i], r->values[i]);
    usec_t grace = clock_monotonic() + REPLY_GRACE;
    conn_deadline(j->conn, PHASE_REPLY, j->deadline > grace ? j->deadline : grace);
    if (done == MHD_YES)
        done = MHD_queue_response(j->mhd, (unsigned)r->status, response);
    MHD_destroy_response(response);
    return done;
}

void reply_send_raw(struct job *j)
{
    struct reply *r = &j->reply;
    struct buf text;
    r->close = true;
    common_headers(j);
    buf_init(&text, 16384);
    enum err e = buf_addf(&text, "HTTP/1.1 %d %s\r\nContent-Length: %zu\r\n", r->status,
                          MHD_get_reason_phrase_for((unsigned)r->status), r->len);
    for (unsigned i = 0; i < r->n && e == OK; i++)
        e = buf_addf(&text, "%s: %s\r\n", r->names[i], r->values[i]);
    if (e == OK)
        e = buf_add(&text, "\r\n", 2);
    if (e == OK)
        e = buf_add(&text, r->body, r->len);
    guard_send(j->conn, buf_str(&text), e == OK ? text.len : 0);
    j->answered = true;
    buf_release(&text);
}
