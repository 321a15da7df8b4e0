#include "server/base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_BLOCK (16u * 1024u)

struct block {
    struct block *next;
    size_t used, cap;
    max_align_t bytes[];
};

struct hook {
    struct hook *next;
    void (*fn)(void *);
    void *arg;
};

struct arena {
    struct block *blocks;
    struct hook *hooks;
    size_t total, max;
};

struct arena *arena_new(size_t max)
{
    struct arena *a = calloc(1, sizeof(*a));
    if (a != NULL)
        a->max = max;
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL)
        return;
    for (struct hook *h = a->hooks; h != NULL; h = h->next)
        h->fn(h->arg);
    struct block *next;
    for (struct block *b = a->blocks; b != NULL; b = next) {
        next = b->next;
        explicit_bzero(b->bytes, b->used);
        free(b);
    }
    free(a);
}

void *arena_alloc(struct arena *a, size_t len)
{
    const size_t align = _Alignof(max_align_t);
    if (len > SIZE_MAX - align)
        return NULL;
    len = (len + align - 1) / align * align;
    struct block *b = a->blocks;
    if (b == NULL || b->cap - b->used < len) {
        size_t cap = len > ARENA_BLOCK ? len : ARENA_BLOCK;
        if (cap > a->max - a->total)
            return NULL;
        b = malloc(sizeof(*b) + cap);
        if (b == NULL)
            return NULL;
        *b = (struct block){ .next = a->blocks, .cap = cap };
        a->blocks = b;
        a->total += cap;
    }
    void *at = (char *)b->bytes + b->used;
    b->used += len;
    memset(at, 0, len);
    return at;
}

void *arena_memdup(struct arena *a, const void *bytes, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (copy != NULL && len > 0)
        memcpy(copy, bytes, len);
    return copy;
}

char *arena_strdup(struct arena *a, const char *text)
{
    return arena_memdup(a, text, strlen(text));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(a, (size_t)len + 1);
    if (text != NULL)
        (void)vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

bool arena_defer(struct arena *a, void (*fn)(void *), void *arg)
{
    struct hook *h = arena_alloc(a, sizeof(*h));
    if (h == NULL) {
        fn(arg);
        return false;
    }
    *h = (struct hook){ .next = a->hooks, .fn = fn, .arg = arg };
    a->hooks = h;
    return true;
}
