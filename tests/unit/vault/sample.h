/* What the tests of the vault format share: a sealed sample, and opening it with every check that
 * must hold whatever comes out. */
#ifndef CAIRN_TESTS_UNIT_VAULT_SAMPLE_H
#define CAIRN_TESTS_UNIT_VAULT_SAMPLE_H

#include "server/vault/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* A sealed content and all that opens it. */
struct sample {
    struct vault_subject subject;
    uint8_t dek[DEK_BYTES];
    uint8_t *content;
    size_t len;
    struct buf envelope;
    struct vault_manifest manifest;
};

static inline void sample_seal(struct sample *s, size_t len)
{
    random_bytes(&s->subject, sizeof(s->subject));
    s->subject.version |= 1; /* 0 is no version */
    random_bytes(s->dek, sizeof(s->dek));
    s->len = len;
    s->content = malloc(len + 1);
    assert_non_null(s->content);
    random_bytes(s->content, len);
    buf_init(&s->envelope, VAULT_ENVELOPE_MAX);
    assert_int_equal(
        vault_seal(&s->subject, s->dek, s->content, len, NULL, &s->envelope, &s->manifest), OK);
}

static inline void sample_release(struct sample *s)
{
    free(s->content);
    buf_release(&s->envelope);
}

/* Opens len bytes, given in memory of exactly that size so that a sanitizer sees every read beyond
 * it, into a buffer that holds something already. That must stay; on success the content follows
 * it, on failure nothing does and no plaintext remains in the memory behind it. */
static inline enum err open_bytes(const struct sample *s, const uint8_t *envelope, size_t len)
{
    static const char before[] = "before";
    const size_t kept = sizeof(before) - 1;
    struct buf out;
    uint8_t *copy = malloc(len > 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, envelope, len);
    buf_init(&out, kept + VAULT_CONTENT_MAX);
    assert_int_equal(buf_add(&out, before, kept), OK);
    assert_non_null(buf_reserve(&out, s->len));
    memset(out.data + kept, 0, out.cap - kept);
    enum err e = vault_open(&s->subject, s->dek, copy, len, &out);
    assert_memory_equal(out.data, before, kept);
    assert_int_equal(out.len, e == OK ? kept + s->len : kept);
    if (e == OK)
        assert_memory_equal(out.data + kept, s->content, s->len);
    else
        for (size_t i = kept; i < out.cap; i++)
            assert_int_equal(out.data[i], 0);
    buf_release_secret(&out);
    free(copy);
    return e;
}

static inline enum err open_sample(const struct sample *s)
{
    return open_bytes(s, s->envelope.data, s->envelope.len);
}

#endif
