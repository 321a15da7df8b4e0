#include "server/ledger/io/pool.h"

#include <stdlib.h>
#include <string.h>

void pool_init(struct pool *p)
{
    memset(p, 0, sizeof(*p));
}

static void batch_free(struct batch *b)
{
    free((void *)(uintptr_t)b->wire.entries);
    free(b->leaves);
    free(b);
}

void pool_release(struct pool *p)
{
    while (p->first != NULL) {
        struct batch *b = p->first;
        p->first = b->next;
        batch_free(b);
    }
    pool_init(p);
}

struct batch *pool_find(struct pool *p, const uint8_t digest[HASH_BYTES])
{
    for (struct batch *b = p->first; b != NULL; b = b->next)
        if (memcmp(b->wire.ref.digest, digest, HASH_BYTES) == 0)
            return b;
    return NULL;
}

struct batch *pool_next(struct pool *p, uint16_t member, uint64_t first, unsigned receipts)
{
    for (struct batch *b = p->first; b != NULL; b = b->next)
        if (b->wire.ref.member == member && b->wire.ref.first == first &&
            core_set_count(&b->receipts) >= receipts)
            return b;
    return NULL;
}

static size_t bytes_of(const struct pool *p, uint16_t member)
{
    size_t sum = 0;
    for (const struct batch *b = p->first; b != NULL; b = b->next)
        if (b->wire.ref.member == member)
            sum += b->wire.entries_len;
    return sum;
}

/* bundle form: u16 length, bytes */
static void hash_leaves(struct batch *b)
{
    const uint8_t *at = b->wire.entries;
    for (uint32_t i = 0; i < b->wire.ref.n; i++) {
        size_t len = (size_t)at[0] << 8 | at[1];
        merkle_leaf(at + 2, len, &b->leaves[i]);
        at += 2 + len;
    }
}

enum err pool_add(struct pool *p, const struct wire_batch *wire, struct batch **ret)
{
    if (p->bytes + wire->entries_len > POOL_BYTES_MAX ||
        bytes_of(p, wire->ref.member) + wire->entries_len > POOL_MEMBER_BYTES_MAX)
        return ERR_BUSY;
    struct batch *b = calloc(1, sizeof(*b));
    uint8_t *entries = malloc(wire->entries_len);
    struct merkle_hash *leaves = malloc(wire->ref.n * sizeof(*leaves));
    if (b == NULL || entries == NULL || leaves == NULL) {
        free(b);
        free(entries);
        free(leaves);
        return ERR_NO_MEMORY;
    }
    memcpy(entries, wire->entries, wire->entries_len);
    *b = (struct batch){ .next = p->first, .wire = *wire, .leaves = leaves };
    b->wire.entries = entries;
    hash_leaves(b);
    p->first = b;
    p->bytes += wire->entries_len;
    p->n++;
    *ret = b;
    return OK;
}

void pool_drop(struct pool *p, uint16_t member, uint64_t next,
               void (*fn)(void *arg, const struct batch *b), void *arg)
{
    for (struct batch **at = &p->first; *at != NULL;) {
        struct batch *b = *at;
        if (b->wire.ref.member != member || b->wire.ref.first >= next) {
            at = &b->next;
            continue;
        }
        *at = b->next;
        p->bytes -= b->wire.entries_len;
        p->n--;
        if (fn != NULL)
            fn(arg, b);
        batch_free(b);
    }
}

void pool_remember_early(struct pool *p, const struct wire_receipt *r)
{
    p->early[p->early_at] = *r;
    p->early_at = (p->early_at + 1) % POOL_EARLY_MAX;
}
