/* From frames to core events: what the driver checks before the core hears of anything. A signature
 * is good if that seat did sign that fact: the world keeps the list. */
#include "tests/sim/mutants.h"

bool cert_good(struct world *w, uint32_t fact, uint16_t mask)
{
    const struct fact *f = &w->facts[fact];
    if (f->kind == 0 || bits(mask) != w->epochs[f->epoch].quorum)
        return false;
    if (DRIVER_MUTANT(w, BITSONLY))
        return true;
    return w->plan.real ? signatures_cert_good(w, fact, mask) : (mask & (uint16_t)~f->signers) == 0;
}

static bool vote_good(struct world *w, uint32_t fact, uint8_t seat)
{
    if (DRIVER_MUTANT(w, VOTETRUSTED))
        return true;
    return w->plan.real ? signature_good(w, fact, seat) : (w->facts[fact].signers >> seat & 1) != 0;
}

/* A certificate that was verified, or comes from the own log. */
void give_cert(struct world *w, struct node *n, uint32_t fact, uint16_t mask)
{
    const struct fact *f = &w->facts[fact];
    struct core_event e = { .type = CORE_EV_CERT, .kind = f->kind, .view = f->view };
    if (f->epoch != n->epoch)
        return;
    if (f->block != NONE)
        e.id = w->blocks[f->block].id;
    if (n->cert[fact] == 0)
        n->cert[fact] = mask;
    node_step(w, n, &e);
}

/* The block with the certificates that it rests on. */
void give_block(struct world *w, struct node *n, uint32_t block, uint8_t how)
{
    const struct block *b = &w->blocks[block];
    struct core_event e = { .type = CORE_EV_BLOCK, .view = b->view, .id = b->id };
    if (b->epoch != n->epoch || b->parent == NONE)
        return;
    n->has_block[block] |= how;
    block_core(w, block, &e.block);
    node_step(w, n, &e);
    for (uint32_t i = 0; i < b->just_n && !w->failed; i++)
        give_cert(w, n, w->justs[b->just_first + i].fact, w->justs[b->just_first + i].mask);
}

static bool justified(struct world *w, const struct node *n, const struct block *b)
{
    for (uint32_t i = 0; i < b->just_n; i++) {
        const struct cert *c = &w->justs[b->just_first + i];
        bool known = n->cert[c->fact] != 0; /* has its own already */
        if (!known && !DRIVER_MUTANT(w, CERTTRUSTED) && !cert_good(w, c->fact, c->mask))
            return false;
    }
    return true;
}

static void take_vote(struct world *w, struct node *n, const struct event *e)
{
    const struct fact *f = &w->facts[e->a];
    struct core_event c = {
        .type = CORE_EV_VOTE, .kind = f->kind, .view = f->view, .from = e->seat
    };
    if (f->epoch != n->epoch && !DRIVER_MUTANT(w, OLDEPOCH))
        return;
    bool outsider = e->seat >= w->epochs[n->epoch].n; /* signs for itself whatever it likes */
    bool known = !outsider && (n->seen[e->a] >> e->seat & 1) != 0;
    if (!outsider && !known && !vote_good(w, e->a, e->seat))
        return; /* nobody signed that */
    if (f->block != NONE)
        c.id = w->blocks[f->block].id;
    if (!outsider && (f->signers >> e->seat & 1) != 0)
        n->seen[e->a] |= (uint16_t)(1u << e->seat);
    oracle_expect(w, n, &c);
    node_step(w, n, &c);
    oracle_reported(w, n, &c);
}

static void take_cert(struct world *w, struct node *n, const struct event *e)
{
    bool known = n->cert[e->a] != 0; /* it has its own already */
    if (known || DRIVER_MUTANT(w, CERTTRUSTED) || cert_good(w, e->a, e->mask))
        give_cert(w, n, e->a, e->mask);
}

