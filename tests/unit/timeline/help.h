/* What the timeline tests share. Paths are relative to the root of the repository. */
#ifndef CAIRN_TESTS_TIMELINE_HELP_H
#define CAIRN_TESTS_TIMELINE_HELP_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "server/timeline/import.h"

#define LOINC "http://loinc.org"

static inline struct observation quantity(int32_t date, const char *code, int64_t value, int scale,
                                          const char *unit)
{
    return (struct observation){ .date = date,
                                 .system = (char *)LOINC,
                                 .code = (char *)code,
                                 .unit = (char *)unit,
                                 .value = value,
                                 .scale = scale };
}

static inline struct observation coded(int32_t date, const char *system, const char *code,
                                       const char *value_code)
{
    return (struct observation){ .date = date,
                                 .system = (char *)system,
                                 .code = (char *)code,
                                 .value_system = (char *)"urn:test",
                                 .value_code = (char *)value_code };
}

static inline void add(struct timeline *t, struct observation o)
{
    assert_int_equal(timeline_add(t, &o), OK);
}

static inline void add_bili(struct timeline *t, int32_t date)
{
    add(t, quantity(date, "1975-2", 145, 1, "mg/dL"));
}

static inline void begin(struct timeline *t)
{
    timeline_init(t);
    assert_int_equal(timeline_set_disease(t, "MONDO:0005388"), OK);
}

static inline void print(const struct timeline *t, struct buf *b)
{
    buf_init(b, TIMELINE_BYTES_MAX);
    assert_int_equal(timeline_print(t, b), OK);
}

/* Reads a whole file; false if it is not there. */
static inline bool read_file(const char *path, struct buf *b)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    buf_init(b, CSV_BYTES_MAX);
    char part[4096];
    size_t n;
    while ((n = fread(part, 1, sizeof(part), f)) > 0)
        assert_int_equal(buf_add(b, part, n), OK);
    (void)fclose(f);
    return true;
}

static inline struct mapping *load_mapping(const char *path)
{
    struct buf b;
    assert_true(read_file(path, &b));
    struct mapping *m = NULL;
    struct problem p = { 0 };
    if (mapping_read(buf_str(&b), b.len, &m, &p) != OK)
        fail_msg("%s: %s: %s", path, p.pointer, p.detail);
    buf_release(&b);
    return m;
}

/* xorshift64*: the same numbers on every machine; the seed is printed by the test that uses it. */
static inline uint64_t next_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static inline uint64_t below(uint64_t *state, uint64_t n)
{
    return next_random(state) % n;
}

#endif
