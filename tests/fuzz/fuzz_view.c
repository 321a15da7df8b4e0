/* Views as files (cairn-view/1) from outside: whatever parses prints back to the same text, and
 * forensics of it against itself ends without accusing anybody. */
#include "server/crypto/hash.h"
#include "server/ledger/wire/view_file.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static bool ready;
    static struct view_file f;
    struct forensic_finding finding;
    struct problem p = { 0 };
    struct buf back;
    if (!ready)
        crypto_setup();
    ready = true;
    if (view_file_parse((const char *)data, size, &f, &p) != OK) {
        assert(p.code != OK && p.detail[0] != '\0');
        return 0;
    }
    buf_init(&back, VIEW_FILE_MAX);
    enum err e = view_file_print(&f.scope, &f.view, &back);
    assert(e == OK && back.len == size && memcmp(back.data, data, size) == 0);
    e = forensics_run(&f.scope, &f.view, &f.view, &finding);
    assert(e == ERR_FIELD_RANGE || e == ERR_CRYPTO);
    buf_release(&back);
    view_file_release(&f);
    return 0;
}
