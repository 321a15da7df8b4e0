/* Shared by the files of the driver; nobody else includes it. */
#ifndef CAIRN_LEDGER_INTERNAL_H
#define CAIRN_LEDGER_INTERNAL_H

#include "server/ledger/io/consensus.h"
#include "server/ledger/io/ledger.h"
#include "server/ledger/io/mark.h"
#include "server/ledger/io/tree.h"

#include <pthread.h>
#include <stdatomic.h>

#define IN_FLIGHT_DEFAULT 8
#define OFFERS_MAX 8 /* own batches that may wait per chain: more entries join the next one */
#define SERVE_MAX 64 /* pulls that wait for the database */

/* One chain's log. The driver's thread owns it; what readers see is published under the lock. */
struct chain_log {
    enum chain chain;
    char origin[NOTE_NAME_MAX + 1];
    struct note_key key;
    struct tip tip; /* what the database holds */
    struct tree_edge edge;
    usec_t offered_at; /* when an own batch was offered last */
    bool more;         /* the outbox may have entries that were not offered yet */
    usec_t look_at;    /* when it is looked at even if nobody wrote to it */
    int64_t look_ms;
    uint8_t *tip_cert;
    size_t tip_cert_len;
    struct mark mark;
    uint64_t published_size;
    struct merkle_hash published_root;
    struct buf published_note;
};

struct note_item {
    struct note_item *next;
    struct final_note note;
};

struct serve_item {
    uint16_t from;
    struct wire_pull pull;
};

struct ledger {
    struct app *app;
    struct ledger_keys keys;
    struct genesis genesis;
    const struct ledger_apply *apply;
    size_t n_apply;
    uint32_t in_flight_max;
    struct members members; /* of the newest delivered block; written under lock */
    struct epoch_end *ends; /* as the database has them */
    size_t n_ends;
    struct chain_log logs[CHAINS];
    struct db *db; /* the driver's own connection */
    int mark_fd;
    struct consensus *consensus; /* NULL while another process drives */
    void (*on_publish)(void *);
    void *on_publish_arg;
    pthread_t thread;
    pthread_mutex_t lock; /* guards published_*, members, wake, stop and what the hooks bring */
    pthread_cond_t woken;
    bool wake, stop;
    bool feed;        /* something was written to the outbox */
    usec_t pinged_at; /* when the connection last answered */
    unsigned session; /* db_connects when the lock was taken */
    bool drives;      /* we hold the advisory lock; the driver's thread alone looks at it */
    struct final_block *finals, **finals_tail;
    struct note_item *notes[CHAINS]; /* only the newest of each chain matters */
    struct serve_item serve[SERVE_MAX];
    size_t n_serve;
    struct buf evidence; /* one at a time; the rest is found again */
    atomic_bool healthy;
    atomic_ullong batches, delivered, failures;
};

/* load.c: brings tips, members and what is published in line with the database and the mark. */
enum err ledger_load(struct ledger *l, struct chain_log *log) MUST_USE;
enum err ledger_load_members(struct ledger *l) MUST_USE;
enum err ledger_load_ends(struct ledger *l) MUST_USE;
void ledger_free_ends(struct ledger *l);
/* Publishes what another process delivered since. */
enum err ledger_follow(struct ledger *l, struct chain_log *log) MUST_USE;
/* The id that stands for "before the first block". */
void ledger_genesis_id(const uint8_t genesis[HASH_BYTES], enum chain chain, struct core_id *ret);

/* feed.c: outbox entries become own batches. */
/* *ret_more: enough batches wait; ask again when one is ordered. */
enum err ledger_feed(struct ledger *l, enum chain chain, bool *ret_more) MUST_USE;

/* deliver.c: final blocks become rows. Answers every block it delivered. */
enum err ledger_deliver(struct ledger *l, struct final_block *b) MUST_USE;

/* publish.c */
enum err ledger_publish(struct ledger *l, const struct final_note *n) MUST_USE;

/* serve.c: what only the database has, for other members. */
void ledger_serve(struct ledger *l, const struct serve_item *s);

#endif
