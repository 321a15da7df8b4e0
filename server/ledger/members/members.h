/* Who is a member, in which role, with which keys: a pure fold over the genesis and the public
 * entries of the account chain, so every member computes the same from the same blocks
 * (docs/federation.md has the rules and the statements). No clock, no I/O; integers only. struct
 * members is plain memory: it may be copied. Reading a statement allocates; an error other than OK
 * means that nothing was changed and the same call may be made again. Thread rule: one owner.
 * Roles and credit are after MBFT, epochs after the rules of docs/ledger.md. */
#ifndef CAIRN_LEDGER_MEMBERS_H
#define CAIRN_LEDGER_MEMBERS_H

#include "server/base/buf.h"
#include "server/base/id.h"
#include "server/crypto/hash.h"
#include "server/crypto/sign.h"
#include "server/ledger/core/core.h"
#include "server/ledger/wire/wire.h"
#include "server/statement/statement.h"

#define MEMBERS_MAX CORE_MEMBERS_MAX    /* of any role, those gone included */
#define MEMBERS_VALIDATORS_MIN 4        /* fewer tolerate no fault; a federation of one is exempt */
#define MEMBERS_PENDING_MAX MEMBERS_MAX /* one open proposal for each member */
#define MEMBERS_STATE_MAX (128u << 10)  /* bytes of members_print */
#define MEMBER_NAME_MAX 63
#define MEMBER_ENDPOINT_MAX 127
#define MEMBER_CARD_MAX 2048
#define CREDIT_MAX 1000
#define EARNED_MAX (2 * CREDIT_MAX) /* within one epoch, either way */

enum member_role { MEMBER_OBSERVER = 1, MEMBER_CANDIDATE, MEMBER_VALIDATOR, MEMBER_GONE };

struct member {
    uint16_t number; /* 1..65535, never reused */
    uint8_t role;    /* enum member_role */
    bool convicted;  /* evidence on the chain: gone, or waiting for a fifth validator to be so */
    char name[MEMBER_NAME_MAX + 1]; /* institution, a-z 0-9 - (as in role_grant.institution) */
    char endpoint[MEMBER_ENDPOINT_MAX + 1]; /* http(s)://host:port, no path */
    uint8_t member_key[SIGN_PUBLIC_BYTES];  /* signs its statements and HTTP messages */
    uint8_t vote_key[SIGN_PUBLIC_BYTES];
    uint8_t cosigner_key[SIGN_PUBLIC_BYTES];
    uint8_t operator_key[SIGN_PUBLIC_BYTES]; /* the person who approves for it */
    int32_t credit;                          /* -CREDIT_MAX..CREDIT_MAX */
};

/* A change that waits for approvals: a new observer, one step up, one step down, out, or new keys
 * (or a new endpoint) of the proposing member. */
enum change_kind { CHANGE_JOIN = 1, CHANGE_PROMOTE, CHANGE_DEMOTE, CHANGE_LEAVE, CHANGE_REKEY };
struct change {
    uint8_t kind;         /* enum change_kind */
    struct id id;         /* of the proposing statement */
    uint16_t proposer;    /* member number */
    struct member member; /* JOIN: the new one; REKEY: the member as it will be; else its number */
    struct core_members approvals; /* indices of validators of the current epoch */
};

/* The validators of the epoch before: evidence about its votes may come late. */
struct members_prior {
    uint16_t n; /* 0 in epoch 1 */
    uint16_t member[CORE_MEMBERS_MAX];
    uint8_t vote_key[CORE_MEMBERS_MAX][SIGN_PUBLIC_BYTES];
};

struct members {
    uint8_t genesis[HASH_BYTES]; /* SHA-256 of the canonical genesis file */
    uint32_t epoch;              /* 1 at genesis; +1 at each boundary */
    size_t n;
    struct member list[MEMBERS_MAX]; /* ascending number */
    size_t n_pending;
    struct change pending[MEMBERS_PENDING_MAX]; /* in the order they came */
    uint8_t seed[HASH_BYTES]; /* of the epoch's schedule: from boundary block and openings */
    /* commit-reveal of the next seed, per validator index of this epoch; fresh: opened in the
     * newest block, which counts for nothing should that block be the boundary */
    struct core_members committed, opened, fresh;
    uint8_t commitment[CORE_MEMBERS_MAX][HASH_BYTES], opening[CORE_MEMBERS_MAX][HASH_BYTES];
    /* withheld an opening in the epoch before: no more than one turn, by validator index */
    struct core_members limited;
    /* credit gained and lost in this epoch so far, by validator index; -EARNED_MAX..EARNED_MAX */
    int32_t earned[CORE_MEMBERS_MAX];
    struct members_prior prior;
    uint16_t schedule_len;
    uint8_t schedule[CORE_SCHEDULE_MAX]; /* of the current epoch */
};

/* ---- genesis (genesis.c, card.c) -------------------------------------------------------------
 * Canonical JSON: {"federation", "log_keys": {"account", "tx"} (base64), "members": [{number, name,
 * endpoint, member_key, vote_key, cosigner_key, operator_key, role}], "t0_ms", "version": 1}. */
