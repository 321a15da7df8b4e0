/* The database of a node: blocks in order of height, one transaction each, and what proves them;
 * batches of entries; catching up by range. Also the slow tick that asks again for what is missing.
 */
#include "tests/sim/mutants.h"

#define TICK_US (150u * MS)

/* ---- batches
 * ------------------------------------------------------------------------------------- */

bool contents_here(const struct world *w, const struct node *n, uint32_t block)
{
    for (uint32_t i = 0; i < w->blocks[block].n_batches; i++)
        if ((n->has_batch[w->blocks[block].batches[i]] & BATCH_HERE) == 0)
            return false;
    return true;
}

/* Asks somebody for each batch of the block that is not here. */
void ask_contents(struct world *w, struct node *n, uint32_t block)
{
    for (uint32_t i = 0; i < w->blocks[block].n_batches; i++) {
        uint32_t batch = w->blocks[block].batches[i];
        bool once = (n->has_batch[batch] & BATCH_ASKED) != 0 && DRIVER_MUTANT(w, BATCHLOST);
        if ((n->has_batch[batch] & BATCH_HERE) != 0 || once)
            continue;
        n->has_batch[batch] |= BATCH_ASKED;
        net_send(w, n->index, (uint8_t)chance_below(w, w->nodes_n),
                 &(struct event){ .type = FRAME_PULL_BATCH, .a = batch, .epoch = n->epoch });
    }
}

void batch_learn(struct world *w, struct node *n, uint32_t batch)
{
    const struct batch *b = &w->batches[batch];
    if ((n->has_batch[batch] & BATCH_HERE) != 0)
        return;
    n->has_batch[batch] |= BATCH_HERE;
    if (b->first >= n->applied[b->identity])
        n->waiting[n->waiting_n++] = batch;
    deliver_next(w, n);
}

/* The sequence that is due from each member: after what is delivered or, when the driver looks
 * closely, after the newest notarized block that the core knows. */
static const uint16_t *due(const struct world *w, const struct node *n)
{
    const struct core *c = n->core;
    const struct core_slot *s = &c->slots[c->n_top % CORE_SLOTS];
    if (!w->plan.precise_work || s->view != c->n_top || !s->cert_n || c->n_top <= c->floor)
        return n->applied;
    uint32_t block = block_find(w, &s->cert_n_id);
    return block == NONE ? n->applied : w->blocks[block].next;
}

/* Tells the core when there is something that can be ordered, or no longer. A batch whose
 * forerunner is missing is no work: nobody could build a block with it, and the chain would never
 * rest. */
void work_tell(struct world *w, struct node *n)
{
    const uint16_t *next = due(w, n);
    bool work = w->change != CHANGE_NONE;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->waiting_n; i++) {
        const struct batch *b = &w->batches[n->waiting[i]];
        if (b->first < n->applied[b->identity])
            continue;
        n->waiting[kept++] = n->waiting[i];
        work = work || b->first == next[b->identity];
    }
    n->waiting_n = kept;
    if (work == n->work)
        return;
    n->work = work;
    struct core_event e = { .type = CORE_EV_WORK, .flag = work };
    node_step(w, n, &e);
}

/* Whom a member sends its batches to: anybody, or one of f+1 fixed validators, of whom one is
 * correct. */
static uint8_t copy_holder(struct world *w, const struct node *n)
{
    const struct epoch *e = &w->epochs[w->epochs_n - 1];
    uint32_t at = n->identity + 1u + chance_below(w, core_faults(e->n) + 1u);
    if (!w->plan.few_copies)
        return (uint8_t)chance_below(w, w->nodes_n);
    return node_of(w, e->member[at % e->n]);
}

/* Somebody hands in one to three entries at a member; the batch is durable there and pushed to f+1.
 */
void client_entry(struct world *w)
{
    struct node *n = w->nodes[chance_below(w, w->nodes_n)];
    uint16_t count = (uint16_t)(1 + chance_below(w, 3));
    if (!n->up || n->twin != 0 || w->next_entry[n->identity] > 60000)
        return;
    uint32_t batch = batch_add(w, n->identity, w->next_entry[n->identity], count);
    if (batch == NONE)
        return;
    w->next_entry[n->identity] = (uint16_t)(w->next_entry[n->identity] + count);
    batch_learn(w, n, batch);
    struct event e = { .type = FRAME_BATCH, .a = batch };
    for (uint32_t i = 0; i <= core_faults(w->plan.members) && !w->plan.long_absence; i++)
        net_send(w, n->index, copy_holder(w, n), &e);
    if (w->plan.long_absence) /* nothing may slow them down */
        net_send(w, n->index, NODES_MAX, &e);
    if (!n->busy && !n->wake_set) {
        n->wake_set = true;
        node_later(w, n, 0, (struct event){ .type = NODE_WAKE });
    }
}

