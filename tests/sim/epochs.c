/* Who votes: the first member list, and the ones that blocks with a change lead to. A pure function
 * of the block, so that every node finds the same. */
#include "tests/sim/world.h"

/* Every seat at least once per cycle, some twice, in an order that the block decides. */
static void make_schedule(const struct world *w, struct epoch *e)
{
    uint64_t x = w->blocks[e->start].id.bytes[0] + 257u * w->blocks[e->start].id.bytes[1] + w->seed;
    uint16_t extra = (uint16_t)(x % 3);
    e->schedule_len = (uint16_t)(e->n + extra);
    for (uint16_t i = 0; i < e->schedule_len; i++)
        e->schedule[i] = (uint8_t)(i % e->n);
    for (uint16_t i = (uint16_t)(e->schedule_len - 1); i > 0; i--) {
        x = x * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        uint16_t j = (uint16_t)((x >> 33) % (i + 1u));
        uint8_t swap = e->schedule[i];
        e->schedule[i] = e->schedule[j];
        e->schedule[j] = swap;
    }
}

void epoch_first(struct world *w)
{
    struct block genesis = { .parent = NONE, .valid = true };
    for (size_t i = 0; i < IDENTITIES_MAX; i++)
        genesis.next[i] = 1;
    struct epoch *e = &w->epochs[0];
    e->start = block_add(w, &genesis);
    w->canon[0] = e->start;
    w->canon_n = 1;
    e->n = w->plan.members;
    for (uint8_t i = 0; i < e->n; i++) {
        e->member[i] = i;
        e->key[i] = 0;
    }
    e->quorum = core_quorum(e->n);
    make_schedule(w, e);
    w->epochs_n = 1;
}

static void apply_change(struct epoch *e, const struct block *b)
{
    uint8_t change = b->change, who = b->changed;
    uint16_t at = 0;
    while (at < e->n && e->member[at] != who)
        at++;
    if (change == CHANGE_JOIN && at == e->n && e->n < 10) {
        e->member[e->n] = who;
        e->key[e->n++] = b->changed_key;
    } else if (change == CHANGE_LEAVE && at < e->n && e->n > 4) {
        for (; at + 1 < e->n; at++) {
            e->member[at] = e->member[at + 1];
            e->key[at] = e->key[at + 1];
        }
        e->n--;
    } else if (change == CHANGE_REKEY && at < e->n) {
        e->key[at]++;
    }
}

uint16_t epoch_after(struct world *w, uint32_t block)
{
    const struct block *b = &w->blocks[block];
    for (uint16_t i = 1; i < w->epochs_n; i++)
        if (w->epochs[i].start == block)
            return i;
    if (w->epochs_n == EPOCHS_MAX) {
        fail(w, "bounds", "more than %d epochs", EPOCHS_MAX);
        return b->epoch;
    }
    struct epoch *e = &w->epochs[w->epochs_n];
    *e = w->epochs[b->epoch];
    e->start = block;
    apply_change(e, b);
    e->quorum = core_quorum(e->n);
    make_schedule(w, e);
    trace_say(w, "epoch %u has %u seats: change %u of member %u", w->epochs_n, e->n, b->change,
              b->changed);
    if (b->epoch + 1u != w->epochs_n)
        fail(w, "agreement", "epoch %u ends with two blocks", b->epoch);
    w->epochs_n++;
    return (uint16_t)(w->epochs_n - 1);
}
