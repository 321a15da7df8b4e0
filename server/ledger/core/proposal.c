/* Rules "propose", "on Proposal" and "tryNotarize". */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

/* ---- receiving ------------------------------------------------------------------------------- */

void on_proposal(struct core *c, const struct core_event *e, struct core_out *out)
{
    const struct core_block *b = &e->block;
    if ((e->from != core_leader(c, b->view) && !MUTANT(LEADERFREE)) || b->view <= c->final_view ||
        b->view > c->view + CORE_WINDOW || b->parent_view >= b->view)
        return;
    struct core_slot *s = slot_of(c, b->view);
    if (s == NULL)
        return;
    if (!s->has_prop) {
        s->has_prop = true;
        s->prop = *b;
        return;
    }
    if (core_id_equal(&s->prop.id, &b->id))
        return;
    if (MUTANT(DOUBLE)) {
        s->prop = *b;
        s->check = CORE_UNASKED;
        s->my_n = false;
        return;
    }
    if (!core_set_has(&s->accused[CORE_FAULT_PROPOSAL], e->from)) {
        core_set_add(&s->accused[CORE_FAULT_PROPOSAL], e->from);
        struct core_action *a = act(out, CORE_EVIDENCE, CORE_FAULT_PROPOSAL, s->view, &b->id);
        a->from = e->from;
        a->other = s->prop.id;
    }
    on_block(c, e); /* the other one may be what the quorum notarized */
}

void pull_block(struct core_slot *s, const struct core_id *id, struct core_out *out)
{
    if (s->asked_block)
        return;
    s->asked_block = true;
    s->wanted = *id;
    if (!MUTANT(NOPULL))
        (void)act(out, CORE_PULL_BLOCK, 0, s->view, id);
}

/* A block that a certificate or a final descendant names, or one of my own log; nothing else is
 * kept, or a faulty leader could push the certified block out. */
void on_block(struct core *c, const struct core_event *e)
{
    const struct core_block *b = &e->block;
    struct core_slot *s = slot_of(c, b->view);
    if (s == NULL || b->parent_view >= b->view || slot_block(s, &b->id) != NULL)
        return;
    bool mine = (s->my_n && core_id_equal(&s->my_n_id, &b->id)) ||
                (s->my_prop && core_id_equal(&s->my_prop_id, &b->id));
    if (!s->has_prop && mine) {
        s->has_prop = true;
        s->prop = *b;
    } else if (mine || core_id_equal(&s->wanted, &b->id) ||
               (s->cert_n && core_id_equal(&s->cert_n_id, &b->id)) ||
               (s->cert_f && core_id_equal(&s->cert_f_id, &b->id))) {
        s->has_block = true;
        s->block = *b;
    }
}

void on_checked(struct core *c, const struct core_event *e)
{
    struct core_slot *s = slot_find(c, e->view);
    if (s != NULL && s->has_prop && core_id_equal(&s->prop.id, &e->id))
        s->check = e->flag ? CORE_GOOD : CORE_BAD;
}

/* ---- tryNotarize ----------------------------------------------------------------------------- */

enum standing { STANDS, WAITS, NEVER };

static enum standing pull_cert(struct core_slot *s, uint8_t kind, struct core_out *out)
{
    bool *asked = kind == CORE_N ? &s->asked_n : &s->asked_s;
    if (!*asked) {
        *asked = true;
        (void)act(out, CORE_PULL_CERT, kind, s->view, NULL);
    }
    return WAITS;
}

/* Parent notarized, not older than the last final block (if equal: that very block), one lower. */
static enum standing parent_stands(struct core *c, const struct core_block *b, struct core_out *out)
{
    if (b->parent_view < c->final_view)
        return MUTANT(PARENTOLD) ? STANDS : NEVER;
    if (b->parent_view == c->final_view)
        return core_id_equal(&b->parent, &c->final_id) &&
                       (b->height == c->final_height + 1 || MUTANT(HEIGHTFREE))
                   ? STANDS
                   : NEVER;
    struct core_slot *p = slot_of(c, b->parent_view);
    if (p == NULL)
        return WAITS;
    const struct core_id *certified = p->cert_n ? &p->cert_n_id : p->cert_f ? &p->cert_f_id : NULL;
    if (certified == NULL && MUTANT(PARENTFREE) && p->has_prop)
        certified = &p->prop.id;
    if (certified == NULL)
        return pull_cert(p, CORE_N, out);
    if (!core_id_equal(certified, &b->parent))
        return NEVER; /* a view has one notarized block */
    const struct core_block *parent = slot_block(p, &b->parent);
    if (parent == NULL) {
        pull_block(p, &b->parent, out);
        return WAITS;
    }
    return b->height == parent->height + 1 || MUTANT(HEIGHTFREE) ? STANDS : NEVER;
}

