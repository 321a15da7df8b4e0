/* Signed notes from outside: whatever parses as a checkpoint prints back to the same body, and a
 * policy takes none but those among the seeds, whose keys it lists. */
#include "server/ledger/log/note.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct policy *policy(void)
{
    static struct policy *p;
    static const char text[] =
        "log test.example/cairn/tx+ae63a9cc+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c\n"
        "witness a test.example/m1+639288a5+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU\n"
        "quorum a\n";
    if (p == NULL) {
        enum err e = policy_parse(text, sizeof(text) - 1, &p, NULL);
        assert(e == OK);
    }
    return p;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *note = (const char *)data;
    struct checkpoint c, checked;
    size_t body_len = 0;
    enum err e = checkpoint_parse(note, size, &c, &body_len);
    enum err checks = policy_check(policy(), note, size, &checked);
    if (e != OK) {
        assert(checks != OK);
        return 0;
    }
    /* Only the sizes among the seeds were ever signed. */
    assert(checks != OK ||
           (memcmp(&c, &checked, sizeof(c)) == 0 && (c.size == 1 || c.size == 5 || c.size == 100)));
    struct buf body;
    buf_init(&body, CHECKPOINT_MAX);
    e = checkpoint_body(&c, &body);
    /* Extension lines may follow the three that are printed. */
    assert(e == OK && body.len <= body_len && memcmp(body.data, data, body.len) == 0);
    buf_release(&body);
    return 0;
}
