/* A small federation with keys of its own, for tests: votes, certificates, blocks with their
 * justification, batches; always the same bytes for the same arguments. And the two questions that
 * every encoding is asked: is each shortened, lengthened or bit-flipped form refused? */
#ifndef CAIRN_TESTS_WIRE_SAMPLE_H
#define CAIRN_TESTS_WIRE_SAMPLE_H

#include "server/ledger/log/tile.h"
#include "server/ledger/wire/wire.h"

#include <assert.h>

struct sample {
    struct wire_scope scope;
    struct sign_key key[CORE_MEMBERS_MAX];
};

/* Member numbers are not indices: 11, 14, 17, .. */
static inline void sample_init(struct sample *s, uint16_t n, enum chain chain, uint32_t epoch)
{
    assert(n <= CORE_MEMBERS_MAX);
    memset(s, 0, sizeof(*s));
    s->scope.chain = chain;
    s->scope.epoch = epoch;
    s->scope.n = n;
    memset(s->scope.genesis, 0x47, HASH_BYTES);
    for (uint16_t i = 0; i < n; i++) {
        uint8_t seed[SIGN_SEED_BYTES] = { 0x5e, (uint8_t)i };
        sign_key_from_seed(seed, &s->key[i]);
        s->scope.member[i] = (uint16_t)(11 + 3 * i);
        memcpy(s->scope.vote_key[i], s->key[i].public, SIGN_PUBLIC_BYTES);
    }
}

static inline struct core_id sample_id(uint64_t number)
{
    struct core_id id;
    sha256(&number, sizeof(number), id.bytes);
    return id;
}

static inline struct wire_vote sample_vote(const struct sample *s, uint16_t signer, uint8_t kind,
                                           uint64_t view, const struct core_id *id)
{
    struct wire_vote v = { .kind = kind, .signer = signer, .view = view };
    if (kind != CORE_S)
        v.id = *id;
    wire_vote_sign(&s->scope, &s->key[signer], &v);
    return v;
}

/* The same signature with S + L in place of S: valid by the equation alone (RFC 8032 5.1.7 forbids
 * it). */
