/* Reads the test vectors under tests/data: JSON objects whose byte strings are lower-case hex. A
 * missing file, member or a wrong length aborts, since a test without its vectors must not pass.
 * Paths are relative to the root of the repository, from which tests are run. */
#ifndef CAIRN_TESTS_LIB_VECTORS_H
#define CAIRN_TESTS_LIB_VECTORS_H

#include "server/base/err.h"

#include <jansson.h>

/* The caller ends it with json_decref. */
json_t *vectors_load(const char *path);
/* The member key of object, which must be there and be text. */
const char *vectors_text(const json_t *object, const char *key);
int64_t vectors_int(const json_t *object, const char *key);
/* Exactly len bytes. */
void vectors_bytes(const json_t *object, const char *key, uint8_t *ret, size_t len);
/* As many as there are, in memory that the caller frees. */
uint8_t *vectors_alloc(const json_t *object, const char *key, size_t *ret_len);
/* A new JSON string with the hex of the bytes. */
json_t *vectors_hex(const uint8_t *bytes, size_t len);
/* The content of the vault vectors: byte i is (31 * i + (i >> 8)) mod 256. */
void vectors_pattern(uint8_t *ret, size_t len);

#endif
