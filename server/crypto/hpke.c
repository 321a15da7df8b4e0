#include "server/crypto/hpke.h"

#include "server/crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

#define KEY_BYTES 32
#define NONCE_BYTES 12

static_assert(HPKE_TAG_BYTES == crypto_aead_chacha20poly1305_ietf_ABYTES, "tag");
static_assert(KEY_BYTES == crypto_aead_chacha20poly1305_ietf_KEYBYTES, "key");
static_assert(NONCE_BYTES == crypto_aead_chacha20poly1305_ietf_NPUBBYTES, "nonce");
static_assert(HPKE_ENC_BYTES == BOX_PUBLIC_BYTES, "enc is a public key");

/* What the key schedule hands to the AEAD; base_nonce is the nonce of sequence number 0. */
struct hpke_keys {
    uint8_t key[KEY_BYTES];
    uint8_t nonce[NONCE_BYTES];
};

/* RFC 9180 4.1 and 5.1: the suite id inside the KEM, and that of the key schedule. */
static const char kem_suite[] = "KEM\x00\x20";
static const char hpke_suite[] = "HPKE\x00\x20\x00\x01\x00\x03";

static struct part suite_part(const char *suite)
{
    return (struct part){ suite,
                          suite == kem_suite ? sizeof(kem_suite) - 1 : sizeof(hpke_suite) - 1 };
}

static struct part text_part(const char *text)
{
    return (struct part){ text, strlen(text) };
}

/* RFC 9180 4: LabeledExtract. An empty salt is an empty HMAC key, which HKDF means by it. */
static void labeled_extract(const char *suite, struct part salt, const char *label, struct part ikm,
                            uint8_t ret[HASH_BYTES])
{
    const struct part parts[] = { text_part("HPKE-v1"), suite_part(suite), text_part(label), ikm };
    hmac_sha256_parts(salt.bytes, salt.len, parts, COUNT(parts), ret);
}

/* RFC 9180 4: LabeledExpand. Every length here fits the first block of HKDF-Expand: T(1) is all. */
static void labeled_expand(const char *suite, const uint8_t prk[HASH_BYTES], const char *label,
                           struct part info, uint8_t *ret, size_t len)
{
    assert(len <= HASH_BYTES);
    const uint8_t length[2] = { 0, (uint8_t)len };
    const uint8_t one = 1;
    const struct part parts[] = {
        { length, 2 }, text_part("HPKE-v1"), suite_part(suite), text_part(label), info, { &one, 1 }
    };
    uint8_t block[HASH_BYTES];
    hmac_sha256_parts(prk, HASH_BYTES, parts, COUNT(parts), block);
    memcpy(ret, block, len);
    bytes_wipe(block, sizeof(block));
}

/* RFC 9180 4.1: the tail that Encap and Decap share. ERR_CRYPTO if the Diffie-Hellman result is
 * zero, which RFC 9180 7.1.4 demands to refuse: the other key has low order. */
static enum err kem_secret(const uint8_t secret[BOX_SECRET_BYTES],
                           const uint8_t other[BOX_PUBLIC_BYTES], const uint8_t enc[HPKE_ENC_BYTES],
                           const uint8_t recipient[BOX_PUBLIC_BYTES], uint8_t ret[HASH_BYTES])
{
    uint8_t dh[32];
    uint8_t prk[HASH_BYTES];
    uint8_t context[HPKE_ENC_BYTES + BOX_PUBLIC_BYTES];
    if (crypto_scalarmult_curve25519(dh, secret, other) != 0) {
        bytes_wipe(dh, sizeof(dh));
        return ERR_CRYPTO;
    }
    memcpy(context, enc, HPKE_ENC_BYTES);
    memcpy(context + HPKE_ENC_BYTES, recipient, BOX_PUBLIC_BYTES);
    labeled_extract(kem_suite, text_part(""), "eae_prk", (struct part){ dh, sizeof(dh) }, prk);
    labeled_expand(kem_suite, prk, "shared_secret", (struct part){ context, sizeof(context) }, ret,
                   HASH_BYTES);
    bytes_wipe(dh, sizeof(dh));
    bytes_wipe(prk, sizeof(prk));
    return OK;
}

