/* From a seed to a verdict: makes the nodes, lets events happen one by one, asks the oracles. */
#include "tests/sim/world.h"

#include <assert.h>

struct world *world_make(void)
{
    struct world *w = calloc(1, sizeof(*w));
    assert(w != NULL);
    w->signatures = signatures_make();
    for (size_t i = 0; i < NODES_MAX; i++) {
        w->nodes[i] = calloc(1, sizeof(struct node));
        assert(w->nodes[i] != NULL);
        w->nodes[i]->core = calloc(1, sizeof(struct core));
        assert(w->nodes[i]->core != NULL);
    }
    return w;
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < NODES_MAX; i++) {
        free(w->nodes[i]->core);
        free(w->nodes[i]);
    }
    free(w->signatures);
    free(w);
}

/* ---- the beginning
 * ------------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t spread(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void reset(struct world *w, uint64_t seed, unsigned mutant, bool trace)
{
    uint64_t state = seed;
    w->seed = seed;
    w->mutant = mutant;
    w->trace = trace;
    w->random[0] = spread(&state);
    w->random[1] = spread(&state);
    w->hash = 0;
    w->now = w->steps = w->delivered = w->crashes = w->evidence = 0;
    w->failed = w->healed = false;
    w->what[0] = '\0';
    w->oracle = "";
    w->stage = 0;
    w->idle_blocks = 0;
    w->change = CHANGE_NONE;
    w->nodes_n = 0;
    memset(w->cut, 0, sizeof(w->cut));
    memset(w->deaf, 0, sizeof(w->deaf));
    queue_reset(w);
    tables_reset(w);
    signatures_reset(w);
}

static void add_node(struct world *w, uint8_t identity, uint8_t twin)
{
    struct node *n = w->nodes[w->nodes_n];
    n->index = (uint8_t)w->nodes_n++;
    n->identity = identity;
    n->twin = twin;
    n->byzantine = w->plan.lies[identity] != 0;
    n->observer = identity >= w->plan.members;
    n->up = false;
    n->key = 0;
    n->life = n->epoch = 0;
    n->records_n = n->waiting_n = 0;
    n->timer_number = 0;
    n->news_peer = n->index;
    n->tip = w->epochs[0].start;
    n->proof.mask = n->tip_cert.mask = 0;
    memset(n->end_proof, 0, sizeof(n->end_proof));
    n->has_block[0] = HAS_DATABASE;
    n->rate = 1000;
    n->lag_us = 0;
    for (size_t i = 0; i < IDENTITIES_MAX; i++)
        n->applied[i] = 1;
}

static void add_nodes(struct world *w)
{
    bool skewed = chance(w, 400), slow = chance(w, 250);
    w->identities_n = w->plan.members + w->plan.observers;
    for (uint8_t i = 0; i < w->identities_n; i++)
        add_node(w, i, 0);
    for (uint8_t i = 0; i < w->plan.members; i++)
        if ((w->plan.lies[i] & LIE_TWIN) != 0)
            add_node(w, i, 1);
    for (uint32_t i = 0; i < w->nodes_n; i++)
        w->nodes[i]->rate = skewed ? 500 + chance_below(w, 1501) : 1000;
    if (slow)
        w->nodes[chance_below(w, w->nodes_n)]->lag_us = (5 + chance_below(w, 60)) * MS;
    for (size_t i = 0; i < IDENTITIES_MAX; i++)
        w->next_entry[i] = 1;
}

static void every(struct world *w, uint8_t type, uint32_t ms, uint32_t a)
{
    if (ms > 0)
        queue_add(w, w->now + (ms / 2 + chance_below(w, ms)) * (uint64_t)MS + 1,
                  &(struct event){ .type = type, .a = a });
}

static void schedule(struct world *w)
{
    const struct plan *p = &w->plan;
    every(w, WORLD_CLIENT, p->client_ms, 0);
    every(w, WORLD_SPLIT, p->split_ms, 0);
    every(w, WORLD_OUTAGE, p->outage_ms, 0);
    every(w, WORLD_CHANGE, p->change_ms, 0);
    every(w, NODE_CRASH, p->crash_ms, 0);
    every(w, WORLD_TWINS, p->twins_ms, 0);
    for (uint8_t i = 0; i < p->members; i++)
        if ((p->lies[i] & LIE_CRAFT) != 0)
            every(w, WORLD_LIAR, p->liar_ms, i);
    queue_add(w, p->heal_at, &(struct event){ .type = WORLD_HEAL });
}

/* ---- what happens to the world
 * ---------------------------------------------------------------------- */

/* An operator asks for another list: a seatless identity joins, somebody leaves, a lost key is
 * replaced. */
