/* The Byzantine. Most harm comes from twins: two nodes that run the correct code under one identity
 * (reference: Twins, Bano et al. 2020; 40 times better than random lying at finding planted bugs).
 * The others send two stories, keep things back, or make up frames; nobody can sign for somebody
 * else. */
#include "tests/sim/mutants.h"

static uint8_t lies_of(const struct world *w, const struct node *n)
{
    return w->plan.lies[n->identity];
}

/* ---- true and made-up frames
 * ------------------------------------------------------------------------ */

/* A certificate that really exists somewhere; mask 0 if there is none. */
static struct cert true_cert(const struct world *w, uint32_t fact)
{
    struct cert c = { .fact = fact };
    if (fact == NONE)
        return c;
    const struct epoch *e = &w->epochs[w->facts[fact].epoch];
    uint16_t left = w->facts[fact].signers & (uint16_t)((1u << e->n) - 1);
    for (; left != 0 && bits(c.mask) < e->quorum; left &= (uint16_t)(left - 1))
        c.mask |= (uint16_t)(left & -left);
    if (bits(c.mask) < e->quorum)
        c.mask = 0;
    return c;
}

static uint32_t recent_block(struct world *w)
{
    uint32_t span = w->blocks_n < 12 ? w->blocks_n : 12;
    return w->blocks_n - 1 - chance_below(w, span);
}

static void vote(struct world *w, struct node *n, uint8_t to, uint8_t kind, uint64_t view,
                 uint32_t block)
{
    struct event e = { .type = FRAME_VOTE, .epoch = n->epoch, .seat = (uint8_t)n->seat };
    if (n->seat == CORE_NOBODY || w->failed)
        return;
    e.a = fact_of(w, n->epoch, kind, view, kind == CORE_S ? NONE : block);
    registry_sign(w, n->seat, e.a);
    net_send(w, n->index, to, &e);
}

/* Justifies with what is true, as far as it goes. */
static void add_truth(struct world *w, struct block *b, uint32_t fact)
{
    struct cert c = true_cert(w, fact);
    if (c.mask == 0 || w->justs_n >= JUSTS_MAX)
        return;
    w->justs[w->justs_n++] = c;
    b->just_n++;
}

static void justify(struct world *w, struct block *b)
{
    b->just_first = w->justs_n;
    b->just_n = 0;
    if (w->justs_n + 300 > JUSTS_MAX || b->view - b->parent_view > 256)
        return;
    uint32_t parent = fact_find(w, b->epoch, CORE_N, b->parent_view, b->parent);
    add_truth(w, b, parent);
    for (uint64_t v = b->parent_view + 1; v < b->view; v++)
        add_truth(w, b, fact_find(w, b->epoch, CORE_S, v, NONE));
}

/* One thing wrong with an otherwise good block, or nothing but another salt. */
static uint32_t crafted(struct world *w, struct node *n, uint32_t good)
{
    struct block b = w->blocks[good];
    b.salt = (uint32_t)chance_next(w);
    b.signers = 0;
    switch (chance_below(w, 8)) {
    case 0:
        b.height += 1 + chance_below(w, 2);
        break;
    case 1: /* over the parent's head: the views between were not skipped */
    case 2:
        for (uint32_t up = 1 + chance_below(w, 3); up > 0 && b.parent != w->epochs[b.epoch].start;
             up--)
            b.parent = w->blocks[b.parent].parent;
        b.parent_view = b.parent == w->epochs[b.epoch].start ? 0 : w->blocks[b.parent].view;
        b.height = w->blocks[b.parent].height + 1;
        break;
    case 3: /* any block at all, certified or not */
    case 4:
        b.parent = recent_block(w);
        b.parent_view = b.parent == w->epochs[b.epoch].start ? 0 : w->blocks[b.parent].view;
        b.height = w->blocks[b.parent].height + 1;
        break;
    case 5: /* an entry left out, or twice */
        if (w->batches_n > 0)
            b.batches[0] = chance_below(w, w->batches_n);
        b.n_batches = w->batches_n > 0;
        break;
    case 6: /* contents that nobody has */
        b.batches[0] = batch_add(w, n->identity, w->blocks[b.parent].next[n->identity], 1);
        b.n_batches = b.batches[0] != NONE;
        break;
    default:
        break;
    }
    if (b.parent_view >= b.view || w->blocks[b.parent].epoch > b.epoch)
        return good;
    justify(w, &b);
    return w->failed ? good : block_add(w, &b);
}

