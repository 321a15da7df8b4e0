/* What readers ask of the ledger: notes, receipts and tiles that anyone can check. */
#include "server/ledger/log/tile.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>

static struct world w;
static struct person op, people[8];

static const uint8_t *tile(enum chain chain, const char *path, struct arena *arena, size_t *ret_len)
{
    const uint8_t *bytes = NULL;
    assert_int_equal(db_check(w.db), OK);
    assert_int_equal(ledger_tile(w.app.ledger, w.db, chain, path, arena, &bytes, ret_len), OK);
    return bytes;
}

/* Before anything is published there is nothing to read; afterwards the figures say what there is.
 */
static void test_empty_chain(void **state)
{
    (void)state;
    struct buf text;
    struct arena *arena = arena_new(1u << 20);
    const uint8_t *bytes = NULL;
    size_t len = 0;
    struct merkle_hash root;
    uint8_t empty[HASH_BYTES];
    uint64_t size = 7;
    buf_init(&text, CHECKPOINT_MAX);
    assert_int_equal(ledger_checkpoint(w.app.ledger, CHAIN_TX, &text), ERR_NOT_FOUND);
    assert_int_equal(ledger_proof(w.app.ledger, w.db, CHAIN_TX, 0, arena, &text), ERR_NOT_FOUND);
    assert_int_equal(ledger_tile(w.app.ledger, w.db, CHAIN_TX, "0/000.p/1", arena, &bytes, &len),
                     ERR_NOT_FOUND);
    assert_int_equal(text.len, 0);
    ledger_root(w.app.ledger, CHAIN_TX, &size, &root);
    sha256("", 0, empty);
    assert_int_equal(size, 0);
    assert_memory_equal(root.bytes, empty, HASH_BYTES);
    assert_int_equal(ledger_metrics(w.app.ledger, &text), OK);
    assert_non_null(strstr(buf_str(&text), "cairn_log_entries{chain=\"tx\"} 0\n"));
    assert_non_null(strstr(buf_str(&text), "cairn_ledger_healthy 1\n"));
    buf_release(&text);
    arena_free(arena);
}

static void *deposits(void *arg)
{
    for (int i = 0; i < 40; i++)
        if (do_deposit(&w, arg, 1 + i) != OK)
            return arg;
    return NULL;
}

static void fill(void **state)
{
    (void)state;
    pthread_t threads[8];
    void *failed = NULL;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, deposits, &people[i]), 0);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    world_settle(&w);
    assert_int_equal(ledger_size(w.app.ledger, CHAIN_TX), 8 * 40);
}

static struct policy *policy(void)
{
    struct buf text;
    struct policy *p = NULL;
    buf_init(&text, POLICY_MAX);
    assert_int_equal(ledger_policy(w.app.ledger, &text), OK);
    assert_int_equal(policy_parse(buf_str(&text), text.len, &p, NULL), OK);
    buf_release(&text);
    return p;
}

static void test_checkpoint(void **state)
{
    (void)state;
    struct policy *p = policy();
    for (enum chain c = CHAIN_ACCOUNT; c <= CHAIN_TX; c++) {
        struct buf note;
        struct checkpoint cp, checked;
        struct merkle_hash root;
        uint64_t size = 0;
        size_t body = 0;
        buf_init(&note, CHECKPOINT_MAX);
        assert_int_equal(ledger_checkpoint(w.app.ledger, c, &note), OK);
        assert_int_equal(checkpoint_parse(buf_str(&note), note.len, &cp, &body), OK);
        assert_string_equal(cp.origin,
                            c == CHAIN_TX ? WORLD_FEDERATION "/tx" : WORLD_FEDERATION "/account");
        ledger_root(w.app.ledger, c, &size, &root);
        assert_int_equal(cp.size, size);
        assert_int_equal(cp.size, ledger_size(w.app.ledger, c));
        assert_memory_equal(cp.root.bytes, root.bytes, HASH_BYTES);
        assert_int_equal(policy_check(p, buf_str(&note), note.len, &checked), OK);
        buf_release(&note);
    }
    policy_free(p);
}

