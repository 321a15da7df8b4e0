/* Hashes and key derivation. SHA-256 (FIPS 180-4) comes from OpenSSL, because the Merkle tree
 * hashes 65 bytes at a time and OpenSSL uses the processor's SHA instructions; HMAC (RFC 2104) and
 * HKDF (RFC 5869) stand on it; BLAKE2b (RFC 7693) comes from libsodium. Nothing here allocates or
 * can fail: a library call that refuses aborts. Thread-safe after crypto_setup(). */
#ifndef CAIRN_CRYPTO_HASH_H
#define CAIRN_CRYPTO_HASH_H

#include "server/base/err.h"

#define HASH_BYTES 32

/* Once per process, before any thread: starts libsodium; aborts if that fails. */
void crypto_setup(void);
/* The system's secure generator. */
void random_bytes(void *ret, size_t len);
/* Constant-time comparison of secrets and tags. */
bool bytes_equal(const void *a, const void *b, size_t len);
/* Wipes, and is not optimised away. */
void bytes_wipe(void *p, size_t len);

void sha256(const void *bytes, size_t len, uint8_t ret[HASH_BYTES]);
/* SHA-256(a || b). */
void sha256_two(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t ret[HASH_BYTES]);
void hmac_sha256(const uint8_t *key, size_t key_len, const void *bytes, size_t len,
                 uint8_t ret[HASH_BYTES]);

/* The same over the concatenation of n parts, so that nobody has to copy them together first. */
struct part {
    const void *bytes;
    size_t len;
};
void hmac_sha256_parts(const uint8_t *key, size_t key_len, const struct part *parts, size_t n,
                       uint8_t ret[HASH_BYTES]);

/* BLAKE2b-256, keyed when key is not NULL (key_len 16..64). */
void blake2b_256(const void *bytes, size_t len, const uint8_t *key, size_t key_len,
                 uint8_t ret[HASH_BYTES]);
/* The same, piece by piece; the struct is plain memory. */
struct blake2b {
    _Alignas(64) uint8_t state[384];
};
void blake2b_init(struct blake2b *h, const uint8_t *key, size_t key_len);
void blake2b_add(struct blake2b *h, const void *bytes, size_t len);
void blake2b_finish(struct blake2b *h, uint8_t ret[HASH_BYTES]);

/* HKDF-SHA256 extract and expand; ret_len <= 255 * 32. salt may be NULL. */
void hkdf_sha256(const uint8_t *secret, size_t secret_len, const uint8_t *salt, size_t salt_len,
                 const void *info, size_t info_len, uint8_t *ret, size_t ret_len);

#endif
