/* The checks: one table of rules on single observations, one on the whole series, one walk over its
 * visits. A message says what to do; a value of the patient never enters it. */
#include "server/timeline/check.h"

#include "server/timeline/visit.h"
#include "server/timeline/vocabulary.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP_DAYS 731 /* two years: a longer silence within a series is worth a look */

struct check {
    const struct timeline *t;
    const struct visit_plan *plan;
    int32_t today;
    struct findings *out;
    size_t listed_errors;
};

void findings_release(struct findings *f)
{
    free(f->items);
    *f = (struct findings){ 0 };
}

static enum err make_room(struct findings *f)
{
    if (f->n < f->cap)
        return OK;
    size_t cap = f->cap > 0 ? f->cap * 2 : 16;
    struct finding *fresh = reallocarray(f->items, cap, sizeof(*fresh));
    if (fresh == NULL)
        return ERR_NO_MEMORY;
    f->items = fresh;
    f->cap = cap;
    return OK;
}

static enum err add(struct check *c, enum finding_severity severity, const char *code,
                    const char *pointer, const char *message)
{
    struct findings *f = c->out;
    bool error = severity == FINDING_ERROR;
    f->errors += error ? 1 : 0;
    f->warnings += severity == FINDING_WARNING ? 1 : 0;
    if ((error ? c->listed_errors : f->n - c->listed_errors) >= FINDINGS_LISTED_MAX)
        return OK;
    enum err e = make_room(f);
    if (e != OK)
        return e;
    struct finding *item = &f->items[f->n++];
    *item = (struct finding){ .severity = severity, .code = code };
    (void)snprintf(item->pointer, sizeof(item->pointer), "%s", pointer);
    (void)snprintf(item->message, sizeof(item->message), "%s", message);
    c->listed_errors += error ? 1 : 0;
    return OK;
}

/* Rules on one observation return the member that breaks them ("" for the whole), or NULL. */

static const char *date_future(const struct check *c, const struct observation *o)
{
    return o->date > c->today ? "/date" : NULL;
}

static const char *date_old(const struct check *c, const struct observation *o)
{
    (void)c;
    return o->date < days_from_civil(1900, 1, 1) ? "/date" : NULL;
}

static const char *date_order(const struct check *c, const struct observation *o)
{
    return o > c->t->observations && timeline_compare(o - 1, o) >= 0 ? "" : NULL;
}

static const char *duplicate_conflict(const struct check *c, const struct observation *o)
{
    if (o == c->t->observations)
        return NULL;
    const struct observation *last = o - 1;
    bool same = last->date == o->date && last->precision == o->precision &&
                strcmp(last->system, o->system) == 0 && strcmp(last->code, o->code) == 0;
    return same && timeline_compare(last, o) != 0 ? "" : NULL;
}

static bool person_in(const char *system, const char *code)
{
    bool digits_may_be_codes = strcmp(system, SYSTEM_SNOMED) == 0;
    if (strcmp(system, SYSTEM_NDC) == 0) /* three groups of digits, as telephone numbers */
        return strchr(code, '@') != NULL || strchr(code, ' ') != NULL;
    return looks_like_person(code) || (!digits_may_be_codes && looks_like_compact_date(code));
}

static const char *identifier_like(const struct check *c, const struct observation *o)
{
    (void)c;
    if (strchr(o->system, '@') != NULL)
        return "/system";
    if (person_in(o->system, o->code))
        return "/code";
    if (o->unit != NULL)
        return looks_like_person(o->unit) || looks_like_compact_date(o->unit) ? "/unit" : NULL;
    if (strchr(o->value_system, '@') != NULL)
        return "/value_system";
    return person_in(o->value_system, o->value_code) ? "/value_code" : NULL;
}

