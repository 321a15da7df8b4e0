/* What this member was shown as final, as a file that anybody can keep and hold against what
 * another member shows (wire/view_file.h): the block of one height, those above it up to the first
 * that has a certificate of its own, and that certificate. */
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/wire/view_file.h"
#include "server/store/chain.h"

#include <string.h>

#define VIEW_BLOCKS 64 /* above a final block a certificate comes within a few views */

struct climb {
    struct db *db;
    struct arena *arena;
    struct wire_proposal *blocks;
    size_t n;
    struct wire_cert final;
    bool done;
};

static enum err add_block(struct climb *c, const struct chain_block_row *row)
{
    size_t used = 0;
    if (c->n == VIEW_BLOCKS)
        return ERR_NOT_FOUND;
    enum err e = wire_proposal_parse(row->proposal, row->proposal_len, &c->blocks[c->n]);
    if (e == OK && row->final_cert != NULL)
        e = wire_cert_parse(row->final_cert, row->final_cert_len, &c->final, &used);
    if (e != OK)
        return ERR_LOG_INCONSISTENT;
    c->n++;
    c->done = row->final_cert != NULL;
    return OK;
}

/* What descends from the block that ended its epoch proves it final, and is no block of the chain.
 */
static enum err add_tail(struct climb *c, const struct chain_block_row *end)
{
    struct rows *r = NULL;
    enum err e = store_tails(c->db, end->chain, end->height, &r);
    for (size_t k = 0; e == OK && !c->done && k < rows_count(r); k++) {
        struct chain_block_row row = { .chain = end->chain };
        row.proposal = row_bytes_any(r, k, 0, c->arena, &row.proposal_len);
        if (!row_null(r, k, 1))
            row.final_cert = row_bytes_any(r, k, 1, c->arena, &row.final_cert_len);
        bool read = row.proposal != NULL && (row.final_cert != NULL || row_null(r, k, 1));
        e = read ? add_block(c, &row) : ERR_NO_MEMORY;
    }
    rows_free(r);
    return e;
}

/* One step up: the next block of the epoch, or what proves its last one final. */
static enum err climb_on(struct climb *c, struct chain_block_row *row)
{
    struct chain_block_row next;
    enum err e = store_block_get(c->db, row->chain, row->height + 1, c->arena, &next);
    if (e == ERR_NOT_FOUND || (e == OK && next.epoch != row->epoch)) {
        e = add_tail(c, row);
        return e == OK && !c->done ? ERR_NOT_FOUND : e;
    }
    if (e != OK)
        return e;
    *row = next;
    return add_block(c, row);
}

static enum err climb(struct climb *c, enum chain chain, uint64_t height, uint32_t *ret_epoch)
{
    struct chain_block_row row;
    enum err e = store_block_get(c->db, chain, height, c->arena, &row);
    if (e == OK)
        e = add_block(c, &row);
    while (e == OK && !c->done)
        e = climb_on(c, &row);
    if (e == OK)
        *ret_epoch = row.epoch;
    return e;
}

/* The validators of an epoch are those that the account chain's state named when it began. */
static enum err scope_at(struct ledger *l, struct climb *c, enum chain chain, uint32_t epoch,
                         struct wire_scope *ret)
{
    struct members *m = arena_alloc(c->arena, sizeof(*m));
    const uint8_t *state = NULL;
    size_t len = 0;
    enum err e = m == NULL ? ERR_NO_MEMORY : OK;
    if (e == OK && epoch == 1)
        members_init(m, &l->genesis, l->members.genesis);
    else if (e == OK)
        e = store_epoch_get(c->db, epoch - 1, c->arena, &state, &len);
    if (e == OK && state != NULL)
        e = members_parse(state, len, m);
    return e == OK && !members_scope(m, chain, epoch, ret) ? ERR_LOG_INCONSISTENT : e;
}

enum err ledger_view(struct ledger *l, struct db *db, enum chain chain, uint64_t height,
                     struct arena *arena, struct buf *ret)
{
    struct climb *c = arena_alloc(arena, sizeof(*c));
    struct wire_scope *scope = arena_alloc(arena, sizeof(*scope));
    uint32_t epoch = 0;
    if (c == NULL || scope == NULL)
        return ERR_NO_MEMORY;
    *c = (struct climb){ .db = db, .arena = arena };
    c->blocks = arena_alloc(arena, VIEW_BLOCKS * sizeof(*c->blocks));
    if (c->blocks == NULL)
        return ERR_NO_MEMORY;
    enum err e = climb(c, chain, height, &epoch);
    if (e == OK)
        e = scope_at(l, c, chain, epoch, scope);
    const struct forensic_view view = { .blocks = c->blocks, .n = c->n, .final = c->final };
    return e == OK ? view_file_print(scope, &view, ret) : e;
}
