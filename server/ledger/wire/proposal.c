#include "server/ledger/wire/bytes.h"

#define JUST_BYTES_MAX (2u + WIRE_JUST_CERTS_MAX * (64u + CORE_MEMBERS_MAX * SIGN_BYTES))

static bool just_matches(const struct wire_proposal *p)
{
    uint8_t hash[HASH_BYTES];
    sha256(p->just, p->just_len, hash);
    return bytes_equal(hash, p->block.just_hash, HASH_BYTES);
}

static void put_length(struct buf *b, size_t at, size_t len)
{
    struct wire_out o = { .at = b->data + at, .left = 4 };
    wire_put_u32(&o, (uint32_t)len);
}

static enum err print(const struct wire_proposal *p, struct buf *ret)
{
    static const uint8_t room[4];
    size_t start = ret->len;
    enum err e = buf_add(ret, room, sizeof(room));
    if (e == OK)
        e = wire_block_print(&p->block, ret);
    if (e == OK) {
        put_length(ret, start, ret->len - start - sizeof(room));
        start = ret->len;
        e = buf_add(ret, room, sizeof(room));
    }
    if (e == OK) {
        put_length(ret, start, p->just_len);
        e = buf_add(ret, p->just, p->just_len);
    }
    return e == OK ? buf_add(ret, p->signature, SIGN_BYTES) : e;
}

/* Never prints what parsing would refuse, nor under an id that is not the block's. */
enum err wire_proposal_print(const struct wire_proposal *p, struct buf *ret)
{
    struct core_id id;
    size_t before = ret->len;
    if (p->just_len > JUST_BYTES_MAX)
        return ERR_LIMIT;
    enum err e = wire_block_id(&p->block, &id);
    if (e == OK && (!just_matches(p) || !core_id_equal(&id, &p->id)))
        e = ERR_CRYPTO;
    if (e == OK)
        e = print(p, ret);
    if (e != OK)
        wire_out_undo(ret, before);
    return e;
}

static enum err take_block(struct wire_in *in, struct wire_block *ret, struct core_id *ret_id)
{
    size_t used = 0, len = wire_take_u32(in);
    const uint8_t *bytes = wire_take_span(in, len);
    if (bytes == NULL)
        return ERR_SYNTAX;
    enum err e = wire_block_parse(bytes, len, ret, &used);
    if (e != OK)
        return e;
    if (used != len)
        return ERR_SYNTAX;
    sha256(bytes, len, ret_id->bytes);
    return OK;
}

enum err wire_proposal_take(struct wire_in *in, struct wire_proposal *ret)
{
    enum err e = take_block(in, &ret->block, &ret->id);
    if (e != OK)
        return e;
    ret->just_len = wire_take_u32(in);
    if (!in->bad && ret->just_len > JUST_BYTES_MAX)
        return ERR_LIMIT;
    ret->just = wire_take_span(in, ret->just_len);
    wire_take_bytes(in, ret->signature, SIGN_BYTES);
    if (in->bad)
        return ERR_SYNTAX;
    return just_matches(ret) ? OK : ERR_CRYPTO;
}

enum err wire_proposal_parse(const uint8_t *bytes, size_t len, struct wire_proposal *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_proposal p;
    memset(&p, 0, sizeof(p));
    enum err e = wire_proposal_take(&in, &p);
    if (e == OK && in.left > 0)
        e = ERR_SYNTAX;
    if (e == OK)
        *ret = p;
    return e;
}

size_t wire_proposal_text(const struct wire_scope *s, uint64_t view, const struct core_id *id,
                          uint8_t ret[WIRE_SIGNED_MAX])
{
    struct wire_out o = wire_out_at(ret, WIRE_SIGNED_MAX);
    wire_signed_head(&o, "ledger-proposal/1", s->genesis, s->chain);
    wire_put_u32(&o, s->epoch);
    wire_put_u64(&o, view);
    wire_put_bytes(&o, id->bytes, sizeof(id->bytes));
    return WIRE_SIGNED_MAX - o.left;
}

void wire_proposal_sign(const struct wire_scope *s, const struct sign_key *key,
                        struct wire_proposal *p)
{
    uint8_t text[WIRE_SIGNED_MAX];
    sign_detached(key, text, wire_proposal_text(s, p->block.view, &p->id, text), p->signature);
}

bool wire_proposal_verify(const struct wire_scope *s, const struct wire_proposal *p,
                          uint16_t leader)
{
    uint8_t text[WIRE_SIGNED_MAX];
    if (leader >= s->n || p->block.chain != s->chain || p->block.epoch != s->epoch)
        return false;
    return sign_verify(s->vote_key[leader], text,
                       wire_proposal_text(s, p->block.view, &p->id, text), p->signature);
}
