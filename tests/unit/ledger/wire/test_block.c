/* Blocks and their justification: the exact bytes, every value within its bounds, and no block
 * without each certificate it stands on. */
#include "tests/unit/ledger/wire/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define HEAD_BYTES (14 + 1 + 4 + 24 + 32 + 8 + 8 + 32 + 80 + 64 + 2)
#define REF_BYTES 46

static struct sample s;

static enum fate judge(const void *arg, const uint8_t *bytes, size_t len, struct buf *ret)
{
    struct wire_block b;
    struct core_id id;
    size_t used = 0;
    if (wire_block_parse(bytes, len, &b, &used) != OK || used != len)
        return REFUSED;
    assert_int_equal(wire_block_print(&b, ret), OK);
    assert_int_equal(wire_block_id(&b, &id), OK);
    return memcmp(&id, arg, sizeof(id)) == 0 ? VERIFIED : PARSED;
}

static struct wire_block block_of(uint16_t n_batches)
{
    struct core_id parent = sample_id(1);
    struct buf none;
    buf_init(&none, 1);
    struct wire_block b = sample_block(&s, 7, 4, &parent, &none, n_batches);
    buf_release(&none);
    return b;
}

static void test_bytes(void **state)
{
    (void)state;
    struct wire_block b = block_of(2);
    struct buf out;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_block_print(&b, &out), OK);
    assert_int_equal(out.len, HEAD_BYTES + 2 * REF_BYTES);
    static const uint8_t head[] = { 'l', 'e', 'd', 'g', 'e', 'r', '-', 'b', 'l', 'o', 'c',
                                    'k', '/', '1', 2,   0,   0,   0,   5,   0,   0,   0,
                                    0,   0,   0,   0,   7,   0,   0,   0,   0,   0,   0,
                                    0,   9,   0,   0,   0,   0,   0,   0,   0,   4 };
    assert_memory_equal(out.data, head, sizeof(head));
    assert_memory_equal(out.data + 43, b.parent.bytes, 32);
    assert_memory_equal(out.data + HEAD_BYTES - 2, "\0\2", 2);
    static const uint8_t second[] = { 0, 14, 0, 0, 0, 0, 0, 0, 0, 101, 0, 0, 0, 2 };
    assert_memory_equal(out.data + HEAD_BYTES + REF_BYTES, second, sizeof(second));
    struct core_id id;
    uint8_t hash[HASH_BYTES];
    sha256(out.data, out.len, hash);
    assert_int_equal(wire_block_id(&b, &id), OK);
    assert_memory_equal(id.bytes, hash, HASH_BYTES);
    struct core_block core;
    wire_block_core(&b, &id, &core);
    assert_memory_equal(&core.id, &id, sizeof(id));
    assert_memory_equal(&core.parent, &b.parent, sizeof(id));
    assert_true(core.view == 7 && core.parent_view == 4 && core.height == 9);
    buf_release(&out);
}

/* Whatever parses is another block, under another id. */
static void test_strict(void **state)
{
    (void)state;
    static const uint16_t batches[] = { 0, 1, 3 };
    for (size_t i = 0; i < COUNT(batches); i++) {
        struct wire_block b = block_of(batches[i]);
        struct core_id id;
        struct buf out;
        buf_init(&out, WIRE_FRAME_MAX);
        assert_int_equal(wire_block_print(&b, &out), OK);
        assert_int_equal(wire_block_id(&b, &id), OK);
        assert_int_equal(sample_faults(judge, &id, out.data, out.len, VERIFIED, PARSED), 0);
        buf_release(&out);
    }
    struct wire_block b = block_of(WIRE_BATCHES_MAX);
    struct core_id id;
    struct buf out;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_block_print(&b, &out), OK);
    assert_int_equal(wire_block_id(&b, &id), OK);
    assert_int_equal(sample_judged(judge, &id, out.data, out.len), VERIFIED);
    out.data[HEAD_BYTES - 1] = WIRE_BATCHES_MAX + 1;
    size_t used = 0;
    assert_int_equal(buf_add(&out, out.data + HEAD_BYTES, REF_BYTES), OK);
    assert_int_equal(wire_block_parse(out.data, out.len, &b, &used), ERR_LIMIT);
    buf_release(&out);
}

