/* What readers ask of the ledger: sizes, checkpoints, policy, tiles, proofs. */
#include "server/ledger/io/ledger_internal.h"

#include "server/ledger/io/outside.h"
#include "server/ledger/log/tile.h"
#include "server/ledger/wire/forensics.h"
#include "server/store/log.h"
#include "server/store/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct chain_log *log_of(struct ledger *l, enum chain chain)
{
    return &l->logs[chain - 1];
}

uint64_t ledger_size(struct ledger *l, enum chain chain)
{
    (void)pthread_mutex_lock(&l->lock);
    uint64_t size = log_of(l, chain)->published_size;
    (void)pthread_mutex_unlock(&l->lock);
    return size;
}

void ledger_root(struct ledger *l, enum chain chain, uint64_t *ret_size, struct merkle_hash *ret)
{
    (void)pthread_mutex_lock(&l->lock);
    *ret_size = log_of(l, chain)->published_size;
    *ret = log_of(l, chain)->published_root;
    (void)pthread_mutex_unlock(&l->lock);
}

enum err ledger_checkpoint(struct ledger *l, enum chain chain, struct buf *ret)
{
    (void)pthread_mutex_lock(&l->lock);
    const struct buf *note = &log_of(l, chain)->published_note;
    uint64_t size = log_of(l, chain)->published_size;
    enum err e = note->len > 0 ? buf_add(ret, note->data, note->len) : ERR_NOT_FOUND;
    (void)pthread_mutex_unlock(&l->lock);
    return e == OK ? outside_append(l->app->outside, chain, size, ret) : e;
}

bool ledger_healthy(struct ledger *l)
{
    return atomic_load(&l->healthy);
}

void ledger_log_key(struct ledger *l, enum chain chain, struct note_key *ret)
{
    *ret = log_of(l, chain)->key;
}

void ledger_members(struct ledger *l, struct members *ret)
{
    (void)pthread_mutex_lock(&l->lock);
    *ret = l->members;
    (void)pthread_mutex_unlock(&l->lock);
}

_Static_assert(LEDGER_EVIDENCE_MAX == EVIDENCE_MAX, "one bound for one thing");

enum err ledger_evidence(struct ledger *l, struct buf *ret)
{
    (void)pthread_mutex_lock(&l->lock);
    enum err e = l->evidence.len > 0 ? buf_add(ret, l->evidence.data, l->evidence.len) : OK;
    (void)pthread_mutex_unlock(&l->lock);
    return e;
}

void ledger_evidence_done(struct ledger *l, const struct buf *evidence)
{
    (void)pthread_mutex_lock(&l->lock);
    if (l->evidence.len == evidence->len &&
        memcmp(l->evidence.data, evidence->data, evidence->len) == 0)
        buf_clear(&l->evidence);
    (void)pthread_mutex_unlock(&l->lock);
}

bool ledger_consensus(struct ledger *l, struct consensus_state *ret)
{
    (void)pthread_mutex_lock(&l->lock);
    bool drives = l->consensus != NULL;
    if (drives)
        consensus_state(l->consensus, ret);
    (void)pthread_mutex_unlock(&l->lock);
    return drives;
}

static enum err add_witness(const struct app *app, const struct member *m, struct buf *ret)
{
    char name[NOTE_NAME_MAX + 1];
    struct note_key key;
    (void)snprintf(name, sizeof(name), "%s/member-%u", app->federation, m->number);
    if (!note_key_make(name, NOTE_TYPE_COSIGNATURE, m->cosigner_key, &key))
        return ERR_INTERNAL;
    enum err e = buf_addf(ret, "witness member-%u ", m->number);
    if (e == OK)
        e = note_key_print(&key, ret);
    return e == OK ? buf_add_str(ret, "\n") : e;
}

static enum err add_group(const uint16_t *validators, uint16_t n, struct buf *ret)
{
    enum err e = buf_addf(ret, "group members %u", core_quorum(n));
    for (uint16_t i = 0; i < n && e == OK; i++)
        e = buf_addf(ret, " member-%u", validators[i]);
    return e == OK ? buf_add_str(ret, "\nquorum members\n") : e;
}

enum err ledger_policy(struct ledger *l, struct buf *ret)
{
    struct members *m = malloc(sizeof(*m));
    uint16_t validators[CORE_MEMBERS_MAX];
    if (m == NULL)
        return ERR_NO_MEMORY;
    ledger_members(l, m);
    uint16_t n = members_validators(m, validators);
    enum err e = OK;
    for (int i = 0; i < CHAINS && e == OK; i++) {
        e = buf_add_str(ret, "log ");
        if (e == OK)
            e = note_key_print(&l->logs[i].key, ret);
        if (e == OK)
            e = buf_add_str(ret, "\n");
    }
    for (uint16_t i = 0; i < n && e == OK; i++)
        e = add_witness(l->app, members_find(m, validators[i]), ret);
    if (e == OK)
        e = add_group(validators, n, ret);
    free(m);
    return e;
}

/* The first width entries of a stored bundle, which may have grown meanwhile. */
static enum err cut_bundle(unsigned width, const uint8_t *bytes, size_t len, size_t *ret_len)
{
    size_t offset = 0, entry_len = 0;
    const uint8_t *entry = NULL;
    bool bad = false;
    unsigned i = 0;
    while (i < width && bundle_next(bytes, len, &offset, &entry, &entry_len, &bad))
        i++;
    if (bad || i != width)
        return ERR_LOG_INCONSISTENT;
    *ret_len = offset;
    return OK;
}

