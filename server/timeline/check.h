/* The client-side checks: findings that say how to mend them, and the certificate that a submission
 * carries. Rules are one table (docs/timeline.md#checks). Pure; today is a parameter. */
#ifndef CAIRN_TIMELINE_CHECK_H
#define CAIRN_TIMELINE_CHECK_H

#include "server/timeline/timeline.h"

#define CHECKS_VERSION "cairn-checks/1"
#define FINDINGS_LISTED_MAX 1000 /* errors, and as many others: beyond it they are only counted */

enum finding_severity { FINDING_INFO, FINDING_WARNING, FINDING_ERROR };

struct finding {
    enum finding_severity severity;
    const char *code;  /* stable, e.g. "date.future", "unit.unexpected", "value.implausible" */
    char pointer[64];  /* into the timeline, e.g. /observations/12/unit */
    char message[200]; /* a sentence that says how to mend it; quotes no value */
};

struct findings {
    struct finding *items;
    size_t n, cap;
    size_t errors, warnings; /* all of them, listed or not */
};

void findings_release(struct findings *f);
/* plan may be NULL; its texts are borrowed for the call. t need not be normalised: "date.order"
 * says if it is not. *ret is written on success alone and must hold nothing before. */
enum err timeline_check(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                        struct findings *ret) MUST_USE;

#endif
