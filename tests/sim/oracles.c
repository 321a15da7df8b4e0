/* What must never happen, checked as it happens, whatever the core believes. The world knows what
 * every seat ever signed, so these need no trust in anybody. */
#include "tests/sim/mutants.h"

#include <inttypes.h>
#include <stdarg.h>

void fail(struct world *w, const char *oracle, const char *format, ...)
{
    if (w->failed)
        return;
    w->failed = true;
    w->oracle = oracle;
    va_list list;
    va_start(list, format);
    (void)vsnprintf(w->what, sizeof(w->what), format, list);
    va_end(list);
    trace_say(w, "VIOLATION of %s: %s", oracle, w->what);
}

/* ---- what is signed
 * -------------------------------------------------------------------------------- */

/* By quorum intersection no two certificates exclude each other, while at most f are faulty. */
static void certified(struct world *w, const struct fact *f, struct view_votes *v)
{
    bool clash = false;
    if (f->kind == CORE_N) {
        clash = v->cert_n != NONE && v->cert_n != f->block;
        v->cert_n = f->block;
    } else if (f->kind == CORE_F) {
        clash = v->cert_s || (v->cert_f != NONE && v->cert_f != f->block);
        v->cert_f = f->block;
    } else {
        clash = v->cert_f != NONE;
        v->cert_s = true;
    }
    clash = clash || (v->cert_f != NONE && v->cert_n != NONE && v->cert_f != v->cert_n);
    if (clash)
        fail(w, "quorums", "view %" PRIu64 " has two certificates that exclude each other",
             f->view);
}

void registry_sign(struct world *w, uint16_t seat, uint32_t fact)
{
    struct fact *f = &w->facts[fact];
    if ((f->signers >> seat & 1) != 0)
        return;
    f->signers |= (uint16_t)(1u << seat);
    if (w->plan.real)
        signature_add(w, seat, fact);
    struct view_votes *v = view_of(w, f->epoch, f->view);
    if (bits(f->signers) == w->epochs[f->epoch].quorum)
        certified(w, f, v);
}

static bool is_certified(const struct world *w, uint16_t epoch, uint8_t kind, uint64_t view,
                         uint32_t block)
{
    uint32_t fact = fact_find(w, epoch, kind, view, block);
    return fact != NONE && bits(w->facts[fact].signers) >= w->epochs[epoch].quorum;
}

/* Rule (A) of the safety argument: N only with a certified parent, certified skips of the whole
 * gap, by the leader, one height up, with contents that follow. */
static const char *unjustified(const struct world *w, uint32_t block)
{
    const struct block *b = &w->blocks[block], *parent = &w->blocks[b->parent];
    bool start = w->epochs[b->epoch].start == b->parent;
    if (start ? b->parent_view != 0 : b->parent_view != parent->view || parent->epoch != b->epoch)
        return "its parent is of another view";
    if (!start && !is_certified(w, b->epoch, CORE_N, b->parent_view, b->parent) &&
        !is_certified(w, b->epoch, CORE_F, b->parent_view, b->parent))
        return "its parent is not certified";
    for (uint64_t v = b->parent_view + 1; v < b->view; v++)
        if (!is_certified(w, b->epoch, CORE_S, v, NONE))
            return "a view of its gap was not skipped";
    if (b->height != parent->height + 1)
        return "its height is wrong";
    if ((b->signers >> leader_of(w, b->epoch, b->view) & 1) == 0)
        return "its leader did not sign it";
    return b->valid ? NULL : "its contents are invalid";
}

