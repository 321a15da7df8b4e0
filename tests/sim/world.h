/* The simulator's world: n consensus cores, the network between them, their disks and databases,
 * time, and whoever lies, in one process and driven by one seed (docs/simulator.md). Everything is
 * an event in virtual time; nothing reads a clock, a pointer's value or memory that was not
 * written.
 *
 * Words: an identity is a member with its key; a node is a running copy of it (a twin has two
 * nodes). A fact is something that can be voted on: (epoch, kind, view, block). Blocks, batches and
 * facts live in tables that the whole world shares and are named by their index there; who has
 * which is kept per node. An index into an epoch's validator list is called a seat. */
#ifndef CAIRN_TESTS_SIM_WORLD_H
#define CAIRN_TESTS_SIM_WORLD_H

#include "server/ledger/core/core.h"

#define IDENTITIES_MAX 16
#define NODES_MAX 20
#define EPOCHS_MAX 16
#define BLOCKS_MAX 4096
#define BATCHES_MAX 1024
#define FACTS_MAX 8192
#define VIEWS_MAX 4096
#define EVENTS_MAX (1u << 16)
#define RECORDS_MAX 4096
#define OUTBOX_MAX 4096
#define BLOCK_BATCHES 12
#define JUSTS_MAX (1u << 16)
#define NONE UINT32_MAX

#define MS 1000u /* time is counted in microseconds */

/* ---- events -----------------------------------------------------------------------------------
 */
enum event_type {
    /* frames from node `from`, as they arrive at `node` */
    FRAME_VOTE = 1,   /* a = fact, seat = signer */
    FRAME_CERT,       /* a = fact, mask = seats that signed */
    FRAME_PROPOSAL,   /* a = block, seat = signer */
    FRAME_BLOCK,      /* a = block */
    FRAME_BATCH,      /* a = batch */
    FRAME_PULL_CERT,  /* kind, view */
    FRAME_PULL_BLOCK, /* a = block */
    FRAME_PULL_BATCH, /* a = batch */
    FRAME_PULL_RANGE, /* a = height that the asker has */
    FRAME_RANGE,      /* a = newest block, b = fact that finalizes it, mask */
    FRAME_NEWS,       /* view = final view of the asker */
    /* what a node tells itself */
    OWN_TIMER, /* view */
    OWN_RETRY,
    OWN_BUILT,     /* a = block */
    OWN_CHECKED,   /* a = block, flag */
    OWN_DELIVERED, /* a = block */
    /* the machine under a node */
    NODE_WAKE,
    NODE_GATE,
    NODE_COMMIT,
    NODE_TICK, /* asks again for what is missing */
    NODE_CRASH,
    NODE_RESTART,
    /* the world */
    WORLD_CLIENT, /* somebody hands in an entry */
    WORLD_SPLIT,  /* links are cut or healed anew */
    WORLD_TWINS,  /* who hears which twin */
    WORLD_LIAR,   /* a = identity */
    WORLD_OUTAGE, /* every node loses power at once */
    WORLD_CHANGE, /* an operator asks for another member list */
    WORLD_HEAL,
    WORLD_JUDGE /* is there progress? */
};

struct event {
    uint64_t view;
    uint32_t a, b;
    uint16_t mask, epoch;
    uint16_t life; /* of the node: what an earlier run of it scheduled is void */
    uint8_t type, node, from, seat, kind;
    bool flag;
};

struct event_key {
    uint64_t at;
    uint32_t order, slot;
};

struct event_queue {
    uint32_t n, free_n, order;
    struct event_key heap[EVENTS_MAX];
    uint32_t free_slots[EVENTS_MAX];
    struct event pool[EVENTS_MAX];
};

/* ---- what is true in the world ------------------------------------------------------------------
 */
enum change_kind { CHANGE_NONE, CHANGE_JOIN, CHANGE_LEAVE, CHANGE_REKEY };

struct cert {
    uint32_t fact;
    uint16_t mask;
};

struct block {
    struct core_id id;
    uint64_t view, parent_view, height;
    uint32_t parent, salt;
    uint32_t batches[BLOCK_BATCHES];
    uint32_t just_first, just_n; /* in justs: the parent's certificate and those of the gap */
    uint16_t epoch;
    uint16_t next[IDENTITIES_MAX]; /* the sequence that each member's next entry has */
    uint8_t n_batches, change, changed, changed_key;
    bool valid;       /* contents: every batch is the next of its member, empty after a change */
    uint16_t signers; /* seats that signed it as a proposal */
    bool closing;     /* this block or one below it, in this epoch, changes the members */
};

