#include "tests/lib/mock_log.h"

#include "server/ledger/log/tile.h"

#include <assert.h>
#include <stdio.h>

static void must(enum err e)
{
    assert(e == OK);
    (void)e;
}

void mock_log_init(struct mock_log *l, enum chain chain)
{
    uint8_t seed[SIGN_SEED_BYTES] = { 1, (uint8_t)chain };
    char name[64];
    memset(l, 0, sizeof(*l));
    l->chain = chain;
    l->next_sequence = 1;
    sign_key_from_seed(seed, &l->log_secret);
    seed[0] = 2;
    seed[1] = 0;
    sign_key_from_seed(seed, &l->member_secret);
    (void)snprintf(name, sizeof(name), "mock.test/%s", chain_name(chain));
    bool made = note_key_make(name, NOTE_TYPE_ED25519, l->log_secret.public, &l->log_key) &&
                note_key_make("mock.test/member-1", NOTE_TYPE_COSIGNATURE, l->member_secret.public,
                              &l->member_key);
    assert(made);
    (void)made;
}

void mock_log_release(struct mock_log *l)
{
    for (size_t i = 0; i < l->n; i++)
        buf_release(&l->entries[i]);
    l->n = 0;
}

struct statement mock_statement(const char *kind, unsigned number, json_t *extras)
{
    uint8_t seed[SIGN_SEED_BYTES] = { 3 };
    struct sign_key key;
    struct statement s;
    struct id id = { { 0, 0, 0, 0, 0, 0, 0x40, 0, 0x80, 0, 0, 0, (uint8_t)(number >> 24),
                       (uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number } };
    json_t *draft = statement_draft(kind, &id, 1, 1795176000 * USEC_PER_SEC);
    if (extras != NULL) {
        int failed = json_object_update(draft, extras);
        assert(failed == 0);
        (void)failed;
        json_decref(extras);
    }
    sign_key_from_seed(seed, &key);
    must(statement_sign(draft, &key, &s));
    return s;
}

void mock_salt(unsigned number, uint8_t ret[SALT_BYTES])
{
    sha256(&number, sizeof(number), ret);
}

void mock_log_append(struct mock_log *l, const void *bytes, size_t len)
{
    assert(l->n < MOCK_LOG_MAX);
    buf_init(&l->entries[l->n], ENTRY_MAX);
    must(buf_add(&l->entries[l->n], bytes, len));
    merkle_leaf(bytes, len, &l->leaves[l->n]);
    l->n++;
}

void mock_log_anchor(struct mock_log *l, const char *kind, unsigned number)
{
    struct statement s = mock_statement(kind, number, NULL);
    uint8_t salt[SALT_BYTES], entry[ENTRY_ANCHOR_BYTES];
    mock_salt(number, salt);
    entry_anchor(1, l->next_sequence++, salt, s.canonical, s.canonical_len, entry);
    mock_log_append(l, entry, sizeof(entry));
    statement_release(&s);
}

void mock_log_public(struct mock_log *l, const struct statement *s)
{
    struct buf entry;
    buf_init(&entry, ENTRY_MAX);
    must(entry_public(1, l->next_sequence++, s->canonical, s->canonical_len, &entry));
    mock_log_append(l, entry.data, entry.len);
    buf_release(&entry);
}

/* Root of 2^level leaves from index << level on. */
static bool read_hash(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    const struct mock_log *l = arg;
    struct merkle_tree tree;
    merkle_init(&tree);
    for (uint64_t i = index << level; i < (index + 1) << level; i++) {
        if (i >= l->n)
            return false;
        merkle_append(&tree, &l->leaves[i]);
    }
    merkle_root(&tree, ret);
    return true;
}

void mock_log_checkpoint(const struct mock_log *l, uint64_t size, struct buf *ret)
{
    struct checkpoint c = { .size = size };
    struct merkle_tree tree;
    merkle_init(&tree);
    for (uint64_t i = 0; i < size; i++)
        merkle_append(&tree, &l->leaves[i]);
    merkle_root(&tree, &c.root);
    (void)snprintf(c.origin, sizeof(c.origin), "%s", l->log_key.name);
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    must(checkpoint_body(&c, &body));
    const char *text = buf_str(&body);
    /* A note is its body, an empty line and the signature lines. */
    must(buf_add(ret, body.data, body.len));
    must(buf_add_str(ret, "\n"));
    must(checkpoint_sign(text, body.len, &l->log_key, &l->log_secret, ret));
    must(checkpoint_cosign(text, body.len, &l->member_key, &l->member_secret, 1795176000, ret));
    buf_release(&body);
}

void mock_log_proof(const struct mock_log *l, uint64_t index, uint64_t size, struct buf *ret)
{
    struct merkle_hash hashes[MERKLE_PROOF_MAX];
    size_t n;
    struct buf note;
    buf_init(&note, CHECKPOINT_MAX);
    mock_log_checkpoint(l, size, &note);
    must(merkle_inclusion(read_hash, (void *)(uintptr_t)l, index, size, hashes, &n));
    must(tlog_proof_print(index, hashes, n, buf_str(&note), note.len, ret));
    buf_release(&note);
}

bool mock_log_tile(const struct mock_log *l, const char *path, struct buf *ret)
{
    struct tile_ref t;
    if (!tile_path_parse(path, &t) || t.width > tile_width_at(t.level, t.index, l->n))
        return false;
    for (unsigned i = 0; i < t.width; i++) {
        uint64_t at = t.index * TILE_WIDTH + i;
        struct merkle_hash h;
        if (t.entries) {
            must(bundle_add(ret, l->entries[at].data, l->entries[at].len));
        } else {
            bool there = read_hash((void *)(uintptr_t)l, 8 * t.level, at, &h);
            assert(there);
            (void)there;
            must(buf_add(ret, h.bytes, HASH_BYTES));
        }
    }
    return true;
}

void mock_policy(const struct mock_log *account, const struct mock_log *tx, struct buf *ret)
{
    const struct mock_log *const logs[] = { account, tx };
    for (size_t i = 0; i < COUNT(logs); i++) {
        must(buf_add_str(ret, "log "));
        must(note_key_print(&logs[i]->log_key, ret));
        must(buf_add_str(ret, "\n"));
    }
    must(buf_add_str(ret, "witness m1 "));
    must(note_key_print(&account->member_key, ret));
    must(buf_add_str(ret, "\nquorum m1\n"));
}
