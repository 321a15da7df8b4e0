/* What must happen at last. All faults end at a drawn time, the Byzantine stay; from then on every
 * correct node must deliver three more heights, then three more at the pace of short timeouts, then
 * all that was handed in, and then nothing: a chain with nothing to order is quiet. */
#include "tests/sim/mutants.h"

#include <inttypes.h>

#define JUDGE_US (100u * MS)
enum stage { STAGE_FAULTS, STAGE_FIRST, STAGE_PACE, STAGE_DRAIN, STAGE_QUIET, STAGE_DONE };

/* Lowest height among the correct. */
static uint64_t lowest(const struct world *w)
{
    uint64_t low = UINT64_MAX;
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        const struct node *n = w->nodes[i];
        uint64_t height = w->blocks[n->tip].height;
        if (!n->byzantine && height < low)
            low = height;
    }
    return low;
}

static bool drained(const struct world *w)
{
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        const struct node *n = w->nodes[i];
        if (n->byzantine)
            continue;
        for (uint32_t k = 0; k < w->nodes_n; k++)
            if (!w->nodes[k]->byzantine &&
                n->applied[w->nodes[k]->identity] != w->next_entry[w->nodes[k]->identity])
                return false;
        if (w->blocks[n->tip].height + 1 != w->canon_n)
            return false;
    }
    return true;
}

/* The timeout that a member may be in when the faults end, by the slowest clock. */
static uint64_t longest_timeout(const struct world *w)
{
    uint64_t longest = 0;
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        const struct core *c = w->nodes[i]->core;
        uint64_t delay = w->plan.t0_ms * (uint64_t)MS;
        for (uint64_t v = 0; v + 1 + c->final_view < c->view && v < 12; v++)
            delay = delay * 3 / 2;
        longest = delay > longest ? delay : longest;
    }
    return longest < 60000u * MS ? longest : 60000u * MS;
}

static void next_stage(struct world *w, uint64_t allowed_us)
{
    w->stage++;
    w->stage_at = w->now;
    w->deadline = w->now + allowed_us;
    w->goal = w->canon_n - 1 + 3;
    w->idle_blocks = w->entry_blocks = 0;
    w->quiet_from = w->blocks_n;
    trace_say(w, "stage %u, %u ms allowed", w->stage, (unsigned)(allowed_us / MS));
}

/* Views that may pass while nobody leads who can: each of f members, faulty or without its key, may
 * have two turns in a row. */
static uint64_t views_allowed(const struct world *w)
{
    return 4u + 3u * core_faults(w->plan.members);
}

void oracle_heal(struct world *w)
{
    w->healed = true;
    net_heal(w);
    w->calm_timeout = longest_timeout(w);
    next_stage(w, 20000u * MS + 4 * w->calm_timeout * views_allowed(w));
    queue_add(w, w->now + JUDGE_US, &(struct event){ .type = WORLD_JUDGE });
}

static bool stuck(struct world *w, const char *what)
{
    if (w->now < w->deadline)
        return false;
    if (w->plan.bare_log) { /* safety alone was promised */
        w->stage = STAGE_DONE;
        return false;
    }
    fail(w, w->stage == STAGE_QUIET ? "rest" : "progress",
         "%s (lowest height %" PRIu64 " of %u, wanted %" PRIu64 ")", what, lowest(w),
         w->canon_n - 1, w->goal);
    return true;
}

/* Entries keep coming in slowly until the last stages, one at a time. */
static void feed(struct world *w)
{
    if (w->stage < STAGE_DRAIN && chance(w, 400))
        client_entry(w);
}

void oracle_judge(struct world *w)
{
    uint64_t t0 = w->plan.t0_ms * (uint64_t)MS;
    feed(w);
    switch ((enum stage)w->stage) {
    case STAGE_FIRST:
        if (lowest(w) >= w->goal)
            next_stage(w,
                       10000u * MS + 12 * (t0 + 2ull * w->plan.heal_delay_us) * views_allowed(w));
        else if (stuck(w, "no three heights after the faults have ended"))
            return;
        break;
    case STAGE_PACE:
        if (lowest(w) >= w->goal)
            next_stage(w, 30000u * MS + 60 * t0 * views_allowed(w));
        else if (stuck(w, "no three heights at the pace of short timeouts"))
            return;
        break;
    case STAGE_DRAIN:
        if (drained(w))
            next_stage(w, 30000u * MS);
        else if (stuck(w, "an entry that was handed in is not delivered everywhere"))
            return;
        break;
    case STAGE_QUIET:
        /* A driver that asks its database alone what is due proposes empty blocks until the last
         * entries are stored: counted is what comes when that is over. */
        if (!w->plan.precise_work && w->now - w->stage_at < 1500u * MS + 5 * t0)
            w->idle_blocks = w->entry_blocks = 0;
        /* Where a round trip is as long as the timeouts, no tip is final before the next leader's
         * turn. */
        if (12 * w->plan.heal_delay_us < t0 && w->idle_blocks > 8 + w->entry_blocks)
            fail(w, "rest", "the chain goes on with nothing to order");
        else if (w->now - w->stage_at > 3000u * MS + 10 * t0)
            w->stage = STAGE_DONE;
        break;
    default:
        break;
    }
    if (w->stage != STAGE_DONE && !w->failed)
        queue_add(w, w->now + JUDGE_US, &(struct event){ .type = WORLD_JUDGE });
}
