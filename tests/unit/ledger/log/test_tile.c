/* tlog-tiles: paths, widths, hashes of any subtree out of stored rows, and entry bundles. */
#include "server/ledger/log/tile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

struct named {
    const char *path;
    struct tile_ref ref;
};

static const struct named paths[] = {
    { "tile/0/000", { false, 0, 0, 256 } },
    { "tile/0/x001/x234/067", { false, 0, 1234067, 256 } }, /* the example of the specification */
    { "tile/3/x001/x234/067.p/12", { false, 3, 1234067, 12 } },
    { "tile/5/007.p/255", { false, 5, 7, 255 } },
    { "tile/entries/567.p/1", { true, 0, 567, 1 } },
    { "tile/entries/x001/000", { true, 0, 1000, 256 } },
    { "tile/1/999", { false, 1, 999, 256 } },
    { "tile/0/x018/x446/x744/x073/x709/x551/615.p/100", { false, 0, UINT64_MAX, 100 } },
};

static const char *const no_paths[] = {
    "",
    "tile",
    "tile/",
    "/tile/0/000",
    "tile//000",
    "tile/0",
    "tile/0/",
    "tile/0//000",
    "tile/0/0",
    "tile/0/00",
    "tile/0/0000",
    "tile/0/-01",
    "tile/0/ 01",
    "tile/0/0a0",
    "tile/0/x000",
    "tile/0/x001",
    "tile/0/x001/",
    "tile/0/x000/001", /* a second spelling of 001 */
    "tile/0/001/002",
    "tile/0/x001/x002",
    "tile/0/xx01/002",
    "tile/0/X001/002",
    "tile/0/x01/002",
    "tile/0/000/",
    "tile/0/000 ",
    "tile/0/000\n",
    "tile/0/000.p",
    "tile/0/000.p/",
    "tile/0/000.p/0",
    "tile/0/000.p/00",
    "tile/0/000.p/01",
    "tile/0/000.p/256",
    "tile/0/000.p/1000",
    "tile/0/000.p/-1",
    "tile/0/000.p/+1",
    "tile/0/000.p/1 ",
    "tile/0/000.p/1/",
    "tile/0/000.p/18446744073709551617",
    "tile/0/000/p/1",
    "tile/0/000.P/1",
    "tile/00/000",
    "tile/01/000",
    "tile/6/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/x/000",
    "tile/entries",
    "tile/entries/",
    "tile/entries/0",
    "tile/entries/0/000",
    "tile/Entries/000",
    "tile/data/000",
    "tile/0/x018/x446/x744/x073/x709/x551/616", /* 2^64 */
    "tile/0/x001/x000/x000/x000/x000/x000/x000/000",
    "tile/0/../000",
    "tile/0/x001/../001",
};

static bool same_ref(const struct tile_ref *a, const struct tile_ref *b)
{
    return a->entries == b->entries && a->level == b->level && a->index == b->index &&
           a->width == b->width;
}

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        char text[TILE_PATH_MAX];
        struct tile_ref ref;
        tile_path(&paths[i].ref, text);
        assert_string_equal(text, paths[i].path);
        assert_true(tile_path_parse(paths[i].path, &ref));
        assert_true(same_ref(&ref, &paths[i].ref));
    }
    for (size_t i = 0; i < COUNT(no_paths); i++) {
        struct tile_ref ref = { .index = 77 };
        if (tile_path_parse(no_paths[i], &ref))
            fail_msg("taken: %s", no_paths[i]);
        assert_int_equal(ref.index, 77);
    }
}

static void round_trip(const struct tile_ref *t)
{
    char text[TILE_PATH_MAX];
    struct tile_ref back;
    tile_path(t, text);
    assert_true(tile_path_parse(text, &back));
    assert_true(same_ref(&back, t));
}

