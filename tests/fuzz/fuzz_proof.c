/* tlog-proofs from outside: whatever parses prints back to the same text, save for an extra line.
 */
#include "server/ledger/log/note.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char first[] = "c2sp.org/tlog-proof@v1\n";
    struct tlog_proof p;
    if (tlog_proof_parse((const char *)data, size, &p) != OK)
        return 0;
    assert(p.n <= MERKLE_PROOF_MAX);
    assert(p.note + p.note_len == (const char *)data + size);
    const uint8_t *rest = data + sizeof(first) - 1;
    if (memcmp(rest, "extra ", 6) == 0)
        rest = (const uint8_t *)memchr(rest, '\n', size - sizeof(first) + 1) + 1;
    struct buf back;
    buf_init(&back, PROOF_MAX);
    enum err e = tlog_proof_print(p.index, p.hashes, p.n, p.note, p.note_len, &back);
    assert(e == OK);
    size_t rest_len = (size_t)(data + size - rest);
    assert(back.len == sizeof(first) - 1 + rest_len);
    assert(memcmp(back.data + sizeof(first) - 1, rest, rest_len) == 0);
    buf_release(&back);
    return 0;
}
