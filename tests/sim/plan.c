/* What a seed is about, drawn "swarm style": each kind of fault is on or off for the whole seed,
 * with its own rate, so that some runs are pure and some have one fault alone. */
#include "tests/sim/world.h"

static uint32_t between(struct world *w, uint32_t low, uint32_t high)
{
    return low + chance_below(w, high - low + 1);
}

/* A rate that is zero in so many of a thousand seeds. */
static uint32_t maybe(struct world *w, uint32_t on, uint32_t low, uint32_t high)
{
    return chance(w, on) ? between(w, low, high) : 0;
}

static uint8_t draw_lies(struct world *w)
{
    switch (chance_below(w, 8)) {
    case 0:
        return LIE_EQUIVOCATE;
    case 1: /* helps a few to a certificate, and is never heard of again */
        return chance(w, 500) ? LIE_WITHHOLD : LIE_WITHHOLD | LIE_SILENT;
    case 2:
        return LIE_CRAFT | LIE_EQUIVOCATE;
    case 3:
        return LIE_SILENT;
    case 4:
        return LIE_CRAFT | LIE_WITHHOLD;
    default:
        return chance(w, 300) ? LIE_TWIN | LIE_SILENT : LIE_TWIN;
    }
}

static void draw_members(struct world *w, uint16_t members)
{
    struct plan *p = &w->plan;
    static const uint16_t sizes[] = { 4, 4, 4, 4, 4, 5, 6, 7, 7, 10 };
    p->members = members != 0 ? members : sizes[chance_below(w, 10)];
    uint16_t faults = core_faults(p->members);
    p->byzantine = (uint16_t)(chance(w, 250) ? 0 : between(w, 1, faults));
    for (uint16_t left = p->byzantine; left > 0;) {
        uint32_t who = chance_below(w, p->members);
        if (p->lies[who] == 0) {
            p->lies[who] = draw_lies(w);
            left--;
        }
    }
    p->silent_at = between(w, 0, 5000) * (uint64_t)MS;
    p->observers = (uint16_t)maybe(w, 300, 1, 2);
}

static void draw_times(struct world *w)
{
    struct plan *p = &w->plan;
    p->t0_ms = between(w, 100, 800);
    p->in_flight = between(w, 1, 8);
    p->retry_ms = between(w, 2, 6) * p->t0_ms / 2;
    p->delay_us = between(w, 1, 30) * MS;
    p->jitter_us = maybe(w, 500, 20, 600) * MS;
    p->heal_delay_us = p->delay_us;
    if (chance(w, 120)) /* a round trip takes longer than the first timeout, for ever */
        p->delay_us = p->heal_delay_us = p->t0_ms * MS;
    p->sync_us = between(w, 200, chance(w, 200) ? 20000 : 2000);
    p->commit_us = between(w, 500, chance(w, 200) ? 40000 : 4000);
    p->check_us = between(w, 100, 4000);
    p->precise_work = chance(w, 500);
    p->client_ms = between(w, 60, 400);
    p->heal_at = w->now + between(w, 2000, 9000) * (uint64_t)MS;
}

/* A fast, quiet network in which hundreds of views pass while one member is away. */
static void draw_absence(struct world *w)
{
    struct plan *p = &w->plan;
    uint64_t heal_at = w->now + between(w, 3000, 4000) * (uint64_t)MS;
    *p = (struct plan){ .members = 4, .observers = 1, .long_absence = true };
    p->t0_ms = 50;
    p->retry_ms = 100;
    p->in_flight = 8;
    p->delay_us = p->heal_delay_us = MS;
    p->sync_us = p->commit_us = p->check_us = 300;
    p->client_ms = 8;
    p->twins_ms = 1000;
    p->heal_at = heal_at;
}

void plan_draw(struct world *w, uint16_t members)
{
    struct plan *p = &w->plan;
    memset(p, 0, sizeof(*p));
    draw_members(w, members);
    draw_times(w);
    p->drop = maybe(w, 500, 5, 300);
    p->duplicate = maybe(w, 400, 10, 300);
    p->crash_gate = maybe(w, 500, 2, 40);
    p->crash_ms = maybe(w, 350, 300, 3000);
    p->split_ms = maybe(w, 450, 200, 2500);
    p->twins_ms = between(w, 30, 600);
    p->liar_ms = between(w, 10, 150);
    p->outage_ms = maybe(w, 150, 1000, 5000);
    p->change_ms = maybe(w, 300, 500, 3000);
    p->one_way = chance(w, 500);
    p->sync_fails = chance(w, 300);
    p->disk_loss = chance(w, 250);
    p->few_copies = chance(w, 500);
    p->bare_log = chance(w, 50);
    p->real = chance(w, 10);
    p->last_outage = chance(w, 400);
    if (p->last_outage) /* helped until shortly before, and is never heard of again */
        p->silent_at = p->heal_at - chance_below(w, 1500) * (uint64_t)MS;
    if (chance(w, 15))
        draw_absence(w);
}
