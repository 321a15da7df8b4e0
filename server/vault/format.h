/* The vault format, suite 1 (docs/vault.md; final). One version of a record is one envelope:
 *
 *   offset  size  field
 *        0     7  "CAIRNVT"
 *        7     1  suite, 0x01
 *        8    16  record id
 *       24     4  version, big endian, >= 1
 *       28    32  schema hash: SHA-256 of the schema name, e.g. "cairn-timeline/1"
 *       60    32  owner: Ed25519 public key under which the owner acts here
 *       92    32  key commitment: BLAKE2b-256(key = DEK, "cairn/kc/v1" || AAD)
 *      124    24  secretstream header
 *      148     -  chunks of 65536 + 17 bytes, the last one shorter (never empty), tagged FINAL
 *
 * AAD = the first 92 bytes, given to every chunk. Plaintext = content length (u64 BE) || content ||
 * zeroes up to the Padme length (Nikitin et al. 2019, PURBs) of 8 + content length, at least 256.
 * Every envelope that opens could have been written by vault_seal: there is no second encoding.
 * Cipher: crypto_secretstream_xchacha20poly1305 under a fresh 32-byte data key (DEK). The
 * commitment is checked before the first chunk is opened. Content commitment (goes into
 * statements): BLAKE2b-256(key = HKDF-SHA256(DEK, "cairn/v1/content"), content).
 * Pure, thread-safe. */
#ifndef CAIRN_VAULT_FORMAT_H
#define CAIRN_VAULT_FORMAT_H

#include "server/base/buf.h"
#include "server/crypto/hash.h"
#include "server/crypto/hpke.h"
#include "server/crypto/seal.h"

#define VAULT_SUITE 1
#define VAULT_HEAD_BYTES 148
#define VAULT_AAD_BYTES 92
#define VAULT_CHUNK_BYTES 65536
#define VAULT_CHUNK_OVERHEAD SEAL_OVERHEAD
#define VAULT_PADDED_MIN 256           /* least bytes of plaintext in an envelope */
#define VAULT_CONTENT_MAX (8u << 20)   /* bytes of content in one version */
#define VAULT_ENVELOPE_MAX (10u << 20) /* bytes of ciphertext in one version */
#define DEK_BYTES SEAL_KEY_BYTES
#define WRAP_BYTES (HPKE_ENC_BYTES + DEK_BYTES + HPKE_TAG_BYTES) /* enc || ct = 80 */

struct vault_subject {
    struct id record;
    uint32_t version;
    uint8_t schema_hash[HASH_BYTES];
    uint8_t owner[SIGN_PUBLIC_BYTES];
};

/* What a server may know of an envelope; it goes into the signed manifest. */
struct vault_manifest {
    int64_t size;                        /* bytes of the envelope */
    uint8_t ciphertext_hash[HASH_BYTES]; /* BLAKE2b-256 of the whole envelope */
    uint8_t key_commitment[HASH_BYTES];
    uint8_t content_commitment[HASH_BYTES];
};

void vault_schema_hash(const char *schema, uint8_t ret[HASH_BYTES]);
/* Padme length of len <= 2^62: at most 12 % more, never less, and a fixed point of itself. */
uint64_t vault_padded(uint64_t len);
void vault_content_commitment(const uint8_t dek[DEK_BYTES], const void *content, size_t len,
                              uint8_t ret[HASH_BYTES]);

/* Seals content under dek; appends the envelope to ret. stream_header is NULL outside of tests,
 * which gives a fresh random secretstream header; with it (24 bytes) the header is fixed, so that
 * vectors are reproducible. One dek seals one version once. ERR_FIELD_RANGE for version 0,
 * ERR_LIMIT if content exceeds VAULT_CONTENT_MAX or ret has no room; ret is left alone then. */
enum err vault_seal(const struct vault_subject *subject, const uint8_t dek[DEK_BYTES],
                    const void *content, size_t len, const uint8_t *stream_header, struct buf *ret,
                    struct vault_manifest *ret_manifest) MUST_USE;
/* Opens an envelope and appends the content to ret. Everything in expected is compared; ERR_CRYPTO
 * if anything differs or the envelope is malformed, ERR_LIMIT or ERR_NO_MEMORY if ret has no room.
 * On failure ret has its old length and what was decrypted is wiped. ret->data holds plaintext
 * afterwards: the caller ends it with buf_release_secret. */
enum err vault_open(const struct vault_subject *expected, const uint8_t dek[DEK_BYTES],
                    const uint8_t *envelope, size_t len, struct buf *ret) MUST_USE;
/* Reads the subject and key commitment from an envelope's head without any key, and checks what can
 * be checked so: magic, suite, version >= 1, and a length that vault_seal can produce, so that a
 * careless client cannot give away the true length of its content. ERR_SYNTAX if one of these is
 * wrong. */
enum err vault_peek(const uint8_t *envelope, size_t len, struct vault_subject *ret,
                    uint8_t ret_commitment[HASH_BYTES]) MUST_USE;

/* Data-key wrap: HPKE with info = "cairn/wrap/v1" || context_hash, aad empty, plaintext = DEK;
 * wrap bytes = enc || ct. context_hash = SHA-256 of the grant's canonical bytes; for the owner's
 * own wrap it is SHA-256 of AAD of the envelope. ERR_CRYPTO for a recipient key of low order, and
 * for a wrap that was not made for this recipient and context; ret_dek is wiped then. */
enum err vault_wrap(const uint8_t recipient[BOX_PUBLIC_BYTES],
                    const uint8_t context_hash[HASH_BYTES], const uint8_t dek[DEK_BYTES],
                    uint8_t ret[WRAP_BYTES]) MUST_USE;
enum err vault_unwrap(const struct box_key *recipient, const uint8_t context_hash[HASH_BYTES],
                      const uint8_t wrap[WRAP_BYTES], uint8_t ret_dek[DEK_BYTES]) MUST_USE;

#endif
