/* The C half of the interoperability test: reads one JSON object per line from standard input, does
 * one operation of server/crypto or server/vault, and answers with one JSON object per line. Byte
 * strings are lower-case hex. A refusal is {"err": code}; a malformed request ends the program.
 * `vaulttool vectors keys|envelopes` prints the test vectors of tests/data/vault instead. */
#include "server/base/json.h"
#include "server/vault/format.h"
#include "tests/lib/vault_vectors.h"
#include "tests/lib/vectors.h"

#include <assert.h>

#define LINE_MAX_BYTES (64u << 20)

static void set(json_t *object, const char *key, json_t *value)
{
    int failed = json_object_set_new(object, key, value);
    assert(failed == 0);
}

static void set_hex(json_t *object, const char *key, const void *bytes, size_t len)
{
    set(object, key, vectors_hex(bytes, len));
}

static json_t *refusal(enum err e)
{
    json_t *reply = json_object();
    set(reply, "err", json_string(err_code(e)));
    return reply;
}

static void read_subject(const json_t *in, struct vault_subject *ret)
{
    bool valid = id_parse(vectors_text(in, "record"), &ret->record);
    assert(valid);
    ret->version = (uint32_t)vectors_int(in, "version");
    vault_schema_hash(vectors_text(in, "schema"), ret->schema_hash);
    vectors_bytes(in, "owner", ret->owner, sizeof(ret->owner));
}

static json_t *op_keys(const json_t *in)
{
    uint8_t root[ROOT_BYTES];
    struct id bounty;
    vectors_bytes(in, "root", root, sizeof(root));
    bool valid = id_parse(vectors_text(in, "bounty"), &bounty);
    assert(valid);
    return vault_vectors_keys_of(root, &bounty);
}

static json_t *op_seal(const json_t *in)
{
    struct vault_subject subject;
    struct vault_manifest manifest;
    uint8_t dek[DEK_BYTES];
    uint8_t header[SEAL_HEADER_BYTES];
    struct buf envelope;
    size_t len;
    bool fixed = json_object_get(in, "header") != NULL;
    read_subject(in, &subject);
    vectors_bytes(in, "dek", dek, sizeof(dek));
    if (fixed)
        vectors_bytes(in, "header", header, sizeof(header));
    uint8_t *content = vectors_alloc(in, "content", &len);
    buf_init(&envelope, VAULT_ENVELOPE_MAX);
    enum err e =
        vault_seal(&subject, dek, content, len, fixed ? header : NULL, &envelope, &manifest);
    json_t *reply = e == OK ? vault_vectors_manifest(&manifest) : refusal(e);
    if (e == OK)
        set_hex(reply, "envelope", envelope.data, envelope.len);
    buf_release(&envelope);
    free(content);
    return reply;
}

static json_t *op_open(const json_t *in)
{
    struct vault_subject subject;
    uint8_t dek[DEK_BYTES];
    struct buf content;
    size_t len;
    read_subject(in, &subject);
    vectors_bytes(in, "dek", dek, sizeof(dek));
    uint8_t *envelope = vectors_alloc(in, "envelope", &len);
    buf_init(&content, VAULT_CONTENT_MAX);
    enum err e = vault_open(&subject, dek, envelope, len, &content);
    json_t *reply = e == OK ? json_object() : refusal(e);
    if (e == OK)
        set_hex(reply, "content", content.data, content.len);
    buf_release_secret(&content);
    free(envelope);
    return reply;
}

static json_t *op_wrap(const json_t *in)
{
    uint8_t recipient[BOX_PUBLIC_BYTES], context[HASH_BYTES], dek[DEK_BYTES], wrap[WRAP_BYTES];
    vectors_bytes(in, "recipient", recipient, sizeof(recipient));
    vectors_bytes(in, "context_hash", context, sizeof(context));
    vectors_bytes(in, "dek", dek, sizeof(dek));
    enum err e = vault_wrap(recipient, context, dek, wrap);
    json_t *reply = e == OK ? json_object() : refusal(e);
    if (e == OK)
        set_hex(reply, "wrap", wrap, sizeof(wrap));
    return reply;
}

