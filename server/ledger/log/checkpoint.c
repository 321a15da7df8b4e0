#include "server/ledger/log/note_text.h"

#include "server/base/text.h"

#include <assert.h>
#include <inttypes.h>

enum err checkpoint_body(const struct checkpoint *c, struct buf *ret)
{
    struct note_span origin = { c->origin, strnlen(c->origin, sizeof(c->origin)) };
    if (origin.len == 0 || origin.len > NOTE_NAME_MAX || !note_text_valid(origin) ||
        memchr(origin.at, '\n', origin.len) != NULL)
        return ERR_SYNTAX;
    char root[BASE64_SIZE(HASH_BYTES)];
    base64_encode(c->root.bytes, HASH_BYTES, root);
    return buf_addf(ret, "%s\n%" PRIu64 "\n%s\n", c->origin, c->size, root);
}

enum err checkpoint_body_parse(struct note_span body, struct checkpoint *ret)
{
    struct checkpoint c = { .size = 0 };
    struct note_span origin, size, root, extension;
    if (!note_line(&body, &origin) || !note_line(&body, &size) || !note_line(&body, &root))
        return ERR_SYNTAX;
    if (origin.len == 0 || origin.len > NOTE_NAME_MAX || !u64_parse(size.at, size.len, &c.size) ||
        !base64_decode(root.at, root.len, c.root.bytes, HASH_BYTES))
        return ERR_SYNTAX;
    while (body.len > 0)
        if (!note_line(&body, &extension) || extension.len == 0)
            return ERR_SYNTAX;
    memcpy(c.origin, origin.at, origin.len);
    *ret = c;
    return OK;
}

enum err checkpoint_parse(const char *note, size_t len, struct checkpoint *ret,
                          size_t *ret_body_len)
{
    struct note_text text;
    enum err e = note_open(note, len, &text);
    if (e == OK)
        e = checkpoint_body_parse(text.body, ret);
    if (e == OK)
        *ret_body_len = text.body.len;
    return e;
}

/* Only what parses as a checkpoint is ever signed: the log's promises are about checkpoints, and a
 * free text could be made to read as something else. */
static enum err signable(struct note_span body)
{
    struct checkpoint ignored;
    if (body.len > CHECKPOINT_MAX)
        return ERR_LIMIT;
    return note_text_valid(body) ? checkpoint_body_parse(body, &ignored) : ERR_SYNTAX;
}

enum err checkpoint_sign(const char *body, size_t body_len, const struct note_key *k,
                         const struct sign_key *secret, struct buf *ret)
{
    assert(k->type == NOTE_TYPE_ED25519);
    assert(memcmp(k->public, secret->public, SIGN_PUBLIC_BYTES) == 0);
    enum err e = signable((struct note_span){ body, body_len });
    if (e != OK)
        return e;
    uint8_t signature[SIGN_BYTES];
    sign_detached(secret, body, body_len, signature);
    return note_signature_add(k, signature, sizeof(signature), ret);
}

/* The message of cosignature/v1: header line, time line, the whole body. */
static enum err cosigned_message(uint64_t time, struct note_span body, struct buf *ret)
{
    enum err e = buf_addf(ret, "cosignature/v1\ntime %" PRIu64 "\n", time);
    return e == OK ? buf_add(ret, body.at, body.len) : e;
}

enum err cosignature_sign(const char *body, size_t body_len, const struct sign_key *secret,
                          uint64_t time, uint8_t ret[SIGN_BYTES])
{
    struct note_span span = { body, body_len };
    if (time > INT64_MAX)
        return ERR_FIELD_RANGE;
    enum err e = signable(span);
    if (e != OK)
        return e;
    struct buf message;
    buf_init(&message, CHECKPOINT_MAX + 64);
    e = cosigned_message(time, span, &message);
    if (e == OK)
        sign_detached(secret, message.data, message.len, ret);
    buf_release(&message);
    return e;
}

enum err cosignature_line(const struct note_key *k, uint64_t time,
                          const uint8_t signature[SIGN_BYTES], struct buf *ret)
{
    uint8_t bytes[COSIGNATURE_BYTES];
    assert(k->type == NOTE_TYPE_COSIGNATURE);
    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(time >> (56 - 8 * i));
    memcpy(bytes + 8, signature, SIGN_BYTES);
    return note_signature_add(k, bytes, sizeof(bytes), ret);
}

enum err checkpoint_cosign(const char *body, size_t body_len, const struct note_key *k,
                           const struct sign_key *secret, uint64_t time, struct buf *ret)
{
    uint8_t signature[SIGN_BYTES];
    assert(memcmp(k->public, secret->public, SIGN_PUBLIC_BYTES) == 0);
    enum err e = cosignature_sign(body, body_len, secret, time, signature);
    return e == OK ? cosignature_line(k, time, signature, ret) : e;
}

enum err cosignature_verify(const char *body, size_t body_len, const struct note_key *k,
                            uint64_t time, const uint8_t signature[SIGN_BYTES])
{
    struct buf message;
    buf_init(&message, CHECKPOINT_MAX + 64);
    enum err e = k->type == NOTE_TYPE_COSIGNATURE && time <= INT64_MAX ? OK : ERR_CRYPTO;
    if (e == OK)
        e = cosigned_message(time, (struct note_span){ body, body_len }, &message);
    if (e == OK && !sign_verify(k->public, message.data, message.len, signature))
        e = ERR_CRYPTO;
    buf_release(&message);
    return e;
}

static enum err cosignature_line_verify(const struct note_key *k, const struct note_signature *s,
                                        struct note_span body)
{
    uint64_t time = 0;
    if (s->len != COSIGNATURE_BYTES)
        return ERR_CRYPTO;
    for (unsigned i = 0; i < 8; i++)
        time = time << 8 | s->bytes[i];
    return cosignature_verify(body.at, body.len, k, time, s->bytes + 8);
}

enum err checkpoint_signature_verify(const struct note_key *k, const struct note_signature *s,
                                     struct note_span body)
{
    if (k->type == NOTE_TYPE_COSIGNATURE)
        return cosignature_line_verify(k, s, body);
    if (s->len != SIGN_BYTES || !sign_verify(k->public, body.at, body.len, s->bytes))
        return ERR_CRYPTO;
    return OK;
}
