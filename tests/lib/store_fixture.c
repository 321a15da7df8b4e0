#include "tests/lib/store_fixture.h"

#include "server/base/log.h"
#include "server/books/books.h"
#include "server/store/entry.h"
#include "tests/lib/unprivileged.h"

#include <assert.h>
#include <dirent.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fixture_up(struct fixture *f, unsigned batch_max)
{
    memset(f, 0, sizeof(*f));
    log_set_level(LOG_ERROR);
    unprivileged_become();
    unprivileged_folder(f->dir, sizeof(f->dir));
    f->config.batch_max = batch_max;
    if (cluster_start(f->dir, &f->cluster) != OK)
        abort();
    cluster_conninfo(f->cluster, &f->config);
    if (store_migrate(&f->config) != OK || store_open(&f->config, &f->store) != OK)
        abort();
}

void fixture_down(struct fixture *f)
{
    store_close(f->store);
    cluster_stop(f->cluster);
    unprivileged_remove(f->dir);
}

static PGconn *connect_as(const struct fixture *f, const char *role)
{
    const char *const keys[] = { "dbname", "user", NULL };
    const char *const values[] = { f->config.conninfo, role, NULL };
    PGconn *pg = PQconnectdbParams(keys, values, 1);
    if (PQstatus(pg) != CONNECTION_OK) {
        fputs(PQerrorMessage(pg), stderr);
        abort();
    }
    return pg;
}

void fixture_sqlstate(const struct fixture *f, const char *role, const char *sql, char ret[6])
{
    PGconn *pg = connect_as(f, role);
    PGresult *res = PQexec(pg, sql);
    const char *state = PQresultErrorField(res, PG_DIAG_SQLSTATE);
    (void)snprintf(ret, 6, "%s", state != NULL ? state : "00000");
    PQclear(res);
    PQfinish(pg);
}

void fixture_sql(const struct fixture *f, const char *sql)
{
    char state[6];
    fixture_sqlstate(f, "cairn_super", sql, state);
    if (strcmp(state, "00000") != 0) {
        fprintf(stderr, "%s: %s\n", state, sql);
        abort();
    }
}

int64_t fixture_number(const struct fixture *f, const char *sql)
{
    PGconn *pg = connect_as(f, "cairn_super");
    PGresult *res = PQexec(pg, sql);
    if (PQresultStatus(res) != PGRES_TUPLES_OK || PQntuples(res) != 1) {
        fprintf(stderr, "%s: %s\n", PQerrorMessage(pg), sql);
        abort();
    }
    int64_t n = strtoll(PQgetvalue(res, 0, 0), NULL, 10);
    PQclear(res);
    PQfinish(pg);
    return n;
}

struct id fixture_id(uint32_t space, uint32_t n)
{
    uint8_t bytes[ID_BYTES] = { 0xca };
    for (size_t i = 0; i < 4; i++) {
        bytes[1 + i] = (uint8_t)(space >> (8 * i));
        bytes[12 + i] = (uint8_t)(n >> (24 - 8 * i));
    }
    return id_from_hash(bytes);
}

enum err fixture_entry(struct db *db, const struct id *id)
{
    const struct entry_new e = { .id = *id,
                                 .chain = (enum chain)2,
                                 .kind = "test.write",
                                 .is_public = true,
                                 .statement = "{}",
                                 .len = 2,
                                 .at = clock_now() };
    return store_entry_insert(db, &e);
}

struct write_key fixture_key(const struct id *id)
{
    struct write_key key = { .principal = fixture_id(9, 9) };
    id_text(id, key.key);
    memset(key.request_hash, 0x5a, sizeof(key.request_hash));
    return key;
}

struct endow {
    uint32_t wallets;
    int64_t amount;
};

