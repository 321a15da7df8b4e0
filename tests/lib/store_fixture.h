/* A private PostgreSQL with the migrated schema and an open store, for tests; and the checker that
 * crash tests share. */
#ifndef CAIRN_TESTS_STORE_FIXTURE_H
#define CAIRN_TESTS_STORE_FIXTURE_H

#include "server/store/cluster.h"
#include "server/store/store.h"

#include <stdatomic.h>

struct fixture {
    char dir[64];
    struct cluster *cluster;
    struct store_config config;
    struct store *store;
};
/* Drops root, makes a cluster in a new folder, migrates, opens the store. Aborts on any failure. */
void fixture_up(struct fixture *f, unsigned batch_max);
void fixture_down(struct fixture *f);

/* Statements as the superuser, on a connection of their own. */
void fixture_sql(const struct fixture *f, const char *sql);
/* SQLSTATE of the failure ("00000" if it succeeds), as one of the cairn roles. */
void fixture_sqlstate(const struct fixture *f, const char *role, const char *sql, char ret[6]);
int64_t fixture_number(const struct fixture *f, const char *sql);

/* A numbered id, different for each pair. */
struct id fixture_id(uint32_t space, uint32_t n);
/* The entry that a transfer needs. */
enum err fixture_entry(struct db *db, const struct id *id);
struct write_key fixture_key(const struct id *id);
/* Opens outside, fees and one wallet per owner and gives each wallet the amount, in EUR. */
void fixture_money(const struct fixture *f, uint32_t wallets, int64_t amount);

/* One write: an entry and a transfer of 1 EUR from the wallet to fees, under a key made from id. */
struct payment {
    struct id id;
    struct id wallet;
};
store_fn fixture_pay;
enum err fixture_payment(struct store *s, struct payment *p, struct answer *ret);

/* ---- the checker --------------------------------------------------------------------------- */
/* Writers that go on until told to stop and remember what was acknowledged. */
#define WRITERS_MAX 64
struct writers {
    struct store *store;
    unsigned n;
    uint32_t per_thread_max;
    atomic_bool stop;
    struct payment *acked[WRITERS_MAX];
    atomic_uint acked_n[WRITERS_MAX];
    atomic_uint unknown; /* answered with an error that leaves the outcome open */
    unsigned long threads[WRITERS_MAX];
};
void writers_start(struct writers *w, struct store *s, unsigned n, uint32_t per_thread_max);
void writers_join(struct writers *w);
unsigned writers_acked(const struct writers *w);
void writers_free(struct writers *w);
/* How many acknowledged payments are not in the books exactly once, with entry and stored answer.
 */
unsigned writers_lost(const struct fixture *f, const struct writers *w);
/* Contradictions inside the books: sums, floors, sequence. */
int64_t fixture_contradictions(const struct fixture *f);
/* Kills PostgreSQL and all its processes at once with SIGKILL. */
void fixture_kill_postgres(const struct fixture *f);
/* Waits until the cluster is up (or down), at most 30 s. */
void fixture_wait_up(const struct fixture *f, bool up);

#endif
