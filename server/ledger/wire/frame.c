#include "server/ledger/wire/bytes.h"

#define FRAME_HEAD_BYTES (1 + 4)

static bool frame_fits(uint8_t type, size_t len)
{
    return type >= WIRE_VOTE && type <= WIRE_FINAL && len >= 1 &&
           len <= WIRE_FRAME_MAX - FRAME_HEAD_BYTES;
}

enum err wire_frame_add(uint8_t type, const void *payload, size_t len, struct buf *ret)
{
    struct wire_out o;
    if (len > WIRE_FRAME_MAX - FRAME_HEAD_BYTES)
        return ERR_LIMIT;
    if (!frame_fits(type, len))
        return ERR_SYNTAX;
    enum err e = wire_out_begin(ret, FRAME_HEAD_BYTES + len, &o);
    if (e != OK)
        return e;
    wire_put_u8(&o, type);
    wire_put_u32(&o, (uint32_t)len);
    wire_put_bytes(&o, payload, len);
    wire_out_end(ret, &o);
    return OK;
}

bool wire_frame_next(const uint8_t *bytes, size_t len, size_t *offset, uint8_t *ret_type,
                     const uint8_t **ret_payload, size_t *ret_len, bool *ret_bad)
{
    *ret_bad = false;
    if (*offset >= len)
        return false;
    struct wire_in in = { .at = bytes + *offset, .left = len - *offset };
    uint8_t type = wire_take_u8(&in);
    size_t payload_len = wire_take_u32(&in);
    const uint8_t *payload = wire_take_span(&in, payload_len);
    if (payload == NULL || !frame_fits(type, payload_len)) {
        *ret_bad = true;
        return false;
    }
    *offset = len - in.left;
    *ret_type = type;
    *ret_payload = payload;
    *ret_len = payload_len;
    return true;
}
