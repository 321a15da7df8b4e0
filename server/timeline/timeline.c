/* The series in memory: taking observations in, canonical order, slices, and leaving nothing
 * behind. */
#include "server/timeline/timeline.h"

#include <stdlib.h>
#include <string.h>

static void wipe_text(char *text)
{
    if (text == NULL)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}

static void observation_release(struct observation *o)
{
    wipe_text(o->system);
    wipe_text(o->code);
    wipe_text(o->unit);
    wipe_text(o->value_system);
    wipe_text(o->value_code);
    explicit_bzero(o, sizeof(*o));
}

void timeline_init(struct timeline *t)
{
    *t = (struct timeline){ 0 };
}

void timeline_release(struct timeline *t)
{
    for (size_t i = 0; i < t->n; i++)
        observation_release(&t->observations[i]);
    free(t->observations);
    wipe_text(t->disease);
    *t = (struct timeline){ 0 };
}

bool timeline_text_valid(const char *text, size_t max)
{
    if (text == NULL)
        return false;
    size_t len = strnlen(text, max + 1);
    if (len == 0 || len > max || text[0] == ' ' || text[len - 1] == ' ')
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    return true;
}

bool timeline_disease_valid(const char *text)
{
    return text != NULL && strnlen(text, 14) == 13 && strncmp(text, "MONDO:", 6) == 0 &&
           strspn(text + 6, "0123456789") == 7;
}

enum err timeline_set_disease(struct timeline *t, const char *disease)
{
    if (!timeline_disease_valid(disease))
        return ERR_FIELD_FORMAT;
    char *copy = strdup(disease);
    if (copy == NULL)
        return ERR_NO_MEMORY;
    wipe_text(t->disease);
    t->disease = copy;
    return OK;
}

/* Copying the date's text and comparing its end is the calendar's own way to find a first day. */
static bool date_valid(int32_t date, enum date_precision precision)
{
    if (date < days_from_civil(1, 1, 1) || date > days_from_civil(9999, 12, 31))
        return false;
    char text[DATE_TEXT_SIZE];
    date_text(date, text);
    switch (precision) {
    case PRECISION_DAY:
        return true;
    case PRECISION_MONTH:
        return strcmp(text + 8, "01") == 0;
    case PRECISION_YEAR:
        return strcmp(text + 5, "01-01") == 0;
    default:
        return false;
    }
}

static enum err observation_valid(const struct observation *o)
{
    bool coded = o->value_code != NULL || o->value_system != NULL;
    if (o->system == NULL || o->code == NULL || (coded && o->unit != NULL) ||
        (!coded && o->unit == NULL) ||
        (coded && (o->value_code == NULL || o->value_system == NULL)))
        return ERR_FIELD_MISSING;
    if (!date_valid(o->date, o->precision))
        return ERR_FIELD_FORMAT;
    if (!timeline_text_valid(o->system, TIMELINE_SYSTEM_MAX) ||
        !timeline_text_valid(o->code, TIMELINE_CODE_MAX))
        return ERR_FIELD_FORMAT;
    if (coded)
        return timeline_text_valid(o->value_system, TIMELINE_SYSTEM_MAX) &&
                       timeline_text_valid(o->value_code, TIMELINE_CODE_MAX)
                   ? OK
                   : ERR_FIELD_FORMAT;
    if (!timeline_text_valid(o->unit, TIMELINE_UNIT_MAX))
        return ERR_FIELD_FORMAT;
    if (o->scale < 0 || o->scale > TIMELINE_SCALE_MAX || o->value > TIMELINE_VALUE_MAX ||
        o->value < -TIMELINE_VALUE_MAX)
        return ERR_FIELD_RANGE;
    return OK;
}

/* The old block is wiped by hand: realloc would leave a patient's values where it moved away from.
 */
static enum err grow(struct timeline *t)
{
    size_t cap = t->cap > 0 ? t->cap * 2 : 16;
    struct observation *fresh = calloc(cap, sizeof(*fresh));
    if (fresh == NULL)
        return ERR_NO_MEMORY;
    if (t->n > 0) {
        memcpy(fresh, t->observations, t->n * sizeof(*fresh));
        explicit_bzero(t->observations, t->n * sizeof(*fresh));
    }
    free(t->observations);
    t->observations = fresh;
    t->cap = cap;
    return OK;
}

