/* Delivery: each outbox entry becomes one leaf, in order, exactly once, whatever breaks meanwhile;
 * what is published can be checked by anyone; and what contradicts the mark or the log is not
 * served. */
#include "server/ledger/io/mark.h"
#include "server/ledger/io/subjects.h"
#include "server/ledger/log/tile.h"
#include "server/store/entry.h"
#include "tests/lib/people.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct world w;
static struct person op, people[8];

/* ---- what was delivered ------------------------------------------------------------------------
 */

static const uint8_t *tile(enum chain chain, const char *path, struct arena *arena, size_t *ret_len)
{
    const uint8_t *bytes = NULL;
    assert_int_equal(db_check(w.db), OK);
    assert_int_equal(ledger_tile(w.app.ledger, w.db, chain, path, arena, &bytes, ret_len), OK);
    return bytes;
}

/* The leaf that the entry must have become, from its parts. */
static void leaf_of(const struct entry_stored *e, enum chain chain, struct buf *ret)
{
    uint8_t salt[SALT_BYTES], anchor[ENTRY_ANCHOR_BYTES];
    char sql[120], subject[ID_TEXT_SIZE];
    buf_clear(ret);
    if (e->is_public) {
        assert_int_equal(entry_public(1, e->sequence, e->statement, e->len, ret), OK);
        return;
    }
    id_text(&e->subject, subject);
    (void)snprintf(sql, sizeof(sql), "SELECT salt_slot FROM account WHERE id = '%s'", subject);
    assert_int_equal(subjects_salt(w.app.subjects, world_number(&w, sql), chain, e->sequence, salt),
                     OK);
    entry_anchor(1, e->sequence, salt, e->statement, e->len, anchor);
    assert_int_equal(buf_add(ret, anchor, sizeof(anchor)), OK);
}

/* Every entry of the outbox is in the log, once, at its place, with the bytes it must have. */
static void expect_log(enum chain chain)
{
    struct arena *arena = arena_new(64u << 20);
    struct entry_stored *entries = NULL;
    size_t n = 0, len = 0, offset = 0;
    struct buf leaf;
    buf_init(&leaf, ENTRY_MAX);
    assert_int_equal(db_check(w.db), OK);
    assert_int_equal(store_entries_after(w.db, chain, 0, 100000, arena, &entries, &n), OK);
    assert_int_equal(ledger_size(w.app.ledger, chain), n);
    const uint8_t *bundle = NULL;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *bytes = NULL;
        size_t bytes_len = 0;
        bool bad = false;
        if (i % TILE_WIDTH == 0) {
            struct tile_ref t = { .entries = true,
                                  .index = i / TILE_WIDTH,
                                  .width = n - i < TILE_WIDTH ? (unsigned)(n - i) : TILE_WIDTH };
            char path[TILE_PATH_MAX];
            tile_path(&t, path);
            bundle = tile(chain, path + 5, arena, &len);
            offset = 0;
        }
        assert_int_equal(entries[i].sequence, i + 1);
        assert_true(bundle_next(bundle, len, &offset, &bytes, &bytes_len, &bad));
        leaf_of(&entries[i], chain, &leaf);
        assert_int_equal(bytes_len, leaf.len);
        assert_memory_equal(bytes, leaf.data, leaf.len);
    }
    buf_release(&leaf);
    arena_free(arena);
}

static int64_t double_deliveries(void)
{
    return world_number(&w, "SELECT count(*) FROM delivery d WHERE first_seq <> first_index + 1 OR"
                            " first_seq <> 1 + coalesce((SELECT sum(n) FROM delivery e WHERE"
                            " e.chain = d.chain AND e.first_seq < d.first_seq), 0)");
}

static void expect_all(void)
{
    world_settle(&w);
    expect_log(CHAIN_ACCOUNT);
    expect_log(CHAIN_TX);
    assert_int_equal(double_deliveries(), 0);
    assert_true(ledger_healthy(w.app.ledger));
}

static void *deposits(void *arg)
{
    for (int i = 0; i < 40; i++)
        if (do_deposit(&w, arg, 1 + i) != OK)
            return arg;
    return NULL;
}

static void pay_through(struct world *process, int n)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(do_deposit(process, &people[i % 8], 5), OK);
}

static void pay_in(int n)
{
    pay_through(&w, n);
}

/* Eight people at once, private entries and a public one. */
static void test_leaves(void **state)
{
    (void)state;
    pthread_t threads[8];
    struct wish wish = wish_usual();
    struct id bounty;
    void *failed = NULL;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, deposits, &people[i]), 0);
    assert_int_equal(do_publish(&w, &op, &wish, &bounty), OK);
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    expect_all();
    assert_int_equal(ledger_size(w.app.ledger, CHAIN_TX), 8 * 40 + 1);
    assert_true(atomic_load(&w.published) > 0);
}

