/* Rules "onCert F": finality, delivery in order, the floor. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

/* Walks from the finalized block down to the last final one and notes the path, newest first.
 * Returns its length, or 0 while a block is missing (then it is asked for). */
static size_t path_down(struct core *c, uint64_t view, struct core_id id,
                        const struct core_block *ret_path[CORE_SLOTS], struct core_out *out)
{
    size_t n = 0;
    while (view > c->final_view) {
        struct core_slot *s = slot_of(c, view);
        const struct core_block *b = s != NULL ? slot_block(s, &id) : NULL;
        if (b == NULL && MUTANT(GAPPED) && n > 0)
            return n;
        if (b == NULL) {
            if (s != NULL)
                pull_block(s, &id, out);
            return 0;
        }
        ret_path[n++] = b;
        view = b->parent_view;
        id = b->parent;
    }
    if (view < c->final_view || !core_id_equal(&id, &c->final_id)) {
        report_fork(c, view, &id,
                    out); /* a final block that does not stand on the last final one */
        return 0;
    }
    return n;
}

bool rule_final(struct core *c, struct core_out *out)
{
    const struct core_block *path[CORE_SLOTS];
    for (uint64_t v = c->top; v > c->final_view; v--) {
        struct core_slot *s = slot_find(c, v);
        if (s == NULL || (!s->cert_f && !(MUTANT(NOTARIZEDISFINAL) && s->cert_n)))
            continue;
        if (MUTANT(NOTARIZEDISFINAL) && !s->cert_f)
            s->cert_f_id = s->cert_n_id;
        size_t n = path_down(c, v, s->cert_f_id, path, out);
        if (n == 0)
            continue;
        for (size_t i = n; i-- > 0;) {
            const struct core_block *b = path[MUTANT(NEWESTFIRST) ? n - 1 - i : i];
            act(out, CORE_DELIVER, 0, b->view, &b->id)->height = b->height;
        }
        if (MUTANT(FINEARLY))
            (void)act(out, CORE_PERSIST, CORE_REC_FIN, v, &s->cert_f_id);
        c->final_view = v;
        c->final_id = s->cert_f_id;
        c->final_height = path[0]->height;
        return true;
    }
    return false;
}

/* FIN is logged after the database has committed, never before: a crash between the two delivers
 * again, which is a no-op there. */
static void raise_floor(struct core *c, uint64_t view, const struct core_id *id,
                        struct core_out *out)
{
    if (view <= c->floor)
        return;
    c->floor = view;
    for (size_t i = 0; i < CORE_SLOTS; i++)
        if (MUTANT(SKIPFORGOTTEN))
            c->slots[i].my_s = false;
    (void)act(out, CORE_PERSIST, CORE_REC_FIN, view, id);
}

void on_delivered(struct core *c, const struct core_event *e, struct core_out *out)
{
    if (e->view <= c->final_view)
        raise_floor(c, e->view, &e->id, out);
}

void on_caught_up(struct core *c, const struct core_event *e, struct core_out *out)
{
    if (e->view <= c->final_view)
        return;
    c->final_view = e->view;
    c->final_id = e->id;
    c->final_height = e->height;
    if (c->cert_top < e->view)
        c->cert_top = e->view;
    if (c->n_top < e->view)
        c->n_top = e->view;
    if (c->top < e->view)
        c->top = e->view;
    raise_floor(c, e->view, &e->id, out);
}
