/* Ciphertext in and out, shared by records, submissions and reviews. */
#include "api/v1/v1.h"
#include "server/vault/blobs.h"
#include "server/vault/record.h"

#include <string.h>
#include <sys/stat.h>

enum err v1_store_content(struct request *r, const struct vault_manifest *m)
{
    struct act act = { .app = r->app,
                       .arena = r->arena,
                       .problem = &r->problem,
                       .account = r->caller.account,
                       .now = r->app->now(r->app) };
    struct upload u = { .file = r->body_file };
    struct stat st;
    if (r->body_file == NULL || stat(r->body_file, &st) != 0)
        return ERR_IO;
    u.size = (size_t)st.st_size;
    memcpy(u.hash, r->body_hash, HASH_BYTES);
    bool there = false;
    enum err e = store_blob_exists(r->db, m->ciphertext_hash, &there);
    if (e != OK)
        return e;
    if (there && bytes_equal(u.hash, m->ciphertext_hash, HASH_BYTES))
        return OK; /* sent again: it is durable already */
    return vault_store_upload(&act, m, &u);
}

void v1_reply_content(struct request *r, const uint8_t hash[HASH_BYTES])
{
    char path[BLOB_PATH_MAX];
    blobs_path(r->app->blobs, hash, path);
    reply_header(r, "Cache-Control", "private, max-age=31536000, immutable");
    reply_file(r, 200, "application/octet-stream", path);
}
