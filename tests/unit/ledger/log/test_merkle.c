/* RFC 6962 / 9162 trees against published roots and proofs, and exhaustively against a second,
 * recursive implementation written from the definitions in RFC 6962 section 2.1. */
#include "server/base/text.h"
#include "server/ledger/log/merkle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define SIZE_MAX_TESTED 130
#define LEVELS 9

/* hashes[level][index]: complete subtrees. */
struct rows {
    uint64_t size;
    struct merkle_hash hashes[LEVELS][SIZE_MAX_TESTED];
};

static bool read_rows(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    const struct rows *rows = arg;
    if (level >= LEVELS || index >= rows->size >> level)
        return false;
    *ret = rows->hashes[level][index];
    return true;
}

static void fill(struct rows *rows, uint64_t size)
{
    rows->size = size;
    for (uint64_t i = 0; i < size; i++)
        merkle_leaf(&i, sizeof(i), &rows->hashes[0][i]);
    for (unsigned level = 1; level < LEVELS; level++)
        for (uint64_t i = 0; i < size >> level; i++)
            merkle_node(&rows->hashes[level - 1][2 * i], &rows->hashes[level - 1][2 * i + 1],
                        &rows->hashes[level][i]);
}

/* ---- the definitions of RFC 6962, recursively ---- */

static uint64_t split(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k)
        k *= 2;
    return k;
}

static struct merkle_hash ref_mth(const struct merkle_hash *d, uint64_t n)
{
    if (n == 1)
        return d[0];
    uint64_t k = split(n);
    struct merkle_hash l = ref_mth(d, k), r = ref_mth(d + k, n - k), ret;
    uint8_t message[65] = { 1 };
    memcpy(message + 1, l.bytes, 32);
    memcpy(message + 33, r.bytes, 32);
    sha256(message, sizeof(message), ret.bytes);
    return ret;
}

static size_t ref_path(uint64_t m, const struct merkle_hash *d, uint64_t n, struct merkle_hash *out)
{
    if (n == 1)
        return 0;
    uint64_t k = split(n);
    size_t got = m < k ? ref_path(m, d, k, out) : ref_path(m - k, d + k, n - k, out);
    out[got] = m < k ? ref_mth(d + k, n - k) : ref_mth(d, k);
    return got + 1;
}

static size_t ref_subproof(uint64_t m, const struct merkle_hash *d, uint64_t n, bool whole,
                           struct merkle_hash *out)
{
    if (m == n) {
        if (!whole)
            out[0] = ref_mth(d, n);
        return whole ? 0 : 1;
    }
    uint64_t k = split(n);
    size_t got =
        m <= k ? ref_subproof(m, d, k, whole, out) : ref_subproof(m - k, d + k, n - k, false, out);
    out[got] = m <= k ? ref_mth(d + k, n - k) : ref_mth(d, k);
    return got + 1;
}

/* The turns from the root to leaf m: two (m, n) with the same turns cannot be told apart by a
 * proof. */
static void turns_inclusion(uint64_t m, uint64_t n, char *out)
{
    if (m >= n) {
        memcpy(out, "outside", 8);
        return;
    }
    for (; n > 1; out++) {
        uint64_t k = split(n);
        *out = m < k ? 'l' : 'r';
        n = m < k ? k : n - k;
        m = m < k ? m : m - k;
    }
    *out = '\0';
}

static void turns_consistency(uint64_t m, uint64_t n, char *out)
{
    if (m == 0 || m >= n) {
        memcpy(out, m > n ? "less" : m == n ? "same" : "none", 5);
        return;
    }
    bool whole = true;
    for (; m != n; out++) {
        uint64_t k = split(n);
        *out = m <= k ? 'l' : 'r';
        whole = whole && m <= k;
        n = m <= k ? k : n - k;
        m = m <= k ? m : m - k;
    }
    memcpy(out, whole ? "w" : "p", 2);
}

/* ---- published values ---- */

static const char *const ct_leaves[8] = { "",
                                          "00",
                                          "10",
                                          "2021",
                                          "3031",
                                          "40414243",
                                          "5051525354555657",
                                          "606162636465666768696a6b6c6d6e6f" };
static const char *const ct_roots[9] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

struct published {
    bool inclusion;
    uint64_t a, b; /* index and size, or old and new size */
    size_t n;
    const char *hashes[3];
};

