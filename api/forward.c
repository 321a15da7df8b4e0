#include "api/forward.h"

#include "api/http/query.h"

#include <stdio.h>
#include <string.h>

#define SEGMENTS_MAX 6

/* By operationId. What moves a sponsor's money stays at the sponsor's home, which is the bounty's.
 */
static const char *const operations[] = {
    "getBounty",          "openSubmission",   "putSubmissionContent", "submitSubmission",
    "withdrawSubmission", "listSubmissions",  "getSubmission",        "listReviews",
    "getReview",          "getReviewContent", "commitVerdict",        "revealVerdict",
    "listReceipts",       "getReceipt",
};

static bool listed(const char *operation)
{
    for (size_t i = 0; i < COUNT(operations); i++)
        if (strcmp(operations[i], operation) == 0)
            return true;
    return false;
}

/* Cuts "/v1/a/b" in place into its segments; 0 if there is an empty one or too many. */
static size_t cut(char *text, const char *ret[SEGMENTS_MAX])
{
    size_t n = 0;
    while (*text == '/') {
        *text++ = '\0';
        size_t len = strcspn(text, "/");
        if (len == 0 || n == SEGMENTS_MAX)
            return 0;
        ret[n++] = text;
        text += len;
    }
    return *text == '\0' ? n : 0;
}

static bool fits(const char *template, const char *const *segments, size_t n,
                 const char *ret[PATH_PARAMS_MAX])
{
    size_t params = 0, i = 0;
    for (; *template == '/' && i < n; i++) {
        size_t len = strcspn(++template, "/");
        if (template[0] == '{' && params < PATH_PARAMS_MAX)
            ret[params++] = segments[i];
        else if (strlen(segments[i]) != len || memcmp(template, segments[i], len) != 0)
            return false;
        template += len;
    }
    return *template == '\0' && i == n;
}

/* The outer route takes what any of the operations takes; this one may take less. */
static enum err check_query(struct request *r, const struct route *inner)
{
    char names[128];
    (void)snprintf(names, sizeof(names), "%s", r->route->query != NULL ? r->route->query : "");
    char *rest = names;
    for (char *name; (name = strsep(&rest, " ")) != NULL;)
        if (req_query(r, name) != NULL &&
            !query_named(inner->query != NULL ? inner->query : "", name))
            return problem_set(&r->problem, ERR_QUERY, "",
                               "The query parameter %s is not known here.", name);
    return OK;
}

enum err forward_find(struct request *r, const char *path, struct forward *ret)
{
    const char *segments[SEGMENTS_MAX];
    struct forward f = { 0 };
    int len = snprintf(f.path, sizeof(f.path), "/v1/%s", path);
    if (len < 0 || (size_t)len >= sizeof(f.path))
        return ERR_ROUTE_UNKNOWN;
    memcpy(ret->segments, f.path, sizeof(f.path));
    size_t n = cut(ret->segments, segments);
    for (size_t i = 0; i < api_routes_n && f.route == NULL; i++) {
        const struct route *route = &api_routes[i];
        if (route->method == r->route->method && listed(route->operation) &&
            fits(route->template, segments, n, f.params))
            f.route = route;
    }
    if (f.route == NULL)
        return ERR_ROUTE_UNKNOWN;
    ret->route = f.route;
    memcpy(ret->path, f.path, sizeof(ret->path));
    memcpy(ret->params, f.params, sizeof(ret->params));
    if (r->body_len > f.route->body_max)
        return ERR_BODY_TOO_LARGE;
    return check_query(r, f.route);
}

enum err forward_role(const struct request *r, const struct forward *f)
{
    unsigned who = (unsigned)f->route->who;
    if (who == WHO_ANYONE)
        return OK;
    if (!r->signed_in)
        return ERR_MEMBER_ACCOUNT;
    return who == WHO_SIGNED_IN || (r->caller.roles & 1u << who) != 0 ? OK : ERR_ROLE;
}

/* The request is its old self again afterwards: the handler may have parked it, and then it comes
 * back from the top. */
void forward_run(struct request *r, const struct forward *f)
{
    const struct route *route = r->route;
    const char *path = r->path, *params[PATH_PARAMS_MAX];
    memcpy(params, r->path_params, sizeof(params));
    r->route = f->route;
    r->path = f->path;
    memcpy(r->path_params, f->params, sizeof(params));
    f->route->handler(r);
    r->route = route;
    r->path = path;
    memcpy(r->path_params, params, sizeof(params));
}
