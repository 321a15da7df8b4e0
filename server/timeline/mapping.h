/* A mapping as read: what import.c walks over. Texts are borrowed from root. Internal to the
 * folder. */
#ifndef CAIRN_TIMELINE_MAPPING_H
#define CAIRN_TIMELINE_MAPPING_H

#include "server/timeline/import.h"

#define MAPPING_NAME_MAX 200 /* bytes of a column's name */
#define MAPPING_CELL_MAX 64  /* bytes of a cell that is compared: missing, values, equals */
#define MAPPING_MISSING_MAX 16
#define MAPPING_VALUES_MAX 64

enum date_kind { DATE_ISO, DATE_SINCE, DATE_PLUS, DATE_FIXED };

struct map_date {
    const char *column; /* NULL for DATE_FIXED */
    enum date_kind kind;
    int32_t epoch;    /* DATE_SINCE: day 0; DATE_FIXED: the date itself */
    const char *plus; /* DATE_PLUS: the column of days */
};

struct map_value {
    const char *cell, *system, *code;
};

enum map_type { MAP_QUANTITY, MAP_CODE, MAP_EVENT };

struct map_column {
    const char *column, *system, *code;
    enum map_type type;
    const char *unit;         /* MAP_QUANTITY */
    struct map_value *values; /* MAP_CODE: by cell; MAP_EVENT: the only one, whatever the cell */
    size_t n_values;
    bool has_date; /* its own date instead of the row's */
    struct map_date date;
    const char *when_column, *when_equals; /* NULL: every row */
    bool once;                             /* only in the subject's first row by date */
};

struct mapping {
    json_t *root;
    const char *disease, *subject;
    const char *missing[MAPPING_MISSING_MAX];
    size_t n_missing;
    struct map_date date;
    struct map_column *columns;
    size_t n_columns;
};

#endif
