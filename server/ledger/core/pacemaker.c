/* When to enter a view and how long to wait in it. Nothing here bears on safety: any timing of
 * these steps leaves the voting rules as they are. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

#define DELAY_CAP_MS 60000
#define GROWTH_MAX 12

/* Rule "enter": any certificate of a view ends it. */
bool rule_enter(struct core *c)
{
    if (c->cert_top < c->view)
        return false;
    c->view = c->cert_top + 1;
    c->timer_set = c->fired = c->nudge = c->may_be_empty = false;
    return true;
}

static uint32_t delay_of(const struct core *c)
{
    uint64_t behind = c->view - c->final_view - 1, delay = c->config.t0_ms;
    if (MUTANT(FLATTIMER))
        behind = 0;
    if (MUTANT(LONGTIMER))
        behind = c->view - 1;
    for (uint64_t i = 0; i < behind && i < GROWTH_MAX; i++)
        delay = delay * 3 / 2;
    return (uint32_t)(delay < DELAY_CAP_MS ? delay : DELAY_CAP_MS);
}

/* Is there anything that this view should bring? Otherwise the chain is quiet and no clock runs. */
static bool waiting(struct core *c)
{
    const struct core_slot *s = slot_find(c, c->view);
    return MUTANT(RESTLESS) || c->work || c->n_top > c->final_view ||
           (s != NULL && (s->has_prop || (core_set_count(&s->s_seen) > 0 && !MUTANT(JOINFREE))));
}

/* A leader with nothing to order, or with too many heights open, gives the tip some time to become
 * final before it proposes another block on it. That time does not grow with the timeouts: a leader
 * whose clock is slow would spend on it all the time that those with quick clocks give its view. */
static bool would_nudge(struct core *c)
{
    const struct core_slot *s = slot_find(c, c->view);
    return c->config.me != CORE_NOBODY && core_leader(c, c->view) == c->config.me &&
           !c->may_be_empty && c->n_top > c->final_view &&
           (s == NULL || (!s->my_prop && !s->building));
}

void rule_arm(struct core *c, struct core_out *out)
{
    if (c->timer_set || c->forked || !waiting(c))
        return;
    c->timer_set = true;
    c->nudge = !c->fired && would_nudge(c);
    struct core_action *a = act(out, CORE_TIMER, 0, c->view, NULL);
    a->delay_ms = c->fired ? c->config.t0_ms : delay_of(c);
    if (c->nudge)
        a->delay_ms = c->config.t0_ms * 3 / 4 + 1; /* half the timeout while blocks flow */
}

/* Rule "on timer(V)": skip; then, every T0 while still in V, my votes of V again. */
void on_timer(struct core *c, const struct core_event *e, struct core_out *out)
{
    if (e->view != c->view || !c->timer_set)
        return;
    c->timer_set = false;
    if (c->nudge) {
        c->nudge = false;
        c->may_be_empty = true;
        return;
    }
    if (!waiting(c))
        return;
    struct core_slot *s = slot_of(c, c->view);
    if (s == NULL || c->config.me == CORE_NOBODY)
        return;
    bool again = c->fired;
    c->fired = true;
    if (!cast_skip(c, s, out) && again)
        resend_slot(c, s, CORE_NOBODY, out);
}
