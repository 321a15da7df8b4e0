/* The subjects of one file while they are being read. Internal to the folder. */
#ifndef CAIRN_TIMELINE_SERIES_H
#define CAIRN_TIMELINE_SERIES_H

#include "server/timeline/import.h"

struct subject {
    char *name;
    struct timeline timeline;
    size_t rows;
    size_t
        first_row; /* the number of its first row by date; of equal dates the first in the file */
    int32_t first_date;
};

struct series {
    struct subject **subjects; /* in order of first appearance */
    size_t n, cap;
    void *index; /* tsearch tree over subjects, by name: no hash that a file could make collide */
};

struct series *series_new(void);
/* Finds or makes the subject of this name. */
enum err series_find(struct series *s, const char *name, const char *disease,
                     struct subject **ret) MUST_USE;

#endif
