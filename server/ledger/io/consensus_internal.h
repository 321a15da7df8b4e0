/* Shared by the files of the ledger thread; nobody else includes it. */
#ifndef CAIRN_LEDGER_CONSENSUS_INTERNAL_H
#define CAIRN_LEDGER_CONSENSUS_INTERNAL_H

#include "server/ledger/io/ballots.h"
#include "server/ledger/io/consensus.h"
#include "server/ledger/io/journal.h"

#include <pthread.h>
#include <stdatomic.h>

#define HISTORY 1024    /* final blocks whose height we can still name */
#define EVENTS_MAX 1024 /* answers to actions that wait their turn */
#define RETRY_FACTOR 3  /* T_r = 3 T0 without progress */
#define QUIET_TICK_MS 2000
#define COSIGN_SIZES 64

struct final_at { /* one final block, for who names it */
    struct core_id id;
    uint64_t height, size;
    struct merkle_hash root;
};

struct cosigned { /* cosignatures of one size */
    uint64_t size;
    struct merkle_hash root;
    struct core_members have;
    uint64_t time[CORE_MEMBERS_MAX];
    uint8_t signature[CORE_MEMBERS_MAX][SIGN_BYTES];
};

struct instance { /* one chain in one epoch */
    enum chain chain;
    uint16_t me; /* my index among the validators; CORE_NOBODY: I follow */
    uint8_t config_hash[HASH_BYTES];
    struct wire_scope scope;
    struct core *core;
    struct ballots *ballots;
    struct pool pool;
    struct block_node *blocks;
    struct tip final;           /* finalized; its blocks are handed to the driver */
    uint64_t delivered;         /* height */
    uint64_t stored;            /* size that the database holds */
    struct core_id *to_deliver; /* final, not yet handed out: waiting for batches */
    size_t n_to_deliver, cap_to_deliver;
    struct final_block *ending; /* final and ends the epoch: nothing of it is handed out any more */
    uint64_t offered;           /* own sequence behind the last that was offered */
    struct final_at history[HISTORY]; /* by height */
    /* checks and builds that wait for something */
    bool build_waits;
    struct core_action build;
    /* timers, monotonic microseconds; 0: none */
    usec_t timer_at, retry_at;
    uint64_t timer_view, retry_height;
    unsigned ask; /* which peer is asked next */
    /* cosignatures of recent sizes; published: the newest that left */
    struct cosigned sizes[COSIGN_SIZES];
    uint64_t signed_size[CORE_MEMBERS_MAX]; /* newest size that each validator cosigned */
    uint64_t published, cosign_at;          /* cosign_at: delivered size not yet cosigned, or 0 */
    usec_t cosign_after;                    /* not before this moment */
    struct merkle_hash cosign_root;
    char origin[NOTE_NAME_MAX + 1];
    /* catch-up by range: the next height and the block it must stand on; 0: none is under way */
    uint64_t range_next;
    struct core_id range_parent;
    usec_t range_at;
    uint64_t skipped, proposed, finalized, in_flight_seen;
};

struct out_frame {
    uint16_t to;
    uint8_t lane, type;
    size_t at, len;
};

