/* Batches of entries and the receipts for them: own ones on their way out, those of others as they
 * come in. A receipt says "durable here", so it waits at the gate like every other frame. */
#include "server/ledger/io/consensus_internal.h"

#include <string.h>

/* Where f + 1 is two, whoever has the batch has two receipts, its origin's and its own. Then only
 * the origin needs ours, and only if it is its turn to propose; if the batch is not ordered in
 * time, it is said again, to all. */
static bool leads_soon(const struct instance *i, uint16_t member)
{
    int index = validator_index(&i->scope, member);
    uint64_t view = i->core->view;
    return index >= 0 && (core_leader(i->core, view) == (uint16_t)index ||
                          core_leader(i->core, view + 1) == (uint16_t)index);
}

/* The frame waits at the gate like every other, until the batch is durable. Without a receipt to
 * give the batch goes to the disk with the next record that must: at the latest the vote for its
 * block. */
void give_receipt(struct consensus *c, struct instance *i, struct batch *b, bool again)
{
    uint16_t origin = b->wire.ref.member;
    bool to_all = again || core_faults(i->scope.n) > 1 || validator_index(&i->scope, origin) < 0;
    struct wire_receipt r = { .chain = b->wire.chain, .ref = b->wire.ref, .signer = c->set.me };
    struct buf bytes;
    if (i->me == CORE_NOBODY)
        return;
    core_set_add(&b->receipts, i->me);
    if (!to_all && (origin == c->set.me || !leads_soon(i, origin)))
        return;
    c->must_sync = true;
    wire_receipt_sign(c->members.genesis, &c->keys.vote, &r);
    buf_init(&bytes, WIRE_RECEIPT_BYTES);
    if (wire_receipt_print(&r, &bytes) == OK)
        queue_frame(c, to_all ? PEERS_TO_ALL : origin, PEERS_VOTES, WIRE_RECEIPT, bytes.data,
                    bytes.len);
    buf_release(&bytes);
}

static void log_batch(struct consensus *c, const struct wire_batch *b)
{
    struct buf bytes;
    buf_init(&bytes, WIRE_FRAME_MAX);
    if (c->journal != NULL && wire_batch_print(b, &bytes) == OK) {
        struct journal_record r = { .kind = JOURNAL_BATCH,
                                    .chain = (uint8_t)b->chain,
                                    .view = b->ref.first,
                                    .body = bytes.data,
                                    .body_len = bytes.len };
        memcpy(r.id, b->ref.digest, HASH_BYTES);
        journal_add(c->journal, &r);
    }
    buf_release(&bytes);
}

static void join_early(struct instance *i, struct batch *b)
{
    for (size_t k = 0; k < POOL_EARLY_MAX; k++) {
        const struct wire_receipt *r = &i->pool.early[k];
        if (r->signer != 0 && memcmp(&r->ref.digest, b->wire.ref.digest, HASH_BYTES) == 0) {
            int index = validator_index(&i->scope, r->signer);
            if (index >= 0)
                core_set_add(&b->receipts, (size_t)index);
        }
    }
}

void send_batch(struct consensus *c, const struct batch *b)
{
    struct buf bytes;
    buf_init(&bytes, WIRE_FRAME_MAX);
    if (wire_batch_print(&b->wire, &bytes) == OK)
        queue_frame(c, PEERS_TO_ALL, PEERS_BULK, WIRE_BATCH, bytes.data, bytes.len);
    buf_release(&bytes);
}

void take_batch(struct consensus *c, struct instance *i, const struct wire_batch *w, bool own)
{
    struct batch *b = NULL;
    if (pool_find(&i->pool, w->ref.digest) != NULL ||
        w->ref.first + w->ref.n <= sequences_next(&i->final.next, w->ref.member) ||
        pool_add(&i->pool, w, &b) != OK)
        return;
    log_batch(c, &b->wire);
    join_early(i, b);
    if (own) {
        send_batch(c, b); /* it is a receipt itself */
        c->must_sync = true;
    }
    give_receipt(c, i, b, false);
}

/* A batch that a known block names is true by its digest alone; any other by its origin's
 * signature: with the member key, so that one who waits for a new vote key is still heard. */
static bool named(const struct instance *i, const uint8_t digest[HASH_BYTES])
{
    for (const struct block_node *b = i->blocks; b != NULL; b = b->older)
        for (uint16_t k = 0; k < b->p.block.n_batches; k++)
            if (memcmp(b->p.block.batch[k].digest, digest, HASH_BYTES) == 0)
                return true;
    return false;
}

void on_batch_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_batch b;
    if (wire_batch_parse(payload, len, &b) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = instance_of(c, b.chain);
    const struct member *m = members_find(&c->members, b.ref.member);
    if (pool_find(&i->pool, b.ref.digest) != NULL)
        return;
    bool signed_well = m != NULL && m->role != MEMBER_GONE && b.ref.member != c->set.me &&
                       wire_batch_verify(c->members.genesis, m->member_key, &b);
    if (!signed_well && !named(i, b.ref.digest)) {
        refuse(c);
        return;
    }
    take_batch(c, i, &b, false);
    /* Its origin lets a batch go only when it is durable there: the batch is its own receipt. */
    struct batch *kept = pool_find(&i->pool, b.ref.digest);
    int index = validator_index(&i->scope, b.ref.member);
    if (kept != NULL && index >= 0 && signed_well)
        core_set_add(&kept->receipts, (size_t)index);
}

void on_receipt_frame(struct consensus *c, const uint8_t *payload, size_t len)
{
    struct wire_receipt r;
    if (wire_receipt_parse(payload, len, &r) != OK) {
        refuse(c);
        return;
    }
    struct instance *i = instance_of(c, r.chain);
    int index = validator_index(&i->scope, r.signer);
    if (index < 0 || r.ref.first + r.ref.n <= sequences_next(&i->final.next, r.ref.member))
        return;
    struct batch *b = pool_find(&i->pool, r.ref.digest);
    if (b != NULL && core_set_has(&b->receipts, (size_t)index))
        return;
    if (!wire_receipt_verify(c->members.genesis, i->scope.vote_key[index], &r))
        refuse(c);
    else if (b != NULL)
        core_set_add(&b->receipts, (size_t)index);
    else
        pool_remember_early(&i->pool, &r);
}
