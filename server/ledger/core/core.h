/* Consensus, as one pure step function: Simplex in its notarize / skip / finalize form (Chan and
 * Pass, eprint 2023/463), one instance per chain and epoch. docs/ledger.md has the rules by name;
 * every branch of the .c files cites the one it implements.
 *
 *     event in -> core_step -> ordered actions out
 *
 * No clock, no allocation, no pointer, no randomness, no I/O, no cryptography: a block is its id
 * (SHA-256 of its canonical bytes), a vote is (kind, view, id, signer), a certificate is the fact
 * that a quorum of distinct signers cast the same vote. Who feeds events has verified signatures
 * and hashes (server/ledger/wire) and carries out the actions in order. The contract of the output
 * gate: all CORE_PERSIST actions of a batch of events are durable before any CORE_SEND_* of that
 * batch leaves the process, and a failed sync ends the process.
 *
 * Members are indices 0..n-1 into the epoch's validator list. f = (n-1)/3, quorum q = 2n/3+1.
 * struct core is plain memory: it may be copied, compared and hashed. Thread rule: one owner. */
#ifndef CAIRN_LEDGER_CORE_H
#define CAIRN_LEDGER_CORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define CORE_MEMBERS_MAX 100
#define CORE_SCHEDULE_MAX 400 /* 4n: the longest cycle of leaders */
#define CORE_WINDOW 64        /* W: how far ahead of the own view votes are kept */
#define CORE_SLOTS                                                                                 \
    256 /* views above the floor that fit; see "what bounds a stall" in docs/ledger.md */
#define CORE_ACTIONS_MAX 2048
#define CORE_NOBODY UINT16_MAX

