#include "server/base/text.h"

#include <string.h>

static const char hex_digits[] = "0123456789abcdef";
static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hex_encode(const uint8_t *bytes, size_t len, char *ret)
{
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = hex_digits[bytes[i] >> 4];
        ret[2 * i + 1] = hex_digits[bytes[i] & 15];
    }
    ret[2 * len] = '\0';
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

bool hex_decode(const char *text, size_t text_len, uint8_t *ret, size_t len)
{
    if (text_len != 2 * len)
        return false;
    for (size_t i = 0; i < len; i++) {
        int high = hex_value(text[2 * i]);
        int low = hex_value(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

void base64_encode(const uint8_t *bytes, size_t len, char *ret)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i += 3) {
        size_t have = len - i;
        uint32_t word = (uint32_t)bytes[i] << 16;
        if (have > 1)
            word |= (uint32_t)bytes[i + 1] << 8;
        if (have > 2)
            word |= bytes[i + 2];
        ret[out++] = base64_digits[word >> 18];
        ret[out++] = base64_digits[word >> 12 & 63];
        ret[out++] = have > 1 ? base64_digits[word >> 6 & 63] : '=';
        ret[out++] = have > 2 ? base64_digits[word & 63] : '=';
    }
    ret[out] = '\0';
}

static int base64_value(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

bool base64_decode_any(const char *text, size_t text_len, uint8_t *ret, size_t max, size_t *ret_len)
{
    if (text_len % 4 != 0)
        return false;
    size_t pad = 0;
    if (text_len > 0 && text[text_len - 1] == '=')
        pad = text[text_len - 2] == '=' ? 2 : 1;
    size_t len = text_len / 4 * 3 - pad;
    if (len > max)
        return false;
    size_t out = 0;
    for (size_t i = 0; i < text_len; i += 4) {
        uint32_t word = 0;
        size_t digits = i + 4 == text_len ? 4 - pad : 4;
        for (size_t d = 0; d < 4; d++) {
            int value = d < digits ? base64_value(text[i + d]) : 0;
            if (value < 0)
                return false;
            word = word << 6 | (uint32_t)value;
        }
        /* Spare bits must be zero, else two texts would mean the same bytes. */
        if ((digits == 3 && (word & 0xff) != 0) || (digits == 2 && (word & 0xffff) != 0))
            return false;
        for (size_t b = 0; b + 1 < digits; b++)
            ret[out++] = (uint8_t)(word >> (16 - 8 * b));
    }
    *ret_len = out;
    return true;
}

bool base64_decode(const char *text, size_t text_len, uint8_t *ret, size_t len)
{
    if (text_len != BASE64_SIZE(len) - 1)
        return false;
    size_t got = 0;
    return base64_decode_any(text, text_len, ret, len, &got) && got == len;
}

bool u64_parse(const char *text, size_t text_len, uint64_t *ret)
{
    if (text_len == 0 || text_len > 20 || (text_len > 1 && text[0] == '0'))
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < text_len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
    }
    *ret = value;
    return true;
}