static json_t *op_unwrap(const json_t *in)
{
    uint8_t secret[BOX_SECRET_BYTES], context[HASH_BYTES], wrap[WRAP_BYTES], dek[DEK_BYTES];
    struct box_key recipient;
    vectors_bytes(in, "recipient_secret", secret, sizeof(secret));
    vectors_bytes(in, "context_hash", context, sizeof(context));
    vectors_bytes(in, "wrap", wrap, sizeof(wrap));
    box_key_from_secret(secret, &recipient);
    enum err e = vault_unwrap(&recipient, context, wrap, dek);
    json_t *reply = e == OK ? json_object() : refusal(e);
    if (e == OK)
        set_hex(reply, "dek", dek, sizeof(dek));
    return reply;
}

static json_t *op_sign(const json_t *in)
{
    uint8_t seed[SIGN_SEED_BYTES], signature[SIGN_BYTES];
    struct sign_key key;
    size_t len;
    vectors_bytes(in, "seed", seed, sizeof(seed));
    uint8_t *message = vectors_alloc(in, "message", &len);
    sign_key_from_seed(seed, &key);
    sign_detached(&key, message, len, signature);
    json_t *reply = json_object();
    set_hex(reply, "public", key.public, sizeof(key.public));
    set_hex(reply, "signature", signature, sizeof(signature));
    free(message);
    return reply;
}

static json_t *op_verify(const json_t *in)
{
    uint8_t public[SIGN_PUBLIC_BYTES], signature[SIGN_BYTES];
    size_t len;
    vectors_bytes(in, "public", public, sizeof(public));
    vectors_bytes(in, "signature", signature, sizeof(signature));
    uint8_t *message = vectors_alloc(in, "message", &len);
    bool valid = sign_verify(public, message, len, signature);
    free(message);
    json_t *reply = valid ? json_object() : refusal(ERR_CRYPTO);
    return reply;
}

static const struct {
    const char *name;
    json_t *(*run)(const json_t *in);
} operations[] = {
    { "keys", op_keys },     { "seal", op_seal }, { "open", op_open },     { "wrap", op_wrap },
    { "unwrap", op_unwrap }, { "sign", op_sign }, { "verify", op_verify },
};

/* The answer to one line, which the caller ends with json_decref; NULL if there is no such
 * operation. */
static json_t *answer(const char *line, size_t len)
{
    json_t *in = NULL;
    json_t *reply = NULL;
    if (json_read(line, len, &in, NULL) != OK)
        return NULL;
    const char *name = vectors_text(in, "op");
    for (size_t i = 0; i < COUNT(operations); i++) {
        if (strcmp(operations[i].name, name) == 0)
            reply = operations[i].run(in);
    }
    json_decref(in);
    return reply;
}

static int serve(void)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t len;
    int status = 0;
    while (status == 0 && (len = getline(&line, &cap, stdin)) > 0) {
        json_t *reply = (size_t)len <= LINE_MAX_BYTES ? answer(line, (size_t)len) : NULL;
        if (reply == NULL) {
            fprintf(stderr, "vaulttool: not a request\n");
            status = 2;
            continue;
        }
        json_dumpf(reply, stdout, JSON_COMPACT);
        fputc('\n', stdout);
        fflush(stdout);
        json_decref(reply);
    }
    free(line);
    return status;
}

static int print_vectors(const char *which)
{
    json_t *root = strcmp(which, "keys") == 0 ? vault_vectors_keys() : vault_vectors_envelopes();
    int failed = json_dumpf(root, stdout, JSON_INDENT(2));
    fputc('\n', stdout);
    json_decref(root);
    return failed != 0;
}

int main(int argc, char **argv)
{
    crypto_setup();
    if (argc == 1)
        return serve();
    if (argc == 3 && strcmp(argv[1], "vectors") == 0 &&
        (strcmp(argv[2], "keys") == 0 || strcmp(argv[2], "envelopes") == 0))
        return print_vectors(argv[2]);
    fprintf(stderr, "usage: vaulttool [vectors keys|envelopes]\n");
    return 2;
}