/* ---- delivery
 * -------------------------------------------------------------------------------------- */

void deliver_next(struct world *w, struct node *n)
{
    if (!n->up || n->committing || n->deliver_open == 0 || !contents_here(w, n, n->deliver[0]))
        return;
    n->committing = true;
    uint64_t commit = w->plan.commit_us / 2 + chance_below(w, w->plan.commit_us);
    node_later(w, n, commit + n->lag_us, (struct event){ .type = NODE_COMMIT });
    if (DRIVER_MUTANT(w, DELIVEREDEARLY)) {
        struct event told = { .type = OWN_DELIVERED, .a = n->deliver[0], .life = n->life };
        told.epoch = n->epoch;
        node_receive(w, n, &told);
    }
}

static bool stands_on(const struct world *w, uint32_t block, uint32_t below)
{
    while (block != NONE && w->blocks[block].height > w->blocks[below].height)
        block = w->blocks[block].parent;
    return block == below;
}

/* The certificate that the block is final: its own or, as an epoch's end, that of one above it. */
static void keep_proof(struct world *w, struct node *n, uint32_t block)
{
    const struct block *b = &w->blocks[block];
    uint32_t fact = fact_find(w, b->epoch, CORE_F, b->view, block);
    if (fact == NONE || cert_make(w, n, fact) == 0) {
        fact = NONE;
        for (uint32_t i = 0; i < w->facts_n && b->change != CHANGE_NONE && fact == NONE; i++) {
            const struct fact *f = &w->facts[i];
            if (f->kind == CORE_F && f->epoch == b->epoch && f->view > b->view &&
                cert_make(w, n, i) != 0 && stands_on(w, f->block, block))
                fact = i;
        }
    }
    if (fact == NONE)
        return;
    n->proved = block;
    n->proof = (struct cert){ .fact = fact, .mask = n->cert[fact] };
    if (b->change != CHANGE_NONE) {
        n->end_proved[b->epoch] = block;
        n->end_proof[b->epoch] = n->proof;
    }
}

/* The certificate of this very block. A block that is final by a descendant has it in the next
 * block's justification. */
static void keep_tip_cert(struct world *w, struct node *n, uint32_t block, uint32_t child)
{
    const struct block *b = &w->blocks[block];
    uint32_t notarized = fact_find(w, b->epoch, CORE_N, b->view, block);
    uint32_t final = fact_find(w, b->epoch, CORE_F, b->view, block);
    n->tip_cert.mask = 0;
    if (notarized != NONE && cert_make(w, n, notarized) != 0)
        n->tip_cert = (struct cert){ .fact = notarized, .mask = n->cert[notarized] };
    else if (final != NONE && cert_make(w, n, final) != 0)
        n->tip_cert = (struct cert){ .fact = final, .mask = n->cert[final] };
    else if (child != NONE && w->blocks[child].parent == block && w->blocks[child].just_n > 0)
        n->tip_cert = w->justs[w->blocks[child].just_first];
}

/* One transaction; a height that is there already changes nothing. */
static void commit(struct world *w, struct node *n, uint32_t block, uint32_t child)
{
    const struct block *b = &w->blocks[block];
    if (b->height <= w->blocks[n->tip].height && !DRIVER_MUTANT(w, DELIVEREDTWICE)) {
        if (w->canon[b->height] != block && !n->byzantine)
            fail(w, "agreement", "node %u: two blocks of height %u are final", n->index,
                 (unsigned)b->height);
        return;
    }
    oracle_commit(w, n, block);
    for (uint32_t i = 0; i < b->n_batches; i++) {
        const struct batch *batch = &w->batches[b->batches[i]];
        n->applied[batch->identity] = (uint16_t)(batch->first + batch->n);
    }
    n->tip = block;
    n->has_block[block] |= HAS_DATABASE;
    keep_proof(w, n, block);
    keep_tip_cert(w, n, block, child);
    trace_say(w, "node %u commits block %u, height %u", n->index, block, (unsigned)b->height);
}

void deliver_commit(struct world *w, struct node *n)
{
    n->committing = false;
    if (n->deliver_n == 0)
        return;
    uint32_t block = n->deliver[0];
    memmove(&n->deliver[0], &n->deliver[1], --n->deliver_n * sizeof(n->deliver[0]));
    n->deliver_open--;
    commit(w, n, block, n->deliver_n > 0 ? n->deliver[0] : NONE);
    if (w->failed)
        return;
    bool more = DRIVER_MUTANT(w, FULLAFTERCHANGE) && n->deliver_n > 0;
    if (w->blocks[block].change != CHANGE_NONE && n->tip == block && !more) {
        node_new_epoch(w, n);
        return;
    }
    struct event told = { .type = OWN_DELIVERED, .a = block, .life = n->life, .epoch = n->epoch };
    if (!DRIVER_MUTANT(w, DELIVEREDEARLY))
        node_receive(w, n, &told);
    deliver_next(w, n);
}

