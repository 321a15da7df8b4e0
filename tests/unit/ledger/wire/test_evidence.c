/* Evidence: every pair of votes that no correct member signs becomes a record that convicts just
 * the signer, no other pair does, and no record can be changed (S1-6). */
#include "tests/unit/ledger/wire/sample.h"

#include "server/ledger/wire/forensics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static struct sample s;

/* The record of two votes, or the error that there is none. */
static enum err record_of(const struct wire_vote *a, const struct wire_vote *b, uint8_t *ret_fault,
                          struct buf *ret)
{
    buf_clear(ret);
    return evidence_votes(a, b, ret_fault, ret);
}

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    const uint16_t *who = arg;
    uint16_t signer = 0;
    uint8_t fault = 0;
    enum err e = evidence_verify(&s.scope, bytes, len, &signer, &fault);
    if (e == OK) {
        assert_int_equal(signer, *who);
        assert_int_equal(buf_add(ret, bytes, len), OK);
        return VERIFIED;
    }
    return REFUSED;
}

static void test_every_pair(void **state)
{
    (void)state;
    struct core_id x = sample_id(1), y = sample_id(2);
    /* N x, N y, F x, F y, S: which fault two of them are. */
    static const uint8_t kind[] = { CORE_N, CORE_N, CORE_F, CORE_F, CORE_S };
    const struct core_id *id[] = { &x, &y, &x, &y, NULL };
    static const uint8_t faults[5][5] = {
        { 0, CORE_FAULT_NN, 0, CORE_FAULT_NF, 0 },
        { CORE_FAULT_NN, 0, CORE_FAULT_NF, 0, 0 },
        { 0, CORE_FAULT_NF, 0, CORE_FAULT_FF, CORE_FAULT_SF },
        { CORE_FAULT_NF, 0, CORE_FAULT_FF, 0, CORE_FAULT_SF },
        { 0, 0, CORE_FAULT_SF, CORE_FAULT_SF, 0 },
    };
    struct buf record, again;
    buf_init(&record, EVIDENCE_MAX);
    buf_init(&again, EVIDENCE_MAX);
    for (unsigned i = 0; i < 5; i++) {
        for (unsigned k = 0; k < 5; k++) {
            struct wire_vote a = sample_vote(&s, 2, kind[i], 9, id[i]);
            struct wire_vote b = sample_vote(&s, 2, kind[k], 9, id[k]);
            uint8_t fault = 0, seen = 0;
            uint16_t who = 0;
            enum err e = record_of(&a, &b, &fault, &record);
            assert_int_equal(e, faults[i][k] != 0 ? OK : ERR_CRYPTO);
            assert_int_equal(fault, faults[i][k]);
            if (e != OK)
                continue;
            assert_int_equal(evidence_verify(&s.scope, record.data, record.len, &who, &seen), OK);
            assert_int_equal(who, s.scope.member[2]);
            assert_int_equal(seen, fault);
            /* The order in which they were caught does not matter. */
            assert_int_equal(record_of(&b, &a, &fault, &again), OK);
            assert_int_equal(again.len, record.len);
            assert_memory_equal(again.data, record.data, record.len);
        }
    }
    buf_release(&record);
    buf_release(&again);
}

/* Two votes that have not all in common contradict nothing. */
static void test_not_the_same(void **state)
{
    (void)state;
    struct core_id x = sample_id(1), y = sample_id(2);
    static struct sample tx, later;
    struct buf record;
    uint8_t fault = 0;
    buf_init(&record, EVIDENCE_MAX);
    sample_init(&tx, 4, CHAIN_TX, 3);
    sample_init(&later, 4, CHAIN_ACCOUNT, 4);
    struct wire_vote a = sample_vote(&s, 2, CORE_N, 9, &x);
    struct wire_vote others[] = {
        sample_vote(&s, 2, CORE_N, 10, &y),  sample_vote(&s, 1, CORE_N, 9, &y),
        sample_vote(&tx, 2, CORE_N, 9, &y),  sample_vote(&later, 2, CORE_N, 9, &y),
        sample_vote(&s, 2, CORE_S, 9, NULL), a,
    };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(record_of(&a, &others[i], &fault, &record), ERR_CRYPTO);
    struct wire_vote broken = sample_vote(&s, 2, CORE_N, 9, &y);
    broken.signer = a.signer = 200;
    assert_int_equal(record_of(&a, &broken, &fault, &record), ERR_SYNTAX);
    assert_int_equal(record.len, 0);
    buf_release(&record);
}

static void test_strict(void **state)
{
    (void)state;
    struct core_id x = sample_id(1), y = sample_id(2);
    struct wire_vote pairs[][2] = {
        { sample_vote(&s, 3, CORE_N, 9, &x), sample_vote(&s, 3, CORE_N, 9, &y) },
        { sample_vote(&s, 3, CORE_F, 9, &x), sample_vote(&s, 3, CORE_F, 9, &y) },
        { sample_vote(&s, 3, CORE_S, 9, NULL), sample_vote(&s, 3, CORE_F, 9, &y) },
        { sample_vote(&s, 3, CORE_N, 9, &x), sample_vote(&s, 3, CORE_F, 9, &y) },
    };
    struct buf record;
    buf_init(&record, EVIDENCE_MAX);
    for (size_t i = 0; i < COUNT(pairs); i++) {
        uint8_t fault = 0;
        assert_int_equal(record_of(&pairs[i][0], &pairs[i][1], &fault, &record), OK);
        assert_int_equal(record.len, 17 + 1 + 2 * (4 + WIRE_VOTE_BYTES));
        assert_memory_equal(record.data, "ledger-evidence/1", 17);
        assert_int_equal(record.data[17], fault);
        assert_int_equal(
            sample_faults(judge, &s.scope.member[3], record.data, record.len, VERIFIED, REFUSED),
            0);
    }
    buf_release(&record);
}

