#include "server/ledger/wire/bytes.h"

#define LABEL "ledger-block/1"
#define TIP_BYTES (8 + 8 + 32 + HASH_BYTES)
#define BLOCK_HEAD_BYTES                                                                           \
    (sizeof(LABEL) - 1 + 1 + 4 + 3 * 8 + 32 + 8 + 8 + HASH_BYTES + TIP_BYTES + 2 * HASH_BYTES + 2)
#define BLOCK_BYTES_MAX (BLOCK_HEAD_BYTES + WIRE_BATCHES_MAX * WIRE_REF_BYTES)

static enum err block_check(const struct wire_block *b)
{
    if (b->n_batches > WIRE_BATCHES_MAX)
        return ERR_LIMIT;
    if (!wire_chain_valid(b->chain) || b->epoch == 0 || b->height == 0 ||
        b->view <= b->parent_view || b->tree_size > MERKLE_SIZE_MAX ||
        b->other.size > MERKLE_SIZE_MAX)
        return ERR_SYNTAX;
    for (unsigned i = 0; i < b->n_batches; i++) {
        if (!wire_ref_valid(&b->batch[i]))
            return ERR_SYNTAX;
    }
    return OK;
}

static void put_block(struct wire_out *o, const struct wire_block *b)
{
    wire_put_bytes(o, LABEL, sizeof(LABEL) - 1);
    wire_put_u8(o, (uint8_t)b->chain);
    wire_put_u32(o, b->epoch);
    wire_put_u64(o, b->view);
    wire_put_u64(o, b->height);
    wire_put_u64(o, b->parent_view);
    wire_put_bytes(o, b->parent.bytes, sizeof(b->parent.bytes));
    wire_put_u64(o, b->time);
    wire_put_u64(o, b->tree_size);
    wire_put_bytes(o, b->tree_root.bytes, HASH_BYTES);
    wire_put_u64(o, b->other.height);
    wire_put_u64(o, b->other.size);
    wire_put_bytes(o, b->other.id.bytes, sizeof(b->other.id.bytes));
    wire_put_bytes(o, b->other.root.bytes, HASH_BYTES);
    wire_put_bytes(o, b->config_hash, HASH_BYTES);
    wire_put_bytes(o, b->just_hash, HASH_BYTES);
    wire_put_u16(o, b->n_batches);
    for (unsigned i = 0; i < b->n_batches; i++)
        wire_put_ref(o, &b->batch[i]);
}

enum err wire_block_print(const struct wire_block *b, struct buf *ret)
{
    struct wire_out o;
    enum err e = block_check(b);
    if (e == OK)
        e = wire_out_begin(ret, BLOCK_HEAD_BYTES + (size_t)b->n_batches * WIRE_REF_BYTES, &o);
    if (e != OK)
        return e;
    put_block(&o, b);
    wire_out_end(ret, &o);
    return OK;
}

static void take_head(struct wire_in *in, struct wire_block *ret)
{
    wire_take_label(in, LABEL);
    ret->chain = wire_take_chain(in);
    ret->epoch = wire_take_u32(in);
    ret->view = wire_take_u64(in);
    ret->height = wire_take_u64(in);
    ret->parent_view = wire_take_u64(in);
    wire_take_bytes(in, ret->parent.bytes, sizeof(ret->parent.bytes));
    ret->time = wire_take_u64(in);
    ret->tree_size = wire_take_u64(in);
    wire_take_bytes(in, ret->tree_root.bytes, HASH_BYTES);
    ret->other.height = wire_take_u64(in);
    ret->other.size = wire_take_u64(in);
    wire_take_bytes(in, ret->other.id.bytes, sizeof(ret->other.id.bytes));
    wire_take_bytes(in, ret->other.root.bytes, HASH_BYTES);
    wire_take_bytes(in, ret->config_hash, HASH_BYTES);
    wire_take_bytes(in, ret->just_hash, HASH_BYTES);
    ret->n_batches = wire_take_u16(in);
}

enum err wire_block_parse(const uint8_t *bytes, size_t len, struct wire_block *ret,
                          size_t *ret_used)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_block b;
    memset(&b, 0, sizeof(b));
    take_head(&in, &b);
    if (in.bad)
        return ERR_SYNTAX;
    if (b.n_batches > WIRE_BATCHES_MAX)
        return ERR_LIMIT;
    for (unsigned i = 0; i < b.n_batches && !in.bad; i++)
        wire_take_ref(&in, &b.batch[i]);
    enum err e = in.bad ? ERR_SYNTAX : block_check(&b);
    if (e != OK)
        return e;
    *ret = b;
    *ret_used = len - in.left;
    return OK;
}

enum err wire_block_id(const struct wire_block *b, struct core_id *ret)
{
    uint8_t bytes[BLOCK_BYTES_MAX];
    struct wire_out o = { .at = bytes, .left = sizeof(bytes) };
    enum err e = block_check(b);
    if (e != OK)
        return e;
    put_block(&o, b);
    sha256(bytes, sizeof(bytes) - o.left, ret->bytes);
    return OK;
}

void wire_block_core(const struct wire_block *b, const struct core_id *id, struct core_block *ret)
{
    *ret = (struct core_block){
        .id = *id,
        .parent = b->parent,
        .view = b->view,
        .parent_view = b->parent_view,
        .height = b->height,
    };
}
