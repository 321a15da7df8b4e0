#include "api/http/rate.h"

#include "server/crypto/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SETS 16384u
#define WAYS 4u
#define LOCKS 64u

struct bucket {
    uint64_t key;   /* 0 = empty */
    usec_t full_at; /* when the bucket will be full again, if nothing is taken */
};

struct rate {
    uint64_t secret[2];
    pthread_mutex_t locks[LOCKS];
    struct bucket buckets[SETS][WAYS];
};

enum err rate_new(struct rate **ret)
{
    struct rate *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return ERR_NO_MEMORY;
    random_bytes(r->secret, sizeof(r->secret));
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_init(&r->locks[i], NULL);
    *ret = r;
    return OK;
}

void rate_free(struct rate *r)
{
    if (r == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        (void)pthread_mutex_destroy(&r->locks[i]);
    free(r);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    return x ^ x >> 32;
}

/* Not a cryptographic hash: a collision only makes two clients share a bucket, and the secret keeps
 * anyone from choosing whose. */
static uint64_t hash(const struct rate *r, unsigned char kind, const void *key, size_t len)
{
    const unsigned char *at = key;
    uint64_t h = mix(r->secret[0] ^ kind ^ (uint64_t)len << 8);
    for (size_t i = 0; i < len; i += 8) {
        uint64_t word = 0;
        memcpy(&word, at + i, len - i < 8 ? len - i : 8);
        h = mix(h ^ mix(word ^ r->secret[1]));
    }
    return h != 0 ? h : 1;
}

/* The key's own place, or the one that is full or will be full first. */
static struct bucket *place(struct bucket *set, uint64_t key)
{
    struct bucket *oldest = &set[0];
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].key == key)
            return &set[i];
        if (set[i].full_at < oldest->full_at)
            oldest = &set[i];
    }
    *oldest = (struct bucket){ .key = key };
    return oldest;
}

void rate_take(struct rate *r, unsigned char kind, const void *key, size_t len,
               const struct rate_policy *policy, usec_t now, struct rate_state *ret)
{
    uint64_t h = hash(r, kind, key, len);
    size_t set = (size_t)(h % SETS);
    usec_t each = USEC_PER_SEC / policy->per_second;
    usec_t room = each * policy->burst;
    pthread_mutex_t *lock = &r->locks[set % LOCKS];
    (void)pthread_mutex_lock(lock);
    struct bucket *b = place(r->buckets[set], h);
    usec_t full_at = b->full_at > now ? b->full_at : now;
    bool allowed = full_at + each - now <= room;
    if (allowed)
        b->full_at = full_at = full_at + each;
    (void)pthread_mutex_unlock(lock);
    usec_t wait = allowed ? full_at - now : full_at + each - now - room;
    ret->allowed = allowed;
    ret->remaining = allowed ? (unsigned)((room - (full_at - now)) / each) : 0;
    ret->reset_s = (unsigned)((wait + USEC_PER_SEC - 1) / USEC_PER_SEC);
}

void rate_return(struct rate *r, unsigned char kind, const void *key, size_t len,
                 const struct rate_policy *policy)
{
    uint64_t h = hash(r, kind, key, len);
    size_t set = (size_t)(h % SETS);
    pthread_mutex_t *lock = &r->locks[set % LOCKS];
    (void)pthread_mutex_lock(lock);
    for (unsigned i = 0; i < WAYS; i++) {
        struct bucket *b = &r->buckets[set][i];
        if (b->key == h)
            b->full_at -= USEC_PER_SEC / policy->per_second;
    }
    (void)pthread_mutex_unlock(lock);
}
