/* What earlier audits saw, in one file:
 *   "CAIRNAU1" || policy hash[32] || for each chain: count u64 BE || count leaf hashes[32]
 *   || SHA-256 of all that.
 * It is what an auditor must keep: a server that shows a shorter or another log later is caught by
 * it, even if it holds every key and signs the false log correctly. */
#include "api/client/audit.h"

#include "api/client/files.h"

#include <assert.h>

#define MAGIC "CAIRNAU1"
#define HEAD_BYTES (sizeof(MAGIC) - 1 + HASH_BYTES)
#define STATE_MAX ((size_t)AUDIT_CHAINS * AUDIT_ENTRIES_MAX * HASH_BYTES + 4096)

static enum err damaged(const char *path, struct problem *p)
{
    return problem_set(p, ERR_SYNTAX, "",
                       "The state file %.120s is damaged; restore it from a copy.", path);
}

static uint64_t read_u64(const uint8_t *b)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | b[i];
    return v;
}

/* The remembered leaves of one chain against those just read. */
static enum err compare_chain(const struct audit_chain *c, const uint8_t *seen, uint64_t n,
                              struct problem *p)
{
    for (uint64_t i = 0; i < n; i++) {
        if (i >= c->size)
            return audit_finding(
                p, c, i,
                "it was in the log at an earlier audit and is gone: the log was cut "
                "short.");
        if (memcmp(seen + i * HASH_BYTES, c->leaves[i].bytes, HASH_BYTES) != 0)
            return audit_finding(
                p, c, i, "it is not what an earlier audit saw there: the log was rewritten.");
    }
    return OK;
}

static enum err compare_all(const struct audit *a, const char *path, const struct buf *b,
                            struct problem *p)
{
    uint8_t sum[HASH_BYTES];
    if (b->len < HEAD_BYTES + HASH_BYTES || memcmp(b->data, MAGIC, sizeof(MAGIC) - 1) != 0)
        return damaged(path, p);
    size_t end = b->len - HASH_BYTES, at = HEAD_BYTES;
    sha256(b->data, end, sum);
    if (memcmp(sum, b->data + end, HASH_BYTES) != 0)
        return damaged(path, p);
    if (!a->policy_given && memcmp(b->data + sizeof(MAGIC) - 1, a->policy_hash, HASH_BYTES) != 0)
        return problem_set(
            p, ERR_LOG_INCONSISTENT, "",
            "The server shows another policy than at the earlier audit. If that is meant, "
            "give the new one with --policy.");
    for (size_t i = 0; i < AUDIT_CHAINS; i++) {
        if (end - at < 8)
            return damaged(path, p);
        uint64_t n = read_u64(b->data + at);
        at += 8;
        if (n > (end - at) / HASH_BYTES)
            return damaged(path, p);
        enum err e = compare_chain(&a->chains[i], b->data + at, n, p);
        if (e != OK)
            return e;
        at += n * HASH_BYTES;
    }
    return at == end ? OK : damaged(path, p);
}

enum err audit_compare_state(const struct audit *a, const char *path, struct problem *p)
{
    struct buf b;
    if (!file_exists(path))
        return OK;
    buf_init(&b, STATE_MAX);
    enum err e = file_read(path, &b, p);
    if (e == OK)
        e = compare_all(a, path, &b, p);
    buf_release(&b);
    return e;
}

static enum err add_chain(struct buf *b, const struct audit_chain *c)
{
    uint8_t count[8];
    for (int i = 0; i < 8; i++)
        count[i] = (uint8_t)(c->size >> (56 - 8 * i));
    enum err e = buf_add(b, count, sizeof(count));
    return e == OK ? buf_add(b, c->leaves, c->size * HASH_BYTES) : e;
}

enum err audit_save_state(const struct audit *a, const char *path, struct problem *p)
{
    static_assert(sizeof(struct merkle_hash) == HASH_BYTES, "leaves are written as one block");
    uint8_t sum[HASH_BYTES];
    struct buf b;
    buf_init(&b, STATE_MAX);
    enum err e = buf_add(&b, MAGIC, sizeof(MAGIC) - 1);
    if (e == OK)
        e = buf_add(&b, a->policy_hash, HASH_BYTES);
    for (size_t i = 0; i < AUDIT_CHAINS && e == OK; i++)
        e = add_chain(&b, &a->chains[i]);
    if (e == OK) {
        sha256(b.data, b.len, sum);
        e = buf_add(&b, sum, HASH_BYTES);
    }
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    else
        e = file_write(path, b.data, b.len, 0644, true, p);
    buf_release(&b);
    return e;
}