#define GENESIS_MAX (128u << 10)
#define GENESIS_FEDERATION_MAX 100 /* a-z 0-9 . - /: part of key names in notes */
#define GENESIS_T0_MIN 50
#define GENESIS_T0_MAX 60000
struct genesis {
    char federation[GENESIS_FEDERATION_MAX + 1];
    uint8_t log_key[2][SIGN_PUBLIC_BYTES]; /* account, tx */
    uint32_t t0_ms;                        /* first timeout, GENESIS_T0_MIN..GENESIS_T0_MAX */
    size_t n;
    struct member members[MEMBERS_MAX]; /* ascending number */
};
/* Strict and canonical to the bit; keys and numbers distinct; 1 or >= 4 validators. Fills *p (may
 * be NULL). ERR_JSON_*, ERR_FIELD_*, ERR_LIMIT, ERR_NO_MEMORY. */
enum err genesis_parse(const char *text, size_t len, struct genesis *ret,
                       struct problem *p) MUST_USE;
/* Writes the file; checks nothing, genesis_check does. */
enum err genesis_print(const struct genesis *g, struct buf *ret) MUST_USE;
/* What genesis_parse demands of the contents; *p says what is wrong. */
enum err genesis_check(const struct genesis *g, struct problem *p) MUST_USE;
bool genesis_federation_valid(const char *name);

/* The public half of a member's founding keys, which it hands to the others: canonical JSON
 * {cosigner_key, endpoint, member_key, name, number, operator_key, vote_key}. Role and credit are
 * none of its business: 0. */
enum err member_card_parse(const char *text, size_t len, struct member *ret,
                           struct problem *p) MUST_USE;
enum err member_card_print(const struct member *m, struct buf *ret) MUST_USE;
bool member_name_valid(const char *name);
/* http(s)://host:port; the host is a name in lower case, an IPv4 address or [IPv6]. False if it is
 * none. ret_host is without brackets. */
bool member_endpoint_split(const char *endpoint, bool *ret_tls,
                           char ret_host[MEMBER_ENDPOINT_MAX + 1], uint16_t *ret_port);
const char *member_role_name(uint8_t role); /* "observer", "candidate", "validator", "gone" */

/* hash = SHA-256 of the canonical bytes. Epoch 1, its seed and schedule derive from the hash. */
void members_init(struct members *m, const struct genesis *g, const uint8_t hash[HASH_BYTES]);

/* ---- the fold (members.c, apply.c) ----------------------------------------------------------- */
const struct member *members_find(const struct members *m, uint16_t number);
/* Validators of the current epoch, ascending number; returns n. */
uint16_t members_validators(const struct members *m, uint16_t ret[CORE_MEMBERS_MAX]);
int members_validator_index(const struct members *m, uint16_t number); /* -1: none */
/* Against whom the votes of an epoch are verified: the current one or the one before; false for any
 * other. */
bool members_scope(const struct members *m, enum chain chain, uint32_t epoch,
                   struct wire_scope *ret) MUST_USE;

/* For each finalized block of the account chain, in order: members_block once, then members_apply
 * for each of its public entries, in order, then, if one of them said *ret_boundary,
 * members_next_epoch with the block's id. */

/* Credit of one finalized block: its leader +1, the leader of each skipped view -4 (credit.c).
 * What was opened in the block before counts from now on (seed.c). */
void members_block(struct members *m, uint64_t view, uint64_t parent_view);
/* Applies one public entry of the account chain: its member number and statement. Entries of other
 * kinds change nothing and *ret_refused is NULL; a statement of one of our kinds that is invalid
 * here and now changes nothing and *ret_refused is a stable code (docs/federation.md lists them),
 * the same on every member. *ret_boundary is set when the statement ended the epoch: this block is
 * its last. ERR_NO_MEMORY: nothing was decided. */
enum err members_apply(struct members *m, uint16_t member, const char *statement, size_t len,
                       const char **ret_refused, bool *ret_boundary) MUST_USE;
/* Whether a change took effect or a removal is due, so that members_next_epoch has to come. */
bool members_epoch_ended(const struct members *m);
/* Ends the epoch with this boundary block: credit (decay 1/8 towards 0, then what was earned), the
 * approved change, removal of the convicted, a new seed from block id and openings, a new schedule;
 * epoch + 1. Proposals without a quorum, commitments and openings lapse. */
void members_next_epoch(struct members *m, const struct core_id *boundary);
/* SHA-256 over the canonical form of what the epoch's votes depend on: genesis, epoch, validators
 * with keys, schedule. Stands in every block. */
void members_config_hash(const struct members *m, uint8_t ret[HASH_BYTES]);
/* leader(v) is schedule[v mod len]: validator indices, each at least once per 4n views, more often
 * with more credit, shuffled by the seed (Fisher-Yates on SHA-256(seed || counter)). schedule.c */
void members_schedule(struct members *m);
/* What a member commits to when it will open `opening`: SHA-256 over a label, genesis, epoch,
 * number and opening, so that nobody can copy a commitment. seed.c */
void members_commitment(const struct members *m, uint16_t number, const uint8_t opening[HASH_BYTES],
                        uint8_t ret[HASH_BYTES]);
/* A statement_draft of one of our kinds: bound to this federation ("genesis") and epoch
 * ("version"); the caller adds the rest and signs. NULL without memory. */
json_t *members_draft(const struct members *m, const char *kind, const struct id *id, usec_t time);

/* Canonical bytes for storage with a block (plain struct bytes are not portable). */
enum err members_print(const struct members *m, struct buf *ret) MUST_USE;
/* ERR_SYNTAX unless members_print would have written it, from a state that can be. */
enum err members_parse(const uint8_t *bytes, size_t len, struct members *ret) MUST_USE;

#endif
