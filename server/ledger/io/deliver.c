/* Delivery: outbox entries become leaves, in order, exactly once; then the signed checkpoint. */
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/ledger/io/subjects.h"
#include "server/store/entry.h"
#include "server/store/log.h"

#include <assert.h>
#include <string.h>

/* What one delivery works on; built before, used inside the transaction. */
struct batch {
    struct ledger *l;
    struct chain_log *log;
    struct arena *arena;
    struct entry_stored *entries;
    struct tree_leaf *leaves;
    size_t n;
    struct merkle_tree after; /* the tree with the batch in it */
    struct merkle_hash root;
    struct buf note;
};

/* The subject's salt, or 32 zero bytes' worth of nothing for a public entry. */
static enum err leaf_bytes(struct batch *b, const struct entry_stored *e, struct tree_leaf *ret)
{
    const struct app *app = b->l->app;
    if (e->is_public) {
        struct buf bytes;
        buf_init(&bytes, ENTRY_MAX);
        enum err err = entry_public(app->member, e->sequence, e->statement, e->len, &bytes);
        if (err == OK) {
            ret->len = bytes.len;
            ret->bytes = arena_memdup(b->arena, bytes.data, bytes.len);
        }
        buf_release(&bytes);
        return err == OK && ret->bytes == NULL ? ERR_NO_MEMORY : err;
    }
    uint8_t salt[SALT_BYTES], anchor[ENTRY_ANCHOR_BYTES];
    enum err err = subjects_salt(app->subjects, e->salt_slot, b->log->chain, e->sequence, salt);
    if (err != OK)
        return err;
    entry_anchor(app->member, e->sequence, salt, e->statement, e->len, anchor);
    bytes_wipe(salt, sizeof(salt));
    ret->len = sizeof(anchor);
    ret->bytes = arena_memdup(b->arena, anchor, sizeof(anchor));
    return ret->bytes != NULL ? OK : ERR_NO_MEMORY;
}

static enum err batch_build(struct batch *b)
{
    b->after = b->log->tree;
    b->leaves = arena_alloc(b->arena, b->n * sizeof(*b->leaves));
    if (b->leaves == NULL)
        return ERR_NO_MEMORY;
    for (size_t i = 0; i < b->n; i++) {
        if (b->entries[i].sequence != b->log->sequence + 1 + i)
            return ERR_LOG_INCONSISTENT; /* the outbox has a gap: never sign over it */
        enum err e = leaf_bytes(b, &b->entries[i], &b->leaves[i]);
        if (e != OK)
            return e;
        struct merkle_hash hash;
        merkle_leaf(b->leaves[i].bytes, b->leaves[i].len, &hash);
        merkle_append(&b->after, &hash);
    }
    merkle_root(&b->after, &b->root);
    return OK;
}

static enum err note_build(struct batch *b)
{
    struct checkpoint c = { .size = b->after.size, .root = b->root };
    memcpy(c.origin, b->log->origin, sizeof(c.origin));
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    buf_clear(&b->note);
    const struct ledger *l = b->l;
    uint64_t seconds = (uint64_t)(l->app->now(l->app) / USEC_PER_SEC);
    enum err e = checkpoint_body(&c, &body);
    if (e == OK)
        e = buf_add(&b->note, body.data, body.len);
    if (e == OK)
        e = buf_add_str(&b->note, "\n");
    if (e == OK)
        e = checkpoint_sign(buf_str(&body), body.len, &b->log->key, &l->keys.log[b->log->chain - 1],
                            &b->note);
    if (e == OK)
        e = checkpoint_cosign(buf_str(&body), body.len, &l->cosigner, &l->keys.cosigner, seconds,
                              &b->note);
    buf_release(&body);
    return e;
}

