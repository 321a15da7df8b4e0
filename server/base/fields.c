#include "server/base/fields.h"

#include "server/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Reading context: where we are, and where to report. */
struct place {
    char pointer[PROBLEM_POINTER_MAX];
    struct problem *problem;
};

static enum err wrong_type(const struct place *at, const char *wanted)
{
    return problem_set(at->problem, ERR_FIELD_TYPE, at->pointer, "This must be %s.", wanted);
}

static enum err read_text(const struct field *f, const json_t *v, const struct place *at)
{
    if (!json_is_string(v))
        return wrong_type(at, "a string");
    size_t len = json_string_length(v);
    const char *text = json_string_value(v);
    if ((int64_t)len < f->min || (int64_t)len > f->max)
        return problem_set(at->problem, ERR_FIELD_RANGE, at->pointer,
                           "The text must have %" PRId64 " to %" PRId64 " bytes.", f->min, f->max);
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return problem_set(at->problem, ERR_FIELD_FORMAT, at->pointer,
                               "Control characters are not allowed here.");
    *(const char **)f->ret = text;
    return OK;
}

static enum err read_int(const struct field *f, const json_t *v, const struct place *at)
{
    if (!json_is_integer(v))
        return wrong_type(at, "a whole number");
    int64_t n = json_integer_value(v);
    if (n < f->min || n > f->max)
        return problem_set(at->problem, ERR_FIELD_RANGE, at->pointer,
                           "The number must be from %" PRId64 " to %" PRId64 ".", f->min, f->max);
    *(int64_t *)f->ret = n;
    return OK;
}

static enum err read_code(const struct field *f, const json_t *v, const struct place *at)
{
    if (!json_is_string(v))
        return wrong_type(at, "a string");
    const char *text = json_string_value(v);
    for (const char *const *code = f->codes; *code != NULL; code++)
        if (strcmp(*code, text) == 0) {
            *(const char **)f->ret = *code;
            return OK;
        }
    return problem_set(at->problem, ERR_FIELD_CODE, at->pointer,
                       "This code is not in the list; the first allowed one is \"%s\".",
                       f->codes[0]);
}

static enum err read_form(const struct field *f, const json_t *v, const struct place *at)
{
    if (!json_is_string(v))
        return wrong_type(at, "a string");
    const char *text = json_string_value(v);
    size_t len = json_string_length(v);
    bool ok = false;
    const char *wanted = "";
    switch (f->type) {
    case FIELD_ID:
        ok = id_parse(text, f->ret);
        wanted = "a lower-case UUID";
        break;
    case FIELD_BYTES:
        ok = base64_decode(text, len, f->ret, (size_t)f->max);
        wanted = "base64 of the documented length";
        break;
    case FIELD_TIME:
        ok = time_parse(text, f->ret);
        wanted = "a time such as 2026-11-20T12:00:00Z";
        break;
    case FIELD_DATE:
        ok = date_parse(text, f->ret);
        wanted = "a date such as 2026-11-20";
        break;
    default:
        break; /* no other type gets here; it is refused as malformed */
    }
    if (!ok)
        return problem_set(at->problem, ERR_FIELD_FORMAT, at->pointer, "This must be %s.", wanted);
    return OK;
}

static enum err read_array(const struct field *f, json_t *v, const struct place *at)
{
    if (!json_is_array(v))
        return wrong_type(at, "an array");
    int64_t n = (int64_t)json_array_size(v);
    if (n < f->min || n > f->max)
        return problem_set(at->problem, ERR_FIELD_RANGE, at->pointer,
                           "The array must have %" PRId64 " to %" PRId64 " elements.", f->min,
                           f->max);
    *(json_t **)f->ret = v;
    return OK;
}

static enum err read_value(const struct field *f, json_t *v, const struct place *at)
{
    switch (f->type) {
    case FIELD_TEXT:
        return read_text(f, v, at);
    case FIELD_INT:
        return read_int(f, v, at);
    case FIELD_CODE:
        return read_code(f, v, at);
    case FIELD_BOOL:
        if (!json_is_boolean(v))
            return wrong_type(at, "true or false");
        *(bool *)f->ret = json_is_true(v);
        return OK;
    case FIELD_OBJECT:
        if (!json_is_object(v))
            return wrong_type(at, "an object");
        *(json_t **)f->ret = v;
        return OK;
    case FIELD_ARRAY:
        return read_array(f, v, at);
    case FIELD_ID:
    case FIELD_BYTES:
    case FIELD_TIME:
    case FIELD_DATE:
    default:
        return read_form(f, v, at);
    }
}

/* RFC 6901: "~" is written "~0" and "/" is written "~1". */
static void pointer_join(char ret[PROBLEM_POINTER_MAX], const char *prefix, const char *key)
{
    size_t out = strlen(prefix);
    memcpy(ret, prefix, out);
    if (out + 1 < PROBLEM_POINTER_MAX)
        ret[out++] = '/';
    for (; *key != '\0' && out + 3 < PROBLEM_POINTER_MAX; key++) {
        if (*key == '~' || *key == '/') {
            ret[out++] = '~';
            ret[out++] = *key == '~' ? '0' : '1';
        } else {
            ret[out++] = *key;
        }
    }
    ret[out] = '\0';
}

static bool known(const struct field *fields, size_t n, const char *key)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(fields[i].name, key) == 0)
            return true;
    return false;
}

enum err fields_read(const json_t *object, const char *prefix, const struct field *fields, size_t n,
                     struct problem *problem)
{
    assert(strlen(prefix) < PROBLEM_POINTER_MAX - 32);
    struct place at = { .problem = problem };
    if (!json_is_object(object)) {
        (void)snprintf(at.pointer, sizeof(at.pointer), "%s", prefix);
        return wrong_type(&at, "an object");
    }
    for (size_t i = 0; i < n; i++) {
        json_t *v = json_object_get(object, fields[i].name);
        pointer_join(at.pointer, prefix, fields[i].name);
        if (v == NULL && fields[i].optional)
            continue;
        if (v == NULL)
            return problem_set(problem, ERR_FIELD_MISSING, at.pointer,
                               "The field \"%s\" is missing.", fields[i].name);
        enum err e = read_value(&fields[i], v, &at);
        if (e != OK)
            return e;
    }
    for (void *it = json_object_iter((json_t *)object); it != NULL;
         it = json_object_iter_next((json_t *)object, it)) {
        const char *key = json_object_iter_key(it);
        if (known(fields, n, key))
            continue;
        pointer_join(at.pointer, prefix, key);
        return problem_set(problem, ERR_FIELD_UNKNOWN, at.pointer,
                           "This field is not known here; leave it out.");
    }
    return OK;
}
