/* Reading a mapping: every field typed, bounded and named in the answer when it is wrong. */
#include "server/timeline/mapping.h"

#include "server/base/fields.h"
#include "server/timeline/decimal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pointers that reach fields_read stay well below its limit. */
#define POINTER_MAX 96

static enum err check_text(const char *text, size_t max, const char *prefix, const char *member,
                           struct problem *p)
{
    if (text == NULL || timeline_text_valid(text, max))
        return OK;
    char pointer[PROBLEM_POINTER_MAX];
    (void)snprintf(pointer, sizeof(pointer), "%.90s/%s", prefix, member);
    return problem_set(p, ERR_FIELD_FORMAT, pointer,
                       "Use printable ASCII without a space at either end.");
}

/* Adds "/key" with RFC 6901 escapes; a key that does not fit leaves the pointer at its parent. */
static void point_to(char ret[POINTER_MAX], const char *prefix, const char *key)
{
    int n = snprintf(ret, POINTER_MAX, "%.60s", prefix);
    size_t start = n > 0 ? (size_t)n : 0, out = start;
    ret[out++] = '/';
    for (; *key != '\0' && out + 2 < POINTER_MAX; key++) {
        bool escape = *key == '~' || *key == '/';
        ret[out++] = escape ? '~' : *key;
        if (escape)
            ret[out++] = *key == '~' ? '0' : '1';
    }
    ret[*key == '\0' ? out : start] = '\0';
}

static enum err read_date(const json_t *object, const char *prefix, struct map_date *ret,
                          struct problem *p)
{
    static const char *const kinds[] = { "date", "days_since", "date_plus_days", "fixed", NULL };
    struct map_date d = { 0 };
    const char *kind = NULL;
    struct field fields[3] = { F_CODE("kind", &kind, kinds) };
    json_t *named = json_object_get(object, "kind");
    const char *wanted = json_is_string(named) ? json_string_value(named) : "";
    size_t n = 1;
    if (strcmp(wanted, kinds[DATE_FIXED]) == 0)
        fields[n++] = (struct field)F_DATE("date", &d.epoch);
    else
        fields[n++] = (struct field)F_TEXT("column", &d.column, 1, MAPPING_NAME_MAX);
    if (strcmp(wanted, kinds[DATE_SINCE]) == 0)
        fields[n++] = (struct field)F_DATE("epoch", &d.epoch);
    else if (strcmp(wanted, kinds[DATE_PLUS]) == 0)
        fields[n++] = (struct field)F_TEXT("plus", &d.plus, 1, MAPPING_NAME_MAX);
    enum err e = fields_read(object, prefix, fields, n, p);
    if (e != OK)
        return e;
    while (strcmp(kinds[d.kind], kind) != 0)
        d.kind++;
    *ret = d;
    return OK;
}

static enum err read_value(const json_t *object, const char *prefix, struct map_value *ret,
                           struct problem *p)
{
    const struct field fields[] = {
        F_TEXT("system", &ret->system, 1, TIMELINE_SYSTEM_MAX),
        F_TEXT("code", &ret->code, 1, TIMELINE_CODE_MAX),
    };
    enum err e = fields_read(object, prefix, fields, COUNT(fields), p);
    if (e == OK)
        e = check_text(ret->system, TIMELINE_SYSTEM_MAX, prefix, "system", p);
    return e == OK ? check_text(ret->code, TIMELINE_CODE_MAX, prefix, "code", p) : e;
}

/* "1" and "1.0" are the same cell to the importer, so a mapping must not tell them apart. */
static bool same_number(const char *a, const char *b)
{
    int64_t va, vb;
    int sa, sb;
    return decimal_parse(a, &va, &sa) && decimal_parse(b, &vb, &sb) && va == vb && sa == sb;
}

static enum err add_value(struct map_column *c, const char *cell, const json_t *object,
                          const char *prefix, struct problem *p)
{
    char pointer[POINTER_MAX];
    point_to(pointer, prefix, cell);
    if (strlen(cell) == 0 || strlen(cell) > MAPPING_CELL_MAX)
        return problem_set(p, ERR_FIELD_RANGE, pointer, "A cell's text must have 1 to %d bytes.",
                           MAPPING_CELL_MAX);
    for (size_t i = 0; i < c->n_values; i++)
        if (same_number(c->values[i].cell, cell))
            return problem_set(p, ERR_FIELD_FORMAT, pointer, "Another key is the same number.");
    struct map_value v = { .cell = cell };
    enum err e = read_value(object, pointer, &v, p);
    if (e == OK)
        c->values[c->n_values++] = v;
    return e;
}

