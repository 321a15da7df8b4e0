/* Ed25519 (RFC 8032) with strict verification: libsodium refuses S >= L, small-order and
 * non-canonical keys. Thread-safe after crypto_setup(). */
#ifndef CAIRN_CRYPTO_SIGN_H
#define CAIRN_CRYPTO_SIGN_H

#include "server/base/err.h"

#define SIGN_PUBLIC_BYTES 32
#define SIGN_SEED_BYTES 32
#define SIGN_BYTES 64

struct sign_key {
    uint8_t public[SIGN_PUBLIC_BYTES];
    uint8_t secret[64]; /* libsodium form: seed || public; wipe with sign_key_wipe */
};

void sign_key_from_seed(const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret);
void sign_key_wipe(struct sign_key *k);
void sign_detached(const struct sign_key *k, const void *message, size_t len,
                   uint8_t ret[SIGN_BYTES]);
bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *message, size_t len,
                 const uint8_t signature[SIGN_BYTES]) MUST_USE;

#endif
