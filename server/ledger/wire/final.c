#include "server/ledger/wire/final.h"

#include "server/ledger/wire/bytes.h"

enum err wire_final_print(const struct wire_proposal *p, const struct wire_cert *cert,
                          struct buf *ret)
{
    size_t before = ret->len;
    if (cert != NULL && cert->kind != CORE_F)
        return ERR_SYNTAX;
    enum err e = wire_proposal_print(p, ret);
    if (e == OK && cert != NULL)
        e = wire_cert_print(cert, ret);
    if (e != OK)
        wire_out_undo(ret, before);
    return e;
}

enum err wire_final_parse(const uint8_t *bytes, size_t len, struct wire_proposal *ret,
                          struct wire_cert *ret_cert, bool *ret_has_cert)
{
    struct wire_in in = { .at = bytes, .left = len };
    struct wire_proposal p;
    struct wire_cert c;
    memset(&p, 0, sizeof(p));
    enum err e = wire_proposal_take(&in, &p);
    if (e != OK)
        return e;
    bool has_cert = in.left > 0;
    if (has_cert) {
        size_t used = 0;
        e = wire_cert_parse(in.at, in.left, &c, &used);
        if (e == OK && (used != in.left || c.kind != CORE_F))
            e = ERR_SYNTAX;
        if (e != OK)
            return e;
        *ret_cert = c;
    }
    *ret = p;
    *ret_has_cert = has_cert;
    return OK;
}
