/* A person's keys, all derived from one 32-byte root secret that never leaves the client
 * (docs/keys.md). Derivation: HKDF-SHA256(secret = root, salt = none, info = label), labels
 *   "cairn/v1/identity"                 -> Ed25519 seed: the account's identity key
 *   "cairn/v1/receive"                  -> X25519 secret key: what is sealed to this person
 *   "cairn/v1/backup"                   -> symmetric backup key
 *   "cairn/v1/bounty/sign/" || uuid text    -> Ed25519 seed of the key used toward one bounty
 *   "cairn/v1/bounty/receive/" || uuid text -> X25519 secret key of the same
 * Account id = id_from_hash(first 16 bytes of SHA-256("cairn/v1/account" || identity public)). */
#ifndef CAIRN_CRYPTO_KEYS_H
#define CAIRN_CRYPTO_KEYS_H

#include "server/base/id.h"
#include "server/crypto/sign.h"

#define ROOT_BYTES 32
#define BOX_PUBLIC_BYTES 32
#define BOX_SECRET_BYTES 32

struct box_key {
    uint8_t public[BOX_PUBLIC_BYTES];
    uint8_t secret[BOX_SECRET_BYTES];
};

/* All outputs are secrets: wipe them with sign_key_wipe, box_key_wipe or bytes_wipe. Pure,
 * thread-safe after crypto_setup(). */
void keys_identity(const uint8_t root[ROOT_BYTES], struct sign_key *ret);
void keys_receive(const uint8_t root[ROOT_BYTES], struct box_key *ret);
void keys_backup(const uint8_t root[ROOT_BYTES], uint8_t ret[32]);
void keys_bounty(const uint8_t root[ROOT_BYTES], const struct id *bounty, struct sign_key *ret_sign,
                 struct box_key *ret_receive);
/* Fills in the public key of an X25519 secret key (any 32 bytes; clamped on use, RFC 7748 5). */
void box_key_from_secret(const uint8_t secret[BOX_SECRET_BYTES], struct box_key *ret);
void box_key_wipe(struct box_key *k);
struct id account_id(const uint8_t identity_public[SIGN_PUBLIC_BYTES]);

#endif
