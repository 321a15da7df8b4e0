#include "server/ledger/log/merkle.h"

#include <assert.h>
#include <string.h>

void merkle_leaf(const void *entry, size_t len, struct merkle_hash *ret)
{
    static const uint8_t prefix = 0x00;
    sha256_two(&prefix, 1, entry, len, ret->bytes);
}

void merkle_node(const struct merkle_hash *l, const struct merkle_hash *r, struct merkle_hash *ret)
{
    /* Copied first, so that ret may be one of the children. */
    uint8_t message[1 + 2 * HASH_BYTES] = { 0x01 };
    memcpy(message + 1, l->bytes, HASH_BYTES);
    memcpy(message + 1 + HASH_BYTES, r->bytes, HASH_BYTES);
    sha256(message, sizeof(message), ret->bytes);
}

static bool same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->bytes, b->bytes, HASH_BYTES) == 0;
}

static void empty_root(struct merkle_hash *ret)
{
    sha256("", 0, ret->bytes);
}

void merkle_init(struct merkle_tree *t)
{
    *t = (struct merkle_tree){ .size = 0 };
}

void merkle_append(struct merkle_tree *t, const struct merkle_hash *leaf)
{
    assert(t->size < UINT64_MAX);
    struct merkle_hash carry = *leaf;
    /* Adding one to the size carries through its low one bits: each is a complete subtree that the
     * new one completes. */
    for (uint64_t bits = t->size; (bits & 1) != 0; bits >>= 1) {
        assert(t->n > 0);
        t->n--;
        merkle_node(&t->roots[t->n], &carry, &carry);
    }
    t->roots[t->n] = carry;
    t->n++;
    t->size++;
}

void merkle_root(const struct merkle_tree *t, struct merkle_hash *ret)
{
    if (t->n == 0) {
        empty_root(ret);
        return;
    }
    struct merkle_hash root = t->roots[t->n - 1];
    for (size_t i = t->n - 1; i > 0; i--)
        merkle_node(&t->roots[i - 1], &root, &root);
    *ret = root;
}

/* The root over the leaves from the last multiple of 2^levels below size (levels <= 64) up to size:
 * a complete subtree for each one bit of size below levels, folded from the smallest. At least one
 * such bit must be set. */
static enum err ragged_root(merkle_read *read, void *arg, uint64_t size, unsigned levels,
                            struct merkle_hash *ret)
{
    struct merkle_hash root = { .bytes = { 0 } };
    bool have = false;
    for (unsigned level = 0; level < levels; level++) {
        if ((size >> level & 1) == 0)
            continue;
        struct merkle_hash left;
        if (!read(arg, level, (size >> level) - 1, &left))
            return ERR_LOG_INCONSISTENT;
        if (have)
            merkle_node(&left, &root, &root);
        else
            root = left;
        have = true;
    }
    assert(have);
    *ret = root;
    return OK;
}

enum err merkle_root_at(merkle_read *read, void *arg, uint64_t size, struct merkle_hash *ret)
{
    if (size == 0) {
        empty_root(ret);
        return OK;
    }
    return ragged_root(read, arg, size, 64, ret);
}

/* Appends the siblings of the subtree (level, index), on the way from it to the root of the tree of
 * that size. A node without a right sibling moves up unchanged and adds nothing. */
static enum err siblings(merkle_read *read, void *arg, unsigned level, uint64_t index,
                         uint64_t size, struct merkle_hash proof[MERKLE_PROOF_MAX], size_t *n)
{
    uint64_t last = (size - 1) >> level; /* the rightmost node of this level, complete or not */
    for (; last > 0; level++, index >>= 1, last >>= 1) {
        uint64_t sibling = index ^ 1;
        if (sibling > last)
            continue;
        assert(*n < MERKLE_PROOF_MAX);
        struct merkle_hash *at = &proof[*n];
        enum err e = OK;
        if (sibling < size >> level)
            e = read(arg, level, sibling, at) ? OK : ERR_LOG_INCONSISTENT;
        else
            e = ragged_root(read, arg, size, level, at);
        if (e != OK)
            return e;
        (*n)++;
    }
    return OK;
}

enum err merkle_inclusion(merkle_read *read, void *arg, uint64_t index, uint64_t size,
                          struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n)
{
    if (index >= size || size > MERKLE_SIZE_MAX)
        return ERR_FIELD_RANGE;
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    size_t n = 0;
    enum err e = siblings(read, arg, 0, index, size, proof, &n);
    if (e != OK)
        return e;
    memcpy(ret, proof, n * sizeof(proof[0]));
    *ret_n = n;
    return OK;
}

enum err merkle_consistency(merkle_read *read, void *arg, uint64_t old_size, uint64_t size,
                            struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n)
{
    if (old_size > size || size > MERKLE_SIZE_MAX)
        return ERR_FIELD_RANGE;
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    size_t n = 0;
    if (old_size > 0 && old_size < size) {
        /* Both trees share the old tree's smallest complete subtree. The proof starts there, and
         * names it unless it is the whole old tree, whose root the verifier has. */
        unsigned level = (unsigned)__builtin_ctzll(old_size);
        uint64_t index = (old_size >> level) - 1;
        if (index > 0 && !read(arg, level, index, &proof[n++]))
            return ERR_LOG_INCONSISTENT;
        enum err e = siblings(read, arg, level, index, size, proof, &n);
        if (e != OK)
            return e;
    }
    memcpy(ret, proof, n * sizeof(proof[0]));
    *ret_n = n;
    return OK;
}

bool merkle_verify_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_hash *proof, size_t n,
                             const struct merkle_hash *root)
{
    if (index >= size || n > MERKLE_PROOF_MAX)
        return false;
    uint64_t fn = index, sn = size - 1;
    struct merkle_hash r = *leaf;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            merkle_node(&proof[i], &r, &r);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            merkle_node(&r, &proof[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&r, root);
}

/* RFC 9162 2.1.4.2 from step 3 on: seed is the first hash of the proof, or the old root where step
 * 2 puts that in front, and proof is what follows. */
static bool consistency_from(const struct merkle_hash *seed, uint64_t old_size, uint64_t size,
                             const struct merkle_hash *proof, size_t n,
                             const struct merkle_hash *old_root, const struct merkle_hash *root)
{
    uint64_t fn = old_size - 1, sn = size - 1;
    for (; (fn & 1) != 0; fn >>= 1)
        sn >>= 1;
    struct merkle_hash fr = *seed, sr = *seed;
    for (size_t i = 0; i < n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) != 0 || fn == sn) {
            merkle_node(&proof[i], &fr, &fr);
            merkle_node(&proof[i], &sr, &sr);
            for (; (fn & 1) == 0 && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            merkle_node(&sr, &proof[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(&fr, old_root) && same(&sr, root);
}

bool merkle_verify_consistency(uint64_t old_size, const struct merkle_hash *old_root, uint64_t size,
                               const struct merkle_hash *root, const struct merkle_hash *proof,
                               size_t n)
{
    if (old_size > size || n > MERKLE_PROOF_MAX)
        return false;
    if (old_size == size)
        return n == 0 && same(old_root, root);
    if (old_size == 0) {
        struct merkle_hash empty;
        empty_root(&empty);
        return n == 0 && same(old_root, &empty);
    }
    if (n == 0)
        return false;
    if ((old_size & (old_size - 1)) == 0)
        return consistency_from(old_root, old_size, size, proof, n, old_root, root);
    return consistency_from(&proof[0], old_size, size, proof + 1, n - 1, old_root, root);
}