static bool copy_text(const char *text, char **ret)
{
    if (text != NULL)
        *ret = strdup(text);
    return text == NULL || *ret != NULL;
}

enum err timeline_add(struct timeline *t, const struct observation *o)
{
    enum err e = observation_valid(o);
    if (e != OK)
        return e;
    if (t->n >= TIMELINE_OBSERVATIONS_MAX)
        return ERR_LIMIT;
    if (t->n == t->cap && (e = grow(t)) != OK)
        return e;
    struct observation copy = { .date = o->date, .precision = o->precision };
    if (o->unit != NULL) {
        copy.value = o->value;
        copy.scale = o->scale;
    }
    if (!copy_text(o->system, &copy.system) || !copy_text(o->code, &copy.code) ||
        !copy_text(o->unit, &copy.unit) || !copy_text(o->value_system, &copy.value_system) ||
        !copy_text(o->value_code, &copy.value_code)) {
        observation_release(&copy);
        return ERR_NO_MEMORY;
    }
    t->observations[t->n++] = copy;
    return OK;
}

static int compare_text(const char *a, const char *b)
{
    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return strcmp(a, b);
}

int timeline_compare(const struct observation *a, const struct observation *b)
{
    if (a->date != b->date)
        return a->date < b->date ? -1 : 1;
    if (a->precision != b->precision)
        return a->precision < b->precision ? -1 : 1;
    int c = strcmp(a->system, b->system);
    if (c == 0)
        c = strcmp(a->code, b->code);
    if (c == 0)
        c = compare_text(a->unit, b->unit);
    if (c != 0)
        return c;
    if (a->value != b->value)
        return a->value < b->value ? -1 : 1;
    if (a->scale != b->scale)
        return a->scale < b->scale ? -1 : 1;
    c = compare_text(a->value_system, b->value_system);
    return c != 0 ? c : compare_text(a->value_code, b->value_code);
}

static void swap(struct observation *a, struct observation *b)
{
    struct observation hold = *a;
    *a = *b;
    *b = hold;
}

static void sift_down(struct observation *o, size_t root, size_t n)
{
    for (;;) {
        size_t child = 2 * root + 1;
        if (child >= n)
            return;
        if (child + 1 < n && timeline_compare(&o[child], &o[child + 1]) < 0)
            child++;
        if (timeline_compare(&o[root], &o[child]) >= 0)
            return;
        swap(&o[root], &o[child]);
        root = child;
    }
}

/* Heapsort: in place and without memory of its own, because qsort may copy values to a block that
 * it frees unwiped. The order is total, so stability does not matter. */
static void sort(struct observation *o, size_t n)
{
    for (size_t i = n / 2; i > 0; i--)
        sift_down(o, i - 1, n);
    for (size_t i = n; i > 1; i--) {
        swap(&o[0], &o[i - 1]);
        sift_down(o, 0, i - 1);
    }
}

size_t timeline_normalise(struct timeline *t)
{
    for (size_t i = 0; i < t->n; i++) {
        struct observation *o = &t->observations[i];
        while (o->scale > 0 && o->value % 10 == 0) {
            o->value /= 10;
            o->scale--;
        }
    }
    sort(t->observations, t->n);
    size_t kept = 0;
    for (size_t i = 0; i < t->n; i++) {
        if (kept > 0 && timeline_compare(&t->observations[kept - 1], &t->observations[i]) == 0) {
            observation_release(&t->observations[i]);
            continue;
        }
        if (kept != i)
            t->observations[kept] = t->observations[i];
        kept++;
    }
    size_t dropped = t->n - kept;
    if (dropped > 0)
        explicit_bzero(t->observations + kept, dropped * sizeof(*t->observations));
    t->n = kept;
    return dropped;
}

enum err timeline_slice(const struct timeline *t, int32_t until, struct timeline *ret)
{
    struct timeline slice;
    timeline_init(&slice);
    enum err e = t->disease != NULL ? timeline_set_disease(&slice, t->disease) : OK;
    for (size_t i = 0; i < t->n && e == OK; i++)
        if (t->observations[i].date <= until)
            e = timeline_add(&slice, &t->observations[i]);
    if (e != OK) {
        timeline_release(&slice);
        return e;
    }
    *ret = slice;
    return OK;
}
