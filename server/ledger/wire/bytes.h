/* Big-endian fields, for the files of this folder only. Writing goes to a place whose size the
 * caller computed beforehand; reading never goes beyond what is there: after the first short read
 * every further one gives zeros, and the caller asks once, at the end, whether all was well. */
#ifndef CAIRN_LEDGER_WIRE_BYTES_H
#define CAIRN_LEDGER_WIRE_BYTES_H

#include "server/ledger/wire/wire.h"

#define WIRE_REF_BYTES (2 + 8 + 4 + HASH_BYTES)
#define WIRE_SIGNED_MAX 128 /* the longest text that is signed */

struct wire_out {
    uint8_t *at;
    size_t left;
};
struct wire_out wire_out_at(uint8_t *at, size_t left);
/* Room for exactly len bytes at the end of b; ERR_LIMIT, ERR_NO_MEMORY, and b is as it was. */
enum err wire_out_begin(struct buf *b, size_t len, struct wire_out *ret) MUST_USE;
/* Takes what was written into b: all of the room, nothing less. */
void wire_out_end(struct buf *b, const struct wire_out *o);
/* Takes back everything that was added behind the first len bytes. */
void wire_out_undo(struct buf *b, size_t len);
void wire_put_u8(struct wire_out *o, uint8_t value);
void wire_put_u16(struct wire_out *o, uint16_t value);
void wire_put_u32(struct wire_out *o, uint32_t value);
void wire_put_u64(struct wire_out *o, uint64_t value);
void wire_put_bytes(struct wire_out *o, const void *bytes, size_t len);
void wire_put_ref(struct wire_out *o, const struct wire_batch_ref *r);

struct wire_in {
    const uint8_t *at;
    size_t left;
    bool bad; /* a read went beyond the end, or a value was refused */
};
uint8_t wire_take_u8(struct wire_in *in);
uint16_t wire_take_u16(struct wire_in *in);
uint32_t wire_take_u32(struct wire_in *in);
uint64_t wire_take_u64(struct wire_in *in);
void wire_take_bytes(struct wire_in *in, void *ret, size_t len);
/* Borrows len bytes; NULL when they are not there. */
const uint8_t *wire_take_span(struct wire_in *in, size_t len);
/* The fixed label at the front of a format. */
void wire_take_label(struct wire_in *in, const char *label);
/* CHAIN_ACCOUNT or CHAIN_TX; anything else is bad. */
enum chain wire_take_chain(struct wire_in *in);
/* A reference as wire_ref_valid wants it. */
void wire_take_ref(struct wire_in *in, struct wire_batch_ref *ret);

bool wire_chain_valid(enum chain c);
/* A member, at least one entry, at most WIRE_BATCH_ENTRIES, sequences from 1 that do not overflow.
 */
bool wire_ref_valid(const struct wire_batch_ref *r);
bool wire_id_is_zero(const struct core_id *id);

/* What every signed text begins with: label, genesis, chain. */
void wire_signed_head(struct wire_out *o, const char *label, const uint8_t genesis[HASH_BYTES],
                      enum chain chain);
/* The text of a vote: label, genesis, chain, epoch, kind, view, id. Returns its length. */
size_t wire_vote_text(const struct wire_scope *s, uint8_t kind, uint64_t view,
                      const struct core_id *id, uint8_t ret[WIRE_SIGNED_MAX]);
/* A vote or certificate that can exist: kind, view from 1, an id just where the kind has one. */
bool wire_vote_shape(enum chain chain, uint32_t epoch, uint8_t kind, uint64_t view,
                     const struct core_id *id);
/* Two votes of one member in one view: the enum core_fault that they are together, or 0 when a
 * correct member may sign both. */
uint8_t wire_fault_of(uint8_t kind_a, const struct core_id *a, uint8_t kind_b,
                      const struct core_id *b);
/* The signature of that signer, which must be one. */
const uint8_t *wire_cert_signature(const struct wire_cert *c, unsigned signer);
/* The text of a proposal: label, genesis, chain, epoch, view, id. */
size_t wire_proposal_text(const struct wire_scope *s, uint64_t view, const struct core_id *id,
                          uint8_t ret[WIRE_SIGNED_MAX]);

/* Reads a proposal from the front, as wire_proposal_parse does; *ret may be half filled on failure.
 */
enum err wire_proposal_take(struct wire_in *in, struct wire_proposal *ret) MUST_USE;

/* Steps through the certificates of a justification without judging them: ERR_SYNTAX at a broken
 * one. */
struct wire_just_reader {
    struct wire_in in;
    uint16_t left; /* certificates not yet read */
};
enum err wire_just_open(const uint8_t *just, size_t len, struct wire_just_reader *ret) MUST_USE;
enum err wire_just_next(struct wire_just_reader *r, struct wire_cert *ret) MUST_USE;

#endif
