/* The bytes that members exchange about one chain, and what makes them true: votes, certificates,
 * blocks with their justification, batches of entries, receipts for batches, cosignatures. All
 * integers are big endian; every encoding is canonical (one value, one spelling) and strict on
 * parsing: ERR_SYNTAX for a wrong shape, ERR_LIMIT for a bound, ERR_CRYPTO for a signature or hash.
 * Pure; nothing allocates but struct buf. Signatures: Ed25519, strict.
 *
 * What is signed ("||" joins bytes; genesis = SHA-256 of the canonical genesis file):
 *   vote      "ledger-vote/1"     genesis chain u8 epoch u32 kind u8 view u64 id[32]   vote key
 *   proposal  "ledger-proposal/1" genesis chain u8 epoch u32 view u64 id[32]           vote key
 *   batch     "ledger-batch/1"    genesis chain u8 member u16 first u64 n u32 digest[32]   vote key
 *   receipt   "ledger-receipt/1"  genesis chain u8 member u16 first u64 n u32 digest[32]   vote key
 * block id = SHA-256(block bytes), which hold just_hash = SHA-256(justification bytes). */
#ifndef CAIRN_LEDGER_WIRE_H
#define CAIRN_LEDGER_WIRE_H

#include "server/base/buf.h"
#include "server/crypto/sign.h"
#include "server/ledger/core/core.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/merkle.h"

#define WIRE_BATCHES_MAX 128          /* batch references of a block */
#define WIRE_BATCH_ENTRIES 4096       /* entries of a batch */
#define WIRE_BATCH_BYTES (512u << 10) /* entry bytes of a batch, each with its u16 length */
#define WIRE_FRAME_MAX (2u << 20)     /* one frame */
#define WIRE_POST_MAX (8u << 20)      /* frames of one POST */

/* Against whom something is verified: one chain in one epoch. */
struct wire_scope {
    uint8_t genesis[HASH_BYTES];
    enum chain chain;
    uint32_t epoch;
    uint16_t n;                                            /* validators of the epoch */
    uint16_t member[CORE_MEMBERS_MAX];                     /* their member numbers, by index */
    uint8_t vote_key[CORE_MEMBERS_MAX][SIGN_PUBLIC_BYTES]; /* by index */
};

/* ---- votes and certificates ------------------------------------------------------------------ */
struct wire_vote {
    enum chain chain;
    uint32_t epoch;
    uint8_t kind;    /* enum core_kind */
    uint16_t signer; /* index */
    uint64_t view;
    struct core_id id; /* zero for S */
    uint8_t signature[SIGN_BYTES];
};
#define WIRE_VOTE_BYTES (1 + 4 + 1 + 2 + 8 + 32 + 64)

void wire_vote_sign(const struct wire_scope *s, const struct sign_key *key, struct wire_vote *v);
bool wire_vote_verify(const struct wire_scope *s, const struct wire_vote *v) MUST_USE;
enum err wire_vote_print(const struct wire_vote *v, struct buf *ret) MUST_USE;
enum err wire_vote_parse(const uint8_t *bytes, size_t len, struct wire_vote *ret) MUST_USE;

/* A certificate: q signatures exactly, of distinct signers in ascending order. */
struct wire_cert {
    enum chain chain;
    uint32_t epoch;
    uint8_t kind;
    uint64_t view;
    struct core_id id;
    struct core_members signers;
    uint16_t n_signers;
    uint8_t signature[CORE_MEMBERS_MAX][SIGN_BYTES]; /* in the order of signers */
};
/* chain u8 epoch u32 kind u8 view u64 id[32] n_signers u16 bitmap[16] (bit i of the bitmap, from
 * the least significant bit of its first byte, is signer i), then the signatures. */
enum err wire_cert_print(const struct wire_cert *c, struct buf *ret) MUST_USE;
/* Reads one certificate from the front; *ret_used = its bytes. */
enum err wire_cert_parse(const uint8_t *bytes, size_t len, struct wire_cert *ret,
                         size_t *ret_used) MUST_USE;
