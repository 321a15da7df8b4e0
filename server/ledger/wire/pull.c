#include "server/ledger/wire/bytes.h"

/* Which fields a wish has; the others are zero on the wire. */
static bool needed(const struct wire_pull *p, struct wire_pull *ret)
{
    struct wire_pull q = { .chain = p->chain, .epoch = p->epoch, .want = p->want };
    switch (p->want) {
    case WIRE_WANT_CERT:
        q.kind = p->kind;
        q.view = p->view;
        break;
    case WIRE_WANT_BLOCK:
        q.view = p->view;
        q.id = p->id;
        break;
    case WIRE_WANT_BATCH:
        q.member = p->member;
        q.first = p->first;
        q.id = p->id;
        break;
    case WIRE_WANT_RANGE:
    case WIRE_WANT_NEWS:
        q.view = p->view;
        break;
    default:
        return false;
    }
    *ret = q;
    return true;
}

static bool pull_valid(const struct wire_pull *p)
{
    if (!wire_chain_valid(p->chain))
        return false;
    switch (p->want) {
    case WIRE_WANT_CERT:
        return p->kind >= CORE_N && p->kind <= CORE_F && p->view >= 1;
    case WIRE_WANT_BATCH:
        return p->member >= 1 && p->first >= 1;
    default:
        return true;
    }
}

static void put_pull(struct wire_out *o, const struct wire_pull *p)
{
    wire_put_u8(o, (uint8_t)p->chain);
    wire_put_u32(o, p->epoch);
    wire_put_u8(o, p->want);
    wire_put_u8(o, p->kind);
    wire_put_u16(o, p->member);
    wire_put_u64(o, p->view);
    wire_put_u64(o, p->first);
    wire_put_bytes(o, p->id.bytes, sizeof(p->id.bytes));
}

/* Fields that the wish does not have are left out, whatever they hold. */
enum err wire_pull_print(const struct wire_pull *p, struct buf *ret)
{
    struct wire_pull q;
    struct wire_out o;
    if (!needed(p, &q) || !pull_valid(&q))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, WIRE_PULL_BYTES, &o);
    if (e != OK)
        return e;
    put_pull(&o, &q);
    wire_out_end(ret, &o);
    return OK;
}

static bool same(const struct wire_pull *a, const struct wire_pull *b)
{
    return a->kind == b->kind && a->member == b->member && a->view == b->view &&
           a->first == b->first && core_id_equal(&a->id, &b->id);
}

enum err wire_pull_parse(const uint8_t *bytes, size_t len, struct wire_pull *ret)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_pull p = { .chain = wire_take_chain(&in) };
    struct wire_pull q;
    p.epoch = wire_take_u32(&in);
    p.want = wire_take_u8(&in);
    p.kind = wire_take_u8(&in);
    p.member = wire_take_u16(&in);
    p.view = wire_take_u64(&in);
    p.first = wire_take_u64(&in);
    wire_take_bytes(&in, p.id.bytes, sizeof(p.id.bytes));
    if (in.bad || in.left > 0 || !needed(&p, &q) || !same(&p, &q) || !pull_valid(&p))
        return ERR_SYNTAX;
    *ret = p;
    return OK;
}
