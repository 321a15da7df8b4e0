#include "server/store/vault.h"

#include <stdio.h>

/* What stands there already decides: nothing (number 1), or the owner's own version before this. */
static const struct store_stmt record_last = {
    "record_last",
    "SELECT owner, number FROM record_version WHERE record = $1::uuid ORDER BY number DESC LIMIT 1"
};

static const struct store_stmt record_insert = {
    "record_insert",
    "INSERT INTO record_version (record, number, owner, disease, size, ciphertext_hash,"
    " key_commitment, content_commitment, owner_wrap, entry, at) VALUES ($1::uuid, $2::int, "
    "$3::uuid,"
    " $4, $5::bigint, $6::bytea, $7::bytea, $8::bytea, $9::bytea, $10::uuid, $11::timestamptz)"
};

static enum err check_number(struct db *db, const struct record_new *n)
{
    const struct param in[] = { p_id(&n->record) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &record_last, in, COUNT(in), &r);
    int64_t last = 0;
    if (e == OK && rows_count(r) > 0) {
        struct id owner = row_id(r, 0, 0);
        last = row_i64(r, 0, 1);
        if (!id_equal(&owner, &n->owner))
            e = ERR_NOT_FOUND;
    }
    rows_free(r);
    if (e == OK && last == 0 && n->number != 1)
        e = ERR_NOT_FOUND; /* a later version of what does not exist, as of what is foreign */
    return e == OK && n->number != last + 1 ? ERR_VERSION_NUMBER : e;
}

enum err store_record_insert(struct db *db, const struct record_new *n)
{
    static const struct constraint_err expect[] = { { "record_version_pkey", ERR_VERSION_NUMBER } };
    const struct vault_manifest *m = n->manifest;
    const struct param in[] = {
        p_id(&n->record),
        p_i64(n->number),
        p_id(&n->owner),
        p_text(n->disease),
        p_i64(m->size),
        p_bytes(m->ciphertext_hash, HASH_BYTES),
        p_bytes(m->key_commitment, HASH_BYTES),
        p_bytes(m->content_commitment, HASH_BYTES),
        p_bytes(n->owner_wrap, WRAP_BYTES),
        p_id(&n->entry),
        p_time(n->at),
    };
    enum err e = check_number(db, n);
    return e == OK ? db_exec_expect(db, &record_insert, in, COUNT(in), expect, COUNT(expect), NULL)
                   : e;
}

static const struct store_stmt record_get = {
    "record_get",
    "SELECT v.entry, v.disease, v.size, v.ciphertext_hash, v.key_commitment, v.content_commitment,"
    " v.owner_wrap, b.hash IS NOT NULL FROM record_version v"
    " LEFT JOIN blob b ON b.hash = v.ciphertext_hash"
    " WHERE v.record = $1::uuid AND v.number = $2::int AND v.owner = $3::uuid"
};

enum err store_record_get(struct db *db, const struct id *record, int64_t number,
                          const struct id *owner, struct record_row *ret)
{
    const struct param in[] = { p_id(record), p_i64(number), p_id(owner) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &record_get, in, COUNT(in), &r);
    if (e == OK && rows_count(r) == 0)
        e = ERR_NOT_FOUND;
    if (e == OK) {
        struct record_row row = { .record = *record,
                                  .number = number,
                                  .entry = row_id(r, 0, 0),
                                  .stored = row_bool(r, 0, 7) };
        (void)snprintf(row.disease, sizeof(row.disease), "%s", row_text(r, 0, 1));
        row.manifest.size = row_i64(r, 0, 2);
        bool ok = row_bytes(r, 0, 3, row.manifest.ciphertext_hash, HASH_BYTES) &&
                  row_bytes(r, 0, 4, row.manifest.key_commitment, HASH_BYTES) &&
                  row_bytes(r, 0, 5, row.manifest.content_commitment, HASH_BYTES) &&
                  row_bytes(r, 0, 6, row.owner_wrap, WRAP_BYTES);
        if (ok)
            *ret = row;
        e = ok ? OK : ERR_INTERNAL;
    }
    rows_free(r);
    return e;
}

static const struct store_stmt records = {
    "records", "SELECT v.record, v.number, v.disease, v.size, b.hash IS NOT NULL, v.entry,"
               " (extract(epoch from v.at) * 1000000)::bigint, v.n FROM record_version v"
               " LEFT JOIN blob b ON b.hash = v.ciphertext_hash"
               " WHERE v.owner = $1::uuid AND v.n < $2::bigint ORDER BY v.n DESC LIMIT $3::int"
};

enum err store_records(struct db *db, const struct id *owner, int64_t before, int limit,
                       struct rows **ret)
{
    const struct param in[] = { p_id(owner), p_i64(before), p_i64(limit) };
    return db_exec(db, &records, in, COUNT(in), ret);
}

static const struct store_stmt blob_insert = {
    "blob_insert",
    "INSERT INTO blob (hash, size, at) VALUES ($1::bytea, $2::bigint, $3::timestamptz)"
    " ON CONFLICT (hash) DO NOTHING"
};

enum err store_blob_insert(struct db *db, const uint8_t hash[HASH_BYTES], int64_t size, usec_t at)
{
    const struct param in[] = { p_bytes(hash, HASH_BYTES), p_i64(size), p_time(at) };
    return db_exec(db, &blob_insert, in, COUNT(in), NULL);
}

static const struct store_stmt blob_exists = { "blob_exists",
                                               "SELECT 1 FROM blob WHERE hash = $1::bytea" };

enum err store_blob_exists(struct db *db, const uint8_t hash[HASH_BYTES], bool *ret)
{
    const struct param in[] = { p_bytes(hash, HASH_BYTES) };
    struct rows *r = NULL;
    enum err e = db_exec(db, &blob_exists, in, COUNT(in), &r);
    if (e == OK)
        *ret = rows_count(r) > 0;
    rows_free(r);
    return e;
}

const struct store_stmt *const vault_stmts[] = { &record_last, &record_insert, &record_get,
                                                 &records,     &blob_insert,   &blob_exists };
const size_t vault_stmts_n = COUNT(vault_stmts);
