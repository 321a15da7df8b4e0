/* Credit: a pure function of the finalized blocks of the account chain. It sets how often a
 * validator leads, never what its vote weighs. */
#include "server/ledger/members/members_internal.h"

static int32_t clamp(int64_t value, int32_t most)
{
    return (int32_t)(value > most ? most : value < -most ? -most : value);
}

/* Views v below end with v mod len = at. */
static uint64_t turns_below(uint64_t end, uint16_t len, uint16_t at)
{
    return end / len + (end % len > at ? 1 : 0);
}

static void earn(struct members *m, uint8_t index, int64_t points)
{
    m->earned[index] = clamp(m->earned[index] + points, EARNED_MAX);
}

/* However long the gap is, the work is one pass over the schedule. */
void members_block(struct members *m, uint64_t view, uint64_t parent_view)
{
    memset(&m->fresh, 0, sizeof(m->fresh));
    if (view <= parent_view || m->schedule_len == 0)
        return; /* no block that was finalized */
    for (uint16_t at = 0; at < m->schedule_len; at++) {
        uint64_t skipped = turns_below(view, m->schedule_len, at) -
                           turns_below(parent_view + 1, m->schedule_len, at);
        if (skipped > EARNED_MAX)
            skipped = EARNED_MAX;
        earn(m, m->schedule[at], CREDIT_SKIPPED * (int64_t)skipped);
    }
    earn(m, m->schedule[view % m->schedule_len], 1);
}

/* A step of an eighth towards 0, at least one: what is neither earned nor lost is forgotten. */
static int32_t decayed(int32_t credit)
{
    int32_t step = credit / 8;
    if (step == 0)
        step = (credit > 0) - (credit < 0);
    return credit - step;
}

void credit_settle(struct members *m, const struct core_members *withheld)
{
    for (size_t i = 0, index = 0; i < m->n; i++) {
        struct member *one = &m->list[i];
        int64_t credit = decayed(one->credit);
        if (one->role == MEMBER_VALIDATOR) {
            credit += m->earned[index] + (core_set_has(withheld, index) ? CREDIT_WITHHELD : 0);
            index++;
        }
        one->credit = one->convicted ? -CREDIT_MAX : clamp(credit, CREDIT_MAX);
    }
}
