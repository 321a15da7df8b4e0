/* The reward (DESIGN section 7; the formula is this project's own, docs/market.md):
 *   R = min(cap, floor((base + per_visit*visits + per_month*months)
 *                      * (10000 + scarcity_bp) * quality_bp / 10^8))
 * It is a function of a patient's whole accepted series under one bounty; each submission is paid
 * what R has grown by. So a longer series never earns less than its prefix, and splitting a series
 * earns nothing more. Exact integers, one rounding (down). Pure, thread-safe. Amounts in minor
 * units. */
#ifndef CAIRN_MARKET_REWARD_H
#define CAIRN_MARKET_REWARD_H

#include "server/statement/terms.h"

/* quality_bp of the highest step with score_bp <= score; 0 below the first. */
int64_t quality_of(const struct terms *t, int64_t score_bp);
/* visits 0..TERMS_VISITS_MAX, months 0..TERMS_MONTHS_MAX, score_bp 0..10000. Months beyond the
 * horizon of the terms count as the horizon. */
int64_t reward_of(const struct terms *t, int64_t visits, int64_t months, int64_t score_bp);
/* The most that these visits and months can earn, at the best score: what a quote reserves. */
int64_t reward_quote(const struct terms *t, int64_t visits, int64_t months);
/* The most that any series can earn under these terms. */
int64_t reward_max(const struct terms *t);
/* reward_max plus the fee of every seat: the most that one submission can cost. */
int64_t reward_worst_case(const struct terms *t);
/* What is still owed when this much was already paid to the same bounty key; never negative. */
int64_t pay_of(int64_t reward, int64_t already_paid);

#endif
