/* The writer: idempotency, isolation of failures, conflicts, a full queue, many threads on one
 * account. */
#include "server/base/buf.h"
#include "server/books/books.h"
#include "server/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <pthread.h>
#include <string.h>

static struct fixture f;

static struct payment payment(uint32_t space, uint32_t n, uint32_t wallet)
{
    struct id owner = fixture_id(2, wallet);
    return (struct payment){ fixture_id(space, n), book_account_id(BOOK_WALLET, &owner, "EUR") };
}

static int64_t fees(void)
{
    return fixture_number(&f, "SELECT credits FROM book_account WHERE kind = 'fees'");
}

/* ---- idempotency
 * --------------------------------------------------------------------------------- */
static void test_replay_gives_first_answer(void **state)
{
    (void)state;
    struct payment p = payment(10, 1, 16);
    struct write_key key = fixture_key(&p.id);
    struct arena *arena = arena_new(65536);
    struct answer first, again;
    int64_t before = fees();
    assert_int_equal(store_write(f.store, "t", &key, fixture_pay, &p, arena, &first), OK);
    assert_false(first.replayed);
    assert_int_equal(store_write(f.store, "t", &key, fixture_pay, &p, arena, &again), OK);
    assert_true(again.replayed);
    assert_int_equal(again.status, 201);
    assert_string_equal(again.body, first.body);
    assert_int_equal(again.body_len, strlen(first.body));
    assert_int_equal(fees(), before + 1);

    key.request_hash[31] ^= 1; /* same key, other request */
    assert_int_equal(store_write(f.store, "t", &key, fixture_pay, &p, arena, &again),
                     ERR_IDEM_REUSED);
    assert_int_equal(fees(), before + 1);

    key.request_hash[31] ^= 1;
    key.principal.bytes[0] ^= 1; /* another person's key of the same text is another key */
    assert_int_equal(store_write(f.store, "t", &key, fixture_pay, &p, arena, &again),
                     ERR_STATEMENT_REPLAYED);
    arena_free(arena);
}

static enum err refuse(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct payment *p = arg;
    (void)ret;
    (void)arena;
    enum err e = fixture_entry(db, &p->id);
    return e == OK ? ERR_BOUNTY_CLOSED : e;
}

/* A refusal leaves nothing behind, also not under its key: the next try may succeed. */
static void test_errors_are_not_stored(void **state)
{
    (void)state;
    struct payment p = payment(11, 1, 16);
    struct write_key key = fixture_key(&p.id);
    struct arena *arena = arena_new(65536);
    struct answer a = { .status = 7 };
    assert_int_equal(store_write(f.store, "t", &key, refuse, &p, arena, &a), ERR_BOUNTY_CLOSED);
    assert_int_equal(a.status, 7); /* untouched */
    assert_int_equal(store_write(f.store, "t", &key, fixture_pay, &p, arena, &a), OK);
    assert_false(a.replayed);
    arena_free(arena);
}

/* ---- callbacks that break something
 * --------------------------------------------------------------- */
static const struct store_stmt division = { "test_division", "SELECT 1 / $1::int" };
static const struct store_stmt cut_off = { "test_cut_off",
                                           "SELECT pg_terminate_backend(pg_backend_pid())" };

static enum err hide_error(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    (void)arg;
    const struct param zero = p_i64(0);
    *ret = (struct answer){ .status = 201, .body = arena_strdup(arena, "{}") };
    enum err e = db_exec(db, &division, &zero, 1, NULL);
    return e == ERR_INTERNAL ? OK : ERR_STATE;
}

static unsigned cuts;

/* The first time the connection dies under the callback; the second time it works. */
static enum err cut_once(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    if (cuts++ == 0)
        return db_exec(db, &cut_off, NULL, 0, NULL);
    return fixture_pay(db, arg, arena, ret);
}

static void test_hidden_error_is_refused(void **state)
{
    (void)state;
    struct payment p = payment(12, 1, 16);
    struct write_key key = fixture_key(&p.id);
    struct arena *arena = arena_new(65536);
    struct answer a;
    assert_int_equal(store_write(f.store, "t", &key, hide_error, &p, arena, &a), ERR_INTERNAL);
    arena_free(arena);
}

static void test_lost_connection_is_mended(void **state)
{
    (void)state;
    struct payment p = payment(13, 1, 16);
    struct write_key key = fixture_key(&p.id);
    struct arena *arena = arena_new(65536);
    struct answer a;
    cuts = 0;
    assert_int_equal(store_write(f.store, "t", &key, cut_once, &p, arena, &a), OK);
    assert_int_equal(cuts, 2);
    arena_free(arena);
}

/* ---- several jobs in one batch
 * --------------------------------------------------------------------- */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool inside, open;
};
static struct gate gate = { PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, false, false };

/* Holds the writer inside a callback until the test has queued what it wants in the next batch. */
static enum err wait_at_gate(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    (void)db;
    (void)arg;
    (void)pthread_mutex_lock(&gate.lock);
    gate.inside = true;
    (void)pthread_cond_broadcast(&gate.changed);
    while (!gate.open)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
    *ret = (struct answer){ .status = 200, .body = arena_strdup(arena, "{}") };
    return OK;
}

