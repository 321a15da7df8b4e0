#include "server/peer/fields_text.h"

#include "server/base/text.h"

#include <string.h>

struct span span_of(const char *text)
{
    return (struct span){ text, text + strlen(text) };
}

bool span_ended(const struct span *s)
{
    return s->at == s->end;
}

bool span_equal(const struct span *a, const struct span *b)
{
    size_t len = (size_t)(a->end - a->at);
    return len == (size_t)(b->end - b->at) && memcmp(a->at, b->at, len) == 0;
}

bool span_eat(struct span *s, const char *text)
{
    size_t len = strlen(text);
    if ((size_t)(s->end - s->at) < len || memcmp(s->at, text, len) != 0)
        return false;
    s->at += len;
    return true;
}

bool span_number(struct span *s, uint64_t max, uint64_t *ret)
{
    const char *from = s->at;
    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return u64_parse(from, (size_t)(s->at - from), ret) && *ret <= max;
}

bool span_hex_u64(struct span *s, uint64_t *ret)
{
    uint8_t bytes[8];
    if (s->end - s->at < 16 || !hex_decode(s->at, 16, bytes, sizeof(bytes)))
        return false;
    s->at += 16;
    *ret = 0;
    for (size_t i = 0; i < sizeof(bytes); i++)
        *ret = *ret << 8 | bytes[i];
    return true;
}

bool span_bytes(struct span *s, uint8_t *ret, size_t len)
{
    size_t text_len = (len + 2) / 3 * 4;
    if (!span_eat(s, ":") || (size_t)(s->end - s->at) < text_len ||
        !base64_decode(s->at, text_len, ret, len))
        return false;
    s->at += text_len;
    return span_eat(s, ":");
}

static void skip_space(struct span *s)
{
    while (s->at < s->end && (*s->at == ' ' || *s->at == '\t'))
        s->at++;
}

static bool label_byte(char c, bool first)
{
    if ((c >= 'a' && c <= 'z') || c == '*')
        return true;
    return !first && ((c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
}

/* Up to the comma that ends the value; false when quotes stay open. */
static bool eat_value(struct span *s)
{
    bool quoted = false;
    for (; s->at < s->end; s->at++) {
        if (*s->at == '"')
            quoted = !quoted;
        else if (*s->at == '\\' && quoted && s->end - s->at > 1)
            s->at++;
        else if (*s->at == ',' && !quoted)
            break;
    }
    return !quoted;
}

bool span_member(struct span *list, struct span *ret_label, struct span *ret_value, bool *ret_bad)
{
    skip_space(list);
    if (span_ended(list))
        return false;
    ret_label->at = list->at;
    while (list->at < list->end && label_byte(*list->at, list->at == ret_label->at))
        list->at++;
    ret_label->end = list->at;
    *ret_bad = true;
    if (ret_label->at == ret_label->end || !span_eat(list, "="))
        return false;
    ret_value->at = list->at;
    if (!eat_value(list))
        return false;
    ret_value->end = list->at;
    while (ret_value->end > ret_value->at &&
           (ret_value->end[-1] == ' ' || ret_value->end[-1] == '\t'))
        ret_value->end--;
    /* A comma promises another member. */
    if (span_eat(list, ",")) {
        skip_space(list);
        if (span_ended(list))
            return false;
    }
    *ret_bad = false;
    return true;
}
