/* JSON at the edge of trust: strict parsing with limits, and the one canonical form that is signed,
 * hashed and anchored. Canonical form = RFC 8785 (JCS) restricted to objects, arrays, strings,
 * integers within +-(2^53 - 1), booleans and null, with printable-ASCII keys, so that sorting by
 * bytes and by UTF-16 units is the same. Pure; json_t values are owned by the caller (json_decref).
 */
#ifndef CAIRN_BASE_JSON_H
#define CAIRN_BASE_JSON_H

#include "server/base/buf.h"

#include <jansson.h>

#define JSON_DEPTH_MAX 16
#define JSON_INT_MAX INT64_C(9007199254740991)

/* One JSON value and nothing behind it. Refuses duplicate keys, reals, integers beyond +-(2^53-1),
 * nesting beyond JSON_DEPTH_MAX, U+0000 and invalid UTF-8. problem may be NULL. */
enum err json_read(const char *text, size_t len, json_t **ret, struct problem *problem) MUST_USE;

/* Appends the canonical bytes; ERR_STATEMENT_FORM if the value has no canonical form. */
enum err json_canonical(const json_t *value, struct buf *ret) MUST_USE;

/* True if text is exactly the canonical form of what it parses to. */
bool json_is_canonical(const char *text, size_t len);

/* Makes jansson allocate through a wiping allocator; call once, before any thread starts. */
void json_setup(void);

#endif
