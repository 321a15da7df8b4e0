/* The operations that a member may ask of another one for its people (docs/members.md), and how one
 * of them is run inside another request: at /v1/members/{member}/{path...} for the member itself,
 * at /peer/v1/forward/{path...} for the people of other members. One table, both ways. */
#ifndef CAIRN_API_FORWARD_H
#define CAIRN_API_FORWARD_H

#include "api/http/http.h"

#define FORWARD_PATH_MAX 256

struct forward {
    const struct route *route;           /* the operation's own row of api_routes */
    char path[FORWARD_PATH_MAX + 8];     /* "/v1/..." */
    char segments[FORWARD_PATH_MAX + 8]; /* what params point into */
    const char *params[PATH_PARAMS_MAX];
};

/* Which operation a path behind "/v1/" is, for a request of its method and body. ERR_ROUTE_UNKNOWN
 * for whatever is not in the table, ERR_QUERY for parameters that the operation does not take,
 * ERR_BODY_TOO_LARGE beyond its own limit. */
enum err forward_find(struct request *r, const char *path, struct forward *ret) MUST_USE;
/* The caller may call it: ERR_ROLE. */
enum err forward_role(const struct request *r, const struct forward *f) MUST_USE;
/* Runs it in place of the request's own route, for the caller of the request, and ends in a reply.
 */
void forward_run(struct request *r, const struct forward *f);

#endif
