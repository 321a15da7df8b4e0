#include "server/statement/statement.h"

#include "server/base/text.h"

#include <assert.h>
#include <string.h>

static const char *const common[] = { "kind", "id", "version", "time", "signer", "signature" };

/* Only the common members, so that the kind's own ones can be read later by who knows them. */
static json_t *common_part(const json_t *value)
{
    json_t *part = json_object();
    for (size_t i = 0; i < COUNT(common) && part != NULL; i++) {
        json_t *member = json_object_get(value, common[i]);
        if (member != NULL && json_object_set(part, common[i], member) != 0) {
            json_decref(part);
            part = NULL;
        }
    }
    return part;
}

/* A kind is words of lower-case letters joined by dots, such as "bounty.publish". */
static bool kind_valid(const char *kind)
{
    char before = '.';
    for (; *kind != '\0'; before = *kind++)
        if (!(*kind >= 'a' && *kind <= 'z') && !(*kind == '.' && before != '.'))
            return false;
    return before != '.';
}

static enum err read_common(const json_t *value, const char *prefix, struct statement *s,
                            uint8_t signature[SIGN_BYTES], struct problem *p)
{
    if (!json_is_object(value))
        return problem_set(p, ERR_STATEMENT_FORM, prefix, "A statement must be an object.");
    json_t *part = common_part(value);
    if (part == NULL)
        return ERR_NO_MEMORY;
    const struct field fields[] = {
        F_TEXT("kind", &s->kind, 1, STATEMENT_KIND_MAX),
        F_ID("id", &s->id),
        F_INT("version", &s->version, 1, JSON_INT_MAX),
        F_TIME("time", &s->time),
        F_BYTES("signer", s->signer, SIGN_PUBLIC_BYTES),
        F_BYTES("signature", signature, SIGN_BYTES),
    };
    struct problem why = { 0 };
    enum err e = fields_read(part, prefix, fields, COUNT(fields), &why);
    json_decref(part); /* value still holds what s->kind points into */
    if (e == ERR_NO_MEMORY)
        return e;
    if (e != OK)
        return problem_set(p, ERR_STATEMENT_FORM, why.pointer, "%s", why.detail);
    if (!kind_valid(s->kind))
        return problem_set(p, ERR_STATEMENT_FORM, prefix,
                           "The kind must be lower-case words joined by dots.");
    return OK;
}

/* Appends what the signature is over. */
static enum err signed_bytes(const json_t *value, struct buf *ret)
{
    json_t *bare = json_copy((json_t *)value);
    if (bare == NULL)
        return ERR_NO_MEMORY;
    (void)json_object_del(bare, "signature"); /* absent in a draft */
    enum err e = buf_add_str(ret, STATEMENT_TEXT);
    if (e == OK)
        e = json_canonical(bare, ret);
    json_decref(bare);
    return e;
}

static enum err verify(const json_t *value, const uint8_t signer[SIGN_PUBLIC_BYTES],
                       const uint8_t signature[SIGN_BYTES])
{
    struct buf b;
    buf_init(&b, STATEMENT_MAX + sizeof(STATEMENT_TEXT));
    enum err e = signed_bytes(value, &b);
    if (e == OK && !sign_verify(signer, b.data, b.len, signature))
        e = ERR_STATEMENT_SIGNATURE;
    buf_release(&b);
    return e;
}

/* Puts the canonical bytes of s->root into s. */
static enum err keep_canonical(struct statement *s)
{
    struct buf b;
    buf_init(&b, STATEMENT_MAX);
    enum err e = json_canonical(s->root, &b);
    if (e != OK) {
        buf_release(&b);
        return e;
    }
    s->canonical_len = b.len;
    s->canonical = (const char *)b.data; /* moves; buf keeps a NUL behind its bytes */
    return OK;
}

static enum err form_problem(enum err e, const char *prefix, struct problem *p)
{
    if (e == ERR_LIMIT)
        return problem_set(p, ERR_STATEMENT_FORM, prefix,
                           "A statement may have at most %u canonical bytes.", STATEMENT_MAX);
    if (e == ERR_STATEMENT_FORM)
        return problem_set(p, e, prefix,
                           "The statement has no canonical form; keys must be ASCII.");
    if (e == ERR_STATEMENT_SIGNATURE)
        return problem_set(p, e, prefix, "%s", err_text(e));
    return e;
}