static enum err endow(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct endow *w = arg;
    const struct id entry = fixture_id(1, 0);
    const struct id outside = book_account_id(BOOK_OUTSIDE, NULL, "EUR");
    enum err e = fixture_entry(db, &entry);
    if (e == OK)
        e = books_open(db, BOOK_OUTSIDE, NULL, "EUR");
    if (e == OK)
        e = books_open(db, BOOK_FEES, NULL, "EUR");
    for (uint32_t i = 0; i < w->wallets && e == OK; i++) {
        struct id owner = fixture_id(2, i), wallet = book_account_id(BOOK_WALLET, &owner, "EUR");
        struct transfer t = books_leg(&entry, i, &outside, &wallet, w->amount, "deposit");
        e = books_open(db, BOOK_WALLET, &owner, "EUR");
        if (e == OK)
            e = books_post(db, &entry, "EUR", &t, 1);
    }
    *ret = (struct answer){ .status = 201, .body = arena_strdup(arena, "{}") };
    return e;
}

void fixture_money(const struct fixture *f, uint32_t wallets, int64_t amount)
{
    struct id id = fixture_id(3, 0);
    struct write_key key = fixture_key(&id);
    struct endow w = { wallets, amount };
    struct arena *arena = arena_new(65536);
    struct answer a;
    if (store_write(f->store, "endow", &key, endow, &w, arena, &a) != OK)
        abort();
    arena_free(arena);
}

enum err fixture_pay(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct payment *p = arg;
    struct id fees = book_account_id(BOOK_FEES, NULL, "EUR");
    struct transfer t = books_leg(&p->id, 0, &p->wallet, &fees, 1, "fee");
    char text[ID_TEXT_SIZE];
    enum err e = fixture_entry(db, &p->id);
    if (e == OK)
        e = books_post(db, &p->id, "EUR", &t, 1);
    if (e != OK)
        return e;
    id_text(&p->id, text);
    char *body = arena_printf(arena, "{\"entry\":\"%s\"}", text);
    *ret = (struct answer){ .status = 201, .body = body, .body_len = strlen(body) };
    return OK;
}

enum err fixture_payment(struct store *s, struct payment *p, struct answer *ret)
{
    struct write_key key = fixture_key(&p->id);
    struct arena *arena = arena_new(65536);
    struct answer a = { 0 };
    enum err e = store_write(s, "payment", &key, fixture_pay, p, arena, &a);
    a.body = NULL;
    if (e == OK && ret != NULL)
        *ret = a;
    arena_free(arena);
    return e;
}

/* ---- the checker --------------------------------------------------------------------------- */
struct writer {
    struct writers *all;
    unsigned me;
};

static void *write_on(void *arg)
{
    struct writer w = *(struct writer *)arg;
    free(arg);
    for (uint32_t i = 0; i < w.all->per_thread_max && !atomic_load(&w.all->stop); i++) {
        struct id owner = fixture_id(2, w.me);
        struct payment p = { fixture_id(100 + w.me, i),
                             book_account_id(BOOK_WALLET, &owner, "EUR") };
        enum err e = fixture_payment(w.all->store, &p, NULL);
        if (e != OK) {
            atomic_fetch_add(&w.all->unknown, 1);
            continue;
        }
        unsigned n = atomic_load(&w.all->acked_n[w.me]);
        w.all->acked[w.me][n] = p;
        atomic_store(&w.all->acked_n[w.me], n + 1);
    }
    return NULL;
}

void writers_start(struct writers *w, struct store *s, unsigned n, uint32_t per_thread_max)
{
    memset(w, 0, sizeof(*w));
    assert(n <= WRITERS_MAX);
    w->store = s;
    w->n = n;
    w->per_thread_max = per_thread_max;
    for (unsigned i = 0; i < n; i++) {
        struct writer *arg = malloc(sizeof(*arg));
        w->acked[i] = calloc(per_thread_max, sizeof(*w->acked[i]));
        assert(arg != NULL && w->acked[i] != NULL);
        *arg = (struct writer){ w, i };
        if (pthread_create(&w->threads[i], NULL, write_on, arg) != 0)
            abort();
    }
}

void writers_join(struct writers *w)
{
    for (unsigned i = 0; i < w->n; i++)
        (void)pthread_join(w->threads[i], NULL);
}

unsigned writers_acked(const struct writers *w)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < w->n; i++)
        sum += atomic_load(&w->acked_n[i]);
    return sum;
}

void writers_free(struct writers *w)
{
    for (unsigned i = 0; i < w->n; i++)
        free(w->acked[i]);
}

