/* Time: microseconds since the Unix epoch (UTC), RFC 3339 text with seconds and "Z", and proleptic
 * Gregorian days. Conversions are pure and use no locale or time zone. */
#ifndef CAIRN_BASE_CLOCK_H
#define CAIRN_BASE_CLOCK_H

#include "server/base/err.h"

typedef int64_t usec_t;

#define USEC_PER_SEC INT64_C(1000000)
#define TIME_TEXT_SIZE 21 /* "2026-11-20T12:00:00Z" and NUL */
#define DATE_TEXT_SIZE 11 /* "2026-11-20" and NUL */

/* Wall clock, for what people read; never for order or durations. */
usec_t clock_now(void);
/* Monotonic clock, for deadlines. */
usec_t clock_monotonic(void);

/* Years 0001 to 9999 only. */
void time_text(usec_t at, char ret[TIME_TEXT_SIZE]);
bool time_parse(const char *text, usec_t *ret);

/* Days since 1970-01-01. */
int32_t days_from_civil(int year, int month, int day);
void date_text(int32_t days, char ret[DATE_TEXT_SIZE]);
bool date_parse(const char *text, int32_t *ret_days);

#endif
