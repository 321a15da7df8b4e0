/* Tables chain_block, chain_batch, chain_state, journal_mark: the joint ledger's final blocks as
 * this member stores them. The driver's thread alone writes. What writes is sent by db_later: it
 * fails at the next statement that is waited for. */
#ifndef CAIRN_STORE_CHAIN_H
#define CAIRN_STORE_CHAIN_H

#include "server/crypto/sign.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"
#include "server/store/store.h"

struct chain_block_row {
    enum chain chain;
    uint64_t height, view;
    uint32_t epoch;
    uint8_t id[HASH_BYTES], parent[HASH_BYTES];
    const uint8_t *proposal; /* wire_proposal_print; borrowed, or in the arena */
    size_t proposal_len;
    const uint8_t *final_cert; /* wire_cert_print; NULL: a later one covers it */
    size_t final_cert_len;
    const uint8_t *notar_cert; /* the same of an N certificate, where final_cert is NULL */
    size_t notar_cert_len;
    uint64_t tree_size;
    struct merkle_hash tree_root;
};
/* ERR_LOG_INCONSISTENT if another block has this height. */
enum err store_block_insert(struct db *db, const struct chain_block_row *b, usec_t at) MUST_USE;
/* The block of this height; ERR_NOT_FOUND. Bytes are in the arena. */
enum err store_block_get(struct db *db, enum chain chain, uint64_t height, struct arena *arena,
                         struct chain_block_row *ret) MUST_USE;
/* The newest; ERR_NOT_FOUND when there is none. */
enum err store_block_last(struct db *db, enum chain chain, struct arena *arena,
                          struct chain_block_row *ret) MUST_USE;
/* Height of the block with this id; ERR_NOT_FOUND. */
enum err store_block_height(struct db *db, enum chain chain, const uint8_t id[HASH_BYTES],
                            uint64_t *ret) MUST_USE;

/* The block of this view; ERR_NOT_FOUND. */
enum err store_block_by_view(struct db *db, enum chain chain, uint32_t epoch, uint64_t view,
                             struct arena *arena, struct chain_block_row *ret) MUST_USE;

enum err store_batch_insert(struct db *db, enum chain chain, uint64_t height, int64_t ordinal,
                            uint16_t member, uint64_t first_seq, uint32_t n,
                            uint64_t first_index) MUST_USE;
/* Where a batch stands; ERR_NOT_FOUND. */
enum err store_batch_find(struct db *db, enum chain chain, uint16_t member, uint64_t first_seq,
                          uint32_t *ret_n, uint64_t *ret_first_index) MUST_USE;
/* Rows: member, next sequence; every member that has entries on the chain. */
enum err store_batch_heads(struct db *db, enum chain chain, struct rows **ret) MUST_USE;

/* The fold's state; *ret = NULL when there is none yet. */
enum err store_chain_state(struct db *db, enum chain chain, struct arena *arena,
                           uint64_t *ret_height, const uint8_t **ret, size_t *ret_len) MUST_USE;
enum err store_chain_state_put(struct db *db, enum chain chain, uint64_t height, const void *state,
                               size_t len) MUST_USE;

/* Descendants that prove the block of this height final. Rows: proposal, final_cert; by ordinal. */
enum err store_tail_insert(struct db *db, enum chain chain, uint64_t height, int64_t ordinal,
                           const void *proposal, size_t len, const void *cert,
                           size_t cert_len) MUST_USE;
enum err store_tails(struct db *db, enum chain chain, uint64_t height, struct rows **ret) MUST_USE;
/* The state with which the epoch ended: that of the next. ERR_NOT_FOUND. */
enum err store_epoch_get(struct db *db, uint32_t epoch, struct arena *arena, const uint8_t **ret,
                         size_t *ret_len) MUST_USE;
/* An epoch of the account chain that is over. Rows: epoch, height, state; ascending. */
enum err store_epoch_insert(struct db *db, uint32_t epoch, uint64_t height, const void *state,
                            size_t len) MUST_USE;
enum err store_epochs(struct db *db, struct rows **ret) MUST_USE;

/* A sequence of the journal that was durable under this vote key; 0 if there is none: another key
 * has another journal. */
enum err store_journal_mark(struct db *db, const uint8_t vote_key[SIGN_PUBLIC_BYTES],
                            uint64_t *ret) MUST_USE;
/* Only ever raises it. */
enum err store_journal_mark_raise(struct db *db, const uint8_t vote_key[SIGN_PUBLIC_BYTES],
                                  uint64_t seq) MUST_USE;

extern const struct store_stmt *const chain_stmts[];
extern const size_t chain_stmts_n;

#endif
