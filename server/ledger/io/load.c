/* What the database holds, checked against the mark, the stored leaves and the blocks themselves.
 */
#include "server/base/log.h"
#include "server/ledger/io/ledger_internal.h"
#include "server/store/chain.h"
#include "server/store/log.h"

#include <stdlib.h>
#include <string.h>

void ledger_genesis_id(const uint8_t genesis[HASH_BYTES], enum chain chain, struct core_id *ret)
{
    static const char label[] = "ledger-genesis/1";
    uint8_t text[sizeof(label) - 1 + HASH_BYTES + 1];
    memcpy(text, label, sizeof(label) - 1);
    memcpy(text + sizeof(label) - 1, genesis, HASH_BYTES);
    text[sizeof(text) - 1] = (uint8_t)chain;
    sha256(text, sizeof(text), ret->bytes);
}

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

/* ---- the tip --------------------------------------------------------------------------------- */

static enum err load_sequences(struct ledger *l, struct chain_log *log)
{
    struct rows *r = NULL;
    enum err e = store_batch_heads(l->db, log->chain, &r);
    log->tip.next.n = 0;
    for (size_t i = 0; e == OK && i < rows_count(r); i++)
        if (!sequences_set(&log->tip.next, (uint16_t)row_i64(r, i, 0), (uint64_t)row_i64(r, i, 1)))
            e = ERR_LOG_INCONSISTENT;
    rows_free(r);
    return e;
}

static enum err keep_cert(struct chain_log *log, const struct chain_block_row *row)
{
    free(log->tip_cert);
    log->tip_cert = NULL;
    log->tip_cert_len = 0;
    const uint8_t *cert = row->final_cert != NULL ? row->final_cert : row->notar_cert;
    size_t len = row->final_cert != NULL ? row->final_cert_len : row->notar_cert_len;
    if (cert == NULL)
        return OK;
    log->tip_cert = malloc(len);
    if (log->tip_cert == NULL)
        return ERR_NO_MEMORY;
    memcpy(log->tip_cert, cert, len);
    log->tip_cert_len = len;
    return OK;
}

static enum err take_block(struct ledger *l, struct chain_log *log,
                           const struct chain_block_row *row)
{
    struct wire_proposal *p = malloc(sizeof(*p));
    struct tip *t = &log->tip;
    struct merkle_hash root;
    enum err e =
        p == NULL ? ERR_NO_MEMORY : wire_proposal_parse(row->proposal, row->proposal_len, p);
    if (e == OK && memcmp(p->id.bytes, row->id, HASH_BYTES) != 0)
        e = ERR_LOG_INCONSISTENT;
    if (e == OK) {
        t->epoch = p->block.epoch;
        t->view = p->block.view;
        t->height = p->block.height;
        t->time = p->block.time;
        t->id = p->id;
        t->other = p->block.other;
        e = load_frontier(l, log->chain, row->tree_size, &t->tree);
    }
    if (e == OK)
        merkle_root(&t->tree, &root);
    if (e == OK && memcmp(root.bytes, row->tree_root.bytes, HASH_BYTES) != 0) {
        /* A changed log is said with its place. */
        e = tree_recompute(l->db, log->chain, 0, row->tree_size, &root);
        if (e == OK)
            log_error("log", "chain %s: the block of height %llu is not of the stored entries",
                      chain_name(log->chain), (unsigned long long)row->height);
        e = e == OK ? ERR_LOG_INCONSISTENT : e;
    }
    free(p);
    return e == OK ? keep_cert(log, row) : e;
}

static enum err load_tip(struct ledger *l, struct chain_log *log, struct arena *arena)
{
    struct chain_block_row row;
    memset(&log->tip, 0, sizeof(log->tip));
    merkle_init(&log->tip.tree);
    ledger_genesis_id(l->members.genesis, log->chain, &log->tip.id);
    enum err e = store_block_last(l->db, log->chain, arena, &row);
    if (e == OK)
        e = take_block(l, log, &row);
    else if (e == ERR_NOT_FOUND)
        e = OK;
    return e == OK ? load_sequences(l, log) : e;
}

/* ---- what is published ----------------------------------------------------------------------- */

static enum err show(struct ledger *l, struct chain_log *log, uint64_t size,
                     const struct merkle_hash *root, const char *note)
{
    enum err e = OK;
    (void)pthread_mutex_lock(&l->lock);
    log->published_size = size;
    log->published_root = *root;
    buf_clear(&log->published_note);
    if (note != NULL)
        e = buf_add_str(&log->published_note, note);
    (void)pthread_mutex_unlock(&l->lock);
    return e;
}

