/* Query strings and percent-decoding, strict and bounded. Pure. */
#ifndef CAIRN_API_HTTP_QUERY_H
#define CAIRN_API_HTTP_QUERY_H

#include "server/base/err.h"

#define QUERY_MAX 8
#define QUERY_VALUE_MAX 512

struct query {
    unsigned n;
    const char *names[QUERY_MAX], *values[QUERY_MAX];
};

/* Decodes %XX (and "+" to a space when plus) into ret, which has room for len + 1 bytes; may be the
 * same memory. Refuses malformed escapes and whatever is not printable ASCII afterwards. */
bool percent_decode(const char *text, size_t len, bool plus, char *ret);
/* Cuts and decodes "a=1&b=2" in place; ret points into text. ERR_QUERY for more than QUERY_MAX
 * parameters, empty or repeated names, values beyond QUERY_VALUE_MAX and bad escapes. */
enum err query_parse(char *text, struct query *ret) MUST_USE;
/* Whether name is one of the names, which are separated by spaces. */
bool query_named(const char *names, const char *name);
/* NULL when absent. */
const char *query_get(const struct query *q, const char *name);

#endif
