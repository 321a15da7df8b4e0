/* Views of a chain for tests of forensics: blocks one upon the other, each over certificates that
 * the test chooses the signers of, and the certificate that makes the top final. */
#ifndef CAIRN_TESTS_WIRE_FORK_H
#define CAIRN_TESTS_WIRE_FORK_H

#include "tests/unit/ledger/wire/sample.h"

#include "server/ledger/wire/guilt.h"

#define FORK_MAX 16

/* Sets of members as bits. */
#define ONE(i) (1u << (i))

struct fork {
    const struct sample *s;
    size_t n;
    struct core_id base;
    uint64_t base_view;
    struct wire_proposal block[FORK_MAX];
    struct buf just[FORK_MAX];
    struct forensic_view view; /* after fork_final */
};

static inline struct wire_cert fork_cert(const struct sample *s, uint8_t kind, uint64_t view,
                                         const struct core_id *id, unsigned signers)
{
    struct wire_cert c = sample_cert_by(s, kind, view, id, 0, 0);
    for (uint16_t i = 0; i < s->scope.n; i++) {
        if ((signers & ONE(i)) != 0)
            sample_sign(s, &c, i);
    }
    return c;
}

/* Begins on the genesis of the epoch. */
static inline void fork_init(struct fork *f, const struct sample *s)
{
    memset(f, 0, sizeof(*f));
    f->s = s;
    f->base = sample_id(0);
}

static inline void fork_release(struct fork *f)
{
    for (size_t i = 0; i < f->n; i++)
        buf_release(&f->just[i]);
    f->n = 0;
}

static inline const struct core_id *fork_top(const struct fork *f)
{
    return f->n > 0 ? &f->block[f->n - 1].id : &f->base;
}

static inline uint64_t fork_top_view(const struct fork *f)
{
    return f->n > 0 ? f->block[f->n - 1].block.view : f->base_view;
}

/* Takes over what the caller put into block and justification. */
static inline void fork_push(struct fork *f, const struct wire_block *b, const struct buf *just)
{
    assert(f->n < FORK_MAX);
    f->just[f->n] = *just;
    f->block[f->n] = sample_proposal(f->s, b, just, 0);
    f->n++;
}

/* A block on the top. kind and signers are those of the parent's certificate; the views between
 * were skipped by skippers. Views listed in missing (as bits) lack their certificate: that block is
 * not justified. The time makes blocks of one view differ. */
static inline void fork_block_by(struct fork *f, uint64_t view, uint8_t kind, unsigned signers,
                                 unsigned skippers, unsigned missing, uint64_t time)
{
    uint64_t from = fork_top_view(f);
    struct buf just;
    uint8_t n = 0;
    buf_init(&just, WIRE_FRAME_MAX);
    enum err e = buf_add(&just, "\0\0", 2);
    for (uint64_t u = from; u < view && e == OK; u++) {
        if (u == 0 || (u < 32 && (missing & ONE(u)) != 0))
            continue;
        struct wire_cert c = u == from ? fork_cert(f->s, kind, u, fork_top(f), signers)
                                       : fork_cert(f->s, CORE_S, u, NULL, skippers);
        e = wire_cert_print(&c, &just);
        n++;
    }
    assert(e == OK);
    just.data[1] = n;
    struct wire_block b = sample_block(f->s, view, from, fork_top(f), &just, 0);
    b.time = time;
    fork_push(f, &b, &just);
}

static inline void fork_block(struct fork *f, uint64_t view, unsigned signers, uint64_t time)
{
    fork_block_by(f, view, CORE_N, signers, signers, 0, time);
}

static inline void fork_final(struct fork *f, unsigned signers)
{
    f->view = (struct forensic_view){ .blocks = f->block, .n = f->n };
    f->view.final = fork_cert(f->s, CORE_F, fork_top_view(f), fork_top(f), signers);
}

#endif
