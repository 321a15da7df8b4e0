#include "tests/lib/vault_vectors.h"

#include "tests/lib/vectors.h"

#include <assert.h>

#define SCHEMA "cairn-timeline/1"
#define ROOTS 3

static void set(json_t *object, const char *key, json_t *value)
{
    int failed = json_object_set_new(object, key, value);
    assert(failed == 0);
}

static void set_hex(json_t *object, const char *key, const void *bytes, size_t len)
{
    set(object, key, vectors_hex(bytes, len));
}

static void set_id(json_t *object, const char *key, const struct id *id)
{
    char text[ID_TEXT_SIZE];
    id_text(id, text);
    set(object, key, json_string(text));
}

/* The documented secret of that name: kind/number. */
static void secret(const char *kind, size_t number, uint8_t ret[HASH_BYTES])
{
    char name[64];
    int len = snprintf(name, sizeof(name), "cairn test vector/%s/%zu", kind, number);
    assert(len > 0 && (size_t)len < sizeof(name));
    sha256(name, (size_t)len, ret);
}

static struct id id_of(const char *kind, size_t number)
{
    uint8_t hash[HASH_BYTES];
    secret(kind, number, hash);
    return id_from_hash(hash);
}

json_t *vault_vectors_keys_of(const uint8_t root[ROOT_BYTES], const struct id *bounty)
{
    struct sign_key identity, toward;
    struct box_key receive, toward_receive;
    uint8_t backup[32];
    json_t *v = json_object();
    keys_identity(root, &identity);
    keys_receive(root, &receive);
    keys_backup(root, backup);
    keys_bounty(root, bounty, &toward, &toward_receive);
    const struct id account = account_id(identity.public);
    set_hex(v, "root", root, ROOT_BYTES);
    set_hex(v, "identity_seed", identity.secret, SIGN_SEED_BYTES);
    set_hex(v, "identity_public", identity.public, sizeof(identity.public));
    set_id(v, "account", &account);
    set_hex(v, "receive_secret", receive.secret, sizeof(receive.secret));
    set_hex(v, "receive_public", receive.public, sizeof(receive.public));
    set_hex(v, "backup", backup, sizeof(backup));
    set_id(v, "bounty", bounty);
    set_hex(v, "bounty_seed", toward.secret, SIGN_SEED_BYTES);
    set_hex(v, "bounty_public", toward.public, sizeof(toward.public));
    set_hex(v, "bounty_receive_secret", toward_receive.secret, sizeof(toward_receive.secret));
    set_hex(v, "bounty_receive_public", toward_receive.public, sizeof(toward_receive.public));
    return v;
}

json_t *vault_vectors_keys(void)
{
    json_t *list = json_array();
    for (size_t i = 0; i < ROOTS; i++) {
        uint8_t root[ROOT_BYTES];
        const struct id bounty = id_of("bounty", i);
        secret("root", i, root);
        int failed = json_array_append_new(list, vault_vectors_keys_of(root, &bounty));
        assert(failed == 0);
    }
    json_t *v = json_object();
    set(v, "format", json_string("cairn keys v1, see docs/keys.md"));
    set(v, "vectors", list);
    return v;
}

json_t *vault_vectors_manifest(const struct vault_manifest *manifest)
{
    json_t *v = json_object();
    set(v, "size", json_integer(manifest->size));
    set_hex(v, "ciphertext_hash", manifest->ciphertext_hash, HASH_BYTES);
    set_hex(v, "key_commitment", manifest->key_commitment, HASH_BYTES);
    set_hex(v, "content_commitment", manifest->content_commitment, HASH_BYTES);
    return v;
}

