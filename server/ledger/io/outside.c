#include "server/ledger/io/outside.h"

#include "server/ledger/io/ledger.h"

#include <pthread.h>
#include <stdlib.h>

struct outside {
    pthread_mutex_t lock;
    struct {
        uint64_t size;
        struct buf lines;
    } chains[CHAINS];
};

enum err outside_new(struct outside **ret)
{
    struct outside *o = calloc(1, sizeof(*o));
    if (o == NULL)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_init(&o->lock, NULL);
    for (int i = 0; i < CHAINS; i++)
        buf_init(&o->chains[i].lines, CHECKPOINT_MAX);
    *ret = o;
    return OK;
}

void outside_free(struct outside *o)
{
    if (o == NULL)
        return;
    for (int i = 0; i < CHAINS; i++)
        buf_release(&o->chains[i].lines);
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}

enum err outside_set(struct outside *o, enum chain chain, uint64_t size, const char *lines)
{
    (void)pthread_mutex_lock(&o->lock);
    struct buf *kept = &o->chains[chain - 1].lines;
    buf_clear(kept);
    enum err e = buf_add_str(kept, lines);
    if (e != OK)
        buf_clear(kept);
    o->chains[chain - 1].size = size;
    (void)pthread_mutex_unlock(&o->lock);
    return e;
}

enum err outside_append(struct outside *o, enum chain chain, uint64_t size, struct buf *ret)
{
    if (o == NULL)
        return OK;
    (void)pthread_mutex_lock(&o->lock);
    const struct buf *lines = &o->chains[chain - 1].lines;
    bool fits = ret->len <= CHECKPOINT_MAX && lines->len <= CHECKPOINT_MAX - ret->len;
    enum err e = OK;
    if (o->chains[chain - 1].size == size && lines->len > 0 && fits)
        e = buf_add(ret, lines->data, lines->len);
    (void)pthread_mutex_unlock(&o->lock);
    return e;
}
