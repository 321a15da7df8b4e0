/* From rows to series, in two passes over the text: the first finds subjects and their first dates,
 * the second takes observations. Nothing of a refused file is kept. */
#include "server/timeline/import.h"

#include "server/timeline/csv.h"
#include "server/timeline/decimal.h"
#include "server/timeline/mapping.h"
#include "server/timeline/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUBJECT_NAME_MAX 200

struct at_date {
    size_t column, plus; /* cell numbers */
};

struct at_column {
    size_t column, when;
    struct at_date date;
};

struct row {
    struct subject *subject;
    int32_t date;
    enum date_precision precision;
};

struct import {
    const struct mapping *m;
    struct series *series;
    struct csv csv;
    struct problem *p;
    size_t subject;
    struct at_date date;
    struct at_column *at; /* where each entry of m->columns finds its cells */
    struct row *rows;
    size_t n, cap;       /* rows */
    size_t observations; /* added so far */
    char cell[MAPPING_NAME_MAX + 1];
};

/* What is wrong with a cell is said by place and by what is wanted, never by what it holds. */
static enum err cell_error(struct import *im, size_t cell, const char *pointer, enum err code,
                           const char *how)
{
    return problem_set(im->p, code, pointer, "line %zu, column %zu: %s", im->csv.row_line, cell + 1,
                       how);
}

/* The cell without spaces and tabs at its ends, or NULL if it is longer than anything of use here.
 */
static const char *cell(struct import *im, size_t i)
{
    const char *from = csv_cell(&im->csv, i);
    from += strspn(from, " \t");
    size_t len = strlen(from);
    while (len > 0 && (from[len - 1] == ' ' || from[len - 1] == '\t'))
        len--;
    if (len >= sizeof(im->cell))
        return NULL;
    memcpy(im->cell, from, len);
    im->cell[len] = '\0';
    return im->cell;
}

static bool missing(const struct mapping *m, const char *text)
{
    for (size_t i = 0; i < m->n_missing; i++)
        if (text != NULL && strcmp(m->missing[i], text) == 0)
            return true;
    return false;
}

/* As text, or as numbers: programs write 1 as 1.0 once a column has a gap. */
static bool same_cell(const char *cell_text, const char *wanted)
{
    if (cell_text == NULL)
        return false;
    if (strcmp(cell_text, wanted) == 0)
        return true;
    int64_t a, b;
    int scale_a, scale_b;
    return decimal_parse(cell_text, &a, &scale_a) && decimal_parse(wanted, &b, &scale_b) &&
           a == b && scale_a == scale_b;
}

/* YYYY-MM-DD, YYYY-MM or YYYY. */
static bool read_iso(const char *text, int32_t *ret_date, enum date_precision *ret_precision)
{
    static const char rest[] = "0000-01-01";
    size_t len = strlen(text);
    if (len != 4 && len != 7 && len != 10)
        return false;
    char whole[DATE_TEXT_SIZE];
    memcpy(whole, rest, sizeof(whole));
    memcpy(whole, text, len);
    int32_t date;
    if (!date_parse(whole, &date))
        return false;
    *ret_date = date;
    *ret_precision = len == 10 ? PRECISION_DAY : len == 7 ? PRECISION_MONTH : PRECISION_YEAR;
    return true;
}

static bool add_days(int32_t from, const char *text, int32_t *ret)
{
    int64_t days;
    int scale;
    if (text == NULL || !decimal_parse(text, &days, &scale) || scale != 0)
        return false;
    if (days < -4000000 || days > 4000000)
        return false;
    int64_t date = from + days;
    if (date < days_from_civil(1, 1, 1) || date > days_from_civil(9999, 12, 31))
        return false;
    *ret = (int32_t)date;
    return true;
}

struct dated {
    int32_t date;
    enum date_precision precision;
    bool missing;
};

static const char days_wanted[] = "a whole number of days is needed here.";
static const char date_wanted[] = "a date such as 1989-06-07 is needed here.";

static enum err read_date(struct import *im, const struct map_date *d, const struct at_date *at,
                          const char *pointer, struct dated *ret)
{
    struct dated out = { .date = d->epoch, .precision = PRECISION_DAY };
    if (d->kind == DATE_FIXED) {
        *ret = out;
        return OK;
    }
    const char *text = cell(im, at->column);
    if (missing(im->m, text)) {
        ret->missing = true;
        return OK;
    }
    if (d->kind == DATE_SINCE) {
        if (!add_days(d->epoch, text, &out.date))
            return cell_error(im, at->column, pointer, ERR_FIELD_FORMAT, days_wanted);
    } else if (text == NULL || !read_iso(text, &out.date, &out.precision)) {
        return cell_error(im, at->column, pointer, ERR_FIELD_FORMAT, date_wanted);
    }
    if (d->kind == DATE_PLUS) {
        if (out.precision != PRECISION_DAY)
            return cell_error(im, at->column, pointer, ERR_FIELD_FORMAT, date_wanted);
        text = cell(im, at->plus);
        out.missing = missing(im->m, text);
        if (!out.missing && !add_days(out.date, text, &out.date))
            return cell_error(im, at->plus, pointer, ERR_FIELD_FORMAT, days_wanted);
    }
    *ret = out;
    return OK;
}