/* The root that is signed comes from the stored leaves; memory must agree with it. */
static enum err deliver_tx(struct db *db, void *arg)
{
    struct batch *b = arg;
    enum chain chain = b->log->chain;
    uint64_t size = b->log->tree.size;
    struct merkle_hash stored;
    const struct app *app = b->l->app;
    bool drives =
        false; /* asked here, since the connection may be new: only the lock's holder signs */
    enum err e = store_driver_lock(db, &drives);
    if (e == OK && !drives)
        e = ERR_NOT_READY;
    if (e == OK)
        e = tree_append(db, chain, size, b->leaves, b->n, b->arena);
    if (e == OK)
        e = tree_recompute(db, chain, size, b->after.size, &stored);
    if (e == OK && memcmp(stored.bytes, b->root.bytes, HASH_BYTES) != 0)
        e = ERR_LOG_INCONSISTENT;
    if (e == OK)
        e = note_build(b);
    if (e == OK)
        e = store_delivery_insert(db, chain, b->log->sequence + 1, b->n, size, app->now(app));
    if (e == OK)
        e = store_checkpoint_insert(db, chain, b->after.size, &b->root, buf_str(&b->note),
                                    app->now(app));
    return e == OK ? FP("ledger_before_commit") : e;
}

static void publish(struct ledger *l, struct chain_log *log, struct batch *b)
{
    (void)pthread_mutex_lock(&l->lock);
    log->published_size = b->after.size;
    log->published_root = b->root;
    struct buf old = log->published_note;
    log->published_note = b->note;
    b->note = old;
    (void)pthread_mutex_unlock(&l->lock);
    l->on_publish(l->on_publish_arg);
}

static enum err batch_deliver(struct batch *b)
{
    struct ledger *l = b->l;
    enum err e = batch_build(b);
    if (e == OK)
        e = db_transact(l->db, "deliver", deliver_tx, b);
    if (e == OK)
        e = FP("ledger_after_commit");
    if (e != OK)
        return e;
    b->log->mark.size = b->after.size;
    b->log->mark.root = b->root;
    e = mark_write(l->mark_fd, b->log->chain, &b->log->mark);
    if (e == OK)
        e = FP("ledger_after_mark");
    if (e != OK)
        return e; /* the state is loaded again before the next try */
    b->log->tree = b->after;
    b->log->sequence += b->n;
    publish(l, b->log, b);
    (void)atomic_fetch_add(&l->batches, 1);
    (void)atomic_fetch_add(&l->delivered, b->n);
    return OK;
}

enum err ledger_deliver(struct ledger *l, struct chain_log *log, size_t *ret_n)
{
    struct batch b = { .l = l, .log = log, .arena = arena_new(512u << 20) };
    if (b.arena == NULL)
        return ERR_NO_MEMORY;
    buf_init(&b.note, CHECKPOINT_MAX);
    enum err e = store_entries_after(l->db, log->chain, log->sequence, LEDGER_BATCH_MAX, b.arena,
                                     &b.entries, &b.n);
    if (e == OK && b.n > 0)
        e = batch_deliver(&b);
    if (e == OK)
        *ret_n = b.n;
    buf_release(&b.note);
    arena_free(b.arena);
    return e;
}

/* ---- loading --------------------------------------------------------------------------------- */

