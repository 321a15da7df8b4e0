/* A federation in one process: ledger threads (consensus.h) over real journals and the real
 * transport on loopback, with a database that is just memory. Any member can be left out, so that a
 * test speaks with its keys. */
#ifndef CAIRN_TESTS_CLUB_H
#define CAIRN_TESTS_CLUB_H

#include "server/ledger/io/consensus.h"
#include "tests/lib/member_end.h"

#define CLUB_MAX 7
#define CLUB_BLOCKS 4096

struct club_block { /* what a database keeps of a final block */
    struct core_id id;
    uint64_t height;
    uint8_t *proposal, *cert;
    size_t proposal_len, cert_len;
    struct wire_batch batch[WIRE_BATCHES_MAX];
    uint8_t *entries[WIRE_BATCHES_MAX];
    uint16_t n_batches;
    struct tip after;
};

struct club;
struct club_member {
    struct club *club;
    struct member_end end;
    struct consensus *consensus; /* NULL: left out */
    struct consensus *waking;    /* the same, while frames may wake it */
    struct ledger_keys keys;
    char dir[64];
    pthread_t pump;
    bool pumping;
    /* under the club's lock */
    struct club_block *blocks[CHAINS];
    size_t n_blocks[CHAINS];
    uint64_t high_mark, noted[CHAINS]; /* size of the newest checkpoint */
    char note[CHAINS][8192];
    uint8_t evidence[1024];
    size_t evidence_len, evidences;
};

struct club {
    size_t n;
    struct club_member m[CLUB_MAX];
    struct members members;
    struct wire_scope scope[CHAINS];
    char dir[64];
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* All n members, edges and journals; no ledger thread runs yet. T0 is 200 ms. */
void club_open(struct club *c, size_t n);
void club_close(struct club *c);
/* Starts the ledger thread of member i (from 0) on what its journal and database hold. */
void club_start(struct club *c, size_t i);
void club_stop(struct club *c, size_t i);
/* A batch of n anchors of member i, from sequence first on. */
void club_offer(struct club *c, size_t i, enum chain chain, uint64_t first, uint32_t n);
/* Waits until member i's database holds this many entries of the chain; false after 20 s. */
bool club_wait_size(struct club *c, size_t i, enum chain chain, uint64_t size);
/* The same, but for so many milliseconds: what must not happen needs a bound. */
bool club_wait_size_for(struct club *c, size_t i, enum chain chain, uint64_t size, int ms);
/* Waits until its newest checkpoint is of at least this size. */
bool club_wait_note(struct club *c, size_t i, enum chain chain, uint64_t size);
bool club_wait_evidence(struct club *c, size_t i);
uint64_t club_size(struct club *c, size_t i, enum chain chain);
/* Same blocks at every height that two members have; sequences gapless and once. */
void club_check(struct club *c);

#endif