static const struct published ct_proofs[] = {
    { true,
      0,
      8,
      3,
      { "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4" } },
    { true,
      5,
      8,
      3,
      { "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" } },
    { true, 2, 3, 1, { "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" } },
    { true,
      1,
      5,
      3,
      { "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b" } },
    { false,
      1,
      8,
      3,
      { "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4" } },
    { false,
      6,
      8,
      3,
      { "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" } },
    { false,
      2,
      5,
      2,
      { "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b" } },
};

static void assert_hash(const struct merkle_hash *h, const char *hex)
{
    char text[HEX_SIZE(HASH_BYTES)];
    hex_encode(h->bytes, HASH_BYTES, text);
    assert_string_equal(text, hex);
}

static void test_published_trees(void **state)
{
    (void)state;
    struct rows rows = { .size = 8 };
    struct merkle_tree tree;
    struct merkle_hash root;
    merkle_init(&tree);
    for (size_t i = 0; i <= 8; i++) {
        merkle_root(&tree, &root);
        assert_hash(&root, ct_roots[i]);
        if (i == 8)
            break;
        uint8_t entry[16];
        size_t len = strlen(ct_leaves[i]) / 2;
        assert_true(hex_decode(ct_leaves[i], 2 * len, entry, len));
        merkle_leaf(entry, len, &rows.hashes[0][i]);
        merkle_append(&tree, &rows.hashes[0][i]);
        assert_int_equal(tree.size, i + 1);
    }
    for (unsigned level = 1; level < 4; level++)
        for (size_t i = 0; i < 8u >> level; i++)
            merkle_node(&rows.hashes[level - 1][2 * i], &rows.hashes[level - 1][2 * i + 1],
                        &rows.hashes[level][i]);
    for (size_t i = 0; i < COUNT(ct_proofs); i++) {
        const struct published *p = &ct_proofs[i];
        struct merkle_hash proof[MERKLE_PROOF_MAX];
        size_t n = 99;
        assert_int_equal(p->inclusion ? merkle_inclusion(read_rows, &rows, p->a, p->b, proof, &n)
                                      : merkle_consistency(read_rows, &rows, p->a, p->b, proof, &n),
                         OK);
        assert_int_equal(n, p->n);
        for (size_t j = 0; j < n; j++)
            assert_hash(&proof[j], p->hashes[j]);
    }
}

/* ---- exhaustive ---- */

static void test_every_inclusion_proof(void **state)
{
    (void)state;
    static struct rows rows;
    fill(&rows, SIZE_MAX_TESTED);
    struct merkle_tree tree;
    merkle_init(&tree);
    for (uint64_t size = 1; size <= SIZE_MAX_TESTED; size++) {
        struct merkle_hash root, at, ref = ref_mth(rows.hashes[0], size);
        merkle_append(&tree, &rows.hashes[0][size - 1]);
        merkle_root(&tree, &root);
        assert_memory_equal(&root, &ref, sizeof(root));
        assert_int_equal(merkle_root_at(read_rows, &rows, size, &at), OK);
        assert_memory_equal(&at, &ref, sizeof(at));
        for (uint64_t index = 0; index < size; index++) {
            struct merkle_hash proof[MERKLE_PROOF_MAX], want[MERKLE_PROOF_MAX];
            size_t n = 99, want_n = ref_path(index, rows.hashes[0], size, want);
            assert_int_equal(merkle_inclusion(read_rows, &rows, index, size, proof, &n), OK);
            assert_int_equal(n, want_n);
            assert_memory_equal(proof, want, n * sizeof(proof[0]));
            const struct merkle_hash *leaf = &rows.hashes[0][index];
            assert_true(merkle_verify_inclusion(leaf, index, size, proof, n, &root));
            assert_false(merkle_verify_inclusion(leaf, index, size, proof, n + 1, &root));
            if (n > 0)
                assert_false(merkle_verify_inclusion(leaf, index, size, proof, n - 1, &root));
            for (uint64_t other = 0; other < size; other++)
                if (other != index)
                    assert_false(merkle_verify_inclusion(leaf, other, size, proof, n, &root));
        }
    }
}

