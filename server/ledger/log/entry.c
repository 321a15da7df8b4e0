#include "server/ledger/log/entry.h"

#include "server/base/json.h"

#include <assert.h>

#define PREFIX_BYTES 8
#define STATEMENT_LEAST 2 /* "{}" */

static const char anchor_prefix[] = "anchor/1";
static const char public_prefix[] = "public/1";

static void put_head(const char *prefix, uint16_t member, uint64_t sequence,
                     uint8_t ret[ENTRY_HEAD_BYTES])
{
    assert(sequence >= 1);
    memcpy(ret, prefix, PREFIX_BYTES);
    ret[8] = (uint8_t)(member >> 8);
    ret[9] = (uint8_t)member;
    for (unsigned i = 0; i < 8; i++)
        ret[10 + i] = (uint8_t)(sequence >> (56 - 8 * i));
}

void entry_anchor(uint16_t member, uint64_t sequence, const uint8_t salt[SALT_BYTES],
                  const void *statement, size_t len, uint8_t ret[ENTRY_ANCHOR_BYTES])
{
    put_head(anchor_prefix, member, sequence, ret);
    sha256_two(salt, SALT_BYTES, statement, len, ret + ENTRY_HEAD_BYTES);
}

/* A statement is a JSON object in canonical form: anything else in the log could be read by two
 * programs as two different things. */
static bool is_statement(const void *bytes, size_t len)
{
    return len >= STATEMENT_LEAST && ((const char *)bytes)[0] == '{' &&
           json_is_canonical(bytes, len);
}

enum err entry_public(uint16_t member, uint64_t sequence, const void *statement, size_t len,
                      struct buf *ret)
{
    if (len > ENTRY_MAX - ENTRY_HEAD_BYTES || ENTRY_HEAD_BYTES + len > ret->max - ret->len)
        return ERR_LIMIT;
    if (!is_statement(statement, len))
        return ERR_STATEMENT_FORM;
    uint8_t *at = buf_reserve(ret, ENTRY_HEAD_BYTES + len);
    if (at == NULL)
        return ERR_NO_MEMORY;
    put_head(public_prefix, member, sequence, at);
    memcpy(at + ENTRY_HEAD_BYTES, statement, len);
    ret->len += ENTRY_HEAD_BYTES + len;
    ret->data[ret->len] = 0;
    return OK;
}

enum err entry_parse(const uint8_t *bytes, size_t len, struct entry_head *ret)
{
    if (len < ENTRY_HEAD_BYTES + STATEMENT_LEAST || len > ENTRY_MAX)
        return ERR_SYNTAX;
    struct entry_head head = {
        .is_public = memcmp(bytes, public_prefix, PREFIX_BYTES) == 0,
        .member = (uint16_t)(bytes[8] << 8 | bytes[9]),
        .rest = bytes + ENTRY_HEAD_BYTES,
        .rest_len = len - ENTRY_HEAD_BYTES,
    };
    for (unsigned i = 0; i < 8; i++)
        head.sequence = head.sequence << 8 | bytes[10 + i];
    if (head.sequence == 0)
        return ERR_SYNTAX;
    if (head.is_public) {
        if (!is_statement(head.rest, head.rest_len))
            return ERR_STATEMENT_FORM;
    } else if (len != ENTRY_ANCHOR_BYTES || memcmp(bytes, anchor_prefix, PREFIX_BYTES) != 0) {
        return ERR_SYNTAX;
    }
    *ret = head;
    return OK;
}

enum err entry_verify(const uint8_t *bytes, size_t len, const uint8_t *salt, const void *statement,
                      size_t statement_len)
{
    struct entry_head head;
    enum err e = entry_parse(bytes, len, &head);
    if (e != OK)
        return e;
    if (head.is_public)
        return head.rest_len == statement_len && memcmp(head.rest, statement, statement_len) == 0
                   ? OK
                   : ERR_CRYPTO;
    uint8_t commitment[HASH_BYTES];
    if (salt == NULL)
        return ERR_CRYPTO;
    sha256_two(salt, SALT_BYTES, statement, statement_len, commitment);
    return bytes_equal(commitment, head.rest, HASH_BYTES) ? OK : ERR_CRYPTO;
}

const char *chain_name(enum chain c)
{
    assert(c == CHAIN_ACCOUNT || c == CHAIN_TX);
    return c == CHAIN_ACCOUNT ? "account" : "tx";
}

bool chain_parse(const char *name, enum chain *ret)
{
    if (strcmp(name, "account") == 0)
        *ret = CHAIN_ACCOUNT;
    else if (strcmp(name, "tx") == 0)
        *ret = CHAIN_TX;
    else
        return false;
    return true;
}
