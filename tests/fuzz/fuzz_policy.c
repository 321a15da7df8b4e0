/* Policies and verifier keys from outside: a key that parses prints back to the same text, and no
 * policy takes a note that nobody signed. */
#include "server/ledger/log/note.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char unsigned_note[] = "o\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
                                        "\n\xe2\x80\x94 o AAAAAAECAwQ=\n";
    const char *text = (const char *)data;
    struct note_key k;
    if (note_key_parse(text, size, &k) == OK) {
        struct buf back;
        buf_init(&back, 1024);
        enum err e = note_key_print(&k, &back);
        assert(e == OK && back.len == size && memcmp(back.data, data, size) == 0);
        buf_release(&back);
    }
    struct policy *policy = NULL;
    struct problem problem = { .code = OK };
    enum err e = policy_parse(text, size, &policy, &problem);
    assert((e == OK) == (policy != NULL));
    assert(problem.code == e);
    if (policy != NULL) {
        struct checkpoint c;
        e = policy_check(policy, unsigned_note, sizeof(unsigned_note) - 1, &c);
        assert(e == ERR_CRYPTO);
    }
    policy_free(policy);
    return 0;
}
