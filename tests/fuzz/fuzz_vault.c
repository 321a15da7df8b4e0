/* Envelopes from bytes. The first byte says how the rest is used: as an envelope; as the plaintext
 * of an envelope whose head, key commitment and tags are true; or as changes to a true envelope.
 * Whatever opens must be what vault_seal makes of that content, so there is never a second
 * spelling. */
#include "server/vault/format.h"

#include <assert.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t dek[DEK_BYTES] = { 1, 2, 3 };
static const uint8_t header[SEAL_HEADER_BYTES] = { 4, 5, 6 };

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    crypto_setup();
    return 0;
}

static struct vault_subject subject_of(uint8_t version)
{
    struct vault_subject subject = { .version = version + 1u };
    vault_schema_hash("cairn-timeline/1", subject.schema_hash);
    return subject;
}

static void seal(const struct vault_subject *subject, const uint8_t *stream_header,
                 const uint8_t *content, size_t len, struct buf *ret)
{
    struct vault_manifest manifest;
    buf_init(ret, VAULT_ENVELOPE_MAX);
    enum err e = vault_seal(subject, dek, content, len, stream_header, ret, &manifest);
    assert(e == OK);
    assert((size_t)manifest.size == ret->len);
}

/* Opens bytes as what their head says they are; if they open, they are the one spelling. */
static enum err check(const uint8_t *bytes, size_t len)
{
    struct vault_subject subject;
    uint8_t commitment[HASH_BYTES];
    struct buf content, again;
    if (vault_peek(bytes, len, &subject, commitment) != OK) {
        subject = subject_of(0);
        buf_init(&content, VAULT_CONTENT_MAX);
        enum err e = vault_open(&subject, dek, bytes, len, &content);
        assert(e == ERR_CRYPTO && content.len == 0);
        buf_release(&content);
        return ERR_CRYPTO;
    }
    buf_init(&content, VAULT_CONTENT_MAX);
    enum err e = vault_open(&subject, dek, bytes, len, &content);
    assert(e == OK || (e == ERR_CRYPTO && content.len == 0));
    if (e == OK) {
        seal(&subject, bytes + VAULT_AAD_BYTES + HASH_BYTES, content.data, content.len, &again);
        assert(again.len == len && memcmp(again.data, bytes, len) == 0);
        buf_release(&again);
    }
    buf_release_secret(&content);
    return e;
}

/* Any plaintext under a true head. The second byte says which chunk is FINAL. */
static void forged(const uint8_t *data, size_t size)
{
    struct vault_subject subject = subject_of(0);
    struct seal stream;
    struct buf envelope;
    uint8_t chunk[VAULT_CHUNK_BYTES + VAULT_CHUNK_OVERHEAD];
    seal(&subject, header, data, 0, &envelope);
    envelope.len = VAULT_HEAD_BYTES;
    seal_resume(&stream, dek, header);
    size_t final = data[0] % 3;
    for (size_t at = 1, i = 0; at < size; at += VAULT_CHUNK_BYTES, i++) {
        size_t len = size - at < VAULT_CHUNK_BYTES ? size - at : VAULT_CHUNK_BYTES;
        seal_push(&stream, data + at, len, envelope.data, VAULT_AAD_BYTES, i == final, chunk);
        enum err e = buf_add(&envelope, chunk, len + VAULT_CHUNK_OVERHEAD);
        assert(e == OK);
    }
    (void)check(envelope.data, envelope.len);
    buf_release(&envelope);
}

/* One byte of content length, then changes of three bytes: place (big endian) and what to xor. */
static void changed(const uint8_t *data, size_t size)
{
    struct vault_subject subject = subject_of(data[0]);
    struct buf envelope, original;
    size_t len = data[0];
    seal(&subject, header, data, len < size ? len : size, &envelope);
    buf_init(&original, VAULT_ENVELOPE_MAX);
    enum err e = buf_add(&original, envelope.data, envelope.len);
    assert(e == OK);
    for (size_t at = 1; at + 3 <= size; at += 3) {
        size_t place = (size_t)(data[at] << 8 | data[at + 1]) % envelope.len;
        envelope.data[place] ^= data[at + 2];
    }
    bool same = memcmp(envelope.data, original.data, envelope.len) == 0;
    e = check(envelope.data, envelope.len);
    assert((e == OK) == same);
    buf_release(&envelope);
    buf_release(&original);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    switch (data[0] % 3) {
    case 0:
        (void)check(data + 1, size - 1);
        break;
    case 1:
        forged(data + 1, size - 1);
        break;
    default:
        changed(data + 1, size - 1);
    }
    return 0;
}
