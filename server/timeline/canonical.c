/* The canonical bytes of a series: printing them, and reading nothing but them. */
#include "server/timeline/timeline.h"

#include "server/base/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* One observation's longest print: five texts with every character escaped, and the member names.
 */
#define OBSERVATION_PRINT_MAX 2048

static const char *const precision_codes[] = { "day", "month", "year", NULL };

/* Printable ASCII needs no other escapes; validity was checked when the text was taken in. */
static enum err add_text(struct buf *b, const char *member, const char *text)
{
    enum err e = buf_addf(b, "%s\"", member);
    while (e == OK && *text != '\0') {
        size_t plain = strcspn(text, "\"\\");
        e = buf_add(b, text, plain);
        text += plain;
        if (e == OK && *text != '\0')
            e = buf_addf(b, "\\%c", *text++);
    }
    return e == OK ? buf_add(b, "\"", 1) : e;
}

static enum err print_observation(const struct observation *o, struct buf *b)
{
    char date[DATE_TEXT_SIZE];
    date_text(o->date, date);
    enum err e = add_text(b, "{\"code\":", o->code);
    if (e == OK)
        e = buf_addf(b, ",\"date\":\"%s\",\"precision\":\"%s\"", date,
                     precision_codes[o->precision]);
    if (e == OK && o->unit != NULL)
        e = buf_addf(b, ",\"scale\":%d", o->scale);
    if (e == OK)
        e = add_text(b, ",\"system\":", o->system);
    if (e == OK && o->unit != NULL) {
        e = add_text(b, ",\"unit\":", o->unit);
        if (e == OK)
            e = buf_addf(b, ",\"value\":%" PRId64 "}", o->value);
    } else if (e == OK) {
        e = add_text(b, ",\"value_code\":", o->value_code);
        if (e == OK)
            e = add_text(b, ",\"value_system\":", o->value_system);
        if (e == OK)
            e = buf_add(b, "}", 1);
    }
    return e;
}

static enum err print_head(const char *disease, struct buf *b)
{
    return buf_addf(b, "{\"disease\":\"%s\",\"format\":\"" TIMELINE_SCHEMA "\",\"observations\":[",
                    disease);
}

static enum err print_all(const struct timeline *t, struct buf *b)
{
    size_t start = b->len;
    enum err e = print_head(t->disease, b);
    for (size_t i = 0; i < t->n && e == OK; i++) {
        assert(i == 0 || timeline_compare(&t->observations[i - 1], &t->observations[i]) < 0);
        if (i > 0)
            e = buf_add(b, ",", 1);
        if (e == OK)
            e = print_observation(&t->observations[i], b);
        if (e == OK && b->len - start > TIMELINE_BYTES_MAX)
            e = ERR_LIMIT;
    }
    if (e == OK)
        e = buf_add(b, "]}", 2);
    return e == OK && b->len - start > TIMELINE_BYTES_MAX ? ERR_LIMIT : e;
}

enum err timeline_print(const struct timeline *t, struct buf *ret)
{
    if (!timeline_disease_valid(t->disease))
        return ERR_FIELD_FORMAT;
    size_t start = ret->len;
    enum err e = print_all(t, ret);
    if (e != OK && ret->data != NULL) { /* a failed print leaves no half series in the buffer */
        explicit_bzero(ret->data + start, ret->len - start);
        ret->len = start;
    }
    return e;
}

/* Where the parser is: the observation's number and the pointer to it. */
struct place {
    size_t index;
    char pointer[PROBLEM_POINTER_MAX];
    struct problem *problem;
};

static enum err refuse(const struct place *at, const char *member, enum err code, const char *how)
{
    char pointer[PROBLEM_POINTER_MAX];
    (void)snprintf(pointer, sizeof(pointer), "%.100s%s", at->pointer, member);
    return problem_set(at->problem, code, pointer, "%s", how);
}

