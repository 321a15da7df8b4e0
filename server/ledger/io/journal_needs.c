/* What of the journal is still needed, so that the rest may go. Bodies pin the segment they lie in
 * until they are released. Votes are small: whatever is needed of them is carried forward, so that
 * a chain on which nothing happens cannot keep the segments of a busy one. */
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define REMOVED (UINT64_C(1) << 63)
#define BATCHES_MIN 64

static bool place_after(struct journal_place a, struct journal_place b)
{
    return a.epoch > b.epoch || (a.epoch == b.epoch && a.view > b.view);
}

static bool is_fact(uint8_t kind)
{
    return kind >= CORE_REC_N && kind <= CORE_REC_FIN;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Digests are chosen by others. The tag, which they do not know, keeps them from choosing such that
 * all fall into one place. */
static size_t batch_place(const struct journal *j, const uint8_t digest[HASH_BYTES])
{
    uint64_t mixed = j->identity.tag;
    for (size_t i = 0; i < HASH_BYTES; i += 8) {
        uint64_t eight;
        memcpy(&eight, digest + i, 8);
        mixed = (mixed ^ eight) * UINT64_C(0x9e3779b97f4a7c15);
        mixed ^= mixed >> 29;
    }
    return (size_t)mixed & (j->batches_cap - 1);
}

/* The digest's place, or the free one where it would go. */
static struct journal_batch *batch_find(const struct journal *j, const uint8_t digest[HASH_BYTES])
{
    size_t at = batch_place(j, digest);
    while (j->batches[at].segment != 0 && memcmp(j->batches[at].digest, digest, HASH_BYTES) != 0)
        at = (at + 1) & (j->batches_cap - 1);
    return &j->batches[at];
}

/* Makes a table that is at most a quarter full, without the places of digests that were removed. */
static enum err batches_rebuild(struct journal *j)
{
    size_t live = 0, cap = BATCHES_MIN, old_cap = j->batches_cap;
    struct journal_batch *old = j->batches;
    for (size_t i = 0; i < old_cap; i++)
        live += old[i].segment != 0 && old[i].segment != REMOVED;
    while (cap < 4 * (live + 1))
        cap *= 2;
    struct journal_batch *table = calloc(cap, sizeof(*table));
    if (table == NULL)
        return ERR_NO_MEMORY;
    j->batches = table;
    j->batches_cap = cap;
    j->batches_used = live;
    for (size_t i = 0; i < old_cap; i++) {
        if (old[i].segment != 0 && old[i].segment != REMOVED)
            *batch_find(j, old[i].digest) = old[i];
    }
    free(old);
    return OK;
}

/* The segment that a live batch lies in. */
static struct journal_segment *segment_of(const struct journal *j, const struct journal_batch *b)
{
    size_t i = (size_t)(b->segment - j->segments[0].number);
    assert(b->segment >= j->segments[0].number && i < j->n && j->segments[i].batches > 0);
    return &j->segments[i];
}

/* A digest that comes again is needed where it came last. */
static enum err batch_note(struct journal *j, size_t segment, const uint8_t digest[HASH_BYTES])
{
    if (2 * (j->batches_used + 1) > j->batches_cap) {
        enum err e = batches_rebuild(j);
        if (e != OK)
            return e;
    }
    struct journal_batch *b = batch_find(j, digest);
    if (b->segment == 0)
        j->batches_used++;
    else if (b->segment != REMOVED)
        segment_of(j, b)->batches--;
    memcpy(b->digest, digest, HASH_BYTES);
    b->segment = j->segments[segment].number;
    j->segments[segment].batches++;
    return OK;
}

void journal_release_batch(struct journal *j, const uint8_t digest[HASH_BYTES])
{
    if (j->batches_cap == 0)
        return;
    struct journal_batch *b = batch_find(j, digest);
    if (b->segment == 0 || b->segment == REMOVED)
        return;
    segment_of(j, b)->batches--;
    b->segment = REMOVED;
}

/* ---- votes ----------------------------------------------------------------------------------- */
static enum err fact_note(struct journal *j, const struct journal_fact *f)
{
    struct journal_fact *fin = &j->fin[f->chain];
    if (f->kind == CORE_REC_FIN) {
        if (fin->kind == 0 || !place_after(fin->place, f->place))
            *fin = *f;
        return OK;
    }
    if (!place_after(f->place, j->released[f->chain]))
        return OK;
    if (j->facts_n == j->facts_cap) {
        size_t cap = j->facts_cap > 0 ? 2 * j->facts_cap : 256;
        struct journal_fact *more = realloc(j->facts, cap * sizeof(*more));
        if (more == NULL)
            return ERR_NO_MEMORY;
        j->facts = more;
        j->facts_cap = cap;
    }
    j->facts[j->facts_n++] = *f;
    return OK;
}

enum err journal_needs_note(struct journal *j, size_t segment, const struct journal_head *h)
{
    struct journal_place place = { .epoch = h->epoch, .view = h->view };
    struct journal_segment *s = &j->segments[segment];
    if (is_fact(h->kind)) {
        struct journal_fact f = {
            .segment = s->number, .place = place, .kind = h->kind, .chain = h->chain
        };
        memcpy(f.id, h->id, HASH_BYTES);
        return fact_note(j, &f);
    }
    if (h->kind == JOURNAL_BATCH)
        return batch_note(j, segment, h->id);
    if (h->kind == JOURNAL_PROPOSAL && place_after(place, s->proposals[h->chain]))
        s->proposals[h->chain] = place;
    return OK;
}

/* After a restart before trimming, a vote may stand both where it was and where it was carried. */
static bool carried_before(const struct journal *j, const struct journal_fact *f)
{
    for (size_t i = 0; i < j->facts_n; i++) {
        const struct journal_fact *other = &j->facts[i];
        if (other->segment > f->segment && other->kind == f->kind && other->chain == f->chain &&
            other->place.epoch == f->place.epoch && other->place.view == f->place.view &&
            memcmp(other->id, f->id, HASH_BYTES) == 0)
            return true;
    }
    return false;
}

static void carry(struct journal *j, const struct journal_fact *f)
{
    struct journal_record r = {
        .kind = f->kind, .chain = f->chain, .epoch = f->place.epoch, .view = f->place.view
    };
    memcpy(r.id, f->id, HASH_BYTES);
    journal_queue(j, &r);
}

/* They are noted again, in their new place, when they are written; until then nothing removes the
 * old one. */
void journal_needs_carry(struct journal *j, uint64_t number)
{
    size_t kept = 0;
    for (size_t i = 0; i < j->facts_n; i++) {
        const struct journal_fact f = j->facts[i];
        if (f.segment >= number)
            j->facts[kept++] = f;
        else if (!carried_before(j, &f))
            carry(j, &f);
    }
    j->facts_n = kept;
    for (size_t chain = 0; chain < JOURNAL_CHAINS; chain++) {
        if (j->fin[chain].kind != 0 && j->fin[chain].segment < number)
            carry(j, &j->fin[chain]);
    }
}

void journal_release(struct journal *j, uint8_t chain, uint32_t epoch, uint64_t view)
{
    assert(chain < JOURNAL_CHAINS);
    const struct journal_place place = { .epoch = epoch, .view = view };
    if (!place_after(place, j->released[chain]))
        return;
    j->released[chain] = place;
    size_t kept = 0;
    for (size_t i = 0; i < j->facts_n; i++) {
        if (j->facts[i].chain != chain || place_after(j->facts[i].place, place))
            j->facts[kept++] = j->facts[i];
    }
    j->facts_n = kept;
}

void journal_needs_forget(struct journal *j, uint64_t number)
{
    for (size_t i = 0; i < j->batches_cap; i++) {
        if (j->batches[i].segment != 0 && j->batches[i].segment < number)
            j->batches[i].segment = REMOVED;
    }
    size_t kept = 0;
    for (size_t i = 0; i < j->facts_n; i++) {
        if (j->facts[i].segment >= number)
            j->facts[kept++] = j->facts[i];
    }
    j->facts_n = kept;
    for (size_t i = 0; i < j->n && j->segments[i].number < number; i++)
        j->segments[i] = (struct journal_segment){ .number = j->segments[i].number };
}

uint64_t journal_needs_floor(const struct journal *j)
{
    size_t i = 0;
    for (; i < j->current; i++) {
        bool needed = j->segments[i].batches > 0;
        for (size_t chain = 0; chain < JOURNAL_CHAINS && !needed; chain++)
            needed = place_after(j->segments[i].proposals[chain], j->released[chain]);
        if (needed)
            break;
    }
    return j->segments[i].number;
}

void journal_needs_release(struct journal *j)
{
    free(j->facts);
    free(j->batches);
}