static void test_every_consistency_proof(void **state)
{
    (void)state;
    static struct rows rows;
    static struct merkle_hash roots[SIZE_MAX_TESTED + 1];
    fill(&rows, SIZE_MAX_TESTED);
    for (uint64_t size = 0; size <= SIZE_MAX_TESTED; size++)
        assert_int_equal(merkle_root_at(read_rows, &rows, size, &roots[size]), OK);
    for (uint64_t size = 0; size <= SIZE_MAX_TESTED; size++) {
        for (uint64_t old = 0; old <= size; old++) {
            struct merkle_hash proof[MERKLE_PROOF_MAX], want[MERKLE_PROOF_MAX];
            size_t n = 99, want_n = 0;
            if (old > 0 && old < size)
                want_n = ref_subproof(old, rows.hashes[0], size, true, want);
            assert_int_equal(merkle_consistency(read_rows, &rows, old, size, proof, &n), OK);
            assert_int_equal(n, want_n);
            assert_memory_equal(proof, want, n * sizeof(proof[0]));
            assert_true(merkle_verify_consistency(old, &roots[old], size, &roots[size], proof, n));
            memset(&proof[n], 7, sizeof(proof[n]));
            assert_false(
                merkle_verify_consistency(old, &roots[old], size, &roots[size], proof, n + 1));
            if (n > 0)
                assert_false(
                    merkle_verify_consistency(old, &roots[old], size, &roots[size], proof, n - 1));
            /* Against the root of every other size. */
            for (uint64_t other = 0; other <= SIZE_MAX_TESTED; other++)
                if (other != old)
                    assert_false(merkle_verify_consistency(old, &roots[other], size, &roots[size],
                                                           proof, n));
        }
    }
}

static void flip(void *bytes, size_t bit)
{
    ((uint8_t *)bytes)[bit / 8] ^= (uint8_t)(1u << bit % 8);
}

/* Small trees get every bit of every hash, larger ones one bit of each byte (another one each
 * time). */
static size_t bit_step(uint64_t size)
{
    return size <= 34 ? 1 : 8;
}

static void flip_inclusion(struct rows *rows, uint64_t index, uint64_t size,
                           const struct merkle_hash *root)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX + 2];
    size_t n = 0;
    assert_int_equal(merkle_inclusion(read_rows, rows, index, size, proof, &n), OK);
    proof[n] = rows->hashes[0][index];
    proof[n + 1] = *root;
    size_t step = bit_step(size);
    for (size_t bit = step > 1 ? index % 8 : 0; bit < (n + 2) * HASH_BYTES * 8; bit += step) {
        flip(proof, bit);
        assert_false(merkle_verify_inclusion(&proof[n], index, size, proof, n, &proof[n + 1]));
        flip(proof, bit);
    }
    char want[80], got[80];
    turns_inclusion(index, size, want);
    for (size_t bit = 0; bit < 64; bit++) {
        uint64_t i = index ^ UINT64_C(1) << bit, s = size ^ UINT64_C(1) << bit;
        assert_false(merkle_verify_inclusion(&proof[n], i, size, proof, n, root));
        turns_inclusion(index, s, got);
        assert_int_equal(merkle_verify_inclusion(&proof[n], index, s, proof, n, root),
                         strcmp(got, want) == 0);
    }
}

static void flip_consistency(struct rows *rows, uint64_t old, uint64_t size)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX + 2];
    size_t n = 0;
    assert_int_equal(merkle_consistency(read_rows, rows, old, size, proof, &n), OK);
    assert_int_equal(merkle_root_at(read_rows, rows, old, &proof[n]), OK);
    assert_int_equal(merkle_root_at(read_rows, rows, size, &proof[n + 1]), OK);
    /* Any tree extends the empty one, so its new root is the only thing not bound. */
    size_t bound = old == 0 ? n + 1 : n + 2, step = bit_step(size);
    for (size_t bit = step > 1 ? old % 8 : 0; bit < bound * HASH_BYTES * 8; bit += step) {
        flip(proof, bit);
        assert_false(merkle_verify_consistency(old, &proof[n], size, &proof[n + 1], proof, n));
        flip(proof, bit);
    }
    char want[80], got[80];
    turns_consistency(old, size, want);
    for (size_t bit = 0; bit < 64; bit++) {
        uint64_t o = old ^ UINT64_C(1) << bit, s = size ^ UINT64_C(1) << bit;
        turns_consistency(o, size, got);
        assert_int_equal(merkle_verify_consistency(o, &proof[n], size, &proof[n + 1], proof, n),
                         strcmp(got, want) == 0);
        turns_consistency(old, s, got);
        assert_int_equal(merkle_verify_consistency(old, &proof[n], s, &proof[n + 1], proof, n),
                         strcmp(got, want) == 0);
    }
}

static void test_flipped_bits(void **state)
{
    (void)state;
    static struct rows rows;
    fill(&rows, SIZE_MAX_TESTED);
    for (uint64_t size = 1; size <= SIZE_MAX_TESTED; size++) {
        struct merkle_hash root;
        assert_int_equal(merkle_root_at(read_rows, &rows, size, &root), OK);
        for (uint64_t index = 0; index < size; index++)
            flip_inclusion(&rows, index, size, &root);
        for (uint64_t old = 0; old <= size; old += size <= 34 ? 1 : 5)
            flip_consistency(&rows, old, size);
    }
}

