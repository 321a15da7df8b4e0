/* The little of structured fields (RFC 8941) that signatures need: dictionaries, numbers, byte
 * sequences, read from a span of text from left to right. A function that returns false may have
 * moved the span; the caller then gives up. Pure. */
#ifndef CAIRN_PEER_FIELDS_TEXT_H
#define CAIRN_PEER_FIELDS_TEXT_H

#include "server/base/err.h"

struct span {
    const char *at, *end;
};

struct span span_of(const char *text);
bool span_ended(const struct span *s) MUST_USE;
bool span_equal(const struct span *a, const struct span *b) MUST_USE;
/* Exactly this text, or false and nothing is taken. */
bool span_eat(struct span *s, const char *text) MUST_USE;
/* Decimal digits without leading zeroes, at most max. */
bool span_number(struct span *s, uint64_t max, uint64_t *ret) MUST_USE;
/* 16 lower-case hex digits. */
bool span_hex_u64(struct span *s, uint64_t *ret) MUST_USE;
/* A byte sequence of exactly len bytes: colon, base64, colon; len is at most 64. */
bool span_bytes(struct span *s, uint8_t *ret, size_t len) MUST_USE;
/* The next member of a dictionary, label=value; the value is what stands before the next comma
 * outside of quotes. False at the end, or with *ret_bad set when what follows is no member. */
bool span_member(struct span *list, struct span *ret_label, struct span *ret_value,
                 bool *ret_bad) MUST_USE;

#endif