/* ---- what breaks meanwhile ---------------------------------------------------------------------
 */

#define DRIVER_LOCK "FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted"

static void cut_driver(void)
{
    (void)world_number(&w, "SELECT count(pg_terminate_backend(pid)) " DRIVER_LOCK);
}

static void test_lost_connections(void **state)
{
    (void)state;
    pthread_t threads[8];
    void *failed = NULL;
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, deposits, &people[i]), 0);
    for (int i = 0; i < 6; i++) {
        cut_driver();
        (void)poll(NULL, 0, 20); /* for it to be cut in the middle of something */
    }
    for (size_t i = 0; i < 8; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    expect_all();
}

#define LOCK_KEY "hashtext('cairn ledger driver')"

/* The test itself becomes the holder of the lock: the driver can but follow. */
static void take_driver_lock(void)
{
    cut_driver();
    (void)world_number(&w, "SELECT count(*) FROM (SELECT pg_advisory_lock(" LOCK_KEY ")) x");
}

static void leave_driver_lock(void)
{
    (void)world_number(&w, "SELECT pg_advisory_unlock(" LOCK_KEY ")::int");
}

static int64_t holders(void)
{
    return world_number(&w, "SELECT count(DISTINCT pid) " DRIVER_LOCK);
}

static bool is_socket(int fd)
{
    char path[40], target[16] = "";
    (void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return readlink(path, target, sizeof(target) - 1) > 0 && strncmp(target, "socket:", 7) == 0;
}

/* Opens the driver anew; the socket that it brought along is that of its connection. */
static int reopened(void)
{
    bool before[256];
    int found = -1;
    world_park(&w);
    for (int fd = 0; fd < 256; fd++)
        before[fd] = is_socket(fd);
    assert_int_equal(world_drive(&w), OK);
    for (int fd = 0; fd < 256; fd++)
        if (!before[fd] && is_socket(fd))
            found = fd;
    assert_true(found > 2);
    return found;
}

/* The lock goes with the connection: a driver that lost it while idle, without a last word from
 * the other side, takes it again before it goes on. */
static void test_lock_is_taken_again(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
        int fd = reopened();
        expect_all();
        assert_int_equal(holders(), 1);
        int64_t old = world_number(&w, "SELECT max(pid) " DRIVER_LOCK);
        assert_int_equal(shutdown(fd, SHUT_RDWR), 0);
        while (world_number(&w, "SELECT max(pid) " DRIVER_LOCK) == old && clock_monotonic() < until)
            continue;
        while (holders() != 1 && clock_monotonic() < until) {
            ledger_wake(w.app.ledger); /* it has nothing to deliver, but has to look */
            (void)poll(NULL, 0, 5);
        }
        assert_int_equal(holders(), 1);
        pay_in(3);
        expect_all();
    }
}

static void wait_size(struct world *of, uint64_t size)
{
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    while (ledger_size(of->app.ledger, CHAIN_TX) != size && clock_monotonic() < until) {
        ledger_wake(of->app.ledger);
        (void)poll(NULL, 0, 5); /* a follower sees what is published when it looks */
    }
    assert_int_equal(ledger_size(of->app.ledger, CHAIN_TX), size);
}

/* Two processes on one database: one drives, the other follows, and takes over. */
static void test_follow_and_take_over(void **state)
{
    (void)state;
    static struct world other;
    memcpy(&other, &w, sizeof(other));
    other.app.ledger = NULL;
    atomic_store(&other.next, 1u << 30); /* its own requests */
    assert_int_equal(world_drive(&other), OK);
    pay_in(20);
    expect_all();
    uint64_t size = ledger_size(w.app.ledger, CHAIN_TX);
    wait_size(&other, size);
    assert_int_equal(holders(), 1);
    cut_driver(); /* whoever is quicker drives on; the other follows */
    pay_in(20);
    expect_all();
    wait_size(&other, size + 20);
    assert_int_equal(holders(), 1);
    world_park(&w);
    pay_through(&other, 5);
    wait_size(&other, size + 25);
    assert_int_equal(world_drive(&w), OK);
    pay_in(5);
    wait_size(&other, size + 30);
    wait_size(&w, size + 30);
    world_park(&other);
    pay_in(5);
    expect_all();
}

