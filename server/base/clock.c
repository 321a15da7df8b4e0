#include "server/base/clock.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static usec_t read_clock(clockid_t id)
{
    struct timespec t;
    if (clock_gettime(id, &t) != 0)
        return 0;
    return (usec_t)t.tv_sec * USEC_PER_SEC + t.tv_nsec / 1000;
}

usec_t clock_now(void)
{
    return read_clock(CLOCK_REALTIME);
}

usec_t clock_monotonic(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

/* The year is counted from March, so that the leap day is its last one: then a month's first day is
 * a linear function of its number, and 400 years always have 146,097 days. */
int32_t days_from_civil(int year, int month, int day)
{
    int y = month <= 2 ? year - 1 : year;
    int era = y / 400;
    int year_of_era = y - era * 400;
    int day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

static void civil_from_days(int32_t days, int *year, int *month, int *day)
{
    int z = days + 719468;
    int era = z / 146097;
    int day_of_era = z - era * 146097;
    int year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int shifted = (5 * day_of_year + 2) / 153;
    *day = day_of_year - (153 * shifted + 2) / 5 + 1;
    *month = shifted < 10 ? shifted + 3 : shifted - 9;
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

static bool digits(const char *text, size_t n, int *ret)
{
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        value = value * 10 + (text[i] - '0');
    }
    *ret = value;
    return true;
}

void date_text(int32_t days, char ret[DATE_TEXT_SIZE])
{
    int y, m, d;
    civil_from_days(days, &y, &m, &d);
    (void)snprintf(ret, DATE_TEXT_SIZE, "%04u-%02u-%02u", (unsigned)y % 10000u, (unsigned)m % 100u,
                   (unsigned)d % 100u);
}

static bool date_part(const char *text, int32_t *ret_days)
{
    int y, m, d;
    if (!digits(text, 4, &y) || text[4] != '-' || !digits(text + 5, 2, &m) || text[7] != '-' ||
        !digits(text + 8, 2, &d))
        return false;
    if (y < 1 || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    int32_t days = days_from_civil(y, m, d);
    int back_y, back_m, back_d;
    civil_from_days(days, &back_y, &back_m, &back_d);
    if (back_y != y || back_m != m || back_d != d)
        return false; /* such as 30 February */
    *ret_days = days;
    return true;
}

bool date_parse(const char *text, int32_t *ret_days)
{
    return strnlen(text, DATE_TEXT_SIZE) == DATE_TEXT_SIZE - 1 && date_part(text, ret_days);
}

void time_text(usec_t at, char ret[TIME_TEXT_SIZE])
{
    int64_t seconds = at / USEC_PER_SEC - (at % USEC_PER_SEC < 0 ? 1 : 0);
    int64_t days = seconds / 86400 - (seconds % 86400 < 0 ? 1 : 0);
    int rest = (int)(seconds - days * 86400);
    char date[DATE_TEXT_SIZE];
    date_text((int32_t)days, date);
    (void)snprintf(ret, TIME_TEXT_SIZE, "%.10sT%02u:%02u:%02uZ", date, (unsigned)rest / 3600 % 24,
                   (unsigned)rest / 60 % 60, (unsigned)rest % 60);
}

bool time_parse(const char *text, usec_t *ret)
{
    int32_t days;
    int h, m, s;
    if (strnlen(text, TIME_TEXT_SIZE) != TIME_TEXT_SIZE - 1 || !date_part(text, &days))
        return false;
    if (text[10] != 'T' || !digits(text + 11, 2, &h) || text[13] != ':' ||
        !digits(text + 14, 2, &m) || text[16] != ':' || !digits(text + 17, 2, &s) ||
        text[19] != 'Z')
        return false;
    if (h > 23 || m > 59 || s > 59)
        return false;
    *ret = ((int64_t)days * 86400 + h * 3600 + m * 60 + s) * USEC_PER_SEC;
    return true;
}
