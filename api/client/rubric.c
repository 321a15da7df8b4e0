#include "api/client/rubric.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define JUMP_FACTOR 10

/* Fine marks for what is sound, off for each kind of doubt. */
#define OFF_JUMP 6000 /* one may be a slip of the pen, two make a series doubtful */
#define OFF_JUMP_CONSISTENT 4000
#define OFF_CONFLICT 1000
#define OFF_GAP 1500
#define OFF_UNUSUAL 1200
#define PER_VISIT 900
#define PER_MONTH 90
#define DOUBT_BP 7000 /* a mark below this names its reason */

static int64_t clamp(int64_t mark)
{
    return mark < 0 ? 0 : mark > TERMS_BP ? TERMS_BP : mark;
}

__extension__ typedef __int128 wide;

/* |value| * 10^-scale as a comparable integer: 10^15 * 10^9 needs 80 bits. */
static wide size_of(const struct observation *o)
{
    wide v = o->value < 0 ? -(wide)o->value : (wide)o->value;
    for (int i = o->scale; i < 9; i++)
        v *= 10;
    return v;
}

static bool jumped(const struct observation *a, const struct observation *b)
{
    wide x = size_of(a), y = size_of(b);
    return x > 0 && y > 0 && (x > y * JUMP_FACTOR || y > x * JUMP_FACTOR);
}

static bool same_item(const struct observation *a, const struct observation *b)
{
    return a->unit != NULL && b->unit != NULL && strcmp(a->code, b->code) == 0 &&
           strcmp(a->system, b->system) == 0 && strcmp(a->unit, b->unit) == 0;
}

static int by_item_then_date(const void *a, const void *b)
{
    const struct observation *x = *(const struct observation *const *)a;
    const struct observation *y = *(const struct observation *const *)b;
    int order = strcmp(x->code, y->code);
    if (order == 0)
        order = strcmp(x->system, y->system);
    if (order == 0)
        order = strcmp(x->unit, y->unit);
    if (order == 0)
        order = (x->date > y->date) - (x->date < y->date);
    return order != 0 ? order : (x > y) - (x < y);
}

static enum err count_jumps(const struct timeline *t, int64_t *ret)
{
    const struct observation **list = calloc(t->n + 1, sizeof(*list));
    size_t n = 0;
    int64_t jumps = 0;
    if (list == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < t->n; i++)
        if (t->observations[i].unit != NULL)
            list[n++] = &t->observations[i];
    qsort(list, n, sizeof(*list), by_item_then_date);
    for (size_t i = 1; i < n; i++)
        if (same_item(list[i - 1], list[i]) && jumped(list[i - 1], list[i]))
            jumps++;
    free(list);
    *ret = jumps;
    return OK;
}

static bool has_item(const struct timeline *t, size_t from, size_t to, const char *system,
                     const char *code)
{
    for (size_t i = from; i < to; i++)
        if (strcmp(t->observations[i].code, code) == 0 &&
            strcmp(t->observations[i].system, system) == 0)
            return true;
    return false;
}

/* Share of what the plan asks of a visit, over all dated days. */
static void count_days(const struct timeline *t, const struct visit_plan *plan,
                       struct rubric_facts *f)
{
    int64_t sum = 0;
    for (size_t i = 0; i < t->n;) {
        size_t end = i;
        int64_t items = 0;
        while (end < t->n && t->observations[end].date == t->observations[i].date)
            end++;
        for (size_t r = 0; r < plan->n_required; r++)
            if (has_item(t, i, end, plan->required[r].system, plan->required[r].code))
                items++;
        int64_t wanted = plan->required_min;
        sum += wanted == 0 || items >= wanted ? TERMS_BP : TERMS_BP * items / wanted;
        f->days++;
        i = end;
    }
    f->complete_bp = f->days > 0 ? sum / f->days : 0;
}

static void count_findings(const struct findings *found, struct rubric_facts *f)
{
    f->errors = (int64_t)found->errors;
    for (size_t i = 0; i < found->n; i++) {
        const char *code = found->items[i].code;
        if (strcmp(code, "value.implausible") == 0)
            f->unusual++;
        else if (strcmp(code, "duplicate.conflict") == 0)
            f->conflicts++;
        else if (strcmp(code, "visit.sparse") == 0)
            f->gaps++;
        else if (strcmp(code, "unit.unknown") == 0 || strcmp(code, "system.form") == 0)
            f->uncoded++;
    }
}

