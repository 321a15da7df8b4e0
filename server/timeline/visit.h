/* Walking a series visit by visit: what counting and checking share. Internal to the folder; pure.
 */
#ifndef CAIRN_TIMELINE_VISIT_H
#define CAIRN_TIMELINE_VISIT_H

#include "server/timeline/timeline.h"

struct visit {
    int32_t date;
    size_t first;  /* index of its first observation */
    int64_t items; /* how many different required items it has; 0 without a plan */
    bool complete; /* has as many as the plan asks for */
};

/* The next date (precision day) at or after *pos, which moves behind it; false at the end. t must
 * be normalised; plan may be NULL. */
bool visit_next(const struct timeline *t, const struct visit_plan *plan, size_t *pos,
                struct visit *ret);

#endif
