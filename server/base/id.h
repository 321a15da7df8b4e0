/* 16-byte identifiers, written as lower-case UUID text (RFC 9562). Objects named by a client carry
 * a random version 4 or time-ordered version 7 id; ids derived from a hash use version 8. */
#ifndef CAIRN_BASE_ID_H
#define CAIRN_BASE_ID_H

#include "server/base/err.h"

#define ID_BYTES 16
#define ID_TEXT_SIZE 37 /* with the final NUL */

struct id {
    uint8_t bytes[ID_BYTES];
};

void id_text(const struct id *id, char ret[ID_TEXT_SIZE]);
/* Strict: 36 characters, lower case, dashes in place, variant 10, version 1 to 8. */
bool id_parse(const char *text, struct id *ret);
bool id_equal(const struct id *a, const struct id *b);
/* Marks 16 hash bytes as a version 8 id. */
struct id id_from_hash(const uint8_t hash[ID_BYTES]);
/* Version 7: milliseconds since the epoch, then 74 of the given random bits. */
struct id id_v7(int64_t now_us, const uint8_t random[10]);

#endif
