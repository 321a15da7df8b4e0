#include "server/market/reward.h"

#include <assert.h>

int64_t quality_of(const struct terms *t, int64_t score_bp)
{
    int64_t quality = 0;
    for (size_t i = 0; i < t->reward.n_quality && t->reward.quality[i].score_bp <= score_bp; i++)
        quality = t->reward.quality[i].quality_bp;
    return quality;
}

int64_t reward_of(const struct terms *t, int64_t visits, int64_t months, int64_t score_bp)
{
    assert(visits >= 0 && visits <= TERMS_VISITS_MAX);
    assert(months >= 0 && months <= TERMS_MONTHS_MAX);
    assert(score_bp >= 0 && score_bp <= TERMS_BP);
    const struct terms_reward *r = &t->reward;
    if (t->visits.horizon_months > 0 && months > t->visits.horizon_months)
        months = t->visits.horizon_months;
    /* At most 10^12 * (1 + 20000 + 1200), times 110000, times 10000: below 2.4 * 10^25, so the
     * product needs 128 bits and the sum alone does not. */
    int64_t sum = r->base_minor + r->per_visit_minor * visits + r->per_month_minor * months;
    __extension__ typedef unsigned __int128 wide;
    wide product = (wide)sum * (wide)(TERMS_BP + r->scarcity_bp) * (wide)quality_of(t, score_bp);
    wide reward = product / ((wide)TERMS_BP * TERMS_BP);
    return reward < (wide)r->cap_minor ? (int64_t)reward : r->cap_minor;
}

int64_t reward_quote(const struct terms *t, int64_t visits, int64_t months)
{
    return reward_of(t, visits, months, TERMS_BP);
}

int64_t reward_max(const struct terms *t)
{
    return reward_quote(t, TERMS_VISITS_MAX, TERMS_MONTHS_MAX);
}

int64_t reward_worst_case(const struct terms *t)
{
    return reward_max(t) + t->review.fee_minor * t->review.seats;
}

int64_t pay_of(int64_t reward, int64_t already_paid)
{
    assert(reward >= 0);
    assert(already_paid >= 0);
    return reward > already_paid ? reward - already_paid : 0;
}
