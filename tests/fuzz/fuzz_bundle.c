/* Entry bundles from outside: stepping through one and adding its entries again gives the same
 * bytes, up to the place where it breaks off. */
#include "server/ledger/log/tile.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf back;
    size_t offset = 0, len = 0;
    const uint8_t *entry = NULL;
    bool bad = false;
    buf_init(&back, size + 1);
    while (bundle_next(data, size, &offset, &entry, &len, &bad)) {
        assert(!bad && entry + len == data + offset);
        enum err e = bundle_add(&back, entry, len);
        assert(e == OK && back.len == offset);
    }
    assert(bad == (offset < size));
    assert(back.len == 0 || memcmp(back.data, data, back.len) == 0);
    buf_release(&back);
    return 0;
}