static enum err check_texts(const struct place *at, const struct observation *o)
{
    static const char how[] = "Use printable ASCII without a space at either end.";
    if (!timeline_text_valid(o->system, TIMELINE_SYSTEM_MAX))
        return refuse(at, "/system", ERR_FIELD_FORMAT, how);
    if (!timeline_text_valid(o->code, TIMELINE_CODE_MAX))
        return refuse(at, "/code", ERR_FIELD_FORMAT, how);
    if (o->unit != NULL && !timeline_text_valid(o->unit, TIMELINE_UNIT_MAX))
        return refuse(at, "/unit", ERR_FIELD_FORMAT, how);
    if (o->unit != NULL)
        return OK;
    if (!timeline_text_valid(o->value_system, TIMELINE_SYSTEM_MAX))
        return refuse(at, "/value_system", ERR_FIELD_FORMAT, how);
    if (!timeline_text_valid(o->value_code, TIMELINE_CODE_MAX))
        return refuse(at, "/value_code", ERR_FIELD_FORMAT, how);
    return OK;
}

static enum err add_observation(const struct place *at, const struct observation *o,
                                struct timeline *t)
{
    enum err e = check_texts(at, o);
    if (e != OK)
        return e;
    if (o->unit != NULL && o->scale > 0 && o->value % 10 == 0)
        return refuse(
            at, "/value", ERR_STATEMENT_FORM,
            "A value with a scale must not end in a zero: divide it and lower the scale.");
    if (at->index > 0) {
        const struct observation *last = &t->observations[at->index - 1];
        if (o->date < last->date)
            return refuse(at, "/date", ERR_CHRONOLOGY, "Observations must be sorted by date.");
        if (timeline_compare(last, o) >= 0)
            return refuse(at, "", ERR_STATEMENT_FORM,
                          "Observations must be in canonical order, each only once.");
    }
    e = timeline_add(t, o);
    if (e == ERR_FIELD_FORMAT) /* the texts were checked above; what remains is the date */
        return refuse(at, "/date", e, "A coarse date must be the first day of its month or year.");
    return e == OK ? OK : refuse(at, "", e, err_text(e));
}

static enum err read_observation(const json_t *item, const struct place *at, struct timeline *t)
{
    struct observation o = { 0 };
    const char *system = NULL, *code = NULL, *precision = NULL;
    const char *unit = NULL, *value_system = NULL, *value_code = NULL;
    int64_t scale = 0;
    const struct field coded[] = {
        F_TEXT("code", &code, 1, TIMELINE_CODE_MAX),
        F_DATE("date", &o.date),
        F_CODE("precision", &precision, precision_codes),
        F_TEXT("system", &system, 1, TIMELINE_SYSTEM_MAX),
        F_TEXT("value_code", &value_code, 1, TIMELINE_CODE_MAX),
        F_TEXT("value_system", &value_system, 1, TIMELINE_SYSTEM_MAX),
    };
    const struct field quantity[] = {
        F_TEXT("code", &code, 1, TIMELINE_CODE_MAX),
        F_DATE("date", &o.date),
        F_CODE("precision", &precision, precision_codes),
        F_INT("scale", &scale, 0, TIMELINE_SCALE_MAX),
        F_TEXT("system", &system, 1, TIMELINE_SYSTEM_MAX),
        F_TEXT("unit", &unit, 1, TIMELINE_UNIT_MAX),
        F_INT("value", &o.value, -TIMELINE_VALUE_MAX, TIMELINE_VALUE_MAX),
    };
    bool is_coded = json_object_get(item, "value_code") != NULL ||
                    json_object_get(item, "value_system") != NULL;
    enum err e = fields_read(item, at->pointer, is_coded ? coded : quantity,
                             is_coded ? COUNT(coded) : COUNT(quantity), at->problem);
    if (e != OK)
        return e;
    /* Borrowed from the JSON only until timeline_add has copied them. */
    o.system = (char *)system;
    o.code = (char *)code;
    o.unit = (char *)unit;
    o.value_system = (char *)value_system;
    o.value_code = (char *)value_code;
    o.scale = (int)scale;
    while (strcmp(precision_codes[o.precision], precision) != 0)
        o.precision++;
    e = add_observation(at, &o, t);
    explicit_bzero(&o, sizeof(o));
    return e;
}

