#include "api/http/query.h"

#include <string.h>

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool percent_decode(const char *text, size_t len, bool plus, char *ret)
{
    size_t out = 0;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '%') {
            int high = len - i < 3 ? -1 : hex_value(text[i + 1]);
            int low = high < 0 ? -1 : hex_value(text[i + 2]);
            if (low < 0)
                return false;
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        if (c < 0x20 || c >= 0x7f)
            return false;
        ret[out++] = (char)c;
    }
    ret[out] = '\0';
    return true;
}

static enum err add(char *item, struct query *q)
{
    char *value = strchr(item, '=');
    if (value != NULL)
        *value++ = '\0';
    else
        value = item + strlen(item);
    if (q->n >= QUERY_MAX || strlen(value) > 3 * (size_t)QUERY_VALUE_MAX)
        return ERR_QUERY;
    if (!percent_decode(item, strlen(item), true, item) ||
        !percent_decode(value, strlen(value), true, value))
        return ERR_QUERY;
    if (item[0] == '\0' || strlen(value) > QUERY_VALUE_MAX || query_get(q, item) != NULL)
        return ERR_QUERY;
    q->names[q->n] = item;
    q->values[q->n++] = value;
    return OK;
}

enum err query_parse(char *text, struct query *ret)
{
    struct query q = { 0 };
    if (text == NULL || text[0] == '\0') {
        *ret = q;
        return OK;
    }
    for (char *item = text, *next; item != NULL; item = next) {
        next = strchr(item, '&');
        if (next != NULL)
            *next++ = '\0';
        enum err e = add(item, &q);
        if (e != OK)
            return e;
    }
    *ret = q;
    return OK;
}

const char *query_get(const struct query *q, const char *name)
{
    for (unsigned i = 0; i < q->n; i++)
        if (strcmp(q->names[i], name) == 0)
            return q->values[i];
    return NULL;
}

bool query_named(const char *names, const char *name)
{
    size_t len = strlen(name);
    while (*names != '\0') {
        size_t word = strcspn(names, " ");
        if (word == len && memcmp(names, name, len) == 0)
            return true;
        names += word;
        names += strspn(names, " ");
    }
    return false;
}
