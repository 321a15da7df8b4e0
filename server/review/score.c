#include "server/review/score.h"

#include "server/market/reward.h"

#include <assert.h>
#include <string.h>

/* L * w_i, exact because an institution holds at most 15 seats. */
static int64_t weight_of(const struct scored_verdict *v, size_t n, size_t i)
{
    int64_t same = 0;
    for (size_t j = 0; j < n; j++)
        if (strcmp(v[j].institution, v[i].institution) == 0)
            same++;
    assert(same >= 1 && SCORE_L % same == 0);
    return SCORE_L / same;
}

void score_of(const struct scored_verdict *v, size_t n, size_t n_rubric, int64_t k,
              struct score *ret)
{
    assert(n >= 1 && n <= SCORE_VERDICTS_MAX);
    assert(n_rubric >= 1 && n_rubric <= TERMS_RUBRIC_MAX);
    assert(k >= 1);
    int64_t weights = 0, marks = 0;
    for (size_t i = 0; i < n; i++) {
        assert(v[i].verdict.rubric_sum >= 0 &&
               v[i].verdict.rubric_sum <= (int64_t)n_rubric * TERMS_BP);
        int64_t w = weight_of(v, n, i);
        weights += w;
        marks += w * v[i].verdict.rubric_sum; /* at most 15 * 720720 * 80000 */
    }
    /* 10000 * (marks / (L * n_rubric * 10000)) / ((weights + k L) / L) with L and 10000 cancelled.
     */
    *ret = (struct score){
        .num = marks,
        .den = (int64_t)n_rubric * (weights + k * SCORE_L),
        .n_eff_bp = TERMS_BP * weights / SCORE_L,
    };
    ret->score_bp = ret->num / ret->den;
    assert(ret->score_bp >= 0 && ret->score_bp <= TERMS_BP);
}

int64_t score_median(const int64_t *values, const int64_t *weights, size_t n)
{
    assert(n >= 1);
    int64_t total = 0;
    for (size_t i = 0; i < n; i++) {
        assert(weights[i] > 0);
        total += weights[i];
    }
    int64_t best = INT64_MAX;
    for (size_t i = 0; i < n; i++) {
        int64_t below = 0;
        for (size_t j = 0; j < n; j++)
            if (values[j] <= values[i])
                below += weights[j];
        if (2 * below >= total && values[i] < best)
            best = values[i];
    }
    return best; /* the largest value always qualifies */
}

static enum outcome refused(const struct scored_verdict *v, const int64_t *weights, size_t n)
{
    int64_t to_return = 0, to_reject = 0;
    for (size_t i = 0; i < n; i++) {
        if (v[i].verdict.recommend == RECOMMEND_RETURN)
            to_return += weights[i];
        else if (v[i].verdict.recommend == RECOMMEND_REJECT)
            to_reject += weights[i];
    }
    /* A tie, and silence, never go against the patient. */
    return to_reject > to_return ? OUTCOME_REJECTED : OUTCOME_RETURNED;
}

void decide(const struct terms *terms, const struct scored_verdict *v, size_t n,
            struct decision *ret)
{
    assert(n <= SCORE_VERDICTS_MAX);
    *ret = (struct decision){ .outcome = OUTCOME_EXPIRED };
    if (n == 0 || (int64_t)n < terms->review.quorum)
        return;
    int64_t weights[SCORE_VERDICTS_MAX], visits[SCORE_VERDICTS_MAX], months[SCORE_VERDICTS_MAX];
    for (size_t i = 0; i < n; i++) {
        weights[i] = weight_of(v, n, i);
        visits[i] = v[i].verdict.visits;
        months[i] = v[i].verdict.months;
        ret->reasons |= v[i].verdict.reasons;
    }
    score_of(v, n, terms->review.n_rubric, terms->review.k, &ret->score);
    ret->visits = score_median(visits, weights, n);
    ret->months = score_median(months, weights, n);
    if (ret->score.score_bp < terms->review.threshold_bp) {
        ret->outcome = refused(v, weights, n);
        return;
    }
    ret->outcome = OUTCOME_ACCEPTED;
    ret->quality_bp = quality_of(terms, ret->score.score_bp);
}

const char *outcome_name(enum outcome o)
{
    static const char *const names[] = { "EXPIRED", "ACCEPTED", "RETURNED", "REJECTED" };
    assert((size_t)o < COUNT(names));
    return names[o];
}
