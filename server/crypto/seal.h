/* One encrypted stream in authenticated chunks: libsodium's secretstream, XChaCha20-Poly1305
 * (https://doc.libsodium.org/secret-key_cryptography/secretstream). Chunks can be neither
 * reordered, dropped, repeated nor cut off behind: the chunk nonce counts, each tag feeds the next
 * nonce, and the last chunk alone carries the tag FINAL. The other two tags of libsodium (PUSH,
 * REKEY) are refused. A stream belongs to one thread. */
#ifndef CAIRN_CRYPTO_SEAL_H
#define CAIRN_CRYPTO_SEAL_H

#include "server/base/err.h"

#define SEAL_KEY_BYTES 32
#define SEAL_HEADER_BYTES 24
#define SEAL_OVERHEAD 17 /* bytes that a chunk is longer than its plaintext */

/* Hides libsodium's state; plain memory that holds key material: wipe it with seal_wipe. */
struct seal {
    _Alignas(16) uint8_t state[64];
};

/* Starts a stream for writing under a fresh random header. */
void seal_begin(struct seal *s, const uint8_t key[SEAL_KEY_BYTES],
                uint8_t ret_header[SEAL_HEADER_BYTES]);
/* Starts a stream at a given header: for reading, and for writing reproducible test vectors.
 * Writing twice under one key and one header would repeat the key stream. */
void seal_resume(struct seal *s, const uint8_t key[SEAL_KEY_BYTES],
                 const uint8_t header[SEAL_HEADER_BYTES]);
void seal_wipe(struct seal *s);

/* ret has len + SEAL_OVERHEAD bytes and must not overlap plain; len <= 2^30. */
void seal_push(struct seal *s, const void *plain, size_t len, const void *aad, size_t aad_len,
               bool final, uint8_t *ret);
/* ret has len - SEAL_OVERHEAD bytes and is wiped on failure. ERR_CRYPTO if the chunk does not
 * verify, or if it is tagged FINAL and final is false, or the other way round. The stream is of no
 * use afterwards. */
enum err seal_pull(struct seal *s, const uint8_t *chunk, size_t len, const void *aad,
                   size_t aad_len, bool final, uint8_t *ret) MUST_USE;

#endif
