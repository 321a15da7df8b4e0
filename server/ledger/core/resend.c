/* Rule "on Nothing for T_r": broadcast is not reliable, so what counts is said again, verbatim and
 * without new records; and a member that may have missed something asks. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

static void send_to(struct core_out *out, enum core_action_type type, uint8_t kind, uint64_t view,
                    const struct core_id *id, uint16_t to)
{
    act(out, type, kind, view, id)->from = to;
}

void resend_slot(const struct core *c, const struct core_slot *s, uint16_t to, struct core_out *out)
{
    if (s->cert_f && !MUTANT(NORELAY))
        send_to(out, CORE_SEND_CERT, CORE_F, s->view, &s->cert_f_id, to);
    if (s->cert_n && !MUTANT(NORELAY))
        send_to(out, CORE_SEND_CERT, CORE_N, s->view, &s->cert_n_id, to);
    if (s->cert_s && !MUTANT(NORELAY))
        send_to(out, CORE_SEND_CERT, CORE_S, s->view, NULL, to);
    if (c->config.me == CORE_NOBODY)
        return;
    if (s->my_prop && s->has_prop && core_id_equal(&s->prop.id, &s->my_prop_id))
        send_to(out, CORE_SEND_PROPOSAL, 0, s->view, &s->my_prop_id, to);
    if (MUTANT(NOREVOTE))
        return;
    if (s->my_n)
        send_to(out, CORE_SEND_VOTE, CORE_N, s->view, &s->my_n_id, to);
    if (s->my_s)
        send_to(out, CORE_SEND_VOTE, CORE_S, s->view, NULL, to);
    if (s->my_f)
        send_to(out, CORE_SEND_VOTE, CORE_F, s->view, &s->my_f_id, to);
    else if (MUTANT(RETRYFINAL) && s->my_n && s->cert_n &&
             core_id_equal(&s->my_n_id, &s->cert_n_id))
        send_to(out, CORE_SEND_VOTE, CORE_F, s->view, &s->my_n_id, to);
}

/* Newest first: what is old matters least. */
static void resend_all(struct core *c, uint16_t to, struct core_out *out)
{
    uint64_t most = c->final_view + CORE_WINDOW;
    for (uint64_t v = c->top < most ? c->top : most; v > c->final_view; v--) {
        const struct core_slot *s = slot_find(c, v);
        if (s != NULL)
            resend_slot(c, s, to, out);
    }
    if (c->final_view > 0)
        send_to(out, CORE_SEND_CERT, CORE_F, c->final_view, &c->final_id, to);
}

/* Rule "hole": a view that was passed by, and of which no certificate came, is skipped. Its own may
 * be lost for good: with the memory of those who held it, and the vote of a faulty member in it. */
static void fill_holes(struct core *c, struct core_out *out)
{
    if (MUTANT(HOLES))
        return;
    if (MUTANT(EARLYSKIP))
        return;
    for (uint64_t v = c->final_view + 1; v < c->view; v++) {
        struct core_slot *s = slot_of(c, v);
        if (s != NULL && !s->cert_n && !s->cert_s && !s->cert_f)
            (void)cast_skip(c, s, out);
    }
}

void on_retry(struct core *c, struct core_out *out)
{
    if (!c->started || MUTANT(NORETRY))
        return;
    c->range_view = 0;
    for (uint64_t v = c->final_view + 1; v <= c->top; v++) {
        struct core_slot *s = slot_find(c, v);
        if (s != NULL && !MUTANT(PULLONCE))
            s->asked_n = s->asked_s = s->asked_block = s->building = false;
        if (s != NULL && s->check == CORE_ASKED)
            s->check = CORE_UNASKED;
    }
    fill_holes(c, out);
    if (c->n_top > c->final_view || c->work)
        resend_all(c, CORE_NOBODY, out);
    if (!MUTANT(NONEWS))
        (void)act(out, CORE_PULL_NEWS, 0, c->final_view, &c->final_id);
}

void on_news(struct core *c, const struct core_event *e, struct core_out *out)
{
    if (!c->started || e->from == c->config.me)
        return;
    if (e->view < c->final_view || c->top > c->final_view)
        resend_all(c, e->from, out);
}
