/* The bytes of ledger entries (DESIGN section 9), big endian:
 *   private: "anchor/1" || member u16 || sequence u64 || SHA-256(salt[32] || canonical statement)
 * = 50 bytes public:  "public/1" || member u16 || sequence u64 || canonical JSON statement The
 * sequence starts at 1. The statement of a public entry must be a canonical JSON object; that of a
 * private one is only hashed. Pure; a public entry's statement is parsed, which allocates. */
#ifndef CAIRN_LEDGER_ENTRY_H
#define CAIRN_LEDGER_ENTRY_H

#include "server/base/buf.h"
#include "server/crypto/hash.h"

#define ENTRY_HEAD_BYTES 18
#define ENTRY_ANCHOR_BYTES 50
#define ENTRY_MAX 65535 /* tlog-tiles bundles carry u16 lengths */
#define SALT_BYTES 32

enum chain { CHAIN_ACCOUNT = 1, CHAIN_TX = 2 };

struct entry_head {
    bool is_public;
    uint16_t member;
    uint64_t sequence;
    const uint8_t *rest; /* commitment (32 bytes) or canonical JSON; borrowed */
    size_t rest_len;
};

void entry_anchor(uint16_t member, uint64_t sequence, const uint8_t salt[SALT_BYTES],
                  const void *statement, size_t len, uint8_t ret[ENTRY_ANCHOR_BYTES]);
/* ERR_STATEMENT_FORM if the statement is not canonical, ERR_LIMIT if the entry exceeds ENTRY_MAX.
 */
enum err entry_public(uint16_t member, uint64_t sequence, const void *statement, size_t len,
                      struct buf *ret) MUST_USE;
/* ERR_SYNTAX, or ERR_STATEMENT_FORM for a public entry without a canonical object. */
enum err entry_parse(const uint8_t *bytes, size_t len, struct entry_head *ret) MUST_USE;
/* ERR_CRYPTO unless the entry commits to this statement. salt is ignored for a public entry; for a
 * private one it is SALT_BYTES, and NULL is refused. */
enum err entry_verify(const uint8_t *bytes, size_t len, const uint8_t *salt, const void *statement,
                      size_t statement_len) MUST_USE;
const char *chain_name(enum chain c); /* "account", "tx" */
bool chain_parse(const char *name, enum chain *ret);

#endif
