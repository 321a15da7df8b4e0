/* The other members as the domain sees them: who they are, and one call to one of them. app.c wires
 * it to the ledger's member list and to the signed calls of server/peer; tests wire it to other
 * worlds of the same process. NULL in struct app while there is nobody else: then nothing here
 * happens at all (docs/members.md). Thread-safe. */
#ifndef CAIRN_PEERING_PEERING_H
#define CAIRN_PEERING_PEERING_H

#include "server/app.h"
#include "server/base/buf.h"
#include "server/base/id.h"

#include <stdatomic.h>

#define PEER_BODY_MAX ((size_t)12 << 20) /* of an answer; an envelope with its frame fits */
#define PEER_TEXT_MAX 256

/* A request to another member. Text is borrowed; NULL: the header is left out. */
struct peer_call {
    const char *method; /* GET, POST or PUT */
    const char *target; /* path and query */
    const char *content_type, *idempotency_key, *if_match;
    const char
        *on_behalf_of; /* account id; becomes Cairn-On-Behalf-Of and is part of what is signed */
    const void *body;
    size_t body_len;
    const char *body_file; /* instead of body: the file that holds it */
    usec_t deadline;       /* monotonic: when the answer is no longer wanted */
};

/* What it answered; a header that was not there is "". */
struct peer_answer {
    int status;
    char content_type[PEER_TEXT_MAX], etag[PEER_TEXT_MAX], retry_after[PEER_TEXT_MAX];
    char cache_control[PEER_TEXT_MAX], link[PEER_TEXT_MAX * 3], replayed[PEER_TEXT_MAX];
    struct buf body; /* the caller gives an empty one with its maximum, and releases it */
};

struct peering {
    /* The member key of a member of this number that is not us and has not left;
     * ERR_MEMBER_UNKNOWN. */
    enum err (*key)(const struct peering *p, uint16_t number, uint8_t ret[SIGN_PUBLIC_BYTES]);
    /* Whether there is anybody else now. */
    bool (*alone)(const struct peering *p);
    /* ERR_MEMBER_UNKNOWN; ERR_MEMBER_DOWN for everything that left the outcome open. */
    enum err (*call)(const struct peering *p, uint16_t number, const struct peer_call *c,
                     struct peer_answer *ret);
    void *arg;
    unsigned forwards_max; /* calls that requests of our people may have under way */
    atomic_uint forwards;  /* are under way */
    atomic_bool messages;  /* a transaction wrote a message: the courier is due */
    atomic_ullong refused; /* public entries of others that were invalid */
    atomic_ullong calls, failures, delivered;
};

/* No other member now. */
static inline bool peering_alone(const struct app *app)
{
    return app->peering == NULL || app->peering->alone(app->peering);
}

#endif
