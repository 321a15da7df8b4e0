/* The scripted reviewer of `cairn demo` (docs/client.md): a verdict that follows from the content
 * alone, so that a run can be repeated and argued with. It is no substitute for a person's
 * judgement. Pure. */
#ifndef CAIRN_CLIENT_RUBRIC_H
#define CAIRN_CLIENT_RUBRIC_H

#include "server/review/verdict.h"
#include "server/timeline/check.h"
#include "server/timeline/timeline.h"

/* What the marks follow from. */
struct rubric_facts {
    int64_t observations, days; /* days: dates with anything on them */
    int64_t visits, months;     /* counted under the terms */
    int64_t complete_bp;        /* mean share of the required items over the days, capped at 1 */
    int64_t jumps;              /* neighbouring values of one item that differ more than tenfold */
    int64_t unusual;            /* findings: unusual values */
    int64_t conflicts;          /* findings: two values on one date */
    int64_t gaps;               /* findings: long silences */
    int64_t uncoded;            /* findings: unknown units or code systems */
    int64_t errors;             /* findings that a submission may not have */
};

enum err rubric_look(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                     struct rubric_facts *ret) MUST_USE;
/* One mark of 0..10000 for a rubric code; strictness (basis points) is taken off every mark. */
int64_t rubric_mark(const struct rubric_facts *f, const char *code, int64_t strictness);
/* The whole verdict as JSON; NULL without memory. claims are compared with what was counted. */
json_t *rubric_verdict(const struct rubric_facts *f, const struct terms *terms,
                       int64_t claimed_visits, int64_t claimed_months, int64_t strictness);

#endif
