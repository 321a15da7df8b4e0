#include "api/client/audit.h"

#include "server/ledger/log/tile.h"
#include "server/statement/statement.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

#define TILE_BYTES_MAX (TILE_WIDTH * HASH_BYTES)
#define BUNDLE_BYTES_MAX (TILE_WIDTH * (2 + ENTRY_MAX))

/* Last sequence number seen of each member, and the tree so far. */
struct walk {
    uint64_t last[UINT16_MAX + 1];
    struct merkle_tree tree;
};

void audit_release(struct audit *a)
{
    for (size_t i = 0; i < AUDIT_CHAINS; i++) {
        struct audit_chain *c = &a->chains[i];
        for (size_t k = 0; k < c->n_publics; k++)
            free(c->publics[k].canonical);
        free(c->publics);
        free(c->leaves);
    }
    policy_free(a->policy);
    a->policy = NULL;
}

enum err audit_finding(struct problem *p, const struct audit_chain *c, uint64_t index,
                       const char *what)
{
    return problem_set(p, ERR_LOG_INCONSISTENT, "", "Chain %s, entry %" PRIu64 ": %s",
                       chain_name(c->chain), index, what);
}

static enum err no_memory(struct problem *p)
{
    return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
}

/* Fetches a tile. A partial one may have been replaced by its full one meanwhile: then the full one
 * serves, of which the first part is what we asked for. */
static enum err fetch_tile(struct audit *a, const struct audit_chain *c, struct tile_ref t,
                           struct buf *ret, struct problem *p)
{
    char path[TILE_PATH_MAX], full[TILE_PATH_MAX + 32];
    tile_path(&t, path);
    (void)snprintf(full, sizeof(full), "/log/%s/%s", chain_name(c->chain), path);
    enum err e = client_bytes(&a->anyone, full, ret, p);
    if (t.width == TILE_WIDTH || err_status(e) != 404)
        return e;
    t.width = TILE_WIDTH;
    tile_path(&t, path);
    (void)snprintf(full, sizeof(full), "/log/%s/%s", chain_name(c->chain), path);
    return client_bytes(&a->anyone, full, ret, p);
}

static enum err keep_public(struct audit_chain *c, uint64_t index, const struct statement *s,
                            struct problem *p)
{
    if (c->n_publics == c->cap_publics) {
        size_t cap = c->cap_publics > 0 ? 2 * c->cap_publics : 64;
        struct audit_public *more = reallocarray(c->publics, cap, sizeof(*more));
        if (more == NULL)
            return no_memory(p);
        c->publics = more;
        c->cap_publics = cap;
    }
    struct audit_public found = { .id = s->id,
                                  .index = index,
                                  .canonical = strndup(s->canonical, s->canonical_len) };
    if (found.canonical == NULL)
        return no_memory(p);
    c->publics[c->n_publics++] = found;
    return OK;
}

static enum err check_entry(struct audit_chain *c, struct walk *w, uint64_t index,
                            const uint8_t *bytes, size_t len, struct problem *p)
{
    struct entry_head head;
    if (entry_parse(bytes, len, &head) != OK)
        return audit_finding(p, c, index, "its bytes have no known form.");
    if (head.sequence != w->last[head.member] + 1)
        return audit_finding(
            p, c, index,
            "its sequence number does not follow the member's last one, so an entry "
            "is missing or was put in.");
    c->members += head.sequence == 1 ? 1 : 0;
    w->last[head.member] = head.sequence;
    merkle_leaf(bytes, len, &c->leaves[index]);
    merkle_append(&w->tree, &c->leaves[index]);
    if (!head.is_public)
        return OK;
    struct statement s;
    if (statement_parse_bytes((const char *)head.rest, head.rest_len, &s, NULL) != OK)
        return audit_finding(p, c, index, "its public statement does not verify.");
    enum err e = keep_public(c, index, &s, p);
    statement_release(&s);
    return e;
}

static enum err check_bundle(struct audit *a, struct audit_chain *c, struct walk *w,
                             uint64_t bundle, struct problem *p)
{
    struct tile_ref t = { .entries = true,
                          .index = bundle,
                          .width = tile_width_at(0, bundle, c->size) };
    uint64_t index = bundle * TILE_WIDTH;
    struct buf bytes;
    size_t offset = 0, len;
    const uint8_t *entry;
    bool bad = false;
    buf_init(&bytes, BUNDLE_BYTES_MAX);
    enum err e = fetch_tile(a, c, t, &bytes, p);
    if (e != OK && err_status(e) == 404)
        e = audit_finding(p, c, index, "the server does not show it.");
    for (unsigned i = 0; i < t.width && e == OK; i++) {
        if (!bundle_next(bytes.data, bytes.len, &offset, &entry, &len, &bad))
            e = audit_finding(p, c, index + i, "its bundle ends before it.");
        else
            e = check_entry(c, w, index + i, entry, len, p);
    }
    buf_release(&bytes);
    if (e == OK)
        progress_step(&a->progress);
    return e;
}

