/* One signed HTTP call to another member, waited for: for worker threads, on behalf of people. The
 * signature is fresh for each call (docs/peers.md), so a retry is a new call; that it takes effect
 * once is the business of its Idempotency-Key. Connections are kept and used again. Thread-safe. */
#ifndef CAIRN_PEER_CALL_H
#define CAIRN_PEER_CALL_H

#include "server/ledger/io/peers.h"

#define CALLS_KEPT 16 /* connections that wait for the next call */

struct calls;
/* p must outlive it. */
enum err calls_open(struct peers *p, struct calls **ret) MUST_USE;
void calls_close(struct calls *c); /* no call is under way */

/* Text is borrowed; NULL leaves a header out. */
struct call {
    uint16_t to;
    const char *method, *path;
    const char *query; /* without the question mark; NULL: none */
    const char *type;  /* Content-Type; NULL: no body */
    const void *body;
    size_t body_len;
    const char *on_behalf_of, *idempotency_key, *if_match;
    unsigned timeout_ms; /* for all of it; at least 1 */
    int64_t now;         /* seconds since 1970, for the signature */
};

struct call_header {
    const char *name; /* any case */
    char *value;      /* "" when it is not there or does not fit */
    size_t size;
};

struct call_answer {
    int status;
    struct call_header *headers; /* which to keep, set by the caller; may be NULL */
    size_t headers_n;
    struct buf body; /* initialised by the caller with its maximum */
};
/* OK with whatever status the other side answered. ERR_MEMBER_UNKNOWN when there is no such member;
 * ERR_MEMBER_DOWN when no complete answer came (also when it was larger than body.max): whether the
 * call took effect is then open. ERR_NO_MEMORY: it was not made. */
enum err calls_make(struct calls *c, const struct call *call, struct call_answer *ret) MUST_USE;

#endif
