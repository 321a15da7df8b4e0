#include "server/ledger/wire/bytes.h"

/* The bounds of tlog-checkpoint sizes here and of cosignature/v1 times. */
static bool cosignature_valid(const struct wire_cosignature *c)
{
    return wire_chain_valid(c->chain) && c->size <= MERKLE_SIZE_MAX && c->signer >= 1 &&
           c->time <= INT64_MAX;
}

enum err wire_cosignature_print(const struct wire_cosignature *c, struct buf *ret)
{
    struct wire_out o;
    if (!cosignature_valid(c))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, WIRE_COSIGNATURE_BYTES, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, (uint8_t)c->chain);
    wire_put_u64(&o, c->size);
    wire_put_bytes(&o, c->root.bytes, HASH_BYTES);
    wire_put_u16(&o, c->signer);
    wire_put_u64(&o, c->time);
    wire_put_bytes(&o, c->signature, SIGN_BYTES);
    wire_out_end(ret, &o);
    return OK;
}

enum err wire_cosignature_parse(const uint8_t *bytes, size_t len, struct wire_cosignature *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_cosignature c = { .chain = wire_take_chain(&in) };
    c.size = wire_take_u64(&in);
    wire_take_bytes(&in, c.root.bytes, HASH_BYTES);
    c.signer = wire_take_u16(&in);
    c.time = wire_take_u64(&in);
    wire_take_bytes(&in, c.signature, SIGN_BYTES);
    if (in.bad || in.left > 0 || !cosignature_valid(&c))
        return ERR_SYNTAX;
    *ret = c;
    return OK;
}
