/* Batches of entries that wait to be ordered, of one chain: own and received. Owned by the ledger
 * thread; the driver's thread reads a batch between its delivery and consensus_delivered(). */
#ifndef CAIRN_LEDGER_POOL_H
#define CAIRN_LEDGER_POOL_H

#include "server/ledger/members/members.h"
#include "server/ledger/wire/wire.h"

#define POOL_BYTES_MAX (64u << 20)        /* of entries, all members together */
#define POOL_MEMBER_BYTES_MAX (16u << 20) /* of one origin */
#define POOL_EARLY_MAX 512                /* receipts that came before their batch */

struct batch {
    struct batch *next;
    struct wire_batch wire;       /* entries owned */
    struct merkle_hash *leaves;   /* one per entry */
    struct core_members receipts; /* validator indices that hold it durably */
};

struct pool {
    struct batch *first;
    size_t bytes, n;
    struct wire_receipt early[POOL_EARLY_MAX];
    size_t early_at;
};

void pool_init(struct pool *p);
void pool_release(struct pool *p);
struct batch *pool_find(struct pool *p, const uint8_t digest[HASH_BYTES]);
/* A batch of this origin that begins at this sequence and has at least this many receipts. */
struct batch *pool_next(struct pool *p, uint16_t member, uint64_t first, unsigned receipts);
/* Copies the batch and hashes its entries. ERR_BUSY when the pool or the origin's share is full. */
enum err pool_add(struct pool *p, const struct wire_batch *b, struct batch **ret) MUST_USE;
/* Frees all batches of the member that begin below next: ordered, or never to be. fn (may be NULL)
 * sees each before. */
void pool_drop(struct pool *p, uint16_t member, uint64_t next,
               void (*fn)(void *arg, const struct batch *b), void *arg);
void pool_remember_early(struct pool *p, const struct wire_receipt *r);

#endif
