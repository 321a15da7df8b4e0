/* The test adapter: a reference is an order once, whatever a crash left of its line. */
#include "server/payout/adapter.h"

#include "server/crypto/hash.h"
#include "tests/lib/store_fixture.h"
#include "tests/lib/unprivileged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static struct app app;

static struct payout_row order(uint32_t n, const char *destination)
{
    struct payout_row p = { .id = fixture_id(1, n),
                            .amount = 100 + n,
                            .currency = "EUR",
                            .method = "test",
                            .state = "submitted",
                            .version = 2 };
    (void)snprintf(p.destination, sizeof(p.destination), "%s", destination);
    return p;
}

static enum adapter_outcome pay(const struct payout_row *p)
{
    enum adapter_outcome outcome = ADAPTER_UNKNOWN;
    assert_int_equal(adapter_pay(&app, p, &outcome), OK);
    return outcome;
}

static size_t read_log(char ret[16384])
{
    FILE *f = fopen("payments.log", "re");
    size_t n = f != NULL ? fread(ret, 1, 16383, f) : 0;
    if (f != NULL)
        (void)fclose(f);
    ret[n] = '\0';
    return n;
}

static void write_log(const char *text, size_t len)
{
    FILE *f = fopen("payments.log", "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
}

/* Whole lines that begin with the reference. */
static int orders_of(const struct payout_row *p)
{
    char text[16384], reference[ID_TEXT_SIZE];
    int n = 0;
    (void)read_log(text);
    id_text(&p->id, reference);
    for (char *line = text; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n')); /* nothing torn is left behind */
        n += strncmp(line, reference, ID_TEXT_SIZE - 1) == 0;
    }
    return n;
}

static void test_once(void **state)
{
    (void)state;
    struct payout_row good = order(1, "DE00"), bad = order(2, "fail: closed"),
                      zero = order(3, "FAIL");
    struct stat st;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pay(&good), ADAPTER_CONFIRMED);
        assert_int_equal(pay(&bad), ADAPTER_FAILED);
        assert_int_equal(pay(&zero), ADAPTER_CONFIRMED);
    }
    assert_int_equal(orders_of(&good), 1);
    assert_int_equal(orders_of(&bad), 1);
    assert_int_equal(orders_of(&zero), 1);
    char text[16384], reference[ID_TEXT_SIZE], want[80];
    (void)read_log(text);
    id_text(&good.id, reference);
    (void)snprintf(want, sizeof(want), "%s 101 EUR confirmed\n", reference);
    assert_int_equal(strncmp(text, want, strlen(want)), 0);
    assert_int_equal(stat("payments.log", &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

/* Cut the order's line at every byte, as a crash may: it was never an order, so it is sent now,
 * once, and what the adapter says of it never changes again. */
static void test_torn_line(void **state)
{
    (void)state;
    char whole[16384];
    struct payout_row before = order(10, "DE00"), torn = order(11, "DE00"),
                      after = order(12, "DE00");
    torn.amount = INT64_C(1000000000000000); /* a longer line than that of the next order */
    after.amount = 1;
    assert_int_equal(unlink("payments.log"), 0);
    assert_int_equal(pay(&before), ADAPTER_CONFIRMED);
    size_t start = read_log(whole);
    assert_int_equal(pay(&torn), ADAPTER_CONFIRMED);
    size_t end = read_log(whole);
    for (size_t cut = start; cut < end; cut++) {
        write_log(whole, cut);
        for (int again = 0; again < 2; again++)
            assert_int_equal(pay(&torn), ADAPTER_CONFIRMED);
        assert_int_equal(orders_of(&torn), 1);
        write_log(whole, cut);
        assert_int_equal(pay(&after), ADAPTER_CONFIRMED); /* another order comes first */
        assert_int_equal(orders_of(&after), 1);
        assert_int_equal(pay(&torn), ADAPTER_CONFIRMED);
        assert_int_equal(pay(&torn), ADAPTER_CONFIRMED);
        assert_int_equal(orders_of(&torn), 1);
        assert_int_equal(orders_of(&before), 1);
        assert_int_equal(orders_of(&after), 1);
    }
}

struct payer {
    pthread_barrier_t *start;
    const struct payout_row *orders;
    size_t first;
};

#define ORDERS 80

static void *pay_on(void *arg)
{
    const struct payer *p = arg;
    void *failed = NULL;
    for (size_t i = 0; i < ORDERS; i++) {
        enum adapter_outcome outcome = ADAPTER_UNKNOWN;
        const struct payout_row *order = &p->orders[(i + p->first) % ORDERS];
        (void)pthread_barrier_wait(p->start);
        if (adapter_pay(&app, order, &outcome) != OK || outcome != ADAPTER_CONFIRMED)
            failed = arg;
    }
    return failed;
}

/* Several schedulers at once, as of several processes, on the same orders. */
static void test_at_once(void **state)
{
    (void)state;
    static struct payout_row orders[ORDERS];
    pthread_barrier_t start;
    pthread_t threads[4];
    struct payer payers[4];
    void *failed = NULL;
    assert_int_equal(unlink("payments.log"), 0);
    (void)pthread_barrier_init(&start, NULL, COUNT(threads));
    for (uint32_t i = 0; i < ORDERS; i++)
        orders[i] = order(1000 + i, "DE00");
    for (size_t i = 0; i < COUNT(threads); i++) { /* each pair of them meets at the same order */
        payers[i] = (struct payer){ &start, orders, i / 2 * (ORDERS / 2) };
        assert_int_equal(pthread_create(&threads[i], NULL, pay_on, &payers[i]), 0);
    }
    for (size_t i = 0; i < COUNT(threads); i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    (void)pthread_barrier_destroy(&start);
    for (size_t i = 0; i < ORDERS; i++)
        assert_int_equal(orders_of(&orders[i]), 1);
}

static void *pay_one(void *arg)
{
    (void)pay(arg);
    return NULL;
}

/* While another process is at the file, the order waits. */
static void test_waits_for_its_turn(void **state)
{
    (void)state;
    struct payout_row p = order(2000, "DE00");
    pthread_t thread;
    int fd = open("payments.log", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(pthread_create(&thread, NULL, pay_one, &p), 0);
    (void)poll(NULL, 0, 60); /* nothing may happen, so there is nothing to wait for */
    assert_int_equal(orders_of(&p), 0);
    assert_int_equal(flock(fd, LOCK_UN), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(orders_of(&p), 1);
    (void)close(fd);
}

static void test_methods_and_failures(void **state)
{
    (void)state;
    assert_true(adapter_known("test"));
    assert_false(adapter_known("TEST"));
    assert_false(adapter_known(""));
    assert_false(adapter_known("sepa"));
    struct app nowhere = app;
    struct payout_row p = order(30, "DE00");
    enum adapter_outcome outcome = ADAPTER_FAILED;
    (void)snprintf(nowhere.data_dir, sizeof(nowhere.data_dir), "%s/missing", dir);
    assert_int_equal(adapter_pay(&nowhere, &p, &outcome), ERR_IO);
    assert_int_equal(outcome, ADAPTER_FAILED); /* untouched: nothing is known */
}

/* The line does not fit: no outcome; later the order is sent, once. */
static void test_no_room(void **state)
{
    (void)state;
    struct payout_row p = order(31, "DE00");
    char text[16384];
    struct rlimit old, tight;
    enum adapter_outcome outcome = ADAPTER_UNKNOWN;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    size_t whole = read_log(text);
    for (rlim_t room = 0; room < 50; room += 16) {
        tight = old;
        tight.rlim_cur = whole + room;
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
        enum err e = adapter_pay(&app, &p, &outcome);
        assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
        assert_int_equal(e, ERR_IO);
        assert_int_equal(outcome, ADAPTER_UNKNOWN);
    }
    assert_int_equal(pay(&p), ADAPTER_CONFIRMED);
    assert_int_equal(pay(&p), ADAPTER_CONFIRMED);
    assert_int_equal(orders_of(&p), 1);
}

static int up(void **state)
{
    (void)state;
    crypto_setup();
    unprivileged_become();
    unprivileged_folder(dir, sizeof(dir));
    (void)snprintf(app.data_dir, sizeof(app.data_dir), "%s", dir);
    return 0;
}

static int down(void **state)
{
    (void)state;
    unprivileged_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_once),
        cmocka_unit_test(test_torn_line),
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_waits_for_its_turn),
        cmocka_unit_test(test_methods_and_failures),
        cmocka_unit_test(test_no_room),
    };
    return cmocka_run_group_tests_name("adapter", tests, up, down);
}