enum err statement_parse(const json_t *value, const char *pointer_prefix, struct statement *ret,
                         struct problem *p)
{
    struct statement s = { 0 };
    uint8_t signature[SIGN_BYTES];
    enum err e = read_common(value, pointer_prefix, &s, signature, p);
    if (e != OK)
        return e;
    e = verify(value, s.signer, signature);
    if (e != OK)
        return form_problem(e, pointer_prefix, p);
    s.root = json_incref((json_t *)value);
    e = keep_canonical(&s);
    if (e != OK) {
        json_decref(s.root);
        return form_problem(e, pointer_prefix, p);
    }
    *ret = s;
    return OK;
}

enum err statement_parse_bytes(const char *bytes, size_t len, struct statement *ret,
                               struct problem *p)
{
    if (len > STATEMENT_MAX || !json_is_canonical(bytes, len))
        return problem_set(p, ERR_STATEMENT_FORM, "", "These are not canonical JSON bytes.");
    json_t *value = NULL;
    enum err e = json_read(bytes, len, &value, p);
    if (e != OK)
        return e;
    e = statement_parse(value, "", ret, p);
    json_decref(value);
    return e;
}

void statement_release(struct statement *s)
{
    json_decref(s->root);
    free((void *)(uintptr_t)s->canonical); /* const only for readers */
    *s = (struct statement){ 0 };
}

enum err statement_check(const struct statement *s, const char *kind, usec_t now, struct problem *p)
{
    if (strcmp(s->kind, kind) != 0)
        return problem_set(p, ERR_STATEMENT_KIND, "/statement/kind",
                           "This operation takes a statement of kind \"%s\".", kind);
    /* Both are within the years 1 to 9999, so the difference cannot overflow. */
    usec_t off = s->time > now ? s->time - now : now - s->time;
    if (off > STATEMENT_SKEW_MAX)
        return problem_set(
            p, ERR_STATEMENT_TIME, "/statement/time",
            "The time is more than 15 minutes from the server's clock; set your clock "
            "and sign again.");
    return OK;
}

enum err statement_fields(const struct statement *s, const struct field *extra, size_t n,
                          struct problem *p)
{
    assert(s->root != NULL);
    assert(n <= STATEMENT_EXTRA_MAX);
    const char *kind;
    struct id id;
    int64_t version;
    usec_t time;
    uint8_t signer[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
    struct field all[STATEMENT_EXTRA_MAX + COUNT(common)] = {
        F_TEXT("kind", &kind, 1, STATEMENT_KIND_MAX), F_ID("id", &id),
        F_INT("version", &version, 1, JSON_INT_MAX),  F_TIME("time", &time),
        F_BYTES("signer", signer, SIGN_PUBLIC_BYTES), F_BYTES("signature", signature, SIGN_BYTES),
    };
    for (size_t i = 0; i < n; i++)
        all[COUNT(common) + i] = extra[i];
    return fields_read(s->root, "/statement", all, COUNT(common) + n, p);
}

json_t *statement_draft(const char *kind, const struct id *id, int64_t version, usec_t time)
{
    char id_as_text[ID_TEXT_SIZE], time_as_text[TIME_TEXT_SIZE];
    id_text(id, id_as_text);
    time_text(time, time_as_text);
    return json_pack("{s:s, s:s, s:I, s:s}", "kind", kind, "id", id_as_text, "version",
                     (json_int_t)version, "time", time_as_text);
}

static enum err set_base64(json_t *object, const char *name, const uint8_t *bytes, size_t len)
{
    char text[BASE64_SIZE(SIGN_BYTES)];
    assert(len <= SIGN_BYTES);
    base64_encode(bytes, len, text);
    return json_object_set_new(object, name, json_string(text)) == 0 ? OK : ERR_NO_MEMORY;
}

enum err statement_sign(json_t *object, const struct sign_key *key, struct statement *ret)
{
    if (object == NULL)
        return ERR_NO_MEMORY;
    struct buf b;
    uint8_t signature[SIGN_BYTES];
    buf_init(&b, STATEMENT_MAX + sizeof(STATEMENT_TEXT));
    enum err e = set_base64(object, "signer", key->public, SIGN_PUBLIC_BYTES);
    if (e == OK)
        e = signed_bytes(object, &b);
    if (e == OK) {
        sign_detached(key, b.data, b.len, signature);
        e = set_base64(object, "signature", signature, SIGN_BYTES);
    }
    /* Reading it back proves that the other side will take what we made. */
    if (e == OK)
        e = statement_parse(object, "", ret, NULL);
    buf_release(&b);
    json_decref(object);
    return e == ERR_LIMIT ? ERR_STATEMENT_FORM : e;
}

void statement_hash(const struct statement *s, uint8_t ret[HASH_BYTES])
{
    sha256(s->canonical, s->canonical_len, ret);
}
