/* One plain POST to a server outside of the federation, waited for: bounded, http and https alone,
 * no redirect is followed. What comes back is a stranger's. The connection is kept for the next
 * one. One thread per struct. */
#ifndef CAIRN_PEER_POST_H
#define CAIRN_PEER_POST_H

#include "server/base/buf.h"

#include <stdatomic.h>

struct poster;
enum err poster_new(struct poster **ret) MUST_USE;
void poster_free(struct poster *p); /* NULL is fine */

struct post {
    const char *url;
    const char *type; /* Content-Type */
    const void *body;
    size_t body_len;
    unsigned timeout_ms;        /* for all of it */
    const atomic_bool *abandon; /* once true, the call ends soon; may be NULL */
};
/* OK with whatever status came, and its body in *ret, which the caller has initialised with the
 * most that it may be. ERR_MEMBER_DOWN when no complete answer came or it was larger.
 * ERR_NO_MEMORY. */
enum err poster_send(struct poster *p, const struct post *post, int *ret_status,
                     struct buf *ret) MUST_USE;

#endif