/* RFC 9180 5.1: KeySchedule in mode_base, where psk and psk_id are empty. */
static void key_schedule(const uint8_t shared[HASH_BYTES], struct part info, struct hpke_keys *ret)
{
    uint8_t context[1 + 2 * HASH_BYTES] = { 0 }; /* mode_base is 0 */
    uint8_t secret[HASH_BYTES];
    labeled_extract(hpke_suite, text_part(""), "psk_id_hash", text_part(""), context + 1);
    labeled_extract(hpke_suite, text_part(""), "info_hash", info, context + 1 + HASH_BYTES);
    labeled_extract(hpke_suite, (struct part){ shared, HASH_BYTES }, "secret", text_part(""),
                    secret);
    const struct part in = { context, sizeof(context) };
    labeled_expand(hpke_suite, secret, "key", in, ret->key, sizeof(ret->key));
    labeled_expand(hpke_suite, secret, "base_nonce", in, ret->nonce, sizeof(ret->nonce));
    bytes_wipe(secret, sizeof(secret));
}

enum err hpke_seal_with(const struct box_key *ephemeral, const uint8_t recipient[BOX_PUBLIC_BYTES],
                        const void *info, size_t info_len, const void *aad, size_t aad_len,
                        const void *plain, size_t len, uint8_t ret_enc[HPKE_ENC_BYTES],
                        uint8_t *ret_ct)
{
    if (len > HPKE_PLAIN_MAX)
        return ERR_LIMIT;
    uint8_t shared[HASH_BYTES];
    struct hpke_keys keys;
    enum err e = kem_secret(ephemeral->secret, recipient, ephemeral->public, recipient, shared);
    if (e != OK)
        return e;
    key_schedule(shared, (struct part){ info, info_len }, &keys);
    int failed = crypto_aead_chacha20poly1305_ietf_encrypt(ret_ct, NULL, plain, len, aad, aad_len,
                                                           NULL, keys.nonce, keys.key);
    assert(failed == 0);
    memcpy(ret_enc, ephemeral->public, HPKE_ENC_BYTES);
    bytes_wipe(shared, sizeof(shared));
    bytes_wipe(&keys, sizeof(keys));
    return OK;
}

enum err hpke_seal(const uint8_t recipient[BOX_PUBLIC_BYTES], const void *info, size_t info_len,
                   const void *aad, size_t aad_len, const void *plain, size_t len,
                   uint8_t ret_enc[HPKE_ENC_BYTES], uint8_t *ret_ct)
{
    uint8_t secret[BOX_SECRET_BYTES];
    struct box_key ephemeral;
    random_bytes(secret, sizeof(secret));
    box_key_from_secret(secret, &ephemeral);
    bytes_wipe(secret, sizeof(secret));
    enum err e = hpke_seal_with(&ephemeral, recipient, info, info_len, aad, aad_len, plain, len,
                                ret_enc, ret_ct);
    box_key_wipe(&ephemeral);
    return e;
}

enum err hpke_open(const struct box_key *recipient, const uint8_t enc[HPKE_ENC_BYTES],
                   const void *info, size_t info_len, const void *aad, size_t aad_len,
                   const uint8_t *ct, size_t ct_len, uint8_t *ret_plain)
{
    if (ct_len < HPKE_TAG_BYTES)
        return ERR_CRYPTO;
    if (ct_len - HPKE_TAG_BYTES > HPKE_PLAIN_MAX)
        return ERR_LIMIT;
    uint8_t shared[HASH_BYTES];
    struct hpke_keys keys;
    enum err e = kem_secret(recipient->secret, enc, enc, recipient->public, shared);
    if (e == OK) {
        key_schedule(shared, (struct part){ info, info_len }, &keys);
        if (crypto_aead_chacha20poly1305_ietf_decrypt(ret_plain, NULL, NULL, ct, ct_len, aad,
                                                      aad_len, keys.nonce, keys.key) != 0)
            e = ERR_CRYPTO;
    }
    bytes_wipe(shared, sizeof(shared));
    bytes_wipe(&keys, sizeof(keys));
    if (e != OK)
        bytes_wipe(ret_plain, ct_len - HPKE_TAG_BYTES);
    return e;
}
