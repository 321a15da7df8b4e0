/* A member server without its HTTP edge, for tests of the domain: private PostgreSQL, books, ledger
 * driver, salt keys, ciphertext files and a clock that a test can shift. And one check that asks
 * the database, in SQL of its own, whether money, states and entries agree. */
#ifndef CAIRN_TESTS_WORLD_H
#define CAIRN_TESTS_WORLD_H

#include "server/act.h"
#include "server/ledger/io/ledger.h"
#include "tests/lib/store_fixture.h"

#define WORLD_FEDERATION "cairn.test"
#define HOUR (3600 * USEC_PER_SEC)

struct world {
    struct app app; /* first, so that the clock finds the rest */
    struct fixture f;
    atomic_llong offset; /* of the clock */
    struct ledger_keys keys;
    struct genesis genesis; /* a federation of one */
    uint8_t genesis_hash[HASH_BYTES];
    atomic_uint published; /* checkpoints seen by on_publish */
    atomic_uint next;      /* numbers idempotency keys and files */
    struct db *db;         /* the test's own connection */
    void *checker;         /* the check's connection */
    char what[512];        /* what the last check found */
};

/* Aborts on failure. world_down stops everything and removes the folder. world_up is member 1. */
void world_up(struct world *w);
void world_up_as(struct world *w, uint16_t member);
void world_down(struct world *w);
/* Moves the clock; any thread may read it meanwhile. */
void world_shift(struct world *w, usec_t by);
usec_t world_now(struct world *w);

/* Opens the driver on the folder as it is; *w->app.ledger stays NULL if it refuses. */
enum err world_drive(struct world *w);
/* Delivers what is there and stops the driver. */
void world_park(struct world *w);
/* Waits until every entry is delivered and published, at most 10 s; aborts beyond. */
void world_settle(struct world *w);

/* "" if all invariants hold, else their names. The text lives until the next check. */
const char *world_check(struct world *w);
/* Statements on the check's own connection, so that it can see what is not committed. */
void world_lie(struct world *w, const char *sql);
/* One number, asked as the superuser on a connection that is kept. */
int64_t world_number(struct world *w, const char *sql);

#endif
