/* Epochs: the fold over the account chain, where an epoch ends, and the change to the next. The
 * account chain ends its epoch with the block in which a change of membership takes effect; the
 * transaction chain with its first block that names that block or a later one. What descends from
 * an ending block in the same epoch is empty and is dropped: it only helps to make the ending
 * final. */
#include "server/base/log.h"
#include "server/ledger/io/consensus_internal.h"
#include "server/ledger/log/tile.h"

#include <stdlib.h>
#include <string.h>

/* ---- the fold -------------------------------------------------------------------------------- */

static bool fold_batch(struct members *m, const struct batch *b)
{
    size_t offset = 0, len = 0;
    const uint8_t *entry = NULL;
    bool bad = false, boundary = false;
    while (bundle_next(b->wire.entries, b->wire.entries_len, &offset, &entry, &len, &bad)) {
        struct entry_head h;
        const char *refused = NULL;
        bool ends = false;
        if (len < ENTRY_HEAD_BYTES || memcmp(entry, "public/1", 8) != 0 ||
            entry_parse(entry, len, &h) != OK)
            continue;
        if (members_apply(m, h.member, (const char *)h.rest, h.rest_len, &refused, &ends) != OK)
            abort(); /* without memory this member would fold something else than the others */
        if (refused != NULL)
            log_info("members", "entry %llu of member %u changes nothing: %s",
                     (unsigned long long)h.sequence, h.member, refused);
        boundary = boundary || ends;
    }
    return boundary;
}

bool fold_block(struct instance *i, const struct block_node *b, struct members *m)
{
    const struct wire_block *w = &b->p.block;
    bool boundary = false;
    members_block(m, w->view, w->parent_view);
    for (uint16_t k = 0; k < w->n_batches; k++) {
        const struct batch *one = pool_find(&i->pool, w->batch[k].digest);
        boundary = (one != NULL && fold_batch(m, one)) || boundary;
    }
    return boundary;
}

/* A cheap look before the fold: most blocks change nobody's membership. */
static bool speaks_of_members(struct instance *i, const struct block_node *b)
{
    static const char kind[] = "\"kind\":\"member.";
    for (uint16_t k = 0; k < b->p.block.n_batches; k++) {
        const struct batch *one = pool_find(&i->pool, b->p.block.batch[k].digest);
        if (one != NULL &&
            memmem(one->wire.entries, one->wire.entries_len, kind, sizeof(kind) - 1) != NULL)
            return true;
    }
    return false;
}

/* The fold at the last final block, then the blocks between, then this one. */
static bool account_ends(struct consensus *c, struct instance *i, struct block_node *b)
{
    struct block_node *path[CORE_SLOTS];
    size_t n = 0;
    bool boundary = false;
    if (!speaks_of_members(i, b))
        return false;
    for (struct block_node *at = b; at != NULL && n < CORE_SLOTS;
         at = node_find(i->blocks, &at->p.block.parent)) {
        path[n++] = at;
        if (core_id_equal(&at->p.block.parent, &i->final.id))
            break;
    }
    struct members *m = malloc(sizeof(*m));
    if (m == NULL)
        abort();
    *m = c->members;
    while (n-- > 0)
        boundary = fold_block(i, path[n], m);
    free(m);
    return boundary;
}

const struct epoch_end *end_of(const struct consensus *c, uint32_t epoch)
{
    for (size_t k = 0; k < c->n_ends; k++)
        if (c->ends[k].epoch == epoch)
            return &c->ends[k];
    return NULL;
}

bool ends_epoch(struct consensus *c, struct instance *i, struct block_node *b)
{
    if (i->chain == CHAIN_ACCOUNT)
        return account_ends(c, i, b);
    const struct epoch_end *end = end_of(c, i->scope.epoch);
    return end != NULL && b->p.block.other.height >= end->height;
}

/* ---- the change ------------------------------------------------------------------------------ */

static void set_scope(struct instance *i, const struct members *m)
{
    struct wire_scope *s = &i->scope;
    s->epoch = m->epoch;
    memcpy(s->genesis, m->genesis, HASH_BYTES);
    s->n = members_validators(m, s->member);
    for (uint16_t k = 0; k < s->n; k++)
        memcpy(s->vote_key[k], members_find(m, s->member[k])->vote_key, SIGN_PUBLIC_BYTES);
    members_config_hash(m, i->config_hash);
}

