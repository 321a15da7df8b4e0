/* Blocks: what goes into one, whether another's is right, and the way of final ones to the
 * database. All that a block claims is computed again from the batches it names. */
#include "server/base/log.h"
#include "server/crypto/hash.h"
#include "server/ledger/io/consensus_internal.h"

#include <stdlib.h>
#include <string.h>

#define BLOCK_ENTRIES_MAX 16384
#define PULL_AGAIN_US 100000

/* ---- states ---------------------------------------------------------------------------------- */

static void pull_batch(struct consensus *c, struct instance *i, struct block_node *b,
                       const struct wire_batch_ref *ref)
{
    usec_t now = clock_monotonic();
    if (b->asked_at != 0 && now - b->asked_at < PULL_AGAIN_US)
        return;
    b->asked_at = now;
    struct wire_pull p = { .chain = i->chain,
                           .epoch = i->scope.epoch,
                           .want = WIRE_WANT_BATCH,
                           .member = ref->member,
                           .first = ref->first };
    memcpy(p.id.bytes, ref->digest, HASH_BYTES);
    queue_pull(c, i, &p, 2);
}

/* Whether the account chain ended an epoch at this height or below is in c->ends: not so for its
 * newest block between the hand out and end_epoch(). */
static bool account_known(const struct consensus *c, uint64_t height)
{
    const struct instance *account = &c->chain[CHAIN_ACCOUNT - 1];
    return height < account->final.height ||
           (height == account->final.height && account->ending == NULL);
}

enum err node_tip(struct consensus *c, struct instance *i, struct block_node *b)
{
    const struct wire_batch_ref *missing = NULL;
    if (b->stated)
        return OK;
    const struct tip *parent = tip_after(c, i, &b->p.block.parent);
    if (parent == NULL)
        return ERR_NOT_READY;
    enum err e = tip_apply(parent, &i->pool, &b->p, &b->after, &missing);
    if (e == ERR_NOT_READY)
        pull_batch(c, i, b, missing);
    if (e == OK && i->chain == CHAIN_TX && !account_known(c, b->p.block.other.height))
        e = ERR_NOT_READY; /* whether it ends the epoch is not known yet */
    if (e == OK)
        b->after.ended = parent->ended || ends_epoch(c, i, b);
    b->stated = e == OK;
    return e;
}

const struct tip *tip_after(struct consensus *c, struct instance *i, const struct core_id *id)
{
    if (core_id_equal(id, &i->final.id))
        return &i->final;
    struct block_node *b = node_find(i->blocks, id);
    return b != NULL && node_tip(c, i, b) == OK ? &b->after : NULL;
}

void remember_final(struct instance *i, const struct tip *t)
{
    struct final_at *at = &i->history[t->height % HISTORY];
    *at = (struct final_at){ .id = t->id, .height = t->height, .size = t->tree.size };
    merkle_root(&t->tree, &at->root);
}

/* ---- work ------------------------------------------------------------------------------------ */

/* What the next leader would build on: the highest notarized block whose state is known. */
static const struct tip *newest(const struct instance *i)
{
    for (uint64_t v = i->core->top; v > i->core->final_view; v--) {
        const struct core_slot *s = slot_at(i, v);
        if (s == NULL || !s->cert_n)
            continue;
        const struct block_node *b = node_find(i->blocks, &s->cert_n_id);
        if (b != NULL && b->stated)
            return &b->after;
    }
    return &i->final;
}

static struct batch *next_batch(struct instance *i, const struct tip *t, uint16_t member)
{
    return pool_next(&i->pool, member, sequences_next(&t->next, member),
                     core_faults(i->scope.n) + 1u);
}

bool has_work(struct consensus *c, struct instance *i)
{
    const struct tip *t = newest(i);
    if (t->ended)
        return false;
    if (i->chain == CHAIN_TX && end_of(c, i->scope.epoch) != NULL)
        return true; /* the members have changed: a block must say so */
    for (size_t k = 0; k < c->members.n; k++)
        if (next_batch(i, t, c->members.list[k].number) != NULL)
            return true;
    return false;
}

/* ---- building -------------------------------------------------------------------------------- */