struct batch {
    uint16_t first, n;
    uint8_t identity;
};

struct fact {
    uint64_t view;
    uint32_t block; /* NONE for S */
    uint16_t epoch, signers;
    uint8_t kind;
};

/* What each seat ever signed in one view, over all lives of its nodes. */
struct view_votes {
    uint64_t view;
    uint32_t n[IDENTITIES_MAX], f[IDENTITIES_MAX]; /* block, NONE */
    uint32_t proposal[IDENTITIES_MAX];
    uint32_t cert_n, cert_f; /* block with a quorum of signers, NONE */
    uint16_t epoch, s;       /* s: a bit per seat */
    bool cert_s;
};

struct epoch {
    uint32_t start; /* block */
    uint16_t n, quorum, schedule_len;
    uint8_t member[IDENTITIES_MAX],
        key[IDENTITIES_MAX]; /* identity and its key's number, by seat */
    uint8_t schedule[CORE_SCHEDULE_MAX];
};

/* ---- a node -------------------------------------------------------------------------------------
 */
enum { BATCH_HERE = 1, BATCH_ASKED = 2 };
enum { HAS_MEMORY = 1, HAS_DATABASE = 2, HAS_JOURNAL = 4 };

struct record {
    uint64_t view;
    uint32_t block; /* NONE */
    uint16_t epoch;
    uint16_t mask; /* F: the certificate that it stands on, which is in the same record's body */
    uint8_t kind;
};

struct frame { /* waits for the gate */
    struct event event;
    uint8_t to; /* node, or NODES_MAX for everyone */
};

struct node {
    struct core *core;
    uint8_t index, identity, twin, key;
    bool byzantine, observer, up, busy, wake_set;
    uint16_t life, epoch, seat; /* seat: CORE_NOBODY when it does not vote */
    uint32_t rate;              /* of its clock, in 1/1000 */
    uint32_t lag_us;            /* what a slow machine adds to each step */
    uint32_t timer_number;
    uint64_t final_moved; /* when a certificate last moved its final view */
    uint8_t news_peer;
    bool work;
    /* inbox: what arrived and was not looked at */
    uint32_t inbox_n;
    struct event inbox[OUTBOX_MAX];
    /* gate */
    uint32_t outbox_n, unsynced_n, records_n;
    struct frame outbox[OUTBOX_MAX];
    struct record unsynced[OUTBOX_MAX], records[RECORDS_MAX];
    uint8_t gate_crash; /* enum gate_crash drawn for this gate */
    /* database */
    uint32_t tip;
    uint32_t proved; /* newest delivered block that a certificate which is stored here covers */
    struct cert proof;
    struct cert tip_cert; /* of the very tip, for who leads next: F, or N from its successor */
    uint32_t end_proved[EPOCHS_MAX]; /* the same for the end of each epoch */
    struct cert end_proof[EPOCHS_MAX];
    uint16_t applied[IDENTITIES_MAX]; /* next sequence, counted by itself */
    uint64_t handed_height;           /* last height that this core handed over for delivery */
    uint64_t seen_floor, seen_view;   /* for the oracles */
    /* under way */
    uint32_t deliver_n, deliver_open; /* handed over; of those, behind an open gate */
    uint32_t deliver[BLOCKS_MAX], checks_n, checks[64];
    bool committing, range_wanted;
    uint32_t waiting_n, waiting[BATCHES_MAX]; /* batches known and not delivered */
    uint8_t has_block[BLOCKS_MAX], has_batch[BATCHES_MAX];
    uint16_t seen[FACTS_MAX], cert[FACTS_MAX]; /* votes received; a certificate received or made */
};

/* ---- the plan of a seed -------------------------------------------------------------------------
 */
enum { LIE_TWIN = 1, LIE_EQUIVOCATE = 2, LIE_WITHHOLD = 4, LIE_CRAFT = 8, LIE_SILENT = 16 };

struct plan {
    uint16_t members, observers, byzantine;
    uint8_t lies[IDENTITIES_MAX];
    uint32_t t0_ms, in_flight, retry_ms;
    uint32_t drop, duplicate, delay_us, jitter_us, heal_delay_us; /* per thousand; microseconds */
    uint32_t crash_gate, sync_us, commit_us, check_us;            /* crash_gate: per thousand */
    uint32_t crash_ms, split_ms, twins_ms, liar_ms, client_ms, outage_ms, change_ms; /* 0: never */
    bool one_way, precise_work, disk_loss, sync_fails;
    bool real;         /* every signature is made and verified (signatures.c) */
    bool few_copies;   /* batches go to f+1 members only, the others must ask */
    bool bare_log;     /* no certificates in the log: safety alone is promised */
    bool last_outage;  /* the last fault is that everybody loses power */
    bool long_absence; /* one is away while more views pass than fit in memory */
    uint64_t heal_at, silent_at;
};

