/* Rule "on start": the log is replayed, in any order; what I signed is complete again, so the same
 * rules stay safe. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

static void see_view(struct core *c, uint64_t view)
{
    if (view > c->view)
        c->view = view;
}

void on_record(struct core *c, const struct core_event *e)
{
    if (e->kind == CORE_REC_FIN) { /* durable after the database: the caller refuses an older one */
        if (e->view > c->floor)
            c->floor = e->view;
        see_view(c, e->view + 1);
        return;
    }
    struct core_slot *s = slot_of(c, e->view);
    if (s == NULL)
        return; /* at or below the floor */
    see_view(c, e->view);
    if (MUTANT(PROPFORGOTTEN) && e->kind == CORE_REC_PROP)
        return;
    if (MUTANT(AMNESIA) && e->kind != CORE_REC_PROP)
        return;
    switch (e->kind) {
    case CORE_REC_N:
        s->my_n = true;
        s->my_n_id = e->id;
        break;
    case CORE_REC_S:
        s->my_s = true;
        break;
    case CORE_REC_F:
        s->my_f = true;
        s->my_f_id = e->id;
        break;
    case CORE_REC_PROP:
        s->my_prop = true;
        s->my_prop_id = e->id;
        break;
    default:
        break;
    }
}

/* My own votes count again, and are sent again, byte for byte: nobody knows whether they arrived.
 */
static void recount(struct core_slot *s, uint16_t me)
{
    if (s->my_n) {
        core_set_add(&s->n_seen, me);
        s->n_of[me] = s->my_n_id;
    }
    if (s->my_s)
        core_set_add(&s->s_seen, me);
    if (s->my_f) {
        core_set_add(&s->f_seen, me);
        s->f_of[me] = s->my_f_id;
    }
    /* What I voted for, or proposed, was checked before. */
    if (s->has_prop && ((s->my_n && core_id_equal(&s->my_n_id, &s->prop.id)) ||
                        (s->my_prop && core_id_equal(&s->my_prop_id, &s->prop.id))))
        s->check = CORE_GOOD;
}

void on_start(struct core *c, struct core_out *out)
{
    c->started = true;
    if (c->config.me == CORE_NOBODY)
        return;
    for (uint64_t v = c->floor + 1; v <= c->top; v++) {
        struct core_slot *s = slot_find(c, v);
        if (s == NULL)
            continue;
        if (!MUTANT(OWNUNCOUNTED))
            recount(s, c->config.me);
        resend_slot(c, s, CORE_NOBODY, out);
        if (c->config.n == 1 && s->my_n) /* alone, my vote is the quorum */
            certify(c, s, CORE_N, &s->my_n_id, out);
        if (c->config.n == 1 && s->my_s)
            certify(c, s, CORE_S, NULL, out);
        if (c->config.n == 1 && s->my_f)
            certify(c, s, CORE_F, &s->my_f_id, out);
    }
}
