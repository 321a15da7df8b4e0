/* The score of a round and its outcome (DESIGN section 7; docs/review.md). Exact integers
 * throughout: w_i = 1 / (reviewers of i's institution among the revealed), n_eff = sum w_i, v_i =
 * mean of the rubric / 10000, score = 10000 * sum(w_i v_i) / (n_eff + k). With L = 720720 =
 * lcm(1..16) every L * w_i is an integer, so nothing is rounded before the end. At equal verdicts
 * the score grows with independent reviewers and never exceeds their mean. Pure. */
#ifndef CAIRN_REVIEW_SCORE_H
#define CAIRN_REVIEW_SCORE_H

#include "server/review/verdict.h"

#define SCORE_L INT64_C(720720)
#define SCORE_VERDICTS_MAX 15 /* one per seat; below 16, so that every count divides L */

struct scored_verdict {
    const char *institution; /* borrowed */
    struct verdict verdict;
};

enum outcome { OUTCOME_EXPIRED, OUTCOME_ACCEPTED, OUTCOME_RETURNED, OUTCOME_REJECTED };

struct score {
    int64_t num, den; /* the exact score in basis points = num / den */
    int64_t score_bp; /* floor(num / den), 0..10000 */
    int64_t n_eff_bp; /* floor(10000 * n_eff) */
};

struct decision {
    enum outcome outcome;
    struct score score;     /* zero when EXPIRED: below quorum there is no score */
    int64_t quality_bp;     /* the terms' step for the score; 0 unless ACCEPTED */
    int64_t visits, months; /* confirmed: weighted lower medians; 0 when EXPIRED */
    uint32_t reasons;       /* union of what the verdicts named; 0 when EXPIRED */
};

/* n within 1..SCORE_VERDICTS_MAX; n_rubric = rubric codes of the terms. */
void score_of(const struct scored_verdict *v, size_t n, size_t n_rubric, int64_t k,
              struct score *ret);
/* The smallest value x such that the values <= x carry at least half of the weight. */
int64_t score_median(const int64_t *values, const int64_t *weights, size_t n);
/* ACCEPTED at score >= threshold; below it the weighted majority of "return" against "reject", a
 * tie being RETURNED; EXPIRED below quorum. n may be 0. */
void decide(const struct terms *terms, const struct scored_verdict *v, size_t n,
            struct decision *ret);
const char *outcome_name(enum outcome o); /* "EXPIRED", "ACCEPTED", ... */

#endif
