#include "server/crypto/keys.h"

#include "server/crypto/hash.h"

#include <assert.h>
#include <sodium.h>
#include <string.h>

static_assert(BOX_PUBLIC_BYTES == crypto_scalarmult_curve25519_BYTES, "X25519 public key");
static_assert(BOX_SECRET_BYTES == crypto_scalarmult_curve25519_SCALARBYTES, "X25519 secret key");

#define LABEL_MAX 64

static void derive(const uint8_t root[ROOT_BYTES], const char *label, uint8_t ret[32])
{
    hkdf_sha256(root, ROOT_BYTES, NULL, 0, label, strlen(label), ret, 32);
}

static void derive_sign(const uint8_t root[ROOT_BYTES], const char *label, struct sign_key *ret)
{
    uint8_t seed[SIGN_SEED_BYTES];
    derive(root, label, seed);
    sign_key_from_seed(seed, ret);
    bytes_wipe(seed, sizeof(seed));
}

static void derive_box(const uint8_t root[ROOT_BYTES], const char *label, struct box_key *ret)
{
    uint8_t secret[BOX_SECRET_BYTES];
    derive(root, label, secret);
    box_key_from_secret(secret, ret);
    bytes_wipe(secret, sizeof(secret));
}

void keys_identity(const uint8_t root[ROOT_BYTES], struct sign_key *ret)
{
    derive_sign(root, "cairn/v1/identity", ret);
}

void keys_receive(const uint8_t root[ROOT_BYTES], struct box_key *ret)
{
    derive_box(root, "cairn/v1/receive", ret);
}

void keys_backup(const uint8_t root[ROOT_BYTES], uint8_t ret[32])
{
    derive(root, "cairn/v1/backup", ret);
}

void keys_bounty(const uint8_t root[ROOT_BYTES], const struct id *bounty, struct sign_key *ret_sign,
                 struct box_key *ret_receive)
{
    char uuid[ID_TEXT_SIZE];
    char label[LABEL_MAX];
    id_text(bounty, uuid);
    int len = snprintf(label, sizeof(label), "cairn/v1/bounty/sign/%s", uuid);
    assert(len > 0 && (size_t)len < sizeof(label));
    derive_sign(root, label, ret_sign);
    len = snprintf(label, sizeof(label), "cairn/v1/bounty/receive/%s", uuid);
    assert(len > 0 && (size_t)len < sizeof(label));
    derive_box(root, label, ret_receive);
}

void box_key_from_secret(const uint8_t secret[BOX_SECRET_BYTES], struct box_key *ret)
{
    memmove(ret->secret, secret, BOX_SECRET_BYTES);
    int failed = crypto_scalarmult_curve25519_base(ret->public, ret->secret);
    assert(failed == 0);
}

void box_key_wipe(struct box_key *k)
{
    sodium_memzero(k, sizeof(*k));
}

struct id account_id(const uint8_t identity_public[SIGN_PUBLIC_BYTES])
{
    static const char label[] = "cairn/v1/account";
    uint8_t hash[HASH_BYTES];
    sha256_two(label, sizeof(label) - 1, identity_public, SIGN_PUBLIC_BYTES, hash);
    return id_from_hash(hash);
}