/* ---- limits ---- */

/* A tree whose leaves are all alike has one hash per level, so that trees of any size can be read.
 */
static bool read_uniform(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    (void)index;
    *ret = ((const struct merkle_hash *)arg)[level];
    return true;
}

static void test_huge_trees(void **state)
{
    (void)state;
    struct merkle_hash levels[64], proof[MERKLE_PROOF_MAX], root, old_root;
    static const uint64_t sizes[] = { UINT64_C(1) << 32, (UINT64_C(1) << 48) - 1,
                                      (UINT64_C(1) << 62) + 1, MERKLE_SIZE_MAX - 1,
                                      MERKLE_SIZE_MAX };
    size_t n = 0;
    merkle_leaf("x", 1, &levels[0]);
    for (size_t i = 1; i < COUNT(levels); i++)
        merkle_node(&levels[i - 1], &levels[i - 1], &levels[i]);
    for (size_t i = 0; i < COUNT(sizes); i++) {
        uint64_t size = sizes[i];
        uint64_t places[] = { 0, 1, size / 3, size / 2 + 1, size - 2, size - 1 };
        assert_int_equal(merkle_root_at(read_uniform, levels, size, &root), OK);
        for (size_t j = 0; j < COUNT(places); j++) {
            uint64_t at = places[j];
            assert_int_equal(merkle_inclusion(read_uniform, levels, at, size, proof, &n), OK);
            assert_in_range(n, 1, 63);
            assert_true(merkle_verify_inclusion(&levels[0], at, size, proof, n, &root));
            assert_int_equal(merkle_root_at(read_uniform, levels, at, &old_root), OK);
            assert_int_equal(merkle_consistency(read_uniform, levels, at, size, proof, &n), OK);
            assert_in_range(n, at == 0 ? 0 : 1, MERKLE_PROOF_MAX);
            assert_true(merkle_verify_consistency(at, &old_root, size, &root, proof, n));
        }
    }
}

static void test_refusals(void **state)
{
    (void)state;
    static struct rows rows;
    fill(&rows, 7);
    struct merkle_hash proof[MERKLE_PROOF_MAX + 1] = { 0 }, root;
    size_t n = 99;
    assert_int_equal(merkle_inclusion(read_rows, &rows, 7, 7, proof, &n), ERR_FIELD_RANGE);
    assert_int_equal(merkle_inclusion(read_rows, &rows, 0, 0, proof, &n), ERR_FIELD_RANGE);
    assert_int_equal(merkle_inclusion(read_rows, &rows, 0, MERKLE_SIZE_MAX + 1, proof, &n),
                     ERR_FIELD_RANGE);
    assert_int_equal(merkle_consistency(read_rows, &rows, 8, 7, proof, &n), ERR_FIELD_RANGE);
    assert_int_equal(merkle_consistency(read_rows, &rows, 1, UINT64_MAX, proof, &n),
                     ERR_FIELD_RANGE);
    /* The store lacks leaf 7. */
    assert_int_equal(merkle_inclusion(read_rows, &rows, 3, 8, proof, &n), ERR_LOG_INCONSISTENT);
    assert_int_equal(merkle_consistency(read_rows, &rows, 3, 8, proof, &n), ERR_LOG_INCONSISTENT);
    assert_int_equal(merkle_root_at(read_rows, &rows, 8, &root), ERR_LOG_INCONSISTENT);
    assert_int_equal(n, 99);
    assert_false(merkle_verify_inclusion(&rows.hashes[0][0], 0, 0, proof, 0, &rows.hashes[0][0]));
    assert_true(merkle_verify_inclusion(&rows.hashes[0][0], 0, 1, proof, 0, &rows.hashes[0][0]));
    assert_false(merkle_verify_inclusion(&rows.hashes[0][0], 0, UINT64_MAX, proof,
                                         MERKLE_PROOF_MAX + 1, &rows.hashes[0][0]));
    assert_false(
        merkle_verify_consistency(1, &root, UINT64_MAX, &root, proof, MERKLE_PROOF_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_trees),
        cmocka_unit_test(test_every_inclusion_proof),
        cmocka_unit_test(test_every_consistency_proof),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_huge_trees),
        cmocka_unit_test(test_refusals),
    };
    crypto_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
