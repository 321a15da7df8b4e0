/* SHA256_Init and its like are marked deprecated in OpenSSL 3 in favour of EVP, which costs a
 * quarter more for 65 bytes and needs a context per thread (docs/keys.md has the figures). They
 * neither allocate nor fail and remain part of libcrypto 3; only this file turns the mark off. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/crypto/hash.h"

#include <assert.h>
#include <openssl/sha.h>
#include <sodium.h>
#include <string.h>

static_assert(HASH_BYTES == SHA256_DIGEST_LENGTH, "SHA-256");
static_assert(sizeof(struct blake2b) >= sizeof(crypto_generichash_state), "hides the state");
static_assert(_Alignof(struct blake2b) >= _Alignof(crypto_generichash_state), "aligned for it");

void crypto_setup(void)
{
    if (sodium_init() < 0)
        abort();
}

void random_bytes(void *ret, size_t len)
{
    randombytes_buf(ret, len);
}

bool bytes_equal(const void *a, const void *b, size_t len)
{
    return sodium_memcmp(a, b, len) == 0;
}

void bytes_wipe(void *p, size_t len)
{
    sodium_memzero(p, len);
}

void sha256(const void *bytes, size_t len, uint8_t ret[HASH_BYTES])
{
    sha256_two(bytes, len, NULL, 0, ret);
}

void sha256_two(const void *a, size_t a_len, const void *b, size_t b_len, uint8_t ret[HASH_BYTES])
{
    SHA256_CTX ctx;
    int done = SHA256_Init(&ctx);
    if (a_len > 0)
        done &= SHA256_Update(&ctx, a, a_len);
    if (b_len > 0)
        done &= SHA256_Update(&ctx, b, b_len);
    done &= SHA256_Final(ret, &ctx);
    assert(done == 1);
}

/* RFC 2104 over the same SHA-256: libsodium's HMAC does without the processor's SHA instructions
 * and takes five times as long for the short messages that salts and key derivation are. */
void hmac_sha256_parts(const uint8_t *key, size_t key_len, const struct part *parts, size_t n,
                       uint8_t ret[HASH_BYTES])
{
    uint8_t block[SHA256_CBLOCK] = { 0 };
    uint8_t inner[HASH_BYTES];
    SHA256_CTX ctx;
    if (key_len > sizeof(block))
        sha256(key, key_len, block);
    else if (key_len > 0)
        memcpy(block, key, key_len);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36;
    int done = SHA256_Init(&ctx);
    done &= SHA256_Update(&ctx, block, sizeof(block));
    for (size_t i = 0; i < n; i++) {
        if (parts[i].len > 0)
            done &= SHA256_Update(&ctx, parts[i].bytes, parts[i].len);
    }
    done &= SHA256_Final(inner, &ctx);
    assert(done == 1);
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] ^= 0x36 ^ 0x5c;
    sha256_two(block, sizeof(block), inner, sizeof(inner), ret);
    bytes_wipe(block, sizeof(block));
    bytes_wipe(inner, sizeof(inner));
    bytes_wipe(&ctx, sizeof(ctx));
}

void hmac_sha256(const uint8_t *key, size_t key_len, const void *bytes, size_t len,
                 uint8_t ret[HASH_BYTES])
{
    hmac_sha256_parts(key, key_len, &(struct part){ bytes, len }, 1, ret);
}

void blake2b_256(const void *bytes, size_t len, const uint8_t *key, size_t key_len,
                 uint8_t ret[HASH_BYTES])
{
    struct blake2b h;
    blake2b_init(&h, key, key_len);
    blake2b_add(&h, bytes, len);
    blake2b_finish(&h, ret);
}

static crypto_generichash_state *state_of(struct blake2b *h)
{
    return (crypto_generichash_state *)(void *)h;
}

void blake2b_init(struct blake2b *h, const uint8_t *key, size_t key_len)
{
    assert(key == NULL ? key_len == 0
                       : key_len >= crypto_generichash_KEYBYTES_MIN &&
                             key_len <= crypto_generichash_KEYBYTES_MAX);
    int failed = crypto_generichash_init(state_of(h), key, key_len, HASH_BYTES);
    assert(failed == 0);
}

void blake2b_add(struct blake2b *h, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    int failed = crypto_generichash_update(state_of(h), bytes, len);
    assert(failed == 0);
}

void blake2b_finish(struct blake2b *h, uint8_t ret[HASH_BYTES])
{
    int failed = crypto_generichash_final(state_of(h), ret, HASH_BYTES);
    assert(failed == 0);
    sodium_memzero(h, sizeof(*h));
}

void hkdf_sha256(const uint8_t *secret, size_t secret_len, const uint8_t *salt, size_t salt_len,
                 const void *info, size_t info_len, uint8_t *ret, size_t ret_len)
{
    assert(ret_len <= (size_t)255 * HASH_BYTES);
    /* No salt means 32 zero bytes (RFC 5869 2.2), which is what HMAC makes of an empty key. */
    static const uint8_t no_salt[HASH_BYTES];
    uint8_t prk[HASH_BYTES];
    uint8_t block[HASH_BYTES];
    if (salt == NULL) {
        assert(salt_len == 0);
        salt = no_salt;
        salt_len = sizeof(no_salt);
    }
    hmac_sha256(salt, salt_len, secret, secret_len, prk);
    size_t done = 0;
    for (uint8_t i = 1; done < ret_len; i++) {
        const struct part parts[] = { { block, i == 1 ? 0 : sizeof(block) },
                                      { info, info_len },
                                      { &i, 1 } };
        hmac_sha256_parts(prk, sizeof(prk), parts, COUNT(parts), block);
        size_t take = ret_len - done < sizeof(block) ? ret_len - done : sizeof(block);
        memcpy(ret + done, block, take);
        done += take;
    }
    bytes_wipe(prk, sizeof(prk));
    bytes_wipe(block, sizeof(block));
}