struct signatures;

struct world {
    uint64_t seed, now, steps, random[2], hash;
    bool trace, failed, healed;
    unsigned mutant;
    char what[200];     /* of the failure */
    const char *oracle; /* its name */
    struct plan plan;
    uint32_t nodes_n, identities_n, epochs_n, blocks_n, batches_n, facts_n, views_n, justs_n;
    struct node *nodes[NODES_MAX];
    struct epoch epochs[EPOCHS_MAX];
    struct block blocks[BLOCKS_MAX];
    struct batch batches[BATCHES_MAX];
    struct fact facts[FACTS_MAX];
    struct view_votes views[VIEWS_MAX];
    struct cert justs[JUSTS_MAX];
    uint32_t block_table[2 * BLOCKS_MAX], fact_table[2 * FACTS_MAX], view_table[2 * VIEWS_MAX];
    bool cut[NODES_MAX][NODES_MAX], deaf[NODES_MAX][NODES_MAX]; /* from, to; deaf: of a twin */
    uint16_t next_entry[IDENTITIES_MAX];                        /* of each member's clients */
    uint32_t canon_n, canon[BLOCKS_MAX]; /* what was delivered first at each height */
    uint8_t change, changed;             /* asked for by an operator, not in a block yet */
    /* liveness */
    uint64_t goal, deadline, stage_at, calm_timeout, idle_blocks, entry_blocks;
    uint32_t stage, quiet_from; /* blocks made since the stage began */
    uint8_t expected;           /* enum core_fault that the next step must report */
    uint32_t path[BLOCKS_MAX];
    /* figures */
    uint64_t delivered, crashes, evidence;
    struct event_queue queue;
    struct signatures *signatures;
    struct core_out out;
};

/* ---- world.c: from a seed to a verdict ----------------------------------------------------------
 */
struct world *world_make(void);
void world_free(struct world *w);
/* Runs one seed to its end. members 0: drawn. Returns false on a violation (w->what, w->oracle). */
bool world_run(struct world *w, uint64_t seed, uint16_t members, unsigned mutant, bool trace);

/* ---- plan.c ------------------------------------------------------------------------------ */
void plan_draw(struct world *w, uint16_t members);

