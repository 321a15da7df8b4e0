#include "server/ledger/wire/bytes.h"

bool wire_vote_shape(enum chain chain, uint32_t epoch, uint8_t kind, uint64_t view,
                     const struct core_id *id)
{
    if (!wire_chain_valid(chain) || epoch == 0 || view == 0 || kind < CORE_N || kind > CORE_F)
        return false;
    return wire_id_is_zero(id) == (kind == CORE_S);
}

size_t wire_vote_text(const struct wire_scope *s, uint8_t kind, uint64_t view,
                      const struct core_id *id, uint8_t ret[WIRE_SIGNED_MAX])
{
    struct wire_out o = wire_out_at(ret, WIRE_SIGNED_MAX);
    wire_signed_head(&o, "ledger-vote/1", s->genesis, s->chain);
    wire_put_u32(&o, s->epoch);
    wire_put_u8(&o, kind);
    wire_put_u64(&o, view);
    wire_put_bytes(&o, id->bytes, sizeof(id->bytes));
    return WIRE_SIGNED_MAX - o.left;
}

/* The vote takes chain and epoch from the scope: a vote for another one cannot be made by mistake.
 */
void wire_vote_sign(const struct wire_scope *s, const struct sign_key *key, struct wire_vote *v)
{
    uint8_t text[WIRE_SIGNED_MAX];
    v->chain = s->chain;
    v->epoch = s->epoch;
    sign_detached(key, text, wire_vote_text(s, v->kind, v->view, &v->id, text), v->signature);
}

bool wire_vote_verify(const struct wire_scope *s, const struct wire_vote *v)
{
    uint8_t text[WIRE_SIGNED_MAX];
    if (v->chain != s->chain || v->epoch != s->epoch || v->signer >= s->n ||
        !wire_vote_shape(v->chain, v->epoch, v->kind, v->view, &v->id))
        return false;
    return sign_verify(s->vote_key[v->signer], text,
                       wire_vote_text(s, v->kind, v->view, &v->id, text), v->signature);
}

enum err wire_vote_print(const struct wire_vote *v, struct buf *ret)
{
    struct wire_out o;
    if (v->signer >= CORE_MEMBERS_MAX ||
        !wire_vote_shape(v->chain, v->epoch, v->kind, v->view, &v->id))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, WIRE_VOTE_BYTES, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, (uint8_t)v->chain);
    wire_put_u32(&o, v->epoch);
    wire_put_u8(&o, v->kind);
    wire_put_u16(&o, v->signer);
    wire_put_u64(&o, v->view);
    wire_put_bytes(&o, v->id.bytes, sizeof(v->id.bytes));
    wire_put_bytes(&o, v->signature, SIGN_BYTES);
    wire_out_end(ret, &o);
    return OK;
}

enum err wire_vote_parse(const uint8_t *bytes, size_t len, struct wire_vote *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_vote v = { .chain = wire_take_chain(&in) };
    v.epoch = wire_take_u32(&in);
    v.kind = wire_take_u8(&in);
    v.signer = wire_take_u16(&in);
    v.view = wire_take_u64(&in);
    wire_take_bytes(&in, v.id.bytes, sizeof(v.id.bytes));
    wire_take_bytes(&in, v.signature, SIGN_BYTES);
    if (in.bad || in.left > 0 || v.signer >= CORE_MEMBERS_MAX ||
        !wire_vote_shape(v.chain, v.epoch, v.kind, v.view, &v.id))
        return ERR_SYNTAX;
    *ret = v;
    return OK;
}
