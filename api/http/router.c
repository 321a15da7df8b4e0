#include "api/http/router.h"

#include "api/http/query.h"
#include "server/base/log.h"

#include <stdlib.h>
#include <string.h>

enum kind { LITERAL, PARAM, REST }; /* in order of preference */

struct segment {
    enum kind kind;
    const char *text;
    size_t len;
};

struct compiled {
    const struct route *route;
    unsigned n;
    struct segment segments[ROUTER_SEGMENTS_MAX];
};

struct router {
    size_t n;
    struct compiled rows[];
};

/* The segments of a path: "/a/b/" has the three segments "a", "b" and "". */
struct cut {
    unsigned n;
    bool more; /* there are segments beyond the last one kept */
    const char *at[ROUTER_SEGMENTS_MAX];
    size_t len[ROUTER_SEGMENTS_MAX];
};

static void cut_path(const char *path, struct cut *ret)
{
    ret->n = 0;
    ret->more = false;
    while (*path == '/') {
        size_t len = strcspn(++path, "/");
        if (ret->n == ROUTER_SEGMENTS_MAX) {
            ret->more = true;
            return;
        }
        ret->at[ret->n] = path;
        ret->len[ret->n++] = len;
        path += len;
    }
}

static bool compile_segment(const char *text, size_t len, struct segment *ret)
{
    *ret = (struct segment){ .kind = LITERAL, .text = text, .len = len };
    if (len == 0)
        return false;
    if (text[0] != '{')
        return memchr(text, '{', len) == NULL && memchr(text, '}', len) == NULL;
    if (len < 3 || text[len - 1] != '}')
        return false;
    bool rest = len > 5 && memcmp(text + len - 4, "...}", 4) == 0;
    ret->kind = rest ? REST : PARAM;
    return true;
}

/* Nobody checks tokens, and nobody parses JSON, on the listener's threads; nobody checks tokens
 * without a database. */
static bool needs_fit(const struct route *route)
{
    bool plain = route->who == WHO_ANYONE, peer = route->who == WHO_PEER;
    bool frames = peer && route->body == BODY_FRAMES;
    if (route->inline_ok && !frames && (!plain || route->body != BODY_NONE))
        return false;
    if (route->no_db && !plain && !peer)
        return false;
    return route->body != BODY_FRAMES || frames;
}

static bool compile(const struct route *route, struct compiled *ret)
{
    struct cut cut;
    unsigned params = 0;
    cut_path(route->template, &cut);
    if (route->template[0] != '/' || cut.more || cut.n == 0)
        return false;
    *ret = (struct compiled){ .route = route, .n = cut.n };
    for (unsigned i = 0; i < cut.n; i++) {
        if (!compile_segment(cut.at[i], cut.len[i], &ret->segments[i]))
            return false;
        params += ret->segments[i].kind != LITERAL;
        if (ret->segments[i].kind == REST && i + 1 != cut.n)
            return false;
    }
    if (params > PATH_PARAMS_MAX || route->handler == NULL || route->deadline_ms == 0)
        return false;
    if (!needs_fit(route))
        return false;
    return (route->body == BODY_NONE) == (route->body_max == 0);
}

static int compare(const void *a, const void *b)
{
    const struct compiled *x = a, *y = b;
    for (unsigned i = 0; i < x->n && i < y->n; i++)
        if (x->segments[i].kind != y->segments[i].kind)
            return x->segments[i].kind < y->segments[i].kind ? -1 : 1;
    if (x->n != y->n)
        return x->n < y->n ? -1 : 1;
    return strcmp(x->route->template, y->route->template);
}

static bool is_double(const struct router *r, const struct compiled *c)
{
    for (size_t i = 0; i < r->n; i++)
        if (r->rows[i].route->method == c->route->method &&
            strcmp(r->rows[i].route->template, c->route->template) == 0)
            return true;
    return false;
}

enum err router_new(const struct route *routes, size_t n, struct router **ret)
{
    struct router *r = calloc(1, sizeof(*r) + n * sizeof(r->rows[0]));
    if (r == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < n; i++) {
        struct compiled c;
        if (!compile(&routes[i], &c) || is_double(r, &c)) {
            log_bug("the route %s is malformed or double", routes[i].template);
            free(r);
            return ERR_INTERNAL;
        }
        r->rows[r->n++] = c;
    }
    qsort(r->rows, r->n, sizeof(r->rows[0]), compare);
    *ret = r;
    return OK;
}

void router_free(struct router *r)
{
    free(r);
}

static bool fits(const struct compiled *c, const struct cut *cut)
{
    bool rest = c->segments[c->n - 1].kind == REST;
    if (rest ? cut->n < c->n : (cut->n != c->n || cut->more))
        return false;
    for (unsigned i = 0; i < c->n; i++) {
        const struct segment *s = &c->segments[i];
        if (cut->len[i] == 0)
            return false;
        if (s->kind == LITERAL &&
            (s->len != cut->len[i] || memcmp(s->text, cut->at[i], s->len) != 0))
            return false;
    }
    return true;
}

static bool take_params(const struct compiled *c, const struct cut *cut, char *scratch,
                        struct match *ret)
{
    unsigned n = 0;
    for (unsigned i = 0; i < c->n; i++) {
        if (c->segments[i].kind == LITERAL)
            continue;
        size_t len = c->segments[i].kind == REST ? strlen(cut->at[i]) : cut->len[i];
        if (!percent_decode(cut->at[i], len, false, scratch))
            return false;
        ret->params[n++] = scratch;
        scratch += strlen(scratch) + 1;
    }
    return true;
}

void router_match(const struct router *r, enum method method, const char *path, char *scratch,
                  struct match *ret)
{
    struct cut cut;
    *ret = (struct match){ 0 };
    cut_path(path, &cut);
    for (size_t i = 0; i < r->n; i++) {
        const struct compiled *c = &r->rows[i];
        if (!fits(c, &cut))
            continue;
        ret->allow |= 1u << c->route->method;
        if (ret->route != NULL || c->route->method != method)
            continue;
        if (!take_params(c, &cut, scratch, ret)) {
            *ret = (struct match){ 0 };
            return;
        }
        ret->route = c->route;
    }
}
