/* HPKE base mode (RFC 9180): DHKEM(X25519, HKDF-SHA256) 0x0020, HKDF-SHA256 0x0001,
 * ChaCha20-Poly1305 0x0003; single shot, sequence number 0. Thread-safe. */
#ifndef CAIRN_CRYPTO_HPKE_H
#define CAIRN_CRYPTO_HPKE_H

#include "server/crypto/keys.h"

#define HPKE_ENC_BYTES 32
#define HPKE_TAG_BYTES 16

#define HPKE_PLAIN_MAX (1u << 30) /* longer is refused with ERR_LIMIT */

/* ret_ct has len + HPKE_TAG_BYTES bytes and must not overlap plain. Fails with ERR_CRYPTO for a
 * low-order recipient key. */
enum err hpke_seal(const uint8_t recipient[BOX_PUBLIC_BYTES], const void *info, size_t info_len,
                   const void *aad, size_t aad_len, const void *plain, size_t len,
                   uint8_t ret_enc[HPKE_ENC_BYTES], uint8_t *ret_ct) MUST_USE;
/* The same with a given ephemeral key pair, for reproducible test vectors only: two messages sealed
 * with one ephemeral key to one recipient and one info would share key and nonce. */
enum err hpke_seal_with(const struct box_key *ephemeral, const uint8_t recipient[BOX_PUBLIC_BYTES],
                        const void *info, size_t info_len, const void *aad, size_t aad_len,
                        const void *plain, size_t len, uint8_t ret_enc[HPKE_ENC_BYTES],
                        uint8_t *ret_ct) MUST_USE;
/* ct_len >= HPKE_TAG_BYTES, else ERR_CRYPTO; ret_plain has ct_len - HPKE_TAG_BYTES bytes, wiped on
 * failure. */
enum err hpke_open(const struct box_key *recipient, const uint8_t enc[HPKE_ENC_BYTES],
                   const void *info, size_t info_len, const void *aad, size_t aad_len,
                   const uint8_t *ct, size_t ct_len, uint8_t *ret_plain) MUST_USE;

#endif
