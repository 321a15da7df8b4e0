/* A proxy between the writer and PostgreSQL cuts the connection around COMMIT, 200 times: before it
 * is passed on, after it was passed on, or after it was carried out but before the answer gets
 * back. Each write must be done exactly once and be answered as done. */
#include "server/store/store_internal.h"
#include "tests/lib/store_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define CUTS 200
#define THREADS 4

enum cut { CUT_BEFORE, CUT_AFTER_SENDING, CUT_AFTER_ANSWER, CUT_KINDS };

struct proxy {
    struct sockaddr_un real;
    int listener;
    unsigned commits, cuts[CUT_KINDS];
    atomic_uint cut_total;
    atomic_bool stop;
    pthread_t thread;
};

static struct fixture f;
static struct proxy proxy;

static bool pass(int to, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t sent = send(to, bytes, n, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        n -= (size_t)sent;
    }
    return true;
}

/* The Bind message of the prepared COMMIT: an empty portal name, then the statement's. */
static bool holds_commit(const char *bytes, size_t n)
{
    static const char name[] = "\0tx_commit"; /* and its NUL */
    return memmem(bytes, n, name, sizeof(name)) != NULL;
}

static ssize_t receive(int from, char *bytes, size_t size)
{
    ssize_t n;
    do
        n = recv(from, bytes, size, 0);
    while (n < 0 && errno == EINTR);
    return n;
}

/* True if the connection must be cut now. Every other COMMIT is left alone, so that work gets done.
 */
static bool interfere(struct proxy *p, int server, const char *bytes, size_t n)
{
    char answer[4096];
    if (!holds_commit(bytes, n) || p->commits++ % 2 == 0 || atomic_load(&p->cut_total) >= CUTS)
        return false;
    enum cut cut = (enum cut)(p->commits / 2 % CUT_KINDS);
    p->cuts[cut]++;
    atomic_fetch_add(&p->cut_total, 1);
    if (cut != CUT_BEFORE)
        (void)pass(server, bytes, n);
    if (cut == CUT_AFTER_ANSWER) {
        ssize_t got = receive(server, answer, sizeof(answer));
        assert_true(got > 0); /* the answer is swallowed */
    }
    return true;
}

static void serve(struct proxy *p, int client, int server)
{
    struct pollfd fds[2] = { { .fd = client, .events = POLLIN },
                             { .fd = server, .events = POLLIN } };
    char bytes[65536];
    while (!atomic_load(&p->stop)) {
        if (poll(fds, 2, 50) <= 0)
            continue;
        for (int i = 0; i < 2; i++) {
            if (fds[i].revents == 0)
                continue;
            ssize_t n = receive(fds[i].fd, bytes, sizeof(bytes));
            if (n <= 0 || (i == 0 && interfere(p, server, bytes, (size_t)n)) ||
                !pass(fds[1 - i].fd, bytes, (size_t)n))
                return;
        }
    }
}

/* One connection at a time is enough: only the writer goes through here. */
static void *proxy_main(void *arg)
{
    struct proxy *p = arg;
    while (!atomic_load(&p->stop)) {
        struct pollfd fd = { .fd = p->listener, .events = POLLIN };
        if (poll(&fd, 1, 50) <= 0)
            continue;
        int client = accept(p->listener, NULL, NULL);
        int server = socket(AF_UNIX, SOCK_STREAM, 0);
        if (client >= 0 && server >= 0 &&
            connect(server, (const struct sockaddr *)&p->real, sizeof(p->real)) == 0)
            serve(p, client, server);
        (void)close(client);
        (void)close(server);
    }
    return NULL;
}

static void proxy_start(struct proxy *p, const char *dir)
{
    struct sockaddr_un here = { .sun_family = AF_UNIX };
    p->real = here;
    (void)snprintf(p->real.sun_path, sizeof(p->real.sun_path), "%s/sock/.s.PGSQL.5432", dir);
    (void)snprintf(here.sun_path, sizeof(here.sun_path), "%s/proxy", dir);
    assert_int_equal(mkdir(here.sun_path, 0700), 0);
    (void)snprintf(here.sun_path, sizeof(here.sun_path), "%s/proxy/.s.PGSQL.5432", dir);
    p->listener = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(p->listener, (const struct sockaddr *)&here, sizeof(here)), 0);
    assert_int_equal(listen(p->listener, 8), 0);
    assert_int_equal(pthread_create(&p->thread, NULL, proxy_main, p), 0);
}

static void test_exactly_once(void **state)
{
    (void)state;
    struct writers w;
    struct write_counters c;
    size_t queued;
    writers_start(&w, f.store, THREADS, 100000);
    usec_t until = clock_monotonic() + 50 * USEC_PER_SEC;
    while (atomic_load(&proxy.cut_total) < CUTS && clock_monotonic() < until)
        (void)poll(NULL, 0, 5);
    atomic_store(&w.stop, true);
    writers_join(&w);
    runner_counters(f.store->runner, &c, &queued);
    print_message(
        "%u cuts (%u before, %u after sending, %u after the answer), %u writes, %u unknown, "
        "%lu replays\n",
        atomic_load(&proxy.cut_total), proxy.cuts[CUT_BEFORE], proxy.cuts[CUT_AFTER_SENDING],
        proxy.cuts[CUT_AFTER_ANSWER], writers_acked(&w), atomic_load(&w.unknown),
        (unsigned long)c.replays);
    assert_int_equal(atomic_load(&proxy.cut_total), CUTS);
    assert_int_equal(atomic_load(&w.unknown), 0); /* the writer resolved each by itself */
    assert_int_equal(writers_lost(&f, &w), 0);
    assert_int_equal(fixture_number(&f, "SELECT credits FROM book_account WHERE kind = 'fees'"),
                     writers_acked(&w));
    assert_int_equal(fixture_contradictions(&f), 0);
    /* Those whose COMMIT had been carried out were found again by their keys, at least one each. */
    assert_true(c.replays >= proxy.cuts[CUT_AFTER_ANSWER]);
    writers_free(&w);
}

static int up(void **state)
{
    (void)state;
    fixture_up(&f, 50);
    fixture_money(&f, THREADS, 1000000);
    proxy_start(&proxy, f.dir);
    store_close(f.store);
    struct store_config c = f.config;
    (void)snprintf(c.conninfo, sizeof(c.conninfo),
                   "host=%s/proxy port=5432 dbname=cairn user=cairn_app", f.dir);
    return store_open(&c, &f.store) == OK ? 0 : -1;
}

static int down(void **state)
{
    (void)state;
    atomic_store(&proxy.stop, true);
    (void)pthread_join(proxy.thread, NULL);
    (void)close(proxy.listener);
    fixture_down(&f);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_exactly_once) };
    return cmocka_run_group_tests(tests, up, down);
}
