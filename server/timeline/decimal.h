/* Decimal text to exact scaled integers; no floating point on the way. Pure, thread-safe. */
#ifndef CAIRN_TIMELINE_DECIMAL_H
#define CAIRN_TIMELINE_DECIMAL_H

#include "server/base/err.h"

#define DECIMAL_TEXT_MAX 64

/* [+-] digits [. digits] [e [+-] digits], a digit on at least one side of the point; nothing else,
 * no spaces. The number is value * 10^-scale with scale 0..9 and no trailing zero when scale > 0.
 * More than 9 decimals are rounded half away from zero. False if malformed, longer than
 * DECIMAL_TEXT_MAX or |value| would exceed 10^15. */
bool decimal_parse(const char *text, int64_t *ret_value, int *ret_scale);

#endif
