/* The stored tree against the tree in memory: roots and proofs at every growth, and tampering found
 * where it happened. */
#include "server/ledger/io/tree.h"
#include "server/ledger/log/tile.h"
#include "server/store/log.h"
#include "tests/lib/prop.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct fixture f;
static struct db *db;
static struct tree_edge kept[2]; /* kept over appends, as the driver keeps them */

/* Entry i of a log: 20 to 66 bytes that no other entry has. */
static size_t entry_of(uint64_t i, uint8_t ret[66])
{
    struct prop p = { i * 3 + 1 };
    size_t len = 20 + (size_t)(prop_next(&p) % 47);
    memset(ret, (int)(i % 256), len);
    memcpy(ret, &i, sizeof(i));
    return len;
}

struct growing {
    enum chain chain;
    uint64_t size;
    size_t n;
};

static struct merkle_hash appended; /* the root that tree_append said */

static enum err append_tx(struct db *in, void *arg)
{
    const struct growing *g = arg;
    struct arena *arena = arena_new(256u << 20);
    struct tree_leaf *leaves = arena_alloc(arena, g->n * sizeof(*leaves));
    assert_non_null(leaves);
    for (size_t i = 0; i < g->n; i++) {
        uint8_t bytes[66];
        leaves[i].len = entry_of(g->size + i, bytes);
        leaves[i].bytes = arena_memdup(arena, bytes, leaves[i].len);
        assert_non_null(leaves[i].bytes);
    }
    enum err e =
        tree_append(in, g->chain, &kept[g->chain - 1], g->size, leaves, g->n, arena, &appended);
    arena_free(arena);
    return e;
}

static void grow(struct merkle_tree *t, enum chain chain, size_t n)
{
    struct growing g = { chain, t->size, n };
    assert_int_equal(db_transact(db, "grow", append_tx, &g), OK);
    for (size_t i = 0; i < n; i++) {
        uint8_t bytes[66];
        struct merkle_hash leaf;
        merkle_leaf(bytes, entry_of(t->size, bytes), &leaf);
        merkle_append(t, &leaf);
    }
    struct merkle_hash root;
    merkle_root(t, &root);
    assert_memory_equal(appended.bytes, root.bytes, HASH_BYTES);
}

static void expect_root(const struct merkle_tree *t, enum chain chain, uint64_t from)
{
    struct merkle_hash want, got;
    merkle_root(t, &want);
    assert_int_equal(tree_recompute(db, chain, from, t->size, &got), OK);
    assert_memory_equal(got.bytes, want.bytes, HASH_BYTES);
}

static void expect_proof(const struct merkle_tree *t, enum chain chain, uint64_t index)
{
    struct arena *arena = arena_new(8u << 20);
    struct tree_reader r;
    struct merkle_hash proof[MERKLE_PROOF_MAX], leaf, root;
    size_t n = 0;
    uint8_t bytes[66];
    tree_reader_init(&r, db, chain, arena);
    assert_int_equal(merkle_inclusion(tree_read, &r, index, t->size, proof, &n), OK);
    merkle_leaf(bytes, entry_of(index, bytes), &leaf);
    merkle_root(t, &root);
    assert_true(merkle_verify_inclusion(&leaf, index, t->size, proof, n, &root));
    leaf.bytes[0] ^= 1;
    assert_false(merkle_verify_inclusion(&leaf, index, t->size, proof, n, &root));
    arena_free(arena);
}

static void expect_consistent(uint64_t old_size, const struct merkle_hash *old_root,
                              const struct merkle_tree *t, enum chain chain)
{
    struct arena *arena = arena_new(8u << 20);
    struct tree_reader r;
    struct merkle_hash proof[MERKLE_PROOF_MAX], root;
    size_t n = 0;
    tree_reader_init(&r, db, chain, arena);
    assert_int_equal(merkle_consistency(tree_read, &r, old_size, t->size, proof, &n), OK);
    merkle_root(t, &root);
    assert_true(merkle_verify_consistency(old_size, old_root, t->size, &root, proof, n));
    arena_free(arena);
}

static void empty_log(void)
{
    fixture_sql(&f, "DELETE FROM log_bundle; DELETE FROM log_tile");
}

