/* Forensics: every shape of fork that the safety argument (ledger.md 4.2 (C)) can end in, by two of
 * four members and by three of seven; each names at least f+1 members, and no honest one. */
#include "tests/unit/ledger/wire/fork.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

/* Honest members on either side of a partition, and the ones who sign for both. */
struct cast {
    uint16_t n;
    unsigned left, right, liars;
};
static const struct cast casts[] = {
    { 4, ONE(0), ONE(3), ONE(1) | ONE(2) },
    { 7, ONE(0) | ONE(5), ONE(1) | ONE(3), ONE(2) | ONE(4) | ONE(6) },
};

static struct sample s;
static struct fork a, b;
static unsigned left, right, liars;

static void begin(const struct cast *c)
{
    fork_release(&a);
    fork_release(&b);
    sample_init(&s, c->n, CHAIN_TX, 3);
    left = c->left | c->liars;
    right = c->right | c->liars;
    liars = c->liars;
    fork_init(&a, &s);
    fork_init(&b, &s);
}

/* One record per guilty member, which stands by itself, and none against anybody else. */
static void check_evidence(const struct forensic_proof *p)
{
    struct buf record;
    buf_init(&record, EVIDENCE_MAX);
    for (uint16_t i = 0; i < CORE_MEMBERS_MAX; i++) {
        uint16_t who = 0;
        uint8_t fault = 0;
        bool named = i < 64 && (p->finding.guilty.bits[0] >> i & 1) != 0;
        buf_clear(&record);
        enum err e = forensics_evidence(p, i, &record);
        assert_int_equal(e, named && p->finding.how != 0 ? OK : ERR_FIELD_RANGE);
        if (e != OK)
            continue;
        assert_int_equal(evidence_verify(&s.scope, record.data, record.len, &who, &fault), OK);
        assert_int_equal(who, s.scope.member[i]);
        assert_int_equal(fault, p->finding.how);
    }
    buf_release(&record);
}

/* The views conflict, in either order, just so. */
static void expect(uint8_t how, uint64_t view, unsigned guilty)
{
    for (unsigned order = 0; order < 2; order++) {
        struct forensic_finding f;
        static struct forensic_proof p;
        const struct forensic_view *one = order ? &b.view : &a.view;
        const struct forensic_view *two = order ? &a.view : &b.view;
        assert_int_equal(forensics_run(&s.scope, one, two, &f), OK);
        assert_int_equal(f.how, how);
        assert_int_equal(f.view, view);
        assert_int_equal(f.guilty.bits[0], guilty);
        assert_int_equal(f.guilty.bits[1], 0);
        assert_true(__builtin_popcount(guilty) >= core_faults(s.scope.n) + 1);
        assert_int_equal(forensics_prove(&s.scope, one, two, &p), OK);
        assert_memory_equal(&p.finding, &f, sizeof(f));
        check_evidence(&p);
    }
}

static void refuse(enum err why)
{
    struct forensic_finding f = { .how = 77 };
    assert_int_equal(forensics_run(&s.scope, &a.view, &b.view, &f), why);
    assert_int_equal(forensics_run(&s.scope, &b.view, &a.view, &f), why);
    assert_int_equal(f.how, 77);
}

/* Two blocks notarized in one view, and a final block above each. */
static void test_two_notarized(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(casts); i++) {
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_block(&a, 2, left, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 2);
        fork_block(&b, 3, right, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_NN, 1, liars);
    }
}

static void test_two_final(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(casts); i++) {
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_FF, 1, liars);
    }
}

static void test_final_and_notarized(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(casts); i++) {
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 2);
        fork_block(&b, 2, right, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_NF, 1, liars);
        /* The parent may be shown by its F certificate, too. */
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 2);
        fork_block_by(&b, 2, CORE_F, right, 0, 0, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_FF, 1, liars);
    }
}

static void test_final_and_skipped(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(casts); i++) {
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_block(&a, 4, left, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 1); /* the same block */
        fork_block(&b, 6, right, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_SF, 4, liars);
    }
}

/* N beside S is no fault, and different certificates of one block are none: the lowest
 * contradiction is further up. */
static void test_what_is_no_fault(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(casts); i++) {
        begin(&casts[i]);
        fork_block(&a, 2, left, 1);
        fork_block(&a, 3, left, 1);
        fork_block(&a, 5, left, 1);
        fork_final(&a, left);
        fork_block(&b, 2, left, 1);                       /* the same block */
        fork_block_by(&b, 5, CORE_F, right, right, 0, 2); /* skips 3, and 4 as the other does */
        fork_block(&b, 9, right, 2);
        fork_final(&b, right);
        expect(CORE_FAULT_NF, 5, liars);
    }
}