/* An answer list of LOINC has LA codes, whose last digit follows another scheme. */
static bool code_valid(const char *system, const char *code)
{
    if (strcmp(system, SYSTEM_LOINC) == 0)
        return loinc_valid(code) || strncmp(code, "LA", 2) == 0;
    if (strcmp(system, SYSTEM_HPO) == 0 || strncmp(code, "HP:", 3) == 0)
        return curie_valid(code, "HP:", 7);
    if (strncmp(code, "MONDO:", 6) == 0)
        return timeline_disease_valid(code);
    const char *number = strncmp(code, "ORPHA:", 6) == 0 ? code + 6 : code;
    size_t digits = strspn(number, "0123456789");
    bool whole = digits > 0 && number[digits] == '\0';
    if (strcmp(system, SYSTEM_SNOMED) == 0)
        return whole && number == code && digits >= 6 && digits <= 18;
    return strcmp(system, SYSTEM_ORPHA) != 0 || whole;
}

static const char *code_form(const struct check *c, const struct observation *o)
{
    (void)c;
    if (!code_valid(o->system, o->code) ||
        (strcmp(o->system, SYSTEM_LOINC) == 0 && !loinc_valid(o->code)))
        return "/code";
    return o->value_code != NULL && !code_valid(o->value_system, o->value_code) ? "/value_code"
                                                                                : NULL;
}

static const char *system_form(const struct check *c, const struct observation *o)
{
    (void)c;
    if (strchr(o->system, ':') == NULL)
        return "/system";
    return o->value_system != NULL && strchr(o->value_system, ':') == NULL ? "/value_system" : NULL;
}

static const char *unit_unexpected(const struct check *c, const struct observation *o)
{
    (void)c;
    const struct measure *m;
    if (strcmp(o->system, SYSTEM_LOINC) != 0 || !measure_find(o->code, o->unit, &m) || m != NULL)
        return NULL;
    return o->unit != NULL ? "/unit" : "/value_code";
}

static const char *unit_unknown(const struct check *c, const struct observation *o)
{
    (void)c;
    return o->unit != NULL && !unit_known(o->unit) ? "/unit" : NULL;
}

/* Compares value * 10^-scale with thousandths, both sides as integers: |value| * 1000 <= 10^18 and
 * the table's bounds times 10^9 stay below 2^63. */
static bool outside(const struct observation *o, int64_t low, int64_t high)
{
    int64_t unit = 1;
    for (int i = 0; i < o->scale; i++)
        unit *= 10;
    int64_t value = o->value * 1000;
    return value < low * unit || value > high * unit;
}

static const struct measure *measure_of(const struct observation *o)
{
    const struct measure *m = NULL;
    if (o->unit != NULL && strcmp(o->system, SYSTEM_LOINC) == 0)
        (void)measure_find(o->code, o->unit, &m);
    return m;
}

static const char *value_impossible(const struct check *c, const struct observation *o)
{
    (void)c;
    const struct measure *m = measure_of(o);
    return m != NULL && outside(o, m->least, m->most) ? "/value" : NULL;
}

static const char *value_unusual(const struct check *c, const struct observation *o)
{
    const struct measure *m = measure_of(o);
    bool unusual = m != NULL && outside(o, m->low, m->high);
    return unusual && value_impossible(c, o) == NULL ? "/value" : NULL;
}

static const struct rule {
    const char *code;
    enum finding_severity severity;
    const char *(*broken)(const struct check *c, const struct observation *o);
    const char *message;
} rules[] = {
    { "date.future", FINDING_ERROR, date_future,
      "This date lies in the future. Correct it, or leave out what was only planned." },
    { "date.old", FINDING_WARNING, date_old,
      "This date lies before 1900. Check the year, and the epoch of the mapping." },
    { "date.order", FINDING_ERROR, date_order,
      "The observations are not in canonical order. Import the series again so that it is "
      "sorted." },
    { "duplicate.conflict", FINDING_WARNING, duplicate_conflict,
      "The same item has two values on one date. Keep both only if it was measured twice." },
    { "identifier.like", FINDING_ERROR, identifier_like,
      "This looks like an address, a number, a date or a name that could identify a person. Use "
      "the "
      "code of a code system; codes and units have no spaces." },
    { "code.form", FINDING_ERROR, code_form,
      "This code does not have its system's form or its check digit is wrong. Look the code up "
      "again." },
    { "system.form", FINDING_WARNING, system_form,
      "Name the code system by its URI, such as http://loinc.org, so that others can find it." },
    { "unit.unexpected", FINDING_ERROR, unit_unexpected,
      "This item is not measured in this unit. Use the unit of the report, or the code that "
      "belongs to "
      "the unit." },
    { "unit.unknown", FINDING_WARNING, unit_unknown,
      "This unit is not one of the UCUM codes known here. Check spelling and case, such as "
      "mg/dL." },
    { "value.implausible", FINDING_ERROR, value_impossible,
      "This value is not possible in this unit. Look for a slipped decimal point or another "
      "unit." },
    { "value.implausible", FINDING_WARNING, value_unusual,
      "This value is unusual in this unit. Compare it with the report; keep it if it is right." },
};

