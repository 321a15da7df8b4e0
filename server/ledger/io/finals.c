/* The way of final blocks to the database: in order of height, each once, with what proves it final
 * and what the fold says after it. */
#include "server/ledger/io/consensus_internal.h"

#include <stdlib.h>
#include <string.h>

/* A block may be made final twice: by votes, and by a range that ends in a later one. It leaves
 * once. */
static bool is_wanted(const struct instance *i, const struct core_id *id)
{
    const struct block_node *b = node_find(i->blocks, id);
    bool is = b != NULL && b->p.block.height <= i->final.height;
    for (size_t k = 0; k < i->n_to_deliver && !is; k++)
        is = core_id_equal(&i->to_deliver[k], id);
    return is;
}

void want_delivered(struct consensus *c, struct instance *i, const struct core_id *id)
{
    if (is_wanted(i, id))
        return;
    if (i->n_to_deliver == i->cap_to_deliver) {
        size_t cap = i->cap_to_deliver * 2 + CORE_SLOTS;
        struct core_id *more = reallocarray(i->to_deliver, cap, sizeof(*more));
        if (more == NULL)
            abort(); /* a final block cannot be forgotten */
        i->to_deliver = more;
        i->cap_to_deliver = cap;
    }
    i->to_deliver[i->n_to_deliver++] = *id;
    hand_out(c, i);
}

static uint8_t *copy_bytes(const uint8_t *bytes, size_t len)
{
    uint8_t *copy = malloc(len);
    if (copy == NULL)
        abort(); /* a final block cannot be forgotten */
    memcpy(copy, bytes, len);
    return copy;
}

/* Some certificate of this very block goes with it: its F, else its N, which its child's
 * justification shows. A leader that starts from the database needs one to justify the next block.
 */
static void keep_certs(struct instance *i, const struct block_node *b,
                       const struct block_node *child, struct final_block *f)
{
    const uint8_t *bytes = NULL;
    uint64_t view = b->p.block.view;
    size_t len = 0;
    if (ballots_cert(i->ballots, CORE_F, view, &b->p.id, &bytes, &len) == OK) {
        f->cert = copy_bytes(bytes, len);
        f->cert_len = len;
    } else if (ballots_cert(i->ballots, CORE_N, view, &b->p.id, &bytes, &len) == OK) {
        f->notar = copy_bytes(bytes, len);
        f->notar_len = len;
    } else if (child != NULL && child->p.just_len > 2) {
        struct wire_cert *w = malloc(sizeof(*w));
        if (w != NULL && wire_cert_parse(child->p.just + 2, child->p.just_len - 2, w, &len) == OK) {
            f->notar = copy_bytes(child->p.just + 2, len);
            f->notar_len = len;
        }
        free(w);
    }
}

static struct final_block *wrap(struct instance *i, const struct block_node *b,
                                const struct block_node *child)
{
    struct final_block *f = calloc(1, sizeof(*f));
    if (f == NULL)
        abort();
    f->chain = i->chain;
    f->epoch = i->scope.epoch;
    f->node = b;
    f->first_index = i->final.tree.size;
    for (uint16_t k = 0; k < b->p.block.n_batches; k++)
        f->batch[k] = pool_find(&i->pool, b->p.block.batch[k].digest);
    keep_certs(i, b, child, f);
    return f;
}

/* With a block of the account chain goes what the fold says after it. */
static void keep_fold(struct consensus *c, struct instance *i, struct final_block *f)
{
    if (i->chain != CHAIN_ACCOUNT)
        return;
    f->members = malloc(sizeof(*f->members));
    if (f->members == NULL)
        abort();
    *f->members = c->members;
}

void hand_out(struct consensus *c, struct instance *i)
{
    size_t done = 0;
    if (i->n_to_deliver == 0)
        return;
    while (done < i->n_to_deliver && i->ending == NULL) {
        struct block_node *b = node_find(i->blocks, &i->to_deliver[done]);
        if (b == NULL || node_tip(c, i, b) != OK)
            break;
        struct final_block *f = wrap(
            i, b,
            done + 1 < i->n_to_deliver ? node_find(i->blocks, &i->to_deliver[done + 1]) : NULL);
        *c->finals_tail = f;
        c->finals_tail = &f->next;
        bool ends = b->after.ended;
        i->final = b->after;
        remember_final(i, &i->final);
        i->finalized++;
        if (i->chain == CHAIN_ACCOUNT)
            (void)fold_block(i, b, &c->members);
        done++;
        if (ends)
            i->ending = f; /* what follows in the list is its tail; end_epoch() goes on */
        keep_fold(c, i, f);
    }
    memmove(i->to_deliver, i->to_deliver + done, (i->n_to_deliver - done) * sizeof(*i->to_deliver));
    i->n_to_deliver -= done;
}