static enum err check_published(struct ledger *l, struct chain_log *log, uint64_t size,
                                const struct merkle_hash *stored)
{
    struct merkle_tree t;
    struct merkle_hash root;
    enum err e = load_frontier(l, log->chain, size, &t);
    if (e != OK)
        return e;
    merkle_root(&t, &root);
    if (memcmp(root.bytes, stored->bytes, HASH_BYTES) == 0)
        return OK;
    log_error("log", "chain %s: the checkpoint of size %llu is not of the stored entries",
              chain_name(log->chain), (unsigned long long)size);
    return ERR_LOG_INCONSISTENT;
}

/* After a crash between the checkpoint's row and the mark, the mark follows before anybody can see
 * more than it covers. */
static enum err raise_mark(struct ledger *l, struct chain_log *log, uint64_t size,
                           const struct merkle_hash *root)
{
    if (!l->drives || log->mark.size >= size)
        return OK;
    log->mark.size = size;
    log->mark.root = *root;
    return mark_write(l->mark_fd, log->chain, &log->mark);
}

enum err ledger_load(struct ledger *l, struct chain_log *log)
{
    struct arena *arena = arena_new(16u << 20);
    if (arena == NULL)
        return ERR_NO_MEMORY;
    uint64_t size = 0;
    struct merkle_tree empty;
    struct merkle_hash root;
    const char *note = NULL;
    merkle_init(&empty);
    merkle_root(&empty, &root);
    /* The mark first: the driver may go on meanwhile, and its mark follows its commit. */
    enum err e = mark_read(l->mark_fd, log->chain, &log->mark);
    if (e == OK)
        e = store_checkpoint_last(l->db, log->chain, arena, &size, &root, &note);
    if (e == OK && note == NULL)
        merkle_root(&empty, &root);
    if (e == OK)
        e = load_tip(l, log, arena);
    if (e == OK)
        e = check_mark(l, log, log->tip.tree.size);
    if (e == OK && size > log->tip.tree.size && l->drives)
        e = ERR_LOG_INCONSISTENT;
    if (e == OK && note != NULL)
        e = check_published(l, log, size, &root);
    if (e == OK)
        e = raise_mark(l, log, size, &root);
    /* Who does not drive shows nothing that the driver's mark does not cover yet. */
    if (e == OK && size <= log->mark.size)
        e = show(l, log, size, &root, note);
    arena_free(arena);
    return e;
}

enum err ledger_load_members(struct ledger *l)
{
    struct arena *arena = arena_new(4u << 20);
    struct members *m = arena != NULL ? arena_alloc(arena, sizeof(*m)) : NULL;
    const uint8_t *state = NULL;
    uint64_t height = 0;
    size_t len = 0;
    enum err e = m != NULL ? store_chain_state(l->db, CHAIN_ACCOUNT, arena, &height, &state, &len)
                           : ERR_NO_MEMORY;
    if (e == OK && state != NULL) {
        e = members_parse(state, len, m);
        if (e == OK && memcmp(m->genesis, l->members.genesis, HASH_BYTES) != 0) {
            log_error("ledger", "this database belongs to another federation");
            e = ERR_LOG_INCONSISTENT;
        }
        if (e == OK) {
            (void)pthread_mutex_lock(&l->lock);
            l->members = *m;
            (void)pthread_mutex_unlock(&l->lock);
        }
    }
    arena_free(arena);
    return e;
}

void ledger_free_ends(struct ledger *l)
{
    for (size_t k = 0; k < l->n_ends; k++)
        free(l->ends[k].next);
    free(l->ends);
    l->ends = NULL;
    l->n_ends = 0;
}

static enum err read_end(const struct rows *r, size_t row, struct arena *arena,
                         struct epoch_end *ret)
{
    size_t len = 0;
    const uint8_t *state = row_bytes_any(r, row, 2, arena, &len);
    struct members *next = malloc(sizeof(*next));
    enum err e = state != NULL && next != NULL ? members_parse(state, len, next) : ERR_NO_MEMORY;
    if (e != OK) {
        free(next);
        return e;
    }
    *ret = (struct epoch_end){ .epoch = (uint32_t)row_i64(r, row, 0),
                               .height = (uint64_t)row_i64(r, row, 1),
                               .next = next };
    return OK;
}

enum err ledger_load_ends(struct ledger *l)
{
    struct arena *arena = arena_new(256u << 20);
    struct rows *r = NULL;
    enum err e = arena != NULL ? store_epochs(l->db, &r) : ERR_NO_MEMORY;
    ledger_free_ends(l);
    size_t n = e == OK ? rows_count(r) : 0;
    l->ends = e == OK ? calloc(n + 1, sizeof(*l->ends)) : NULL;
    if (e == OK && l->ends == NULL)
        e = ERR_NO_MEMORY;
    for (size_t k = 0; k < n && e == OK; k++) {
        e = read_end(r, k, arena, &l->ends[k]);
        l->n_ends += e == OK;
    }
    rows_free(r);
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
        e = show(l, log, size, &root, note);
        l->on_publish(l->on_publish_arg);
    }
    arena_free(arena);
    return e;
}
