/* Rules "onCert": what a quorum has said. Votes are dropped outside the window, certificates are
 * not. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

void report_fork(struct core *c, uint64_t view, const struct core_id *id, struct core_out *out)
{
    if (c->forked)
        return;
    c->forked = true;
    (void)act(out, CORE_EVIDENCE, CORE_FAULT_FORK, view, id);
}

/* By quorum intersection none of these can be while at most f are faulty. */
static bool excluded(const struct core_slot *s, uint8_t kind, const struct core_id *id)
{
    switch (kind) {
    case CORE_N:
        return (s->cert_n && !core_id_equal(&s->cert_n_id, id)) ||
               (s->cert_f && !core_id_equal(&s->cert_f_id, id));
    case CORE_S:
        return s->cert_f;
    default:
        return s->cert_s || (s->cert_f && !core_id_equal(&s->cert_f_id, id)) ||
               (s->cert_n && !core_id_equal(&s->cert_n_id, id));
    }
}

static void raise(uint64_t *top, uint64_t view)
{
    if (view > *top)
        *top = view;
}

void certify(struct core *c, struct core_slot *s, uint8_t kind, const struct core_id *id,
             struct core_out *out)
{
    bool *known = kind == CORE_N ? &s->cert_n : kind == CORE_S ? &s->cert_s : &s->cert_f;
    if (excluded(s, kind, id)) {
        report_fork(c, s->view, id, out);
        return;
    }
    if (*known)
        return;
    *known = true;
    if (kind == CORE_N)
        s->cert_n_id = *id;
    if (kind == CORE_F)
        s->cert_f_id = *id;
    if (kind == CORE_F || !MUTANT(NOENTER))
        raise(&c->cert_top, s->view);
    if (kind != CORE_S)
        raise(&c->n_top, s->view);
    /* "emit once to all": so correct members enter a view within one delay of each other. */
    if (!MUTANT(NORELAY))
        (void)act(out, CORE_SEND_CERT, kind, s->view, id);
}

void on_cert(struct core *c, const struct core_event *e, struct core_out *out)
{
    if (e->view <= c->final_view || e->kind < CORE_N || e->kind > CORE_F ||
        (MUTANT(CERTWINDOW) && e->view != c->view))
        return;
    struct core_slot *s = slot_of(c, e->view);
    if (s != NULL) {
        certify(c, s, e->kind, e->kind == CORE_S ? NULL : &e->id, out);
    } else if (e->kind == CORE_F && e->view > c->range_view) {
        /* Too far ahead for the ring: the database comes first, by range. */
        c->range_view = e->view;
        if (!MUTANT(NOCATCHUP))
            (void)act(out, CORE_PULL_RANGE, CORE_F, e->view, &e->id);
    }
}
