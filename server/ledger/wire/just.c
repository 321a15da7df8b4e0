#include "server/ledger/wire/bytes.h"

enum err wire_just_open(const uint8_t *just, size_t len, struct wire_just_reader *ret)
{
    struct wire_just_reader r = { .in = { .at = just, .left = len } };
    r.left = wire_take_u16(&r.in);
    if (r.in.bad)
        return ERR_SYNTAX;
    if (r.left > WIRE_JUST_CERTS_MAX)
        return ERR_LIMIT;
    *ret = r;
    return OK;
}

enum err wire_just_next(struct wire_just_reader *r, struct wire_cert *ret)
{
    size_t used = 0;
    if (r->left == 0)
        return ERR_SYNTAX;
    enum err e = wire_cert_parse(r->in.at, r->in.left, ret, &used);
    if (e != OK)
        return e;
    (void)wire_take_span(&r->in, used);
    r->left--;
    return OK;
}

/* Rule "just" of ledger.md 4.1: certificate number i of the justification of b is the parent's, N
 * or F, or skips the view that comes next; so each view from the parent's to the one before b's has
 * exactly one. */
static bool is_due(const struct wire_block *b, unsigned i, const struct wire_cert *c)
{
    bool has_parent = b->parent_view > 0;
    if (has_parent && i == 0)
        return c->kind != CORE_S && c->view == b->parent_view && core_id_equal(&c->id, &b->parent);
    return c->kind == CORE_S && c->view == b->parent_view + i + (has_parent ? 0 : 1);
}

static enum err check_all(const struct wire_scope *s, const struct wire_block *b,
                          struct wire_just_reader r)
{
    for (unsigned i = 0; r.left > 0; i++) {
        struct wire_cert c;
        enum err e = wire_just_next(&r, &c);
        if (e != OK)
            return e;
        if (!is_due(b, i, &c) || wire_cert_verify(s, &c) != OK)
            return ERR_CRYPTO;
    }
    return r.in.left == 0 ? OK : ERR_SYNTAX;
}

enum err wire_just_verify(const struct wire_scope *s, const struct wire_block *b,
                          const uint8_t *just, size_t len,
                          void (*fn)(void *arg, const struct wire_cert *c), void *arg)
{
    struct wire_just_reader r;
    uint8_t hash[HASH_BYTES];
    sha256(just, len, hash);
    if (b->chain != s->chain || b->epoch != s->epoch || b->view <= b->parent_view ||
        !bytes_equal(hash, b->just_hash, HASH_BYTES))
        return ERR_CRYPTO;
    enum err e = wire_just_open(just, len, &r);
    if (e != OK)
        return e;
    /* One for the parent (the epoch's genesis needs none) and one for each view skipped. */
    if (r.left != b->view - b->parent_view - (b->parent_view > 0 ? 0 : 1))
        return ERR_CRYPTO;
    e = check_all(s, b, r);
    while (e == OK && fn != NULL && r.left > 0) {
        struct wire_cert c;
        e = wire_just_next(&r, &c);
        if (e == OK)
            fn(arg, &c);
    }
    return e;
}
