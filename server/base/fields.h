/* Inputs as data: an object is read by a table of typed, bounded fields in one call, which names
 * the wrong field by its JSON pointer. Unknown fields are refused. Text is borrowed from the
 * json_t. Pure. */
#ifndef CAIRN_BASE_FIELDS_H
#define CAIRN_BASE_FIELDS_H

#include "server/base/clock.h"
#include "server/base/id.h"
#include "server/base/json.h"

enum field_type {
    FIELD_TEXT,   /* const char **; length in bytes within min..max */
    FIELD_INT,    /* int64_t *; value within min..max */
    FIELD_ID,     /* struct id * */
    FIELD_BYTES,  /* uint8_t[max]: base64 of exactly max bytes */
    FIELD_TIME,   /* usec_t *: RFC 3339 with seconds and Z */
    FIELD_DATE,   /* int32_t *: days since 1970-01-01 */
    FIELD_BOOL,   /* bool * */
    FIELD_OBJECT, /* json_t ** (borrowed) */
    FIELD_ARRAY,  /* json_t ** (borrowed); length within min..max */
    FIELD_CODE,   /* const char **; must be in the NULL-ended list codes */
};

struct field {
    const char *name;
    enum field_type type;
    void *ret;
    int64_t min, max;
    const char *const *codes;
    bool optional; /* absent leaves *ret alone */
};

#define F_TEXT(n, r, lo, hi)                                                                       \
    {                                                                                              \
        .name = n, .type = FIELD_TEXT, .ret = (r), .min = lo, .max = hi                            \
    }
#define F_INT(n, r, lo, hi)                                                                        \
    {                                                                                              \
        .name = n, .type = FIELD_INT, .ret = (r), .min = lo, .max = hi                             \
    }
#define F_ID(n, r)                                                                                 \
    {                                                                                              \
        .name = n, .type = FIELD_ID, .ret = (r)                                                    \
    }
#define F_BYTES(n, r, len)                                                                         \
    {                                                                                              \
        .name = n, .type = FIELD_BYTES, .ret = (r), .max = len                                     \
    }
#define F_TIME(n, r)                                                                               \
    {                                                                                              \
        .name = n, .type = FIELD_TIME, .ret = (r)                                                  \
    }
#define F_DATE(n, r)                                                                               \
    {                                                                                              \
        .name = n, .type = FIELD_DATE, .ret = (r)                                                  \
    }
#define F_BOOL(n, r)                                                                               \
    {                                                                                              \
        .name = n, .type = FIELD_BOOL, .ret = (r)                                                  \
    }
#define F_OBJECT(n, r)                                                                             \
    {                                                                                              \
        .name = n, .type = FIELD_OBJECT, .ret = (r)                                                \
    }
#define F_ARRAY(n, r, lo, hi)                                                                      \
    {                                                                                              \
        .name = n, .type = FIELD_ARRAY, .ret = (r), .min = lo, .max = hi                           \
    }
#define F_CODE(n, r, list)                                                                         \
    {                                                                                              \
        .name = n, .type = FIELD_CODE, .ret = (r), .codes = (list)                                 \
    }

/* Reads every field of object; prefix is the pointer of object itself ("" at the top). */
enum err fields_read(const json_t *object, const char *prefix, const struct field *fields, size_t n,
                     struct problem *problem) MUST_USE;

#endif
