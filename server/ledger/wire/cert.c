#include "server/ledger/wire/bytes.h"

#include <assert.h>

#define BITMAP_BYTES 16
#define CERT_HEAD_BYTES (1 + 4 + 1 + 8 + 32 + 2 + BITMAP_BYTES)

const uint8_t *wire_cert_signature(const struct wire_cert *c, unsigned signer)
{
    unsigned at = 0;
    assert(core_set_has(&c->signers, signer));
    for (unsigned i = 0; i < signer; i++)
        at += core_set_has(&c->signers, i);
    return c->signature[at];
}

/* As many signers as n_signers says, and none at or above limit. */
static bool signers_fit(const struct wire_cert *c, unsigned limit)
{
    unsigned count = 0;
    for (unsigned i = 0; i < 64 * COUNT(c->signers.bits); i++) {
        if (!core_set_has(&c->signers, i))
            continue;
        if (i >= limit)
            return false;
        count++;
    }
    return count == c->n_signers;
}

static bool cert_shape(const struct wire_cert *c)
{
    return wire_vote_shape(c->chain, c->epoch, c->kind, c->view, &c->id) && c->n_signers >= 1 &&
           c->n_signers <= CORE_MEMBERS_MAX && signers_fit(c, CORE_MEMBERS_MAX);
}

enum err wire_cert_print(const struct wire_cert *c, struct buf *ret)
{
    struct wire_out o;
    if (!cert_shape(c))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, CERT_HEAD_BYTES + (size_t)c->n_signers * SIGN_BYTES, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, (uint8_t)c->chain);
    wire_put_u32(&o, c->epoch);
    wire_put_u8(&o, c->kind);
    wire_put_u64(&o, c->view);
    wire_put_bytes(&o, c->id.bytes, sizeof(c->id.bytes));
    wire_put_u16(&o, c->n_signers);
    for (unsigned i = 0; i < BITMAP_BYTES; i++)
        wire_put_u8(&o, (uint8_t)(c->signers.bits[i / 8] >> (8 * (i % 8))));
    wire_put_bytes(&o, c->signature, (size_t)c->n_signers * SIGN_BYTES);
    wire_out_end(ret, &o);
    return OK;
}

/* The signatures are copied only once it is known that they are all there. */
enum err wire_cert_parse(const uint8_t *bytes, size_t len, struct wire_cert *ret, size_t *ret_used)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_cert c;
    memset(&c, 0, sizeof(c));
    c.chain = wire_take_chain(&in);
    c.epoch = wire_take_u32(&in);
    c.kind = wire_take_u8(&in);
    c.view = wire_take_u64(&in);
    wire_take_bytes(&in, c.id.bytes, sizeof(c.id.bytes));
    c.n_signers = wire_take_u16(&in);
    for (unsigned i = 0; i < BITMAP_BYTES; i++)
        c.signers.bits[i / 8] |= (uint64_t)wire_take_u8(&in) << (8 * (i % 8));
    if (in.bad || !cert_shape(&c))
        return ERR_SYNTAX;
    const uint8_t *signatures = wire_take_span(&in, (size_t)c.n_signers * SIGN_BYTES);
    if (signatures == NULL)
        return ERR_SYNTAX;
    memcpy(c.signature, signatures, (size_t)c.n_signers * SIGN_BYTES);
    *ret = c;
    *ret_used = len - in.left;
    return OK;
}

/* Ledger.md 4.2 (B) rests on this: a quorum of distinct members, each of the epoch's validators,
 * and exactly one, so that a certificate has no two sizes. */
enum err wire_cert_verify(const struct wire_scope *s, const struct wire_cert *c)
{
    uint8_t text[WIRE_SIGNED_MAX];
    if (c->chain != s->chain || c->epoch != s->epoch || !cert_shape(c))
        return ERR_CRYPTO;
    if (c->n_signers != core_quorum(s->n) || !signers_fit(c, s->n))
        return ERR_CRYPTO;
    size_t len = wire_vote_text(s, c->kind, c->view, &c->id, text);
    for (unsigned i = 0, k = 0; k < c->n_signers; i++) {
        if (!core_set_has(&c->signers, i))
            continue;
        if (!sign_verify(s->vote_key[i], text, len, c->signature[k++]))
            return ERR_CRYPTO;
    }
    return OK;
}
