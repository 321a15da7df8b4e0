/* The parts that hashes and signatures keep a fuzzer out of: the first byte chooses one, and where
 * a hash stands before a parser, it is made right here. */
#include "server/ledger/wire/forensics.h"

#include "tests/unit/ledger/wire/sample.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void block(const uint8_t *data, size_t size)
{
    struct wire_block b;
    struct core_id id;
    struct buf back;
    uint8_t hash[HASH_BYTES];
    size_t used = 0;
    if (wire_block_parse(data, size, &b, &used) != OK)
        return;
    buf_init(&back, WIRE_FRAME_MAX);
    enum err e = wire_block_print(&b, &back);
    assert(e == OK && back.len == used && memcmp(back.data, data, used) == 0);
    e = wire_block_id(&b, &id);
    sha256(data, used, hash);
    assert(e == OK && memcmp(id.bytes, hash, sizeof(hash)) == 0);
    buf_release(&back);
}

struct heard {
    const struct sample *s;
    struct buf back;
    uint16_t n;
};

static void hear(void *arg, const struct wire_cert *c)
{
    struct heard *h = arg;
    enum err e = wire_cert_verify(&h->s->scope, c);
    assert(e == OK);
    e = wire_cert_print(c, &h->back);
    assert(e == OK);
    h->n++;
}

/* The block claims what the second and third byte say, and its justification is the rest. */
static void justification(const struct sample *s, const uint8_t *data, size_t size)
{
    if (size < 2)
        return;
    struct core_id parent = sample_id(data[1]);
    struct buf just = { .data = (uint8_t *)(uintptr_t)(data + 2), .len = size - 2 };
    struct wire_block b =
        sample_block(s, (uint64_t)data[1] + data[0] + 1, data[1], &parent, &just, 0);
    struct heard h = { .s = s };
    buf_init(&h.back, WIRE_FRAME_MAX);
    const uint8_t none[2] = { 0, 0 };
    enum err e = buf_add(&h.back, none, sizeof(none));
    assert(e == OK);
    if (wire_just_verify(&s->scope, &b, just.data, just.len, hear, &h) == OK) {
        h.back.data[0] = (uint8_t)(h.n >> 8);
        h.back.data[1] = (uint8_t)h.n;
        assert(h.back.len == just.len && memcmp(h.back.data, just.data, just.len) == 0);
    } else {
        assert(h.n == 0);
    }
    buf_release(&h.back);
}

static void batch(const uint8_t *data, size_t size)
{
    struct wire_batch b;
    struct buf back;
    const size_t digest = 1 + 2 + 8 + 4, entries = digest + HASH_BYTES + SIGN_BYTES + 4;
    if (size < entries)
        return;
    uint8_t *copy = malloc(size);
    assert(copy != NULL);
    memcpy(copy, data, size);
    sha256(data + entries, size - entries, copy + digest);
    buf_init(&back, WIRE_FRAME_MAX);
    if (wire_batch_parse(copy, size, &b) == OK) {
        assert(b.entries + b.entries_len == copy + size);
        enum err e = wire_batch_print(&b, &back);
        assert(e == OK && back.len == size && memcmp(back.data, copy, size) == 0);
    }
    buf_release(&back);
    free(copy);
}

static void evidence(const struct sample *s, const uint8_t *data, size_t size)
{
    uint16_t who = 0;
    uint8_t fault = 0;
    if (evidence_verify(&s->scope, data, size, &who, &fault) != OK)
        return;
    bool member = false;
    for (uint16_t i = 0; i < s->scope.n; i++)
        member = member || s->scope.member[i] == who;
    assert(member && fault >= CORE_FAULT_NN && fault <= CORE_FAULT_PROPOSAL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sample s;
    if (s.scope.n == 0) {
        crypto_setup();
        sample_init(&s, 4, CHAIN_TX, 5);
    }
    if (size == 0)
        return 0;
    switch (data[0]) {
    case 'b':
        block(data + 1, size - 1);
        break;
    case 'j':
        justification(&s, data + 1, size - 1);
        break;
    case 'e':
        batch(data + 1, size - 1);
        break;
    case 'v':
        evidence(&s, data + 1, size - 1);
        break;
    default:
        break;
    }
    return 0;
}
