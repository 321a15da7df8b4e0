/* Tables of broken texts: each case replaces one piece of a good text by another. */
#ifndef CAIRN_TESTS_LOG_EDIT_H
#define CAIRN_TESTS_LOG_EDIT_H

#include "server/base/buf.h"

#include <assert.h>

struct edit {
    const char *from; /* must stand in the good text; its first place is taken */
    const char *to;
    size_t to_len; /* 0: strlen(to) */
};

/* The edited text, in memory of exactly its length so that a read beyond it is found. */
static inline char *edit_apply(const char *good, const struct edit *edit, size_t *ret_len)
{
    const char *at = strstr(good, edit->from);
    assert(at != NULL);
    size_t from = strlen(edit->from), to = edit->to_len > 0 ? edit->to_len : strlen(edit->to);
    size_t head = (size_t)(at - good), tail = strlen(good) - head - from;
    char *text = malloc(head + to + tail > 0 ? head + to + tail : 1);
    assert(text != NULL);
    memcpy(text, good, head);
    memcpy(text + head, edit->to, to);
    memcpy(text + head + to, at + from, tail);
    *ret_len = head + to + tail;
    return text;
}

#endif
