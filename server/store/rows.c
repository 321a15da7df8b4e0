#include "server/base/text.h"
#include "server/store/store_internal.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

void rows_free(struct rows *r)
{
    if (r == NULL)
        return;
    PQclear(r->res);
    free(r);
}

size_t rows_count(const struct rows *r)
{
    return (size_t)PQntuples(r->res);
}

size_t rows_affected(const struct rows *r)
{
    uint64_t n = 0;
    const char *text = PQcmdTuples(r->res);
    return u64_parse(text, strlen(text), &n) ? (size_t)n : 0;
}

bool row_null(const struct rows *r, size_t row, int column)
{
    assert(row < rows_count(r) && column >= 0 && column < PQnfields(r->res));
    return PQgetisnull(r->res, (int)row, column) == 1;
}

const char *row_text(const struct rows *r, size_t row, int column)
{
    assert(row < rows_count(r) && column >= 0 && column < PQnfields(r->res));
    return PQgetvalue(r->res, (int)row, column);
}

/* NULL reads as 0; a value that is no integer is a statement that does not fit its reader. */
int64_t row_i64(const struct rows *r, size_t row, int column)
{
    const char *text = row_text(r, row, column);
    if (*text == '\0')
        return 0;
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    assert(errno == 0 && *end == '\0');
    return n;
}

bool row_bool(const struct rows *r, size_t row, int column)
{
    return row_text(r, row, column)[0] == 't';
}

/* More lenient than id_parse: the all-zero id of the member itself has no version. NULL reads as
 * it. */
struct id row_id(const struct rows *r, size_t row, int column)
{
    const char *text = row_text(r, row, column);
    struct id id = { { 0 } };
    if (*text == '\0')
        return id;
    char hex[2 * ID_BYTES];
    size_t n = 0;
    for (; *text != '\0'; text++) {
        if (*text == '-')
            continue;
        assert(n < sizeof(hex));
        hex[n++] = *text;
    }
    bool ok = hex_decode(hex, n, id.bytes, ID_BYTES);
    assert(ok);
    return id;
}

bool row_bytes(const struct rows *r, size_t row, int column, uint8_t *ret, size_t len)
{
    const char *text = row_text(r, row, column);
    if (text[0] != '\\' || text[1] != 'x')
        return false;
    size_t n = (size_t)PQgetlength(r->res, (int)row, column) - 2;
    return n == 2 * len && hex_decode(text + 2, n, ret, len);
}

uint8_t *row_bytes_any(const struct rows *r, size_t row, int column, struct arena *a,
                       size_t *ret_len)
{
    const char *text = row_text(r, row, column);
    size_t n = (size_t)PQgetlength(r->res, (int)row, column);
    size_t len = n >= 2 ? (n - 2) / 2 : 0;
    uint8_t *bytes = arena_alloc(a, len + 1);
    if (bytes == NULL)
        return NULL;
    if (len > 0) {
        bool ok = row_bytes(r, row, column, bytes, len);
        assert(ok && text[0] == '\\');
    }
    *ret_len = len;
    return bytes;
}
