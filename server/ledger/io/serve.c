/* What other members ask for and only the database has: final blocks by height or id, certificates
 * of final views, batches that were ordered. Answers go out directly; nothing here waits for
 * anybody. */
#include "server/crypto/hash.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/log/tile.h"
#include "server/ledger/wire/final.h"
#include "server/store/chain.h"
#include "server/store/log.h"

#include <stdlib.h>
#include <string.h>

#define RANGE_BLOCKS_MAX 128
#define RANGE_BYTES_MAX (4u << 20) /* of one answer; the asker comes again */

struct answer_to {
    struct ledger *l;
    struct arena *arena;
    uint16_t to;
    size_t bytes;
};

static void send_frame(struct answer_to *a, uint8_t type, const void *payload, size_t len)
{
    peers_send(a->l->app->peers, a->to, PEERS_BULK, type, payload, len);
    a->bytes += len;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Entries index .. index + n - 1 in bundle form, as their batch had them. */
static enum err read_entries(struct answer_to *a, enum chain chain, uint64_t index, uint32_t n,
                             struct buf *ret)
{
    enum err e = OK;
    while (n > 0 && e == OK) {
        const uint8_t *bytes = NULL, *entry = NULL;
        size_t len = 0, offset = 0, entry_len = 0;
        unsigned width = 0;
        bool bad = false;
        uint64_t at = index / TILE_WIDTH * TILE_WIDTH;
        e = store_bundle_get(a->l->db, chain, index / TILE_WIDTH, a->arena, &bytes, &len, &width);
        for (; e == OK && n > 0 && bundle_next(bytes, len, &offset, &entry, &entry_len, &bad); at++)
            if (at == index) {
                e = bundle_add(ret, entry, entry_len);
                index++;
                n--;
            }
        if (e == OK && (bad || (n > 0 && index % TILE_WIDTH != 0)))
            e = ERR_LOG_INCONSISTENT;
    }
    return e;
}

static enum err send_batch(struct answer_to *a, enum chain chain, const struct wire_batch_ref *ref,
                           uint64_t index)
{
    struct buf entries, frame;
    struct wire_batch b = { .chain = chain, .ref = *ref };
    buf_init(&entries, WIRE_BATCH_BYTES);
    buf_init(&frame, WIRE_FRAME_MAX);
    enum err e = read_entries(a, chain, index, ref->n, &entries);
    b.entries = entries.data;
    b.entries_len = entries.len;
    if (e == OK)
        e = wire_batch_print(&b, &frame); /* no signature: the block that names it is the proof */
    if (e == OK)
        send_frame(a, WIRE_BATCH, frame.data, frame.len);
    buf_release(&entries);
    buf_release(&frame);
    return e;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static enum err send_batches(struct answer_to *a, const struct wire_block *b)
{
    uint64_t index = b->tree_size;
    enum err e = OK;
    for (uint16_t k = 0; k < b->n_batches; k++)
        index -= b->batch[k].n;
    for (uint16_t k = 0; k < b->n_batches && e == OK; k++) {
        e = send_batch(a, b->chain, &b->batch[k], index);
        index += b->batch[k].n;
    }
    return e;
}

/* The block first, so that its batches are expected when they come. */
static enum err send_final(struct answer_to *a, const struct chain_block_row *row)
{
    struct wire_proposal *p = malloc(sizeof(*p));
    struct wire_cert *cert = malloc(sizeof(*cert));
    struct buf frame;
    size_t used = 0;
    buf_init(&frame, WIRE_FRAME_MAX);
    enum err e = p == NULL || cert == NULL
                     ? ERR_NO_MEMORY
                     : wire_proposal_parse(row->proposal, row->proposal_len, p);
    if (e == OK && row->final_cert != NULL)
        e = wire_cert_parse(row->final_cert, row->final_cert_len, cert, &used);
    if (e == OK)
        e = wire_final_print(p, row->final_cert != NULL ? cert : NULL, &frame);
    if (e == OK) {
        send_frame(a, WIRE_FINAL, frame.data, frame.len);
        e = send_batches(a, &p->block);
    }
    buf_release(&frame);
    free(p);
    free(cert);
    return e;
}

/* Where a block that ended its epoch has no certificate itself, what descends from it has. */
static enum err send_tail(struct answer_to *a, const struct chain_block_row *block)
{
    struct rows *r = NULL;
    enum err e = store_tails(a->l->db, block->chain, block->height, &r);
    for (size_t k = 0; e == OK && k < rows_count(r); k++) {
        struct chain_block_row row = *block;
        row.proposal = row_bytes_any(r, k, 0, a->arena, &row.proposal_len);
        row.final_cert =
            row_null(r, k, 1) ? NULL : row_bytes_any(r, k, 1, a->arena, &row.final_cert_len);
        e = row.proposal != NULL ? send_final(a, &row) : ERR_NO_MEMORY;
    }
    rows_free(r);
    return e;
}

/* From a height on, or from behind a block that the asker names. */
static void serve_range(struct answer_to *a, const struct wire_pull *p)
{
    struct chain_block_row row;
    uint64_t height = p->view;
    if (height == 0 && store_block_height(a->l->db, p->chain, p->id.bytes, &height) != OK)
        height = 0; /* the asker has nothing yet: from the beginning */
    height += p->view == 0;
    for (int n = 0; n < RANGE_BLOCKS_MAX && a->bytes < RANGE_BYTES_MAX; n++, height++)
        if (store_block_get(a->l->db, p->chain, height, a->arena, &row) != OK ||
            send_final(a, &row) != OK || (row.final_cert == NULL && send_tail(a, &row) != OK))
            break;
}

static void serve_block(struct answer_to *a, const struct wire_pull *p)
{
    struct chain_block_row row;
    uint64_t height = 0;
    if (store_block_height(a->l->db, p->chain, p->id.bytes, &height) == OK &&
        store_block_get(a->l->db, p->chain, height, a->arena, &row) == OK)
        send_frame(a, WIRE_BLOCK, row.proposal, row.proposal_len);
}

static void serve_batch(struct answer_to *a, const struct wire_pull *p)
{
    struct wire_batch_ref ref = { .member = p->member, .first = p->first };
    uint64_t index = 0;
    memcpy(ref.digest, p->id.bytes, HASH_BYTES);
    if (store_batch_find(a->l->db, p->chain, p->member, p->first, &ref.n, &index) == OK &&
        send_batch(a, p->chain, &ref, index) != OK)
        return; /* another batch with the same first entry: its digest differs */
}

static void serve_cert(struct answer_to *a, const struct wire_pull *p)
{
    struct chain_block_row row;
    if (store_block_by_view(a->l->db, p->chain, p->epoch, p->view, a->arena, &row) == OK &&
        row.final_cert != NULL)
        send_frame(a, WIRE_CERT, row.final_cert, row.final_cert_len);
}

void ledger_serve(struct ledger *l, const struct serve_item *s)
{
    struct answer_to a = { .l = l, .arena = arena_new(256u << 20), .to = s->from };
    if (a.arena == NULL || l->app->peers == NULL) {
        arena_free(a.arena);
        return;
    }
    switch ((enum wire_want)s->pull.want) {
    case WIRE_WANT_RANGE:
        serve_range(&a, &s->pull);
        break;
    case WIRE_WANT_BLOCK:
        serve_block(&a, &s->pull);
        break;
    case WIRE_WANT_BATCH:
        serve_batch(&a, &s->pull);
        break;
    case WIRE_WANT_CERT:
        serve_cert(&a, &s->pull);
        break;
    case WIRE_WANT_NEWS:
        break; /* answered from memory */
    }
    peers_flush(l->app->peers);
    arena_free(a.arena);
}
