/* The canonical timeline (docs/timeline.md): all that is checked, encrypted, committed or scored is
 * this form. Integers and strings only; one series has exactly one sequence of bytes.
 * Canonical JSON (server/base/json.h), members in this shape:
 *   { "disease": "MONDO:0005388", "format": "cairn-timeline/1",
 *     "observations": [
 *       { "code": "1975-2", "date": "1974-01-01", "precision": "day", "scale": 1,
 *         "system": "http://loinc.org", "unit": "mg/dL", "value": 145 },
 *       { "code": "...", "date": "...", "precision": "...", "system": "...",
 *         "value_code": "...", "value_system": "..." } ] }
 *
 * A quantity is value * 10^-scale, scale 0..9, no trailing zero in value when scale > 0, |value| <=
 * 10^15. precision is day, month or year; the date of a coarser one is its first day. Observations
 * are sorted by (date, precision, system, code, unit, value, scale, value_system, value_code),
 * where a coded value sorts before a quantity, and are unique. Text is printable ASCII without a
 * space at either end. Pure; no clock: "today" is a parameter. One thread per timeline. */
#ifndef CAIRN_TIMELINE_TIMELINE_H
#define CAIRN_TIMELINE_TIMELINE_H

#include "server/base/buf.h"
#include "server/base/clock.h"
#include "server/base/json.h"

#define TIMELINE_SCHEMA "cairn-timeline/1"
#define TIMELINE_OBSERVATIONS_MAX 20000
#define TIMELINE_BYTES_MAX (6u << 20)
#define TIMELINE_SYSTEM_MAX 200 /* bytes of system and value_system */
#define TIMELINE_CODE_MAX 64    /* bytes of code and value_code */
#define TIMELINE_UNIT_MAX 40    /* bytes of unit */
#define TIMELINE_SCALE_MAX 9
#define TIMELINE_VALUE_MAX INT64_C(1000000000000000) /* 10^15 */

enum date_precision { PRECISION_DAY, PRECISION_MONTH, PRECISION_YEAR };

struct observation {
    int32_t date; /* days since 1970-01-01 */
    enum date_precision precision;
    char *system, *code;
    char *unit;                      /* quantity: UCUM code; NULL for a coded value */
    int64_t value;                   /* quantity */
    int scale;                       /* quantity: 0..9 */
    char *value_system, *value_code; /* coded value; NULL for a quantity */
};

struct timeline {
    char *disease; /* "MONDO:" and 7 digits */
    struct observation *observations;
    size_t n, cap;
};

void timeline_init(struct timeline *t);
void timeline_release(struct timeline *t); /* wipes; an initialised or released one is fine */
/* Copies the text. ERR_FIELD_FORMAT if it is not "MONDO:" and 7 digits. */
enum err timeline_set_disease(struct timeline *t, const char *disease) MUST_USE;
/* Copies *o; strings are copied. ERR_LIMIT beyond TIMELINE_OBSERVATIONS_MAX, ERR_FIELD_MISSING,
 * ERR_FIELD_RANGE or ERR_FIELD_FORMAT for what the form cannot carry, such as a month that does not
 * start on its first day. */
enum err timeline_add(struct timeline *t, const struct observation *o) MUST_USE;
/* Sorts, normalises scales; drops exact duplicates and returns how many. Allocates nothing. */
size_t timeline_normalise(struct timeline *t);
/* Appends the canonical bytes. t must be normalised. ERR_FIELD_FORMAT without a well-formed
 * disease, ERR_LIMIT beyond TIMELINE_BYTES_MAX or the buffer's maximum. */
enum err timeline_print(const struct timeline *t, struct buf *ret) MUST_USE;
/* Parses canonical bytes only: anything that would print differently is refused, with a pointer.
 * *ret is written on success alone and must hold nothing before. */
enum err timeline_parse(const char *text, size_t len, struct timeline *ret,
                        struct problem *p) MUST_USE;

/* A visit is a date (precision day) with at least one observation. */
struct visit_plan {
    int32_t min_spacing_days; /* a visit nearer than this to the last counted one does not count */
    int64_t horizon_months;   /* months beyond this from the first visit do not count; 0 = none */
    int64_t required_min; /* a visit counts if it has at least this many of the required items */
    size_t n_required;
    struct {
        const char *system, *code;
    } required[32];
};
struct visit_count {
    int64_t visits;      /* counted greedily from the first date on */
    int64_t months;      /* whole months from first to last counted visit (timeline_months) */
    int32_t first, last; /* dates of these visits; 0 if none counted */
};
/* floor(days * 12 / 365.2425), exact in integers: days * 120000 / 3652425. days >= 0. */
int64_t timeline_months(int64_t days);
/* t must be normalised. A visit whose whole months from the first counted one exceed the horizon
 * does not count, so months <= horizon. */
void timeline_count(const struct timeline *t, const struct visit_plan *plan,
                    struct visit_count *ret);
/* Copies what the plan's eligibility allows: observations with date <= until whose (system, code)
 * is in the plan's required or optional list; here: all of them up to that date. A coarse date
 * counts as its first day. *ret is written on success alone and must hold nothing before. */
enum err timeline_slice(const struct timeline *t, int32_t until, struct timeline *ret) MUST_USE;

/* The form's rules on single texts, for readers of other formats: printable ASCII, 1..max bytes, no
 * space at either end; "MONDO:" and 7 digits. NULL is not valid. */
bool timeline_text_valid(const char *text, size_t max);
bool timeline_disease_valid(const char *text);
/* <0, 0, >0 in the canonical order. */
int timeline_compare(const struct observation *a, const struct observation *b);

#endif