static void wait_unhealthy(void)
{
    usec_t until = clock_monotonic() + 10 * USEC_PER_SEC;
    while (ledger_healthy(w.app.ledger) && clock_monotonic() < until) {
        ledger_wake(w.app.ledger);
        (void)poll(NULL, 0, 5);
    }
    assert_false(ledger_healthy(w.app.ledger));
}

/* An entry that is missing in the outbox stops the log before it; nothing is signed over the gap.
 */
static void test_gap_is_not_signed_over(void **state)
{
    (void)state;
    expect_all();
    uint64_t size = ledger_size(w.app.ledger, CHAIN_TX);
    take_driver_lock(); /* so that nothing is delivered meanwhile */
    pay_in(5);
    fixture_sql(&w.f,
                "ALTER TABLE entry DISABLE TRIGGER ALL; ALTER TABLE entry_party DISABLE TRIGGER"
                " ALL; CREATE TABLE kept AS SELECT * FROM entry WHERE chain = 2 AND seq ="
                " (SELECT last_seq - 2 FROM chain_head WHERE chain = 2);"
                " DELETE FROM entry WHERE id IN (SELECT id FROM kept)");
    ledger_wake(w.app.ledger);
    (void)poll(NULL, 0, 50); /* it may look, and has to leave it alone */
    assert_true(ledger_healthy(w.app.ledger));
    assert_int_equal(ledger_size(w.app.ledger, CHAIN_TX), size);
    leave_driver_lock();
    wait_unhealthy();
    assert_int_equal(ledger_size(w.app.ledger, CHAIN_TX), size);
    assert_int_equal(world_number(&w, "SELECT max(size) FROM log_checkpoint WHERE chain = 2"),
                     size);
    fixture_sql(&w.f,
                "INSERT INTO entry TABLE kept; DROP TABLE kept; ALTER TABLE entry ENABLE TRIGGER"
                " ALL; ALTER TABLE entry_party ENABLE TRIGGER ALL");
    expect_all(); /* and goes on by itself */
}

static void test_close_delivers(void **state)
{
    (void)state;
    pay_in(30);
    world_park(&w);
    assert_int_equal(world_number(&w,
                                  "SELECT last_seq - (SELECT max(first_seq + n - 1) FROM delivery"
                                  " WHERE chain = 2) FROM chain_head WHERE chain = 2"),
                     0);
    assert_int_equal(world_drive(&w), OK);
    expect_all();
}

/* ---- refusing to serve -------------------------------------------------------------------------
 */

static void refuse(enum err want)
{
    assert_string_equal(err_code(world_drive(&w)), err_code(want));
    assert_null(w.app.ledger);
}

static struct mark mark_now(enum chain chain)
{
    struct mark m;
    int fd = -1;
    assert_int_equal(mark_open("ledger.mark", &fd), OK);
    assert_int_equal(mark_read(fd, chain, &m), OK);
    (void)close(fd);
    return m;
}

static void mark_put(enum chain chain, struct mark m)
{
    int fd = -1;
    struct mark now = mark_now(chain);
    assert_int_equal(mark_open("ledger.mark", &fd), OK);
    m.counter = now.counter;
    assert_int_equal(mark_write(fd, chain, &m), OK);
    (void)close(fd);
}

static void test_mark_refuses(void **state)
{
    (void)state;
    expect_all();
    world_park(&w);
    struct mark m = mark_now(CHAIN_TX), wrong = m;
    assert_int_equal(m.size, world_number(&w, "SELECT last_seq FROM chain_head WHERE chain = 2"));
    wrong.size++;
    mark_put(CHAIN_TX, wrong); /* published more than the database holds */
    refuse(ERR_DB_OLD);
    wrong = m;
    wrong.root.bytes[31] ^= 1;
    mark_put(CHAIN_TX, wrong); /* published something else */
    refuse(ERR_DB_OLD);
    mark_put(CHAIN_TX, m);
    assert_int_equal(rename("ledger.mark", "kept.mark"), 0);
    refuse(ERR_DB_OLD);
    assert_int_equal(mark_create("ledger.mark"),
                     OK); /* as if the log were new: nothing contradicts */
    assert_int_equal(rename("kept.mark", "ledger.mark"), 0);
    int fd = open("ledger.mark", O_RDWR | O_CLOEXEC);
    uint8_t slots[256], zero[256] = { 0 };
    assert_int_equal(pread(fd, slots, sizeof(slots), 0), sizeof(slots));
    assert_int_equal(pwrite(fd, zero, sizeof(zero), 0), sizeof(zero));
    refuse(ERR_LOG_INCONSISTENT);
    assert_int_equal(pwrite(fd, slots, sizeof(slots), 0), sizeof(slots));
    (void)close(fd);
    assert_int_equal(world_drive(&w), OK);
    expect_all();
}

