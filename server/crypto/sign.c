#include "server/crypto/sign.h"

#include <assert.h>
#include <sodium.h>

static_assert(SIGN_PUBLIC_BYTES == crypto_sign_ed25519_PUBLICKEYBYTES, "public key");
static_assert(SIGN_SEED_BYTES == crypto_sign_ed25519_SEEDBYTES, "seed");
static_assert(SIGN_BYTES == crypto_sign_ed25519_BYTES, "signature");
static_assert(sizeof(((struct sign_key *)0)->secret) == crypto_sign_ed25519_SECRETKEYBYTES,
              "secret");

void sign_key_from_seed(const uint8_t seed[SIGN_SEED_BYTES], struct sign_key *ret)
{
    int failed = crypto_sign_ed25519_seed_keypair(ret->public, ret->secret, seed);
    assert(failed == 0);
}

void sign_key_wipe(struct sign_key *k)
{
    sodium_memzero(k, sizeof(*k));
}

void sign_detached(const struct sign_key *k, const void *message, size_t len,
                   uint8_t ret[SIGN_BYTES])
{
    int failed = crypto_sign_ed25519_detached(ret, NULL, message, len, k->secret);
    assert(failed == 0);
}

bool sign_verify(const uint8_t public_key[SIGN_PUBLIC_BYTES], const void *message, size_t len,
                 const uint8_t signature[SIGN_BYTES])
{
    return crypto_sign_ed25519_verify_detached(signature, message, len, public_key) == 0;
}