struct call {
    pthread_t thread;
    store_fn *fn;
    struct payment p;
    struct write_key key;
    enum err result;
    struct answer answer;
};

static void *call_main(void *arg)
{
    struct call *c = arg;
    struct arena *arena = arena_new(65536);
    c->result = store_write(f.store, "call", &c->key, c->fn, &c->p, arena, &c->answer);
    c->answer.body = NULL;
    arena_free(arena);
    return NULL;
}

static void start(struct call *c, store_fn *fn, struct payment p)
{
    c->fn = fn;
    c->p = p;
    c->key = fixture_key(&p.id);
    assert_int_equal(pthread_create(&c->thread, NULL, call_main, c), 0);
}

static size_t queued(void)
{
    struct write_counters w;
    size_t n;
    runner_counters(f.store->runner, &w, &n);
    return n;
}

static void close_gate(struct call *holder, uint32_t n)
{
    gate.inside = gate.open = false;
    start(holder, wait_at_gate, payment(14, n, 16));
    (void)pthread_mutex_lock(&gate.lock);
    while (!gate.inside)
        (void)pthread_cond_wait(&gate.changed, &gate.lock);
    (void)pthread_mutex_unlock(&gate.lock);
}

static void open_gate(struct call *holder)
{
    (void)pthread_mutex_lock(&gate.lock);
    gate.open = true;
    (void)pthread_cond_broadcast(&gate.changed);
    (void)pthread_mutex_unlock(&gate.lock);
    (void)pthread_join(holder->thread, NULL);
}

static void test_batch_isolates_failures(void **state)
{
    (void)state;
    struct call holder, calls[6];
    struct write_counters before, after;
    size_t n;
    close_gate(&holder, 1);
    runner_counters(f.store->runner, &before, &n);
    for (uint32_t i = 0; i < COUNT(calls); i++) {
        /* good, refused, good, hides an error, twin of the first, poor wallet */
        static store_fn *const fns[] = { fixture_pay, refuse,      fixture_pay,
                                         hide_error,  fixture_pay, fixture_pay };
        start(&calls[i], fns[i], payment(15, i == 4 ? 0 : i, i == 5 ? 31 : 16));
        while (queued() < i + 1) /* their order in the queue is part of the test */
            (void)sched_yield();
    }
    int64_t money = fees();
    open_gate(&holder);
    for (size_t i = 0; i < COUNT(calls); i++)
        (void)pthread_join(calls[i].thread, NULL);
    runner_counters(f.store->runner, &after, &n);
    assert_int_equal(after.commits, before.commits + 2); /* the holder's, and one for all six */
    const enum err expect[] = { OK, ERR_BOUNTY_CLOSED, OK, ERR_INTERNAL, OK, ERR_ACCOUNT_UNKNOWN };
    for (size_t i = 0; i < COUNT(calls); i++)
        assert_int_equal(calls[i].result, expect[i]);
    assert_false(calls[0].answer.replayed);
    assert_true(calls[4].answer.replayed); /* found its twin's answer inside the same transaction */
    assert_int_equal(fees(), money + 2);
}

static void test_full_queue(void **state)
{
    (void)state;
    enum { MANY = QUEUE_MAX + 8 };
    static struct call calls[MANY];
    struct call holder;
    unsigned busy = 0, good = 0, late = 0;
    int64_t money = fees();
    close_gate(&holder, 2);
    struct write_counters before, after;
    size_t n;
    runner_counters(f.store->runner, &before, &n);
    for (uint32_t i = 0; i < MANY; i++)
        start(&calls[i], fixture_pay, payment(16, i, 16 + i % 8));
    do {
        (void)sched_yield();
        runner_counters(f.store->runner, &after, &n);
    } while (n < QUEUE_MAX || after.turned_away - before.turned_away < MANY - QUEUE_MAX);
    open_gate(&holder);
    for (size_t i = 0; i < MANY; i++) {
        (void)pthread_join(calls[i].thread, NULL);
        busy += calls[i].result == ERR_BUSY;
        good += calls[i].result == OK;
        late += calls[i].result == ERR_TIMEOUT; /* a slow machine does not get through in 5 s */
    }
    assert_int_equal(busy, MANY - QUEUE_MAX);
    assert_int_equal(good + late, QUEUE_MAX);
    assert_true(good > 0);
    assert_int_equal(fees(), money + good);
}

/* ---- two processes
 * -------------------------------------------------------------------------------- */
/* Stores of two processes send the same keys at once: each is done once, the others hear its
 * answer. */
static void *twin_main(void *arg)
{
    struct store *s = arg;
    static atomic_int failed;
    for (uint32_t i = 0; i < 150; i++) {
        struct payment p = payment(17, i, 18);
        if (fixture_payment(s, &p, NULL) != OK)
            atomic_fetch_add(&failed, 1);
    }
    return (void *)(intptr_t)atomic_load(&failed);
}