/* ERR_CRYPTO unless exactly q distinct members of the scope (all bits below n) signed just this. */
enum err wire_cert_verify(const struct wire_scope *s, const struct wire_cert *c) MUST_USE;

/* ---- blocks ---------------------------------------------------------------------------------- */
struct wire_batch_ref {
    uint16_t member;            /* member number of the origin */
    uint64_t first;             /* first outbox sequence */
    uint32_t n;                 /* entries, 1..WIRE_BATCH_ENTRIES */
    uint8_t digest[HASH_BYTES]; /* SHA-256 of the batch's entry bytes */
};

struct wire_tip { /* where a chain stands */
    uint64_t height, size;
    struct core_id id;
    struct merkle_hash root;
};

struct wire_block {
    enum chain chain;
    uint32_t epoch;
    uint64_t view, height, parent_view;
    struct core_id parent;
    uint64_t time;      /* seconds; the proposer's, >= the parent's; never used for safety */
    uint64_t tree_size; /* after this block */
    struct merkle_hash tree_root;
    struct wire_tip other; /* the other chain: newest final block the proposer knew */
    uint8_t config_hash[HASH_BYTES];
    uint8_t just_hash[HASH_BYTES];
    uint16_t n_batches;
    struct wire_batch_ref batch[WIRE_BATCHES_MAX];
};
/* "ledger-block/1" then the members in this order. ERR_LIMIT, ERR_SYNTAX. */
enum err wire_block_print(const struct wire_block *b, struct buf *ret) MUST_USE;
enum err wire_block_parse(const uint8_t *bytes, size_t len, struct wire_block *ret,
                          size_t *ret_used) MUST_USE;
enum err wire_block_id(const struct wire_block *b, struct core_id *ret) MUST_USE;
/* What the core sees. */
void wire_block_core(const struct wire_block *b, const struct core_id *id, struct core_block *ret);

/* The justification: the parent's certificate (N or F; absent only when the parent is the epoch's
 * genesis, parent_view 0), then S certificates of every view between, ascending.
 * count u16, then the certificates. */
#define WIRE_JUST_CERTS_MAX (CORE_SLOTS + 1)
/* Parses and verifies the justification of b: just_hash, kinds, views, ids, signatures. Calls
 * fn(arg, cert) for each certificate, in order, only when all are good. */
enum err wire_just_verify(const struct wire_scope *s, const struct wire_block *b,
                          const uint8_t *just, size_t len,
                          void (*fn)(void *arg, const struct wire_cert *c), void *arg) MUST_USE;

/* A block on the wire and at rest: u32 length, block bytes, u32 length, justification bytes,
 * signature[64] of the leader over the proposal text. */
struct wire_proposal {
    struct wire_block block;
    struct core_id id;
    const uint8_t *just; /* borrowed */
    size_t just_len;
    uint8_t signature[SIGN_BYTES];
};
enum err wire_proposal_print(const struct wire_proposal *p, struct buf *ret) MUST_USE;
/* Computes id and checks just_hash; no signature is checked. */
enum err wire_proposal_parse(const uint8_t *bytes, size_t len, struct wire_proposal *ret) MUST_USE;
void wire_proposal_sign(const struct wire_scope *s, const struct sign_key *key,
                        struct wire_proposal *p);
/* The signature is that of member index leader. */
bool wire_proposal_verify(const struct wire_scope *s, const struct wire_proposal *p,
                          uint16_t leader) MUST_USE;

/* ---- batches --------------------------------------------------------------------------------- */
struct wire_batch {
    enum chain chain;
    struct wire_batch_ref ref;
    uint8_t signature[SIGN_BYTES]; /* by the origin */
    const uint8_t
        *entries; /* n times: u16 length, entry bytes (bundle form of tlog-tiles); borrowed */
    size_t entries_len;
};
/* chain u8, reference (member u16 first u64 n u32 digest), signature, u32 length, entries. */
enum err wire_batch_print(const struct wire_batch *b, struct buf *ret) MUST_USE;
/* Checks the digest, the count, that each entry parses with the origin's member number and the
 * sequences first, first+1, ..; no signature is checked. */