/* The views begin at different blocks; what counts is that they overlap. */
static void test_other_base(void **state)
{
    (void)state;
    begin(&casts[0]);
    fork_block(&a, 1, 0, 1);
    fork_block(&a, 5, left, 1);
    fork_final(&a, left);
    b.base = sample_id(77);
    b.base_view = 5;
    fork_block(&b, 6, right, 2);
    fork_final(&b, right);
    expect(CORE_FAULT_NF, 5, liars);

    begin(&casts[0]);
    a.base = b.base = sample_id(77);
    a.base_view = b.base_view = 30;
    fork_block(&a, 31, left, 1);
    fork_final(&a, left);
    fork_block(&b, 33, right, 1);
    fork_final(&b, right);
    expect(CORE_FAULT_SF, 31, liars);
}

/* ---- certified without a valid justification: all who signed for it ---- */
static void test_unfounded(void **state)
{
    (void)state;
    const unsigned crew[] = { ONE(1) | ONE(2) | ONE(3), 0x7c };
    for (size_t i = 0; i < COUNT(casts); i++) {
        for (unsigned missing = 0; missing < 4; missing++) {
            /* Skips 2 to 4; one or all of them, or the parent's certificate, are not there. */
            begin(&casts[i]);
            fork_block(&a, 1, 0, 1);
            fork_block(&a, 3, left, 1);
            fork_final(&a, left);
            fork_block(&b, 1, 0, 1);
            fork_block_by(&b, 5, CORE_N, left, left, missing ? ONE(missing) : 0x1e, 2);
            fork_final(&b, crew[i]);
            expect(0, 5, crew[i]);
        }
        /* In the middle: whoever notarized it, not those who went on from there. */
        begin(&casts[i]);
        fork_block(&a, 1, 0, 1);
        fork_block(&a, 2, left, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 1);
        fork_block_by(&b, 4, CORE_N, left, left, ONE(2), 2);
        fork_block(&b, 6, crew[i], 2);
        fork_final(&b, left);
        expect(0, 4, crew[i]);
    }
}

/* A block that stands on good certificates, changed before it was certified. */
static void test_unfounded_block(void **state)
{
    (void)state;
    const unsigned crew = ONE(1) | ONE(2) | ONE(3);
    for (unsigned how = 0; how < 6; how++) {
        begin(&casts[0]);
        fork_block(&a, 1, 0, 1);
        fork_block(&a, 2, left, 1);
        fork_final(&a, left);
        fork_block(&b, 1, 0, 1);
        fork_block(&b, 4, left, 2);
        fork_final(&b, crew);
        struct wire_block block = b.block[1].block;
        struct buf just = b.just[1];
        if (how == 0)
            block.view = 5; /* one view more than it has skips for */
        if (how == 1)
            block.epoch++;
        if (how == 2)
            block.chain = CHAIN_ACCOUNT;
        if (how == 3)
            block.parent_view = 2; /* the certificate is of view 1 */
        if (how == 4)
            just.data[just.len - 1] ^= 1; /* a skip vote that does not verify */
        if (how == 5)
            assert_int_equal(buf_add(&just, "x", 1), OK);
        sha256(just.data, just.len, block.just_hash);
        b.n = 1;
        fork_push(&b, &block, &just);
        fork_final(&b, crew);
        b.view.final = fork_cert(&s, CORE_F, 4, fork_top(&b), crew);
        expect(0, 4, crew);
    }
}

/* A block of view 3 certified in view 4, so that it looks as if it stood higher. */
static void test_certified_elsewhere(void **state)
{
    (void)state;
    const unsigned crew = ONE(1) | ONE(2) | ONE(3);
    begin(&casts[0]);
    fork_block(&a, 1, 0, 1);
    fork_final(&a, left);
    fork_block(&b, 3, left, 2);
    fork_final(&b, crew);
    b.view.final = fork_cert(&s, CORE_F, 4, fork_top(&b), crew);
    expect(0, 4, crew);
}

