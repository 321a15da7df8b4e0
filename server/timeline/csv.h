/* RFC 4180 rows, one at a time: a comma separates, LF or CRLF ends a row, quotes may hold both and
 * double themselves. Stricter than many readers, because a misread file would be signed and paid
 * for: quotes inside a bare field, bare CR, NUL and invalid UTF-8 are refused. A byte order mark at
 * the start is skipped, and so are empty lines of a file with more than one column. Pure; one
 * thread. */
#ifndef CAIRN_TIMELINE_CSV_H
#define CAIRN_TIMELINE_CSV_H

#include "server/base/buf.h"
#include "server/timeline/import.h"

#define CSV_CELL_MAX 65536 /* bytes of one cell */

struct csv {
    const char *text; /* borrowed */
    size_t len, pos;
    size_t line;      /* of the next byte; the first is 1 */
    size_t row_line;  /* where the current row begins */
    size_t n;         /* cells of the current row */
    size_t width;     /* cells of the first row; 0 before it */
    struct buf cells; /* the current row, each cell followed by NUL */
    size_t at[CSV_COLUMNS_MAX];
};

void csv_init(struct csv *c, const char *text, size_t len);
void csv_release(struct csv *c); /* wipes */
/* Reads the next row, *ret_row = false at the end. Every row has as many cells as the first one. */
enum err csv_next(struct csv *c, bool *ret_row, struct problem *p) MUST_USE;
/* Cell i of the current row; valid until the next call. */
const char *csv_cell(const struct csv *c, size_t i);

#endif
