/* CSV files from outside through a mapping that uses every feature: a series that comes out can be
 * printed, parsed and printed to the same bytes. */
#include "server/timeline/import.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUE "{\"system\":\"urn:v\",\"code\":\"Y\"}"

static const char mapping[] =
    "{\"format\":\"cairn-mapping/1\",\"disease\":\"MONDO:0005388\",\"subject\":\"id\","
    "\"date\":{\"column\":\"d\",\"kind\":\"days_since\",\"epoch\":\"1974-01-01\"},\"columns\":["
    "{\"column\":\"q\",\"system\":\"urn:a\",\"code\":\"q\",\"type\":\"quantity\",\"unit\":\"g\"},"
    "{\"column\":\"c\",\"system\":\"urn:a\",\"code\":\"c\",\"type\":\"code\",\"values\":{"
    "\"0\":" VALUE ",\"x\":" VALUE "}},"
    "{\"column\":\"q\",\"system\":\"urn:a\",\"code\":\"o\",\"type\":\"quantity\",\"unit\":\"g\","
    "\"once\":true,\"when\":{\"column\":\"c\",\"equals\":\"0\"}},"
    "{\"column\":\"e\",\"system\":\"urn:a\",\"code\":\"e\",\"type\":\"event\",\"value\":" VALUE
    ",\"date\":{\"column\":\"e\",\"kind\":\"date\"}},"
    "{\"column\":\"p\",\"system\":\"urn:a\",\"code\":\"p\",\"type\":\"event\",\"value\":" VALUE
    ",\"date\":{\"column\":\"e\",\"kind\":\"date_plus_days\",\"plus\":\"p\"}}]}";

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void round_trip(const struct timeline *t)
{
    struct buf a, b;
    buf_init(&a, TIMELINE_BYTES_MAX);
    buf_init(&b, TIMELINE_BYTES_MAX);
    struct timeline back;
    require(timeline_print(t, &a) == OK);
    require(timeline_parse(buf_str(&a), a.len, &back, NULL) == OK);
    require(timeline_print(&back, &b) == OK);
    require(a.len == b.len && memcmp(a.data, b.data, a.len) == 0);
    timeline_release(&back);
    buf_release(&a);
    buf_release(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mapping *m = NULL;
    require(mapping_read(mapping, strlen(mapping), &m, NULL) == OK);
    struct series *s = NULL;
    struct problem p = { 0 };
    enum err e = csv_import(m, (const char *)data, size, &s, &p);
    if (e != OK)
        require(p.code == e && (size > CSV_BYTES_MAX || strncmp(p.detail, "line ", 5) == 0));
    size_t n = e == OK ? series_subjects(s) : 0;
    for (size_t i = 0; i < n; i++) {
        require(series_rows(s, i) > 0 && series_subject(s, i)[0] != '\0');
        round_trip(series_timeline(s, i));
    }
    series_free(s);
    mapping_free(m);
    return 0;
}
