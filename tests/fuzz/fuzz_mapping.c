/* Mappings from outside, applied to a small file: read or refused with a place and a sentence, and
 * what comes out of the file is a series that prints. */
#include "server/timeline/import.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char csv[] = "id,day,lab,sign,date,plus,status\n"
                          "a,0,1.5,0,2001-02-03,5,1\n"
                          "a,31,NA,1,2001-02,,0\n"
                          "b,59,2e1,yes,2001,-7,1\n";

static void require(bool holds)
{
    if (!holds)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping *m = NULL;
    struct problem p = { 0 };
    enum err e = mapping_read((const char *)data, size, &m, &p);
    if (e != OK) {
        require(p.code == e && p.detail[0] != '\0');
        return 0;
    }
    struct series *s = NULL;
    e = csv_import(m, csv, strlen(csv), &s, &p);
    if (e != OK)
        require(p.code == e && strncmp(p.detail, "line ", 5) == 0);
    size_t n = e == OK ? series_subjects(s) : 0;
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        buf_init(&b, TIMELINE_BYTES_MAX);
        require(timeline_print(series_timeline(s, i), &b) == OK);
        buf_release(&b);
    }
    series_free(s);
    mapping_free(m);
    return 0;
}