/* Random batches around the width of a tile; after each: root, proofs, consistency with before. */
static void test_batches_of_all_sizes(void **state)
{
    (void)state;
    static const size_t sizes[] = { 1, 2, 3, 100, 255, 256, 257, 511, 512, 513 };
    struct prop p = { 20260101 };
    struct merkle_tree t, other;
    merkle_init(&t);
    merkle_init(&other);
    empty_log();
    for (int step = 0; step < 24; step++) {
        struct merkle_hash before;
        uint64_t size = t.size;
        merkle_root(&t, &before);
        grow(&t, CHAIN_TX, sizes[prop_next(&p) % COUNT(sizes)]);
        expect_root(&t, CHAIN_TX, 0);
        expect_root(&t, CHAIN_TX, size / TILE_WIDTH * TILE_WIDTH);
        expect_consistent(size, &before, &t, CHAIN_TX);
        const uint64_t edges[] = { 0, size, t.size - 1, t.size / 256 * 256 % t.size,
                                   prop_next(&p) % t.size };
        for (size_t i = 0; i < COUNT(edges); i++)
            expect_proof(&t, CHAIN_TX, edges[i] < t.size ? edges[i] : 0);
        if (step % 8 == 0)
            grow(&other, CHAIN_ACCOUNT, 3); /* the other chain is another tree */
    }
    for (uint64_t i = 0; i < t.size; i += 97)
        expect_proof(&t, CHAIN_TX, i);
    expect_root(&other, CHAIN_ACCOUNT, 0);
}

/* Once over 65536, where a third level begins. */
static void test_third_level(void **state)
{
    (void)state;
    struct merkle_tree t;
    merkle_init(&t);
    empty_log();
    grow(&t, CHAIN_TX, 70000);
    grow(&t, CHAIN_TX, 1);
    expect_root(&t, CHAIN_TX, 0);
    assert_int_equal(
        fixture_number(&f, "SELECT octet_length(hashes) FROM log_tile WHERE level = 2"), 32);
    const uint64_t some[] = { 0, 255, 256, 65535, 65536, 69999, 70000 };
    for (size_t i = 0; i < COUNT(some); i++)
        expect_proof(&t, CHAIN_TX, some[i]);
}

/* ---- tampering ---------------------------------------------------------------------------------
 */

static struct merkle_tree filled; /* 1000 entries */

static int fill(void **state)
{
    (void)state;
    empty_log();
    merkle_init(&filled);
    grow(&filled, CHAIN_TX, 1000);
    return 0;
}

static enum err recompute(uint64_t from)
{
    struct merkle_hash root;
    return tree_recompute(db, CHAIN_TX, from, filled.size, &root);
}

static void test_changed_rows_are_found(void **state)
{
    (void)state;
    static const char *const changes[] = {
        /* one byte of an entry, of its length, of a hash; an entry more or less; a row gone */
        "UPDATE log_bundle SET entries = set_byte(entries, 300, get_byte(entries, 300) # 1)"
        " WHERE index = 2",
        "UPDATE log_bundle SET entries = set_byte(entries, 1, get_byte(entries, 1) # 1)"
        " WHERE index = 2",
        "UPDATE log_tile SET hashes = set_byte(hashes, 8191, get_byte(hashes, 8191) # 128)"
        " WHERE level = 0 AND index = 2",
        "UPDATE log_tile SET hashes = set_byte(hashes, 70, get_byte(hashes, 70) # 128)"
        " WHERE level = 1",
        "UPDATE log_bundle SET width = 255 WHERE index = 2",
        "UPDATE log_bundle SET entries = substr(entries, 1, octet_length(entries) - 3)"
        " WHERE index = 2",
        "DELETE FROM log_bundle WHERE index = 2",
        "DELETE FROM log_tile WHERE level = 0 AND index = 2",
        "DELETE FROM log_tile WHERE level = 1",
        "UPDATE log_tile SET hashes = substr(hashes, 1, 8160) WHERE level = 0 AND index = 2",
        "UPDATE log_tile SET hashes = substr(hashes, 1, 64) WHERE level = 1",
    };
    for (size_t i = 0; i < COUNT(changes); i++) {
        fixture_sql(&f, "CREATE TABLE kept_b AS TABLE log_bundle; CREATE TABLE kept_t AS TABLE"
                        " log_tile");
        assert_int_equal(recompute(0), OK);
        fixture_sql(&f, changes[i]);
        if (recompute(0) != ERR_LOG_INCONSISTENT)
            fail_msg("not found: %s", changes[i]);
        fixture_sql(&f, "DELETE FROM log_bundle; DELETE FROM log_tile; INSERT INTO log_bundle TABLE"
                        " kept_b; INSERT INTO log_tile TABLE kept_t; DROP TABLE kept_b, kept_t");
    }
}

