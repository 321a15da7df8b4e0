/* Records on the server: signed manifests, owner's wraps and ciphertext files. The server cannot
 * open any of it. Rules only; docs/vault.md. */
#ifndef CAIRN_VAULT_RECORD_H
#define CAIRN_VAULT_RECORD_H

#include "server/act.h"
#include "server/store/vault.h"

/* The members "manifest" and "certificate" of statements. prefix is the statement's pointer. */
enum err manifest_read(const json_t *manifest, const json_t *certificate, const char *prefix,
                       struct vault_manifest *ret, struct problem *p) MUST_USE;
json_t *manifest_json(const struct vault_manifest *m); /* new reference or NULL */

struct record_draft {
    const struct statement *s;
    struct id record;
    int64_t number;
    const char *disease;
    struct vault_manifest manifest;
    uint8_t owner_wrap[WRAP_BYTES];
};
enum err record_create(const struct act *act, const struct record_draft *d,
                       struct answer *ret) MUST_USE;

/* An uploaded file with its hash and size, for a version whose manifest names it. Twice is once.
 * ERR_MANIFEST_MISMATCH. */
struct upload {
    const char *file;
    size_t size;
    uint8_t hash[HASH_BYTES];
};
enum err vault_store_upload(const struct act *act, const struct vault_manifest *m,
                            const struct upload *u) MUST_USE;

#endif
