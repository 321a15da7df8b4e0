#include "server/ledger/io/tips.h"

#include <stdlib.h>
#include <string.h>

uint64_t sequences_next(const struct sequences *s, uint16_t member)
{
    for (uint16_t i = 0; i < s->n; i++)
        if (s->at[i].member == member)
            return s->at[i].next;
    return 1;
}

bool sequences_set(struct sequences *s, uint16_t member, uint64_t next)
{
    uint16_t i = 0;
    while (i < s->n && s->at[i].member < member)
        i++;
    if (i == s->n || s->at[i].member != member) {
        if (s->n == MEMBERS_MAX)
            return false;
        memmove(&s->at[i + 1], &s->at[i], (size_t)(s->n - i) * sizeof(s->at[0]));
        s->n++;
        s->at[i].member = member;
    }
    s->at[i].next = next;
    return true;
}

enum err node_add(struct block_node **list, const uint8_t *bytes, size_t len,
                  struct block_node **ret)
{
    struct block_node *b = calloc(1, sizeof(*b));
    uint8_t *copy = malloc(len);
    enum err e = b != NULL && copy != NULL ? OK : ERR_NO_MEMORY;
    if (e == OK) {
        memcpy(copy, bytes, len);
        e = wire_proposal_parse(copy, len, &b->p);
    }
    if (e != OK) {
        free(b);
        free(copy);
        return e;
    }
    b->bytes = copy;
    b->len = len;
    b->older = *list;
    *list = b;
    *ret = b;
    return OK;
}

struct block_node *node_find(struct block_node *list, const struct core_id *id)
{
    for (; list != NULL; list = list->older)
        if (core_id_equal(&list->p.id, id))
            return list;
    return NULL;
}

void node_drop(struct block_node **list, uint64_t height)
{
    while (*list != NULL) {
        struct block_node *b = *list;
        if (b->p.block.height > height) {
            list = &b->older;
            continue;
        }
        *list = b->older;
        free(b->bytes);
        free(b);
    }
}

static enum err append_batch(struct tip *t, struct pool *pool, const struct wire_batch_ref *ref,
                             const struct wire_batch_ref **ret_missing)
{
    if (ref->first != sequences_next(&t->next, ref->member))
        return ERR_LOG_INCONSISTENT;
    const struct batch *b = pool_find(pool, ref->digest);
    if (b == NULL) {
        *ret_missing = ref;
        return ERR_NOT_READY;
    }
    if (b->wire.ref.member != ref->member || b->wire.ref.first != ref->first ||
        b->wire.ref.n != ref->n || !sequences_set(&t->next, ref->member, ref->first + ref->n))
        return ERR_LOG_INCONSISTENT;
    for (uint32_t i = 0; i < ref->n; i++)
        merkle_append(&t->tree, &b->leaves[i]);
    return OK;
}

enum err tip_apply(const struct tip *parent, struct pool *pool, const struct wire_proposal *p,
                   struct tip *ret, const struct wire_batch_ref **ret_missing)
{
    const struct wire_block *b = &p->block;
    struct tip t = *parent;
    struct merkle_hash root;
    t.epoch = b->epoch;
    t.view = b->view;
    t.height = b->height;
    t.time = b->time;
    t.id = p->id;
    t.other = b->other;
    if (parent->ended && b->n_batches > 0)
        return ERR_LOG_INCONSISTENT; /* what descends from an ending is empty */
    if (b->height != parent->height + 1 || b->time < parent->time ||
        b->other.height < parent->other.height)
        return ERR_LOG_INCONSISTENT;
    for (uint16_t i = 0; i < b->n_batches; i++) {
        enum err e = append_batch(&t, pool, &b->batch[i], ret_missing);
        if (e != OK)
            return e;
    }
    merkle_root(&t.tree, &root);
    if (t.tree.size != b->tree_size || memcmp(&root, &b->tree_root, sizeof(root)) != 0)
        return ERR_LOG_INCONSISTENT;
    *ret = t;
    return OK;
}
