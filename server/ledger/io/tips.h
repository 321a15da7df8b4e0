/* Where a chain stands after a block: the state that the next block is checked against. All of it
 * follows from block bytes and batches alone. Owned by the ledger thread. */
#ifndef CAIRN_LEDGER_TIPS_H
#define CAIRN_LEDGER_TIPS_H

#include "server/base/clock.h"
#include "server/ledger/io/pool.h"

struct sequences { /* next outbox sequence per member, ascending member; absent = 1 */
    uint16_t n;
    struct {
        uint16_t member;
        uint64_t next;
    } at[MEMBERS_MAX];
};
uint64_t sequences_next(const struct sequences *s, uint16_t member);
/* False if there is no room for another member. */
bool sequences_set(struct sequences *s, uint16_t member, uint64_t next);

struct tip {
    uint32_t epoch; /* of the block; 0 before the first */
    bool ended;     /* the block, or one below it in its epoch, ends the epoch */
    uint64_t view, height, time;
    struct core_id id;
    struct merkle_tree tree;
    struct sequences next;
    struct wire_tip other; /* the other chain, as the block names it */
};

struct block_node { /* a block above the delivered tip */
    struct block_node *older;
    struct wire_proposal p; /* just points into bytes */
    uint8_t *bytes;         /* wire_proposal_print, owned */
    size_t len;
    bool logged;     /* its bytes are in the journal */
    bool stated;     /* after is filled */
    usec_t asked_at; /* when a missing batch was last asked for; 0: never */
    struct tip after;
};

/* Keeps a copy of the encoded proposal; its id must not be there yet. */
enum err node_add(struct block_node **list, const uint8_t *bytes, size_t len,
                  struct block_node **ret) MUST_USE;
struct block_node *node_find(struct block_node *list, const struct core_id *id);
/* Frees all at or below the height. */
void node_drop(struct block_node **list, uint64_t height);

/* Applies the block to the state of its parent. ERR_NOT_READY with *ret_missing (a reference) while
 * a batch is not here; ERR_LOG_INCONSISTENT if the block does not follow: sequences with a gap, a
 * root or a size that is not that of the entries. */
enum err tip_apply(const struct tip *parent, struct pool *pool, const struct wire_proposal *p,
                   struct tip *ret, const struct wire_batch_ref **ret_missing) MUST_USE;

#endif
