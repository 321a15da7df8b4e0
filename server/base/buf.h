/* A growing byte buffer that knows its maximum from birth (ERR_LIMIT beyond it).
 * buf_init borrows nothing; buf_release frees; buf_clear keeps the memory. Not thread-safe. */
#ifndef CAIRN_BASE_BUF_H
#define CAIRN_BASE_BUF_H

#include "server/base/err.h"

struct buf {
    uint8_t *data; /* always followed by a NUL once something was added */
    size_t len;
    size_t cap;
    size_t max;
};

void buf_init(struct buf *b, size_t max);
void buf_release(struct buf *b);
void buf_clear(struct buf *b);
/* Wipes the bytes before freeing: for buffers that held secrets or plaintext. */
void buf_release_secret(struct buf *b);

enum err buf_add(struct buf *b, const void *bytes, size_t len) MUST_USE;
enum err buf_add_str(struct buf *b, const char *text) MUST_USE;
enum err buf_addf(struct buf *b, const char *fmt, ...) PRINTF(2, 3) MUST_USE;
/* Makes room for len more bytes and returns the place, or NULL; the caller then adds to b->len. */
uint8_t *buf_reserve(struct buf *b, size_t len);
/* The content as a string ("" when empty); valid until the next change. */
const char *buf_str(const struct buf *b);

#endif