enum err rubric_look(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                     struct rubric_facts *ret)
{
    struct rubric_facts f = { .observations = (int64_t)t->n };
    struct findings found = { 0 };
    struct visit_count count;
    enum err e = timeline_check(t, plan, today, &found);
    if (e == OK)
        e = count_jumps(t, &f.jumps);
    if (e == OK) {
        timeline_count(t, plan, &count);
        f.visits = count.visits;
        f.months = count.months;
        count_days(t, plan, &f);
        count_findings(&found, &f);
        *ret = f;
    }
    findings_release(&found);
    return e;
}

static int64_t raw_mark(const struct rubric_facts *f, const char *code)
{
    if (strcmp(code, "authentic") == 0)
        return f->errors > 0 ? 0 : TERMS_BP - OFF_JUMP * f->jumps - OFF_CONFLICT * f->conflicts;
    if (strcmp(code, "complete") == 0)
        return f->complete_bp;
    if (strcmp(code, "consistent") == 0) /* one visit cannot be held against another */
        return f->visits < 2 ? 0
                             : TERMS_BP - OFF_GAP * f->gaps - OFF_UNUSUAL * f->unusual -
                                   OFF_JUMP_CONSISTENT * f->jumps;
    if (strcmp(code, "coded") == 0)
        return f->observations > 0 ? TERMS_BP - TERMS_BP * f->uncoded / f->observations : 0;
    assert(strcmp(code, "useful") == 0);
    return f->visits < 2 ? 0 : PER_VISIT * f->visits + PER_MONTH * f->months;
}

int64_t rubric_mark(const struct rubric_facts *f, const char *code, int64_t strictness)
{
    return clamp(clamp(raw_mark(f, code)) - strictness);
}

/* Reasons for what drew the marks down, in the terms of reason_codes. */
static json_t *reasons_of(const struct rubric_facts *f, bool claims_wrong)
{
    const struct {
        bool holds;
        const char *code;
    } rules[] = {
        { f->gaps > 0, "dates.gap" },
        { f->visits < 2, "visits.sparse" },
        { f->complete_bp < DOUBT_BP, "items.missing" },
        { f->jumps + f->unusual > 0, "values.implausible" },
        { f->uncoded > 0, "codes.wrong" },
        { f->conflicts > 0, "series.inconsistent" },
        { claims_wrong, "claims.wrong" },
    };
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT(rules) && list != NULL; i++)
        if (rules[i].holds && json_array_append_new(list, json_string(rules[i].code)) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

/* What the author can mend by adding visits or items is returned; what casts doubt is rejected. */
static enum recommend recommend(const struct rubric_facts *f, int64_t mean, int64_t threshold,
                                const struct terms *terms)
{
    int64_t seats = terms->review.seats;
    if (mean * seats >= threshold * (seats + terms->review.k))
        return RECOMMEND_ACCEPT;
    bool mendable = f->visits < 2 || f->complete_bp < DOUBT_BP || f->gaps > 0;
    return mendable && f->jumps == 0 ? RECOMMEND_RETURN : RECOMMEND_REJECT;
}

json_t *rubric_verdict(const struct rubric_facts *f, const struct terms *terms,
                       int64_t claimed_visits, int64_t claimed_months, int64_t strictness)
{
    json_t *marks = json_object();
    int64_t sum = 0;
    for (size_t i = 0; i < terms->review.n_rubric; i++) {
        int64_t mark = rubric_mark(f, terms->review.rubric[i], strictness);
        sum += mark;
        if (json_object_set_new(marks, terms->review.rubric[i], json_integer(mark)) != 0) {
            json_decref(marks);
            return NULL;
        }
    }
    assert(terms->review.n_rubric > 0); /* terms_read sees to it */
    int64_t mean = sum / (int64_t)terms->review.n_rubric;
    bool claims_wrong = claimed_visits != f->visits || claimed_months != f->months;
    enum recommend r = recommend(f, mean, terms->review.threshold_bp, terms);
    return json_pack("{s:o, s:I, s:I, s:s, s:o}", "rubric", marks, "visits", (json_int_t)f->visits,
                     "months", (json_int_t)f->months, "recommend", recommend_codes[r], "reasons",
                     reasons_of(f, claims_wrong));
}