/* Where it breaks off is below the contradiction: two signatures of each are the better proof. */
static void test_broken_below(void **state)
{
    (void)state;
    const unsigned crew = ONE(1) | ONE(2) | ONE(3);
    begin(&casts[0]);
    fork_block(&a, 1, 0, 1);
    fork_block(&a, 5, left, 1);
    fork_final(&a, left);
    fork_block_by(&b, 3, CORE_N, 0, left, ONE(1) | ONE(2), 2);
    fork_block(&b, 4, crew, 2);
    fork_block(&b, 6, right, 2);
    fork_final(&b, right);
    expect(CORE_FAULT_SF, 5, liars);
}

/* ---- no conflict ---- */
static void test_prefix(void **state)
{
    (void)state;
    begin(&casts[0]);
    fork_block(&a, 1, 0, 1);
    fork_final(&a, left);
    fork_block(&b, 1, 0, 1);
    fork_final(&b, right);
    refuse(ERR_FIELD_RANGE); /* the same */
    fork_block(&b, 4, right, 1);
    fork_final(&b, right);
    refuse(ERR_FIELD_RANGE); /* a prefix */
    fork_release(&b);
    fork_init(&b, &s);
    b.base = *fork_top(&a);
    b.base_view = 1;
    fork_block(&b, 2, right, 1);
    fork_final(&b, right);
    refuse(ERR_FIELD_RANGE); /* begins where the other ends */
    fork_release(&b);
    fork_init(&b, &s);
    b.base = sample_id(5);
    b.base_view = 2;
    fork_block(&b, 3, right, 1);
    fork_final(&b, right);
    refuse(ERR_FIELD_RANGE); /* begins only above it: nothing to compare */
}

static void conflicting(void)
{
    begin(&casts[0]);
    fork_block(&a, 1, 0, 1);
    fork_block(&a, 2, left, 1);
    fork_final(&a, left);
    fork_block(&b, 1, 0, 1);
    fork_block(&b, 4, right, 2);
    fork_final(&b, right);
}

/* What does not hang together accuses nobody: it may have been made up by anybody. */
static void test_not_a_view(void **state)
{
    (void)state;
    conflicting();
    a.view.final = fork_cert(&s, CORE_F, 2, fork_top(&a), liars); /* 2f */
    refuse(ERR_CRYPTO);
    conflicting();
    a.view.final.signature[1][0] ^= 1;
    refuse(ERR_CRYPTO);
    conflicting();
    a.view.final = fork_cert(&s, CORE_N, 2, fork_top(&a), left); /* notarized, not final */
    refuse(ERR_CRYPTO);
    conflicting();
    a.view.final = fork_cert(&s, CORE_F, 1, &a.block[0].id, left); /* of another block */
    refuse(ERR_CRYPTO);
    conflicting();
    a.view.n = 0;
    refuse(ERR_CRYPTO);
    conflicting();
    a.block[1].id = sample_id(4);
    refuse(ERR_CRYPTO);
    conflicting();
    a.block[1].block.time++;
    refuse(ERR_CRYPTO);
    conflicting();
    a.just[1].data[9] ^= 1;
    refuse(ERR_CRYPTO);
    conflicting();
    a.block[0] = b.block[1]; /* the parent of nothing here */
    refuse(ERR_CRYPTO);
    conflicting();
    s.scope.epoch++;
    refuse(ERR_CRYPTO);
    conflicting();
    s.scope.genesis[0]++;
    refuse(ERR_CRYPTO);
    /* A block that claims to stand on the genesis has none below it. */
    conflicting();
    fork_release(&a);
    fork_block(&a, 1, 0, 1);
    struct wire_block block = a.block[0].block;
    struct buf just;
    buf_init(&just, WIRE_FRAME_MAX);
    assert_int_equal(buf_add(&just, "\0\0", 2), OK);
    block.view = 2;
    block.parent = a.block[0].id;
    sha256(just.data, just.len, block.just_hash);
    fork_push(&a, &block, &just);
    fork_final(&a, left);
    refuse(ERR_CRYPTO);
    fork_release(&a);
    fork_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_two_notarized),
                                        cmocka_unit_test(test_two_final),
                                        cmocka_unit_test(test_final_and_notarized),
                                        cmocka_unit_test(test_final_and_skipped),
                                        cmocka_unit_test(test_what_is_no_fault),
                                        cmocka_unit_test(test_other_base),
                                        cmocka_unit_test(test_unfounded),
                                        cmocka_unit_test(test_unfounded_block),
                                        cmocka_unit_test(test_certified_elsewhere),
                                        cmocka_unit_test(test_broken_below),
                                        cmocka_unit_test(test_prefix),
                                        cmocka_unit_test(test_not_a_view) };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
