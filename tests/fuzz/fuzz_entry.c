/* Ledger entries from outside: whatever parses is exactly what its parts would be written as, and
 * commits to nothing but its own statement. */
#include "server/ledger/log/entry.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t salt[SALT_BYTES];
    struct entry_head head;
    if (entry_parse(data, size, &head) != OK)
        return 0;
    assert(head.rest + head.rest_len == data + size);
    enum err e = entry_verify(data, size, salt, "", 0);
    assert(e == ERR_CRYPTO);
    if (head.is_public) {
        struct buf back;
        buf_init(&back, ENTRY_MAX);
        e = entry_public(head.member, head.sequence, head.rest, head.rest_len, &back);
        assert(e == OK && back.len == size && memcmp(back.data, data, size) == 0);
        e = entry_verify(data, size, NULL, head.rest, head.rest_len);
        assert(e == OK);
        buf_release(&back);
    } else {
        uint8_t back[ENTRY_ANCHOR_BYTES];
        entry_anchor(head.member, head.sequence, salt, "", 0, back);
        assert(size == sizeof(back) && memcmp(back, data, ENTRY_HEAD_BYTES) == 0);
    }
    return 0;
}