struct core_id {
    uint8_t bytes[32];
};
static inline bool core_id_equal(const struct core_id *a, const struct core_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

enum core_kind { CORE_N = 1, CORE_S = 2, CORE_F = 3 }; /* notarize, skip, finalize */

/* What consensus sees of a block. */
struct core_block {
    struct core_id id, parent;
    uint64_t view, parent_view, height;
};

struct core_config {
    uint16_t n, me; /* me = CORE_NOBODY: follow, never vote */
    uint16_t schedule_len;
    uint8_t schedule[CORE_SCHEDULE_MAX]; /* leader(v) = schedule[v mod schedule_len] */
    uint32_t t0_ms;                      /* first timeout */
    uint32_t in_flight_max; /* heights above the final one that a leader may have open, >= 1 */
};

/* ---- events ---------------------------------------------------------------------------------- */
enum core_event_type {
    CORE_EV_RECORD = 1, /* start-up: one durable record (kind = enum core_record, view, id) */
    CORE_EV_START,      /* start-up: all records, and the blocks of the own log, were given */
    CORE_EV_WORK,       /* flag: something waits to be ordered / nothing does */
    CORE_EV_BUILT,      /* answer to CORE_BUILD: block (parent and view as asked) */
    CORE_EV_PROPOSAL,   /* block, signed by member `from`; its justification was checked against its
                           hash and the certificates in it were given as CORE_EV_CERT before */
    CORE_EV_BLOCK,      /* block, fetched by id or found in the own log */
    CORE_EV_CHECKED, /* answer to CORE_CHECK: view, id, flag: contents are valid and durable here.
                        While something is missing the answer just waits. */
    CORE_EV_VOTE,    /* kind, view, id (zero for S), from: signature verified */
    CORE_EV_CERT,    /* kind, view, id: q signatures verified */
    CORE_EV_TIMER,   /* the timer set for this view has run out */
    CORE_EV_RETRY, /* nothing was finalized for a while (T_r); also a slow tick when all is quiet */
    CORE_EV_NEWS,  /* member `from`, whose final view is `view`, asks what it may have missed */
    CORE_EV_DELIVERED, /* view, id: the block and all below are committed in the database */
    CORE_EV_CAUGHT_UP  /* view, id, height: the database was brought here by range, under a verified
                          F certificate; stands for CERT F and DELIVERED of all below */
};

struct core_event {
    uint8_t type; /* enum core_event_type */
    uint8_t kind;
    bool flag;
    uint16_t from;
    uint64_t view, height;
    struct core_id id;
    struct core_block block;
};

/* ---- actions --------------------------------------------------------------------------------- */
enum core_record {
    CORE_REC_N = CORE_N,
    CORE_REC_S = CORE_S,
    CORE_REC_F = CORE_F,
    CORE_REC_PROP = 4, /* a proposal of mine for this view left (or will) */
    CORE_REC_FIN = 5   /* everything up to this view is delivered: the floor */
};

enum core_action_type {
    CORE_PERSIST = 1,   /* kind = enum core_record, view, id */
    CORE_SEND_VOTE,     /* my vote (kind, view, id); `from` = the receiver, CORE_NOBODY = all */
    CORE_SEND_CERT,     /* the certificate (kind, view, id); the same */
    CORE_SEND_PROPOSAL, /* my proposal (view, id) with its justification; the same */
    CORE_TIMER,     /* wake me with CORE_EV_TIMER(view) after delay_ms; replaces the timer before */
    CORE_PULL_CERT, /* ask peers for a certificate (kind, view) */
    CORE_PULL_BLOCK, /* ask peers for a block (view, id) */
    CORE_PULL_RANGE, /* I am behind: bring the database to (view, id), which is final */
    CORE_PULL_NEWS,  /* ask one peer, another each time, for what I may have missed since view */
    CORE_BUILD,      /* build a block for view on parent (parent_view, id = parent id), height */
    CORE_CHECK,      /* check the contents of block (view, id) */
    CORE_DELIVER,    /* final: commit block (view, id), height; in order of height */
    CORE_EVIDENCE    /* member `from` broke rule `kind` (enum core_fault) in view */
};

enum core_fault {
    CORE_FAULT_NN = 1,   /* two notarize votes */
    CORE_FAULT_FF,       /* two finalize votes */
    CORE_FAULT_SF,       /* skip and finalize */
    CORE_FAULT_NF,       /* finalize of another block than notarized */
    CORE_FAULT_PROPOSAL, /* two proposals */
    CORE_FAULT_FORK /* two certificates that exclude each other: more than f are faulty; `from` is
                       CORE_NOBODY, forensics must name them. The instance stops voting. */
};

struct core_action {
    uint8_t type; /* enum core_action_type */
    uint8_t kind;
    uint16_t from;
    uint32_t delay_ms;
    uint64_t view, parent_view, height;
    struct core_id id;
    struct core_id other; /* CORE_EVIDENCE: the id voted for first, where there is one */
};

struct core_out {
    size_t n;
    struct core_action a[CORE_ACTIONS_MAX];
};

/* ---- state ----------------------------------------------------------------------------------- */
struct core_members { /* a set of members, by index */
    uint64_t bits[2];
};
static inline bool core_set_has(const struct core_members *s, size_t i)
{
    return (s->bits[i / 64] >> (i % 64) & 1) != 0;
}
static inline void core_set_add(struct core_members *s, size_t i)
{
    s->bits[i / 64] |= UINT64_C(1) << (i % 64);
}
static inline unsigned core_set_count(const struct core_members *s)
{
    return (unsigned)(__builtin_popcountll(s->bits[0]) + __builtin_popcountll(s->bits[1]));
}

enum core_check { CORE_UNASKED, CORE_ASKED, CORE_GOOD, CORE_BAD };

struct core_slot { /* one view above the floor */
    uint64_t view; /* 0: free */
    /* durable: what I signed */
    bool my_n, my_s, my_f, my_prop;
    struct core_id my_n_id, my_f_id, my_prop_id;
    /* certificates */
    bool cert_n, cert_s, cert_f;
    bool asked_n, asked_s, asked_block; /* pulled already; cleared by a retry */
    struct core_id cert_n_id, cert_f_id;
    /* the leader's first proposal, and the certified block if that is another one */
    bool has_prop, has_block, building;
    uint8_t check; /* enum core_check, of prop */
    struct core_block prop, block;
    struct core_id wanted; /* of the block that was pulled */
    /* first vote of each kind by each member */
    struct core_members n_seen, s_seen, f_seen;
    struct core_members accused[CORE_FAULT_FORK + 1]; /* evidence is reported once per fault */
    struct core_id n_of[CORE_MEMBERS_MAX], f_of[CORE_MEMBERS_MAX];
};

struct core {
    struct core_config config;
    bool started, work, forked;
    bool timer_set, fired, nudge, may_be_empty; /* of the view V; see pacemaker.c */
    uint64_t view;                              /* V */
    uint64_t top;                               /* highest view that any slot holds something of */
    uint64_t cert_top;                          /* highest view with a certificate of any kind */
    uint64_t n_top;                             /* highest view with an N or F certificate */
    uint64_t floor;                             /* delivered, durably: never vote at or below */
    uint64_t final_view, final_height;          /* vf: finalized, perhaps not yet delivered */
    struct core_id final_id;                    /* hf */
    uint64_t range_view; /* a range was pulled up to here; cleared by a retry */
    struct core_slot slots[CORE_SLOTS];
};

/* tip: the newest block of this epoch that the database holds; for a new epoch view 0 and the block
 * the epoch starts from. Zeroes the struct. */
void core_init(struct core *c, const struct core_config *config, uint64_t view,
               const struct core_id *tip, uint64_t height);
/* Appends to out, which the caller has emptied. Total: no event can make it fail. */
void core_step(struct core *c, const struct core_event *e, struct core_out *out);

uint16_t core_leader(const struct core *c, uint64_t view);
uint16_t core_quorum(uint16_t n);
uint16_t core_faults(uint16_t n);

#endif
