/* How results look: aligned lines for one thing, a table for many, canonical JSON with --json. */
#include "api/client/env.h"

#include <inttypes.h>
#include <stdio.h>

#define CELL_MAX 80
#define COLUMNS_MAX 10
#define OUTPUT_MAX (64u << 20)

struct cell {
    char text[CELL_MAX];
};

static struct cell cell_of(const json_t *v)
{
    struct cell c = { "" };
    if (json_is_string(v))
        (void)snprintf(c.text, sizeof(c.text), "%s", json_string_value(v));
    else if (json_is_integer(v))
        (void)snprintf(c.text, sizeof(c.text), "%" PRId64, (int64_t)json_integer_value(v));
    else if (json_is_boolean(v))
        (void)snprintf(c.text, sizeof(c.text), "%s", json_is_true(v) ? "yes" : "no");
    else if (v == NULL || json_is_null(v))
        (void)snprintf(c.text, sizeof(c.text), "-");
    else
        (void)snprintf(c.text, sizeof(c.text), "(%zu)",
                       json_is_array(v) ? json_array_size(v) : json_object_size(v));
    return c;
}

static int print_json(struct env *env, json_t *value)
{
    struct buf b;
    struct problem p = { 0 };
    buf_init(&b, OUTPUT_MAX);
    enum err e = json_canonical(value, &b);
    if (e == OK)
        (void)printf("%s\n", buf_str(&b));
    buf_release_secret(&b);
    json_decref(value);
    if (e != OK)
        return env_fail_call(env, e, &p);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}

static void print_lines(const json_t *value, int indent)
{
    int width = 0;
    for (void *it = json_object_iter((json_t *)value); it != NULL;
         it = json_object_iter_next((json_t *)value, it)) {
        int len = (int)strlen(json_object_iter_key(it));
        width = len > width && len < 30 ? len : width;
    }
    for (void *it = json_object_iter((json_t *)value); it != NULL;
         it = json_object_iter_next((json_t *)value, it)) {
        const json_t *v = json_object_iter_value(it);
        bool nested = (json_is_object(v) && json_object_size(v) > 0) ||
                      (json_is_array(v) && json_array_size(v) > 0);
        (void)printf("%*s%-*s  %s\n", indent, "", width, json_object_iter_key(it),
                     nested ? "" : cell_of(v).text);
        if (json_is_object(v))
            print_lines(v, indent + 2);
        for (size_t i = 0; json_is_array(v) && i < json_array_size(v); i++) {
            const json_t *item = json_array_get(v, i);
            if (json_is_object(item))
                print_lines(item, indent + 2);
            else
                (void)printf("%*s%s\n", indent + 2, "", cell_of(item).text);
        }
    }
}

static int no_memory(struct env *env)
{
    struct problem p = { .code = ERR_NO_MEMORY };
    return env_fail_call(env, ERR_NO_MEMORY, &p);
}

int env_print(struct env *env, json_t *value)
{
    if (value == NULL)
        return no_memory(env);
    if (env->json)
        return print_json(env, value);
    print_lines(value, 0);
    json_decref(value);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}

static void print_row(const struct cell *cells, const int *widths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        (void)printf("%-*s%s", i + 1 < n ? widths[i] : 0, cells[i].text, i + 1 < n ? "  " : "\n");
}

int env_print_list(struct env *env, json_t *items, const char *const *columns)
{
    if (items == NULL)
        return no_memory(env);
    if (env->json)
        return print_json(env, items);
    int widths[COLUMNS_MAX] = { 0 };
    struct cell cells[COLUMNS_MAX];
    size_t n = 0;
    for (; n < COLUMNS_MAX && columns[n] != NULL; n++) {
        (void)snprintf(cells[n].text, CELL_MAX, "%s", columns[n]);
        widths[n] = (int)strlen(columns[n]);
    }
    for (size_t i = 0; i < json_array_size(items); i++)
        for (size_t k = 0; k < n; k++) {
            struct cell c = cell_of(json_object_get(json_array_get(items, i), columns[k]));
            int len = (int)strlen(c.text);
            widths[k] = len > widths[k] ? len : widths[k];
        }
    print_row(cells, widths, n);
    for (size_t i = 0; i < json_array_size(items); i++) {
        for (size_t k = 0; k < n; k++)
            cells[k] = cell_of(json_object_get(json_array_get(items, i), columns[k]));
        print_row(cells, widths, n);
    }
    json_decref(items);
    return fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}
