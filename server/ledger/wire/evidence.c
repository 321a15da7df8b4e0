#include "server/ledger/wire/forensics.h"

#include "server/ledger/wire/bytes.h"

#define LABEL "ledger-evidence/1"
#define PROPOSAL_BYTES (1 + 4 + 8 + 32 + 2 + SIGN_BYTES)
#define PIECE_MAX WIRE_VOTE_BYTES

/* ---- what contradicts what ---- */

/* Ledger.md 4.2 (A): over its whole life a correct member signs one N per view, one F, F only for
 * the block of its N, and never both S and F. N beside S is allowed. 0: no contradiction. */
static uint8_t fault_of(const struct wire_vote *a, const struct wire_vote *b)
{
    if (a->chain != b->chain || a->epoch != b->epoch || a->signer != b->signer ||
        a->view != b->view)
        return 0;
    return wire_fault_of(a->kind, &a->id, b->kind, &b->id);
}

uint8_t wire_fault_of(uint8_t kind_a, const struct core_id *a, uint8_t kind_b,
                      const struct core_id *b)
{
    if (kind_a == CORE_S || kind_b == CORE_S)
        return kind_a == CORE_F || kind_b == CORE_F ? CORE_FAULT_SF : 0;
    if (core_id_equal(a, b))
        return 0;
    if (kind_a != kind_b)
        return CORE_FAULT_NF;
    return kind_a == CORE_N ? CORE_FAULT_NN : CORE_FAULT_FF;
}

static bool proposals_conflict(const struct evidence_proposal *a, const struct evidence_proposal *b)
{
    return a->chain == b->chain && a->epoch == b->epoch && a->signer == b->signer &&
           a->view == b->view && !core_id_equal(&a->id, &b->id);
}

/* ---- one of the two signed things ---- */
struct piece {
    uint8_t bytes[PIECE_MAX];
    size_t len;
};

static enum err piece_of_vote(const struct wire_vote *v, struct piece *ret)
{
    struct buf b;
    buf_init(&b, WIRE_VOTE_BYTES);
    enum err e = wire_vote_print(v, &b);
    if (e == OK) {
        memcpy(ret->bytes, b.data, b.len);
        ret->len = b.len;
    }
    buf_release(&b);
    return e;
}

static bool proposal_valid(const struct evidence_proposal *p)
{
    return wire_chain_valid(p->chain) && p->epoch >= 1 && p->view >= 1 &&
           p->signer < CORE_MEMBERS_MAX && !wire_id_is_zero(&p->id);
}

static enum err piece_of_proposal(const struct evidence_proposal *p, struct piece *ret)
{
    struct wire_out o = { .at = ret->bytes, .left = sizeof(ret->bytes) };
    if (!proposal_valid(p))
        return ERR_SYNTAX;
    wire_put_u8(&o, (uint8_t)p->chain);
    wire_put_u32(&o, p->epoch);
    wire_put_u64(&o, p->view);
    wire_put_bytes(&o, p->id.bytes, sizeof(p->id.bytes));
    wire_put_u16(&o, p->signer);
    wire_put_bytes(&o, p->signature, SIGN_BYTES);
    ret->len = PROPOSAL_BYTES;
    return OK;
}

static enum err take_proposal(const uint8_t *bytes, size_t len, struct evidence_proposal *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct evidence_proposal p = { .chain = wire_take_chain(&in) };
    p.epoch = wire_take_u32(&in);
    p.view = wire_take_u64(&in);
    wire_take_bytes(&in, p.id.bytes, sizeof(p.id.bytes));
    p.signer = wire_take_u16(&in);
    wire_take_bytes(&in, p.signature, SIGN_BYTES);
    if (in.bad || in.left > 0 || !proposal_valid(&p))
        return ERR_SYNTAX;
    *ret = p;
    return OK;
}

/* ---- the record ---- */

/* The lower of the two comes first, so that one contradiction has one spelling. */
static enum err add_record(uint8_t fault, const struct piece *a, const struct piece *b,
                           struct buf *ret)
{
    bool swap = memcmp(a->bytes, b->bytes, a->len) > 0;
    const struct piece *first = swap ? b : a, *second = swap ? a : b;
    struct wire_out o;
    enum err e = wire_out_begin(ret, sizeof(LABEL) - 1 + 1 + 4 + a->len + 4 + b->len, &o);
    if (e != OK)
        return e;
    wire_put_bytes(&o, LABEL, sizeof(LABEL) - 1);
    wire_put_u8(&o, fault);
    wire_put_u32(&o, (uint32_t)first->len);
    wire_put_bytes(&o, first->bytes, first->len);
    wire_put_u32(&o, (uint32_t)second->len);
    wire_put_bytes(&o, second->bytes, second->len);
    wire_out_end(ret, &o);
    return OK;
}

