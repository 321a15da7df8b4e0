/* Paths to routes. The table is cut into segments once; "{name}" takes one segment, "{path...}" the
 * rest (one or more segments). A literal segment wins over a parameter, a parameter over the rest.
 * Read-only after router_new, so any thread may match. */
#ifndef CAIRN_API_HTTP_ROUTER_H
#define CAIRN_API_HTTP_ROUTER_H

#include "api/http/http.h"

#define ROUTER_SEGMENTS_MAX 12

struct router;

struct match {
    const struct route *route; /* NULL: the path is unknown, or takes other methods only */
    unsigned allow;            /* bits 1u << enum method of what the path takes; 0 = unknown path */
    const char *params[PATH_PARAMS_MAX];
};

/* Refuses (ERR_INTERNAL, logged) templates that are malformed or double, and rows that contradict
 * themselves. The table must outlive the router. */
enum err router_new(const struct route *routes, size_t n, struct router **ret) MUST_USE;
void router_free(struct router *r);
/* path begins with "/" and has passed the head scanner. scratch receives the decoded parameters and
 * has strlen(path) + PATH_PARAMS_MAX bytes. */
void router_match(const struct router *r, enum method method, const char *path, char *scratch,
                  struct match *ret);

#endif
