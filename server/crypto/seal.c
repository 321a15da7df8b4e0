#include "server/crypto/seal.h"

#include <assert.h>
#include <sodium.h>

static_assert(sizeof(struct seal) >= sizeof(crypto_secretstream_xchacha20poly1305_state),
              "struct seal hides the state");
static_assert(_Alignof(struct seal) >= _Alignof(crypto_secretstream_xchacha20poly1305_state),
              "struct seal is aligned for it");
static_assert(SEAL_KEY_BYTES == crypto_secretstream_xchacha20poly1305_KEYBYTES, "key");
static_assert(SEAL_HEADER_BYTES == crypto_secretstream_xchacha20poly1305_HEADERBYTES, "header");
static_assert(SEAL_OVERHEAD == crypto_secretstream_xchacha20poly1305_ABYTES, "overhead");

#define CHUNK_MAX (1u << 30)

static crypto_secretstream_xchacha20poly1305_state *state_of(struct seal *s)
{
    return (crypto_secretstream_xchacha20poly1305_state *)(void *)s;
}

void seal_begin(struct seal *s, const uint8_t key[SEAL_KEY_BYTES],
                uint8_t ret_header[SEAL_HEADER_BYTES])
{
    int failed = crypto_secretstream_xchacha20poly1305_init_push(state_of(s), ret_header, key);
    assert(failed == 0);
}

/* The state after init_pull with a header equals the state after the init_push that drew that
 * header: both are HChaCha20(key, header), counter 1 and the header's last eight bytes. */
void seal_resume(struct seal *s, const uint8_t key[SEAL_KEY_BYTES],
                 const uint8_t header[SEAL_HEADER_BYTES])
{
    int failed = crypto_secretstream_xchacha20poly1305_init_pull(state_of(s), header, key);
    assert(failed == 0);
}

void seal_wipe(struct seal *s)
{
    sodium_memzero(s, sizeof(*s));
}

void seal_push(struct seal *s, const void *plain, size_t len, const void *aad, size_t aad_len,
               bool final, uint8_t *ret)
{
    assert(len <= CHUNK_MAX && aad_len <= CHUNK_MAX);
    uint8_t tag = final ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                        : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    unsigned long long written = 0;
    int failed = crypto_secretstream_xchacha20poly1305_push(state_of(s), ret, &written, plain, len,
                                                            aad, aad_len, tag);
    assert(failed == 0);
    assert(written == len + SEAL_OVERHEAD);
}

enum err seal_pull(struct seal *s, const uint8_t *chunk, size_t len, const void *aad,
                   size_t aad_len, bool final, uint8_t *ret)
{
    assert(aad_len <= CHUNK_MAX);
    if (len < SEAL_OVERHEAD || len > CHUNK_MAX)
        return ERR_CRYPTO;
    uint8_t want = final ? crypto_secretstream_xchacha20poly1305_TAG_FINAL
                         : crypto_secretstream_xchacha20poly1305_TAG_MESSAGE;
    uint8_t tag = 0;
    unsigned long long read = 0;
    int failed = crypto_secretstream_xchacha20poly1305_pull(state_of(s), ret, &read, &tag, chunk,
                                                            len, aad, aad_len);
    if (failed != 0 || tag != want) {
        sodium_memzero(ret, len - SEAL_OVERHEAD);
        return ERR_CRYPTO;
    }
    assert(read == len - SEAL_OVERHEAD);
    return OK;
}