static void test_path_round_trip(void **state)
{
    (void)state;
    for (uint64_t p = 1; p != 0 && p <= UINT64_MAX / 10; p *= 10)
        for (uint64_t d = 0; d < 3; d++)
            round_trip(&(struct tile_ref){ .index = p - 1 + d, .width = 1 });
    for (unsigned i = 0; i < 20000; i++) {
        uint8_t r[12];
        random_bytes(r, sizeof(r));
        struct tile_ref t = { .entries = r[8] % 4 == 0, .width = 1u + r[9] };
        memcpy(&t.index, r, sizeof(t.index));
        t.index >>= r[10] % 64;
        t.level = t.entries ? 0 : r[11] % (TILE_LEVEL_MAX + 1);
        round_trip(&t);
    }
}

static void test_widths(void **state)
{
    (void)state;
    /* The example of the specification: 70,000 leaves. */
    assert_int_equal(tile_width_at(0, 0, 70000), 256);
    assert_int_equal(tile_width_at(0, 272, 70000), 256);
    assert_int_equal(tile_width_at(0, 273, 70000), 112);
    assert_int_equal(tile_width_at(0, 274, 70000), 0);
    assert_int_equal(tile_width_at(1, 0, 70000), 256);
    assert_int_equal(tile_width_at(1, 1, 70000), 17);
    assert_int_equal(tile_width_at(2, 0, 70000), 1);
    assert_int_equal(tile_width_at(3, 0, 70000), 0);
    assert_int_equal(tile_width_at(0, 0, 256), 256);
    assert_int_equal(tile_width_at(0, 1, 256), 0);
    assert_int_equal(tile_width_at(1, 0, 256), 1);
    assert_int_equal(tile_width_at(1, 0, 255), 0);
    assert_int_equal(tile_width_at(0, 0, 0), 0);
    assert_int_equal(tile_width_at(0, UINT64_MAX, UINT64_MAX), 0);
    assert_int_equal(tile_width_at(TILE_LEVEL_MAX, 0, TILE_SIZE_MAX), 256);
    assert_int_equal(tile_width_at(TILE_LEVEL_MAX, 0, TILE_SIZE_MAX - 1), 255);
    /* Each level's widths add up to the number of complete subtrees, for every size. */
    for (uint64_t size = 0; size < 3000; size++)
        for (unsigned level = 0; level < 3; level++) {
            uint64_t sum = 0;
            for (uint64_t i = 0; i < 14; i++)
                sum += tile_width_at(level, i, size);
            assert_int_equal(sum, size >> (8 * level));
        }
}

/* ---- rows ---- */

#define LEAVES 70000u
struct store {
    uint64_t size;
    size_t reads;
    struct merkle_hash *rows[3]; /* hashes of complete subtrees of height 0, 8, 16 */
};

/* What a server does: the tile that holds the subtree, then up inside it. */
static bool read_store(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    struct store *s = arg;
    struct tile_ref t;
    unsigned up = 0, at = 0;
    if (index >= s->size >> level)
        return false;
    tile_locate(level, index, s->size, &t, &up, &at);
    assert_false(t.entries);
    assert_in_range(t.level, 0, 2);
    assert_int_equal(t.width, tile_width_at(t.level, t.index, s->size));
    s->reads++;
    return tile_subtree(s->rows[t.level] + t.index * TILE_WIDTH, t.width, up, at, ret) == OK;
}

