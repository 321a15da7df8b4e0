#include "server/vault/format.h"

#include <assert.h>
#include <string.h>

#define MAGIC "CAIRNVT"
#define MAGIC_BYTES 7
#define AT_SUITE 7
#define AT_RECORD 8
#define AT_VERSION 24
#define AT_SCHEMA 28
#define AT_OWNER 60
#define AT_COMMITMENT 92
#define AT_HEADER 124
#define LENGTH_BYTES 8
#define SEALED_CHUNK_BYTES (VAULT_CHUNK_BYTES + VAULT_CHUNK_OVERHEAD)
#define WRAP_LABEL "cairn/wrap/v1"

static_assert(sizeof(MAGIC) - 1 == MAGIC_BYTES, "magic");
static_assert(AT_COMMITMENT == VAULT_AAD_BYTES,
              "the associated data end where the commitment begins");
static_assert(AT_HEADER + SEAL_HEADER_BYTES == VAULT_HEAD_BYTES, "head");

static void put_be(uint8_t *at, uint64_t value, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get_be(const uint8_t *at, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
    uint8_t seen = 0;
    for (size_t i = 0; i < len; i++)
        seen |= bytes[i];
    return seen == 0;
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static unsigned floor_log2(uint64_t value)
{
    assert(value > 0);
    return 63u - (unsigned)__builtin_clzll(value);
}

void vault_schema_hash(const char *schema, uint8_t ret[HASH_BYTES])
{
    sha256(schema, strlen(schema), ret);
}

/* Algorithm 1 of Nikitin et al. 2019 ("Reducing Metadata Leakage from Encrypted Files and
 * Communication with PURBs"): the length keeps as many significant bits as a floating-point number
 * with a mantissa no longer than its exponent would, rounded up; so O(log log len) bits of the
 * length stay visible. */
uint64_t vault_padded(uint64_t len)
{
    assert(len <= UINT64_C(1) << 62);
    if (len < 2)
        return len;
    unsigned exponent = floor_log2(len);
    unsigned mantissa = floor_log2(exponent) + 1;
    uint64_t mask = (UINT64_C(1) << (exponent - mantissa)) - 1;
    return (len + mask) & ~mask;
}

/* Bytes of plaintext in an envelope that carries content_len bytes of content. */
static size_t plain_bytes(size_t content_len)
{
    size_t padded = (size_t)vault_padded(LENGTH_BYTES + (uint64_t)content_len);
    return padded < VAULT_PADDED_MIN ? VAULT_PADDED_MIN : padded;
}

static size_t chunks_of(size_t plain)
{
    return (plain + VAULT_CHUNK_BYTES - 1) / VAULT_CHUNK_BYTES;
}

static void key_commitment(const uint8_t dek[DEK_BYTES], const uint8_t aad[VAULT_AAD_BYTES],
                           uint8_t ret[HASH_BYTES])
{
    static const char label[] = "cairn/kc/v1";
    struct blake2b h;
    blake2b_init(&h, dek, DEK_BYTES);
    blake2b_add(&h, label, sizeof(label) - 1);
    blake2b_add(&h, aad, VAULT_AAD_BYTES);
    blake2b_finish(&h, ret);
}

void vault_content_commitment(const uint8_t dek[DEK_BYTES], const void *content, size_t len,
                              uint8_t ret[HASH_BYTES])
{
    static const char label[] = "cairn/v1/content";
    uint8_t key[HASH_BYTES];
    hkdf_sha256(dek, DEK_BYTES, NULL, 0, label, sizeof(label) - 1, key, sizeof(key));
    blake2b_256(content, len, key, sizeof(key), ret);
    bytes_wipe(key, sizeof(key));
}

/* The first 92 bytes: what an envelope says of itself, and what every chunk is bound to. */
static void write_aad(const struct vault_subject *subject, uint8_t ret[VAULT_AAD_BYTES])
{
    memcpy(ret, MAGIC, MAGIC_BYTES);
    ret[AT_SUITE] = VAULT_SUITE;
    memcpy(ret + AT_RECORD, subject->record.bytes, ID_BYTES);
    put_be(ret + AT_VERSION, subject->version, sizeof(subject->version));
    memcpy(ret + AT_SCHEMA, subject->schema_hash, HASH_BYTES);
    memcpy(ret + AT_OWNER, subject->owner, SIGN_PUBLIC_BYTES);
}

/* One chunk of the plaintext that starts at offset at: length field, content and zeroes, as they
 * fall. */
static void fill_chunk(const uint8_t *content, size_t len, size_t at, uint8_t *ret, size_t chunk)
{
    size_t used = 0;
    if (at == 0) {
        put_be(ret, len, LENGTH_BYTES);
        used = LENGTH_BYTES;
    }
    size_t from = at + used - LENGTH_BYTES;
    size_t take = from < len ? least(len - from, chunk - used) : 0;
    if (take > 0)
        memcpy(ret + used, content + from, take);
    memset(ret + used + take, 0, chunk - used - take);
}

static void seal_chunks(struct seal *stream, const uint8_t *aad, const uint8_t *content, size_t len,
                        uint8_t *ret)
{
    uint8_t chunk[VAULT_CHUNK_BYTES];
    size_t plain = plain_bytes(len);
    for (size_t at = 0; at < plain; at += VAULT_CHUNK_BYTES) {
        size_t size = least(plain - at, sizeof(chunk));
        fill_chunk(content, len, at, chunk, size);
        seal_push(stream, chunk, size, aad, VAULT_AAD_BYTES, at + size == plain, ret);
        ret += size + VAULT_CHUNK_OVERHEAD;
    }
    bytes_wipe(chunk, sizeof(chunk));
}

enum err vault_seal(const struct vault_subject *subject, const uint8_t dek[DEK_BYTES],
                    const void *content, size_t len, const uint8_t *stream_header, struct buf *ret,
                    struct vault_manifest *ret_manifest)
{
    assert(content != NULL || len == 0);
    if (subject->version == 0)
        return ERR_FIELD_RANGE;
    if (len > VAULT_CONTENT_MAX)
        return ERR_LIMIT;
    size_t plain = plain_bytes(len);
    size_t size = VAULT_HEAD_BYTES + plain + chunks_of(plain) * VAULT_CHUNK_OVERHEAD;
    assert(size <= VAULT_ENVELOPE_MAX);
    if (size > ret->max - ret->len)
        return ERR_LIMIT;
    uint8_t *out = buf_reserve(ret, size);
    if (out == NULL)
        return ERR_NO_MEMORY;

    struct seal stream;
    write_aad(subject, out);
    key_commitment(dek, out, out + AT_COMMITMENT);
    if (stream_header == NULL) {
        seal_begin(&stream, dek, out + AT_HEADER);
    } else {
        memcpy(out + AT_HEADER, stream_header, SEAL_HEADER_BYTES);
        seal_resume(&stream, dek, stream_header);
    }
    seal_chunks(&stream, out, content, len, out + VAULT_HEAD_BYTES);
    seal_wipe(&stream);
    ret->len += size;
    ret->data[ret->len] = 0;

    ret_manifest->size = (int64_t)size;
    blake2b_256(out, size, NULL, 0, ret_manifest->ciphertext_hash);
    memcpy(ret_manifest->key_commitment, out + AT_COMMITMENT, HASH_BYTES);
    vault_content_commitment(dek, content, len, ret_manifest->content_commitment);
    return OK;
}

/* Bytes of plaintext that an envelope of len bytes carries; false if none has that length. */
static bool plain_of_envelope(size_t len, size_t *ret)
{
    if (len > VAULT_ENVELOPE_MAX || len <= VAULT_HEAD_BYTES)
        return false;
    size_t body = len - VAULT_HEAD_BYTES;
    size_t chunks = (body + SEALED_CHUNK_BYTES - 1) / SEALED_CHUNK_BYTES;
    size_t last = body - (chunks - 1) * SEALED_CHUNK_BYTES;
    if (last <= VAULT_CHUNK_OVERHEAD)
        return false;
    size_t plain = body - chunks * VAULT_CHUNK_OVERHEAD;
    if (plain < VAULT_PADDED_MIN || plain != vault_padded(plain))
        return false;
    if (plain > plain_bytes(VAULT_CONTENT_MAX))
        return false;
    *ret = plain;
    return true;
}

enum err vault_peek(const uint8_t *envelope, size_t len, struct vault_subject *ret,
                    uint8_t ret_commitment[HASH_BYTES])
{
    size_t plain = 0;
    if (!plain_of_envelope(len, &plain) || memcmp(envelope, MAGIC, MAGIC_BYTES) != 0)
        return ERR_SYNTAX;
    uint64_t version = get_be(envelope + AT_VERSION, sizeof(ret->version));
    if (envelope[AT_SUITE] != VAULT_SUITE || version == 0)
        return ERR_SYNTAX;
    memcpy(ret->record.bytes, envelope + AT_RECORD, ID_BYTES);
    ret->version = (uint32_t)version;
    memcpy(ret->schema_hash, envelope + AT_SCHEMA, HASH_BYTES);
    memcpy(ret->owner, envelope + AT_OWNER, SIGN_PUBLIC_BYTES);
    memcpy(ret_commitment, envelope + AT_COMMITMENT, HASH_BYTES);
    return OK;
}

/* An envelope on its way to being read: where the next chunk lies and how much came out of it. */
struct reader {
    struct seal stream;
    const uint8_t *aad;
    const uint8_t *next;
    size_t plain; /* bytes of plaintext in all */
    size_t at;    /* of these, read so far */
    size_t content_len;
    uint8_t chunk[VAULT_CHUNK_BYTES];
};

/* Opens the next chunk into r->chunk; FINAL is right on the last one and nowhere else. */
static enum err next_chunk(struct reader *r, size_t *ret_size)
{
    size_t size = least(r->plain - r->at, sizeof(r->chunk));
    enum err e = seal_pull(&r->stream, r->next, size + VAULT_CHUNK_OVERHEAD, r->aad,
                           VAULT_AAD_BYTES, r->at + size == r->plain, r->chunk);
    if (e != OK)
        return e;
    r->next += size + VAULT_CHUNK_OVERHEAD;
    r->at += size;
    *ret_size = size;
    return OK;
}

/* The length field must ask for exactly the padding that is there: one content, one envelope. */
static enum err read_length(struct reader *r)
{
    uint64_t content_len = get_be(r->chunk, LENGTH_BYTES);
    if (content_len > VAULT_CONTENT_MAX || plain_bytes((size_t)content_len) != r->plain)
        return ERR_CRYPTO;
    r->content_len = (size_t)content_len;
    return OK;
}

/* Adds a chunk's share of the content at ret + its place; what follows the content must be zero. */
static enum err take_chunk(const struct reader *r, size_t size, uint8_t *ret)
{
    size_t start = r->at - size; /* offset of this chunk in the plaintext */
    size_t skip = start == 0 ? LENGTH_BYTES : 0;
    size_t from = start + skip - LENGTH_BYTES; /* the same in the content */
    size_t take = from < r->content_len ? least(r->content_len - from, size - skip) : 0;
    if (take > 0)
        memcpy(ret + from, r->chunk + skip, take);
    return all_zero(r->chunk + skip + take, size - skip - take) ? OK : ERR_CRYPTO;
}

/* Room in ret is made only after the first chunk verified: a forger cannot make anyone allocate. */
static enum err open_chunks(struct reader *r, struct buf *ret)
{
    size_t size = 0;
    enum err e = next_chunk(r, &size);
    if (e == OK)
        e = read_length(r);
    if (e != OK)
        return e;
    if (r->content_len > ret->max - ret->len)
        return ERR_LIMIT;
    uint8_t *out = buf_reserve(ret, r->content_len);
    if (out == NULL)
        return ERR_NO_MEMORY;
    e = take_chunk(r, size, out);
    while (e == OK && r->at < r->plain) {
        e = next_chunk(r, &size);
        if (e == OK)
            e = take_chunk(r, size, out);
    }
    if (e != OK) {
        bytes_wipe(out, r->content_len);
        return e;
    }
    ret->len += r->content_len;
    ret->data[ret->len] = 0;
    return OK;
}

enum err vault_open(const struct vault_subject *expected, const uint8_t dek[DEK_BYTES],
                    const uint8_t *envelope, size_t len, struct buf *ret)
{
    uint8_t aad[VAULT_AAD_BYTES];
    uint8_t commitment[HASH_BYTES];
    struct reader r = { .aad = envelope };
    if (expected->version == 0 || !plain_of_envelope(len, &r.plain))
        return ERR_CRYPTO;
    /* Magic, suite and subject in one comparison: the head must be the one we would write. */
    write_aad(expected, aad);
    if (!bytes_equal(aad, envelope, VAULT_AAD_BYTES))
        return ERR_CRYPTO;
    key_commitment(dek, aad, commitment);
    if (!bytes_equal(commitment, envelope + AT_COMMITMENT, HASH_BYTES))
        return ERR_CRYPTO;
    seal_resume(&r.stream, dek, envelope + AT_HEADER);
    r.next = envelope + VAULT_HEAD_BYTES;
    enum err e = open_chunks(&r, ret);
    bytes_wipe(&r, sizeof(r));
    return e;
}

static void wrap_info(const uint8_t context_hash[HASH_BYTES],
                      uint8_t ret[sizeof(WRAP_LABEL) - 1 + HASH_BYTES])
{
    memcpy(ret, WRAP_LABEL, sizeof(WRAP_LABEL) - 1);
    memcpy(ret + sizeof(WRAP_LABEL) - 1, context_hash, HASH_BYTES);
}

enum err vault_wrap(const uint8_t recipient[BOX_PUBLIC_BYTES],
                    const uint8_t context_hash[HASH_BYTES], const uint8_t dek[DEK_BYTES],
                    uint8_t ret[WRAP_BYTES])
{
    uint8_t info[sizeof(WRAP_LABEL) - 1 + HASH_BYTES];
    wrap_info(context_hash, info);
    return hpke_seal(recipient, info, sizeof(info), NULL, 0, dek, DEK_BYTES, ret,
                     ret + HPKE_ENC_BYTES);
}

enum err vault_unwrap(const struct box_key *recipient, const uint8_t context_hash[HASH_BYTES],
                      const uint8_t wrap[WRAP_BYTES], uint8_t ret_dek[DEK_BYTES])
{
    uint8_t info[sizeof(WRAP_LABEL) - 1 + HASH_BYTES];
    wrap_info(context_hash, info);
    return hpke_open(recipient, wrap, info, sizeof(info), NULL, 0, wrap + HPKE_ENC_BYTES,
                     WRAP_BYTES - HPKE_ENC_BYTES, ret_dek);
}
