/* What handlers ask of a request. */
#include "api/http/edge.h"
#include "server/base/text.h"

#include <stdio.h>
#include <string.h>

struct job *job_of(const struct request *r)
{
    return (struct job *)(uintptr_t)r; /* the request is the job's first member */
}

const char *req_header(const struct request *r, const char *name)
{
    return MHD_lookup_connection_value(job_of(r)->mhd, MHD_HEADER_KIND, name);
}

const char *req_query(const struct request *r, const char *name)
{
    return query_get(&job_of(r)->query, name);
}

usec_t req_deadline(const struct request *r)
{
    return job_of(r)->deadline;
}

enum err req_id(struct request *r, int i, struct id *ret)
{
    if (i < 0 || i >= PATH_PARAMS_MAX || r->path_params[i] == NULL)
        return ERR_INTERNAL;
    return id_parse(r->path_params[i], ret) ? OK : ERR_NOT_FOUND;
}

static bool key_valid(const char *key)
{
    size_t len = strspn(key, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-");
    return key[len] == '\0' && len >= 16 && len <= 64;
}

/* The parts are separated by line ends, which neither a method nor a path can hold. */
static enum err request_hash(const struct request *r, uint8_t ret[HASH_BYTES])
{
    static const char *const names[] = { "GET", "POST", "PUT", "DELETE" };
    struct buf text;
    buf_init(&text, r->body_len + HEAD_TARGET_MAX + 64);
    enum err e = buf_addf(&text, "%s\n%s\n", names[r->route->method], r->path);
    if (e == OK && r->route->body == BODY_FILE)
        e = buf_add(&text, r->body_hash, sizeof(r->body_hash));
    else if (e == OK && r->body_len > 0)
        e = buf_add(&text, r->body, r->body_len);
    if (e == OK)
        sha256(text.data, text.len, ret);
    buf_release_secret(&text);
    return e;
}

enum err req_write_key(struct request *r, struct write_key *ret)
{
    const char *key = req_header(r, "Idempotency-Key");
    if (key == NULL || !key_valid(key))
        return ERR_IDEM_MISSING;
    struct write_key k = { 0 };
    enum err e = request_hash(r, k.request_hash);
    if (e != OK)
        return e;
    if (r->signed_in)
        k.principal = r->caller.account;
    memcpy(k.key, key, strlen(key));
    *ret = k;
    return OK;
}

enum err req_if_match(struct request *r, int64_t *ret_version)
{
    const char *tag = req_header(r, "If-Match");
    if (tag == NULL)
        return ERR_IF_MATCH_MISSING;
    size_t len = strlen(tag);
    uint64_t version = 0;
    if (len < 4 || memcmp(tag, "\"v", 2) != 0 || tag[len - 1] != '"' ||
        !u64_parse(tag + 2, len - 3, &version) || version > INT64_MAX)
        return ERR_IF_MATCH;
    *ret_version = (int64_t)version;
    return OK;
}

void api_wait(struct request *r, usec_t until_monotonic)
{
    struct job *j = job_of(r);
    j->wait = true;
    j->wait_until = until_monotonic;
}
