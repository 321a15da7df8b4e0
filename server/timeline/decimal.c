#include "server/timeline/decimal.h"

#include "server/timeline/timeline.h"

#include <string.h>

/* digits * 10^exponent */
struct decimal {
    char digits[DECIMAL_TEXT_MAX]; /* 0..9, no leading zero */
    int n;
    int exponent;
    bool negative;
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static void take_digit(struct decimal *d, char c)
{
    if (d->n > 0 || c != '0')
        d->digits[d->n++] = (char)(c - '0');
}

/* An exponent beyond +-999 cannot bring a number of 64 characters into range; it is cut off there.
 */
static const char *read_exponent(const char *s, int *ret)
{
    bool negative = *s == '-';
    if (*s == '-' || *s == '+')
        s++;
    if (!is_digit(*s))
        return NULL;
    int e = 0;
    for (; is_digit(*s); s++)
        e = e > 999 ? e : e * 10 + (*s - '0');
    *ret = negative ? -e : e;
    return s;
}

static bool scan(const char *s, struct decimal *ret)
{
    struct decimal d = { .negative = *s == '-' };
    if (*s == '-' || *s == '+')
        s++;
    bool any = false;
    for (; is_digit(*s); s++, any = true)
        take_digit(&d, *s);
    if (*s == '.')
        for (s++; is_digit(*s); s++, any = true) {
            take_digit(&d, *s);
            d.exponent--;
        }
    if (!any)
        return false;
    if (*s == 'e' || *s == 'E') {
        int e = 0;
        s = read_exponent(s + 1, &e);
        if (s == NULL)
            return false;
        d.exponent += e;
    }
    if (*s != '\0')
        return false;
    *ret = d;
    return true;
}

/* Drops the last `drop` digits; returns 1 if what is left must go up by one (half away from zero).
 */
static int round_off(struct decimal *d, int drop)
{
    int carry = 0;
    if (drop <= d->n)
        carry = d->digits[d->n - drop] >= 5;
    d->n = drop < d->n ? d->n - drop : 0;
    d->exponent += drop;
    return carry;
}

bool decimal_parse(const char *text, int64_t *ret_value, int *ret_scale)
{
    struct decimal d;
    if (strnlen(text, DECIMAL_TEXT_MAX + 1) > DECIMAL_TEXT_MAX || !scan(text, &d))
        return false;
    while (d.n > 0 && d.digits[d.n - 1] == 0) {
        d.n--;
        d.exponent++;
    }
    int carry = 0;
    if (d.n > 0 && d.exponent < -TIMELINE_SCALE_MAX)
        carry = round_off(&d, -TIMELINE_SCALE_MAX - d.exponent);
    int64_t value = 0;
    for (int i = 0; i < d.n; i++) {
        value = value * 10 + d.digits[i];
        if (value > TIMELINE_VALUE_MAX * 10)
            return false; /* before it can leave int64; the exact bound comes below */
    }
    value += carry;
    for (; value != 0 && d.exponent > 0; d.exponent--) {
        value *= 10;
        if (value > TIMELINE_VALUE_MAX)
            return false;
    }
    int scale = value == 0 ? 0 : -d.exponent;
    for (; scale > 0 && value % 10 == 0; scale--)
        value /= 10;
    if (value > TIMELINE_VALUE_MAX)
        return false;
    *ret_value = d.negative ? -value : value;
    *ret_scale = scale;
    return true;
}