/* ---- catching up by range
 * ------------------------------------------------------------------------------ */

void range_serve(struct node *n, uint8_t to, uint16_t epoch)
{
    struct event e = {
        .type = FRAME_RANGE, .a = n->proved, .b = n->proof.fact, .mask = n->proof.mask
    };
    if (epoch < n->epoch) {
        e.a = n->end_proved[epoch];
        e.b = n->end_proof[epoch].fact;
        e.mask = n->end_proof[epoch].mask;
    }
    if (e.mask != 0)
        node_send(n, to, &e);
}

/* The path from the own tip up to the block; its length, 0 if it does not lead there. */
static uint32_t path_up(struct world *w, const struct node *n, uint32_t top)
{
    uint32_t count = 0, at = top;
    while (at != NONE && w->blocks[at].height > w->blocks[n->tip].height && count < BLOCKS_MAX) {
        w->path[count++] = at;
        at = w->blocks[at].parent;
    }
    return at == n->tip ? count : 0;
}

static bool range_proved(struct world *w, const struct node *n, const struct event *e)
{
    const struct fact *f = &w->facts[e->b];
    if (DRIVER_MUTANT(w, RANGETRUSTED))
        return w->blocks[e->a].epoch == n->epoch;
    return f->kind == CORE_F && f->epoch == n->epoch && cert_good(w, e->b, e->mask) &&
           stands_on(w, f->block, e->a);
}

/* Commits the path up to its end, or up to the first block that changes the members: what stands on
 * it in the same epoch is void, though a certificate covers it. Returns the last block taken. */
static uint32_t take_path(struct world *w, struct node *n, uint32_t count)
{
    uint32_t last = NONE;
    while (count-- > 0 && !w->failed) {
        last = w->path[count];
        for (uint32_t k = 0; k < w->blocks[last].n_batches; k++)
            n->has_batch[w->blocks[last].batches[k]] |= BATCH_HERE;
        commit(w, n, last, count > 0 ? w->path[count - 1] : NONE);
        if (w->blocks[last].change != CHANGE_NONE)
            break;
    }
    return last;
}

void range_take(struct world *w, struct node *n, const struct event *e)
{
    if (w->blocks[e->a].height <= w->blocks[n->tip].height || !range_proved(w, n, e))
        return;
    uint32_t count = path_up(w, n, e->a);
    if (count == 0 && !n->byzantine)
        fail(w, "agreement", "node %u: a final block does not stand on its tip", n->index);
    if (count == 0)
        return;
    n->cert[e->b] = e->mask;
    uint32_t last = take_path(w, n, count);
    if (w->failed)
        return;
    const struct block *top = &w->blocks[last];
    n->range_wanted = false;
    n->proved = last;
    n->proof = (struct cert){ .fact = e->b, .mask = e->mask };
    if (top->change != CHANGE_NONE) {
        n->end_proved[top->epoch] = n->proved;
        n->end_proof[top->epoch] = n->proof;
        node_new_epoch(w, n);
        return;
    }
    struct core_event c = { .type = CORE_EV_CAUGHT_UP, .view = top->view, .id = top->id };
    c.height = top->height;
    if (n->handed_height < top->height)
        n->handed_height = top->height;
    node_step(w, n, &c);
}

/* ---- asking again
 * ----------------------------------------------------------------------------------------- */

void node_tick(struct world *w, struct node *n)
{
    for (uint32_t i = 0; i < n->checks_n; i++)
        ask_contents(w, n, n->checks[i]);
    for (uint32_t i = 0; i < n->deliver_n && i < 16; i++)
        ask_contents(w, n, n->deliver[i]);
    for (uint32_t i = 0; i < n->waiting_n; i++)
        if (w->batches[n->waiting[i]].identity == n->identity && chance(w, 300))
            net_send(w, n->index, copy_holder(w, n),
                     &(struct event){ .type = FRAME_BATCH, .a = n->waiting[i], .epoch = n->epoch });
    if (n->range_wanted)
        net_send(w, n->index, (uint8_t)chance_below(w, w->nodes_n),
                 &(struct event){ .type = FRAME_PULL_RANGE, .epoch = n->epoch });
    deliver_next(w, n);
    node_later(w, n, TICK_US, (struct event){ .type = NODE_TICK });
}