static void test_trees_from_tiles(void **state)
{
    (void)state;
    struct store s = { .size = 0 };
    struct merkle_tree tree;
    static const uint64_t sizes[] = { 1,     2,     255,   256,   257,   511,   512,  1000,
                                      65535, 65536, 65537, 65791, 65792, 69999, 70000 };
    size_t next = 0;
    merkle_init(&tree);
    for (unsigned row = 0; row < 3; row++) {
        s.rows[row] = calloc((LEAVES >> (8 * row)) + 1, sizeof(struct merkle_hash));
        assert_non_null(s.rows[row]);
    }
    for (uint64_t i = 0; i < LEAVES; i++) {
        merkle_leaf(&i, sizeof(i), &s.rows[0][i]);
        merkle_append(&tree, &s.rows[0][i]);
        s.size++;
        for (unsigned row = 1; row < 3 && s.size % (UINT64_C(1) << (8 * row)) == 0; row++) {
            uint64_t at = (s.size >> (8 * row)) - 1;
            assert_int_equal(
                tile_subtree(s.rows[row - 1] + at * TILE_WIDTH, TILE_WIDTH, 8, 0, &s.rows[row][at]),
                OK);
        }
        if (next == COUNT(sizes) || s.size != sizes[next])
            continue;
        next++;
        struct merkle_hash want, root, proof[MERKLE_PROOF_MAX];
        size_t n = 0;
        merkle_root(&tree, &want);
        assert_int_equal(merkle_root_at(read_store, &s, s.size, &root), OK);
        assert_memory_equal(&root, &want, sizeof(root));
        uint64_t places[] = { 0, s.size / 3, s.size / 2, s.size - 1 };
        for (size_t j = 0; j < COUNT(places); j++) {
            uint64_t at = places[j];
            struct merkle_hash old;
            assert_int_equal(merkle_inclusion(read_store, &s, at, s.size, proof, &n), OK);
            assert_true(merkle_verify_inclusion(&s.rows[0][at], at, s.size, proof, n, &root));
            assert_int_equal(merkle_root_at(read_store, &s, at, &old), OK);
            assert_int_equal(merkle_consistency(read_store, &s, at, s.size, proof, &n), OK);
            assert_true(merkle_verify_consistency(at, &old, s.size, &root, proof, n));
        }
    }
    assert_int_equal(next, COUNT(sizes));
    assert_in_range(s.reads, 100, 100000);
    for (unsigned row = 0; row < 3; row++)
        free(s.rows[row]);
}

static void test_places(void **state)
{
    (void)state;
    struct tile_ref t;
    unsigned up = 99, at = 99;
    tile_locate(0, 70000 - 1, 70000, &t, &up, &at);
    assert_true(same_ref(&t, &(struct tile_ref){ false, 0, 273, 112 }));
    assert_int_equal(up, 0);
    assert_int_equal(at, 111);
    tile_locate(7, 3, 70000, &t, &up, &at); /* leaves 384..511: the upper half of tile 1 */
    assert_true(same_ref(&t, &(struct tile_ref){ false, 0, 1, 256 }));
    assert_int_equal(up, 7);
    assert_int_equal(at, 1);
    tile_locate(16, 0, 70000, &t, &up, &at);
    assert_true(same_ref(&t, &(struct tile_ref){ false, 2, 0, 1 }));
    assert_int_equal(up, 0);
    assert_int_equal(at, 0);
    tile_locate(47, 1, TILE_SIZE_MAX, &t, &up, &at);
    assert_true(same_ref(&t, &(struct tile_ref){ false, 5, 0, 256 }));
    assert_int_equal(up, 7);
    assert_int_equal(at, 1);
    tile_locate(48, 0, TILE_SIZE_MAX, &t, &up, &at);
    assert_true(same_ref(&t, &(struct tile_ref){ false, 5, 0, 256 }));
    assert_int_equal(up, 8);
    assert_int_equal(at, 0);
}

