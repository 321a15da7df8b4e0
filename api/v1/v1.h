/* What the handlers of /v1 share: acts, statements of a body, pages. A handler parses, makes one
 * domain call and replies. */
#ifndef CAIRN_API_V1_H
#define CAIRN_API_V1_H

#include "api/http/http.h"
#include "server/act.h"
#include "server/statement/statement.h"

/* Who calls, under which idempotency key. */
enum err v1_act(struct request *r, struct act *ret) MUST_USE;

/* The body's member "statement" of that kind, verified, with its extra members read; also lets the
 * body have the members of more (n_more may be 0). The statement is released with the request. */
enum err v1_statement(struct request *r, const char *kind, const struct field *extra, size_t n,
                      const struct field *more, size_t n_more, struct statement *ret) MUST_USE;

/* The object that the path names must be the one that the statement names. */
enum err v1_same_object(struct request *r, const struct id *path, const struct id *named,
                        const char *pointer) MUST_USE;

/* Ends a write: the answer, or the problem. */
void v1_done(struct request *r, enum err e, const struct answer *a);

/* ---- ciphertext ------------------------------------------------------------------------------ */
/* Takes the uploaded body file for the version that this manifest describes. */
struct vault_manifest;
enum err v1_store_content(struct request *r, const struct vault_manifest *m) MUST_USE;
/* Replies with the blob, streamed. */
void v1_reply_content(struct request *r, const uint8_t hash[32]);

/* ---- pages ----------------------------------------------------------------------------------- */
#define PAGE_LIMIT 50
#define PAGE_LIMIT_MAX 100

struct page {
    int limit;
    int64_t before; /* keyset: rows older than this; INT64_MAX for the first page */
};
/* Query parameters limit and cursor; the route names them and what else it takes. */
enum err v1_page(struct request *r, struct page *ret) MUST_USE;
/* The cursor of the following page, and the Link header that goes with it. */
#define CURSOR_TEXT_SIZE 49
void v1_next(struct request *r, int64_t before, int limit, char ret[CURSOR_TEXT_SIZE]);
/* Builds {"items": [...], "next": ...} out of rows: item(rows, i) gives new references, the key
 * column holds the keyset value. Ask for limit + 1 rows. Takes rows. */
typedef json_t *page_item(struct request *r, const struct rows *rows, size_t i);
void v1_reply_page(struct request *r, const struct page *p, struct rows *rows, int key_column,
                   page_item *item);

#endif
