#include "server/base/json.h"

#include <stdlib.h>
#include <string.h>

/* jansson frees without wiping; bodies may hold a patient's statement, so every block carries its
 * size in front and is cleared before it goes. */
struct sized {
    size_t len;
    max_align_t bytes[];
};

static void *wiping_malloc(size_t len)
{
    struct sized *s = malloc(sizeof(*s) + len);
    if (s == NULL)
        return NULL;
    s->len = len;
    return s->bytes;
}

static void wiping_free(void *p)
{
    if (p == NULL)
        return;
    struct sized *s = (struct sized *)((char *)p - offsetof(struct sized, bytes));
    explicit_bzero(s->bytes, s->len);
    free(s);
}

void json_setup(void)
{
    json_set_alloc_funcs(wiping_malloc, wiping_free);
    json_object_seed(0);
}

/* Depth is measured on the text, before jansson recurses into it. */
static bool too_deep(const char *text, size_t len)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > JSON_DEPTH_MAX)
                return true;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return false;
}

static enum err check_numbers(const json_t *v)
{
    enum err e = OK;
    if (json_is_real(v))
        return ERR_JSON_REAL;
    if (json_is_integer(v)) {
        json_int_t n = json_integer_value(v);
        return n > JSON_INT_MAX || n < -JSON_INT_MAX ? ERR_FIELD_RANGE : OK;
    }
    if (json_is_object(v)) {
        for (void *it = json_object_iter((json_t *)v); it != NULL && e == OK;
             it = json_object_iter_next((json_t *)v, it))
            e = check_numbers(json_object_iter_value(it));
    } else if (json_is_array(v)) {
        for (size_t i = 0; i < json_array_size(v) && e == OK; i++)
            e = check_numbers(json_array_get(v, i));
    }
    return e;
}

static enum err parse_error(const json_error_t *error, struct problem *problem)
{
    enum json_error_code code = json_error_code(error);
    if (code == json_error_duplicate_key)
        return problem_set(problem, ERR_JSON_DUPLICATE, "",
                           "Line %d, column %d: a key comes twice.", error->line, error->column);
    if (code == json_error_out_of_memory)
        return problem_set(problem, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    if (code == json_error_numeric_overflow)
        return problem_set(problem, ERR_FIELD_RANGE, "", "Line %d: a number is too large.",
                           error->line);
    return problem_set(problem, ERR_JSON_MALFORMED, "", "Line %d, column %d: not JSON.",
                       error->line, error->column);
}

enum err json_read(const char *text, size_t len, json_t **ret, struct problem *problem)
{
    if (too_deep(text, len))
        return problem_set(problem, ERR_JSON_DEPTH, "", "%s", err_text(ERR_JSON_DEPTH));
    json_error_t error;
    json_t *v = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (v == NULL)
        return parse_error(&error, problem);
    enum err e = check_numbers(v);
    if (e != OK) {
        json_decref(v);
        return problem_set(problem, e, "", "%s", err_text(e));
    }
    *ret = v;
    return OK;
}

static enum err add_string(const char *text, size_t len, struct buf *b)
{
    enum err e = buf_add(b, "\"", 1);
    for (size_t i = 0; i < len && e == OK; i++) {
        unsigned char c = (unsigned char)text[i];
        const char *escape = c == '"'    ? "\\\""
                             : c == '\\' ? "\\\\"
                             : c == '\b' ? "\\b"
                             : c == '\f' ? "\\f"
                             : c == '\n' ? "\\n"
                             : c == '\r' ? "\\r"
                             : c == '\t' ? "\\t"
                                         : NULL;
        if (escape != NULL)
            e = buf_add_str(b, escape);
        else if (c < 0x20)
            e = buf_addf(b, "\\u%04x", c);
        else
            e = buf_add(b, text + i, 1);
    }
    return e == OK ? buf_add(b, "\"", 1) : e;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool printable_ascii(const char *key)
{
    for (; *key != '\0'; key++)
        if (*key < 0x20 || *key > 0x7e)
            return false;
    return true;
}

static enum err add_value(const json_t *v, struct buf *b);

static enum err add_object(const json_t *v, struct buf *b)
{
    size_t n = json_object_size(v), i = 0;
    const char **keys = calloc(n + 1, sizeof(*keys));
    if (keys == NULL)
        return ERR_NO_MEMORY;
    for (void *it = json_object_iter((json_t *)v); it != NULL;
         it = json_object_iter_next((json_t *)v, it))
        keys[i++] = json_object_iter_key(it);
    qsort(keys, n, sizeof(*keys), by_bytes);
    enum err e = buf_add(b, "{", 1);
    for (i = 0; i < n && e == OK; i++) {
        if (!printable_ascii(keys[i]))
            e = ERR_STATEMENT_FORM;
        if (e == OK && i > 0)
            e = buf_add(b, ",", 1);
        if (e == OK)
            e = add_string(keys[i], strlen(keys[i]), b);
        if (e == OK)
            e = buf_add(b, ":", 1);
        if (e == OK)
            e = add_value(json_object_get(v, keys[i]), b);
    }
    free(keys);
    return e == OK ? buf_add(b, "}", 1) : e;
}

static enum err add_array(const json_t *v, struct buf *b)
{
    enum err e = buf_add(b, "[", 1);
    for (size_t i = 0; i < json_array_size(v) && e == OK; i++) {
        if (i > 0)
            e = buf_add(b, ",", 1);
        if (e == OK)
            e = add_value(json_array_get(v, i), b);
    }
    return e == OK ? buf_add(b, "]", 1) : e;
}

static enum err add_value(const json_t *v, struct buf *b)
{
    switch (v == NULL ? JSON_REAL : json_typeof(v)) {
    case JSON_OBJECT:
        return add_object(v, b);
    case JSON_ARRAY:
        return add_array(v, b);
    case JSON_STRING:
        return add_string(json_string_value(v), json_string_length(v), b);
    case JSON_INTEGER: {
        json_int_t n = json_integer_value(v);
        if (n > JSON_INT_MAX || n < -JSON_INT_MAX)
            return ERR_STATEMENT_FORM;
        return buf_addf(b, "%" JSON_INTEGER_FORMAT, n);
    }
    case JSON_TRUE:
        return buf_add_str(b, "true");
    case JSON_FALSE:
        return buf_add_str(b, "false");
    case JSON_NULL:
        return buf_add_str(b, "null");
    case JSON_REAL:
    default:
        return ERR_STATEMENT_FORM;
    }
}

enum err json_canonical(const json_t *value, struct buf *ret)
{
    return add_value(value, ret);
}

bool json_is_canonical(const char *text, size_t len)
{
    json_t *v = NULL;
    if (json_read(text, len, &v, NULL) != OK)
        return false;
    struct buf b;
    buf_init(&b, len);
    bool same = json_canonical(v, &b) == OK && b.len == len && memcmp(b.data, text, len) == 0;
    buf_release(&b);
    json_decref(v);
    return same;
}