static enum err read_all(const json_t *root, struct timeline *t, struct problem *p)
{
    static const char *const formats[] = { TIMELINE_SCHEMA, NULL };
    const char *disease = NULL, *format = NULL;
    json_t *list = NULL;
    const struct field fields[] = {
        F_TEXT("disease", &disease, 1, 32),
        F_CODE("format", &format, formats),
        F_ARRAY("observations", &list, 0, TIMELINE_OBSERVATIONS_MAX),
    };
    enum err e = fields_read(root, "", fields, COUNT(fields), p);
    if (e != OK)
        return e;
    e = timeline_set_disease(t, disease);
    if (e != OK)
        return problem_set(p, e, "/disease", "Name the disease as MONDO: and 7 digits.");
    struct place at = { .problem = p };
    for (at.index = 0; at.index < json_array_size(list) && e == OK; at.index++) {
        (void)snprintf(at.pointer, sizeof(at.pointer), "/observations/%zu", at.index);
        e = read_observation(json_array_get(list, at.index), &at, t);
    }
    return e;
}

/* Compares one printed piece with the text at *pos. */
static bool same_piece(const struct buf *piece, const char *text, size_t len, size_t *pos)
{
    if (piece->len > len - *pos || memcmp(piece->data, text + *pos, piece->len) != 0)
        return false;
    *pos += piece->len;
    return true;
}

/* Same meaning is not enough: spaces, member order and escapes are part of the bytes. Comparing
 * piece by piece names the observation that differs, without a second copy of the whole series. */
static enum err check_bytes(const struct timeline *t, const char *text, size_t len,
                            struct problem *p)
{
    char pointer[PROBLEM_POINTER_MAX] = "";
    size_t pos = 0;
    struct buf piece;
    buf_init(&piece, OBSERVATION_PRINT_MAX);
    enum err e = print_head(t->disease, &piece);
    bool same = e == OK && same_piece(&piece, text, len, &pos);
    for (size_t i = 0; i < t->n && same && e == OK; i++) {
        buf_clear(&piece);
        e = i > 0 ? buf_add(&piece, ",", 1) : OK;
        if (e == OK)
            e = print_observation(&t->observations[i], &piece);
        same = e == OK && same_piece(&piece, text, len, &pos);
        (void)snprintf(pointer, sizeof(pointer), "/observations/%zu", i);
    }
    if (same && (len - pos != 2 || memcmp(text + pos, "]}", 2) != 0)) {
        same = false;
        (void)snprintf(pointer, sizeof(pointer), "/observations");
    }
    buf_release_secret(&piece);
    if (e == OK && !same)
        e = ERR_STATEMENT_FORM;
    if (e == OK)
        return OK;
    return problem_set(
        p, e, pointer,
        "From here the bytes are not canonical: sort the members and leave out spaces "
        "and needless escapes.");
}

enum err timeline_parse(const char *text, size_t len, struct timeline *ret, struct problem *p)
{
    if (len > TIMELINE_BYTES_MAX)
        return problem_set(p, ERR_LIMIT, "", "A timeline has at most %u bytes.",
                           TIMELINE_BYTES_MAX);
    json_t *root = NULL;
    enum err e = json_read(text, len, &root, p);
    if (e != OK)
        return e;
    struct timeline t;
    timeline_init(&t);
    e = read_all(root, &t, p);
    json_decref(root);
    if (e == OK)
        e = check_bytes(&t, text, len, p);
    if (e != OK) {
        timeline_release(&t);
        return e;
    }
    *ret = t;
    return OK;
}