/* The owner's wrap of the data key, made by hand with a fixed ephemeral key. */
static json_t *wrap_vector(const uint8_t *envelope, const uint8_t dek[DEK_BYTES], size_t number)
{
    static const char label[] = "cairn/wrap/v1";
    uint8_t root[ROOT_BYTES], bytes[HASH_BYTES], context[HASH_BYTES], wrap[WRAP_BYTES];
    uint8_t info[sizeof(label) - 1 + HASH_BYTES];
    struct box_key recipient, ephemeral;
    secret("root", number % ROOTS, root);
    keys_receive(root, &recipient);
    secret("ephemeral", number, bytes);
    box_key_from_secret(bytes, &ephemeral);
    sha256(envelope, VAULT_AAD_BYTES, context);
    memcpy(info, label, sizeof(label) - 1);
    memcpy(info + sizeof(label) - 1, context, HASH_BYTES);
    enum err e = hpke_seal_with(&ephemeral, recipient.public, info, sizeof(info), NULL, 0, dek,
                                DEK_BYTES, wrap, wrap + HPKE_ENC_BYTES);
    assert(e == OK);
    json_t *v = json_object();
    set_hex(v, "recipient_secret", recipient.secret, sizeof(recipient.secret));
    set_hex(v, "recipient", recipient.public, sizeof(recipient.public));
    set_hex(v, "ephemeral_secret", ephemeral.secret, sizeof(ephemeral.secret));
    set_hex(v, "context_hash", context, sizeof(context));
    set_hex(v, "wrap", wrap, sizeof(wrap));
    return v;
}

static json_t *envelope_vector(size_t number, size_t size)
{
    struct vault_subject subject = { .record = id_of("record", number),
                                     .version = (uint32_t)(1 + 0x01020304 * number) };
    struct vault_manifest manifest;
    struct sign_key owner;
    struct buf envelope;
    uint8_t root[ROOT_BYTES], dek[DEK_BYTES], header[HASH_BYTES], hash[HASH_BYTES];
    secret("root", number % ROOTS, root);
    keys_identity(root, &owner);
    secret("dek", number, dek);
    secret("header", number, header);
    memcpy(subject.owner, owner.public, sizeof(subject.owner));
    vault_schema_hash(SCHEMA, subject.schema_hash);
    uint8_t *content = malloc(size + 1);
    assert(content != NULL);
    vectors_pattern(content, size);
    buf_init(&envelope, VAULT_ENVELOPE_MAX);
    enum err e = vault_seal(&subject, dek, content, size, header, &envelope, &manifest);
    assert(e == OK);

    json_t *v = json_object();
    set(v, "content_size", json_integer((json_int_t)size));
    set_id(v, "record", &subject.record);
    set(v, "version", json_integer(subject.version));
    set(v, "schema", json_string(SCHEMA));
    set_hex(v, "schema_hash", subject.schema_hash, HASH_BYTES);
    set_hex(v, "owner", subject.owner, sizeof(subject.owner));
    set_hex(v, "dek", dek, sizeof(dek));
    set_hex(v, "header", header, SEAL_HEADER_BYTES);
    if (size <= VAULT_VECTORS_WHOLE_MAX)
        set_hex(v, "envelope", envelope.data, envelope.len);
    sha256(envelope.data, envelope.len, hash);
    set_hex(v, "envelope_sha256", hash, sizeof(hash));
    set(v, "manifest", vault_vectors_manifest(&manifest));
    set(v, "wrap", wrap_vector(envelope.data, dek, number));
    buf_release(&envelope);
    free(content);
    return v;
}

json_t *vault_vectors_envelopes(void)
{
    static const size_t sizes[] = { 0, 1, 248, 249, 255, 1000, 65528, 65535, 65536, 200000 };
    json_t *list = json_array();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        int failed = json_array_append_new(list, envelope_vector(i, sizes[i]));
        assert(failed == 0);
    }
    json_t *v = json_object();
    set(v, "format", json_string("cairn vault suite 1, see docs/vault.md"));
    set(v, "content", json_string("byte i is (31 * i + (i >> 8)) mod 256"));
    set(v, "vectors", list);
    return v;
}