/* A block no member may print, nor take from anybody: the bytes are made by changing a good
 * block's. */
static void refuse(const struct wire_block *bad, enum err why)
{
    struct buf out;
    struct core_id id;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_block_print(bad, &out), why);
    assert_int_equal(wire_block_id(bad, &id), why);
    assert_int_equal(out.len, 0);
    buf_release(&out);
}

static void patch(size_t at, uint64_t value, size_t len)
{
    struct wire_block b = block_of(1), back;
    struct buf out;
    size_t used = 0;
    buf_init(&out, WIRE_FRAME_MAX);
    assert_int_equal(wire_block_print(&b, &out), OK);
    for (size_t i = 0; i < len; i++)
        out.data[at + i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    assert_int_equal(wire_block_parse(out.data, out.len, &back, &used), ERR_SYNTAX);
    buf_release(&out);
}

static void test_values(void **state)
{
    (void)state;
    struct wire_block b = block_of(1);
    b.chain = (enum chain)0, refuse(&b, ERR_SYNTAX), patch(14, 0, 1), patch(14, 3, 1);
    b = block_of(1), b.epoch = 0, refuse(&b, ERR_SYNTAX), patch(15, 0, 4);
    b = block_of(1), b.view = 0, refuse(&b, ERR_SYNTAX), patch(19, 0, 8);
    b = block_of(1), b.view = 4, refuse(&b, ERR_SYNTAX), patch(19, 4, 8); /* the parent's */
    b = block_of(1), b.height = 0, refuse(&b, ERR_SYNTAX), patch(27, 0, 8);
    b = block_of(1), b.parent_view = 8, refuse(&b, ERR_SYNTAX), patch(35, 8, 8);
    b = block_of(1), b.tree_size = MERKLE_SIZE_MAX + 1, refuse(&b, ERR_SYNTAX);
    patch(83, MERKLE_SIZE_MAX + 1, 8);
    b = block_of(1), b.other.size = UINT64_MAX, refuse(&b, ERR_SYNTAX), patch(131, UINT64_MAX, 8);
    b = block_of(1), b.n_batches = WIRE_BATCHES_MAX + 1, refuse(&b, ERR_LIMIT);
    b = block_of(1), b.batch[0].member = 0, refuse(&b, ERR_SYNTAX), patch(HEAD_BYTES, 0, 2);
    b = block_of(1), b.batch[0].first = 0, refuse(&b, ERR_SYNTAX), patch(HEAD_BYTES + 2, 0, 8);
    b = block_of(1), b.batch[0].n = 0, refuse(&b, ERR_SYNTAX), patch(HEAD_BYTES + 10, 0, 4);
    b = block_of(1), b.batch[0].n = WIRE_BATCH_ENTRIES + 1, refuse(&b, ERR_SYNTAX);
    patch(HEAD_BYTES + 10, WIRE_BATCH_ENTRIES + 1, 4);
    /* Sequences that would run over. */
    b = block_of(1), b.batch[0].first = UINT64_MAX, refuse(&b, ERR_SYNTAX);
    patch(HEAD_BYTES + 2, UINT64_MAX, 8);
}

/* ---- justification ---- */
struct heard {
    unsigned n;
    uint64_t view[300];
    uint8_t kind[300];
};

static void hear(void *arg, const struct wire_cert *c)
{
    struct heard *h = arg;
    h->view[h->n] = c->view;
    h->kind[h->n++] = c->kind;
}

/* The block stands on just these bytes. */
static enum err verdict(const struct sample *who, uint64_t view, uint64_t parent_view,
                        const struct buf *just, struct heard *ret)
{
    struct core_id parent = sample_id(parent_view);
    struct wire_block b = sample_block(who, view, parent_view, &parent, just, 0);
    memset(ret, 0, sizeof(*ret));
    return wire_just_verify(&who->scope, &b, just->data, just->len, hear, ret);
}

static void test_just(void **state)
{
    (void)state;
    static const uint64_t views[][2] = { { 1, 0 }, { 2, 0 }, { 9, 0 }, { 2, 1 }, { 9, 3 } };
    for (size_t i = 0; i < 2 * COUNT(views); i++) {
        uint64_t view = views[i / 2][0], parent_view = views[i / 2][1];
        struct core_id parent = sample_id(parent_view);
        struct heard h;
        struct buf just;
        uint8_t kind = i % 2 ? CORE_F : CORE_N;
        buf_init(&just, WIRE_FRAME_MAX);
        sample_just(&s, parent_view, &parent, kind, view, &just);
        assert_int_equal(verdict(&s, view, parent_view, &just, &h), OK);
        assert_int_equal(h.n, view - parent_view - (parent_view == 0));
        for (unsigned k = 0; k < h.n; k++) {
            assert_int_equal(h.view[k], parent_view + k + (parent_view == 0));
            assert_int_equal(h.kind[k], k == 0 && parent_view > 0 ? kind : CORE_S);
        }
        /* Nobody has to listen. */
        struct wire_block b = sample_block(&s, view, parent_view, &parent, &just, 0);
        assert_int_equal(wire_just_verify(&s.scope, &b, just.data, just.len, NULL, NULL), OK);
        buf_release(&just);
    }
}

/* A justification made of these certificates; a NULL ends them. */
static void just_of(const struct wire_cert *const *certs, struct buf *ret)
{
    uint8_t n = 0;
    while (certs[n] != NULL)
        n++;
    const uint8_t count[2] = { 0, n };
    assert_int_equal(buf_add(ret, count, sizeof(count)), OK);
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(wire_cert_print(certs[i], ret), OK);
}

/* Refused, and nobody was told of any certificate in it. */
static void refuse_just(uint64_t view, uint64_t parent_view, const struct wire_cert *const *certs)
{
    struct buf just;
    struct heard h;
    buf_init(&just, WIRE_FRAME_MAX);
    just_of(certs, &just);
    assert_int_not_equal(verdict(&s, view, parent_view, &just, &h), OK);
    assert_int_equal(h.n, 0);
    buf_release(&just);
}

static void test_just_missing(void **state)
{
    (void)state;
    struct core_id parent = sample_id(4), other = sample_id(5), three = sample_id(3);
    struct wire_cert n4 = sample_cert(&s, CORE_N, 4, &parent);
    struct wire_cert n3 = sample_cert(&s, CORE_N, 3, &three);
    struct wire_cert n4_other = sample_cert(&s, CORE_N, 4, &other);
    struct wire_cert n5 = sample_cert(&s, CORE_N, 5, &parent);
    struct wire_cert s4 = sample_cert(&s, CORE_S, 4, NULL);
    struct wire_cert s5 = sample_cert(&s, CORE_S, 5, NULL), s6 = sample_cert(&s, CORE_S, 6, NULL);
    struct wire_cert s7 = sample_cert(&s, CORE_S, 7, NULL);
    struct wire_cert f5 = sample_cert(&s, CORE_F, 5, &other);
    struct wire_cert small = sample_cert_by(&s, CORE_S, 5, NULL, 0, 2);
    struct wire_cert forged = s6;
    forged.signature[2][7] ^= 1;
    struct heard h;
    struct buf just;
    buf_init(&just, WIRE_FRAME_MAX);
    just_of((const struct wire_cert *const[]){ &n4, &s5, &s6, NULL }, &just);
    assert_int_equal(verdict(&s, 7, 4, &just, &h), OK);
    assert_int_equal(h.n, 3);
    buf_release(&just);

    static const struct wire_cert *const none[] = { NULL };
    refuse_just(7, 4, none);
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s5, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &s5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s6, &s5, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s5, &s5, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s5, &s6, &s7, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &s5, &s6, &n4, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &s4, &s5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4_other, &s5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n5, &s5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n3, &s5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &f5, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &small, &s6, NULL });
    refuse_just(7, 4, (const struct wire_cert *const[]){ &n4, &s5, &forged, NULL });
    /* The genesis has no certificate, and is no parent of which one could be asked. */
    struct core_id genesis = sample_id(0);
    struct wire_cert n1 = sample_cert(&s, CORE_N, 1, &genesis);
    refuse_just(2, 0, none);
    refuse_just(2, 0, (const struct wire_cert *const[]){ &n1, NULL });
}

