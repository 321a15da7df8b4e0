/* RFC 6962 / RFC 9162 Merkle trees: leaf = SHA-256(0x00 || entry), node = SHA-256(0x01 || l || r).
 * Pure. Hash order in proofs is leaf to root. */
#ifndef CAIRN_LEDGER_MERKLE_H
#define CAIRN_LEDGER_MERKLE_H

#include "server/crypto/hash.h"

#define MERKLE_PROOF_MAX 64
#define MERKLE_SIZE_MAX                                                                            \
    (UINT64_C(1) << 63) /* proofs of larger trees would exceed MERKLE_PROOF_MAX */

struct merkle_hash {
    uint8_t bytes[HASH_BYTES];
};

/* The frontier of a tree: roots of its complete subtrees, largest first. Appending needs no more.
 */
struct merkle_tree {
    uint64_t size;
    size_t n;
    struct merkle_hash roots[64];
};

void merkle_leaf(const void *entry, size_t len, struct merkle_hash *ret);
void merkle_node(const struct merkle_hash *l, const struct merkle_hash *r, struct merkle_hash *ret);
void merkle_init(struct merkle_tree *t);
void merkle_append(struct merkle_tree *t, const struct merkle_hash *leaf);
/* The root; of the empty tree: SHA-256(""). */
void merkle_root(const struct merkle_tree *t, struct merkle_hash *ret);

/* Where hashes of complete subtrees come from: (level, index) covers the 2^level leaves from
 * index << level on; level 0 = leaves. Returns false if it is not there. */
typedef bool merkle_read(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret);

/* These fail with ERR_LOG_INCONSISTENT if read did, and the two proofs with ERR_FIELD_RANGE unless
 * index < size, old_size <= size and size <= MERKLE_SIZE_MAX. A consistency proof is empty if
 * old_size is 0 or size. A proof has as many hashes as the tree has levels at most. */

enum err merkle_root_at(merkle_read *read, void *arg, uint64_t size,
                        struct merkle_hash *ret) MUST_USE;
enum err merkle_inclusion(merkle_read *read, void *arg, uint64_t index, uint64_t size,
                          struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n) MUST_USE;
enum err merkle_consistency(merkle_read *read, void *arg, uint64_t old_size, uint64_t size,
                            struct merkle_hash ret[MERKLE_PROOF_MAX], size_t *ret_n) MUST_USE;
/* RFC 9162 2.1.3.2 and 2.1.4.2. An inclusion proof binds the path, not the size: sizes that give
 * the leaf the same path are told apart only by the checkpoint's signature. The empty tree is
 * consistent with every tree, by an empty proof. */
bool merkle_verify_inclusion(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                             const struct merkle_hash *proof, size_t n,
                             const struct merkle_hash *root) MUST_USE;
bool merkle_verify_consistency(uint64_t old_size, const struct merkle_hash *old_root, uint64_t size,
                               const struct merkle_hash *root, const struct merkle_hash *proof,
                               size_t n) MUST_USE;

#endif