static void want_change(struct world *w)
{
    uint16_t newest = (uint16_t)(w->epochs_n - 1);
    const struct epoch *e = &w->epochs[newest];
    if (w->change != CHANGE_NONE || newest + 2 >= EPOCHS_MAX)
        return;
    for (uint32_t i = 0; i < w->nodes_n; i++) {
        uint16_t seat = seat_of(w, newest, w->nodes[i]->identity);
        if (seat != CORE_NOBODY && e->key[seat] != w->nodes[i]->key && w->nodes[i]->twin == 0) {
            w->change = CHANGE_REKEY;
            w->changed = w->nodes[i]->identity;
            return;
        }
    }
    uint8_t who = (uint8_t)chance_below(w, w->identities_n);
    bool seated = seat_of(w, newest, who) != CORE_NOBODY;
    if (seated && (e->n <= 4 || core_faults((uint16_t)(e->n - 1)) < w->plan.byzantine))
        return;
    if (!seated && w->plan.lies[who] != 0)
        return; /* who was removed as faulty stays out */
    w->change = seated ? CHANGE_LEAVE : CHANGE_JOIN;
    w->changed = who;
}

static void heal(struct world *w)
{
    for (uint32_t i = 0; i < w->nodes_n && w->plan.last_outage; i++)
        node_crash(w, w->nodes[i]);
    oracle_heal(w);
    for (uint32_t i = 0; i < w->nodes_n; i++)
        if (!w->nodes[i]->up)
            node_start(w, w->nodes[i]);
}

static void happen_to_world(struct world *w, const struct event *e)
{
    const struct plan *p = &w->plan;
    switch (e->type) {
    case WORLD_CLIENT:
        client_entry(w);
        every(w, WORLD_CLIENT, w->healed ? 0 : p->client_ms, 0);
        break;
    case WORLD_SPLIT:
        if (!w->healed)
            net_split(w);
        every(w, WORLD_SPLIT, w->healed ? 0 : p->split_ms, 0);
        break;
    case WORLD_TWINS:
        net_twins(w);
        every(w, WORLD_TWINS, p->twins_ms, 0);
        break;
    case WORLD_LIAR:
        liar_act(w, (uint8_t)e->a);
        every(w, WORLD_LIAR, w->stage > 2 ? 0 : p->liar_ms, e->a);
        break;
    case WORLD_OUTAGE:
        for (uint32_t i = 0; i < w->nodes_n && !w->healed; i++)
            node_crash(w, w->nodes[i]);
        every(w, WORLD_OUTAGE, w->healed ? 0 : p->outage_ms, 0);
        break;
    case WORLD_CHANGE:
        if (!w->healed)
            want_change(w);
        every(w, WORLD_CHANGE, w->healed ? 0 : p->change_ms, 0);
        break;
    case WORLD_HEAL:
        heal(w);
        break;
    default:
        oracle_judge(w);
        break;
    }
}

static void happen_to_node(struct world *w, const struct event *e)
{
    struct node *n = w->nodes[e->node];
    if (e->type == NODE_CRASH) {
        if (!w->healed) {
            node_crash(w, w->nodes[chance_below(w, w->nodes_n)]);
            every(w, NODE_CRASH, w->plan.crash_ms, 0);
        }
        return;
    }
    if (e->life != n->life)
        return;
    switch (e->type) {
    case NODE_WAKE:
        if (n->wake_set)
            node_wake(w, n);
        break;
    case NODE_GATE:
        node_gate(w, n);
        break;
    case NODE_COMMIT:
        deliver_commit(w, n);
        break;
    case NODE_TICK:
        node_tick(w, n);
        break;
    default:
        if (!n->up)
            node_start(w, n);
        break;
    }
}

static void tell_plan(struct world *w)
{
    const struct plan *p = &w->plan;
    trace_say(w, "%u members, %u nodes, t0 %u ms, in flight %u, drop %u, duplicate %u, delay %u us",
              p->members, w->nodes_n, p->t0_ms, p->in_flight, p->drop, p->duplicate, p->delay_us);
    for (uint32_t i = 0; i < w->nodes_n; i++)
        trace_say(w, "node %u: member %u%s%s, lies %u, clock %u/1000, lag %u us", i,
                  w->nodes[i]->identity, w->nodes[i]->twin ? " (twin)" : "",
                  w->nodes[i]->observer ? " (observer)" : "", p->lies[w->nodes[i]->identity],
                  w->nodes[i]->rate, w->nodes[i]->lag_us);
}

bool world_run(struct world *w, uint64_t seed, uint16_t members, unsigned mutant, bool trace)
{
    struct event e;
    reset(w, seed, mutant, trace);
    plan_draw(w, members);
    epoch_first(w);
    add_nodes(w);
    tell_plan(w);
    net_twins(w);
    for (uint32_t i = 0; i < w->nodes_n; i++)
        node_start(w, w->nodes[i]);
    if (w->plan.long_absence)
        node_away(w, w->nodes[w->nodes_n - 1]); /* an observer: its absence slows nobody */
    schedule(w);
    while (!w->failed && w->stage < 5 && queue_take(w, &e)) {
        trace_event(w, &e);
        if (e.type <= OWN_DELIVERED)
            node_receive(w, w->nodes[e.node], &e);
        else if (e.type <= NODE_RESTART)
            happen_to_node(w, &e);
        else
            happen_to_world(w, &e);
    }
    if (!w->failed && w->stage < 5)
        fail(w, "progress", "nothing is left to happen");
    return !w->failed;
}