enum err wire_batch_parse(const uint8_t *bytes, size_t len, struct wire_batch *ret) MUST_USE;
void wire_batch_sign(const uint8_t genesis[HASH_BYTES], const struct sign_key *key,
                     struct wire_batch *b);
bool wire_batch_verify(const uint8_t genesis[HASH_BYTES], const uint8_t key[SIGN_PUBLIC_BYTES],
                       const struct wire_batch *b) MUST_USE;

struct wire_receipt { /* "this batch is durable here" */
    enum chain chain;
    struct wire_batch_ref ref;
    uint16_t signer; /* member number */
    uint8_t signature[SIGN_BYTES];
};
#define WIRE_RECEIPT_BYTES (1 + 2 + 8 + 4 + 32 + 2 + 64)
void wire_receipt_sign(const uint8_t genesis[HASH_BYTES], const struct sign_key *key,
                       struct wire_receipt *r);
bool wire_receipt_verify(const uint8_t genesis[HASH_BYTES], const uint8_t key[SIGN_PUBLIC_BYTES],
                         const struct wire_receipt *r) MUST_USE;
enum err wire_receipt_print(const struct wire_receipt *r, struct buf *ret) MUST_USE;
enum err wire_receipt_parse(const uint8_t *bytes, size_t len, struct wire_receipt *ret) MUST_USE;

/* ---- cosignatures ---------------------------------------------------------------------------- */
struct wire_cosignature { /* cosignature/v1 of a finalized size; the text it signs is the C2SP one
                           */
    enum chain chain;
    uint64_t size;
    struct merkle_hash root;
    uint16_t signer; /* member number */
    uint64_t time;
    uint8_t signature[SIGN_BYTES];
};
#define WIRE_COSIGNATURE_BYTES (1 + 8 + 32 + 2 + 8 + 64)
enum err wire_cosignature_print(const struct wire_cosignature *c, struct buf *ret) MUST_USE;
enum err wire_cosignature_parse(const uint8_t *bytes, size_t len,
                                struct wire_cosignature *ret) MUST_USE;

/* ---- pulls ----------------------------------------------------------------------------------- */
enum wire_want {
    WIRE_WANT_CERT = 1,
    WIRE_WANT_BLOCK,
    WIRE_WANT_BATCH,
    WIRE_WANT_RANGE,
    WIRE_WANT_NEWS
};
struct wire_pull {
    enum chain chain;
    uint32_t epoch;
    uint8_t want;      /* enum wire_want */
    uint8_t kind;      /* of a certificate */
    uint16_t member;   /* of a batch */
    uint64_t view;     /* certificate, block; RANGE: first height wanted; NEWS: own final view */
    uint64_t first;    /* of a batch */
    struct core_id id; /* block id or batch digest */
};
#define WIRE_PULL_BYTES (1 + 4 + 1 + 1 + 2 + 8 + 8 + 32)
enum err wire_pull_print(const struct wire_pull *p, struct buf *ret) MUST_USE;
enum err wire_pull_parse(const uint8_t *bytes, size_t len, struct wire_pull *ret) MUST_USE;

/* ---- frames: type u8, length u32, payload ---------------------------------------------------- */
enum wire_type {
    WIRE_VOTE = 1,
    WIRE_CERT,
    WIRE_PROPOSAL, /* from the leader */
    WIRE_BLOCK,    /* the same bytes as an answer to a pull */
    WIRE_BATCH,
    WIRE_RECEIPT,
    WIRE_COSIGNATURE,
    WIRE_PULL,
    WIRE_FINAL /* answer to RANGE: block as WIRE_BLOCK, then the F certificate that covers it or an
                  empty one; the batches it names go before it as WIRE_BATCH */
};
enum err wire_frame_add(uint8_t type, const void *payload, size_t len, struct buf *ret) MUST_USE;
/* The next frame at *offset; false at the end, or with *ret_bad set when what follows is no frame.
 */
bool wire_frame_next(const uint8_t *bytes, size_t len, size_t *offset, uint8_t *ret_type,
                     const uint8_t **ret_payload, size_t *ret_len, bool *ret_bad);

#endif