enum err evidence_votes(const struct wire_vote *a, const struct wire_vote *b, uint8_t *ret_fault,
                        struct buf *ret)
{
    struct piece first, second;
    uint8_t fault = fault_of(a, b);
    if (fault == 0)
        return ERR_CRYPTO;
    enum err e = piece_of_vote(a, &first);
    if (e == OK)
        e = piece_of_vote(b, &second);
    if (e == OK)
        e = add_record(fault, &first, &second, ret);
    if (e == OK)
        *ret_fault = fault;
    return e;
}

enum err evidence_proposals(const struct evidence_proposal *a, const struct evidence_proposal *b,
                            struct buf *ret)
{
    struct piece first, second;
    if (!proposals_conflict(a, b))
        return ERR_CRYPTO;
    enum err e = piece_of_proposal(a, &first);
    if (e == OK)
        e = piece_of_proposal(b, &second);
    return e == OK ? add_record(CORE_FAULT_PROPOSAL, &first, &second, ret) : e;
}

/* ---- verification ---- */
struct record {
    uint8_t fault;
    const uint8_t *first, *second;
    size_t first_len, second_len;
};

static enum err take_record(const uint8_t *bytes, size_t len, struct record *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct record r;
    if (len > EVIDENCE_MAX)
        return ERR_SYNTAX;
    wire_take_label(&in, LABEL);
    r.fault = wire_take_u8(&in);
    r.first_len = wire_take_u32(&in);
    r.first = wire_take_span(&in, r.first_len);
    r.second_len = wire_take_u32(&in);
    r.second = wire_take_span(&in, r.second_len);
    if (in.bad || in.left > 0 || r.first_len != r.second_len ||
        memcmp(r.first, r.second, r.first_len) >= 0)
        return ERR_SYNTAX;
    *ret = r;
    return OK;
}

static enum err verify_votes(const struct wire_scope *s, const struct record *r,
                             uint16_t *ret_index)
{
    struct wire_vote a, b;
    enum err e = wire_vote_parse(r->first, r->first_len, &a);
    if (e == OK)
        e = wire_vote_parse(r->second, r->second_len, &b);
    if (e != OK)
        return e;
    if (fault_of(&a, &b) != r->fault || !wire_vote_verify(s, &a) || !wire_vote_verify(s, &b))
        return ERR_CRYPTO;
    *ret_index = a.signer;
    return OK;
}

static bool proposal_signed(const struct wire_scope *s, const struct evidence_proposal *p)
{
    uint8_t text[WIRE_SIGNED_MAX];
    return p->chain == s->chain && p->epoch == s->epoch && p->signer < s->n &&
           sign_verify(s->vote_key[p->signer], text, wire_proposal_text(s, p->view, &p->id, text),
                       p->signature);
}

static enum err verify_proposals(const struct wire_scope *s, const struct record *r,
                                 uint16_t *ret_index)
{
    struct evidence_proposal a, b;
    enum err e = take_proposal(r->first, r->first_len, &a);
    if (e == OK)
        e = take_proposal(r->second, r->second_len, &b);
    if (e != OK)
        return e;
    if (!proposals_conflict(&a, &b) || !proposal_signed(s, &a) || !proposal_signed(s, &b))
        return ERR_CRYPTO;
    *ret_index = a.signer;
    return OK;
}

enum err evidence_verify(const struct wire_scope *s, const uint8_t *bytes, size_t len,
                         uint16_t *ret_signer, uint8_t *ret_fault)
{
    struct record r;
    uint16_t index = 0;
    enum err e = take_record(bytes, len, &r);
    if (e == OK && (r.fault < CORE_FAULT_NN || r.fault > CORE_FAULT_PROPOSAL))
        e = ERR_SYNTAX;
    if (e == OK)
        e = r.fault == CORE_FAULT_PROPOSAL ? verify_proposals(s, &r, &index)
                                           : verify_votes(s, &r, &index);
    if (e != OK)
        return e;
    *ret_signer = s->member[index];
    *ret_fault = r.fault;
    return OK;
}