static void take_proposal(struct world *w, struct node *n, const struct event *e)
{
    const struct block *b = &w->blocks[e->a];
    struct core_event c = {
        .type = CORE_EV_PROPOSAL, .from = e->seat, .view = b->view, .id = b->id
    };
    bool is_signed = (b->signers >> e->seat & 1) != 0 || DRIVER_MUTANT(w, PROPOSALTRUSTED);
    if (b->epoch != n->epoch || !is_signed || !justified(w, n, b))
        return;
    for (uint32_t i = 0; i < b->just_n && !w->failed; i++)
        give_cert(w, n, w->justs[b->just_first + i].fact, w->justs[b->just_first + i].mask);
    n->has_block[e->a] |= HAS_MEMORY;
    block_core(w, e->a, &c.block);
    node_step(w, n, &c);
}

/* ---- answering
 * ----------------------------------------------------------------------------------- */

/* Certificates of that kind in that view, most members will have one. */
static void answer_cert(struct world *w, struct node *n, const struct event *e)
{
    for (uint32_t i = 0; i < w->facts_n; i++) {
        const struct fact *f = &w->facts[i];
        bool fits = f->kind == e->kind || (e->kind == CORE_N && f->kind == CORE_F);
        if (f->view != e->view || f->epoch != n->epoch || !fits || cert_make(w, n, i) == 0)
            continue;
        struct event answer = { .type = FRAME_CERT, .a = i, .mask = n->cert[i], .epoch = f->epoch };
        node_send(n, e->from, &answer);
    }
}

static void answer(struct world *w, struct node *n, const struct event *e)
{
    struct event block = { .type = FRAME_BLOCK, .a = e->a },
                 batch = { .type = FRAME_BATCH, .a = e->a };
    if (DRIVER_MUTANT(w, DEAFPULL))
        return;
    if (e->type == FRAME_PULL_CERT)
        answer_cert(w, n, e);
    else if (e->type == FRAME_PULL_BLOCK && n->has_block[e->a] != 0)
        node_send(n, e->from, &block);
    else if (e->type == FRAME_PULL_BATCH && (n->has_batch[e->a] & BATCH_HERE) != 0)
        node_send(n, e->from, &batch);
    else if (e->type == FRAME_PULL_RANGE)
        range_serve(n, e->from, e->epoch);
}

/* How the core names whom to answer: a seat, or a number that stands for a node without one. */
uint16_t address_of(const struct world *w, const struct node *n, uint8_t node)
{
    uint16_t seat = seat_of(w, n->epoch, w->nodes[node]->identity);
    return seat == CORE_NOBODY || w->nodes[node]->twin ? (uint16_t)(1000 + node) : seat;
}

static void take_news(struct world *w, struct node *n, const struct event *e)
{
    struct core_event c = { .type = CORE_EV_NEWS, .view = e->view };
    c.from = address_of(w, n, e->from);
    node_step(w, n, &c);
}

void frame_take(struct world *w, struct node *n, const struct event *e)
{
    bool bound = e->type != FRAME_BATCH && e->type != FRAME_PULL_BATCH && e->type != FRAME_RANGE &&
                 e->type != FRAME_PULL_RANGE && e->type != FRAME_PULL_BLOCK;
    if (bound && e->epoch < n->epoch && !DRIVER_MUTANT(w, EPOCHSILENT))
        range_serve(n, e->from, e->epoch); /* a straggler: it learns how its epoch ended */
    if (bound && e->epoch != n->epoch && !(e->type == FRAME_VOTE && DRIVER_MUTANT(w, OLDEPOCH)))
        return;
    switch (e->type) {
    case FRAME_VOTE:
        take_vote(w, n, e);
        break;
    case FRAME_CERT:
        take_cert(w, n, e);
        break;
    case FRAME_PROPOSAL:
        take_proposal(w, n, e);
        break;
    case FRAME_BLOCK:
        if (justified(w, n, &w->blocks[e->a]))
            give_block(w, n, e->a, HAS_MEMORY);
        break;
    case FRAME_BATCH:
        batch_learn(w, n, e->a);
        break;
    case FRAME_RANGE:
        range_take(w, n, e);
        break;
    case FRAME_NEWS:
        take_news(w, n, e);
        break;
    default:
        answer(w, n, e);
        break;
    }
}