static void propose(struct world *w, struct node *n, uint8_t to, uint32_t block)
{
    struct event e = {
        .type = FRAME_PROPOSAL, .a = block, .epoch = n->epoch, .seat = (uint8_t)n->seat
    };
    if (n->seat == CORE_NOBODY || block == NONE)
        return;
    w->blocks[block].signers |= (uint16_t)(1u << n->seat);
    n->has_block[block] |= HAS_MEMORY;
    net_send(w, n->index, to, &e);
}

/* ---- two stories
 * -------------------------------------------------------------------------------------- */

/* Another block of the same view, newest first. */
static uint32_t other_block(const struct world *w, uint32_t block)
{
    for (uint32_t i = w->blocks_n; i-- > 1 && i + 24 > w->blocks_n;)
        if (i != block && w->blocks[i].view == w->blocks[block].view &&
            w->blocks[i].epoch == w->blocks[block].epoch)
            return i;
    return NONE;
}

static void second_story(struct world *w, struct node *n, uint8_t to, const struct event *e)
{
    const struct fact *f = &w->facts[e->a];
    if (e->type == FRAME_PROPOSAL) {
        uint32_t other = other_block(w, e->a);
        propose(w, n, to, other != NONE && chance(w, 600) ? other : crafted(w, n, e->a));
    } else if (f->kind == CORE_S) {
        uint32_t block = view_of(w, f->epoch, f->view)->cert_n;
        if (block != NONE)
            vote(w, n, to, CORE_F, f->view, block);
    } else {
        uint32_t other = other_block(w, f->block);
        vote(w, n, to, other != NONE ? f->kind : CORE_S, f->view, other);
    }
}

void liar_send(struct world *w, struct node *n, uint8_t to, const struct event *e)
{
    uint8_t lies = lies_of(w, n);
    bool story = e->type == FRAME_PROPOSAL || e->type == FRAME_VOTE;
    if ((lies & LIE_SILENT) != 0 && w->now > w->plan.silent_at)
        return;
    if ((lies & (LIE_EQUIVOCATE | LIE_WITHHOLD)) == 0) {
        net_send(w, n->index, to, e);
        return;
    }
    uint32_t half = (uint32_t)(chance_next(w) >> 20);
    for (uint8_t i = 0; i < w->nodes_n && !w->failed; i++) {
        bool first = (half >> i & 1) != 0;
        if (to < NODES_MAX && to != i)
            continue;
        if (first || ((lies & LIE_WITHHOLD) == 0 && !story))
            net_send(w, n->index, i, e);
        else if ((lies & LIE_EQUIVOCATE) != 0 && story)
            second_story(w, n, i, e);
    }
}

/* ---- made up out of nothing
 * ------------------------------------------------------------------------------ */

static uint16_t random_mask(struct world *w, const struct epoch *e)
{
    uint16_t mask = 0;
    while (bits(mask) < e->quorum)
        mask |= (uint16_t)(1u << chance_below(w, e->n));
    return mask;
}

/* A certificate or a range that a quorum never signed; a vote in somebody else's name. */
static void forge(struct world *w, struct node *n, uint8_t to)
{
    const struct epoch *epoch = &w->epochs[n->epoch];
    uint32_t block = recent_block(w);
    const struct block *b = &w->blocks[block];
    if (b->epoch != n->epoch || b->parent == NONE)
        return;
    uint8_t kind = (uint8_t)(1 + chance_below(w, 3));
    struct event e = { .type = FRAME_CERT, .epoch = n->epoch, .mask = random_mask(w, epoch) };
    e.a = fact_of(w, n->epoch, kind, b->view, kind == CORE_S ? NONE : block);
    if (chance(w, 300)) {
        e.type = FRAME_RANGE;
        e.b = fact_of(w, n->epoch, CORE_F, b->view, block);
        e.a = block;
    } else if (chance(w, 500)) {
        e.type = FRAME_VOTE;
        e.seat = (uint8_t)chance_below(w, epoch->n + 2u); /* also of seats that do not exist */
    }
    net_send(w, n->index, to, &e);
}