/* Members take turns to be first, so that none can fill the block for ever. */
static void fill(struct consensus *c, struct instance *i, const struct tip *parent,
                 struct wire_block *b)
{
    struct tip t = *parent;
    uint32_t entries = 0;
    for (size_t k = 0; k < c->members.n && !parent->ended; k++) {
        uint16_t member = c->members.list[(k + b->view) % c->members.n].number;
        struct batch *next = next_batch(i, &t, member);
        while (next != NULL && b->n_batches < WIRE_BATCHES_MAX &&
               entries + next->wire.ref.n <= BLOCK_ENTRIES_MAX) {
            const struct wire_batch_ref *ref = &next->wire.ref;
            if (!sequences_set(&t.next, member, ref->first + ref->n))
                break;
            b->batch[b->n_batches++] = *ref;
            entries += ref->n;
            for (uint32_t e = 0; e < ref->n; e++)
                merkle_append(&t.tree, &next->leaves[e]);
            next = next_batch(i, &t, member);
        }
    }
    b->tree_size = t.tree.size;
    merkle_root(&t.tree, &b->tree_root);
}

static void name_other(struct consensus *c, struct instance *i, const struct tip *parent,
                       struct wire_block *b)
{
    const struct tip *other = &c->chain[2 - i->chain].final;
    b->other = parent->other;
    if (other->height <= parent->other.height)
        return;
    b->other.height = other->height;
    b->other.id = other->id;
    b->other.size = other->tree.size;
    merkle_root(&other->tree, &b->other.root);
}

static enum err add_cert(struct instance *i, uint8_t kind, uint64_t view, const struct core_id *id,
                         struct buf *just, uint16_t *n)
{
    const uint8_t *bytes = NULL;
    size_t len = 0;
    enum err e = ballots_cert(i->ballots, kind, view, id, &bytes, &len);
    if (e == OK)
        e = buf_add(just, bytes, len);
    if (e == OK)
        (*n)++;
    return e;
}

/* {Nc or Fc of the parent, Sc of every view between}; ERR_NOT_FOUND while one is not here. */
static enum err justify(struct instance *i, const struct core_action *a, struct buf *just)
{
    uint16_t n = 0;
    uint8_t head[2] = { 0, 0 };
    enum err e = buf_add(just, head, sizeof(head));
    if (e == OK && a->parent_view > 0) {
        e = add_cert(i, CORE_N, a->parent_view, &a->id, just, &n);
        if (e == ERR_NOT_FOUND)
            e = add_cert(i, CORE_F, a->parent_view, &a->id, just, &n);
    }
    for (uint64_t v = a->parent_view + 1; v < a->view && e == OK; v++)
        e = add_cert(i, CORE_S, v, NULL, just, &n);
    if (e == OK) {
        just->data[0] = (uint8_t)(n >> 8);
        just->data[1] = (uint8_t)n;
    }
    return e;
}

static enum err seal(struct consensus *c, struct instance *i, struct wire_proposal *p,
                     struct buf *just, struct block_node **ret)
{
    struct buf bytes;
    buf_init(&bytes, WIRE_FRAME_MAX);
    sha256(just->data, just->len, p->block.just_hash);
    p->just = just->data;
    p->just_len = just->len;
    enum err e = wire_block_id(&p->block, &p->id);
    if (e == OK) {
        wire_proposal_sign(&i->scope, &c->keys.vote, p);
        e = wire_proposal_print(p, &bytes);
    }
    if (e == OK)
        e = node_add(&i->blocks, bytes.data, bytes.len, ret);
    buf_release(&bytes);
    return e;
}

static void describe(struct consensus *c, struct instance *i, const struct core_action *a,
                     const struct tip *parent, struct wire_block *b)
{
    uint64_t now = (uint64_t)(c->set.now(c->set.app) / USEC_PER_SEC);
    *b = (struct wire_block){ .chain = i->chain,
                              .epoch = i->scope.epoch,
                              .view = a->view,
                              .height = a->height,
                              .parent_view = a->parent_view,
                              .parent = a->id,
                              .time = now > parent->time ? now : parent->time };
    memcpy(b->config_hash, i->config_hash, HASH_BYTES);
    name_other(c, i, parent, b);
    fill(c, i, parent, b);
}

