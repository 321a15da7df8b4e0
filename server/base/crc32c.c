#include "server/base/crc32c.h"

#include <string.h>

/* The remainders of the sixteen half bytes for the reflected polynomial 0x82f63b78: small enough to
 * be checked by eye, fast enough for a machine that lacks the instruction. */
static const uint32_t half_bytes[16] = {
    0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1, 0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
    0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9, 0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
};

uint32_t crc32c_portable(const void *bytes, size_t len)
{
    const uint8_t *at = bytes;
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        crc = crc >> 4 ^ half_bytes[crc & 15];
        crc = crc >> 4 ^ half_bytes[crc & 15];
    }
    return ~crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
/* The instruction takes eight bytes, little endian, at a time. */
__attribute__((target("sse4.2"))) static uint32_t with_instruction(const uint8_t *at, size_t len)
{
    uint64_t crc = UINT32_MAX;
    for (; len >= 8; at += 8, len -= 8) {
        uint64_t eight;
        memcpy(&eight, at, 8);
        crc = __builtin_ia32_crc32di(crc, eight);
    }
    uint32_t rest = (uint32_t)crc;
    for (; len > 0; at++, len--)
        rest = __builtin_ia32_crc32qi(rest, *at);
    return ~rest;
}

uint32_t crc32c(const void *bytes, size_t len)
{
    return __builtin_cpu_supports("sse4.2") ? with_instruction(bytes, len)
                                            : crc32c_portable(bytes, len);
}
#else
uint32_t crc32c(const void *bytes, size_t len)
{
    return crc32c_portable(bytes, len);
}
#endif
