/* Requests of tlog-witness about a prefix of the sample log, and the states they meet. */
#ifndef CAIRN_TESTS_LOG_WITNESS_SAMPLE_H
#define CAIRN_TESTS_LOG_WITNESS_SAMPLE_H

#include "tests/unit/ledger/log/sample.h"

#include "server/ledger/log/witness.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define SIZE 70 /* entries */

static struct sample s; /* the trusted log, of which a prefix is published */

static inline void note_of(uint64_t size, struct buf *ret)
{
    s.size = s.claimed = size;
    buf_clear(ret);
    sample_note(&s, 1, ret);
    s.size = SIZE;
}

static inline void proof_of(uint64_t old, uint64_t size, struct witness_request *ret)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX];
    assert_int_equal(merkle_consistency(sample_read, &s, old, size, proof, &ret->n), OK);
    assert_true(ret->n <= WITNESS_PROOF_MAX);
    memcpy(ret->proof, proof, ret->n * sizeof(proof[0]));
}

/* A request for size with a proof from old, whose text note borrows. */
static inline struct witness_request request_of(uint64_t old, uint64_t size, struct buf *text)
{
    struct witness_request made = { .n = 0 }, ret;
    struct buf note;
    buf_init(&note, CHECKPOINT_MAX);
    note_of(size, &note);
    proof_of(old, size, &made);
    buf_clear(text);
    assert_int_equal(witness_request_print(old, made.proof, made.n, buf_str(&note), note.len, text),
                     OK);
    assert_int_equal(witness_request_parse(buf_str(text), text->len, &ret), OK);
    assert_int_equal(ret.old_size, old);
    assert_int_equal(ret.checkpoint.size, size);
    assert_int_equal(ret.n, made.n);
    assert_memory_equal(ret.proof, made.proof, made.n * sizeof(made.proof[0]));
    assert_int_equal(ret.note_len, note.len);
    assert_memory_equal(ret.note, note.data, note.len);
    buf_release(&note);
    return ret;
}

#endif