static enum err read_values(json_t *object, const char *prefix, struct map_column *c,
                            struct problem *p)
{
    char pointer[POINTER_MAX];
    point_to(pointer, prefix, "values");
    size_t n = json_object_size(object);
    if (n == 0 || n > MAPPING_VALUES_MAX)
        return problem_set(p, ERR_FIELD_RANGE, pointer, "There must be 1 to %d values.",
                           MAPPING_VALUES_MAX);
    c->values = calloc(n, sizeof(*c->values));
    if (c->values == NULL)
        return problem_set(p, ERR_NO_MEMORY, pointer, "%s", err_text(ERR_NO_MEMORY));
    enum err e = OK;
    for (void *it = json_object_iter(object); it != NULL && e == OK;
         it = json_object_iter_next(object, it))
        e = add_value(c, json_object_iter_key(it), json_object_iter_value(it), pointer, p);
    return e;
}

static enum err read_event(const json_t *object, const char *prefix, struct map_column *c,
                           struct problem *p)
{
    char pointer[POINTER_MAX];
    point_to(pointer, prefix, "value");
    c->values = calloc(1, sizeof(*c->values));
    if (c->values == NULL)
        return problem_set(p, ERR_NO_MEMORY, pointer, "%s", err_text(ERR_NO_MEMORY));
    c->n_values = 1;
    return read_value(object, pointer, c->values, p);
}

static enum err read_when(const json_t *object, const char *prefix, struct map_column *c,
                          struct problem *p)
{
    char pointer[POINTER_MAX];
    point_to(pointer, prefix, "when");
    const struct field fields[] = {
        F_TEXT("column", &c->when_column, 1, MAPPING_NAME_MAX),
        F_TEXT("equals", &c->when_equals, 1, MAPPING_CELL_MAX),
    };
    return fields_read(object, pointer, fields, COUNT(fields), p);
}

/* The members a column entry may have depend on its type. */
struct column_parts {
    const char *type, *note;
    json_t *values, *value, *date, *when;
};

static enum err read_column_fields(const json_t *object, const char *prefix, struct map_column *c,
                                   struct column_parts *parts, struct problem *p)
{
    static const char *const types[] = { "quantity", "code", "event", NULL };
    struct field fields[] = {
        F_TEXT("column", &c->column, 1, MAPPING_NAME_MAX),
        F_TEXT("system", &c->system, 1, TIMELINE_SYSTEM_MAX),
        F_TEXT("code", &c->code, 1, TIMELINE_CODE_MAX),
        F_CODE("type", &parts->type, types),
        { .name = "date", .type = FIELD_OBJECT, .ret = &parts->date, .optional = true },
        { .name = "when", .type = FIELD_OBJECT, .ret = &parts->when, .optional = true },
        { .name = "once", .type = FIELD_BOOL, .ret = &c->once, .optional = true },
        { .name = "note", .type = FIELD_TEXT, .ret = &parts->note, .max = 1000, .optional = true },
        { 0 },
    };
    json_t *named = json_object_get(object, "type");
    const char *wanted = json_is_string(named) ? json_string_value(named) : "";
    size_t n = COUNT(fields) - 1;
    if (strcmp(wanted, types[MAP_QUANTITY]) == 0)
        fields[n++] = (struct field)F_TEXT("unit", &c->unit, 1, TIMELINE_UNIT_MAX);
    else if (strcmp(wanted, types[MAP_CODE]) == 0)
        fields[n++] = (struct field)F_OBJECT("values", &parts->values);
    else if (strcmp(wanted, types[MAP_EVENT]) == 0)
        fields[n++] = (struct field)F_OBJECT("value", &parts->value);
    enum err e = fields_read(object, prefix, fields, n, p);
    if (e != OK)
        return e;
    while (strcmp(types[c->type], parts->type) != 0)
        c->type++;
    return OK;
}

