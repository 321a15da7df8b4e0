/* What a patient's and a reviewer's client do with contents: plan, seal, grant, open and compare.
 * The server sees only what struct sealed carries in its manifest and envelope. Thread-safe. */
#ifndef CAIRN_CLIENT_SEALING_H
#define CAIRN_CLIENT_SEALING_H

#include "api/client/calls.h"
#include "server/statement/terms.h"
#include "server/timeline/check.h"
#include "server/timeline/timeline.h"
#include "server/vault/format.h"

/* The terms' visit plan as the timeline code wants it; borrows the texts of t. */
void plan_of_terms(const struct terms *t, struct visit_plan *ret);

/* A file in canonical form. */
enum err timeline_load(const char *path, struct timeline *ret, struct problem *p) MUST_USE;

/* A bounty as published: terms that were read, and their hash, recomputed and compared. */
struct offer {
    struct id bounty;
    struct terms terms;
    uint8_t terms_hash[HASH_BYTES];
    int64_t version;
    unsigned home; /* number of the member where it lives; 0 if the server does not say */
};
enum err offer_get(struct client *c, const struct id *bounty, struct offer *ret,
                   struct problem *p) MUST_USE;

struct sealed {
    struct buf envelope;
    struct vault_manifest manifest;
    uint8_t dek[DEK_BYTES];
    json_t *manifest_json, *certificate_json;
};
/* Checks t (plan may be NULL) and seals it under a fresh key. ERR_CERTIFICATE when the checks find
 * errors: `cairn check` shows them. */
enum err seal_timeline(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                       const struct id *record, uint32_t version,
                       const uint8_t owner[SIGN_PUBLIC_BYTES], struct sealed *ret,
                       struct problem *p) MUST_USE;
void sealed_release(struct sealed *s); /* wipes the key */
/* The key wrapped to its owner, so that the version opens again with the root alone. */
enum err seal_owner_wrap(const struct sealed *s, const struct box_key *owner,
                         uint8_t ret[WRAP_BYTES]) MUST_USE;

/* manifest <-> JSON; reading insists on suite 1 and the timeline schema. */
json_t *sealed_manifest_json(const struct vault_manifest *m);
enum err sealed_manifest_read(const json_t *value, const char *prefix, struct vault_manifest *ret,
                              struct problem *p) MUST_USE;

/* One grant and its wrap for each drawn seat of an opened submission ("seats" of its answer). */
enum err seal_grants(const struct id *submission, const json_t *seats,
                     const struct vault_manifest *m, const uint8_t dek[DEK_BYTES],
                     usec_t expires_at, json_t **ret_grants, json_t **ret_wraps,
                     struct problem *p) MUST_USE;
/* SHA-256 of the grant's canonical bytes: what the wrap is bound to. */
enum err grant_hash(const json_t *grant, uint8_t ret[HASH_BYTES]) MUST_USE;

/* Opens what is sealed to key and holds it against the manifest: ciphertext hash and size, key
 * commitment, content commitment, then the canonical form of the timeline. ERR_CRYPTO names what
 * differs. */
struct opening {
    const struct box_key *key;
    uint8_t wrap[WRAP_BYTES];
    uint8_t context_hash[HASH_BYTES];
    struct vault_subject subject;
    struct vault_manifest manifest;
};
enum err open_timeline(const struct opening *o, const struct buf *envelope, struct timeline *ret,
                       struct problem *p) MUST_USE;
/* The hash that an owner's own wrap is bound to: of the envelope's first VAULT_AAD_BYTES. */
enum err owner_context(const struct buf *envelope, uint8_t ret[HASH_BYTES]) MUST_USE;

#endif
