/* cairn import, check: both work without a server. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "api/client/sealing.h"
#include "server/timeline/import.h"

#include <inttypes.h>
#include <stdio.h>

#define TERMS_FILE_MAX (64u << 10)

static enum err read_series(const char *csv_path, const char *mapping_path, struct series **ret,
                            struct problem *p)
{
    struct buf csv, text;
    struct mapping *m = NULL;
    buf_init(&csv, CSV_BYTES_MAX);
    buf_init(&text, MAPPING_BYTES_MAX);
    enum err e = file_read(mapping_path, &text, p);
    if (e == OK)
        e = mapping_read(buf_str(&text), text.len, &m, p);
    if (e == OK)
        e = file_read(csv_path, &csv, p);
    if (e == OK)
        e = csv_import(m, buf_str(&csv), csv.len, ret, p);
    mapping_free(m);
    buf_release(&text);
    buf_release_secret(&csv);
    return e;
}

/* Files are numbered: a subject's name may identify a person and is no file name. */
static enum err write_series(const struct series *s, size_t i, const char *folder, json_t *rows,
                             struct problem *p)
{
    char path[1024];
    struct buf b;
    const struct timeline *t = series_timeline(s, i);
    int n = snprintf(path, sizeof(path), "%s/timeline-%04zu.json", folder, i + 1);
    if (n < 0 || (size_t)n >= sizeof(path))
        return problem_set(p, ERR_IO, "", "The path of the folder is too long.");
    buf_init(&b, TIMELINE_BYTES_MAX);
    enum err e = timeline_print(t, &b);
    if (e != OK)
        (void)problem_set(p, e, "", "Series %zu is too long.", i + 1);
    else
        e = file_write(path, b.data, b.len, 0600, false, p);
    buf_release_secret(&b);
    if (e != OK)
        return e;
    json_t *row =
        json_pack("{s:s, s:s, s:I, s:I}", "file", path, "subject", series_subject(s, i), "rows",
                  (json_int_t)series_rows(s, i), "observations", (json_int_t)t->n);
    if (json_array_append_new(rows, row) != 0)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    return OK;
}

int cmd_import(struct env *env, int argc, char **argv)
{
    static const char *const columns[] = { "file", "subject", "rows", "observations", NULL };
    struct problem p = { 0 };
    const char *csv = NULL, *mapping = NULL, *out = NULL, *subject = NULL, *none[1];
    const struct cmd_option options[] = {
        { .name = "--csv", .text = &csv, .required = true },
        { .name = "--mapping", .text = &mapping, .required = true },
        { .name = "--out", .text = &out, .required = true },
        { .name = "--subject", .text = &subject },
    };
    struct series *s = NULL;
    int status = env_options(env, argc, argv, options, COUNT(options), none, 0);
    if (status != EXIT_DONE)
        return status;
    enum err e = read_series(csv, mapping, &s, &p);
    if (e == OK)
        e = folder_make(out, 0700, &p);
    json_t *rows = json_array();
    for (size_t i = 0; e == OK && i < series_subjects(s); i++)
        if (subject == NULL || strcmp(subject, series_subject(s, i)) == 0)
            e = write_series(s, i, out, rows, &p);
    if (e == OK && json_array_size(rows) == 0)
        e = problem_set(&p, ERR_SYNTAX, "", "The file has no such subject.");
    series_free(s);
    if (e == OK)
        return env_print_list(env, rows, columns);
    json_decref(rows);
    return env_fail_input(env, e, &p);
}

static json_t *findings_json(const struct findings *f)
{
    static const char *const names[] = { "info", "warning", "error" };
    json_t *list = json_array();
    for (size_t i = 0; i < f->n && list != NULL; i++) {
        const struct finding *x = &f->items[i];
        json_t *item = json_pack("{s:s, s:s, s:s, s:s}", "severity", names[x->severity], "code",
                                 x->code, "pointer", x->pointer, "message", x->message);
        if (json_array_append_new(list, item) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static int print_findings(struct env *env, const struct findings *f,
                          const struct visit_count *count)
{
    static const char *const names[] = { "info", "warning", "error" };
    int status = EXIT_DONE;
    if (env->json) {
        status = env_print(
            env, json_pack("{s:I, s:I, s:I, s:I, s:o}", "visits", (json_int_t)count->visits,
                           "months", (json_int_t)count->months, "errors", (json_int_t)f->errors,
                           "warnings", (json_int_t)f->warnings, "findings", findings_json(f)));
    } else {
        for (size_t i = 0; i < f->n; i++)
            (void)printf("%-8s %-20s %-24s %s\n", names[f->items[i].severity], f->items[i].code,
                         f->items[i].pointer, f->items[i].message);
        (void)printf("%" PRId64 " visits over %" PRId64
                     " months count; %zu errors, %zu warnings.\n",
                     count->visits, count->months, f->errors, f->warnings);
    }
    return status != EXIT_DONE ? status : f->errors > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static enum err read_plan(struct env *env, const char *terms_path, const char *bounty_text,
                          struct terms *ret, struct problem *p)
{
    json_t *value = NULL;
    struct offer offer;
    if (terms_path != NULL) {
        enum err e = file_read_json(terms_path, TERMS_FILE_MAX, &value, p);
        if (e == OK)
            e = terms_read(value, "", ret, p);
        json_decref(value);
        return e;
    }
    struct id bounty;
    struct client anyone = { .http = env->http };
    if (!id_parse(bounty_text, &bounty))
        return problem_set(p, ERR_USAGE, "", "The bounty must be a lower-case UUID.");
    enum err e = offer_get(&anyone, &bounty, &offer, p);
    if (e == OK)
        *ret = offer.terms;
    return e;
}

int cmd_check(struct env *env, int argc, char **argv)
{
    struct problem p = { 0 };
    const char *terms_path = NULL, *bounty = NULL, *rest[1] = { NULL };
    const struct cmd_option options[] = { { .name = "--terms", .text = &terms_path },
                                          { .name = "--bounty", .text = &bounty } };
    struct terms terms = { 0 };
    struct visit_plan plan = { 0 };
    bool planned = false;
    int status = env_options(env, argc, argv, options, COUNT(options), rest, 1);
    if (status == EXIT_DONE && rest[0] == NULL)
        status = env_usage(env, "The timeline's file is missing; see --help.");
    if (status == EXIT_DONE && terms_path == NULL && bounty != NULL)
        status = env_open(env, NEED_SERVER);
    if (status != EXIT_DONE)
        return status;
    enum err e = OK;
    if (terms_path != NULL || bounty != NULL) {
        e = read_plan(env, terms_path, bounty, &terms, &p);
        if (e != OK)
            return terms_path != NULL ? env_fail_input(env, e, &p) : env_fail_call(env, e, &p);
        plan_of_terms(&terms, &plan);
        planned = true;
    }
    struct timeline t;
    struct findings f = { 0 };
    struct visit_count count;
    e = timeline_load(rest[0], &t, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    e = timeline_check(&t, planned ? &plan : NULL, (int32_t)(clock_now() / USEC_PER_SEC / 86400),
                       &f);
    timeline_count(&t, &plan, &count);
    status = e == OK ? print_findings(env, &f, &count) : env_fail_input(env, e, &p);
    findings_release(&f);
    timeline_release(&t);
    return status;
}