static uint16_t place_of(const struct consensus *c, const struct members *m)
{
    int index = members_validator_index(m, c->set.me);
    const struct member *me = members_find(m, c->set.me);
    return c->journal != NULL && index >= 0 &&
                   memcmp(me->vote_key, c->keys.vote.public, SIGN_PUBLIC_BYTES) == 0
               ? (uint16_t)index
               : CORE_NOBODY;
}

/* Makes the instance one of this set: scope, schedule, signatures and core anew, from i->final on.
 */
enum err instance_enter(struct consensus *c, struct instance *i, const struct members *m)
{
    ballots_free(i->ballots);
    set_scope(i, m);
    i->ballots = ballots_new(&i->scope);
    if (i->core == NULL)
        i->core = malloc(sizeof(*i->core));
    if (i->ballots == NULL || i->core == NULL)
        return ERR_NO_MEMORY;
    struct core_config config = { .n = i->scope.n,
                                  .me = place_of(c, m),
                                  .schedule_len = m->schedule_len,
                                  .t0_ms = c->set.t0_ms,
                                  .in_flight_max = c->set.in_flight_max };
    /* The chains take turns: who leads one does not lead the other. */
    size_t len = m->schedule_len, by = i->chain == CHAIN_TX ? (len + 1) / 2 : 0;
    for (size_t k = 0; k < len; k++)
        config.schedule[k] = m->schedule[(k + by) % len];
    i->me = config.me;
    core_init(i->core, &config, i->final.view, &i->final.id, i->final.height);
    i->build_waits = false;
    i->timer_at = 0;
    memset(i->signed_size, 0, sizeof(i->signed_size));
    memset(i->sizes, 0, sizeof(i->sizes));
    return OK;
}

static void renew_receipts(struct consensus *c, struct instance *i)
{
    for (struct batch *b = i->pool.first; b != NULL; b = b->next) {
        memset(&b->receipts, 0, sizeof(b->receipts));
        give_receipt(c, i, b, true);
        if (b->wire.ref.member == c->set.me)
            send_batch(c, b);
    }
}

/* What descends from the ending is the proof that it is final, where it has no certificate itself.
 */
static void keep_tail(struct instance *i, struct final_block *f)
{
    if (f->cert != NULL || i->n_to_deliver == 0)
        return;
    f->tail = calloc(i->n_to_deliver, sizeof(*f->tail));
    if (f->tail == NULL)
        abort();
    for (size_t k = 0; k < i->n_to_deliver; k++) {
        const struct block_node *b = node_find(i->blocks, &i->to_deliver[k]);
        const uint8_t *cert = NULL;
        struct tail_block *t = &f->tail[f->n_tail++];
        t->len = b->len;
        t->bytes = malloc(b->len);
        if (ballots_cert(i->ballots, CORE_F, b->p.block.view, &b->p.id, &cert, &t->cert_len) == OK)
            t->cert = malloc(t->cert_len);
        if (t->bytes == NULL || (cert != NULL && t->cert == NULL))
            abort();
        memcpy(t->bytes, b->bytes, b->len);
        if (cert != NULL)
            memcpy(t->cert, cert, t->cert_len);
    }
}

static void account_next(struct consensus *c, struct instance *i, struct final_block *f)
{
    struct members *next = malloc(sizeof(*next));
    struct epoch_end *more = reallocarray(c->ends, c->n_ends + 1, sizeof(*more));
    if (next == NULL || more == NULL)
        abort();
    members_next_epoch(&c->members, &i->final.id);
    *next = c->members;
    c->ends = more;
    c->ends[c->n_ends++] =
        (struct epoch_end){ .epoch = f->epoch, .height = i->final.height, .next = next };
}

/* Called between events, so that no action of the old core meets the new one; the block has not
 * left the gate yet. */
void end_epoch(struct consensus *c, struct instance *i, struct final_block *f)
{
    keep_tail(i, f);
    i->n_to_deliver = 0;
    i->ending = NULL;
    i->range_next = 0;
    if (i->chain == CHAIN_ACCOUNT)
        account_next(c, i, f);
    f->ends = true;
    i->final.view = 0;
    i->final.ended = false;
    const struct epoch_end *end = end_of(c, f->epoch);
    log_info("ledger", "chain %s: epoch %u ends at height %llu", chain_name(i->chain), f->epoch,
             (unsigned long long)i->final.height);
    if (i->chain == CHAIN_ACCOUNT)
        *f->members = c->members; /* with the block goes the fold of the next epoch */
    if (instance_enter(c, i, end->next) != OK)
        abort();
    const struct core_event start = { .type = CORE_EV_START };
    renew_receipts(c, i);
    answer(c, i, &start);
}
