/* The cohort's file, the mapping that fits its header and the terms for its disease. */
#include "api/client/demo.h"

#include "api/client/files.h"

#include <dirent.h>
#include <stdio.h>

#define TERMS_FILE_MAX (64u << 10)
#define HEADER_MAX (64u << 10)

/* The columns of a CSV header line, between quotes or not; enough to tell whether a name is there.
 */
static bool header_has(const char *header, const char *name)
{
    size_t n = strlen(name);
    for (const char *at = header; at != NULL && *at != '\0';) {
        bool quoted = *at == '"';
        const char *cell = quoted ? at + 1 : at;
        const char *end = quoted ? strchr(cell, '"') : cell + strcspn(cell, ",");
        if (end == NULL)
            return false;
        if ((size_t)(end - cell) == n && memcmp(cell, name, n) == 0)
            return true;
        at = strchr(end, ',');
        at = at != NULL ? at + 1 : NULL;
    }
    return false;
}

/* Every member of a mapping that names a column. */
static bool names_fit(const json_t *value, const char *header, size_t *ret_names)
{
    static const char *const members[] = { "column", "plus", "subject" };
    if (json_is_array(value)) {
        for (size_t i = 0; i < json_array_size(value); i++)
            if (!names_fit(json_array_get(value, i), header, ret_names))
                return false;
        return true;
    }
    for (size_t i = 0; i < COUNT(members); i++) {
        const char *name = json_string_value(json_object_get(value, members[i]));
        if (name != NULL && !header_has(header, name))
            return false;
        *ret_names += name != NULL ? 1 : 0;
    }
    for (void *it = json_object_iter((json_t *)value); it != NULL;
         it = json_object_iter_next((json_t *)value, it))
        if (strcmp(json_object_iter_key(it), "values") != 0 &&
            (json_is_object(json_object_iter_value(it)) ||
             json_is_array(json_object_iter_value(it))) &&
            !names_fit(json_object_iter_value(it), header, ret_names))
            return false;
    return true;
}

/* Calls judge for each JSON file of a folder; it returns how well the file fits, 0 for not at all.
 */
typedef size_t judge_fn(const json_t *value, const void *arg);

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

static enum err choose_file(const char *folder, judge_fn *judge, const void *arg,
                            char ret[DEMO_PATH_MAX], const char *what, struct problem *p)
{
    DIR *dir = opendir(folder);
    size_t best = 0;
    if (dir == NULL)
        return problem_set(p, ERR_IO, "", "There is no folder %.100s to choose a %s from.", folder,
                           what);
    for (struct dirent *d; (d = readdir(dir)) != NULL;) {
        char path[DEMO_PATH_MAX];
        json_t *v = NULL;
        int n = snprintf(path, sizeof(path), "%s/%s", folder, d->d_name);
        if (n < 0 || (size_t)n >= sizeof(path) || !has_suffix(d->d_name, ".json") ||
            file_read_json(path, MAPPING_BYTES_MAX, &v, NULL) != OK)
            continue;
        size_t fit = judge(v, arg);
        json_decref(v);
        /* The better fit, and of equals the first by name, so that the choice is always the same.
         */
        if (fit > best || (fit == best && fit > 0 && strcmp(path, ret) < 0)) {
            best = fit;
            memcpy(ret, path, (size_t)n + 1);
        }
    }
    (void)closedir(dir);
    if (best == 0)
        return problem_set(p, ERR_SYNTAX, "", "No %s in %.100s fits; give one with --%s FILE.",
                           what, folder, what);
    return OK;
}

static size_t judge_mapping(const json_t *value, const void *header)
{
    size_t names = 0;
    return names_fit(value, header, &names) ? names : 0;
}

static size_t judge_terms(const json_t *value, const void *disease)
{
    const char *d = json_string_value(json_object_get(value, "disease"));
    return d != NULL && strcmp(d, disease) == 0 ? 1 : 0;
}

static enum err find_mapping(const struct demo *d, const struct buf *csv, char ret[DEMO_PATH_MAX],
                             struct problem *p)
{
    char folder[DEMO_PATH_MAX], *header;
    if (d->options.mapping != NULL) {
        (void)snprintf(ret, DEMO_PATH_MAX, "%s", d->options.mapping);
        return OK;
    }
    size_t len = strcspn(buf_str(csv), "\r\n");
    if (len > HEADER_MAX || (header = strndup(buf_str(csv), len)) == NULL)
        return problem_set(p, ERR_LIMIT, "", "The header line is too long.");
    (void)snprintf(folder, sizeof(folder), "%s/mappings", d->options.data);
    enum err e = choose_file(folder, judge_mapping, header, ret, "mapping", p);
    free(header);
    return e;
}

static enum err import_cohort(struct demo *d, const struct buf *csv, struct problem *p)
{
    char path[DEMO_PATH_MAX];
    struct mapping *m = NULL;
    struct buf text;
    buf_init(&text, MAPPING_BYTES_MAX);
    enum err e = find_mapping(d, csv, path, p);
    if (e == OK)
        e = file_read(path, &text, p);
    if (e == OK)
        e = mapping_read(buf_str(&text), text.len, &m, p);
    if (e == OK)
        e = csv_import(m, buf_str(csv), csv->len, &d->series, p);
    mapping_free(m);
    buf_release(&text);
    return e;
}

static enum err read_terms(struct demo *d, struct problem *p)
{
    char path[DEMO_PATH_MAX], folder[DEMO_PATH_MAX];
    const char *disease = series_timeline(d->series, 0)->disease;
    enum err e = OK;
    if (d->options.terms != NULL) {
        (void)snprintf(path, sizeof(path), "%s", d->options.terms);
    } else {
        (void)snprintf(folder, sizeof(folder), "%s/bounties", d->options.data);
        e = choose_file(folder, judge_terms, disease, path, "terms", p);
    }
    if (e == OK)
        e = file_read_json(path, TERMS_FILE_MAX, &d->terms_json, p);
    if (e == OK)
        e = terms_read(d->terms_json, "", &d->offer.terms, p);
    if (e == OK && strcmp(d->offer.terms.disease, disease) != 0)
        e = problem_set(p, ERR_BOUNTY_TERMS, "/disease",
                        "The terms are for %s, the cohort is mapped to %s.", d->offer.terms.disease,
                        disease);
    return e;
}

enum err demo_read_cohort(struct demo *d, struct problem *p)
{
    struct buf csv;
    buf_init(&csv, CSV_BYTES_MAX);
    enum err e = file_read(d->options.cohort, &csv, p);
    if (e == OK)
        e = import_cohort(d, &csv, p);
    buf_release_secret(&csv);
    if (e != OK)
        return e;
    d->n_patients = series_subjects(d->series);
    if (d->n_patients == 0)
        return problem_set(p, ERR_SYNTAX, "", "The cohort has no patients.");
    if (d->options.patients > 0 && (size_t)d->options.patients < d->n_patients)
        d->n_patients = (size_t)d->options.patients;
    for (size_t i = 0; i < d->n_patients; i++)
        d->visits += (int64_t)series_rows(d->series, i);
    return read_terms(d, p);
}
