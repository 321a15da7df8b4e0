/* The head scanner on any bytes, fed whole and in pieces whose sizes the input chooses: the outcome
 * must be the same, counters must stay within their bounds, and a refusal must stay a refusal. */
#include "api/http/head.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_bounds(const struct head_scan *s, size_t len)
{
    assert(s->boundary <= len);
    assert(s->bytes <= HEAD_BYTES_MAX + 1);
    assert(s->fields <= HEAD_FIELDS_MAX + 1);
    assert(s->target <= HEAD_TARGET_MAX + 1);
    assert(s->method_len <= HEAD_METHOD_MAX && s->value_len <= HEAD_VALUE_MAX);
    assert((s->state == HEAD_REFUSED) == (s->error != OK));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t step = data[0] % 64 + 1u;
    data++;
    size--;
    struct head_scan whole, parts;
    head_scan_init(&whole);
    head_scan_init(&parts);
    enum err e = head_scan_feed(&whole, data, size), f = OK;
    check_bounds(&whole, size);
    for (size_t i = 0; i < size; i += step) {
        size_t len = size - i < step ? size - i : step;
        enum err before = f;
        f = head_scan_feed(&parts, data + i, len);
        assert(before == OK || f == before);
        check_bounds(&parts, len);
    }
    assert(e == f);
    assert(whole.requests == parts.requests);
    assert(whole.state == parts.state);
    assert(whole.body_left == parts.body_left);
    return 0;
}