struct consensus {
    struct consensus_start set;
    struct members members; /* the fold at the account chain's last final block */
    struct epoch_end *ends;
    size_t n_ends;
    struct ledger_keys keys;
    struct note_key log_key[CHAINS];
    struct journal *journal; /* NULL: no votes */
    struct peers *peers;
    struct instance chain[CHAINS];
    struct core_out out; /* of the step under way */
    struct core_event events[EVENTS_MAX];
    struct instance *event_of[EVENTS_MAX];
    size_t n_events;
    const struct wire_vote *vote_now;         /* of the step under way: for evidence */
    const struct wire_proposal *proposal_now; /* the same */
    /* the gate: what leaves after the sync; FIN alone needs none, since nothing stands on it */
    bool must_sync;
    struct out_frame *frames;
    size_t n_frames, cap_frames;
    struct buf bytes;
    struct final_block *finals, **finals_tail;
    /* from other threads, under lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool wake, stop;
    struct offer *offers, **offers_tail;
    struct final_block *answers;
    struct consensus_state state;
    uint64_t refused, evidences;
};

struct offer {
    struct offer *next;
    enum chain chain;
    uint64_t first;
    uint32_t n;
    size_t len;
    uint8_t entries[];
};

/* ---- instance.c: cores and their actions ----------------------------------------------------- */
struct instance *instance_of(struct consensus *c, enum chain chain);
/* The core's slot of a view; NULL if it has none. */
const struct core_slot *slot_at(const struct instance *i, uint64_t view);
/* Index of a member among the validators; -1: it is none. */
int validator_index(const struct wire_scope *s, uint16_t member);
/* Feeds one event, and all that its actions answer at once. */
void feed(struct consensus *c, struct instance *i, const struct core_event *e);
/* Answers that actions left behind, until there are none. */
void feed_answers(struct consensus *c);
void answer(struct consensus *c, struct instance *i, const struct core_event *e);
/* Tells the core whether something waits to be ordered. */
void tell_work(struct consensus *c, struct instance *i);
void log_block(struct consensus *c, struct instance *i, struct block_node *b);

/* ---- contents.c: blocks: building and checking ----------------------------------------------- */
/* Reckons b->after, the tip of the chain after this block, if that is not done: OK, ERR_NOT_READY,
 * or ERR_LOG_INCONSISTENT for a block that can never follow its parent. */
enum err node_tip(struct consensus *c, struct instance *i, struct block_node *b) MUST_USE;
void build_block(struct consensus *c, struct instance *i, const struct core_action *a);
void check_block(struct consensus *c, struct instance *i, const struct core_action *a);
/* Tries again what waited for batches, parents or the other chain. */
void retry_contents(struct consensus *c);
/* State after the block, computing what is missing below it; NULL while something is not here. */
const struct tip *tip_after(struct consensus *c, struct instance *i, const struct core_id *id);
bool has_work(struct consensus *c, struct instance *i);
void remember_final(struct instance *i, const struct tip *t);

/* ---- finals.c: final blocks on their way to the driver --------------------------------------- */
void want_delivered(struct consensus *c, struct instance *i, const struct core_id *id);
void hand_out(struct consensus *c, struct instance *i);

/* ---- frames.c: what comes in ----------------------------------------------------------------- */
void take_frames(struct consensus *c);
/* A frame that is broken or lies: counted. */
void refuse(struct consensus *c);
/* The chain, if it is in this epoch; else NULL. */
struct instance *scope_of(struct consensus *c, enum chain chain, uint32_t epoch);
void adopt_certs(struct consensus *c, struct instance *i, const struct wire_proposal *p);
void tell_cert(struct consensus *c, struct instance *i, const struct wire_cert *w);

/* ---- batches.c ------------------------------------------------------------------------------- */
/* again: whether all are told, whatever they may know. */
void give_receipt(struct consensus *c, struct instance *i, struct batch *b, bool again);
void send_batch(struct consensus *c, const struct batch *b);
void take_batch(struct consensus *c, struct instance *i, const struct wire_batch *b, bool own);
void on_batch_frame(struct consensus *c, const uint8_t *payload, size_t len);
void on_receipt_frame(struct consensus *c, const uint8_t *payload, size_t len);

/* ---- pulls.c --------------------------------------------------------------------------------- */
void on_pull_frame(struct consensus *c, uint16_t from, const uint8_t *payload, size_t len);

/* ---- catchup.c ------------------------------------------------------------------------------- */
/* Asks one peer, another each time, for final blocks from the tip on. */
void ask_range(struct consensus *c, struct instance *i);
/* Goes on when what came is delivered, or asks another peer when nothing came. */
void tend_range(struct consensus *c, struct instance *i);
void on_final(struct consensus *c, uint16_t from, const uint8_t *payload, size_t len);

/* ---- replay.c -------------------------------------------------------------------------------- */
/* Opens the journal and feeds the cores what it holds; without a whole one this member only
 * follows. */
enum err replay(struct consensus *c) MUST_USE;

/* ---- cosign.c -------------------------------------------------------------------------------- */
void cosign_delivered(struct instance *i, const struct wire_block *b);
void cosign(struct consensus *c, struct instance *i);
void on_cosignature(struct consensus *c, const struct wire_cosignature *w);
void send_cosignatures(struct consensus *c, struct instance *i, uint16_t to);

/* ---- gate.c: what goes out ------------------------------------------------------------------- */
void queue_frame(struct consensus *c, uint16_t to, enum peers_lane lane, uint8_t type,
                 const void *payload, size_t len);
/* A pull to one or two validators, others each time. */
void queue_pull(struct consensus *c, struct instance *i, const struct wire_pull *p, unsigned peers);
/* Sync, then everything that waited for it. */
void open_gate(struct consensus *c);
/* Member number of an address that the core names; CORE_NOBODY: PEERS_TO_ALL. */
uint16_t member_of(const struct consensus *c, const struct instance *i, uint16_t index);

/* ---- epoch.c --------------------------------------------------------------------------------- */
/* Applies the block to the fold; true if it ends the epoch. */
bool fold_block(struct instance *i, const struct block_node *b, struct members *m);
/* Whether a block whose parent did not end the epoch does. */
bool ends_epoch(struct consensus *c, struct instance *i, struct block_node *b);
const struct epoch_end *end_of(const struct consensus *c, uint32_t epoch);
enum err instance_enter(struct consensus *c, struct instance *i, const struct members *m) MUST_USE;
void end_epoch(struct consensus *c, struct instance *i, struct final_block *f);

#endif
