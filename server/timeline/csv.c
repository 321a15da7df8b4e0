#include "server/timeline/csv.h"

#include <assert.h>
#include <string.h>

void csv_init(struct csv *c, const char *text, size_t len)
{
    *c = (struct csv){ .text = text, .len = len, .line = 1 };
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
        c->pos = 3;
    buf_init(&c->cells, (size_t)CSV_COLUMNS_MAX * (CSV_CELL_MAX + 1));
}

void csv_release(struct csv *c)
{
    buf_release_secret(&c->cells);
    *c = (struct csv){ 0 };
}

const char *csv_cell(const struct csv *c, size_t i)
{
    assert(i < c->n);
    return (const char *)c->cells.data + c->at[i];
}

static enum err refuse(const struct csv *c, struct problem *p, const char *how)
{
    return problem_set(p, ERR_SYNTAX, "", "line %zu, column %zu: %s", c->line, c->n + 1, how);
}

static bool follows(const unsigned char *s, size_t len, size_t n)
{
    if (len < n + 1)
        return false;
    for (size_t i = 1; i <= n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return false;
    return true;
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF; and no NUL. */
static bool text_valid(const unsigned char *s, size_t len)
{
    for (size_t i = 0, n; i < len; i += n + 1) {
        unsigned char c = s[i];
        n = c < 0x80 ? 0 : c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3;
        if (c == 0 || (c >= 0x80 && c < 0xc2) || c > 0xf4 || !follows(s + i, len - i, n))
            return false;
        if ((c == 0xe0 && s[i + 1] < 0xa0) || (c == 0xed && s[i + 1] >= 0xa0) ||
            (c == 0xf0 && s[i + 1] < 0x90) || (c == 0xf4 && s[i + 1] >= 0x90))
            return false;
    }
    return true;
}

static enum err add_part(struct csv *c, const char *from, size_t len, struct problem *p)
{
    if (c->cells.len - c->at[c->n] + len > CSV_CELL_MAX)
        return problem_set(p, ERR_LIMIT, "", "line %zu, column %zu: a cell has at most %d bytes.",
                           c->line, c->n + 1, CSV_CELL_MAX);
    enum err e = buf_add(&c->cells, from, len);
    return e == OK ? OK : problem_set(p, e, "", "line %zu: %s", c->line, err_text(e));
}

static size_t lines_in(const char *text, size_t len)
{
    size_t n = 0;
    for (const char *at = text; (at = memchr(at, '\n', (size_t)(text + len - at))) != NULL; at++)
        n++;
    return n;
}

/* c->pos is behind the opening quote; leaves it behind the closing one. */
static enum err read_quoted(struct csv *c, struct problem *p)
{
    for (;;) {
        const char *from = c->text + c->pos;
        const char *quote = memchr(from, '"', c->len - c->pos);
        if (quote == NULL)
            return refuse(c, p, "a quoted cell is not closed; add the missing quote.");
        size_t part = (size_t)(quote - from);
        enum err e = add_part(c, from, part, p);
        if (e != OK)
            return e;
        c->line += lines_in(from, part);
        c->pos += part + 1;
        if (c->pos >= c->len || c->text[c->pos] != '"')
            return OK;
        e = add_part(c, "\"", 1, p);
        if (e != OK)
            return e;
        c->pos++;
    }
}

static enum err read_bare(struct csv *c, struct problem *p)
{
    size_t end = c->pos;
    while (end < c->len && c->text[end] != ',' && c->text[end] != '\n' && c->text[end] != '\r' &&
           c->text[end] != '"')
        end++;
    if (end < c->len && c->text[end] == '"')
        return refuse(c, p, "a quote stands inside a cell; quote the whole cell and double it.");
    enum err e = add_part(c, c->text + c->pos, end - c->pos, p);
    c->pos = end;
    return e;
}

static enum err read_cell(struct csv *c, struct problem *p)
{
    if (c->n >= CSV_COLUMNS_MAX)
        return problem_set(p, ERR_LIMIT, "", "line %zu: a file has at most %d columns.", c->line,
                           CSV_COLUMNS_MAX);
    c->at[c->n] = c->cells.len;
    bool quoted = c->pos < c->len && c->text[c->pos] == '"';
    c->pos += quoted ? 1 : 0;
    enum err e = quoted ? read_quoted(c, p) : read_bare(c, p);
    if (e != OK)
        return e;
    if (!text_valid(c->cells.data + c->at[c->n], c->cells.len - c->at[c->n]))
        return refuse(c, p, "the cell is not UTF-8 text; save the file as UTF-8.");
    e = buf_add(&c->cells, "", 1);
    if (e != OK)
        return problem_set(p, e, "", "line %zu: %s", c->line, err_text(e));
    return OK;
}

/* Takes what ends a cell; *ret_more says whether the row goes on. */
static enum err read_separator(struct csv *c, bool *ret_more, struct problem *p)
{
    *ret_more = false;
    if (c->pos >= c->len)
        return OK;
    char at = c->text[c->pos];
    if (at == ',') {
        c->pos++;
        *ret_more = true;
        return OK;
    }
    if (at == '\r' && c->pos + 1 < c->len && c->text[c->pos + 1] == '\n')
        c->pos++;
    else if (at != '\n')
        return refuse(c, p,
                      at == '\r' ? "a carriage return stands without a line feed; end lines with "
                                   "LF or CRLF."
                                 : "text follows a closing quote; put a comma between cells.");
    c->pos++;
    return OK;
}

static void skip_empty_lines(struct csv *c)
{
    while (c->width > 1 && c->pos < c->len) {
        if (c->text[c->pos] == '\n')
            c->pos += 1;
        else if (c->text[c->pos] == '\r' && c->pos + 1 < c->len && c->text[c->pos + 1] == '\n')
            c->pos += 2;
        else
            return;
        c->line++;
    }
}

enum err csv_next(struct csv *c, bool *ret_row, struct problem *p)
{
    skip_empty_lines(c);
    buf_clear(&c->cells);
    c->n = 0;
    if (c->pos >= c->len) {
        *ret_row = false;
        return OK;
    }
    c->row_line = c->line;
    for (bool more = true; more;) {
        enum err e = read_cell(c, p);
        if (e == OK)
            e = read_separator(c, &more, p);
        if (e != OK)
            return e;
        c->n++;
    }
    c->line += c->text[c->pos - 1] == '\n' ? 1 : 0;
    if (c->width == 0)
        c->width = c->n;
    if (c->n != c->width)
        return problem_set(p, ERR_SYNTAX, "",
                           "line %zu, column %zu: the row has %zu cells, the header has %zu; give "
                           "every row as many.",
                           c->row_line, c->n, c->n, c->width);
    *ret_row = true;
    return OK;
}
