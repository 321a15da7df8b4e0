/* From the core's actions to the world, in the order in which they come. */
#include "tests/sim/mutants.h"

/* The certificate of the fact: one that came, or a quorum of the votes that came. */
uint16_t cert_make(struct world *w, struct node *n, uint32_t fact)
{
    const struct epoch *e = &w->epochs[w->facts[fact].epoch];
    if (n->cert[fact] != 0)
        return n->cert[fact];
    uint16_t mask = 0, left = n->seen[fact];
    while (bits(mask) < e->quorum && left != 0) {
        mask |= (uint16_t)(left & -left);
        left &= (uint16_t)(left - 1);
    }
    return n->cert[fact] = bits(mask) == e->quorum ? mask : 0;
}

static uint32_t block_of(const struct world *w, const struct core_action *a)
{
    return a->kind == CORE_S ? NONE : block_find(w, &a->id);
}

/* Whom the core means; NODES_MAX for all. */
static uint8_t receiver(const struct world *w, const struct node *n, uint16_t address)
{
    if (address == CORE_NOBODY)
        return NODES_MAX;
    if (address >= 1000)
        return (uint8_t)(address - 1000);
    return address < w->epochs[n->epoch].n ? node_of(w, w->epochs[n->epoch].member[address])
                                           : (uint8_t)NODES_MAX;
}

/* ---- what leaves
 * ----------------------------------------------------------------------------------- */

static void do_persist(struct world *w, struct node *n, const struct core_action *a)
{
    struct record *r = &n->unsynced[n->unsynced_n];
    if (n->unsynced_n == OUTBOX_MAX || n->records_n + n->unsynced_n >= RECORDS_MAX - 1) {
        fail(w, "bounds", "node %u: more than %d records", n->index, RECORDS_MAX);
        return;
    }
    n->unsynced_n++;
    *r = (struct record){ .kind = a->kind, .view = a->view, .epoch = n->epoch, .block = NONE };
    if (a->kind != CORE_REC_S)
        r->block = block_find(w, &a->id);
    if (a->kind == CORE_REC_F && r->block != NONE && !w->plan.bare_log &&
        !DRIVER_MUTANT(w, BARECERT))
        r->mask = cert_make(w, n, fact_of(w, n->epoch, CORE_N, a->view, r->block));
    oracle_record(w, n, a);
}

static void do_vote(struct world *w, struct node *n, const struct core_action *a)
{
    struct event e = { .type = FRAME_VOTE, .epoch = n->epoch, .seat = (uint8_t)n->seat };
    e.a = fact_of(w, n->epoch, a->kind, a->view, block_of(w, a));
    if (n->seat == CORE_NOBODY) {
        fail(w, "observer", "node %u votes and has no seat", n->index);
        return;
    }
    n->seen[e.a] |= (uint16_t)(1u << n->seat); /* its own, which counts for a certificate */
    node_send(n, receiver(w, n, a->from), &e);
}

static void do_cert(struct world *w, struct node *n, const struct core_action *a)
{
    struct event e = { .type = FRAME_CERT, .epoch = n->epoch };
    e.a = fact_of(w, n->epoch, a->kind, a->view, block_of(w, a));
    e.mask = cert_make(w, n, e.a);
    if (e.mask == 0) {
        /* The tip may be final by a descendant's certificate alone, known before a restart. */
        bool tip = a->kind == CORE_F && a->view <= w->blocks[n->tip].view;
        if (!n->byzantine && !tip)
            fail(w, "certificate", "node %u believes in %c(%u) and has %u of %u signatures",
                 n->index, "?NSF"[a->kind & 3], (unsigned)a -> view, bits(n->seen[e.a]),
                 w -> epochs[n->epoch].quorum);
        return;
    }
    node_send(n, receiver(w, n, a->from), &e);
}

static void do_proposal(struct world *w, struct node *n, const struct core_action *a)
{
    struct event e = { .type = FRAME_PROPOSAL, .seat = (uint8_t)n->seat };
    e.a = block_find(w, &a->id);
    if (e.a == NONE || n->seat == CORE_NOBODY) {
        fail(w, "observer", "node %u proposes without a block or a seat", n->index);
        return;
    }
    node_send(n, receiver(w, n, a->from), &e);
}

