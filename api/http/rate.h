/* Token buckets in a fixed table: one time stamp for each key (the generic cell rate algorithm), so
 * that memory is bounded whatever clients do; of four places a key may take, the fullest bucket
 * goes first, which carries the least information. Keys are hashed under a random secret.
 * Thread-safe. */
#ifndef CAIRN_API_HTTP_RATE_H
#define CAIRN_API_HTTP_RATE_H

#include "server/base/clock.h"

struct rate;

struct rate_policy {
    unsigned per_second;
    unsigned burst;
};

struct rate_state {
    bool allowed;
    unsigned remaining; /* requests that may follow at once */
    unsigned reset_s;   /* until the bucket is full again; if refused, until the next is allowed */
};

enum err rate_new(struct rate **ret) MUST_USE;
void rate_free(struct rate *r);
/* Takes one request out of the bucket of (kind, key). now is monotonic. */
void rate_take(struct rate *r, unsigned char kind, const void *key, size_t len,
               const struct rate_policy *policy, usec_t now, struct rate_state *ret);
/* Gives one back that rate_take took from the same bucket: the request has turned out to be paid
 * for in another way. */
void rate_return(struct rate *r, unsigned char kind, const void *key, size_t len,
                 const struct rate_policy *policy);

#endif
