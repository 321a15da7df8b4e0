/* Journals for tests: record i follows from i, and a reader that expects 1, 2, 3 and so on. */
#ifndef CAIRN_TESTS_JOURNAL_SAMPLE_H
#define CAIRN_TESTS_JOURNAL_SAMPLE_H

#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const uint8_t sample_genesis[HASH_BYTES] = { 0xca, 0x11 };

/* Every third record has a body, of i * 37 bytes up to 1 KiB; every seventh of these is empty. */
static inline struct journal_record sample_record(uint64_t i, uint8_t body[1024])
{
    struct journal_record r = {
        .kind = i % 3 != 0 ? (uint8_t)(CORE_REC_N + i % 4)
                           : (uint8_t)(i % 2 != 0 ? JOURNAL_BATCH : JOURNAL_PROPOSAL),
        .chain = (uint8_t)(1 + i % 2),
        .epoch = 7,
        .view = i,
        .body_len = i % 3 != 0 || i % 7 == 0 ? 0 : i * 37 % 1025,
    };
    memset(r.id, (int)(i % 251), HASH_BYTES);
    for (size_t k = 0; k < r.body_len; k++)
        body[k] = (uint8_t)(i + k * k);
    r.body = r.body_len > 0 ? body : NULL;
    return r;
}

static inline void sample_add(struct journal *j, uint64_t i)
{
    uint8_t body[1024];
    struct journal_record r = sample_record(i, body);
    journal_add(j, &r);
}

struct sample_count {
    uint64_t first, n; /* first: the one to begin with, 0: any */
};

static inline enum err sample_expect(void *arg, const struct journal_record *r)
{
    struct sample_count *c = arg;
    uint8_t body[1024];
    if (c->n == 0 && c->first == 0)
        c->first = r->view;
    struct journal_record want = sample_record(c->first + c->n, body);
    assert_int_equal(r->view, want.view);
    assert_int_equal(r->kind, want.kind);
    assert_int_equal(r->chain, want.chain);
    assert_int_equal(r->epoch, want.epoch);
    assert_memory_equal(r->id, want.id, HASH_BYTES);
    assert_int_equal(r->body_len, want.body_len);
    assert_true((r->body == NULL) == (r->body_len == 0));
    if (r->body_len > 0)
        assert_memory_equal(r->body, want.body, r->body_len);
    c->n++;
    return OK;
}

/* Opens, expects what comes to be records 1, 2 .., and returns how it went. */
static inline enum err sample_open(const char *dir, uint64_t mark, uint64_t *ret_n,
                                   struct journal **ret)
{
    struct sample_count c = { .first = 1 };
    enum err e = journal_open(dir, sample_genesis, mark, sample_expect, &c, ret);
    *ret_n = c.n;
    return e;
}

static inline struct journal *sample_journal(const char *dir, uint32_t segment_bytes)
{
    struct journal *j = NULL;
    uint64_t n;
    assert_int_equal(journal_create_sized(dir, sample_genesis, segment_bytes), OK);
    assert_int_equal(sample_open(dir, 0, &n, &j), OK);
    assert_int_equal(n, 0);
    return j;
}

static inline int sample_segment(const char *dir, uint64_t number)
{
    char path[128], name[JOURNAL_NAME_MAX];
    journal_segment_name(number, name);
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    return open(path, O_RDWR | O_CLOEXEC);
}

#endif