/* True things of another time: a replay. */
static void replay(struct world *w, struct node *n, uint8_t to)
{
    uint32_t block = 1 + chance_below(w, w->blocks_n - 1), fact = chance_below(w, w->facts_n);
    struct event e = { .type = FRAME_PROPOSAL, .a = block, .epoch = w->blocks[block].epoch };
    uint16_t signers = w->blocks[block].signers;
    e.seat = (uint8_t)__builtin_ctz(signers | 0x8000u);
    if (signers != 0 && chance(w, 700))
        net_send(w, n->index, to, &e);
    struct cert c = true_cert(w, fact);
    struct event cert = {
        .type = FRAME_CERT, .a = fact, .mask = c.mask, .epoch = w->facts[fact].epoch
    };
    if (c.mask != 0)
        net_send(w, n->index, to, &cert);
}

/* The view that most are in. */
static uint64_t view_now(const struct world *w, const struct node *liar)
{
    uint64_t view = 1;
    for (uint32_t i = 0; i < w->nodes_n; i++)
        if (w->nodes[i]->epoch == liar->epoch && w->nodes[i]->core->view > view)
            view = w->nodes[i]->core->view;
    return view;
}

/* A proposal in the name of the leader of its view, who never signed it. */
static void pretend(struct world *w, struct node *n, uint8_t to, uint32_t block)
{
    struct event e = { .type = FRAME_PROPOSAL, .a = block, .epoch = n->epoch };
    e.seat = leader_of(w, n->epoch, w->blocks[block].view);
    if (e.seat != n->seat)
        net_send(w, n->index, to, &e);
}

static void lead(struct world *w, struct node *n, uint8_t to)
{
    struct block b = { .view = view_now(w, n) + chance_below(w, 2), .epoch = n->epoch };
    b.parent = recent_block(w);
    const struct block *p = &w->blocks[b.parent];
    bool start = b.parent == w->epochs[n->epoch].start;
    b.parent_view = start ? 0 : p->view;
    b.height = p->height + 1;
    b.salt = (uint32_t)chance_next(w);
    if ((!start && p->epoch != n->epoch) || b.parent_view >= b.view)
        return;
    justify(w, &b);
    uint32_t block = w->failed ? NONE : block_add(w, &b);
    if (block != NONE && chance(w, 300))
        pretend(w, n, to, block);
    else if (block != NONE)
        propose(w, n, to, chance(w, 500) ? block : crafted(w, n, block));
}

/* A skip of the view of the day, also with the help of keys that have no seat. */
static void skip(struct world *w, struct node *n, uint8_t to)
{
    struct event e = { .type = FRAME_VOTE, .epoch = n->epoch };
    uint64_t view = view_now(w, n) + chance_below(w, 2);
    vote(w, n, to, CORE_S, view, NONE);
    if (w->failed)
        return;
    e.a = fact_of(w, n->epoch, CORE_S, view, NONE);
    for (uint16_t i = 0; i < 2; i++) {
        e.seat = (uint8_t)(w->epochs[n->epoch].n + i);
        net_send(w, n->index, to, &e);
    }
}

void liar_act(struct world *w, uint8_t identity)
{
    struct node *n = NULL;
    for (uint32_t i = 0; i < w->nodes_n && n == NULL; i++)
        if (w->nodes[i]->identity == identity)
            n = w->nodes[i];
    if (n == NULL || n->seat == CORE_NOBODY || w->blocks_n < 2 || w->facts_n == 0)
        return;
    uint8_t to = chance(w, 500) ? NODES_MAX : (uint8_t)chance_below(w, w->nodes_n);
    uint32_t block = recent_block(w);
    switch (chance_below(w, 6)) {
    case 0:
        if (w->blocks[block].epoch == n->epoch && block != w->epochs[n->epoch].start)
            vote(w, n, to, (uint8_t)(1 + chance_below(w, 3)), w->blocks[block].view, block);
        break;
    case 1:
        skip(w, n, to);
        break;
    case 2:
        forge(w, n, to);
        break;
    case 3:
        replay(w, n, to);
        break;
    default:
        lead(w, n, to);
        break;
    }
}
