/* A small log with keys of its own, for tests: entries, tree, signed and cosigned checkpoints,
 * policy texts and receipts, always the same bytes for the same arguments. */
#ifndef CAIRN_TESTS_LOG_SAMPLE_H
#define CAIRN_TESTS_LOG_SAMPLE_H

#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"
#include "server/ledger/log/note.h"

#include <assert.h>
#include <inttypes.h>

#define SAMPLE_ORIGIN "test.example/cairn/tx"
#define SAMPLE_TIME UINT64_C(1789000000)
#define SAMPLE_WITNESSES 3
#define SAMPLE_MAX 320

struct sample_key {
    struct sign_key secret;
    struct note_key key;
};

struct sample {
    struct sample_key log;
    struct sample_key witness[SAMPLE_WITNESSES];
    uint64_t size;
    uint64_t claimed; /* what checkpoints say the size is: size, unless a test lets the log lie */
    struct merkle_hash leaves[SAMPLE_MAX];
};

static inline struct sample_key sample_key(const char *name, uint8_t type, uint8_t seed)
{
    struct sample_key k;
    uint8_t bytes[SIGN_SEED_BYTES];
    memset(bytes, seed, sizeof(bytes));
    sign_key_from_seed(bytes, &k.secret);
    bool made = note_key_make(name, type, k.secret.public, &k.key);
    assert(made);
    return k;
}

static inline void sample_salt(uint64_t index, uint8_t ret[SALT_BYTES])
{
    sha256_two("salt", 4, &index, sizeof(index), ret);
}

/* Every fifth entry is public. */
static inline bool sample_is_public(uint64_t index)
{
    return index % 5 == 4;
}

static inline void sample_statement(uint64_t index, struct buf *ret)
{
    enum err e =
        buf_addf(ret, "{\"kind\":\"%s\",\"number\":%" PRIu64 ",\"text\":\"visit \xc3\xa9\"}",
                 sample_is_public(index) ? "bounty.publish" : "record.version", index);
    assert(e == OK);
}

static inline void sample_entry(uint64_t index, struct buf *ret)
{
    struct buf statement;
    buf_init(&statement, 4096);
    sample_statement(index, &statement);
    enum err e = OK;
    if (sample_is_public(index)) {
        e = entry_public(7, index + 1, statement.data, statement.len, ret);
    } else {
        uint8_t salt[SALT_BYTES], bytes[ENTRY_ANCHOR_BYTES];
        sample_salt(index, salt);
        entry_anchor(7, index + 1, salt, statement.data, statement.len, bytes);
        e = buf_add(ret, bytes, sizeof(bytes));
    }
    assert(e == OK);
    buf_release(&statement);
}

static inline void sample_init(struct sample *s, uint64_t size)
{
    static const char *const names[SAMPLE_WITNESSES] = { "test.example/m1", "test.example/m2",
                                                         "test.example/m3" };
    assert(size <= SAMPLE_MAX);
    s->log = sample_key(SAMPLE_ORIGIN, NOTE_TYPE_ED25519, 1);
    for (uint8_t i = 0; i < SAMPLE_WITNESSES; i++)
        s->witness[i] = sample_key(names[i], NOTE_TYPE_COSIGNATURE, (uint8_t)(2 + i));
    s->size = size;
    s->claimed = size;
    struct buf entry;
    buf_init(&entry, ENTRY_MAX);
    for (uint64_t i = 0; i < size; i++) {
        buf_clear(&entry);
        sample_entry(i, &entry);
        merkle_leaf(entry.data, entry.len, &s->leaves[i]);
    }
    buf_release(&entry);
}

/* The slow way: from the leaves alone. */
static inline bool sample_read(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    const struct sample *s = arg;
    struct merkle_tree tree;
    if (level >= 63 || index >= s->size >> level)
        return false;
    merkle_init(&tree);
    for (uint64_t i = index << level; i < (index + 1) << level; i++)
        merkle_append(&tree, &s->leaves[i]);
    merkle_root(&tree, ret);
    return true;
}

static inline void sample_body(struct sample *s, struct buf *ret)
{
    struct checkpoint c = { .origin = SAMPLE_ORIGIN, .size = s->claimed };
    enum err e = merkle_root_at(sample_read, s, s->size, &c.root);
    if (e == OK)
        e = checkpoint_body(&c, ret);
    assert(e == OK);
}

/* Signed by the log and cosigned by the first n witnesses. */
static inline void sample_note(struct sample *s, size_t n, struct buf *ret)
{
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    sample_body(s, &body);
    const char *text = buf_str(&body);
    enum err e = buf_addf(ret, "%s\n", text);
    if (e == OK)
        e = checkpoint_sign(text, body.len, &s->log.key, &s->log.secret, ret);
    for (size_t i = 0; i < n && e == OK; i++)
        e = checkpoint_cosign(text, body.len, &s->witness[i].key, &s->witness[i].secret,
                              SAMPLE_TIME + i, ret);
    assert(e == OK);
    buf_release(&body);
}

static inline void sample_proof(struct sample *s, size_t cosignatures, uint64_t index,
                                struct buf *ret)
{
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    struct buf note;
    size_t n = 0;
    buf_init(&note, CHECKPOINT_MAX);
    sample_note(s, cosignatures, &note);
    enum err e = merkle_inclusion(sample_read, s, index, s->size, hashes, &n);
    if (e == OK)
        e = tlog_proof_print(index, hashes, n, buf_str(&note), note.len, ret);
    assert(e == OK);
    buf_release(&note);
}

/* The log, three witnesses a b c, a group "members" of them with the given threshold. */
static inline void sample_policy(const struct sample *s, const char *threshold, struct buf *ret)
{
    enum err e = buf_add_str(ret, "# a sample\nlog ");
    if (e == OK)
        e = note_key_print(&s->log.key, ret);
    for (size_t i = 0; i < SAMPLE_WITNESSES && e == OK; i++) {
        e = buf_addf(ret, "\nwitness %c ", "abc"[i]);
        if (e == OK)
            e = note_key_print(&s->witness[i].key, ret);
    }
    if (e == OK)
        e = buf_addf(ret, "\ngroup members %s a b c\nquorum members\n", threshold);
    assert(e == OK);
}

#endif