/* Two peers, drawn: one may not have it, and asking all would cost too much. */
static void do_pull(struct world *w, struct node *n, const struct core_action *a)
{
    struct event e = { .type = FRAME_PULL_BLOCK, .view = a->view, .kind = a->kind };
    if (a->type == CORE_PULL_CERT)
        e.type = FRAME_PULL_CERT;
    else
        e.a = block_find(w, &a->id);
    if (e.type == FRAME_PULL_BLOCK && e.a == NONE)
        return;
    for (uint32_t i = 0; i < 2; i++)
        node_send(n, (uint8_t)chance_below(w, w->nodes_n), &e);
}

static void do_news(struct world *w, struct node *n, const struct core_action *a)
{
    struct event e = { .type = FRAME_NEWS, .view = a->view };
    do
        n->news_peer = (uint8_t)((n->news_peer + 1) % w->nodes_n);
    while (n->news_peer == n->index && w->nodes_n > 1);
    node_send(n, n->news_peer, &e);
}

/* ---- building and checking
 * --------------------------------------------------------------------------- */

/* The parent's certificate and those of the skipped views between; false if one is not there. */
static bool justify(struct world *w, struct node *n, struct block *b)
{
    b->just_first = w->justs_n;
    b->just_n = 0;
    if (w->justs_n + CORE_SLOTS + 1 > JUSTS_MAX)
        return false;
    for (uint64_t v = b->parent_view; v < b->view; v++) {
        uint32_t fact = v > b->parent_view ? fact_find(w, b->epoch, CORE_S, v, NONE)
                                           : fact_find(w, b->epoch, CORE_N, v, b->parent);
        if (v == 0)
            continue; /* the epoch's start needs none */
        if (v == b->parent_view && (fact == NONE || cert_make(w, n, fact) == 0))
            fact = fact_find(w, b->epoch, CORE_F, v, b->parent);
        if (fact == NONE || cert_make(w, n, fact) == 0)
            return false;
        w->justs[w->justs_n++] = (struct cert){ .fact = fact, .mask = n->cert[fact] };
        b->just_n++;
    }
    return true;
}

/* The key on the card of one that wants to join: it may have had others, and lost them. */
static uint8_t present_key(const struct world *w, uint8_t identity)
{
    for (uint32_t i = 0; i < w->nodes_n; i++)
        if (w->nodes[i]->identity == identity)
            return w->nodes[i]->key;
    return 0;
}

/* Batches that continue their members' sequences, and the change that operators want. */
static void fill(struct world *w, struct node *n, struct block *b)
{
    uint16_t next[IDENTITIES_MAX];
    memcpy(next, w->blocks[b->parent].next, sizeof(next));
    for (uint32_t i = 0; i < n->waiting_n && b->n_batches < BLOCK_BATCHES; i++) {
        const struct batch *batch = &w->batches[n->waiting[i]];
        if (batch->first != next[batch->identity])
            continue;
        next[batch->identity] = (uint16_t)(batch->first + batch->n);
        b->batches[b->n_batches++] = n->waiting[i];
    }
    if (w->change != CHANGE_NONE && chance(w, 500)) {
        b->change = w->change;
        b->changed = w->changed;
        b->changed_key = w->change == CHANGE_JOIN ? present_key(w, w->changed) : 0;
    }
}

uint32_t build_block(struct world *w, struct node *n, uint64_t view, uint32_t parent, bool empty)
{
    const struct block *p = &w->blocks[parent];
    bool start = w->epochs[n->epoch].start == parent;
    struct block b = { .view = view,
                       .parent_view = start ? 0 : p->view,
                       .parent = parent,
                       .height = p->height + 1,
                       .epoch = n->epoch,
                       .salt = (uint32_t)chance_next(w) };
    if (!justify(w, n, &b))
        return NONE;
    if (!empty && !(p->closing && !start))
        fill(w, n, &b);
    return block_add(w, &b);
}

