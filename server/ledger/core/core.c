/* Life, dispatch and the loop that applies the rules until none has anything to do. */
#include "server/ledger/core/core_internal.h"
#include "server/ledger/core/mutants.h"

#include <assert.h>
#include <string.h>

/* ---- members --------------------------------------------------------------------------------- */

uint16_t core_faults(uint16_t n)
{
    return (uint16_t)((n - 1) / 3);
}

uint16_t core_quorum(uint16_t n)
{
    if (MUTANT(QUORUM2F))
        return (uint16_t)(2 * core_faults(n));
    if (MUTANT(QUORUMALL))
        return n;
    return (uint16_t)(2 * n / 3 + 1);
}

uint16_t core_leader(const struct core *c, uint64_t view)
{
    return c->config.schedule[view % c->config.schedule_len];
}

/* ---- slots ----------------------------------------------------------------------------------- */

static bool in_ring(const struct core *c, uint64_t view)
{
    return view > c->floor && view - c->floor <= CORE_SLOTS;
}

struct core_slot *slot_find(struct core *c, uint64_t view)
{
    struct core_slot *s = &c->slots[view % CORE_SLOTS];
    return in_ring(c, view) && s->view == view ? s : NULL;
}

/* A slot whose view is not the wanted one holds a view at or below the floor: the ring is as long
 * as the views above it that fit. */
struct core_slot *slot_of(struct core *c, uint64_t view)
{
    struct core_slot *s = &c->slots[view % CORE_SLOTS];
    if (!in_ring(c, view))
        return NULL;
    if (s->view != view) {
        *s = (struct core_slot){ .view = view };
        if (view > c->top)
            c->top = view;
    }
    return s;
}

const struct core_block *slot_block(const struct core_slot *s, const struct core_id *id)
{
    if (s->has_prop && core_id_equal(&s->prop.id, id))
        return &s->prop;
    return s->has_block && core_id_equal(&s->block.id, id) ? &s->block : NULL;
}

struct core_action *act(struct core_out *out, enum core_action_type type, uint8_t kind,
                        uint64_t view, const struct core_id *id)
{
    assert(out->n < CORE_ACTIONS_MAX);
    struct core_action *a = &out->a[out->n++];
    memset(a, 0, sizeof(*a));
    a->type = (uint8_t)type;
    a->kind = kind;
    a->view = view;
    a->from = CORE_NOBODY;
    if (id != NULL)
        a->id = *id;
    return a;
}

/* ---- the step -------------------------------------------------------------------------------- */

void core_init(struct core *c, const struct core_config *config, uint64_t view,
               const struct core_id *tip, uint64_t height)
{
    assert(config->n >= 1 && config->n <= CORE_MEMBERS_MAX && config->schedule_len >= 1);
    memset(c, 0, sizeof(*c));
    c->config = *config;
    if (MUTANT(FLOORLOWERED))
        view = 0;
    c->floor = c->final_view = c->cert_top = c->top = view;
    c->n_top = view;
    c->final_id = *tip;
    c->final_height = height;
    c->view = view + 1;
}

/* Every rule fires at most once per fact, so this ends. */
static void settle(struct core *c, struct core_out *out)
{
    bool moved = true;
    while (moved && !c->forked) {
        moved = rule_enter(c);
        for (uint64_t v = c->final_view + 1; v <= c->top; v++) {
            struct core_slot *s = slot_find(c, v);
            if (s == NULL)
                continue;
            moved = rule_notarize(c, s, out) || moved;
            moved = rule_finalize(c, s, out) || moved;
        }
        moved = rule_join(c, out) || moved;
        moved = rule_final(c, out) || moved;
        moved = rule_propose(c, out) || moved;
    }
    rule_arm(c, out);
}

static void dispatch(struct core *c, const struct core_event *e, struct core_out *out)
{
    switch ((enum core_event_type)e->type) {
    case CORE_EV_RECORD:
        on_record(c, e);
        break;
    case CORE_EV_START:
        on_start(c, out);
        break;
    case CORE_EV_WORK:
        c->work = e->flag;
        break;
    case CORE_EV_BUILT:
        on_built(c, e, out);
        break;
    case CORE_EV_PROPOSAL:
        on_proposal(c, e, out);
        break;
    case CORE_EV_BLOCK:
        on_block(c, e);
        break;
    case CORE_EV_CHECKED:
        on_checked(c, e);
        break;
    case CORE_EV_VOTE:
        on_vote(c, e, out);
        break;
    case CORE_EV_CERT:
        on_cert(c, e, out);
        break;
    case CORE_EV_TIMER:
        on_timer(c, e, out);
        break;
    case CORE_EV_RETRY:
        on_retry(c, out);
        break;
    case CORE_EV_NEWS:
        on_news(c, e, out);
        break;
    case CORE_EV_DELIVERED:
        on_delivered(c, e, out);
        break;
    case CORE_EV_CAUGHT_UP:
        on_caught_up(c, e, out);
        break;
    }
}

void core_step(struct core *c, const struct core_event *e, struct core_out *out)
{
    dispatch(c, e, out);
    if (c->started)
        settle(c, out);
}
