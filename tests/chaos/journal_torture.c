/* kill -9 of a process that writes a journal as fast as it can: journal_torture [ROUNDS [SEED
 * [DIR]]]. The writer tells through a pipe what was durable; after each kill everything told must
 * be read again, in order, without gaps and byte for byte, but for what was released and trimmed
 * away. DIR is made, must not exist, and is left behind if a round fails. What a power cut would do
 * is simulated by tests/unit/ledger/io/test_journal_cut.c; this is the real thing with real files
 * and syncs. */
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"
#include "tests/lib/prop.h"

#include <errno.h>
#include <ftw.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SEGMENT (256u << 10)
#define BODY_MAX 20000
#define IDLE_MAX 4096
#define KEPT 300 /* records behind the newest that are not released */

static const uint8_t genesis[HASH_BYTES] = { 3, 1, 4 };

static bool is_batch(uint64_t i)
{
    return i % 5 == 0;
}

static bool is_idle(uint64_t i) /* of the chain that is never released */
{
    return i % 1000 == 1;
}

/* Record i follows from i; its view is i. */
static struct journal_record record(uint64_t i, uint8_t body[BODY_MAX])
{
    struct prop p = { .state = i };
    struct journal_record r = { .kind = is_batch(i) ? JOURNAL_BATCH : CORE_REC_N,
                                .chain = is_idle(i) ? 2 : 1,
                                .epoch = 1,
                                .view = i };
    for (size_t k = 0; k < HASH_BYTES; k++)
        r.id[k] = (uint8_t)prop_next(&p);
    if (is_batch(i)) {
        r.body_len = (size_t)prop_edge(&p, 0, BODY_MAX);
        r.body = r.body_len > 0 ? body : NULL;
    }
    for (size_t k = 0; k < r.body_len; k++)
        body[k] = (uint8_t)prop_next(&p);
    return r;
}

/* ---- reading --------------------------------------------------------------------------------- */
struct seen {
    uint64_t first, last, records;
    bool idle[IDLE_MAX]; /* which of the idle chain's */
    char wrong[160];
};

static enum err see(void *arg, const struct journal_record *r)
{
    static uint8_t body[BODY_MAX];
    struct seen *s = arg;
    struct journal_record want = record(r->view, body);
    s->records++;
    if (r->kind != want.kind || r->chain != want.chain || r->epoch != want.epoch ||
        memcmp(r->id, want.id, HASH_BYTES) != 0 || r->body_len != want.body_len ||
        (r->body_len > 0 && memcmp(r->body, want.body, r->body_len) != 0)) {
        (void)snprintf(s->wrong, sizeof(s->wrong), "record %" PRIu64 " is not as it was", r->view);
        return ERR_CRYPTO;
    }
    if (is_idle(r->view) && r->view / 1000 < IDLE_MAX)
        s->idle[r->view / 1000] = true;
    if (r->view <= s->last && !is_batch(r->view))
        return OK; /* carried forward */
    /* What comes first may have been carried from long before. */
    if (s->last != 0 && !is_idle(s->last) && r->view != s->last + 1) {
        (void)snprintf(s->wrong, sizeof(s->wrong), "%" PRIu64 " follows %" PRIu64, r->view,
                       s->last);
        return ERR_CRYPTO;
    }
    if (s->last == 0 || r->view != s->last + 1)
        s->first = r->view;
    s->last = r->view;
    return OK;
}

/* Opens after a kill: everything up to told was durable. */
static bool check(const char *dir, uint64_t told, struct seen *ret)
{
    struct journal *j = NULL;
    *ret = (struct seen){ 0 };
    enum err e = journal_open(dir, genesis, 0, see, ret, &j);
    if (e == OK)
        journal_close(j);
    else if (ret->wrong[0] == '\0')
        (void)snprintf(ret->wrong, sizeof(ret->wrong), "%s", err_code(e));
    uint64_t least = told > KEPT ? told - KEPT : 1;
    if (ret->wrong[0] == '\0' && ret->last < told)
        (void)snprintf(ret->wrong, sizeof(ret->wrong), "ends at %" PRIu64, ret->last);
    if (ret->wrong[0] == '\0' && told > 0 && ret->first > least)
        (void)snprintf(ret->wrong, sizeof(ret->wrong), "begins at %" PRIu64, ret->first);
    for (uint64_t i = 0; i * 1000 + 1 <= told && i < IDLE_MAX && ret->wrong[0] == '\0'; i++) {
        if (!ret->idle[i])
            (void)snprintf(ret->wrong, sizeof(ret->wrong), "%" PRIu64 " is lost", i * 1000 + 1);
    }
    return ret->wrong[0] == '\0';
}