enum err ledger_tile(struct ledger *l, struct db *db, enum chain chain, const char *path,
                     struct arena *arena, const uint8_t **ret, size_t *ret_len)
{
    char full[TILE_PATH_MAX + 8];
    struct tile_ref t;
    int n = snprintf(full, sizeof(full), "tile/%s", path);
    if (n < 0 || (size_t)n >= sizeof(full) || !tile_path_parse(full, &t))
        return ERR_NOT_FOUND;
    unsigned there = tile_width_at(t.entries ? 0 : t.level, t.index, ledger_size(l, chain));
    if (t.width > there)
        return ERR_NOT_FOUND;
    const uint8_t *bytes = NULL;
    size_t len = 0;
    unsigned stored = 0;
    enum err e = t.entries ? store_bundle_get(db, chain, t.index, arena, &bytes, &len, &stored)
                           : store_tile_get(db, chain, t.level, t.index, arena, &bytes, &len);
    if (e == OK && t.entries)
        e = cut_bundle(t.width, bytes, len, &len);
    else if (e == OK && len < (size_t)t.width * HASH_BYTES)
        e = ERR_LOG_INCONSISTENT;
    else if (e == OK)
        len = (size_t)t.width * HASH_BYTES;
    if (e == OK) {
        *ret = bytes;
        *ret_len = len;
    }
    return e;
}

enum err ledger_proof(struct ledger *l, struct db *db, enum chain chain, uint64_t index,
                      struct arena *arena, struct buf *ret)
{
    (void)l;
    uint64_t size = 0;
    const char *note = NULL;
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    size_t n = 0;
    struct tree_reader reader;
    enum err e = store_checkpoint_witnessed(db, chain, index + 1, arena, &size, &note);
    if (e != OK)
        return e;
    tree_reader_init(&reader, db, chain, arena);
    e = merkle_inclusion(tree_read, &reader, index, size, hashes, &n);
    if (reader.error != OK)
        e = reader.error;
    return e == OK ? tlog_proof_print(index, hashes, n, note, strlen(note), ret) : e;
}

/* What the ledger thread counts; nothing in a process that follows. */
static enum err consensus_metrics(struct ledger *l, struct buf *ret)
{
    struct consensus_state c;
    if (!ledger_consensus(l, &c))
        return OK;
    enum err e = buf_addf(ret,
                          "# TYPE cairn_ledger_votes gauge\n"
                          "# HELP cairn_ledger_votes 0: this member only follows.\n"
                          "cairn_ledger_votes %d\n"
                          "# TYPE cairn_ledger_epoch gauge\ncairn_ledger_epoch %u\n"
                          "# TYPE cairn_ledger_evidence counter\n"
                          "# HELP cairn_ledger_evidence Members caught signing two ways.\n"
                          "cairn_ledger_evidence_total %llu\n"
                          "# TYPE cairn_ledger_refused_frames counter\n"
                          "cairn_ledger_refused_frames_total %llu\n"
                          "# TYPE cairn_ledger_syncs counter\ncairn_ledger_syncs_total %llu\n",
                          (int)c.votes, c.epoch, (unsigned long long)c.evidence,
                          (unsigned long long)c.refused_frames, (unsigned long long)c.syncs);
    static const char *const names[] = { "view", "final_height", "delivered_height",
                                         "in_flight_max" };
    for (size_t n = 0; n < COUNT(names) && e == OK; n++) {
        e = buf_addf(ret, "# TYPE cairn_ledger_%s gauge\n", names[n]);
        for (int k = 0; k < CHAINS && e == OK; k++) {
            const uint64_t values[] = { c.chain[k].view, c.chain[k].final_height,
                                        c.chain[k].delivered_height,
                                        c.chain[k].in_flight_max_seen };
            e = buf_addf(ret, "cairn_ledger_%s{chain=\"%s\"} %llu\n", names[n],
                         chain_name((enum chain)(k + 1)), (unsigned long long)values[n]);
        }
    }
    return e;
}

enum err ledger_metrics(struct ledger *l, struct buf *ret)
{
    enum err e = buf_add_str(ret, "# TYPE cairn_log_entries gauge\n"
                                  "# HELP cairn_log_entries Published entries per chain.\n");
    for (int i = 0; i < CHAINS && e == OK; i++)
        e = buf_addf(ret, "cairn_log_entries{chain=\"%s\"} %llu\n", chain_name((enum chain)(i + 1)),
                     (unsigned long long)ledger_size(l, (enum chain)(i + 1)));
    if (e == OK)
        e = buf_addf(ret,
                     "# TYPE cairn_ledger_batches counter\ncairn_ledger_batches_total %llu\n"
                     "# TYPE cairn_ledger_failures counter\ncairn_ledger_failures_total %llu\n"
                     "# TYPE cairn_ledger_healthy gauge\ncairn_ledger_healthy %d\n",
                     (unsigned long long)atomic_load(&l->batches),
                     (unsigned long long)atomic_load(&l->failures), (int)ledger_healthy(l));
    return e == OK ? consensus_metrics(l, ret) : e;
}