void build_block(struct consensus *c, struct instance *i, const struct core_action *a)
{
    const struct tip *parent = tip_after(c, i, &a->id);
    struct wire_proposal *p = calloc(1, sizeof(*p));
    struct block_node *b = NULL;
    struct buf just;
    buf_init(&just, WIRE_FRAME_MAX);
    i->build = *a;
    i->build_waits = true;
    enum err e = p == NULL ? ERR_NO_MEMORY : parent == NULL ? ERR_NOT_READY : OK;
    if (e == OK) {
        describe(c, i, a, parent, &p->block);
        bool ends = i->chain == CHAIN_TX && end_of(c, i->scope.epoch) != NULL && !parent->ended;
        if (p->block.n_batches == 0 && !i->core->may_be_empty && !ends)
            e = ERR_NOT_READY; /* what there was is in the blocks below */
    }
    if (e == OK)
        e = justify(i, a, &just);
    if (e == OK)
        e = seal(c, i, p, &just, &b);
    if (e == OK)
        e = node_tip(c, i, b);
    if (e == OK) {
        struct core_event built = { .type = CORE_EV_BUILT };
        i->build_waits = false;
        wire_block_core(&b->p.block, &b->p.id, &built.block);
        answer(c, i, &built);
    }
    buf_release(&just);
    free(p);
}

/* ---- checking -------------------------------------------------------------------------------- */

/* The other chain's block must be final here and not older than the parent's. */
static enum err check_other(struct consensus *c, struct instance *i, const struct tip *parent,
                            const struct wire_tip *o)
{
    const struct instance *other = &c->chain[2 - i->chain];
    const struct final_at *at = &other->history[o->height % HISTORY];
    if (memcmp(o, &parent->other, sizeof(*o)) == 0)
        return OK;
    if (o->height <= parent->other.height)
        return ERR_LOG_INCONSISTENT;
    if (o->height > other->final.height || at->height != o->height)
        return ERR_NOT_READY;
    return core_id_equal(&at->id, &o->id) && at->size == o->size &&
                   memcmp(&at->root, &o->root, sizeof(o->root)) == 0
               ? OK
               : ERR_LOG_INCONSISTENT;
}

void check_block(struct consensus *c, struct instance *i, const struct core_action *a)
{
    struct block_node *b = node_find(i->blocks, &a->id);
    if (b == NULL)
        return;
    const struct tip *parent = tip_after(c, i, &b->p.block.parent);
    enum err e = parent == NULL ? ERR_NOT_READY : OK;
    if (e == OK && memcmp(i->config_hash, b->p.block.config_hash, HASH_BYTES) != 0)
        e = ERR_LOG_INCONSISTENT;
    if (e == OK)
        e = check_other(c, i, parent, &b->p.block.other);
    if (e == OK)
        e = node_tip(c, i, b);
    if (e != OK && e != ERR_LOG_INCONSISTENT)
        return; /* tried again when more is here */
    if (e != OK)
        log_warn("ledger",
                 "chain %s: the block of view %llu is refused: it does not follow its parent",
                 chain_name(i->chain), (unsigned long long)a->view);
    const struct core_event checked = {
        .type = CORE_EV_CHECKED, .view = a->view, .id = a->id, .flag = e == OK
    };
    answer(c, i, &checked);
}

static void retry_checks(struct consensus *c, struct instance *i)
{
    for (uint64_t v = i->core->final_view + 1; v <= i->core->top; v++) {
        const struct core_slot *s = slot_at(i, v);
        if (s == NULL || !s->has_prop || s->check != CORE_ASKED)
            continue;
        const struct core_action a = { .view = v, .id = s->prop.id };
        check_block(c, i, &a);
    }
}

void retry_contents(struct consensus *c)
{
    for (int k = 0; k < CHAINS; k++) {
        struct instance *i = &c->chain[k];
        if (i->build_waits && i->core->view != i->build.view)
            i->build_waits = false;
        if (i->build_waits) {
            struct core_action again = i->build;
            build_block(c, i, &again);
        }
        retry_checks(c, i);
        hand_out(c, i);
    }
}