/* ---- writing --------------------------------------------------------------------------------- */
static enum err ignore(void *arg, const struct journal_record *r)
{
    uint64_t *last = arg;
    if (r->view > *last)
        *last = r->view;
    return OK;
}

static void release(struct journal *j, uint64_t last, uint64_t *released)
{
    static uint8_t body[BODY_MAX];
    while (*released + KEPT < last) {
        struct journal_record r = record(++*released, body);
        if (r.kind == JOURNAL_BATCH)
            journal_release_batch(j, r.id);
    }
    journal_release(j, 1, 1, *released);
    journal_trim(j);
}

_Noreturn static void write_forever(const char *dir, uint64_t seed, int told)
{
    static uint8_t body[BODY_MAX];
    struct prop p = { .state = seed };
    struct journal *j = NULL;
    uint64_t last = 0, released = 0;
    if (journal_open(dir, genesis, 0, ignore, &last, &j) != OK)
        _exit(2);
    for (;;) {
        for (size_t n = (size_t)prop_edge(&p, 1, 16); n > 0; n--) {
            struct journal_record r = record(++last, body);
            journal_add(j, &r);
        }
        if (prop_next(&p) % 8 == 0)
            release(j, last, &released);
        journal_sync(j);
        if (write(told, &last, sizeof(last)) != (ssize_t)sizeof(last))
            _exit(3);
    }
}

/* Lets a writer go on until it has told so many times, kills it, and hears what it still had to
 * say. */
static bool kill_one(const char *dir, struct prop *p, uint64_t *told)
{
    int ends[2];
    size_t times = (size_t)prop_edge(p, 0, 120);
    if (pipe(ends) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        (void)close(ends[0]);
        write_forever(dir, prop_next(p), ends[1]);
    }
    (void)close(ends[1]);
    uint64_t last;
    for (size_t i = 0; i < times && read(ends[0], &last, sizeof(last)) == sizeof(last); i++)
        *told = last;
    bool alive = pid > 0 && kill(pid, SIGKILL) == 0;
    while (read(ends[0], &last, sizeof(last)) == sizeof(last))
        *told = last;
    (void)close(ends[0]);
    int status = 0;
    (void)prop_next(p); /* the child's seed */
    return alive && waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) &&
           WTERMSIG(status) == SIGKILL;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

int main(int argc, char **argv)
{
    uint64_t rounds = 50, seed = 1, told = 0, bad = 0;
    const char *dir = argc > 3 ? argv[3] : "/var/tmp/cairn-journal-torture";
    struct seen seen = { 0 };
    if ((argc > 1 && !u64_parse(argv[1], strlen(argv[1]), &rounds)) ||
        (argc > 2 && !u64_parse(argv[2], strlen(argv[2]), &seed))) {
        fprintf(stderr, "usage: journal_torture [ROUNDS [SEED [DIR]]]\n");
        return 2;
    }
    crypto_setup();
    log_set_level(LOG_ERROR);
    if (journal_create_sized(dir, genesis, SEGMENT) != OK) {
        fprintf(stderr, "%s: cannot be made: %s\n", dir, strerror(errno));
        return 2;
    }
    struct prop p = { .state = seed };
    uint64_t round = 0;
    for (; round < rounds && bad == 0; round++) {
        bool killed = kill_one(dir, &p, &told);
        if (!killed || !check(dir, told, &seen)) {
            bad = 1;
            printf("round %" PRIu64 ", told %" PRIu64 ": %s\n", round, told,
                   killed ? seen.wrong : "the writer ended by itself");
        }
        told = seen.last > told ? seen.last : told;
    }
    printf("%" PRIu64 " kills, %" PRIu64 " records, the last %" PRIu64 " still in the journal\n",
           round, seen.last, seen.records);
    if (bad == 0)
        (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    printf("%" PRIu64 " passed, %" PRIu64 " failed\n", round - bad, bad);
    return bad != 0;
}
