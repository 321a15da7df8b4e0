/* Text forms of bytes: lower-case hex (RFC 4648 section 8, lower), base64 with padding (section 4,
 * strict: no line breaks, zero spare bits) and integers. Decoders take exactly the given length.
 * Pure. */
#ifndef CAIRN_BASE_TEXT_H
#define CAIRN_BASE_TEXT_H

#include "server/base/err.h"

#define HEX_SIZE(bytes) ((bytes)*2 + 1)
#define BASE64_SIZE(bytes) (((bytes) + 2) / 3 * 4 + 1)

/* ret has HEX_SIZE(len) / BASE64_SIZE(len) bytes and is NUL-terminated. */
void hex_encode(const uint8_t *bytes, size_t len, char *ret);
void base64_encode(const uint8_t *bytes, size_t len, char *ret);

/* Exactly len bytes must come out of text_len characters. */
bool hex_decode(const char *text, size_t text_len, uint8_t *ret, size_t len);
bool base64_decode(const char *text, size_t text_len, uint8_t *ret, size_t len);
/* As many bytes as there are, at most max; false if malformed or longer. */
bool base64_decode_any(const char *text, size_t text_len, uint8_t *ret, size_t max,
                       size_t *ret_len);

/* ASCII decimal without sign, spaces or leading zeroes; false on anything else or overflow. */
bool u64_parse(const char *text, size_t text_len, uint64_t *ret);

#endif
