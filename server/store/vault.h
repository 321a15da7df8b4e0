/* Tables record_version and blob. */
#ifndef CAIRN_STORE_VAULT_H
#define CAIRN_STORE_VAULT_H

#include "server/store/store.h"
#include "server/vault/format.h"

struct record_new {
    struct id record, owner, entry;
    int64_t number;
    const char *disease;
    const struct vault_manifest *manifest;
    const uint8_t *owner_wrap; /* WRAP_BYTES */
    usec_t at;
};
/* The next number of the record, which must be new (number 1) or the owner's own;
 * ERR_VERSION_NUMBER; ERR_NOT_FOUND for another's record. */
enum err store_record_insert(struct db *db, const struct record_new *r) MUST_USE;

struct record_row {
    struct id record, entry;
    int64_t number;
    char disease[14];
    struct vault_manifest manifest;
    uint8_t owner_wrap[WRAP_BYTES];
    bool stored; /* the ciphertext is here */
};
/* ERR_NOT_FOUND unless owner owns it. */
enum err store_record_get(struct db *db, const struct id *record, int64_t number,
                          const struct id *owner, struct record_row *ret) MUST_USE;
/* Rows: record, number, disease, size, stored, entry, at_us, n; newest first. */
enum err store_records(struct db *db, const struct id *owner, int64_t before, int limit,
                       struct rows **ret) MUST_USE;

/* The blob is durable on disk; twice is once. */
enum err store_blob_insert(struct db *db, const uint8_t hash[HASH_BYTES], int64_t size,
                           usec_t at) MUST_USE;
enum err store_blob_exists(struct db *db, const uint8_t hash[HASH_BYTES], bool *ret) MUST_USE;

extern const struct store_stmt *const vault_stmts[];
extern const size_t vault_stmts_n;

#endif
