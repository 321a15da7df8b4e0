#include "server/ledger/wire/bytes.h"

#include "server/ledger/log/tile.h"

static size_t ref_text(const char *label, const uint8_t genesis[HASH_BYTES], enum chain chain,
                       const struct wire_batch_ref *ref, uint8_t ret[WIRE_SIGNED_MAX])
{
    struct wire_out o = wire_out_at(ret, WIRE_SIGNED_MAX);
    wire_signed_head(&o, label, genesis, chain);
    wire_put_ref(&o, ref);
    return WIRE_SIGNED_MAX - o.left;
}

/* ---- batches ---- */
static size_t batch_text(const uint8_t genesis[HASH_BYTES], const struct wire_batch *b,
                         uint8_t ret[WIRE_SIGNED_MAX])
{
    return ref_text("ledger-batch/1", genesis, b->chain, &b->ref, ret);
}

/* The digest is computed here, so that no batch is ever signed under the digest of another. */
void wire_batch_sign(const uint8_t genesis[HASH_BYTES], const struct sign_key *key,
                     struct wire_batch *b)
{
    uint8_t text[WIRE_SIGNED_MAX];
    sha256(b->entries, b->entries_len, b->ref.digest);
    sign_detached(key, text, batch_text(genesis, b, text), b->signature);
}

bool wire_batch_verify(const uint8_t genesis[HASH_BYTES], const uint8_t key[SIGN_PUBLIC_BYTES],
                       const struct wire_batch *b)
{
    uint8_t text[WIRE_SIGNED_MAX];
    return sign_verify(key, text, batch_text(genesis, b, text), b->signature);
}

enum err wire_batch_print(const struct wire_batch *b, struct buf *ret)
{
    struct wire_out o;
    if (b->entries_len > WIRE_BATCH_BYTES)
        return ERR_LIMIT;
    if (!wire_chain_valid(b->chain) || !wire_ref_valid(&b->ref))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, 1 + WIRE_REF_BYTES + SIGN_BYTES + 4 + b->entries_len, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, (uint8_t)b->chain);
    wire_put_ref(&o, &b->ref);
    wire_put_bytes(&o, b->signature, SIGN_BYTES);
    wire_put_u32(&o, (uint32_t)b->entries_len);
    wire_put_bytes(&o, b->entries, b->entries_len);
    wire_out_end(ret, &o);
    return OK;
}

/* Every entry is the origin's own and has the next sequence, and there are as many as the reference
 * says: so "exactly once and gapless per member" can be judged by references alone. */
static bool entries_fit(const struct wire_batch *b)
{
    size_t offset = 0, len = 0;
    const uint8_t *bytes = NULL;
    bool bad = false;
    uint32_t n = 0;
    while (bundle_next(b->entries, b->entries_len, &offset, &bytes, &len, &bad)) {
        struct entry_head head;
        if (n == b->ref.n || entry_parse(bytes, len, &head) != OK)
            return false;
        if (head.member != b->ref.member || head.sequence != b->ref.first + n)
            return false;
        n++;
    }
    return !bad && n == b->ref.n;
}

enum err wire_batch_parse(const uint8_t *bytes, size_t len, struct wire_batch *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_batch b = { .chain = wire_take_chain(&in) };
    uint8_t digest[HASH_BYTES];
    wire_take_ref(&in, &b.ref);
    wire_take_bytes(&in, b.signature, SIGN_BYTES);
    b.entries_len = wire_take_u32(&in);
    if (!in.bad && b.entries_len > WIRE_BATCH_BYTES)
        return ERR_LIMIT;
    b.entries = wire_take_span(&in, b.entries_len);
    if (in.bad || in.left > 0)
        return ERR_SYNTAX;
    sha256(b.entries, b.entries_len, digest);
    if (!bytes_equal(digest, b.ref.digest, HASH_BYTES))
        return ERR_CRYPTO;
    if (!entries_fit(&b))
        return ERR_SYNTAX;
    *ret = b;
    return OK;
}

/* ---- receipts ---- */
static size_t receipt_text(const uint8_t genesis[HASH_BYTES], const struct wire_receipt *r,
                           uint8_t ret[WIRE_SIGNED_MAX])
{
    return ref_text("ledger-receipt/1", genesis, r->chain, &r->ref, ret);
}

void wire_receipt_sign(const uint8_t genesis[HASH_BYTES], const struct sign_key *key,
                       struct wire_receipt *r)
{
    uint8_t text[WIRE_SIGNED_MAX];
    sign_detached(key, text, receipt_text(genesis, r, text), r->signature);
}

bool wire_receipt_verify(const uint8_t genesis[HASH_BYTES], const uint8_t key[SIGN_PUBLIC_BYTES],
                         const struct wire_receipt *r)
{
    uint8_t text[WIRE_SIGNED_MAX];
    return sign_verify(key, text, receipt_text(genesis, r, text), r->signature);
}

static bool receipt_valid(const struct wire_receipt *r)
{
    return wire_chain_valid(r->chain) && wire_ref_valid(&r->ref) && r->signer >= 1;
}

enum err wire_receipt_print(const struct wire_receipt *r, struct buf *ret)
{
    struct wire_out o;
    if (!receipt_valid(r))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, WIRE_RECEIPT_BYTES, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, (uint8_t)r->chain);
    wire_put_ref(&o, &r->ref);
    wire_put_u16(&o, r->signer);
    wire_put_bytes(&o, r->signature, SIGN_BYTES);
    wire_out_end(ret, &o);
    return OK;
}

enum err wire_receipt_parse(const uint8_t *bytes, size_t len, struct wire_receipt *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_receipt r = { .chain = wire_take_chain(&in) };
    wire_take_ref(&in, &r.ref);
    r.signer = wire_take_u16(&in);
    wire_take_bytes(&in, r.signature, SIGN_BYTES);
    if (in.bad || in.left > 0 || !receipt_valid(&r))
        return ERR_SYNTAX;
    *ret = r;
    return OK;
}