/* No correct member ever signs two of what exclude each other, over all its lives. */
static void check_lifetime(struct world *w, struct node *n, const struct fact *f, uint16_t seat)
{
    struct view_votes *v = view_of(w, f->epoch, f->view);
    bool skipped = (v->s >> seat & 1) != 0;
    const char *what = NULL;
    if (f->kind == CORE_N) {
        what = v->n[seat] != NONE && v->n[seat] != f->block ? "notarizes twice" : NULL;
        v->n[seat] = f->block;
    } else if (f->kind == CORE_S) {
        what = v->f[seat] != NONE ? "skips what it finalized" : NULL;
        v->s |= (uint16_t)(1u << seat);
    } else {
        if (v->f[seat] != NONE && v->f[seat] != f->block)
            what = "finalizes twice";
        else if (skipped)
            what = "finalizes what it skipped";
        else if (v->n[seat] != f->block)
            what = "finalizes what it did not notarize";
        else if (!is_certified(w, f->epoch, CORE_N, f->view, f->block))
            what = "finalizes what is not notarized";
        v->f[seat] = f->block;
    }
    if (what != NULL)
        fail(w, "lifetime", "member %u %s, view %" PRIu64, n->identity, what, f->view);
    what = f->kind == CORE_N ? unjustified(w, f->block) : NULL;
    if (what != NULL)
        fail(w, "justification", "member %u notarizes block %u of view %" PRIu64 ": %s",
             n->identity, f->block, f->view, what);
}

/* A vote passes the gate. */
void oracle_vote(struct world *w, struct node *n, uint32_t fact)
{
    const struct fact *f = &w->facts[fact];
    uint16_t seat = seat_of(w, f->epoch, n->identity);
    if (seat == CORE_NOBODY)
        return;
    if (!n->byzantine && (f->signers >> seat & 1) == 0)
        check_lifetime(w, n, f, seat);
    registry_sign(w, seat, fact);
}

/* A proposal passes the gate, signed. */
void oracle_proposal(struct world *w, struct node *n, uint32_t block)
{
    struct block *b = &w->blocks[block];
    uint16_t seat = seat_of(w, b->epoch, n->identity);
    struct view_votes *v = view_of(w, b->epoch, b->view);
    if (seat == CORE_NOBODY)
        return;
    b->signers |= (uint16_t)(1u << seat);
    if (!n->byzantine && v->proposal[seat] != NONE && v->proposal[seat] != block)
        fail(w, "lifetime", "member %u proposes twice, view %" PRIu64, n->identity, b->view);
    v->proposal[seat] = block;
}

void oracle_record(struct world *w, struct node *n, const struct core_action *a)
{
    if (n->byzantine || a->kind != CORE_REC_FIN)
        return;
    const struct block *tip = &w->blocks[n->tip];
    if (tip->epoch == n->epoch && a->view > tip->view)
        fail(w, "floor",
             "node %u logs that view %" PRIu64 " is delivered, and its database is at %" PRIu64,
             n->index, a->view, tip->view);
}

/* ---- what the core says
 * ------------------------------------------------------------------------------ */

void oracle_step(struct world *w, struct node *n, const struct core_event *e)
{
    const struct core *c = n->core;
    if (e->type == CORE_EV_RECORD)
        return;
    if (c->floor < n->seen_floor)
        fail(w, "floor", "node %u: floor falls from %" PRIu64 " to %" PRIu64, n->index,
             n->seen_floor, c->floor);
    if (c->view < n->seen_view)
        fail(w, "view", "node %u goes back from view %" PRIu64 " to %" PRIu64, n->index,
             n->seen_view, c->view);
    n->seen_floor = c->floor;
    n->seen_view = c->view;
}

void oracle_evidence(struct world *w, struct node *n, const struct core_action *a)
{
    w->evidence++;
    if (w->expected == a->kind)
        w->expected = 0;
    if (n->byzantine)
        return;
    if (a->kind == CORE_FAULT_FORK) {
        fail(w, "evidence", "node %u sees a fork in view %" PRIu64, n->index, a->view);
        return;
    }
    uint8_t who = w->epochs[n->epoch].member[a->from];
    if (a->from >= w->epochs[n->epoch].n || w->plan.lies[who] == 0)
        fail(w, "evidence", "node %u accuses member %u, who is correct", n->index, who);
}

