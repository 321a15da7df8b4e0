/* Outbox entries become own batches: in order, gapless, as many as there are. While enough batches
 * wait, entries gather for the next one, so load itself makes batches large. */
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/io/subjects.h"
#include "server/ledger/log/tile.h"
#include "server/store/entry.h"

#include <string.h>

#define GATHER_US (20 * USEC_PER_SEC / 1000) /* ledger.md 3.1: so many entries or 20 ms */

/* A public entry shows its statement, a private one a commitment under its subject's salt. */
static enum err leaf_bytes(struct ledger *l, enum chain chain, const struct entry_stored *e,
                           struct buf *ret)
{
    const struct app *app = l->app;
    if (e->is_public)
        return entry_public(app->member, e->sequence, e->statement, e->len, ret);
    uint8_t salt[SALT_BYTES], anchor[ENTRY_ANCHOR_BYTES];
    enum err err = subjects_salt(app->subjects, e->salt_slot, chain, e->sequence, salt);
    if (err != OK)
        return err;
    entry_anchor(app->member, e->sequence, salt, e->statement, e->len, anchor);
    bytes_wipe(salt, sizeof(salt));
    return buf_add(ret, anchor, sizeof(anchor));
}

/* Appends entries until one would not fit; *ret_n = how many went in. */
static enum err fill(struct ledger *l, enum chain chain, uint64_t first,
                     const struct entry_stored *entries, size_t n, struct buf *batch,
                     uint32_t *ret_n)
{
    struct buf leaf;
    enum err e = OK;
    buf_init(&leaf, ENTRY_MAX);
    *ret_n = 0;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (entries[i].sequence != first + i) {
            e = ERR_LOG_INCONSISTENT; /* the outbox has a gap: never sign over it */
            break;
        }
        buf_clear(&leaf);
        e = leaf_bytes(l, chain, &entries[i], &leaf);
        if (e == OK && batch->len + 2 + leaf.len > WIRE_BATCH_BYTES)
            break;
        if (e == OK)
            e = bundle_add(batch, leaf.data, leaf.len);
        if (e == OK)
            (*ret_n)++;
    }
    buf_release(&leaf);
    return e;
}

static enum err offer_next(struct ledger *l, enum chain chain, uint64_t first, size_t *ret_n)
{
    struct arena *arena = arena_new(256u << 20);
    struct entry_stored *entries = NULL;
    struct buf batch;
    size_t n = 0;
    uint32_t taken = 0;
    if (arena == NULL)
        return ERR_NO_MEMORY;
    buf_init(&batch, WIRE_BATCH_BYTES);
    enum err e =
        store_entries_after(l->db, chain, first - 1, WIRE_BATCH_ENTRIES, arena, &entries, &n);
    if (e == OK && n > 0)
        e = fill(l, chain, first, entries, n, &batch, &taken);
    if (e == OK && taken > 0)
        e = consensus_offer(l->consensus, chain, first, taken, batch.data, batch.len);
    if (e == OK)
        *ret_n = taken;
    buf_release(&batch);
    arena_free(arena);
    return e;
}

/* A lone entry goes at once. While an own batch is on its way, entries gather: every batch costs
 * each member a sync, a post and a row, however small it is. */
static bool hold(const struct chain_log *log, size_t waiting)
{
    return waiting >= OFFERS_MAX ||
           (waiting > 0 && clock_monotonic() - log->offered_at < GATHER_US);
}

enum err ledger_feed(struct ledger *l, enum chain chain, bool *ret_more)
{
    struct chain_log *log = &l->logs[chain - 1];
    size_t waiting = 0, n = WIRE_BATCH_ENTRIES;
    enum err e = OK;
    bool more = false;
    uint64_t first = consensus_offered(l->consensus, chain, &waiting);
    more = hold(log, waiting);
    while (e == OK && !more && n >= WIRE_BATCH_ENTRIES / 2) { /* less: that was all there is */
        n = 0;
        e = offer_next(l, chain, first, &n);
        if (n > 0)
            log->offered_at = clock_monotonic();
        first = consensus_offered(l->consensus, chain, &waiting);
        more = waiting >= OFFERS_MAX;
    }
    *ret_more = more;
    return e;
}