static enum err check_observations(struct check *c)
{
    for (size_t i = 0; i < c->t->n; i++)
        for (size_t r = 0; r < COUNT(rules); r++) {
            const char *member = rules[r].broken(c, &c->t->observations[i]);
            if (member == NULL)
                continue;
            char pointer[64];
            (void)snprintf(pointer, sizeof(pointer), "/observations/%zu%s", i, member);
            enum err e = add(c, rules[r].severity, rules[r].code, pointer, rules[r].message);
            if (e != OK)
                return e;
        }
    return OK;
}

static enum err check_items(struct check *c, const struct visit *v)
{
    char pointer[64], message[160];
    (void)snprintf(pointer, sizeof(pointer), "/observations/%zu", v->first);
    (void)snprintf(
        message, sizeof(message),
        "This date has %lld of the %lld required items that a visit needs, so it does not "
        "count. Add what was measured.",
        (long long)v->items, (long long)c->plan->required_min);
    return add(c, v->items > 0 ? FINDING_WARNING : FINDING_INFO, "items.missing", pointer, message);
}

/* Gaps and nearness are judged between the visits that could count. */
static enum err check_visits(struct check *c)
{
    int64_t spacing = c->plan != NULL ? c->plan->min_spacing_days : 0;
    int64_t gap = 2 * spacing > GAP_DAYS ? 2 * spacing : GAP_DAYS;
    bool any = false;
    int32_t last = 0, counted = 0;
    struct visit v;
    enum err e = OK;
    for (size_t pos = 0; e == OK && visit_next(c->t, c->plan, &pos, &v);) {
        if (!v.complete) {
            e = check_items(c, &v);
            continue;
        }
        char pointer[64];
        (void)snprintf(pointer, sizeof(pointer), "/observations/%zu/date", v.first);
        if (any && (int64_t)v.date - last > gap)
            e = add(
                c, FINDING_WARNING, "visit.sparse", pointer,
                "Before this date there is a long gap. Add the visits between, if there were any.");
        bool near = any && (int64_t)v.date - counted < spacing;
        if (near && e == OK)
            e = add(
                c, FINDING_INFO, "visit.near", pointer,
                "This visit is nearer to the last counted one than the plan's spacing, so it does "
                "not count. It may stay.");
        last = v.date;
        counted = near ? counted : v.date;
        any = true;
    }
    return e;
}

static enum err check_series(struct check *c)
{
    const struct visit_plan none = { 0 };
    struct visit_count count;
    timeline_count(c->t, c->plan != NULL ? c->plan : &none, &count);
    enum err e = OK;
    if (!timeline_disease_valid(c->t->disease))
        e = add(c, FINDING_ERROR, "disease.form", "/disease",
                "Name the disease as MONDO: and 7 digits, such as MONDO:0005388.");
    if (e == OK && c->t->n == 0)
        e = add(c, FINDING_ERROR, "series.empty", "/observations",
                "There is nothing in the series. Check the mapping's columns and filters.");
    else if (e == OK && count.visits < 2)
        e = add(
            c, FINDING_WARNING, "series.too_short", "/observations",
            "Fewer than two visits count, so the series spans no time. Add earlier or later ones.");
    return e;
}

enum err timeline_check(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                        struct findings *ret)
{
    struct findings out = { 0 };
    struct check c = { .t = t, .plan = plan, .today = today, .out = &out };
    enum err e = check_series(&c);
    if (e == OK)
        e = check_observations(&c);
    if (e == OK)
        e = check_visits(&c);
    if (e != OK) {
        findings_release(&out);
        return e;
    }
    *ret = out;
    return OK;
}
