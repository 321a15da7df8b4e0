/* Statements and terms from bytes: whatever is taken prints back to the same bytes. */
#include "server/statement/statement.h"
#include "server/statement/terms.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem p = { 0 };
    struct statement s;
    if (statement_parse_bytes((const char *)data, size, &s, &p) == OK) {
        assert(s.canonical_len == size);
        assert(memcmp(s.canonical, data, size) == 0);
        const struct field none[] = { F_INT("amount_minor", &s.version, 0, 1) };
        (void)statement_fields(&s, none, COUNT(none), &p);
        statement_release(&s);
    } else {
        assert(p.code != OK && p.detail[0] != '\0');
    }
    json_t *v = NULL;
    struct terms t;
    if (json_read((const char *)data, size, &v, &p) != OK)
        return 0;
    if (terms_read(v, "/statement/terms", &t, &p) == OK)
        assert(t.closes_at > t.opens_at && t.reward.cap_minor >= t.reward.base_minor);
    json_decref(v);
    return 0;
}
