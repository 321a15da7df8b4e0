#include "api/v1/v1.h"

#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <string.h>

enum err v1_act(struct request *r, struct act *ret)
{
    struct act a = { .app = r->app,
                     .arena = r->arena,
                     .problem = &r->problem,
                     .account = r->caller.account,
                     .now = r->app->now(r->app) };
    memcpy(a.identity, r->caller.identity, sizeof(a.identity));
    enum err e = req_write_key(r, &a.key);
    if (e == OK)
        *ret = a;
    return e;
}

static void release(void *arg)
{
    statement_release(arg);
}

enum err v1_statement(struct request *r, const char *kind, const struct field *extra, size_t n,
                      const struct field *more, size_t n_more, struct statement *ret)
{
    json_t *value = NULL;
    struct field body[4] = { F_OBJECT("statement", &value) };
    if (n_more + 1 > COUNT(body))
        return ERR_INTERNAL;
    for (size_t i = 0; i < n_more; i++)
        body[i + 1] = more[i];
    enum err e = fields_read(r->json, "", body, n_more + 1, &r->problem);
    if (e != OK)
        return e;
    struct statement *kept = arena_alloc(r->arena, sizeof(*kept));
    if (kept == NULL || !arena_defer(r->arena, release, kept))
        return ERR_NO_MEMORY;
    e = statement_parse(value, "/statement", kept, &r->problem);
    if (e == OK)
        e = statement_check(kept, kind, r->app->now(r->app), &r->problem);
    if (e == OK)
        e = statement_fields(kept, extra, n, &r->problem);
    if (e == OK)
        *ret = *kept; /* borrowed: the arena's copy owns it */
    return e;
}

enum err v1_same_object(struct request *r, const struct id *path, const struct id *named,
                        const char *pointer)
{
    if (id_equal(path, named))
        return OK;
    return problem_set(&r->problem, ERR_STATEMENT_FORM, pointer,
                       "The statement names another object than the path.");
}

void v1_done(struct request *r, enum err e, const struct answer *a)
{
    if (e != OK)
        api_fail(r, e);
    else
        reply_answer(r, a);
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* A cursor is the key with a MAC over operation, caller and key: nobody can ask for other rows by
 * making one up, and none is good for another list. */
static void cursor_mac(const struct request *r, const uint8_t key[8], uint8_t ret[HASH_BYTES])
{
    struct blake2b h;
    blake2b_init(&h, r->app->session_secret, sizeof(r->app->session_secret));
    blake2b_add(&h, r->route->operation, strlen(r->route->operation));
    blake2b_add(&h, r->caller.account.bytes, ID_BYTES);
    blake2b_add(&h, key, 8);
    blake2b_finish(&h, ret);
}

static void cursor_text(const struct request *r, int64_t before, char ret[CURSOR_TEXT_SIZE])
{
    uint8_t bytes[24], mac[HASH_BYTES];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)((uint64_t)before >> (56 - 8 * i));
    cursor_mac(r, bytes, mac);
    memcpy(bytes + 8, mac, 16);
    hex_encode(bytes, sizeof(bytes), ret);
}

/* The other parameters of the query stay as they were. */
void v1_next(struct request *r, int64_t before, int limit, char ret[CURSOR_TEXT_SIZE])
{
    const char *disease = req_query(r, "disease"), *phase = req_query(r, "phase");
    cursor_text(r, before, ret);
    char *link =
        arena_printf(r->arena, "<%s?limit=%d&cursor=%s%s%s%s%s>; rel=\"next\"", r->path, limit, ret,
                     disease != NULL ? "&disease=" : "", disease != NULL ? disease : "",
                     phase != NULL ? "&phase=" : "", phase != NULL ? phase : "");
    if (link != NULL)
        reply_header(r, "Link", link);
}

static enum err read_cursor(struct request *r, const char *text, int64_t *ret)
{
    uint8_t bytes[24], mac[HASH_BYTES];
    uint64_t key = 0;
    if (!hex_decode(text, strlen(text), bytes, sizeof(bytes)))
        return ERR_CURSOR;
    cursor_mac(r, bytes, mac);
    if (!bytes_equal(bytes + 8, mac, 16))
        return ERR_CURSOR;
    for (int i = 0; i < 8; i++)
        key = key << 8 | bytes[i];
    *ret = (int64_t)key;
    return OK;
}

enum err v1_page(struct request *r, struct page *ret)
{
    enum err e = OK;
    struct page p = { .limit = PAGE_LIMIT, .before = INT64_MAX };
    const char *limit = req_query(r, "limit"), *cursor = req_query(r, "cursor");
    uint64_t number = 0;
    if (e == OK && limit != NULL) {
        if (!u64_parse(limit, strlen(limit), &number) || number < 1 || number > PAGE_LIMIT_MAX)
            return problem_set(&r->problem, ERR_QUERY, "/limit", "limit goes from 1 to %d.",
                               PAGE_LIMIT_MAX);
        p.limit = (int)number;
    }
    if (e == OK && cursor != NULL)
        e = read_cursor(r, cursor, &p.before);
    if (e == OK)
        *ret = p;
    return e;
}

void v1_reply_page(struct request *r, const struct page *p, struct rows *rows, int key_column,
                   page_item *item)
{
    size_t n = rows_count(rows), shown = n > (size_t)p->limit ? (size_t)p->limit : n;
    char cursor[CURSOR_TEXT_SIZE];
    bool more = n > shown, ok = true;
    json_t *items = json_array();
    for (size_t i = 0; i < shown && ok; i++)
        ok = json_array_append_new(items, item(r, rows, i)) == 0;
    if (more)
        v1_next(r, row_i64(rows, shown - 1, key_column), p->limit, cursor);
    rows_free(rows);
    json_t *page =
        ok ? json_pack("{s:o, s:s?}", "items", items, "next", more ? cursor : NULL) : NULL;
    if (page == NULL) {
        if (!ok)
            json_decref(items);
        api_fail(r, ERR_NO_MEMORY);
        return;
    }
    reply_value(r, 200, page);
}
