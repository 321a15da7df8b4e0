/* Canonical timelines from outside: whatever is taken prints back to the same bytes, and counting,
 * slicing and checking it hold their promises. */
#include "server/timeline/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void judge(const struct timeline *t)
{
    const struct visit_plan plan = { .min_spacing_days = 30,
                                     .horizon_months = 120,
                                     .required_min = 1,
                                     .n_required = 1,
                                     .required = { { "http://loinc.org", "1975-2" } } };
    struct visit_count all, part;
    timeline_count(t, &plan, &all);
    require(all.visits >= 0 && all.months >= 0 && all.months <= 120 && all.first <= all.last);
    struct timeline slice;
    timeline_init(&slice);
    require(timeline_slice(t, t->n > 0 ? t->observations[t->n / 2].date : 0, &slice) == OK);
    timeline_count(&slice, &plan, &part);
    require(part.visits <= all.visits && part.months <= all.months);
    timeline_release(&slice);
    struct findings f = { 0 };
    require(timeline_check(t, &plan, 20000, &f) == OK);
    for (size_t i = 0; i < f.n; i++)
        require(f.items[i].pointer[0] == '/' && f.items[i].message[0] != '\0');
    findings_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct timeline t;
    struct problem p = { 0 };
    if (timeline_parse((const char *)data, size, &t, &p) != OK) {
        require(p.code != OK && p.detail[0] != '\0');
        return 0;
    }
    struct buf b;
    buf_init(&b, TIMELINE_BYTES_MAX);
    require(timeline_print(&t, &b) == OK);
    require(b.len == size && memcmp(b.data, data, size) == 0);
    require(json_is_canonical(buf_str(&b), b.len));
    require(timeline_normalise(&t) == 0);
    judge(&t);
    buf_release_secret(&b);
    timeline_release(&t);
    return 0;
}
