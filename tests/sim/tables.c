/* What exists in the world: blocks by id, batches, facts, and what each seat signed per view. */
#include "tests/sim/world.h"

void tables_reset(struct world *w)
{
    w->blocks_n = w->batches_n = w->facts_n = w->views_n = w->justs_n = w->epochs_n = w->canon_n =
        0;
    memset(w->block_table, 0xff, sizeof(w->block_table));
    memset(w->fact_table, 0xff, sizeof(w->fact_table));
    memset(w->view_table, 0xff, sizeof(w->view_table));
}

static uint64_t scatter(uint64_t x)
{
    x = (x ^ (x >> 31)) * UINT64_C(0x7fb5d329728ea185);
    x = (x ^ (x >> 27)) * UINT64_C(0x81dadef4bc2dd44d);
    return x ^ (x >> 33);
}

uint16_t bits(uint16_t mask)
{
    return (uint16_t)__builtin_popcount(mask);
}

/* ---- blocks -----------------------------------------------------------------------------------
 */

/* The id is a hash of everything that the block says, so two blocks never share one. */
static void make_id(const struct world *w, struct block *b)
{
    for (uint64_t lane = 0; lane < 4; lane++) {
        uint64_t h = scatter(w->seed + lane * UINT64_C(0x9e3779b97f4a7c15));
        const uint64_t words[] = {
            b->view,      b->parent_view, b->height,
            b->parent,    b->salt,        b->epoch,
            b->n_batches, b->change,      b->changed | (uint64_t)b->changed_key << 8
        };
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
            h = scatter(h ^ words[i]) + i;
        for (uint32_t i = 0; i < b->n_batches; i++)
            h = scatter(h ^ b->batches[i]);
        for (uint32_t i = 0; i < b->just_n; i++)
            h = scatter(h ^ w->justs[b->just_first + i].fact ^
                        (uint64_t)w->justs[b->just_first + i].mask << 32);
        for (size_t i = 0; i < 8; i++)
            b->id.bytes[8 * lane + i] = (uint8_t)(h >> (56 - 8 * i));
    }
}

static uint32_t slot_of_id(const struct core_id *id)
{
    uint32_t head = 0;
    for (size_t i = 0; i < 4; i++)
        head = head << 8 | id->bytes[i];
    return head % (2 * BLOCKS_MAX);
}

uint32_t block_find(const struct world *w, const struct core_id *id)
{
    for (uint32_t i = slot_of_id(id);; i = (i + 1) % (2 * BLOCKS_MAX)) {
        uint32_t at = w->block_table[i];
        if (at == NONE || memcmp(w->blocks[at].id.bytes, id->bytes, sizeof(id->bytes)) == 0)
            return at;
    }
}

/* The rules of contents: every batch continues its member's sequence; nothing after a change of
 * members, which the epoch ends with. */
static void judge_contents(const struct world *w, struct block *b)
{
    const struct block *parent = &w->blocks[b->parent];
    bool same = parent->epoch == b->epoch;
    b->closing = (same && parent->closing) || b->change != CHANGE_NONE;
    b->valid = parent->valid && !(same && parent->closing && (b->n_batches > 0 || b->change > 0));
    memcpy(b->next, parent->next, sizeof(b->next));
    for (uint32_t i = 0; i < b->n_batches; i++) {
        const struct batch *batch = &w->batches[b->batches[i]];
        if (batch->first != b->next[batch->identity])
            b->valid = false;
        b->next[batch->identity] = (uint16_t)(batch->first + batch->n);
    }
}

uint32_t block_add(struct world *w, struct block *b)
{
    if (b->parent != NONE)
        judge_contents(w, b);
    make_id(w, b);
    uint32_t known = block_find(w, &b->id);
    if (known != NONE)
        return known;
    if (w->blocks_n == BLOCKS_MAX) {
        fail(w, "bounds", "more than %d blocks: somebody never rests", BLOCKS_MAX);
        return NONE;
    }
    uint32_t i = slot_of_id(&b->id);
    while (w->block_table[i] != NONE)
        i = (i + 1) % (2 * BLOCKS_MAX);
    w->block_table[i] = w->blocks_n;
    w->blocks[w->blocks_n] = *b;
    for (uint32_t k = 0; k < w->nodes_n; k++)
        w->nodes[k]->has_block[w->blocks_n] = 0;
    return w->blocks_n++;
}

