/* Delivery: a final block becomes rows, in one transaction: entries, tiles, the block with its
 * certificate, where the own entries stand, and what public entries of others do here. Idempotent
 * by height: a block that is there already is a no-op, another one at its height is a broken
 * ledger. */
#include "server/base/failpoint.h"
#include "server/base/json.h"
#include "server/base/log.h"
#include "server/ledger/io/apply.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/log/tile.h"
#include "server/statement/statement.h"
#include "server/store/chain.h"
#include "server/store/entry.h"
#include "server/store/log.h"

#include <stdio.h>
#include <string.h>

struct delivery {
    struct ledger *l;
    struct final_block *f;
    struct arena *arena;
    struct tree_leaf *leaves;
    size_t n;
    const struct members *members; /* as of this block */
    bool there;
};

static enum err gather_leaves(struct delivery *d)
{
    const struct wire_block *b = &d->f->node->p.block;
    size_t n = (size_t)(b->tree_size - d->f->first_index), at = 0;
    d->leaves = arena_alloc(d->arena, (n + 1) * sizeof(*d->leaves));
    if (d->leaves == NULL)
        return ERR_NO_MEMORY;
    for (uint16_t k = 0; k < b->n_batches; k++) {
        const struct wire_batch *w = &d->f->batch[k]->wire;
        size_t offset = 0;
        bool bad = false;
        while (at < n && bundle_next(w->entries, w->entries_len, &offset, &d->leaves[at].bytes,
                                     &d->leaves[at].len, &bad))
            at++;
    }
    d->n = at;
    return at == n ? OK : ERR_LOG_INCONSISTENT;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static enum err put_block(struct delivery *d, struct db *db, usec_t now)
{
    const struct block_node *node = d->f->node;
    const struct wire_block *b = &node->p.block;
    struct chain_block_row row = { .chain = b->chain,
                                   .height = b->height,
                                   .view = b->view,
                                   .epoch = b->epoch,
                                   .proposal = node->bytes,
                                   .proposal_len = node->len,
                                   .final_cert = d->f->cert,
                                   .final_cert_len = d->f->cert_len,
                                   .notar_cert = d->f->notar,
                                   .notar_cert_len = d->f->notar_len,
                                   .tree_size = b->tree_size,
                                   .tree_root = b->tree_root };
    memcpy(row.id, node->p.id.bytes, HASH_BYTES);
    memcpy(row.parent, b->parent.bytes, HASH_BYTES);
    return store_block_insert(db, &row, now);
}

static enum err put_batches(struct delivery *d, struct db *db, usec_t now)
{
    const struct wire_block *b = &d->f->node->p.block;
    uint64_t index = d->f->first_index;
    enum err e = OK;
    for (uint16_t k = 0; k < b->n_batches && e == OK; k++) {
        const struct wire_batch_ref *r = &b->batch[k];
        e = store_batch_insert(db, b->chain, b->height, k, r->member, r->first, r->n, index);
        if (e == OK && r->member == d->l->app->member)
            e = store_delivery_insert(db, b->chain, r->first, r->n, index, now);
        index += r->n;
    }
    return e;
}

/* The root that will be cosigned is that of the stored leaves: it is made from the rows as they
 * were meant, and the database, asked for the hash of what it has stored, must agree with them
 * before the COMMIT. */
static enum err put_leaves(struct delivery *d, struct db *db)
{
    const struct wire_block *b = &d->f->node->p.block;
    struct merkle_hash stored;
    if (d->n == 0)
        return OK;
    enum err e = tree_append(db, b->chain, &d->l->logs[b->chain - 1].edge, d->f->first_index,
                             d->leaves, d->n, d->arena, &stored);
    if (e == OK && memcmp(stored.bytes, b->tree_root.bytes, HASH_BYTES) != 0)
        e = ERR_LOG_INCONSISTENT;
    return e;
}

static bool kind_of(const struct entry_head *h, char ret[STATEMENT_KIND_MAX + 1])
{
    json_t *v = NULL;
    bool ok = json_read((const char *)h->rest, h->rest_len, &v, NULL) == OK;
    const char *kind = ok ? json_string_value(json_object_get(v, "kind")) : NULL;
    ok = kind != NULL && strlen(kind) <= STATEMENT_KIND_MAX;
    if (ok)
        (void)snprintf(ret, STATEMENT_KIND_MAX + 1, "%s", kind);
    json_decref(v);
    return ok;
}

/* ---- what entries do ------------------------------------------------------------------------- */

static enum err apply_one(struct delivery *d, struct db *db, const struct entry_head *h)
{
    char kind[STATEMENT_KIND_MAX + 1];
    const struct apply_context c = { .app = d->l->app, .members = d->members, .arena = d->arena };
    if (h->member == d->l->app->member || !kind_of(h, kind))
        return OK;
    for (size_t k = 0; k < d->l->n_apply; k++)
        if (strcmp(d->l->apply[k].kind, kind) == 0)
            return d->l->apply[k].fn(&c, db, h->member, h->sequence, (const char *)h->rest,
                                     h->rest_len, d->l->app->now(d->l->app));
    return OK;
}

static enum err apply_entries(struct delivery *d, struct db *db)
{
    enum err e = OK;
    for (size_t k = 0; k < d->n && e == OK; k++) {
        struct entry_head h;
        if (d->leaves[k].len >= ENTRY_HEAD_BYTES &&
            memcmp(d->leaves[k].bytes, "public/1", 8) == 0 &&
            entry_parse(d->leaves[k].bytes, d->leaves[k].len, &h) == OK)
            e = apply_one(d, db, &h);
    }
    return e;
}

/* The fold over the account chain; where the block ends its epoch, that of the next. */
static enum err put_state(struct delivery *d, struct db *db)
{
    const struct wire_block *b = &d->f->node->p.block;
    struct buf bytes;
    if (d->f->members == NULL)
        return OK;
    buf_init(&bytes, 1u << 20);
    enum err e = members_print(d->f->members, &bytes);
    if (e == OK)
        e = store_chain_state_put(db, b->chain, b->height, bytes.data, bytes.len);
    if (e == OK && d->f->ends)
        e = store_epoch_insert(db, b->epoch, b->height, bytes.data, bytes.len);
    buf_release(&bytes);
    return e;
}

static enum err put_tail(struct delivery *d, struct db *db)
{
    const struct wire_block *b = &d->f->node->p.block;
    enum err e = OK;
    for (size_t k = 0; k < d->f->n_tail && e == OK; k++) {
        const struct tail_block *t = &d->f->tail[k];
        e = store_tail_insert(db, b->chain, b->height, (int64_t)k, t->bytes, t->len, t->cert,
                              t->cert_len);
    }
    return e;
}

/* ---- the transaction ------------------------------------------------------------------------- */

static enum err is_there(struct delivery *d, struct db *db)
{
    const struct wire_block *b = &d->f->node->p.block;
    struct chain_block_row row;
    if (b->height > d->l->logs[b->chain - 1].tip.height)
        return OK; /* the tip is read again after every COMMIT of unknown outcome */
    enum err e = store_block_get(db, b->chain, b->height, d->arena, &row);
    if (e == ERR_NOT_FOUND)
        return OK;
    if (e == OK && memcmp(row.id, d->f->node->p.id.bytes, HASH_BYTES) != 0) {
        log_error("ledger", "chain %s: the database has another block at height %llu",
                  chain_name(b->chain), (unsigned long long)b->height);
        return ERR_LOG_INCONSISTENT;
    }
    d->there = e == OK;
    return e;
}

static enum err deliver_tx(struct db *db, void *arg)
{
    struct delivery *d = arg;
    usec_t now = d->l->app->now(d->l->app);
    d->there = false;
    enum err e = store_driver_must(db); /* the connection may be new: only the holder delivers */
    if (e == OK)
        e = is_there(d, db);
    if (e != OK || d->there)
        return e;
    e = put_leaves(d, db);
    if (e == OK)
        e = put_block(d, db, now);
    if (e == OK)
        e = put_batches(d, db, now);
    if (e == OK)
        e = put_tail(d, db);
    if (e == OK)
        e = apply_entries(d, db);
    if (e == OK)
        e = put_state(d, db);
    if (e == OK)
        e = store_journal_mark_raise(db, d->l->keys.vote.public, d->f->journal_seq);
    return e == OK ? FP("ledger_before_commit") : e;
}

static void take_over(struct ledger *l, struct delivery *d)
{
    struct chain_log *log = &l->logs[d->f->chain - 1];
    log->tip = d->f->node->after;
    if (d->f->members != NULL) {
        (void)pthread_mutex_lock(&l->lock);
        l->members = *d->f->members;
        (void)pthread_mutex_unlock(&l->lock);
    }
    if (d->f->ends && d->f->members != NULL && l->app->peers != NULL)
        peers_set_members(l->app->peers, d->f->members);
    (void)atomic_fetch_add(&l->batches, 1);
    (void)atomic_fetch_add(&l->delivered, d->n);
}

enum err ledger_deliver(struct ledger *l, struct final_block *f)
{
    struct delivery d = { .l = l, .f = f, .arena = arena_new(512u << 20) };
    if (d.arena == NULL)
        return ERR_NO_MEMORY;
    d.members = f->members != NULL ? f->members : &l->members;
    enum err e = gather_leaves(&d);
    if (e == OK)
        e = db_transact(l->db, "deliver", deliver_tx, &d);
    if (e == OK)
        e = FP("ledger_after_commit");
    if (e == OK)
        take_over(l, &d);
    arena_free(d.arena);
    return e;
}
