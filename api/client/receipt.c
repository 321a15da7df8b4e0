#include "api/client/receipt.h"

#include "api/client/files.h"
#include "api/client/http.h"
#include "server/base/text.h"

#include <stdio.h>

#define RECEIPT_PATH_MAX 1024

void receipt_init(struct receipt *r)
{
    buf_init(&r->proof, PROOF_MAX);
    buf_init(&r->leaf, ENTRY_MAX);
    buf_init(&r->statement, STATEMENT_MAX);
    buf_init(&r->salt, 2 * SALT_BYTES);
}

void receipt_release(struct receipt *r)
{
    buf_release(&r->proof);
    buf_release(&r->leaf);
    buf_release_secret(&r->statement);
    buf_release_secret(&r->salt);
}

static enum err add_leaf(const char *text, struct buf *ret, struct problem *p)
{
    size_t len;
    uint8_t *place = buf_reserve(ret, ENTRY_MAX);
    if (place == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    if (!base64_decode_any(text, strlen(text), place, ENTRY_MAX, &len))
        return problem_set(p, ERR_IO, "/entry", "The server's receipt has no readable entry.");
    ret->len += len;
    ret->data[ret->len] = 0;
    return OK;
}

enum err receipt_from_reply(const json_t *reply, struct receipt *ret, struct problem *p)
{
    const char *entry, *proof, *salt = "";
    json_t *statement;
    const struct field fields[] = {
        F_TEXT("entry", &entry, 1, BASE64_SIZE(ENTRY_MAX)),
        F_OBJECT("statement", &statement),
    };
    enum err e = reply_fields(reply, fields, COUNT(fields), p);
    proof = json_string_value(json_object_get(reply, "proof")); /* has line feeds */
    if (json_is_string(json_object_get(reply, "salt")))
        salt = json_string_value(json_object_get(reply, "salt"));
    if (e == OK && proof == NULL)
        e = problem_set(p, ERR_IO, "/proof", "The server's receipt has no proof.");
    struct receipt r;
    receipt_init(&r);
    if (e == OK)
        e = add_leaf(entry, &r.leaf, p);
    if (e == OK && (buf_add_str(&r.proof, proof) != OK || buf_add_str(&r.salt, salt) != OK ||
                    json_canonical(statement, &r.statement) != OK))
        e = problem_set(p, ERR_IO, "", "The server's receipt is larger than documented.");
    if (e != OK) {
        receipt_release(&r);
        return e;
    }
    *ret = r;
    return OK;
}

struct receipt_part {
    const char *suffix;
    size_t offset; /* of the buf in struct receipt */
};

static const struct receipt_part parts[] = {
    { "tlog-proof", offsetof(struct receipt, proof) },
    { "leaf", offsetof(struct receipt, leaf) },
    { "statement", offsetof(struct receipt, statement) },
    { "salt", offsetof(struct receipt, salt) },
};

static bool part_path(const char *folder, const char *id, const struct receipt_part *part,
                      char ret[RECEIPT_PATH_MAX])
{
    int n = snprintf(ret, RECEIPT_PATH_MAX, "%s/%s.%s", folder, id, part->suffix);
    return n > 0 && n < RECEIPT_PATH_MAX;
}

enum err receipt_load(const char *folder, const char *id, struct receipt *ret, struct problem *p)
{
    char path[RECEIPT_PATH_MAX];
    struct receipt r;
    enum err e = OK;
    receipt_init(&r);
    for (size_t i = 0; i < COUNT(parts) && e == OK; i++) {
        struct buf *b = (struct buf *)(void *)((char *)&r + parts[i].offset);
        if (!part_path(folder, id, &parts[i], path))
            e = problem_set(p, ERR_IO, "", "The path is too long.");
        else if (b != &r.salt || file_exists(path))
            e = file_read(path, b, p);
    }
    if (e != OK) {
        receipt_release(&r);
        return e;
    }
    *ret = r;
    return OK;
}

enum err receipt_save(const struct receipt *r, const char *folder, const char *id,
                      struct problem *p)
{
    char path[RECEIPT_PATH_MAX];
    enum err e = OK;
    for (size_t i = 0; i < COUNT(parts) && e == OK; i++) {
        const struct buf *b = (const struct buf *)(const void *)((const char *)r + parts[i].offset);
        if (b == &r->salt && b->len == 0)
            continue;
        if (!part_path(folder, id, &parts[i], path))
            e = problem_set(p, ERR_IO, "", "The path is too long.");
        else
            e = file_write(path, b->data, b->len, 0600, false, p);
    }
    return e;
}

enum err policy_load(const char *path, struct policy **ret, struct problem *p)
{
    struct buf b;
    struct problem why = { 0 };
    buf_init(&b, POLICY_MAX);
    enum err e = file_read(path, &b, p);
    if (e == OK && (e = policy_parse(buf_str(&b), b.len, ret, &why)) != OK)
        (void)problem_set(p, e, "", "%.100s is no policy: %.130s", path, why.detail);
    buf_release(&b);
    return e;
}

static enum err refused(struct problem *p, const char *what)
{
    return problem_set(p, ERR_CRYPTO, "", "%s", what);
}

static enum err check_commitment(const struct receipt *r, const struct entry_head *head,
                                 struct problem *p)
{
    uint8_t salt[SALT_BYTES] = { 0 };
    if (head->is_public && r->salt.len != 0)
        return refused(p, "A salt is given, but the entry is public and has none.");
    if (!head->is_public && !hex_decode(buf_str(&r->salt), r->salt.len, salt, SALT_BYTES))
        return refused(p, "The entry is private and needs its salt: 64 lower-case hex digits.");
    if (entry_verify(r->leaf.data, r->leaf.len, salt, r->statement.data, r->statement.len) != OK)
        return refused(p, "The entry does not commit to this statement under this salt.");
    return OK;
}

static enum err check_statement(const struct receipt *r, const struct id *expected,
                                struct receipt_facts *f, struct problem *p)
{
    struct statement s;
    enum err e = statement_parse_bytes(buf_str(&r->statement), r->statement.len, &s, p);
    if (e != OK)
        return e;
    f->id = s.id;
    f->time = s.time;
    (void)snprintf(f->kind, sizeof(f->kind), "%s", s.kind);
    statement_release(&s);
    if (expected != NULL && !id_equal(expected, &f->id))
        return refused(p, "The receipt is for another entry than its name says.");
    return OK;
}

enum err receipt_verify(const struct policy *policy, const struct receipt *r,
                        const struct id *expected, struct receipt_facts *ret, struct problem *p)
{
    struct receipt_facts f = { 0 };
    struct checkpoint c;
    struct entry_head head;
    if (tlog_proof_verify(policy, buf_str(&r->proof), r->proof.len, r->leaf.data, r->leaf.len, &c,
                          &f.index) != OK)
        return refused(p, "The proof does not show this entry in a log that the policy's quorum "
                          "signed.");
    if (entry_parse(r->leaf.data, r->leaf.len, &head) != OK)
        return refused(p, "The entry's bytes have no known form.");
    enum err e = check_commitment(r, &head, p);
    if (e == OK)
        e = check_statement(r, expected, &f, p);
    if (e != OK)
        return e;
    f.is_public = head.is_public;
    f.member = head.member;
    f.sequence = head.sequence;
    f.size = c.size;
    (void)snprintf(f.origin, sizeof(f.origin), "%s", c.origin);
    *ret = f;
    return OK;
}