void block_core(const struct world *w, uint32_t block, struct core_block *ret)
{
    const struct block *b = &w->blocks[block];
    ret->id = b->id;
    ret->parent = w->blocks[b->parent].id;
    ret->view = b->view;
    ret->parent_view = b->parent_view;
    ret->height = b->height;
}

uint32_t batch_add(struct world *w, uint8_t identity, uint16_t first, uint16_t n)
{
    if (w->batches_n == BATCHES_MAX)
        return NONE;
    w->batches[w->batches_n] = (struct batch){ .identity = identity, .first = first, .n = n };
    for (uint32_t k = 0; k < w->nodes_n; k++)
        w->nodes[k]->has_batch[w->batches_n] = 0;
    return w->batches_n++;
}

/* ---- facts --------------------------------------------------------------------------------------
 */

static uint32_t fact_slot(const struct world *w, uint16_t epoch, uint8_t kind, uint64_t view,
                          uint32_t block)
{
    uint64_t h = scatter(view * 64 + kind + ((uint64_t)epoch << 48) + ((uint64_t)block << 20));
    for (uint32_t i = (uint32_t)(h % (2 * FACTS_MAX));; i = (i + 1) % (2 * FACTS_MAX)) {
        uint32_t at = w->fact_table[i];
        if (at == NONE)
            return i;
        const struct fact *f = &w->facts[at];
        if (f->view == view && f->kind == kind && f->epoch == epoch && f->block == block)
            return i;
    }
}

uint32_t fact_find(const struct world *w, uint16_t epoch, uint8_t kind, uint64_t view,
                   uint32_t block)
{
    return w->fact_table[fact_slot(w, epoch, kind, view, block)];
}

uint32_t fact_of(struct world *w, uint16_t epoch, uint8_t kind, uint64_t view, uint32_t block)
{
    uint32_t slot = fact_slot(w, epoch, kind, view, block);
    if (w->fact_table[slot] != NONE)
        return w->fact_table[slot];
    if (w->facts_n == FACTS_MAX) {
        fail(w, "bounds", "more than %d things voted on: somebody never rests", FACTS_MAX);
        return 0;
    }
    w->fact_table[slot] = w->facts_n;
    w->facts[w->facts_n] =
        (struct fact){ .epoch = epoch, .kind = kind, .view = view, .block = block };
    for (uint32_t k = 0; k < w->nodes_n; k++)
        w->nodes[k]->seen[w->facts_n] = w->nodes[k]->cert[w->facts_n] = 0;
    if (w->plan.real)
        signatures_new_fact(w, w->facts_n);
    return w->facts_n++;
}

struct view_votes *view_of(struct world *w, uint16_t epoch, uint64_t view)
{
    uint64_t h = scatter(view + ((uint64_t)epoch << 40));
    for (uint32_t i = (uint32_t)(h % (2 * VIEWS_MAX));; i = (i + 1) % (2 * VIEWS_MAX)) {
        uint32_t at = w->view_table[i];
        if (at != NONE && w->views[at].view == view && w->views[at].epoch == epoch)
            return &w->views[at];
        if (at != NONE)
            continue;
        if (w->views_n == VIEWS_MAX) {
            fail(w, "bounds", "more than %d views: somebody never rests", VIEWS_MAX);
            return &w->views[0];
        }
        w->view_table[i] = w->views_n;
        struct view_votes *v = &w->views[w->views_n++];
        memset(v, 0xff, sizeof(*v));
        v->view = view;
        v->epoch = epoch;
        v->s = 0;
        v->cert_s = false;
        return v;
    }
}

/* ---- seats
 * ---------------------------------------------------------------------------------------- */

uint16_t seat_of(const struct world *w, uint16_t epoch, uint8_t identity)
{
    const struct epoch *e = &w->epochs[epoch];
    for (uint16_t i = 0; i < e->n; i++)
        if (e->member[i] == identity)
            return i;
    return CORE_NOBODY;
}

uint8_t leader_of(const struct world *w, uint16_t epoch, uint64_t view)
{
    const struct epoch *e = &w->epochs[epoch];
    return e->schedule[view % e->schedule_len];
}

/* The first node of an identity. */
uint8_t node_of(const struct world *w, uint8_t identity)
{
    for (uint8_t i = 0; i < w->nodes_n; i++)
        if (w->nodes[i]->identity == identity)
            return i;
    return NODES_MAX;
}
