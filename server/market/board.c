#include "server/market/board.h"

#include "server/act.h"
#include "server/market/reward.h"
#include "server/store/bounty.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct item {
    int64_t n;
    char disease[14];
    char *json;
    size_t len;
};

struct board {
    uint16_t member;
    pthread_mutex_t lock;
    struct item *items; /* newest first */
    size_t n_items;
    uint64_t version; /* hash of the content */
};

json_t *bounty_summary(const struct rows *r, size_t i, uint16_t member, json_t **ret_terms)
{
    json_t *terms = NULL;
    struct terms t;
    const char *text = row_text(r, i, 3);
    uint8_t hash[HASH_BYTES];
    if (json_read(text, strlen(text), &terms, NULL) != OK)
        return NULL;
    if (terms_read(terms, "", &t, NULL) != OK || !row_bytes(r, i, 4, hash, sizeof(hash))) {
        json_decref(terms);
        return NULL;
    }
    struct id id = row_id(r, i, 0);
    /* Whether one more full submission is covered, and no more than that: exact funds would show
     * every single upload. */
    int64_t home = row_i64(r, i, 9);
    bool funded = home == 0 ? row_i64(r, i, 7) >= reward_worst_case(&t) : row_bool(r, i, 10);
    json_t *summary = json_pack(
        "{s:o, s:I, s:s, s:s, s:s, s:O, s:{s:I, s:I}, s:s, s:b, s:O, s:o, s:o, s:I}", "id",
        json_id(&id), "home", (json_int_t)(home == 0 ? member : home), "title", t.title, "disease",
        t.disease, "currency", t.currency, "reward", json_object_get(terms, "reward"), "review",
        "seats", (json_int_t)t.review.seats, "quorum", (json_int_t)t.review.quorum, "state",
        row_text(r, i, 5), "funded", (int)funded, "closes_at", json_object_get(terms, "closes_at"),
        "terms_hash", json_b64(hash, sizeof(hash)), "entry", json_id(&id), "version",
        (json_int_t)row_i64(r, i, 6));
    if (ret_terms != NULL && summary != NULL)
        *ret_terms = terms;
    else
        json_decref(terms);
    return summary;
}

enum err board_new(uint16_t member, struct board **ret)
{
    struct board *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NO_MEMORY;
    b->member = member;
    (void)pthread_mutex_init(&b->lock, NULL);
    *ret = b;
    return OK;
}

static void items_free(struct item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(items[i].json);
    free(items);
}

void board_free(struct board *b)
{
    if (b == NULL)
        return;
    items_free(b->items, b->n_items);
    (void)pthread_mutex_destroy(&b->lock);
    free(b);
}

static enum err item_make(const struct rows *r, size_t i, uint16_t member, struct item *ret)
{
    json_t *summary = bounty_summary(r, i, member, NULL);
    struct buf text;
    buf_init(&text, 64u << 10);
    enum err e = summary != NULL ? json_canonical(summary, &text) : ERR_NO_MEMORY;
    json_decref(summary);
    if (e == OK) {
        *ret =
            (struct item){ .n = row_i64(r, i, 8), .json = strdup(buf_str(&text)), .len = text.len };
        (void)snprintf(ret->disease, sizeof(ret->disease), "%s", row_text(r, i, 1));
        e = ret->json != NULL ? OK : ERR_NO_MEMORY;
    }
    buf_release(&text);
    return e;
}

static uint64_t items_version(const struct item *items, size_t n)
{
    struct blake2b h;
    uint8_t hash[HASH_BYTES];
    uint64_t version = 0;
    blake2b_init(&h, NULL, 0);
    for (size_t i = 0; i < n; i++)
        blake2b_add(&h, items[i].json, items[i].len);
    blake2b_finish(&h, hash);
    for (int i = 0; i < 8; i++)
        version = version << 8 | hash[i];
    return version;
}

enum err board_refresh(struct board *b, struct db *db)
{
    struct rows *r = NULL;
    enum err e = store_bounties(db, "open", NULL, INT64_MAX, BOARD_MAX, &r);
    size_t n = e == OK ? rows_count(r) : 0, made = 0;
    struct item *items = e == OK ? calloc(n + 1, sizeof(*items)) : NULL;
    if (e == OK && items == NULL)
        e = ERR_NO_MEMORY;
    for (; made < n && e == OK; made++) {
        e = item_make(r, made, b->member, &items[made]);
        if (e != OK)
            break;
    }
    rows_free(r);
    if (e != OK) {
        items_free(items, made);
        return e;
    }
    uint64_t version = items_version(items, n);
    (void)pthread_mutex_lock(&b->lock);
    struct item *old = b->items;
    size_t old_n = b->n_items;
    b->items = items;
    b->n_items = n;
    b->version = version;
    (void)pthread_mutex_unlock(&b->lock);
    items_free(old, old_n);
    return OK;
}

/* The items of a page: those from *ret_first on that fit the query, their bytes, and the cursor of
 * what follows. */
static size_t choose(const struct board *b, const char *disease, int64_t before, int limit,
                     const struct item *ret[], size_t *ret_bytes, int64_t *ret_next)
{
    size_t n = 0, bytes = 0;
    int64_t next = 0;
    for (size_t i = 0; i < b->n_items; i++) {
        const struct item *item = &b->items[i];
        if (item->n >= before || (disease != NULL && strcmp(disease, item->disease) != 0))
            continue;
        if (n == (size_t)limit) {
            next = n > 0 ? ret[n - 1]->n : 0;
            break;
        }
        bytes += item->len + 1;
        ret[n++] = item;
    }
    *ret_bytes = bytes;
    *ret_next = next;
    return n;
}

/* The room is taken at once: growing step by step would copy and wipe everything several times. */
enum err board_list(struct board *b, const char *disease, int64_t before, int limit,
                    struct buf *ret, int64_t *ret_next, uint64_t *ret_version)
{
    const struct item *page[BOARD_PAGE_MAX];
    size_t bytes = 0;
    assert(limit <= BOARD_PAGE_MAX);
    (void)pthread_mutex_lock(&b->lock);
    *ret_version = b->version;
    size_t n = choose(b, disease, before, limit, page, &bytes, ret_next);
    enum err e = bytes + BOARD_TAIL > ret->max - ret->len       ? ERR_LIMIT
                 : buf_reserve(ret, bytes + BOARD_TAIL) == NULL ? ERR_NO_MEMORY
                                                                : OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (i > 0)
            e = buf_add(ret, ",", 1);
        if (e == OK)
            e = buf_add(ret, page[i]->json, page[i]->len);
    }
    (void)pthread_mutex_unlock(&b->lock);
    return e;
}
