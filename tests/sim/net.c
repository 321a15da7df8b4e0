/* Links between nodes: loss, repetition, delay, order, cuts (also one-way), and who hears which
 * twin. */
#include "tests/sim/world.h"

static uint64_t delay_of(struct world *w)
{
    const struct plan *p = &w->plan;
    if (w->healed)
        return 1 + chance_below(w, p->heal_delay_us);
    uint64_t delay = p->delay_us / 2 + chance_below(w, p->delay_us) + 1;
    if (p->jitter_us > 0 && chance(w, 150))
        delay += chance_below(w, p->jitter_us);
    return delay;
}

static void send_one(struct world *w, uint8_t from, uint8_t to, const struct event *e)
{
    struct event copy = *e;
    if (from == to || w->cut[from][to] || w->deaf[from][to] ||
        (!w->healed && chance(w, w->plan.drop)))
        return;
    copy.node = to;
    copy.from = from;
    queue_add(w, w->now + delay_of(w), &copy);
    if (!w->healed && chance(w, w->plan.duplicate))
        queue_add(w, w->now + delay_of(w), &copy);
}

void net_send(struct world *w, uint8_t from, uint8_t to, const struct event *e)
{
    if (to < w->nodes_n) {
        send_one(w, from, to, e);
        return;
    }
    for (uint8_t i = 0; i < w->nodes_n; i++)
        send_one(w, from, i, e);
}

/* Two groups, or one node apart; one-way cuts leave the other direction open. */
void net_split(struct world *w)
{
    memset(w->cut, 0, sizeof(w->cut));
    if (chance(w, 300))
        return; /* a quiet time */
    uint32_t side = (uint32_t)chance_next(w);
    if (chance(w, 400))
        side = 1u << chance_below(w, w->nodes_n);
    bool one_way = w->plan.one_way && chance(w, 500);
    for (uint32_t a = 0; a < w->nodes_n; a++)
        for (uint32_t b = 0; b < w->nodes_n; b++)
            w->cut[a][b] = (side >> a & 1) != (side >> b & 1) && (!one_way || (side >> a & 1) != 0);
}

void net_heal(struct world *w)
{
    memset(w->cut, 0, sizeof(w->cut));
}

/* Each node talks with one of the twins of an identity, or with both. Twins never hear each other.
 */
void net_twins(struct world *w)
{
    memset(w->deaf, 0, sizeof(w->deaf));
    for (uint32_t t = 0; t < w->nodes_n; t++) {
        const struct node *twin = w->nodes[t];
        if (twin->twin == 0)
            continue;
        for (uint32_t first = 0; first < w->nodes_n; first++) {
            if (w->nodes[first]->identity != twin->identity || first == t)
                continue;
            w->deaf[first][t] = w->deaf[t][first] = true;
            for (uint32_t k = 0; k < w->nodes_n; k++) {
                uint32_t hears = chance_below(w, 5); /* 0, 1: the first; 2, 3: the other; 4: both */
                if (k == first || k == t || hears == 4)
                    continue;
                uint32_t not = hears < 2 ? t : first;
                w->deaf[not ][k] = w->deaf[k][not ] = true;
            }
        }
    }
}
