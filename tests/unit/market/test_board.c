/* The board: open bounties as everyone reads them, in pages, with nothing that would show an
 * upload. */
#include "server/market/board.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>

static struct world w;
static struct cast cast;

struct page {
    json_t *items;
    int64_t next;
    uint64_t version;
};

static struct page list(const char *disease, int64_t before, int limit)
{
    struct page p = { 0 };
    struct buf text;
    buf_init(&text, 1u << 20);
    assert_int_equal(buf_add_str(&text, "["), OK);
    assert_int_equal(board_list(w.app.board, disease, before, limit, &text, &p.next, &p.version),
                     OK);
    assert_int_equal(buf_add_str(&text, "]"), OK);
    assert_int_equal(json_read(buf_str(&text), text.len, &p.items, NULL), OK);
    buf_release(&text);
    return p;
}

static void refresh(void)
{
    assert_int_equal(db_check(w.db), OK);
    assert_int_equal(board_refresh(w.app.board, w.db), OK);
}

static struct id published(void)
{
    struct wish wish = wish_usual();
    struct id id;
    assert_int_equal(do_publish(&w, &cast.sponsor, &wish, &id), OK);
    return id;
}

static bool is_item(const json_t *item, const struct id *id)
{
    char text[ID_TEXT_SIZE];
    id_text(id, text);
    return strcmp(json_string_value(json_object_get(item, "id")), text) == 0;
}

static void test_empty(void **state)
{
    (void)state;
    struct page p = list(NULL, INT64_MAX, 50);
    assert_int_equal(json_array_size(p.items), 0);
    assert_int_equal(p.next, 0);
    json_decref(p.items);
    refresh();
    p = list("MONDO:0005388", INT64_MAX, 1);
    assert_int_equal(json_array_size(p.items), 0);
    json_decref(p.items);
}

/* Seven bounties in pages of every size: each once, newest first, with an end. */
static void test_pages(void **state)
{
    (void)state;
    struct id ids[7];
    for (size_t i = 0; i < COUNT(ids); i++)
        ids[i] = published();
    refresh();
    for (int limit = 1; limit <= 8; limit++) {
        int64_t before = INT64_MAX;
        size_t seen = 0;
        do {
            struct page p = list("MONDO:0005388", before, limit);
            size_t n = json_array_size(p.items);
            assert_true(n >= 1 && n <= (size_t)limit);
            for (size_t i = 0; i < n; i++, seen++) {
                assert_true(seen < COUNT(ids));
                assert_true(is_item(json_array_get(p.items, i), &ids[COUNT(ids) - 1 - seen]));
            }
            assert_true(p.next < before);
            before = p.next;
            json_decref(p.items);
        } while (before != 0);
        assert_int_equal(seen, COUNT(ids));
    }
    struct page none = list("MONDO:0000001", INT64_MAX, 10);
    assert_int_equal(json_array_size(none.items), 0);
    assert_int_equal(none.next, 0);
    json_decref(none.items);
}

/* "funded" says whether one more full submission is covered, and the item says no more of money. */
static void test_funded_and_no_more(void **state)
{
    (void)state;
    static const char *const members[] = { "id",         "home",   "title",  "disease", "currency",
                                           "reward",     "review", "state",  "funded",  "closes_at",
                                           "terms_hash", "entry",  "version" };
    static const int64_t steps[] = { 20299, 1, 5000 };
    static const bool want[] = { false, true, true };
    struct id id = published();
    for (size_t i = 0; i < COUNT(steps); i++) {
        assert_int_equal(do_fund(&w, &cast.sponsor, &id, steps[i]), OK);
        refresh();
        struct page p = list(NULL, INT64_MAX, 1);
        const json_t *item = json_array_get(p.items, 0);
        assert_true(is_item(item, &id));
        assert_int_equal(json_is_true(json_object_get(item, "funded")), want[i]);
        assert_int_equal(json_integer_value(json_object_get(item, "home")), 1);
        assert_int_equal(json_object_size(item), COUNT(members));
        for (size_t m = 0; m < COUNT(members); m++)
            assert_non_null(json_object_get(item, members[m]));
        json_decref(p.items);
    }
}

/* The version follows the content: same content, same version. */
static void test_version(void **state)
{
    (void)state;
    refresh();
    struct page a = list(NULL, INT64_MAX, 1);
    refresh();
    struct page b = list(NULL, INT64_MAX, 50);
    assert_int_equal(a.version, b.version);
    struct id id = published();
    refresh();
    struct page c = list(NULL, INT64_MAX, 1);
    assert_int_not_equal(b.version, c.version);
    assert_int_equal(do_close(&w, &cast.sponsor, &id, 1), OK);
    struct page stale = list(NULL, INT64_MAX, 1); /* until it is refreshed */
    assert_int_equal(stale.version, c.version);
    refresh();
    struct page d = list(NULL, INT64_MAX, 50);
    assert_int_equal(d.version, a.version); /* the closed one is gone */
    for (size_t i = 0; i < json_array_size(d.items); i++)
        assert_false(is_item(json_array_get(d.items, i), &id));
    json_decref(a.items);
    json_decref(b.items);
    json_decref(c.items);
    json_decref(stale.items);
    json_decref(d.items);
}

static void *read_on(void *arg)
{
    atomic_bool *stop = arg;
    size_t broken = 0;
    while (!atomic_load(stop)) {
        struct buf text;
        int64_t next = 0;
        uint64_t version = 0;
        buf_init(&text, 1u << 20);
        if (buf_add_str(&text, "[") != OK ||
            board_list(w.app.board, NULL, INT64_MAX, 100, &text, &next, &version) != OK ||
            buf_add_str(&text, "]") != OK || !json_is_canonical(buf_str(&text), text.len))
            broken++;
        buf_release(&text);
    }
    return (void *)broken;
}

/* Readers beside refreshes always see a whole board. */
static void test_readers(void **state)
{
    (void)state;
    pthread_t threads[3];
    atomic_bool stop = false;
    void *broken = NULL;
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_on, &stop), 0);
    for (int i = 0; i < 40; i++)
        refresh();
    atomic_store(&stop, true);
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &broken), 0);
        assert_null(broken);
    }
}

/* A reply that is too small for the page is an error, not half a page. */
static void test_small_reply(void **state)
{
    (void)state;
    struct buf text;
    int64_t next = 0;
    uint64_t version = 0;
    buf_init(&text, 100);
    assert_int_equal(board_list(w.app.board, NULL, INT64_MAX, 50, &text, &next, &version),
                     ERR_LIMIT);
    buf_release(&text);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &cast.op);
    person_join(&w, &cast.op, "sponsor", "acme", 2, &cast.sponsor);
    return do_deposit(&w, &cast.sponsor, 100000) == OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    world_down(&w);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_funded_and_no_more),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_readers),
        cmocka_unit_test(test_small_reply),
    };
    return cmocka_run_group_tests_name("board", tests, up, down);
}