static void test_just_bytes(void **state)
{
    (void)state;
    struct core_id parent = sample_id(4);
    struct buf just;
    struct heard h;
    buf_init(&just, WIRE_FRAME_MAX);
    sample_just(&s, 4, &parent, CORE_N, 6, &just);
    struct wire_block b = sample_block(&s, 6, 4, &parent, &just, 0);
    /* The block names other bytes than these, which are good ones as well. */
    struct buf second;
    buf_init(&second, WIRE_FRAME_MAX);
    sample_just(&s, 4, &parent, CORE_F, 6, &second);
    memset(&h, 0, sizeof(h));
    assert_int_equal(wire_just_verify(&s.scope, &b, second.data, second.len, hear, &h), ERR_CRYPTO);
    struct wire_scope other = s.scope;
    other.epoch++;
    assert_int_equal(wire_just_verify(&other, &b, just.data, just.len, hear, &h), ERR_CRYPTO);
    other = s.scope, other.chain = CHAIN_ACCOUNT;
    assert_int_equal(wire_just_verify(&other, &b, just.data, just.len, hear, &h), ERR_CRYPTO);
    other = s.scope, other.genesis[9] ^= 1;
    assert_int_equal(wire_just_verify(&other, &b, just.data, just.len, hear, &h), ERR_CRYPTO);
    assert_int_equal(h.n, 0);
    /* Cut short or with something behind, and hashed as they are. */
    for (size_t len = 0; len < just.len; len++) {
        struct buf cut = { .data = just.data, .len = len, .max = len };
        assert_int_not_equal(verdict(&s, 6, 4, &cut, &h), OK);
    }
    assert_int_equal(buf_add(&just, "", 1), OK);
    assert_int_equal(verdict(&s, 6, 4, &just, &h), ERR_SYNTAX);
    buf_release(&just);
    buf_release(&second);
}

