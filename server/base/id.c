#include "server/base/id.h"

#include "server/base/text.h"

#include <string.h>

void id_text(const struct id *id, char ret[ID_TEXT_SIZE])
{
    char hex[HEX_SIZE(ID_BYTES)];
    hex_encode(id->bytes, ID_BYTES, hex);
    size_t out = 0;
    for (size_t i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            ret[out++] = '-';
        ret[out++] = hex[i];
    }
    ret[out] = '\0';
}

bool id_parse(const char *text, struct id *ret)
{
    if (strnlen(text, ID_TEXT_SIZE) != ID_TEXT_SIZE - 1)
        return false;
    char hex[32];
    size_t out = 0;
    for (size_t i = 0; i < ID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash != (text[i] == '-'))
            return false;
        if (!dash)
            hex[out++] = text[i];
    }
    struct id id;
    if (!hex_decode(hex, sizeof(hex), id.bytes, ID_BYTES))
        return false;
    int version = id.bytes[6] >> 4;
    if (version < 1 || version > 8 || id.bytes[8] >> 6 != 2)
        return false;
    *ret = id;
    return true;
}

bool id_equal(const struct id *a, const struct id *b)
{
    return memcmp(a->bytes, b->bytes, ID_BYTES) == 0;
}

static struct id mark(struct id id, int version)
{
    id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | version << 4);
    id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
    return id;
}

struct id id_from_hash(const uint8_t hash[ID_BYTES])
{
    struct id id;
    memcpy(id.bytes, hash, ID_BYTES);
    return mark(id, 8);
}

struct id id_v7(int64_t now_us, const uint8_t random[10])
{
    struct id id;
    uint64_t ms = (uint64_t)(now_us / 1000);
    for (int i = 0; i < 6; i++)
        id.bytes[i] = (uint8_t)(ms >> (40 - 8 * i));
    memcpy(id.bytes + 6, random, 10);
    return mark(id, 7);
}