static void test_two_processes(void **state)
{
    (void)state;
    struct store *other;
    pthread_t threads[4];
    void *failed;
    int64_t before = fees();
    assert_int_equal(store_open(&f.config, &other), OK);
    for (size_t i = 0; i < COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, twin_main, i % 2 ? other : f.store), 0);
    for (size_t i = 0; i < COUNT(threads); i++) {
        (void)pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    store_close(other);
    assert_int_equal(fees(), before + 150);
}

/* ---- conflicts
 * ------------------------------------------------------------------------------------- */
static const struct store_stmt raise = {
    "test_raise", "DO $$ BEGIN RAISE EXCEPTION 'x' USING ERRCODE = '40001'; END $$"
};
static unsigned raises;

static enum err conflict_twice(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    if (raises++ < 2)
        return db_exec(db, &raise, NULL, 0, NULL);
    return fixture_pay(db, arg, arena, ret);
}

static enum err conflict_always(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    (void)arg;
    (void)arena;
    (void)ret;
    raises++;
    enum err e = db_exec(db, &raise, NULL, 0, NULL);
    return e == OK ? OK : ERR_STATE; /* made into something else, as a careless callback might */
}

static void test_conflicts_run_again(void **state)
{
    (void)state;
    struct payment p = payment(18, 1, 16), q = payment(18, 2, 16);
    struct write_key key = fixture_key(&p.id), other = fixture_key(&q.id);
    struct arena *arena = arena_new(65536);
    struct answer a;
    raises = 0;
    assert_int_equal(store_write(f.store, "t", &key, conflict_twice, &p, arena, &a), OK);
    assert_int_equal(raises, 3);
    raises = 0;
    assert_int_equal(store_write(f.store, "t", &other, conflict_always, &q, arena, &a),
                     ERR_DB_CONFLICT);
    assert_int_equal(raises, 1 + CONFLICT_TRIES);
    arena_free(arena);
}

static enum err tx_twice(struct db *db, void *arg)
{
    const struct payment *p = arg;
    if (raises++ < 1)
        return db_exec(db, &raise, NULL, 0, NULL);
    enum err e = fixture_entry(db, &p->id);
    return e == OK && raises == 4 ? ERR_STATE : e; /* the last call rolls back */
}

static void test_db_transact(void **state)
{
    (void)state;
    struct payment p = payment(19, 1, 16), q = payment(19, 2, 16);
    struct db *db;
    assert_int_equal(db_open(f.store, &db), OK);
    raises = 0;
    int64_t n = fixture_number(&f, "SELECT count(*) FROM entry");
    assert_int_equal(db_transact(db, "t", tx_twice, &p), OK);
    assert_int_equal(raises, 2);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM entry"), n + 1);
    raises = 3;
    assert_int_equal(db_transact(db, "t", tx_twice, &q), ERR_STATE);
    assert_int_equal(fixture_number(&f, "SELECT count(*) FROM entry"), n + 1);
    db_close(db);
}

/* ---- one hot account
 * -------------------------------------------------------------------------------- */
static void test_hot_account(void **state)
{
    (void)state;
    struct writers w;
    int64_t before = fees();
    /* Each wallet holds 300: what is asked beyond that must be refused, not overdrawn. */
    writers_start(&w, f.store, 16, 320);
    writers_join(&w);
    assert_int_equal(writers_acked(&w), 16 * 300);
    assert_int_equal(fees(), before + 16 * 300);
    assert_int_equal(fixture_number(&f,
                                    "SELECT count(*) FROM book_account WHERE kind = 'wallet' AND"
                                    " credits < debits"),
                     0);
    assert_int_equal(fixture_contradictions(&f), 0);
    assert_int_equal(writers_lost(&f, &w), 0);
    writers_free(&w);
}

static void test_metrics(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 65536);
    assert_int_equal(store_metrics(f.store, &b), OK);
    assert_non_null(strstr(buf_str(&b), "\ncairn_write_commits_total "));
    assert_non_null(strstr(buf_str(&b), "cairn_write_batch_bucket{le=\"+Inf\"} "));
    buf_release(&b);
    buf_init(&b, 100);
    assert_int_equal(store_metrics(f.store, &b), ERR_LIMIT);
    buf_release(&b);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    fixture_money(&f, 24, 300); /* wallets 0 to 15 are for the hot account, 16 to 23 for the rest */
    return 0;
}

static int down(void **state)
{
    (void)state;
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hot_account),
        cmocka_unit_test(test_replay_gives_first_answer),
        cmocka_unit_test(test_errors_are_not_stored),
        cmocka_unit_test(test_hidden_error_is_refused),
        cmocka_unit_test(test_lost_connection_is_mended),
        cmocka_unit_test(test_batch_isolates_failures),
        cmocka_unit_test(test_full_queue),
        cmocka_unit_test(test_two_processes),
        cmocka_unit_test(test_conflicts_run_again),
        cmocka_unit_test(test_db_transact),
        cmocka_unit_test(test_metrics),
    };
    return cmocka_run_group_tests(tests, up, down);
}