/* Would a careful reader of the votes so far see a double notarize or a skip beside a finalize now?
 */
void oracle_expect(struct world *w, const struct node *n, const struct core_event *e)
{
    const struct core_slot *s = &n->core->slots[e->view % CORE_SLOTS];
    w->expected = 0;
    if (n->byzantine || s->view != e->view || e->view <= n->core->final_view ||
        e->view > n->core->view + CORE_WINDOW || e->from >= n->core->config.n || e->from == n->seat)
        return;
    if (e->kind == CORE_N && core_set_has(&s->n_seen, e->from) &&
        !core_set_has(&s->accused[CORE_FAULT_NN], e->from) &&
        memcmp(&s->n_of[e->from], &e->id, sizeof(e->id)) != 0)
        w->expected = CORE_FAULT_NN;
    if (e->kind == CORE_S && core_set_has(&s->f_seen, e->from) &&
        !core_set_has(&s->accused[CORE_FAULT_SF], e->from))
        w->expected = CORE_FAULT_SF;
}

void oracle_reported(struct world *w, const struct node *n, const struct core_event *e)
{
    if (w->expected != 0)
        fail(w, "evidence", "node %u does not report seat %u in view %" PRIu64, n->index, e->from,
             e->view);
    w->expected = 0;
}

/* ---- what is delivered
 * --------------------------------------------------------------------------------- */

/* A quorum let finalize votes out for the block or for one that stands on it. */
static bool is_final(const struct world *w, uint32_t block)
{
    const struct block *b = &w->blocks[block];
    if ((b->height < w->canon_n && w->canon[b->height] == block) ||
        is_certified(w, b->epoch, CORE_F, b->view, block))
        return true;
    for (uint32_t i = w->facts_n; i-- > 0;) {
        const struct fact *f = &w->facts[i];
        uint32_t at = f->block;
        if (f->kind != CORE_F || f->epoch != b->epoch ||
            bits(f->signers) < w->epochs[f->epoch].quorum)
            continue;
        while (at != NONE && w->blocks[at].height > b->height)
            at = w->blocks[at].parent;
        if (at == block)
            return true;
    }
    return false;
}

/* Prefixes agree, heights have no gap, entries come exactly once and in order. */
void oracle_commit(struct world *w, struct node *n, uint32_t block)
{
    const struct block *b = &w->blocks[block];
    if (n->byzantine)
        return;
    if (b->parent != n->tip) {
        fail(w, "order", "node %u commits height %u on height %u", n->index, (unsigned)b->height,
             (unsigned)w->blocks[n->tip].height);
        return;
    }
    if (!is_final(w, block)) {
        fail(w, "finality", "node %u commits block %u, which no quorum has finalized", n->index,
             block);
        return;
    }
    uint16_t next[IDENTITIES_MAX];
    memcpy(next, n->applied, sizeof(next));
    for (uint32_t i = 0; i < b->n_batches; i++) {
        const struct batch *batch = &w->batches[b->batches[i]];
        if (batch->first != next[batch->identity])
            fail(w, "entries", "node %u commits entry %u of member %u, due is %u", n->index,
                 batch->first, batch->identity, next[batch->identity]);
        next[batch->identity] = (uint16_t)(batch->first + batch->n);
    }
    if (b->height < w->canon_n && w->canon[b->height] != block) {
        fail(w, "agreement", "height %u has two final blocks, node %u", (unsigned)b->height,
             n->index);
        return;
    }
    if (b->height < w->canon_n)
        return;
    w->canon[w->canon_n++] = block;
    w->delivered++;
    if (block >= w->quiet_from)
        *(b->n_batches == 0 ? &w->idle_blocks : &w->entry_blocks) += 1;
    if (b->change == w->change && b->changed == w->changed)
        w->change = CHANGE_NONE;
}
