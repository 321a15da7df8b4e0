#include "server/peer/nonces.h"

#include "server/crypto/hash.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS (2 * NONCES_MAX)   /* at most half full, so that probing stays short */
#define MEMBERS (UINT16_MAX + 1) /* by number */

struct generation {
    uint32_t used;
    uint32_t share[MEMBERS];
    uint64_t slots[SLOTS]; /* 0 = empty */
};

struct nonces {
    usec_t since; /* of the newer generation */
    uint64_t secret;
    struct generation *newer, *older;
};

enum err nonces_new(struct nonces **ret)
{
    struct nonces *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return ERR_NO_MEMORY;
    n->newer = calloc(1, sizeof(*n->newer));
    n->older = calloc(1, sizeof(*n->older));
    if (n->newer == NULL || n->older == NULL) {
        nonces_free(n);
        return ERR_NO_MEMORY;
    }
    random_bytes(&n->secret, sizeof(n->secret));
    *ret = n;
    return OK;
}

void nonces_free(struct nonces *n)
{
    if (n == NULL)
        return;
    free(n->newer);
    free(n->older);
    free(n);
}

/* Which slot a nonce takes must not be for its maker to choose, or it could make long probes. */
static uint64_t key_of(const struct nonces *n, uint16_t member, uint64_t nonce)
{
    uint64_t words[3] = { n->secret, member, nonce };
    uint8_t hash[HASH_BYTES];
    uint64_t key = 0;
    blake2b_256(words, sizeof(words), NULL, 0, hash);
    memcpy(&key, hash, sizeof(key));
    return key != 0 ? key : 1;
}

/* The slot that holds the key, or the empty one where it belongs. */
static uint64_t *slot_of(struct generation *g, uint64_t key)
{
    size_t at = (size_t)(key % SLOTS);
    while (g->slots[at] != 0 && g->slots[at] != key)
        at = (at + 1) % SLOTS;
    return &g->slots[at];
}

static void turn(struct nonces *n, usec_t now)
{
    if (now - n->since < NONCES_PERIOD)
        return;
    bool both = now - n->since >= 2 * NONCES_PERIOD;
    struct generation *g = n->older;
    n->older = n->newer;
    n->newer = g;
    memset(n->newer, 0, sizeof(*n->newer));
    if (both)
        memset(n->older, 0, sizeof(*n->older));
    n->since = now;
}

enum err nonces_take(struct nonces *n, uint16_t member, uint64_t nonce, usec_t monotonic)
{
    turn(n, monotonic);
    uint64_t key = key_of(n, member, nonce);
    uint64_t *slot = slot_of(n->newer, key);
    if (*slot == key || *slot_of(n->older, key) == key)
        return ERR_PEER_REPLAYED;
    if (n->newer->used == NONCES_MAX || n->newer->share[member] == NONCES_SHARE)
        return ERR_BUSY;
    *slot = key;
    n->newer->used++;
    n->newer->share[member]++;
    return OK;
}

bool nonces_fresh(int64_t created, int64_t expires, int64_t now)
{
    return now >= created - NONCES_SKEW_S && now <= expires + NONCES_SKEW_S;
}
