/* The world's only randomness, and the trace: what happened as a hash, and as text on request. */
#include "tests/sim/world.h"

#include <inttypes.h>
#include <stdarg.h>

/* xoroshiro128+ (Blackman, Vigna 2018), seeded by splitmix64 in world_run. */
uint64_t chance_next(struct world *w)
{
    uint64_t a = w->random[0], b = w->random[1], sum = a + b;
    b ^= a;
    w->random[0] = ((a << 24) | (a >> 40)) ^ b ^ (b << 16);
    w->random[1] = (b << 37) | (b >> 27);
    return sum;
}

uint32_t chance_below(struct world *w, uint32_t n)
{
    return n == 0 ? 0 : (uint32_t)(((chance_next(w) >> 32) * n) >> 32);
}

bool chance(struct world *w, uint32_t per_thousand)
{
    return per_thousand > 0 && chance_below(w, 1000) < per_thousand;
}

void trace_mix(struct world *w, uint64_t value)
{
    uint64_t x = (w->hash ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    w->hash = x ^ (x >> 29);
}

void trace_say(struct world *w, const char *format, ...)
{
    if (!w->trace)
        return;
    va_list list;
    va_start(list, format);
    printf("%10" PRIu64 ".%03u  ", w->now / MS, (unsigned)(w->now % MS));
    (void)vprintf(format, list);
    printf("\n");
    va_end(list);
}

static const char *event_name(uint8_t type)
{
    static const char *const names[] = {
        "?",          "vote",       "cert",       "proposal", "block", "batch",  "pull cert",
        "pull block", "pull batch", "pull range", "range",    "news",  "timer",  "retry",
        "built",      "checked",    "delivered",  "wake",     "gate",  "commit", "tick",
        "crash",      "restart",    "client",     "split",    "twins", "liar",   "outage",
        "change",     "heal",       "judge",
    };
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

/* Wakes and ticks are mixed in, but not worth a line. */
void trace_event(struct world *w, const struct event *e)
{
    trace_mix(w, w->now);
    trace_mix(w, (uint64_t)e->type << 32 | (uint64_t)e->node << 24 | (uint64_t)e->from << 16 |
                     (uint64_t)e->seat << 8 | e->kind);
    trace_mix(w, e->view ^ (uint64_t)e->a << 32 ^ (uint64_t)e->b << 16 ^ e->mask);
    if (!w->trace || e->type == NODE_WAKE || e->type == NODE_TICK || e->type == NODE_GATE)
        return;
    if (e->type <= FRAME_CERT && e->a < w->facts_n) {
        const struct fact *f = &w->facts[e->a];
        trace_say(w, "node %u gets %s %c(%" PRIu64 ", block %d) of epoch %u from node %u%s",
                  e->node, event_name(e->type), "?NSF"[f->kind & 3], f -> view, (int)f -> block,
                  f -> epoch, e -> from, e -> epoch == f -> epoch ? "" : " (other epoch)");
        return;
    }
    trace_say(w, "node %u: %s a=%d b=%d view=%" PRIu64 " from=%u", e->node, event_name(e->type),
              (int)e->a, (int)e->b, e->view, e->from);
}

static const char *action_name(uint8_t type)
{
    static const char *const names[] = {
        "?",     "PERSIST",   "SEND_VOTE",  "SEND_CERT",  "SEND_PROPOSAL",
        "TIMER", "PULL_CERT", "PULL_BLOCK", "PULL_RANGE", "PULL_NEWS",
        "BUILD", "CHECK",     "DELIVER",    "EVIDENCE",
    };
    return type < sizeof(names) / sizeof(names[0]) ? names[type] : "?";
}

void trace_action(struct world *w, const struct node *n, const struct core_action *a)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++)
        head = head << 8 | a->id.bytes[i];
    trace_mix(w, (uint64_t)a->type << 48 | (uint64_t)a->kind << 40 | (uint64_t)a->from << 16 |
                     n->identity);
    trace_mix(w, a->view ^ head ^ (uint64_t)a->delay_ms << 20 ^ a->height << 40);
    if (w->trace)
        trace_say(
            w, "   node %u: %s kind %u view %" PRIu64 " block %d height %" PRIu64 " to %u, %u ms",
            (unsigned)(n->identity + 16 * n->twin), action_name(a->type), a->kind, a->view,
            (int)block_find(w, &a->id), a->height, a->from, a->delay_ms);
}
