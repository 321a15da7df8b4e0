/* Query strings on any text: what is taken is printable, bounded and distinct, and is found again
 * under its name; what is refused leaves the output alone. */
#include "api/http/query.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_text(const char *text, size_t max)
{
    assert(strlen(text) <= max);
    for (; *text != '\0'; text++)
        assert((unsigned char)*text >= 0x20 && (unsigned char)*text < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);
    if (text == NULL)
        return 0;
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    struct query q = { .n = 99 };
    if (query_parse(text, &q) == OK) {
        assert(q.n <= QUERY_MAX);
        for (unsigned i = 0; i < q.n; i++) {
            check_text(q.names[i], size);
            check_text(q.values[i], QUERY_VALUE_MAX);
            assert(q.names[i][0] != '\0');
            assert(query_get(&q, q.names[i]) == q.values[i]);
        }
    } else {
        assert(q.n == 99);
    }
    free(text);
    return 0;
}