/* Every view between parent and block was skipped by a quorum. */
static enum standing gap_stands(struct core *c, uint64_t parent_view, uint64_t view,
                                struct core_out *out)
{
    enum standing all = STANDS;
    if (MUTANT(NOSKIPCERT))
        return STANDS;
    if (MUTANT(PARENTOLD) && parent_view < c->final_view)
        parent_view = c->final_view;
    for (uint64_t u = parent_view + 1; u < view; u++) {
        struct core_slot *s = slot_of(c, u);
        if (s == NULL || !s->cert_s)
            all = s == NULL ? WAITS : pull_cert(s, CORE_S, out);
    }
    return all;
}

bool rule_notarize(struct core *c, struct core_slot *s, struct core_out *out)
{
    if (!s->has_prop || s->my_n || s->view <= c->final_view)
        return false;
    enum standing at = parent_stands(c, &s->prop, out);
    if (at == STANDS)
        at = gap_stands(c, s->prop.parent_view, s->view, out);
    if (at == STANDS && MUTANT(CHECKFREE))
        s->check = CORE_GOOD;
    if (at == STANDS && s->check == CORE_UNASKED) {
        s->check = CORE_ASKED;
        (void)act(out, CORE_CHECK, 0, s->view, &s->prop.id);
    }
    /* Invalid for good. Only a view that was entered is skipped: were S(v+1) certified before
     * anything of v is, nobody would work on v any more, and no later gap could be closed. */
    if (at == NEVER || (at == STANDS && s->check == CORE_BAD))
        return (s->view <= c->view || MUTANT(EARLYSKIP)) && cast_skip(c, s, out);
    return at == STANDS && s->check == CORE_GOOD && cast_notarize(c, s, &s->prop.id, out);
}

/* ---- proposing ------------------------------------------------------------------------------- */

/* The highest certified block below the view; its view via ret_view. */
static enum standing choose_parent(struct core *c, struct core_block *ret, struct core_out *out)
{
    uint64_t v = c->view - 1;
    for (; v > c->final_view; v--) {
        struct core_slot *s = slot_of(c, v);
        if (s == NULL)
            return WAITS;
        if (s->cert_n || s->cert_f) {
            const struct core_id *id = s->cert_n ? &s->cert_n_id : &s->cert_f_id;
            const struct core_block *b = slot_block(s, id);
            if (b != NULL) {
                *ret = *b;
                return STANDS;
            }
            pull_block(s, id, out);
            return WAITS;
        }
        if (!s->cert_s)
            return pull_cert(s, CORE_S, out);
    }
    *ret =
        (struct core_block){ .id = c->final_id, .view = c->final_view, .height = c->final_height };
    return STANDS;
}

bool rule_propose(struct core *c, struct core_out *out)
{
    struct core_block parent;
    if (c->config.me == CORE_NOBODY || core_leader(c, c->view) != c->config.me)
        return false;
    struct core_slot *s = slot_of(c, c->view);
    if (s == NULL || s->my_prop || s->building || s->my_s || s->cert_s)
        return false;
    if (!c->work && !(c->may_be_empty && c->n_top > c->final_view && !MUTANT(NOEMPTY)) &&
        !MUTANT(RESTLESS))
        return false; /* nothing to order, and the tip is final: the chain stays quiet */
    if (choose_parent(c, &parent, out) != STANDS)
        return false;
    /* Too many heights are open: wait for them, but not for ever. Blocks that were notarized and
     * skipped become final only under a new one. */
    if (parent.height - c->final_height >= c->config.in_flight_max &&
        (!c->may_be_empty || MUTANT(WINDOWFULL)))
        return false;
    s->building = true;
    struct core_action *a = act(out, CORE_BUILD, 0, c->view, &parent.id);
    a->parent_view = parent.view;
    a->height = parent.height + 1;
    return true;
}

/* PROP is durable before the proposal leaves, so that a leader cannot equivocate after a crash. */
void on_built(struct core *c, const struct core_event *e, struct core_out *out)
{
    const struct core_block *b = &e->block;
    struct core_slot *s = slot_find(c, b->view);
    if (s == NULL || c->forked ||
        ((!s->building || s->my_prop || s->has_prop) && !MUTANT(BUILTTWICE)))
        return;
    s->building = false;
    s->my_prop = s->has_prop = true;
    s->my_prop_id = b->id;
    s->prop = *b;
    s->check = CORE_GOOD;
    if (!MUTANT(PROPUNLOGGED))
        (void)act(out, CORE_PERSIST, CORE_REC_PROP, b->view, &b->id);
    (void)act(out, CORE_SEND_PROPOSAL, 0, b->view, &b->id);
}