/* What the log says meanwhile. */
static void logged(enum err want, char ret[1024])
{
    int old = dup(2), fd = open("log", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(old >= 0 && fd >= 0 && dup2(fd, 2) == 2);
    enum err e = recompute(0);
    assert_true(dup2(old, 2) == 2);
    ssize_t len = pread(fd, ret, 1023, 0);
    ret[len > 0 ? len : 0] = '\0';
    (void)close(fd);
    (void)close(old);
    assert_int_equal(e, want);
}

/* Of several wrong ones, the first is named. */
static void test_the_first_is_named(void **state)
{
    (void)state;
    char text[1024];
    logged(OK, text);
    assert_string_equal(text, "");
    fixture_sql(&f, "UPDATE log_tile SET hashes = set_byte(hashes, 161, get_byte(hashes, 161) # 1)"
                    " WHERE level = 0 AND index IN (2, 3)");
    logged(ERR_LOG_INCONSISTENT, text);
    assert_non_null(strstr(text, "chain tx: stored entry 517 does not match"));
    fixture_sql(&f, "UPDATE log_tile SET hashes = set_byte(hashes, 3, get_byte(hashes, 3) # 1)"
                    " WHERE level = 1");
    logged(ERR_LOG_INCONSISTENT, text);
    assert_non_null(strstr(text, "chain tx: tile 0/0 does not match the level above"));
}

/* Two neighbours swapped in bundle and tile alike: only the tree above can tell. */
static void test_consistent_lies_are_found(void **state)
{
    (void)state;
    fixture_sql(&f, "UPDATE log_bundle SET entries = substr(entries, 3 + get_byte(entries, 1),"
                    " 2 + get_byte(entries, 3 + get_byte(entries, 1))) ||"
                    " substr(entries, 1, 2 + get_byte(entries, 1)) || substr(entries,"
                    " 5 + get_byte(entries, 1) + get_byte(entries, 3 + get_byte(entries, 1)))"
                    " WHERE index = 0");
    assert_int_equal(recompute(0), ERR_LOG_INCONSISTENT); /* not in line with the tile */
    fixture_sql(&f,
                "UPDATE log_tile SET hashes = substr(hashes, 33, 32) || substr(hashes, 1, 32) ||"
                " substr(hashes, 65) WHERE level = 0 AND index = 0");
    assert_int_equal(recompute(0), ERR_LOG_INCONSISTENT); /* not in line with the level above */
    assert_int_equal(recompute(256), OK);                 /* which does not look there */
}

/* A bundle or tile that is there already can grow, never shrink or be put anew at its width. */
static void test_nothing_shrinks(void **state)
{
    (void)state;
    struct growing at_zero = { CHAIN_TX, 0, 3 }, again = { CHAIN_TX, 768, 5 };
    assert_int_equal(db_transact(db, "shrink", append_tx, &at_zero), ERR_LOG_INCONSISTENT);
    assert_int_equal(db_transact(db, "again", append_tx, &again), ERR_LOG_INCONSISTENT);
    struct growing beyond = { CHAIN_TX, 1001, 5 }; /* would leave a hole */
    assert_int_equal(db_transact(db, "beyond", append_tx, &beyond), ERR_LOG_INCONSISTENT);
    struct growing next = { CHAIN_TX, 1000, 5 }; /* bundle and tile of different widths */
    fixture_sql(&f, "UPDATE log_bundle SET width = 231 WHERE index = 3");
    assert_int_equal(db_transact(db, "next", append_tx, &next), ERR_LOG_INCONSISTENT);
    fixture_sql(&f, "UPDATE log_bundle SET width = 232 WHERE index = 3");
    expect_root(&filled, CHAIN_TX, 0);
    for (unsigned width = 231; width <= 232; width++) {
        assert_int_equal(store_bundle_put(db, CHAIN_TX, 3, width, "x", 1), OK);
        assert_int_equal(db_settle(db), ERR_LOG_INCONSISTENT);
    }
    expect_root(&filled, CHAIN_TX, 0);
}

/* After a rollback the edge in memory is that of entries that nobody has. */
static enum err append_and_fail(struct db *in, void *arg)
{
    enum err e = append_tx(in, arg);
    return e == OK ? ERR_STATE : e;
}

static void test_the_edge_after_a_rollback(void **state)
{
    (void)state;
    struct growing lost = { CHAIN_TX, 1000, 300 };
    assert_int_equal(db_transact(db, "lost", append_and_fail, &lost), ERR_STATE);
    expect_root(&filled, CHAIN_TX, 0);
    struct merkle_tree t = filled;
    grow(&t, CHAIN_TX, 7);
    grow(&t, CHAIN_TX, 300);
    expect_root(&t, CHAIN_TX, 0);
}

/* What the database stores is not what it was given: the transaction does not commit. */
static void test_stored_otherwise(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "new.entries := set_byte(new.entries, 40, get_byte(new.entries, 40) # 1)",
        "new.hashes := set_byte(new.hashes, 31, get_byte(new.hashes, 31) # 1)",
    };
    static const char *const tables[] = { "log_bundle", "log_tile" };
    struct growing next = { CHAIN_TX, 1000, 300 };
    for (size_t i = 0; i < COUNT(changes); i++) {
        char sql[512];
        (void)snprintf(sql, sizeof(sql),
                       "CREATE FUNCTION flip() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN %s;"
                       " RETURN new; END $$; CREATE TRIGGER flip BEFORE INSERT ON %s FOR EACH ROW"
                       " EXECUTE FUNCTION flip()",
                       changes[i], tables[i]);
        fixture_sql(&f, sql);
        assert_int_equal(db_transact(db, "flipped", append_tx, &next), ERR_LOG_INCONSISTENT);
        fixture_sql(&f, "DROP FUNCTION flip CASCADE");
        expect_root(&filled, CHAIN_TX, 0);
    }
}

