/* Ciphertext files, named by their BLAKE2b-256: DIR/blobs/ab/abcdef... A file appears under its
 * name only when it is whole and durable. Thread-safe; several processes may share the directory.
 */
#ifndef CAIRN_VAULT_BLOBS_H
#define CAIRN_VAULT_BLOBS_H

#include "server/base/err.h"
#include "server/crypto/hash.h"

#define BLOB_PATH_MAX 320

struct blobs;

enum err blobs_open(const char *data_dir, struct blobs **ret) MUST_USE;
void blobs_close(struct blobs *b);
/* Makes file (same file system) durable under its hash and renames it; an equal blob may be there.
 */
enum err blobs_put(struct blobs *b, const char *file, const uint8_t hash[HASH_BYTES]) MUST_USE;
void blobs_path(const struct blobs *b, const uint8_t hash[HASH_BYTES], char ret[BLOB_PATH_MAX]);

#endif
