/* Salt keys: 32 random bytes per person in one file of fixed slots outside PostgreSQL, because
 * deleted rows survive in pages and WAL. A person's salts all derive from the key, so overwriting
 * one slot makes every anchor of that person meaningless, while all other proofs still verify
 * (DESIGN section 9). slot = "CKEY" || slot number u64 BE || key[32] || SHA-256 of these, first 20
 * bytes = 64 bytes salt(chain, sequence) = HMAC-SHA256(key, "cairn/v1/salt" || chain u8 || sequence
 * u64 BE) Slot 0 is the member's own. Thread-safe; several processes may share the file. */
#ifndef CAIRN_LEDGER_SUBJECTS_H
#define CAIRN_LEDGER_SUBJECTS_H

#include "server/ledger/log/entry.h"

struct subjects;

enum err subjects_open(const char *path, struct subjects **ret) MUST_USE;
void subjects_close(struct subjects *s);
/* Makes sure the slot holds a key, durably; an existing key stays. */
enum err subjects_create(struct subjects *s, int64_t slot) MUST_USE;
/* ERR_NOT_FOUND if the slot was never made or its key was destroyed, ERR_SYNTAX if it is damaged.
 */
enum err subjects_salt(struct subjects *s, int64_t slot, enum chain chain, uint64_t sequence,
                       uint8_t ret[SALT_BYTES]) MUST_USE;

#endif