static enum err read_column(const json_t *object, const char *prefix, struct map_column *c,
                            struct problem *p)
{
    struct column_parts parts = { 0 };
    enum err e = read_column_fields(object, prefix, c, &parts, p);
    if (e == OK)
        e = check_text(c->system, TIMELINE_SYSTEM_MAX, prefix, "system", p);
    if (e == OK)
        e = check_text(c->code, TIMELINE_CODE_MAX, prefix, "code", p);
    if (e == OK)
        e = check_text(c->unit, TIMELINE_UNIT_MAX, prefix, "unit", p);
    if (e == OK && parts.values != NULL)
        e = read_values(parts.values, prefix, c, p);
    if (e == OK && parts.value != NULL)
        e = read_event(parts.value, prefix, c, p);
    if (e == OK && parts.when != NULL)
        e = read_when(parts.when, prefix, c, p);
    if (e == OK && parts.date != NULL) {
        char pointer[POINTER_MAX];
        point_to(pointer, prefix, "date");
        c->has_date = true;
        e = read_date(parts.date, pointer, &c->date, p);
    }
    return e;
}

static enum err read_missing(const json_t *list, struct mapping *m, struct problem *p)
{
    m->n_missing = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *text = json_array_get(list, i);
        char pointer[POINTER_MAX];
        (void)snprintf(pointer, sizeof(pointer), "/missing/%zu", i);
        if (!json_is_string(text))
            return problem_set(p, ERR_FIELD_TYPE, pointer, "This must be a string.");
        if (json_string_length(text) > MAPPING_CELL_MAX)
            return problem_set(p, ERR_FIELD_RANGE, pointer, "The text must have at most %d bytes.",
                               MAPPING_CELL_MAX);
        m->missing[m->n_missing++] = json_string_value(text);
    }
    return OK;
}

static enum err read_root(struct mapping *m, struct problem *p)
{
    static const char *const formats[] = { "cairn-mapping/1", NULL };
    const char *format = NULL, *note = NULL;
    json_t *date = NULL, *columns = NULL, *missing = NULL;
    const struct field fields[] = {
        F_CODE("format", &format, formats),
        F_TEXT("disease", &m->disease, 1, 32),
        F_TEXT("subject", &m->subject, 1, MAPPING_NAME_MAX),
        F_OBJECT("date", &date),
        F_ARRAY("columns", &columns, 1, CSV_COLUMNS_MAX),
        { .name = "missing",
          .type = FIELD_ARRAY,
          .ret = &missing,
          .max = MAPPING_MISSING_MAX,
          .optional = true },
        { .name = "note", .type = FIELD_TEXT, .ret = &note, .max = 1000, .optional = true },
    };
    enum err e = fields_read(m->root, "", fields, COUNT(fields), p);
    if (e == OK && !timeline_disease_valid(m->disease))
        e = problem_set(p, ERR_FIELD_FORMAT, "/disease",
                        "Name the disease as MONDO: and 7 digits.");
    if (e == OK && missing != NULL)
        e = read_missing(missing, m, p);
    if (e == OK)
        e = read_date(date, "/date", &m->date, p);
    if (e != OK)
        return e;
    m->columns = calloc(json_array_size(columns), sizeof(*m->columns));
    if (m->columns == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    m->n_columns = json_array_size(columns);
    for (size_t i = 0; i < m->n_columns && e == OK; i++) {
        char pointer[POINTER_MAX];
        (void)snprintf(pointer, sizeof(pointer), "/columns/%zu", i);
        e = read_column(json_array_get(columns, i), pointer, &m->columns[i], p);
    }
    return e;
}

enum err mapping_read(const char *text, size_t len, struct mapping **ret, struct problem *p)
{
    if (len > MAPPING_BYTES_MAX)
        return problem_set(p, ERR_LIMIT, "", "A mapping has at most %u bytes.", MAPPING_BYTES_MAX);
    struct mapping *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    m->missing[0] = "";
    m->missing[1] = "NA";
    m->n_missing = 2;
    enum err e = json_read(text, len, &m->root, p);
    if (e == OK)
        e = read_root(m, p);
    if (e != OK) {
        mapping_free(m);
        return e;
    }
    *ret = m;
    return OK;
}

void mapping_free(struct mapping *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < m->n_columns; i++)
        free(m->columns[i].values);
    free(m->columns);
    json_decref(m->root);
    free(m);
}