/* Missing tiles are an error of the reader, not a wrong hash. */
static void test_reader_reports(void **state)
{
    (void)state;
    struct arena *arena = arena_new(1u << 20), *tiny = arena_new(64);
    struct tree_reader r;
    struct merkle_hash h, proof[MERKLE_PROOF_MAX];
    size_t n = 0;
    tree_reader_init(&r, db, CHAIN_ACCOUNT, arena);
    assert_false(tree_read(&r, 0, 100000, &h));
    assert_int_equal(merkle_inclusion(tree_read, &r, 5, 100000, proof, &n), ERR_LOG_INCONSISTENT);
    tree_reader_init(&r, db, CHAIN_TX, tiny);
    assert_false(tree_read(&r, 0, 5, &h));
    assert_int_equal(r.error, ERR_NO_MEMORY);
    arena_free(arena);
    arena_free(tiny);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    fixture_up(&f, 1);
    for (size_t i = 0; i < COUNT(kept); i++)
        tree_edge_init(&kept[i]);
    return db_open(f.store, &db) == OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kept); i++)
        tree_edge_release(&kept[i]);
    db_close(db);
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_batches_of_all_sizes),
        cmocka_unit_test(test_third_level),
        cmocka_unit_test_setup(test_changed_rows_are_found, fill),
        cmocka_unit_test_setup(test_the_first_is_named, fill),
        cmocka_unit_test_setup(test_consistent_lies_are_found, fill),
        cmocka_unit_test_setup(test_nothing_shrinks, fill),
        cmocka_unit_test_setup(test_the_edge_after_a_rollback, fill),
        cmocka_unit_test_setup(test_stored_otherwise, fill),
        cmocka_unit_test_setup(test_reader_reports, fill),
    };
    return cmocka_run_group_tests_name("tree", tests, up, down);
}
