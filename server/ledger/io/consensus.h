/* The ledger thread: it alone owns the consensus cores of both chains, the journal, the pool of
 * batches and the signatures. It takes frames, own batches and timers as they come, lets the cores
 * decide, makes everything of one round durable with one sync, and only then lets anything leave
 * (the output gate). It has no database: final blocks go to the driver's thread, which answers with
 * consensus_delivered().
 *
 * Thread-safe where not said otherwise. */
#ifndef CAIRN_LEDGER_CONSENSUS_H
#define CAIRN_LEDGER_CONSENSUS_H

#include "server/ledger/io/ledger.h"
#include "server/ledger/io/peers.h"
#include "server/ledger/io/tips.h"

struct consensus;

/* Where an epoch of the account chain ended, and who the members are from then on. */
struct epoch_end {
    uint32_t epoch;
    uint64_t height;
    struct members *next;
};

struct tail_block {        /* descends from a block that ends its epoch, and proves it final */
    uint8_t *bytes, *cert; /* encoded proposal; F certificate or NULL */
    size_t len, cert_len;
};

/* A final block on its way to the database. Everything in it stays valid, and is not touched by the
 * ledger thread, until the driver says consensus_delivered (or _refused) for it. */
struct final_block {
    struct final_block *next;
    enum chain chain;
    uint32_t epoch;
    const struct block_node *node; /* stated */
    uint64_t first_index;          /* tree size before it */
    const struct batch *batch[WIRE_BATCHES_MAX];
    uint8_t *cert; /* F certificate, owned; NULL when a later block's covers it */
    size_t cert_len;
    uint8_t *notar; /* where cert is NULL: an N certificate of it, owned; NULL if none is here */
    size_t notar_len;
    uint64_t journal_seq;    /* of the journal when it became final: the high mark */
    struct members *members; /* the fold with this block; owned; account chain only */
    bool ends;               /* its epoch; members is already that of the next */
    struct tail_block *tail; /* owned */
    size_t n_tail;
};
void final_block_free(struct final_block *f);

/* A checkpoint that a quorum has cosigned. */
struct final_note {
    enum chain chain;
    uint64_t size;
    struct merkle_hash root;
    struct buf note;
};

/* What the ledger thread asks the driver's thread to do; called on the ledger thread, must not
 * wait. */
struct consensus_hooks {
    void *arg;
    void (*deliver)(void *arg, struct final_block *b);      /* in order of height, per chain */
    void (*publish)(void *arg, const struct final_note *n); /* copies what it keeps */
    void (*serve)(void *arg, uint16_t from,
                  const struct wire_pull *p);                      /* what only the database has */
    void (*evidence)(void *arg, const uint8_t *bytes, size_t len); /* to become an entry */
};

struct consensus_start {
    const char *dir; /* of the journal */
    const char *federation;
    const struct ledger_keys *keys;
    uint16_t me; /* member number */
    uint32_t t0_ms, in_flight_max;
    const struct members *members; /* the fold as the database has it */
    const struct members *first;   /* of epoch 1 */
    const struct epoch_end *ends;  /* ascending epoch; copied */
    size_t n_ends;
    struct tip tips[CHAINS];         /* delivered */
    const uint8_t *tip_cert[CHAINS]; /* F certificate of the tip; NULL if it is not known */
    size_t tip_cert_len[CHAINS];
    uint64_t published[CHAINS]; /* size of the newest checkpoint */
    uint64_t high_mark;
    struct peers *peers; /* NULL in a federation of one */
    struct consensus_hooks hooks;
    usec_t (*now)(const struct app *);
    const struct app *app;
};
/* Replays the journal and starts the thread. ERR_DB_OLD, ERR_LOG_INCONSISTENT, ERR_NOT_FOUND: the
 * journal lost votes or is missing; the member follows without voting (*ret is open, and
 * consensus_votes says false) until it is re-keyed. */
enum err consensus_open(const struct consensus_start *s, struct consensus **ret) MUST_USE;
/* Stops the thread; blocks handed out must have been answered. */
void consensus_close(struct consensus *c);

/* An own batch: n entries in bundle form, from sequence first. Copies. ERR_BUSY: the pool is full.
 */
enum err consensus_offer(struct consensus *c, enum chain chain, uint64_t first, uint32_t n,
                         const uint8_t *entries, size_t len) MUST_USE;
/* The sequence behind the last own entry that was offered (or came back from the journal), and how
 * many own batches wait. */
uint64_t consensus_offered(struct consensus *c, enum chain chain, size_t *ret_waiting);
void consensus_delivered(struct consensus *c, struct final_block *b);
void consensus_wake(void *c); /* frames are there */

struct consensus_state { /* for people and metrics */
    bool votes;
    uint32_t epoch;
    struct {
        uint64_t view, final_height, delivered_height, in_flight_max_seen;
        uint64_t skipped, proposed, finalized;
        size_t pool_batches;
    } chain[CHAINS];
    uint64_t refused_frames, evidence, syncs, records;
    size_t n_signed; /* validators, and the newest size of each chain that each has cosigned */
    struct {
        uint16_t member;
        uint64_t size[CHAINS];
    } cosigned[CORE_MEMBERS_MAX];
};
void consensus_state(struct consensus *c, struct consensus_state *ret);

#endif