/* Names come from the mapping: the header line of a file without one would be a patient's row. */
static enum err find_column(struct import *im, const char *name, const char *pointer,
                            const char *member, size_t *ret)
{
    char place[PROBLEM_POINTER_MAX];
    (void)snprintf(place, sizeof(place), "%.60s/%s", pointer, member);
    for (size_t i = 0; i < im->csv.n; i++)
        if (strcmp(csv_cell(&im->csv, i), name) == 0) {
            *ret = i;
            return OK;
        }
    return problem_set(im->p, ERR_FIELD_MISSING, place,
                       "line 1, column 1: the header has no column \"%.100s\", which the mapping "
                       "names.",
                       name);
}

static enum err find_date(struct import *im, const struct map_date *d, const char *pointer,
                          struct at_date *ret)
{
    enum err e =
        d->kind != DATE_FIXED ? find_column(im, d->column, pointer, "column", &ret->column) : OK;
    if (e == OK && d->kind == DATE_PLUS)
        e = find_column(im, d->plus, pointer, "plus", &ret->plus);
    return e;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static enum err check_header(struct import *im)
{
    const char *names[CSV_COLUMNS_MAX];
    for (size_t i = 0; i < im->csv.n; i++)
        names[i] = csv_cell(&im->csv, i);
    qsort(names, im->csv.n, sizeof(*names), by_text);
    for (size_t i = 1; i < im->csv.n; i++)
        if (strcmp(names[i - 1], names[i]) == 0) {
            size_t column = im->csv.n - 1; /* the later one: it is the one to rename */
            while (strcmp(csv_cell(&im->csv, column), names[i]) != 0)
                column--;
            return cell_error(im, column, "", ERR_SYNTAX,
                              "this column has the name of an earlier one; rename it.");
        }
    return OK;
}

static enum err read_header(struct import *im)
{
    bool any = false;
    enum err e = csv_next(&im->csv, &any, im->p);
    if (e == OK && !any)
        e = problem_set(im->p, ERR_SYNTAX, "",
                        "line 1, column 1: the file is empty; it needs a header line.");
    if (e == OK)
        e = check_header(im);
    if (e == OK)
        e = find_column(im, im->m->subject, "", "subject", &im->subject);
    if (e == OK)
        e = find_date(im, &im->m->date, "/date", &im->date);
    for (size_t i = 0; i < im->m->n_columns && e == OK; i++) {
        const struct map_column *c = &im->m->columns[i];
        char pointer[64], deeper[96];
        (void)snprintf(pointer, sizeof(pointer), "/columns/%zu", i);
        e = find_column(im, c->column, pointer, "column", &im->at[i].column);
        (void)snprintf(deeper, sizeof(deeper), "%s/when", pointer);
        if (e == OK && c->when_column != NULL)
            e = find_column(im, c->when_column, deeper, "column", &im->at[i].when);
        (void)snprintf(deeper, sizeof(deeper), "%s/date", pointer);
        if (e == OK && c->has_date)
            e = find_date(im, &c->date, deeper, &im->at[i].date);
    }
    return e;
}

static enum err keep_row(struct import *im, const struct row *row)
{
    if (im->n >= CSV_ROWS_MAX)
        return cell_error(im, 0, "", ERR_LIMIT, "the file has too many rows; split it.");
    if (im->n == im->cap) {
        size_t cap = im->cap > 0 ? im->cap * 2 : 256;
        struct row *fresh = calloc(cap, sizeof(*fresh));
        if (fresh == NULL)
            return cell_error(im, 0, "", ERR_NO_MEMORY, err_text(ERR_NO_MEMORY));
        if (im->n > 0) {
            memcpy(fresh, im->rows, im->n * sizeof(*fresh));
            explicit_bzero(im->rows, im->n * sizeof(*fresh));
        }
        free(im->rows);
        im->rows = fresh;
        im->cap = cap;
    }
    im->rows[im->n++] = *row;
    return OK;
}

static enum err scan_row(struct import *im)
{
    const char *name = cell(im, im->subject);
    if (missing(im->m, name))
        return cell_error(im, im->subject, "/subject", ERR_FIELD_MISSING,
                          "the row does not say whose it is.");
    if (name == NULL || strlen(name) > SUBJECT_NAME_MAX)
        return cell_error(im, im->subject, "/subject", ERR_FIELD_RANGE, "the name is too long.");
    struct row row = { 0 };
    enum err e = series_find(im->series, name, im->m->disease, &row.subject);
    if (e != OK)
        return cell_error(im, im->subject, "/subject", e, err_text(e));
    struct dated at = { 0 };
    e = read_date(im, &im->m->date, &im->date, "/date", &at);
    if (e != OK)
        return e;
    if (at.missing)
        return cell_error(im, im->date.column, "/date", ERR_FIELD_MISSING, "the row has no date.");
    row.date = at.date;
    row.precision = at.precision;
    struct subject *s = row.subject;
    if (s->rows == 0 || row.date < s->first_date) {
        s->first_date = row.date;
        s->first_row = im->n;
    }
    s->rows++;
    return keep_row(im, &row);
}

static enum err first_pass(struct import *im)
{
    enum err e = read_header(im);
    for (bool any = true; e == OK && any;) {
        e = csv_next(&im->csv, &any, im->p);
        if (e == OK && any)
            e = scan_row(im);
    }
    return e;
}

/* The cell as a value; the row does not have one if the cell is missing or filtered out. */
static enum err read_value(struct import *im, size_t i, struct observation *o, bool *ret_has)
{
    const struct map_column *c = &im->m->columns[i];
    const struct at_column *at = &im->at[i];
    char pointer[64];
    (void)snprintf(pointer, sizeof(pointer), "/columns/%zu", i);
    *ret_has = false;
    if (c->when_column != NULL && !same_cell(cell(im, at->when), c->when_equals))
        return OK;
    const char *text = cell(im, at->column);
    if (missing(im->m, text))
        return OK;
    if (c->type == MAP_QUANTITY) {
        if (text == NULL || !decimal_parse(text, &o->value, &o->scale))
            return cell_error(im, at->column, pointer, ERR_FIELD_FORMAT,
                              "a decimal number of at most 10^15 is needed here.");
        o->unit = (char *)c->unit;
        *ret_has = true;
        return OK;
    }
    for (size_t v = 0; v < c->n_values && !*ret_has; v++)
        if (c->type == MAP_EVENT || same_cell(text, c->values[v].cell)) {
            o->value_system = (char *)c->values[v].system;
            o->value_code = (char *)c->values[v].code;
            *ret_has = true;
        }
    return *ret_has ? OK
                    : cell_error(im, at->column, pointer, ERR_FIELD_CODE,
                                 "the mapping has no value for this cell; add it.");
}

static enum err take_cell(struct import *im, const struct row *row, size_t i)
{
    const struct map_column *c = &im->m->columns[i];
    struct observation o = { .system = (char *)c->system,
                             .code = (char *)c->code,
                             .date = row->date,
                             .precision = row->precision };
    bool has = false;
    enum err e = read_value(im, i, &o, &has);
    if (e != OK || !has)
        return e;
    if (c->has_date) {
        char pointer[64];
        (void)snprintf(pointer, sizeof(pointer), "/columns/%zu/date", i);
        struct dated at = { 0 };
        e = read_date(im, &c->date, &im->at[i].date, pointer, &at);
        if (e != OK || at.missing)
            return e; /* without a date of its own it did not happen */
        o.date = at.date;
        o.precision = at.precision;
    }
    if (++im->observations > SERIES_OBSERVATIONS_MAX)
        e = ERR_LIMIT;
    if (e == OK)
        e = timeline_add(&row->subject->timeline, &o);
    explicit_bzero(&o, sizeof(o));
    return e == OK ? OK : cell_error(im, im->at[i].column, "", e, err_text(e));
}

static enum err second_pass(struct import *im)
{
    bool any = false;
    enum err e = csv_next(&im->csv, &any, im->p); /* the header */
    for (size_t r = 0; r < im->n && e == OK; r++) {
        e = csv_next(&im->csv, &any, im->p);
        for (size_t i = 0; i < im->m->n_columns && e == OK; i++)
            if (!im->m->columns[i].once || im->rows[r].subject->first_row == r)
                e = take_cell(im, &im->rows[r], i);
    }
    return e;
}

static void import_release(struct import *im)
{
    csv_release(&im->csv);
    if (im->rows != NULL)
        explicit_bzero(im->rows, im->n * sizeof(*im->rows));
    free(im->rows);
    free(im->at);
    explicit_bzero(im, sizeof(*im));
}

enum err csv_import(const struct mapping *m, const char *text, size_t len, struct series **ret,
                    struct problem *p)
{
    if (len > CSV_BYTES_MAX)
        return problem_set(p, ERR_LIMIT, "", "A file has at most %u bytes.", CSV_BYTES_MAX);
    struct import im = { .m = m, .p = p, .series = series_new() };
    im.at = calloc(m->n_columns, sizeof(*im.at));
    csv_init(&im.csv, text, len);
    enum err e = im.series != NULL && im.at != NULL
                     ? first_pass(&im)
                     : problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    if (e == OK) {
        csv_release(&im.csv);
        csv_init(&im.csv, text, len);
        e = second_pass(&im);
    }
    struct series *series = im.series;
    import_release(&im);
    if (e != OK) {
        series_free(series);
        return e;
    }
    for (size_t i = 0; i < series->n; i++)
        (void)timeline_normalise(&series->subjects[i]->timeline);
    *ret = series;
    return OK;
}
