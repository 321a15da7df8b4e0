/* What a member POSTs to another: frames of every kind. Whatever parses prints back to the same
 * bytes, so nothing on the wire has two spellings. */
#include "server/ledger/wire/final.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(enum err e, const struct buf *back, const uint8_t *bytes, size_t len)
{
    assert(e == OK && back->len == len && memcmp(back->data, bytes, len) == 0);
}

static void fixed_size(uint8_t type, const uint8_t *bytes, size_t len, struct buf *back)
{
    struct wire_vote vote;
    struct wire_receipt receipt;
    struct wire_cosignature cosignature;
    struct wire_pull pull;
    if (type == WIRE_VOTE && wire_vote_parse(bytes, len, &vote) == OK)
        same(wire_vote_print(&vote, back), back, bytes, len);
    if (type == WIRE_RECEIPT && wire_receipt_parse(bytes, len, &receipt) == OK)
        same(wire_receipt_print(&receipt, back), back, bytes, len);
    if (type == WIRE_COSIGNATURE && wire_cosignature_parse(bytes, len, &cosignature) == OK)
        same(wire_cosignature_print(&cosignature, back), back, bytes, len);
    if (type == WIRE_PULL && wire_pull_parse(bytes, len, &pull) == OK)
        same(wire_pull_print(&pull, back), back, bytes, len);
}

static void any_size(uint8_t type, const uint8_t *bytes, size_t len, struct buf *back)
{
    static struct wire_cert cert;
    static struct wire_proposal proposal;
    struct wire_batch batch;
    size_t used = 0;
    bool has = false;
    if (type == WIRE_CERT && wire_cert_parse(bytes, len, &cert, &used) == OK) {
        assert(used <= len);
        same(wire_cert_print(&cert, back), back, bytes, used);
    }
    if ((type == WIRE_PROPOSAL || type == WIRE_BLOCK) &&
        wire_proposal_parse(bytes, len, &proposal) == OK)
        same(wire_proposal_print(&proposal, back), back, bytes, len);
    if (type == WIRE_BATCH && wire_batch_parse(bytes, len, &batch) == OK)
        same(wire_batch_print(&batch, back), back, bytes, len);
    if (type == WIRE_FINAL && wire_final_parse(bytes, len, &proposal, &cert, &has) == OK)
        same(wire_final_print(&proposal, has ? &cert : NULL, back), back, bytes, len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf frames, back;
    size_t offset = 0, len = 0;
    const uint8_t *payload = NULL;
    uint8_t type = 0;
    bool bad = false;
    buf_init(&frames, size + 1);
    buf_init(&back, WIRE_FRAME_MAX);
    while (wire_frame_next(data, size, &offset, &type, &payload, &len, &bad)) {
        assert(!bad && payload + len == data + offset);
        same(wire_frame_add(type, payload, len, &frames), &frames, data, offset);
        buf_clear(&back);
        fixed_size(type, payload, len, &back);
        any_size(type, payload, len, &back);
    }
    assert(bad == (offset < size));
    buf_release(&frames);
    buf_release(&back);
    return 0;
}