/* The frontier of the tree, read back from the stored tiles. */
static enum err load_frontier(struct ledger *l, enum chain chain, uint64_t size,
                              struct merkle_tree *ret)
{
    struct arena *arena = arena_new(4u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    struct tree_reader reader;
    tree_reader_init(&reader, l->db, chain, arena);
    struct merkle_tree t;
    merkle_init(&t);
    t.size = size;
    uint64_t before = 0;
    bool ok = true;
    for (int level = 63; level >= 0 && ok; level--) {
        if ((size >> level & 1) == 0)
            continue;
        ok = tree_read(&reader, (unsigned)level, before >> level, &t.roots[t.n++]);
        before += UINT64_C(1) << level;
    }
    enum err e = ok ? OK : reader.error != OK ? reader.error : ERR_LOG_INCONSISTENT;
    arena_free(arena);
    if (e == OK)
        *ret = t;
    return e;
}

/* The database may be ahead of the mark (a crash between the two), never behind it. */
static enum err check_mark(struct ledger *l, const struct chain_log *log, uint64_t size)
{
    struct merkle_hash root;
    if (log->mark.size > size) {
        log_error(
            "log", "chain %s: the database holds %llu entries, %llu were published: it is old",
            chain_name(log->chain), (unsigned long long)size, (unsigned long long)log->mark.size);
        return ERR_DB_OLD;
    }
    struct arena *arena = arena_new(4u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    struct tree_reader reader;
    tree_reader_init(&reader, l->db, log->chain, arena);
    enum err e = merkle_root_at(tree_read, &reader, log->mark.size, &root);
    if (reader.error != OK)
        e = reader.error;
    arena_free(arena);
    if (e == OK && memcmp(root.bytes, log->mark.root.bytes, HASH_BYTES) != 0) {
        /* A changed log is said with its place; a whole one that differs is another database. */
        e = tree_recompute(l->db, log->chain, 0, size, &root);
        if (e == OK) {
            log_error("log", "chain %s: the first %llu entries are not those that were published",
                      chain_name(log->chain), (unsigned long long)log->mark.size);
            e = ERR_DB_OLD;
        }
    }
    return e;
}

/* What is served from now on is published: after a crash between commit and mark, the mark follows
 * before anybody can see more than it covers. */
static enum err raise_mark(struct ledger *l, struct chain_log *log, uint64_t size,
                           const struct merkle_hash *root)
{
    if (!l->drives || log->mark.size == size)
        return OK;
    log->mark.size = size;
    log->mark.root = *root;
    return mark_write(l->mark_fd, log->chain, &log->mark);
}

enum err ledger_load(struct ledger *l, struct chain_log *log)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    uint64_t size = 0, sequence = 0;
    struct merkle_hash stored = { { 0 } }, root;
    const char *note = NULL;
    /* The mark first: the driver may go on meanwhile, and its mark follows its commit. */
    enum err e = mark_read(l->mark_fd, log->chain, &log->mark);
    if (e == OK)
        e = store_checkpoint_last(l->db, log->chain, arena, &size, &stored, &note);
    if (e == OK)
        e = store_delivered(l->db, log->chain, &sequence);
    if (e == OK)
        e = check_mark(l, log, size);
    if (e == OK)
        e = load_frontier(l, log->chain, size, &log->tree);
    if (e == OK) {
        merkle_root(&log->tree, &root);
        if (size > 0 && memcmp(root.bytes, stored.bytes, HASH_BYTES) != 0) {
            log_error("log", "chain %s: the checkpoint of size %llu is not of the stored entries",
                      chain_name(log->chain), (unsigned long long)size);
            e = ERR_LOG_INCONSISTENT;
        }
    }
    if (e == OK)
        e = raise_mark(l, log, size, &root);
    if (e == OK) {
        (void)pthread_mutex_lock(&l->lock);
        log->sequence = sequence;
        log->published_size = size;
        log->published_root = root;
        buf_clear(&log->published_note);
        if (note != NULL)
            e = buf_add_str(&log->published_note, note);
        (void)pthread_mutex_unlock(&l->lock);
    }
    arena_free(arena);
    return e;
}

enum err ledger_follow(struct ledger *l, struct chain_log *log)
{
    struct arena *arena = arena_new(1u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    uint64_t size = 0;
    struct merkle_hash root;
    const char *note = NULL;
    struct mark mark = { 0 };
    enum err e = store_checkpoint_last(l->db, log->chain, arena, &size, &root, &note);
    if (e == OK)
        e = mark_read(l->mark_fd, log->chain, &mark);
    /* Before the mark covers it, nothing is published. */
    if (e == OK && note != NULL && size > log->published_size && size <= mark.size) {
        (void)pthread_mutex_lock(&l->lock);
        buf_clear(&log->published_note);
        e = buf_add_str(&log->published_note, note);
        log->published_size = size;
        log->published_root = root;
        (void)pthread_mutex_unlock(&l->lock);
        l->on_publish(l->on_publish_arg);
    }
    arena_free(arena);
    return e;
}
