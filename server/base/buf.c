#include "server/base/buf.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_init(struct buf *b, size_t max)
{
    assert(max > 0);
    *b = (struct buf){ .max = max };
}

void buf_release(struct buf *b)
{
    free(b->data);
    *b = (struct buf){ .max = b->max };
}

void buf_release_secret(struct buf *b)
{
    if (b->data != NULL)
        explicit_bzero(b->data, b->cap);
    buf_release(b);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    if (b->data != NULL)
        b->data[0] = 0;
}

/* Growth copies into fresh memory and wipes the old block, so that a secret never stays behind in
 * memory that realloc moved away from. */
static bool grow(struct buf *b, size_t need)
{
    size_t cap = b->cap > 0 ? b->cap : 256;
    while (cap < need + 1)
        cap = cap > SIZE_MAX / 2 ? need + 1 : cap * 2;
    uint8_t *data = malloc(cap);
    if (data == NULL)
        return false;
    if (b->data != NULL) {
        memcpy(data, b->data, b->len);
        explicit_bzero(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
    return true;
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
    if (len > b->max - b->len)
        return NULL;
    if (b->len + len + 1 > b->cap && !grow(b, b->len + len))
        return NULL;
    return b->data + b->len;
}

enum err buf_add(struct buf *b, const void *bytes, size_t len)
{
    if (len > b->max - b->len)
        return ERR_LIMIT;
    uint8_t *at = buf_reserve(b, len);
    if (at == NULL)
        return ERR_NO_MEMORY;
    if (len > 0)
        memcpy(at, bytes, len);
    b->len += len;
    b->data[b->len] = 0;
    return OK;
}

enum err buf_add_str(struct buf *b, const char *text)
{
    return buf_add(b, text, strlen(text));
}

enum err buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    enum err e = OK;
    if (len < 0)
        e = ERR_INTERNAL;
    else if ((size_t)len > b->max - b->len)
        e = ERR_LIMIT;
    else if (buf_reserve(b, (size_t)len) == NULL)
        e = ERR_NO_MEMORY;
    if (e == OK) {
        (void)vsnprintf((char *)b->data + b->len, (size_t)len + 1, fmt, again);
        b->len += (size_t)len;
    }
    va_end(again);
    return e;
}

const char *buf_str(const struct buf *b)
{
    return b->data != NULL ? (const char *)b->data : "";
}
