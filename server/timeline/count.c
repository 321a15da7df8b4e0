/* Visits and months, the two numbers that a reward is made of. */
#include "server/timeline/visit.h"

#include <assert.h>
#include <string.h>

/* The required items that this observation is, as bits: the same item listed twice is two bits. */
static uint32_t item_bits(const struct observation *o, const struct visit_plan *plan)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < plan->n_required; i++)
        if (strcmp(o->code, plan->required[i].code) == 0 &&
            strcmp(o->system, plan->required[i].system) == 0)
            bits |= UINT32_C(1) << i;
    return bits;
}

bool visit_next(const struct timeline *t, const struct visit_plan *plan, size_t *pos,
                struct visit *ret)
{
    size_t i = *pos;
    while (i < t->n && t->observations[i].precision != PRECISION_DAY)
        i++;
    if (i >= t->n) {
        *pos = t->n;
        return false;
    }
    struct visit v = { .date = t->observations[i].date, .first = i };
    uint32_t bits = 0;
    for (; i < t->n && t->observations[i].date == v.date &&
           t->observations[i].precision == PRECISION_DAY;
         i++)
        if (plan != NULL)
            bits |= item_bits(&t->observations[i], plan);
    v.items = __builtin_popcount(bits);
    v.complete = plan == NULL || v.items >= plan->required_min;
    *pos = i;
    *ret = v;
    return true;
}

int64_t timeline_months(int64_t days)
{
    assert(days >= 0 && days < INT32_MAX);
    return days * 120000 / 3652425;
}

/* Taking each visit as early as the spacing allows counts the most visits that any choice can, and
 * looks only backwards: what comes later cannot undo what is counted. */
void timeline_count(const struct timeline *t, const struct visit_plan *plan,
                    struct visit_count *ret)
{
    assert(plan->n_required <= COUNT(plan->required) && plan->min_spacing_days >= 0);
    struct visit_count c = { 0 };
    struct visit v;
    for (size_t pos = 0; visit_next(t, plan, &pos, &v);) {
        if (!v.complete)
            continue;
        if (c.visits == 0) {
            c.first = v.date;
        } else {
            if ((int64_t)v.date - c.last < plan->min_spacing_days)
                continue;
            int64_t months = timeline_months((int64_t)v.date - c.first);
            if (plan->horizon_months > 0 && months > plan->horizon_months)
                break;
            c.months = months;
        }
        c.last = v.date;
        c.visits++;
    }
    *ret = c;
}