/* ---- chance.c: the only source of randomness, and the trace ------------------------------ */
uint64_t chance_next(struct world *w);
uint32_t chance_below(struct world *w, uint32_t n); /* 0..n-1; 0 for n = 0 */
bool chance(struct world *w, uint32_t per_thousand);
void trace_mix(struct world *w, uint64_t value);
void trace_event(struct world *w, const struct event *e);
void trace_action(struct world *w, const struct node *n, const struct core_action *a);
void trace_say(struct world *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- queue.c ----------------------------------------------------------------------------- */
void queue_reset(struct world *w);
void queue_add(struct world *w, uint64_t at, const struct event *e);
bool queue_take(struct world *w, struct event *ret);

/* ---- tables.c: blocks, batches, facts, views --------------------------------------------- */
void tables_reset(struct world *w);
/* Completes contents (next, valid, closing, id) and gives the block's index. NONE: the table is
 * full. */
uint32_t block_add(struct world *w, struct block *b);
uint32_t block_find(const struct world *w, const struct core_id *id);
void block_core(const struct world *w, uint32_t block, struct core_block *ret);
uint32_t batch_add(struct world *w, uint8_t identity, uint16_t first, uint16_t n);
uint32_t fact_of(struct world *w, uint16_t epoch, uint8_t kind, uint64_t view, uint32_t block);
uint32_t fact_find(const struct world *w, uint16_t epoch, uint8_t kind, uint64_t view,
                   uint32_t block);
struct view_votes *view_of(struct world *w, uint16_t epoch, uint64_t view);
uint16_t seat_of(const struct world *w, uint16_t epoch, uint8_t identity); /* CORE_NOBODY: none */
uint8_t node_of(const struct world *w, uint8_t identity);
uint16_t bits(uint16_t mask);
uint8_t leader_of(const struct world *w, uint16_t epoch, uint64_t view); /* seat */

/* ---- signatures.c: Ed25519 and the bytes of server/ledger/wire, in some seeds ------------------
 */
struct signatures *signatures_make(void);
void signatures_reset(struct world *w);
void signatures_new_fact(struct world *w, uint32_t fact);
void signature_add(struct world *w, uint16_t seat, uint32_t fact);
bool signature_good(struct world *w, uint32_t fact, uint16_t seat);
bool signatures_cert_good(struct world *w, uint32_t fact, uint16_t mask);

/* ---- epochs.c ---------------------------------------------------------------------------- */
void epoch_first(struct world *w);
/* The epoch that starts after block; the same for everyone who asks. */
uint16_t epoch_after(struct world *w, uint32_t block);

/* ---- net.c: links ------------------------------------------------------------------------ */
void net_send(struct world *w, uint8_t from, uint8_t to, const struct event *e);
void net_split(struct world *w);
void net_heal(struct world *w);
void net_twins(struct world *w);

/* ---- node.c: the driver's loop, the gate, crashes ---------------------------------------- */
void node_start(struct world *w, struct node *n);
void node_away(struct world *w, struct node *n);
void node_crash(struct world *w, struct node *n);
void node_receive(struct world *w, struct node *n, const struct event *e);
void node_wake(struct world *w, struct node *n);
void node_gate(struct world *w, struct node *n);
void node_step(struct world *w, struct node *n, const struct core_event *e);
void node_send(struct node *n, uint8_t to, const struct event *e);
void node_new_epoch(struct world *w, struct node *n);
/* Something that the node tells itself after so many microseconds; void after a crash. */
void node_later(struct world *w, struct node *n, uint64_t after_us, struct event e);
uint32_t node_delay(const struct node *n, uint64_t us); /* by its own clock */

/* ---- frames.c: from frames to core events ------------------------------------------------ */
void frame_take(struct world *w, struct node *n, const struct event *e);
bool cert_good(struct world *w, uint32_t fact, uint16_t mask);
void give_cert(struct world *w, struct node *n, uint32_t fact, uint16_t mask);
void give_block(struct world *w, struct node *n, uint32_t block, uint8_t how);

/* ---- actions.c: from core actions to the world ------------------------------------------- */
void action_do(struct world *w, struct node *n, const struct core_action *a);
uint16_t address_of(const struct world *w, const struct node *n, uint8_t node);
uint16_t cert_make(struct world *w, struct node *n, uint32_t fact); /* 0: it has no such thing */
void checks_answer(struct world *w, struct node *n);
uint32_t build_block(struct world *w, struct node *n, uint64_t view, uint32_t parent, bool empty);

/* ---- database.c: delivery and catching up ------------------------------------------------ */
void deliver_next(struct world *w, struct node *n);
void deliver_commit(struct world *w, struct node *n);
/* What the node can prove of the asker's epoch, or of the newest. */
void range_serve(struct node *n, uint8_t to, uint16_t epoch);
void range_take(struct world *w, struct node *n, const struct event *e);
bool contents_here(const struct world *w, const struct node *n, uint32_t block);
void ask_contents(struct world *w, struct node *n, uint32_t block);
void node_tick(struct world *w, struct node *n);
void work_tell(struct world *w, struct node *n);
void batch_learn(struct world *w, struct node *n, uint32_t batch);
void client_entry(struct world *w);

/* ---- liars.c ----------------------------------------------------------------------------- */
/* Sends the frame of a Byzantine node, or something else, or nothing. */
void liar_send(struct world *w, struct node *n, uint8_t to, const struct event *e);
void liar_act(struct world *w, uint8_t identity);

/* ---- oracles.c: what must never, and what must at last ----------------------------------- */
void fail(struct world *w, const char *oracle, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void oracle_vote(struct world *w, struct node *n, uint32_t fact); /* it leaves, signed */
void oracle_proposal(struct world *w, struct node *n, uint32_t block);
void registry_sign(struct world *w, uint16_t seat, uint32_t fact);
void oracle_record(struct world *w, struct node *n, const struct core_action *a);
void oracle_evidence(struct world *w, struct node *n, const struct core_action *a);
/* Before and after a vote is given: a conflict with what came before must be reported. */
void oracle_expect(struct world *w, const struct node *n, const struct core_event *e);
void oracle_reported(struct world *w, const struct node *n, const struct core_event *e);
void oracle_commit(struct world *w, struct node *n, uint32_t block);
void oracle_step(struct world *w, struct node *n, const struct core_event *e);
/* liveness.c */
void oracle_heal(struct world *w);
void oracle_judge(struct world *w);

#endif