/* One hash tile must show what the entries hash to: row holds the hashes of its level. */
static enum err check_tile(struct audit *a, struct audit_chain *c, unsigned level, uint64_t index,
                           const struct merkle_hash *row, struct problem *p)
{
    struct tile_ref t = { .level = level,
                          .index = index,
                          .width = tile_width_at(level, index, c->size) };
    uint64_t first = index * TILE_WIDTH;
    struct buf bytes;
    buf_init(&bytes, TILE_BYTES_MAX);
    enum err e = fetch_tile(a, c, t, &bytes, p);
    if (e != OK && err_status(e) == 404)
        e = audit_finding(p, c, first << (8 * level),
                          "the server does not show the tile above it.");
    for (unsigned i = 0; i < t.width && e == OK; i++)
        if (bytes.len < (i + 1) * HASH_BYTES ||
            memcmp(bytes.data + i * HASH_BYTES, row[first + i].bytes, HASH_BYTES) != 0)
            e = audit_finding(p, c, (first + i) << (8 * level),
                              "the server's tile has another hash than the entries give.");
    buf_release(&bytes);
    if (e == OK)
        progress_step(&a->progress);
    return e;
}

static enum err check_level(struct audit *a, struct audit_chain *c, unsigned level, uint64_t n,
                            const struct merkle_hash *row, struct problem *p)
{
    enum err e = OK;
    for (uint64_t i = 0; i * TILE_WIDTH < n && e == OK; i++)
        e = check_tile(a, c, level, i, row, p);
    return e;
}

/* The row above: one hash for each 256 of this one. */
static struct merkle_hash *row_above(const struct merkle_hash *row, uint64_t n)
{
    struct merkle_hash *above = calloc(n / TILE_WIDTH + 1, sizeof(*above));
    for (uint64_t i = 0; above != NULL && i < n / TILE_WIDTH; i++) {
        struct merkle_tree tree;
        merkle_init(&tree);
        for (uint64_t k = 0; k < TILE_WIDTH; k++)
            merkle_append(&tree, &row[i * TILE_WIDTH + k]);
        merkle_root(&tree, &above[i]);
    }
    return above;
}

static enum err check_tiles(struct audit *a, struct audit_chain *c, struct problem *p)
{
    const struct merkle_hash *row = c->leaves;
    struct merkle_hash *owned = NULL;
    uint64_t n = c->size;
    enum err e = OK;
    for (unsigned level = 0; n > 0 && e == OK; level++) {
        e = check_level(a, c, level, n, row, p);
        struct merkle_hash *above = row_above(row, n);
        if (above == NULL && e == OK)
            e = no_memory(p);
        free(owned);
        owned = above;
        row = above;
        n /= TILE_WIDTH;
    }
    free(owned);
    return e;
}

/* The newest checkpoint, as the policy's quorum signed it. */
static enum err read_checkpoint(struct audit *a, struct audit_chain *c, struct problem *p)
{
    char path[64];
    struct buf note;
    struct checkpoint k;
    buf_init(&note, CHECKPOINT_MAX);
    (void)snprintf(path, sizeof(path), "/log/%s/checkpoint", chain_name(c->chain));
    enum err e = client_bytes(&a->anyone, path, &note, p);
    if (e == OK && policy_check(a->policy, buf_str(&note), note.len, &k) != OK)
        e = problem_set(p, ERR_LOG_INCONSISTENT, "",
                        "Chain %s: the checkpoint is not signed as the policy asks.",
                        chain_name(c->chain));
    buf_release(&note);
    if (e == OK && k.size > AUDIT_ENTRIES_MAX)
        e = problem_set(p, ERR_LIMIT, "", "Chain %s has more entries than this audit holds.",
                        chain_name(c->chain));
    if (e != OK)
        return e;
    c->size = k.size;
    c->root = k.root;
    (void)snprintf(c->origin, sizeof(c->origin), "%s", k.origin);
    return OK;
}

static size_t count_tiles(uint64_t size)
{
    size_t tiles = 0;
    for (uint64_t n = size; n > 0; n /= TILE_WIDTH)
        tiles += (size_t)((n + TILE_WIDTH - 1) / TILE_WIDTH);
    return tiles;
}

static enum err check_entries(struct audit *a, struct audit_chain *c, struct problem *p)
{
    struct merkle_hash root;
    struct walk *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return no_memory(p);
    merkle_init(&w->tree);
    enum err e = OK;
    for (uint64_t i = 0; i * TILE_WIDTH < c->size && e == OK; i++)
        e = check_bundle(a, c, w, i, p);
    if (e == OK) {
        merkle_root(&w->tree, &root);
        c->root_wrong = memcmp(root.bytes, c->root.bytes, HASH_BYTES) != 0;
    }
    free(w);
    return e;
}

enum err audit_roots(const struct audit *a, struct problem *p)
{
    for (size_t i = 0; i < AUDIT_CHAINS; i++)
        if (a->chains[i].root_wrong)
            return problem_set(p, ERR_LOG_INCONSISTENT, "",
                               "Chain %s: its %" PRIu64 " entries do not hash to the signed root.",
                               chain_name(a->chains[i].chain), a->chains[i].size);
    return OK;
}

enum err audit_read_chain(struct audit *a, struct audit_chain *c, struct problem *p)
{
    enum err e = read_checkpoint(a, c, p);
    if (e != OK)
        return e;
    c->leaves = calloc(c->size + 1, sizeof(*c->leaves));
    if (c->leaves == NULL)
        return no_memory(p);
    size_t bundles = (size_t)((c->size + TILE_WIDTH - 1) / TILE_WIDTH);
    progress_begin(&a->progress, c->chain == CHAIN_ACCOUNT ? "account chain" : "tx chain",
                   bundles + count_tiles(c->size));
    e = check_entries(a, c, p);
    if (e == OK)
        e = check_tiles(a, c, p);
    if (e == OK)
        progress_end(&a->progress);
    return e;
}