static inline void sample_malleate(uint8_t signature[SIGN_BYTES])
{
    static const uint8_t order[32] = { 0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,       0xd6,
                                       0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, [31] = 0x10 };
    unsigned carry = 0;
    for (unsigned i = 0; i < 32; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert(carry == 0);
}

/* Adds a signer with its signature, keeping the order. Takes a signer that is there already, too:
 * only tests make such certificates. */
static inline void sample_sign(const struct sample *s, struct wire_cert *c, uint16_t signer)
{
    struct wire_vote v = sample_vote(s, signer, c->kind, c->view, &c->id);
    unsigned at = 0;
    for (unsigned i = 0; i < signer; i++)
        at += (unsigned)(c->signers.bits[i / 64] >> (i % 64) & 1);
    memmove(c->signature[at + 1], c->signature[at], (size_t)(c->n_signers - at) * SIGN_BYTES);
    memcpy(c->signature[at], v.signature, SIGN_BYTES);
    c->signers.bits[signer / 64] |= UINT64_C(1) << (signer % 64);
    c->n_signers++;
}

/* Signed by count members from index first on, around the end. */
static inline struct wire_cert sample_cert_by(const struct sample *s, uint8_t kind, uint64_t view,
                                              const struct core_id *id, uint16_t first,
                                              uint16_t count)
{
    struct wire_cert c;
    memset(&c, 0, sizeof(c));
    c.chain = s->scope.chain;
    c.epoch = s->scope.epoch;
    c.kind = kind;
    c.view = view;
    if (kind != CORE_S)
        c.id = *id;
    for (uint16_t i = 0; i < count; i++)
        sample_sign(s, &c, (uint16_t)((first + i) % s->scope.n));
    return c;
}

static inline struct wire_cert sample_cert(const struct sample *s, uint8_t kind, uint64_t view,
                                           const struct core_id *id)
{
    return sample_cert_by(s, kind, view, id, (uint16_t)(view % s->scope.n),
                          core_quorum(s->scope.n));
}

/* Parent certificate (kind CORE_N or CORE_F; none if parent_view is 0) and the skips up to view. */
static inline void sample_just(const struct sample *s, uint64_t parent_view,
                               const struct core_id *parent, uint8_t kind, uint64_t view,
                               struct buf *ret)
{
    uint64_t skips = view - parent_view - 1, n = skips + (parent_view > 0);
    const uint8_t count[2] = { (uint8_t)(n >> 8), (uint8_t)n };
    enum err e = buf_add(ret, count, sizeof(count));
    if (e == OK && parent_view > 0) {
        struct wire_cert c = sample_cert(s, kind, parent_view, parent);
        e = wire_cert_print(&c, ret);
    }
    for (uint64_t u = parent_view + 1; u < view && e == OK; u++) {
        struct wire_cert c = sample_cert(s, CORE_S, u, NULL);
        e = wire_cert_print(&c, ret);
    }
    assert(e == OK);
}

/* A block over this justification, with n_batches references. */
static inline struct wire_block sample_block(const struct sample *s, uint64_t view,
                                             uint64_t parent_view, const struct core_id *parent,
                                             const struct buf *just, uint16_t n_batches)
{
    struct wire_block b;
    memset(&b, 0, sizeof(b));
    b.chain = s->scope.chain;
    b.epoch = s->scope.epoch;
    b.view = view;
    b.height = parent_view + 5;
    b.parent_view = parent_view;
    b.parent = *parent;
    b.time = 1789000000 + view;
    b.tree_size = 1000 * view;
    memset(b.tree_root.bytes, 0x71, HASH_BYTES);
    b.other = (struct wire_tip){ .height = 9, .size = 77, .id = sample_id(9) };
    memset(b.other.root.bytes, 0x72, HASH_BYTES);
    memset(b.config_hash, 0x73, HASH_BYTES);
    sha256(just->data, just->len, b.just_hash);
    b.n_batches = n_batches;
    for (uint16_t i = 0; i < n_batches; i++) {
        b.batch[i] = (struct wire_batch_ref){ .member = s->scope.member[i % s->scope.n],
                                              .first = 1 + 100u * i,
                                              .n = 1 + i };
        memset(b.batch[i].digest, 0x80 + i, HASH_BYTES);
    }
    return b;
}

/* The proposal of a block, signed by member leader; borrows just. */
static inline struct wire_proposal sample_proposal(const struct sample *s,
                                                   const struct wire_block *b,
                                                   const struct buf *just, uint16_t leader)
{
    struct wire_proposal p;
    memset(&p, 0, sizeof(p));
    p.block = *b;
    p.just = just->data;
    p.just_len = just->len;
    enum err e = wire_block_id(b, &p.id);
    assert(e == OK);
    wire_proposal_sign(&s->scope, &s->key[leader], &p);
    return p;
}

/* n entries of the member from sequence first on, every third public. */
static inline void sample_entries(uint16_t member, uint64_t first, uint32_t n, struct buf *ret)
{
    static const char statement[] = "{\"kind\":\"sample\",\"text\":\"visit\"}";
    static const uint8_t salt[SALT_BYTES];
    struct buf entry;
    buf_init(&entry, ENTRY_MAX);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t anchor[ENTRY_ANCHOR_BYTES];
        enum err e = OK;
        buf_clear(&entry);
        entry_anchor(member, first + i, salt, statement, sizeof(statement) - 1, anchor);
        if (i % 3 == 2)
            e = entry_public(member, first + i, statement, sizeof(statement) - 1, &entry);
        else
            e = buf_add(&entry, anchor, sizeof(anchor));
        const uint8_t len[2] = { (uint8_t)(entry.len >> 8), (uint8_t)entry.len };
        if (e == OK)
            e = buf_add(ret, len, sizeof(len));
        if (e == OK)
            e = buf_add(ret, entry.data, entry.len);
        assert(e == OK);
    }
    buf_release(&entry);
}

/* What becomes of some bytes that claim to be of a format: does parsing refuse them, and if not, do
 * they verify, and what does the value print as. */
enum fate { REFUSED, PARSED, VERIFIED };
typedef enum fate sample_judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret);

/* A copy in memory of exactly that length, so that a read beyond it is found. */
static inline enum fate sample_judged(sample_judge *judge, const void *arg, const uint8_t *bytes,
                                      size_t len)
{
    struct buf back;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert(copy != NULL);
    memcpy(copy, bytes, len);
    buf_init(&back, WIRE_FRAME_MAX);
    enum fate fate = judge(arg, copy, len, &back);
    /* Canonical: what parses is spelled in no other way. */
    assert(fate == REFUSED || (back.len == len && memcmp(back.data, bytes, len) == 0));
    buf_release(&back);
    free(copy);
    return fate;
}

/* Counts what is wrong: the good bytes not accepted, a shorter or longer form that parses, a
 * flipped bit whose fate is more than worst. */
static inline size_t sample_faults(sample_judge *judge, const void *arg, const uint8_t *bytes,
                                   size_t len, enum fate good, enum fate worst)
{
    size_t faults = sample_judged(judge, arg, bytes, len) != good;
    uint8_t *copy = malloc(len + 1);
    assert(copy != NULL);
    memcpy(copy, bytes, len);
    for (size_t cut = 0; cut < len; cut++)
        faults += sample_judged(judge, arg, copy, cut) != REFUSED;
    for (unsigned last = 0; last < 256; last++) {
        copy[len] = (uint8_t)last;
        faults += sample_judged(judge, arg, copy, len + 1) != REFUSED;
    }
    for (size_t bit = 0; bit < 8 * len; bit++) {
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        faults += sample_judged(judge, arg, copy, len) > worst;
        copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    free(copy);
    return faults;
}

#endif