/* Every entry's receipt verifies offline, and for its own bytes alone. */
static void test_receipts(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64u << 20);
    struct policy *p = policy();
    size_t len = 0, offset = 0, leaf_len = 0, n = ledger_size(w.app.ledger, CHAIN_TX);
    const uint8_t *bundle = tile(CHAIN_TX, "entries/000", arena, &len), *leaf = NULL;
    bool bad = false;
    struct buf proof;
    buf_init(&proof, PROOF_MAX);
    for (uint64_t i = 0; bundle_next(bundle, len, &offset, &leaf, &leaf_len, &bad); i++) {
        struct checkpoint cp;
        uint64_t index = 0;
        uint8_t *other = arena_memdup(arena, leaf, leaf_len);
        buf_clear(&proof);
        assert_int_equal(ledger_proof(w.app.ledger, w.db, CHAIN_TX, i, arena, &proof), OK);
        assert_int_equal(
            tlog_proof_verify(p, buf_str(&proof), proof.len, leaf, leaf_len, &cp, &index), OK);
        assert_int_equal(index, i);
        assert_true(cp.size > i);
        other[leaf_len - 1] ^= 1;
        assert_int_equal(
            tlog_proof_verify(p, buf_str(&proof), proof.len, other, leaf_len, &cp, &index),
            ERR_CRYPTO);
    }
    assert_false(bad);
    buf_clear(&proof);
    assert_int_equal(ledger_proof(w.app.ledger, w.db, CHAIN_TX, n, arena, &proof), ERR_NOT_FOUND);
    buf_release(&proof);
    policy_free(p);
    arena_free(arena);
}

/* A partial tile of any width is the head of the widest one, and so is a bundle. */
static void test_tiles_of_all_widths(void **state)
{
    (void)state;
    struct arena *arena = arena_new(64u << 20);
    size_t full = 0, len = 0, offset = 0, entry_len = 0, size = ledger_size(w.app.ledger, CHAIN_TX);
    unsigned last = (unsigned)(size % TILE_WIDTH);
    char path[TILE_PATH_MAX];
    bool bad = false;
    assert_true(size > TILE_WIDTH && last > 1);
    (void)snprintf(path, sizeof(path), "entries/001.p/%u", last);
    const uint8_t *all = tile(CHAIN_TX, path, arena, &full), *bytes, *entry;
    (void)snprintf(path, sizeof(path), "0/001.p/%u", last);
    const uint8_t *hashes = tile(CHAIN_TX, path, arena, &len);
    assert_int_equal(len, last * HASH_BYTES);
    for (unsigned width = 1; width <= last; width++) {
        assert_true(bundle_next(all, full, &offset, &entry, &entry_len, &bad));
        (void)snprintf(path, sizeof(path), "entries/001.p/%u", width);
        bytes = tile(CHAIN_TX, path, arena, &len);
        assert_int_equal(len, offset);
        assert_memory_equal(bytes, all, len);
        (void)snprintf(path, sizeof(path), "0/001.p/%u", width);
        bytes = tile(CHAIN_TX, path, arena, &len);
        assert_int_equal(len, width * HASH_BYTES);
        assert_memory_equal(bytes, hashes, len);
        struct merkle_hash leaf;
        merkle_leaf(entry, entry_len, &leaf);
        assert_memory_equal(leaf.bytes, bytes + (width - 1) * HASH_BYTES, HASH_BYTES);
    }
    (void)tile(CHAIN_TX, "0/000", arena, &len);
    assert_int_equal(len, TILE_WIDTH * HASH_BYTES);
    (void)tile(CHAIN_TX, "1/000.p/1", arena, &len);
    assert_int_equal(len, HASH_BYTES);
    static const char *const absent[] = { "0/001",     "0/002.p/1",   "1/000.p/2",
                                          "2/000.p/1", "0/000.p/0",   "0/000.p/256",
                                          "0/0",       "entries/001", "9/000",
                                          "",          "../mark",     "0/x999/x999/x999/999" };
    for (size_t i = 0; i < COUNT(absent); i++)
        assert_int_equal(ledger_tile(w.app.ledger, w.db, CHAIN_TX, absent[i], arena, &bytes, &len),
                         ERR_NOT_FOUND);
    (void)snprintf(path, sizeof(path), "0/001.p/%u", last + 1);
    assert_int_equal(ledger_tile(w.app.ledger, w.db, CHAIN_TX, path, arena, &bytes, &len),
                     ERR_NOT_FOUND);
    arena_free(arena);
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &op);
    for (uint32_t i = 0; i < 8; i++)
        person_join(&w, &op, "sponsor", "acme", 10 + i, &people[i]);
    world_settle(&w);
    return 0;
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
        cmocka_unit_test(test_empty_chain),         cmocka_unit_test(fill),
        cmocka_unit_test(test_checkpoint),          cmocka_unit_test(test_receipts),
        cmocka_unit_test(test_tiles_of_all_widths),
    };
    return cmocka_run_group_tests_name("read", tests, up, down);
}
