#include "api/http/edge.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* A string that grows inside a fixed buffer; what does not fit is left out, and the caller's
 * buffers are sized so that everything fits. */
struct text {
    char *at;
    size_t len, size;
};

PRINTF(2, 3) static void add(struct text *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(t->at + t->len, t->size - t->len, fmt, args);
    va_end(args);
    if (n > 0)
        t->len += (size_t)n < t->size - t->len ? (size_t)n : t->size - t->len - 1;
}

/* Pointers and details may quote a client's keys, cut anywhere: only printable ASCII goes out, so
 * that the reply is always valid JSON and UTF-8. */
static void add_string(struct text *t, const char *text)
{
    add(t, "\"");
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            add(t, "\\%c", c);
        else
            add(t, "%c", c >= 0x20 && c < 0x7f ? c : '?');
    }
    add(t, "\"");
}

size_t problem_json(enum err e, const struct problem *p, const char *request, char *ret,
                    size_t size)
{
    struct text t = { .at = ret, .size = size };
    assert(request != NULL);
    bool known = p != NULL && p->code == e && p->detail[0] != '\0';
    ret[0] = '\0';
    add(&t, "{\"type\":\"https://cairn.invalid/problems/%s\",\"title\":", err_code(e));
    add_string(&t, err_text(e));
    add(&t, ",\"status\":%d,\"code\":\"%s\",\"detail\":", err_status(e), err_code(e));
    add_string(&t, known ? p->detail : err_text(e));
    add(&t, ",\"instance\":");
    add_string(&t, request);
    if (known && p->pointer[0] != '\0') {
        add(&t, ",\"errors\":[{\"pointer\":");
        add_string(&t, p->pointer);
        add(&t, ",\"detail\":");
        add_string(&t, p->detail);
        add(&t, "}]");
    }
    add(&t, "}");
    return t.len;
}

static void fail_headers(struct job *j, enum err e)
{
    char text[64];
    if (err_status(e) == 401)
        reply_header(&j->r, "WWW-Authenticate", "Bearer");
    if (err_status(e) == 503) {
        reply_header(&j->r, "Retry-After", "1");
    } else if (err_status(e) == 429) {
        const struct rate_state *s = j->by_ip.allowed ? &j->by_token : &j->by_ip;
        (void)snprintf(text, sizeof(text), "%u", s->reset_s > 0 ? s->reset_s : 1);
        reply_header(&j->r, "Retry-After", text);
    }
    if (e == ERR_METHOD) {
        (void)snprintf(text, sizeof(text), "%s%s%s%sOPTIONS",
                       (j->allow & 1u << M_GET) != 0 ? "GET, HEAD, " : "",
                       (j->allow & 1u << M_POST) != 0 ? "POST, " : "",
                       (j->allow & 1u << M_PUT) != 0 ? "PUT, " : "",
                       (j->allow & 1u << M_DELETE) != 0 ? "DELETE, " : "");
        reply_header(&j->r, "Allow", text);
    }
}

void api_fail(struct request *r, enum err e)
{
    struct job *j = job_of(r);
    if (e == OK || e >= ERR_COUNT)
        e = ERR_INTERNAL;
    /* 256 + 128 bytes of a problem, each perhaps escaped, twice, beside some 400 of frame. */
    char json[2048];
    size_t len = problem_json(e, &r->problem, r->id, json, sizeof(json));
    reply_reset(&j->reply);
    fail_headers(j, e);
    reply_text(r, err_status(e), "application/problem+json", json, len);
    j->reply.error = e;
    /* An OPTIONS request is answered with what the 405 would say, but as a success. */
    if (e == ERR_METHOD && j->options) {
        reply_reset(&j->reply);
        fail_headers(j, e);
        reply_empty(r, 204);
    }
}