static void do_build(struct world *w, struct node *n, const struct core_action *a)
{
    uint32_t parent = block_find(w, &a->id);
    uint32_t block = parent == NONE ? NONE : build_block(w, n, a->view, parent, false);
    if (block == NONE) {
        if (!w->failed && !n->byzantine)
            fail(w, "justification", "node %u leads view %u without its certificates", n->index,
                 (unsigned)a->view);
        return;
    }
    n->has_block[block] |= HAS_MEMORY;
    node_later(w, n, chance_below(w, w->plan.check_us),
               (struct event){ .type = OWN_BUILT, .a = block });
}

/* Answers what is complete now; the rest waits (node_tick asks for it). */
void checks_answer(struct world *w, struct node *n)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < n->checks_n; i++) {
        uint32_t block = n->checks[i];
        if (!contents_here(w, n, block)) {
            n->checks[kept++] = block;
            continue;
        }
        bool good = w->blocks[block].valid || DRIVER_MUTANT(w, CONTENTSTRUSTED);
        node_later(w, n, chance_below(w, w->plan.check_us),
                   (struct event){ .type = OWN_CHECKED, .a = block, .flag = good });
    }
    n->checks_n = kept;
}

static void do_check(struct world *w, struct node *n, const struct core_action *a)
{
    uint32_t block = block_find(w, &a->id);
    if (block == NONE)
        return;
    if (n->checks_n == sizeof(n->checks) / sizeof(n->checks[0])) {
        memmove(&n->checks[0], &n->checks[1], (n->checks_n - 1) * sizeof(n->checks[0]));
        n->checks_n--;
    }
    n->checks[n->checks_n++] = block;
    ask_contents(w, n, block);
}

static void do_deliver(struct world *w, struct node *n, const struct core_action *a)
{
    uint32_t block = block_find(w, &a->id);
    if (a->height != n->handed_height + 1 || block == NONE) {
        if (!n->byzantine)
            fail(w, "order", "node %u hands over height %u after %u", n->index, (unsigned)a->height,
                 (unsigned)n->handed_height);
        return;
    }
    n->handed_height = a->height;
    if (n->deliver_n == BLOCKS_MAX) {
        fail(w, "bounds", "node %u has more final blocks than there are", n->index);
        return;
    }
    n->deliver[n->deliver_n++] = block; /* begins when the gate is open: my own F may be in it */
    if (DRIVER_MUTANT(w, DELIVERFIRST)) {
        n->deliver_open = n->deliver_n;
        deliver_next(w, n);
    }
}

static void do_timer(struct world *w, struct node *n, const struct core_action *a)
{
    struct event timer = { .type = OWN_TIMER, .view = a->view, .a = ++n->timer_number };
    node_later(w, n, node_delay(n, a->delay_ms * (uint64_t)MS), timer);
}

static void do_range(struct world *w, struct node *n)
{
    struct event range = { .type = FRAME_PULL_RANGE };
    n->range_wanted = true;
    node_send(n, (uint8_t)chance_below(w, w->nodes_n), &range);
}

/* What leaves the node, behind the gate. */
static void do_send(struct world *w, struct node *n, const struct core_action *a)
{
    switch (a->type) {
    case CORE_SEND_VOTE:
        do_vote(w, n, a);
        break;
    case CORE_SEND_CERT:
        do_cert(w, n, a);
        break;
    case CORE_SEND_PROPOSAL:
        do_proposal(w, n, a);
        break;
    case CORE_PULL_RANGE:
        do_range(w, n);
        break;
    case CORE_PULL_NEWS:
        do_news(w, n, a);
        break;
    default:
        do_pull(w, n, a);
        break;
    }
}

void action_do(struct world *w, struct node *n, const struct core_action *a)
{
    switch (a->type) {
    case CORE_PERSIST:
        do_persist(w, n, a);
        break;
    case CORE_TIMER:
        do_timer(w, n, a);
        break;
    case CORE_BUILD:
        do_build(w, n, a);
        break;
    case CORE_CHECK:
        do_check(w, n, a);
        break;
    case CORE_DELIVER:
        do_deliver(w, n, a);
        break;
    case CORE_EVIDENCE:
        oracle_evidence(w, n, a);
        break;
    default:
        do_send(w, n, a);
        break;
    }
}