static enum err convicts(const struct buf *record, const struct wire_scope *scope)
{
    uint16_t who = 0;
    uint8_t fault = 0;
    return evidence_verify(scope, record->data, record->len, &who, &fault);
}

/* Records of good votes that say something else than the votes do. */
static void test_forged(void **state)
{
    (void)state;
    struct core_id x = sample_id(1), y = sample_id(2);
    struct wire_vote a = sample_vote(&s, 3, CORE_N, 9, &x), b = sample_vote(&s, 3, CORE_N, 9, &y);
    struct buf record;
    uint8_t fault = 0;
    buf_init(&record, EVIDENCE_MAX);
    assert_int_equal(record_of(&a, &b, &fault, &record), OK);
    assert_int_equal(convicts(&record, &s.scope), OK);
    struct wire_scope other = s.scope;
    other.epoch++;
    assert_int_equal(convicts(&record, &other), ERR_CRYPTO);
    other = s.scope, other.chain = CHAIN_TX;
    assert_int_equal(convicts(&record, &other), ERR_CRYPTO);
    other = s.scope, other.genesis[0]++;
    assert_int_equal(convicts(&record, &other), ERR_CRYPTO);
    other = s.scope, other.n = 3;
    assert_int_equal(convicts(&record, &other), ERR_CRYPTO);
    for (unsigned claim = 0; claim < 256; claim++) {
        record.data[17] = (uint8_t)claim;
        assert_int_equal(convicts(&record, &s.scope) == OK, claim == CORE_FAULT_NN);
    }
    record.data[17] = CORE_FAULT_NN;
    /* The other order, and one vote twice. */
    uint8_t first[WIRE_VOTE_BYTES], *at = record.data + 22, *to = at + WIRE_VOTE_BYTES + 4;
    memcpy(first, at, sizeof(first));
    memcpy(at, to, sizeof(first));
    memcpy(to, first, sizeof(first));
    assert_int_equal(convicts(&record, &s.scope), ERR_SYNTAX);
    memcpy(at, first, sizeof(first));
    assert_int_equal(convicts(&record, &s.scope), ERR_SYNTAX);
    buf_release(&record);

    /* Accused with a vote that somebody else signed in its name. */
    struct wire_vote framed = sample_vote(&s, 0, CORE_N, 9, &y);
    framed.signer = 3;
    assert_int_equal(record_of(&a, &framed, &fault, &record), OK);
    assert_int_equal(convicts(&record, &s.scope), ERR_CRYPTO);
    assert_int_equal(record_of(&framed, &a, &fault, &record), OK);
    assert_int_equal(convicts(&record, &s.scope), ERR_CRYPTO);
    buf_release(&record);
}

static struct evidence_proposal proposed(const struct sample *who, uint16_t signer, uint64_t view,
                                         const struct core_id *id)
{
    struct wire_proposal p;
    memset(&p, 0, sizeof(p));
    p.block.view = view;
    p.id = *id;
    wire_proposal_sign(&who->scope, &who->key[signer], &p);
    struct evidence_proposal e = { .chain = who->scope.chain,
                                   .epoch = who->scope.epoch,
                                   .view = view,
                                   .id = *id,
                                   .signer = signer };
    memcpy(e.signature, p.signature, SIGN_BYTES);
    return e;
}

static void test_proposals(void **state)
{
    (void)state;
    static struct sample tx;
    struct core_id x = sample_id(1), y = sample_id(2);
    struct evidence_proposal a = proposed(&s, 1, 9, &x), b = proposed(&s, 1, 9, &y);
    struct buf record;
    uint16_t who = 0;
    uint8_t fault = 0;
    buf_init(&record, EVIDENCE_MAX);
    assert_int_equal(evidence_proposals(&a, &b, &record), OK);
    assert_int_equal(evidence_verify(&s.scope, record.data, record.len, &who, &fault), OK);
    assert_int_equal(who, s.scope.member[1]);
    assert_int_equal(fault, CORE_FAULT_PROPOSAL);
    assert_int_equal(
        sample_faults(judge, &s.scope.member[1], record.data, record.len, VERIFIED, REFUSED), 0);
    buf_clear(&record);
    sample_init(&tx, 4, CHAIN_TX, 3);
    struct evidence_proposal others[] = { a, proposed(&s, 1, 10, &y), proposed(&s, 2, 9, &y),
                                          proposed(&tx, 1, 9, &y), b };
    others[4].epoch++;
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(evidence_proposals(&a, &others[i], &record), ERR_CRYPTO);
    assert_int_equal(record.len, 0);
    struct evidence_proposal framed = proposed(&s, 0, 9, &y);
    framed.signer = 1;
    assert_int_equal(evidence_proposals(&a, &framed, &record), OK);
    assert_int_equal(convicts(&record, &s.scope), ERR_CRYPTO);
    buf_release(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_pair), cmocka_unit_test(test_not_the_same),
        cmocka_unit_test(test_strict),     cmocka_unit_test(test_forged),
        cmocka_unit_test(test_proposals),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_ACCOUNT, 3);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
