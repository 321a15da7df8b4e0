/* Shared by the files of the driver; nobody else includes it. */
#ifndef CAIRN_LEDGER_INTERNAL_H
#define CAIRN_LEDGER_INTERNAL_H

#include "server/ledger/io/ledger.h"
#include "server/ledger/io/mark.h"
#include "server/ledger/io/tree.h"

#include <pthread.h>
#include <stdatomic.h>

/* One chain's log. The driver's thread owns tree, sequence and mark; what readers see is published
 * under the lock of struct ledger. */
struct chain_log {
    enum chain chain;
    char origin[NOTE_NAME_MAX + 1];
    struct note_key key;
    struct merkle_tree tree; /* everything delivered */
    uint64_t sequence;       /* last delivered outbox sequence */
    struct mark mark;
    uint64_t published_size;
    struct merkle_hash published_root;
    struct buf published_note;
};

struct ledger {
    struct app *app;
    struct ledger_keys keys;
    struct note_key cosigner;
    struct chain_log logs[CHAINS];
    struct db *db; /* the driver's own connection */
    int mark_fd;
    void (*on_publish)(void *);
    void *on_publish_arg;
    pthread_t thread;
    pthread_mutex_t lock; /* guards published_*, wake, stop */
    pthread_cond_t woken;
    bool wake, stop;
    bool drives; /* we hold the advisory lock; the driver's thread alone looks at it */
    atomic_bool healthy;
    atomic_ullong batches, delivered, failures;
};

#define LEDGER_BATCH_MAX 4096

/* Takes up to LEDGER_BATCH_MAX undelivered entries and delivers them in one transaction; *ret_n =
 * how many. On any error the in-memory state is as before. */
enum err ledger_deliver(struct ledger *l, struct chain_log *log, size_t *ret_n) MUST_USE;
/* Brings tree, sequence and published state in line with the database and the mark. */
enum err ledger_load(struct ledger *l, struct chain_log *log) MUST_USE;

/* Publishes what another process delivered since. */
enum err ledger_follow(struct ledger *l, struct chain_log *log) MUST_USE;

#endif
