#include "server/ledger/wire/bytes.h"

#include <assert.h>

struct wire_out wire_out_at(uint8_t *at, size_t left)
{
    struct wire_out o;
    o.at = at;
    o.left = left;
    return o;
}

enum err wire_out_begin(struct buf *b, size_t len, struct wire_out *ret)
{
    if (len > b->max - b->len)
        return ERR_LIMIT;
    uint8_t *at = buf_reserve(b, len);
    if (at == NULL)
        return ERR_NO_MEMORY;
    *ret = (struct wire_out){ .at = at, .left = len };
    return OK;
}

void wire_out_end(struct buf *b, const struct wire_out *o)
{
    assert(o->left == 0 && o->at >= b->data + b->len);
    b->len = (size_t)(o->at - b->data);
    b->data[b->len] = 0;
}

void wire_out_undo(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len = len;
    if (b->data != NULL)
        b->data[len] = 0;
}

void wire_put_bytes(struct wire_out *o, const void *bytes, size_t len)
{
    assert(len <= o->left);
    if (len > 0)
        memcpy(o->at, bytes, len);
    o->at += len;
    o->left -= len;
}

static void put_number(struct wire_out *o, uint64_t value, unsigned len)
{
    uint8_t bytes[8];
    for (unsigned i = 0; i < len; i++)
        bytes[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    wire_put_bytes(o, bytes, len);
}

void wire_put_u8(struct wire_out *o, uint8_t value)
{
    put_number(o, value, 1);
}

void wire_put_u16(struct wire_out *o, uint16_t value)
{
    put_number(o, value, 2);
}

void wire_put_u32(struct wire_out *o, uint32_t value)
{
    put_number(o, value, 4);
}

void wire_put_u64(struct wire_out *o, uint64_t value)
{
    put_number(o, value, 8);
}

void wire_put_ref(struct wire_out *o, const struct wire_batch_ref *r)
{
    wire_put_u16(o, r->member);
    wire_put_u64(o, r->first);
    wire_put_u32(o, r->n);
    wire_put_bytes(o, r->digest, HASH_BYTES);
}

const uint8_t *wire_take_span(struct wire_in *in, size_t len)
{
    if (in->bad || len > in->left) {
        in->bad = true;
        return NULL;
    }
    const uint8_t *at = in->at;
    in->at += len;
    in->left -= len;
    return at;
}

void wire_take_bytes(struct wire_in *in, void *ret, size_t len)
{
    const uint8_t *at = wire_take_span(in, len);
    if (at != NULL)
        memcpy(ret, at, len);
    else
        memset(ret, 0, len);
}

static uint64_t take_number(struct wire_in *in, unsigned len)
{
    uint8_t bytes[8];
    uint64_t value = 0;
    wire_take_bytes(in, bytes, len);
    for (unsigned i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint8_t wire_take_u8(struct wire_in *in)
{
    return (uint8_t)take_number(in, 1);
}

uint16_t wire_take_u16(struct wire_in *in)
{
    return (uint16_t)take_number(in, 2);
}

uint32_t wire_take_u32(struct wire_in *in)
{
    return (uint32_t)take_number(in, 4);
}

uint64_t wire_take_u64(struct wire_in *in)
{
    return take_number(in, 8);
}

void wire_take_label(struct wire_in *in, const char *label)
{
    const uint8_t *at = wire_take_span(in, strlen(label));
    if (at != NULL && memcmp(at, label, strlen(label)) != 0)
        in->bad = true;
}

bool wire_chain_valid(enum chain c)
{
    return c == CHAIN_ACCOUNT || c == CHAIN_TX;
}

enum chain wire_take_chain(struct wire_in *in)
{
    uint8_t value = wire_take_u8(in);
    if (value != CHAIN_ACCOUNT && value != CHAIN_TX)
        in->bad = true;
    return value == CHAIN_TX ? CHAIN_TX : CHAIN_ACCOUNT;
}

bool wire_ref_valid(const struct wire_batch_ref *r)
{
    return r->member >= 1 && r->first >= 1 && r->n >= 1 && r->n <= WIRE_BATCH_ENTRIES &&
           r->first <= UINT64_MAX - r->n;
}

void wire_take_ref(struct wire_in *in, struct wire_batch_ref *ret)
{
    *ret = (struct wire_batch_ref){ .member = wire_take_u16(in) };
    ret->first = wire_take_u64(in);
    ret->n = wire_take_u32(in);
    wire_take_bytes(in, ret->digest, HASH_BYTES);
    if (!wire_ref_valid(ret))
        in->bad = true;
}

bool wire_id_is_zero(const struct core_id *id)
{
    static const struct core_id zero;
    return memcmp(id->bytes, zero.bytes, sizeof(zero.bytes)) == 0;
}

void wire_signed_head(struct wire_out *o, const char *label, const uint8_t genesis[HASH_BYTES],
                      enum chain chain)
{
    wire_put_bytes(o, label, strlen(label));
    wire_put_bytes(o, genesis, HASH_BYTES);
    wire_put_u8(o, (uint8_t)chain);
}