/* The longest gap that fits, and the first that does not. */
static void test_just_limit(void **state)
{
    (void)state;
    static struct sample one;
    struct core_id parent = sample_id(1);
    struct heard h;
    struct buf just;
    sample_init(&one, 1, CHAIN_TX, 5);
    buf_init(&just, WIRE_FRAME_MAX);
    sample_just(&one, 1, &parent, CORE_N, 1 + WIRE_JUST_CERTS_MAX, &just);
    assert_int_equal(verdict(&one, 1 + WIRE_JUST_CERTS_MAX, 1, &just, &h), OK);
    assert_int_equal(h.n, WIRE_JUST_CERTS_MAX);
    buf_clear(&just);
    sample_just(&one, 1, &parent, CORE_N, 2 + WIRE_JUST_CERTS_MAX, &just);
    assert_int_equal(verdict(&one, 2 + WIRE_JUST_CERTS_MAX, 1, &just, &h), ERR_LIMIT);
    buf_release(&just);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes),        cmocka_unit_test(test_strict),
        cmocka_unit_test(test_values),       cmocka_unit_test(test_just),
        cmocka_unit_test(test_just_missing), cmocka_unit_test(test_just_bytes),
        cmocka_unit_test(test_just_limit),
    };
    crypto_setup();
    sample_init(&s, 4, CHAIN_TX, 5);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