/* Asks with a statement of its own, not with the code under test. */
unsigned writers_lost(const struct fixture *f, const struct writers *w)
{
    static const char sql[] =
        "SELECT (SELECT count(*) FROM book_transfer WHERE entry_id = $1::text::uuid AND amount = 1"
        " AND debit = $2::uuid) = 1 AND (SELECT count(*) FROM entry WHERE id = $1::text::uuid) = 1"
        " AND (SELECT count(*) FROM idem WHERE key = $1::text AND body = '{\"entry\":\"' || "
        "$1::text || '\"}') = 1";
    PGconn *pg = connect_as(f, "cairn_audit");
    unsigned lost = 0;
    for (unsigned i = 0; i < w->n; i++)
        for (unsigned j = 0; j < atomic_load(&w->acked_n[i]); j++) {
            char id[ID_TEXT_SIZE], wallet[ID_TEXT_SIZE];
            id_text(&w->acked[i][j].id, id);
            id_text(&w->acked[i][j].wallet, wallet);
            const char *const in[] = { id, wallet };
            PGresult *res = PQexecParams(pg, sql, 2, NULL, in, NULL, NULL, 0);
            assert(PQntuples(res) == 1);
            lost += strcmp(PQgetvalue(res, 0, 0), "t") != 0;
            PQclear(res);
        }
    PQfinish(pg);
    return lost;
}

int64_t fixture_contradictions(const struct fixture *f)
{
    return fixture_number(
        f,
        "SELECT (SELECT count(*) FROM book_account a WHERE floor AND credits < debits +"
        " debits_pending OR debits <> (SELECT coalesce(sum(amount), 0) FROM book_transfer t WHERE"
        "  t.debit = a.id AND mode IN ('post', 'settle'))"
        " OR credits <> (SELECT coalesce(sum(amount), 0) FROM book_transfer t WHERE"
        "  t.credit = a.id AND mode IN ('post', 'settle')))"
        " + (SELECT count(*) FROM (SELECT sum(debits) - sum(credits) AS d FROM book_account"
        "  GROUP BY currency) x WHERE d <> 0)"
        " + (SELECT count(*) - max(seq) FROM book_transfer)"
        " + (SELECT max(seq) FROM book_transfer) - (SELECT last_seq FROM book_head)");
}

static void for_each_child(pid_t parent, void (*act)(pid_t))
{
    DIR *dir = opendir("/proc");
    assert(dir != NULL);
    for (struct dirent *d = readdir(dir); d != NULL; d = readdir(dir)) {
        char path[300], line[512] = "";
        long pid = strtol(d->d_name, NULL, 10), ppid = 0;
        (void)snprintf(path, sizeof(path), "/proc/%s/stat", d->d_name);
        FILE *file = pid > 1 ? fopen(path, "re") : NULL;
        if (file == NULL)
            continue;
        const char *after = fgets(line, sizeof(line), file) != NULL ? strrchr(line, ')') : NULL;
        if (after != NULL && sscanf(after + 1, " %*c %ld", &ppid) == 1 && ppid == parent)
            act((pid_t)pid);
        (void)fclose(file);
    }
    (void)closedir(dir);
}

static void kill_one(pid_t pid)
{
    (void)kill(pid, SIGKILL);
}

/* The postmaster is stopped first, so that it can neither notice nor start anything meanwhile. */
void fixture_kill_postgres(const struct fixture *f)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/pg/postmaster.pid", f->dir);
    FILE *file = fopen(path, "re");
    int pid = 0;
    if (file == NULL || fscanf(file, "%d", &pid) != 1 || pid <= 1)
        abort();
    (void)fclose(file);
    (void)kill(pid, SIGSTOP);
    for_each_child(pid, kill_one);
    (void)kill(pid, SIGKILL);
}

void fixture_wait_up(const struct fixture *f, bool up)
{
    usec_t until = clock_monotonic() + 30 * USEC_PER_SEC;
    while (cluster_up(f->cluster) != up) {
        if (clock_monotonic() > until)
            abort();
        (void)poll(NULL, 0, 5); /* the cluster tells nobody but its own thread */
    }
}