static void test_subtree_bounds(void **state)
{
    (void)state;
    struct merkle_hash row[TILE_WIDTH], got, want, pair;
    for (unsigned i = 0; i < TILE_WIDTH; i++)
        merkle_leaf(&i, sizeof(i), &row[i]);
    /* Every width, level and place: taken exactly if the subtree lies inside. */
    for (unsigned width = 0; width <= TILE_WIDTH; width += width < 20 ? 1 : 59)
        for (unsigned level = 0; level <= 9; level++)
            for (unsigned i = 0; i <= width + 1; i++) {
                bool inside = level <= 8 && (i + 1) << level <= width;
                assert_int_equal(tile_subtree(row, width, level, i, &got),
                                 inside ? OK : ERR_FIELD_RANGE);
            }
    assert_int_equal(tile_subtree(row, TILE_WIDTH + 1, 0, 0, &got), ERR_FIELD_RANGE);
    assert_int_equal(tile_subtree(row, 7, 0, 6, &got), OK);
    assert_memory_equal(&got, &row[6], sizeof(got));
    merkle_node(&row[4], &row[5], &want);
    merkle_node(&row[6], &row[7], &pair);
    merkle_node(&want, &pair, &want);
    assert_int_equal(tile_subtree(row, 8, 2, 1, &got), OK);
    assert_memory_equal(&got, &want, sizeof(got));
    assert_int_equal(tile_subtree(row, 8, 2, UINT32_MAX, &got), ERR_FIELD_RANGE);
}

/* ---- bundles ---- */

static void test_bundles(void **state)
{
    (void)state;
    static const size_t lens[] = { 0, 1, 50, 255, 256, 65535, 3 };
    static uint8_t entry[65536];
    struct buf b;
    random_bytes(entry, sizeof(entry));
    buf_init(&b, 1u << 20);
    for (size_t i = 0; i < COUNT(lens); i++)
        assert_int_equal(bundle_add(&b, entry, lens[i]), OK);
    assert_int_equal(b.len, 2 * COUNT(lens) + 1 + 50 + 255 + 256 + 65535 + 3);
    static const uint8_t begin[] = { 0, 0, 0, 1 };
    assert_memory_equal(b.data, begin, sizeof(begin));
    assert_int_equal(b.data[4], entry[0]);
    size_t offset = 0, len = 0, n = 0;
    const uint8_t *at = NULL;
    bool bad = true;
    while (bundle_next(b.data, b.len, &offset, &at, &len, &bad)) {
        assert_false(bad);
        assert_int_equal(len, lens[n]);
        assert_memory_equal(at, entry, len);
        n++;
        bad = true;
    }
    assert_int_equal(n, COUNT(lens));
    assert_false(bad);

    size_t before = b.len;
    assert_int_equal(bundle_add(&b, entry, 65536), ERR_LIMIT);
    assert_int_equal(b.len, before);
    b.max = b.len + 4;
    assert_int_equal(bundle_add(&b, entry, 3), ERR_LIMIT);
    assert_int_equal(bundle_add(&b, entry, 2), OK);
    buf_release(&b);
}

/* Cut anywhere, a bundle is bad, except where an entry ends. */
static void test_cut_bundles(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    assert_int_equal(bundle_add(&b, "one", 3), OK);
    assert_int_equal(bundle_add(&b, "", 0), OK);
    assert_int_equal(bundle_add(&b, "three", 5), OK);
    for (size_t cut = 0; cut <= b.len; cut++) {
        uint8_t *exact = malloc(cut > 0 ? cut : 1);
        assert_non_null(exact);
        if (cut > 0)
            memcpy(exact, b.data, cut);
        size_t offset = 0, len = 0, n = 0;
        const uint8_t *at = NULL;
        bool bad = false;
        while (bundle_next(exact, cut, &offset, &at, &len, &bad))
            n++;
        assert_int_equal(bad, cut != 0 && cut != 5 && cut != 7 && cut != 14);
        assert_int_equal(n, cut < 5 ? 0 : cut < 7 ? 1 : cut < 14 ? 2 : 3);
        free(exact);
    }
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),   cmocka_unit_test(test_path_round_trip),
        cmocka_unit_test(test_widths),  cmocka_unit_test(test_trees_from_tiles),
        cmocka_unit_test(test_places),  cmocka_unit_test(test_subtree_bounds),
        cmocka_unit_test(test_bundles), cmocka_unit_test(test_cut_bundles),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