/* After a crash between commit and mark the database is ahead. What is served from then on is
 * published, so the mark must cover it before. */
static void test_mark_catches_up(void **state)
{
    (void)state;
    world_park(&w);
    struct mark before = mark_now(CHAIN_TX);
    assert_int_equal(world_drive(&w), OK);
    pay_in(3);
    expect_all();
    world_park(&w);
    mark_put(CHAIN_TX, before);
    assert_int_equal(world_drive(&w), OK);
    wait_size(&w, before.size + 3); /* the session before may hold the lock for a moment longer */
    assert_int_equal(mark_now(CHAIN_TX).size, before.size + 3);
    expect_all();
}

/* A database from yesterday, whole in itself, with a mark from today. */
static void test_old_backup(void **state)
{
    (void)state;
    static const char *const tables[] = { "log_bundle",  "log_tile",    "log_checkpoint",
                                          "delivery",    "chain_block", "chain_batch",
                                          "chain_state", "entry",       "chain_head",
                                          "journal_mark" };
    char sql[200];
    expect_all();
    for (size_t i = 0; i < COUNT(tables); i++) {
        (void)snprintf(sql, sizeof(sql), "CREATE TABLE old_%s AS TABLE %s", tables[i], tables[i]);
        fixture_sql(&w.f, sql);
    }
    pay_in(4);
    expect_all();
    world_park(&w);
    for (int back = 0; back < 2; back++)
        for (size_t i = 0; i < COUNT(tables); i++) {
            (void)snprintf(sql, sizeof(sql),
                           "ALTER TABLE %s RENAME TO swap; ALTER TABLE old_%s"
                           " RENAME TO %s; ALTER TABLE swap RENAME TO old_%s;"
                           " GRANT ALL ON %s TO cairn_app",
                           tables[i], tables[i], tables[i], tables[i], tables[i]);
            fixture_sql(&w.f, sql);
            if (back == 0 && i + 1 == COUNT(tables))
                refuse(ERR_DB_OLD);
        }
    assert_int_equal(world_drive(&w), OK);
    expect_all();
}

static void test_tampered_log(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE log_bundle SET entries = set_byte(entries, 40, get_byte(entries, 40) # 1)"
        " WHERE chain = 2 AND index = 0",
        "UPDATE log_tile SET hashes = set_byte(hashes, 40, get_byte(hashes, 40) # 1)"
        " WHERE chain = 1 AND level = 0 AND index = 0",
    };
    expect_all();
    world_park(&w);
    for (size_t i = 0; i < COUNT(changes); i++) {
        fixture_sql(&w.f, changes[i]);
        refuse(ERR_LOG_INCONSISTENT);
        fixture_sql(&w.f, changes[i]); /* once more is back */
    }
    fixture_sql(&w.f,
                "ALTER TABLE log_checkpoint DISABLE TRIGGER ALL; UPDATE log_checkpoint SET root ="
                " set_byte(root, 5, get_byte(root, 5) # 1)");
    refuse(ERR_LOG_INCONSISTENT);
    fixture_sql(&w.f, "UPDATE log_checkpoint SET root = set_byte(root, 5, get_byte(root, 5) # 1);"
                      " ALTER TABLE log_checkpoint ENABLE TRIGGER ALL");
    assert_int_equal(world_drive(&w), OK);
    expect_all();
}

static int up(void **state)
{
    (void)state;
    world_up(&w);
    operator_join(&w, 1, &op);
    for (uint32_t i = 0; i < 8; i++)
        person_join(&w, &op, "sponsor", "acme", 10 + i, &people[i]);
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
        cmocka_unit_test(test_leaves),
        cmocka_unit_test(test_lost_connections),
        cmocka_unit_test(test_lock_is_taken_again),
        cmocka_unit_test(test_follow_and_take_over),
        cmocka_unit_test(test_gap_is_not_signed_over),
        cmocka_unit_test(test_close_delivers),
        cmocka_unit_test(test_mark_refuses),
        cmocka_unit_test(test_mark_catches_up),
        cmocka_unit_test(test_old_backup),
        cmocka_unit_test(test_tampered_log),
    };
    /* Where failpoints are built in, delivery fails at each of its steps once on the way. */
    (void)setenv("CAIRN_FP",
                 "ledger_before_commit:error:4,ledger_after_commit:error:7,"
                 "ledger_after_mark:error:10",
                 1);
    return cmocka_run_group_tests_name("deliver", tests, up, down);
}
