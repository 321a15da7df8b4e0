/* The audit of a whole log, trusting no server: every bundle and tile of both chains is downloaded
 * and recomputed, signatures and quorum are checked, sequences must be contiguous, and what was
 * seen before or is held as a receipt must still be there, at its place (docs/client.md). A finding
 * names the chain and the entry's index. One struct, one thread. */
#ifndef CAIRN_CLIENT_AUDIT_H
#define CAIRN_CLIENT_AUDIT_H

#include "api/client/progress.h"
#include "api/client/session.h"
#include "server/ledger/log/entry.h"
#include "server/ledger/log/note.h"

#define AUDIT_ENTRIES_MAX (UINT64_C(1) << 25) /* per chain: a gigabyte of leaf hashes */
#define AUDIT_CHAINS 2

/* A public statement found in the log. */
struct audit_public {
    struct id id;
    uint64_t index;
    char *canonical; /* owned */
};

struct audit_chain {
    enum chain chain;
    char origin[NOTE_NAME_MAX + 1];
    uint64_t size, members;     /* entries, and members who wrote any */
    struct merkle_hash root;    /* as the checkpoint says */
    bool root_wrong;            /* the entries hash to another one */
    struct merkle_hash *leaves; /* size of them; owned */
    struct audit_public *publics;
    size_t n_publics, cap_publics;
};

struct audit {
    struct client anyone; /* without keys; http is borrowed */
    struct policy *policy;
    bool policy_given; /* else it came from the server and is remembered in the state */
    uint8_t policy_hash[HASH_BYTES];
    struct audit_chain chains[AUDIT_CHAINS];
    struct progress progress;
    size_t receipts; /* held ones that were found in their place */
};

void audit_release(struct audit *a);

/* audit_log.c: the checkpoint, then everything below it. That the entries hash to another root is
 * only noted: tiles, state and receipts may still name the entry that is wrong, audit_roots cannot.
 */
enum err audit_read_chain(struct audit *a, struct audit_chain *c, struct problem *p) MUST_USE;
enum err audit_roots(const struct audit *a, struct problem *p) MUST_USE;
/* Names the place: "chain tx, entry 17: ...". Returns ERR_LOG_INCONSISTENT. */
enum err audit_finding(struct problem *p, const struct audit_chain *c, uint64_t index,
                       const char *what);

/* audit_state.c: what earlier audits saw. A missing file is an empty memory. Compare before saving.
 */
enum err audit_compare_state(const struct audit *a, const char *path, struct problem *p) MUST_USE;
enum err audit_save_state(const struct audit *a, const char *path, struct problem *p) MUST_USE;

/* audit_cross.c: the server's answers and the held receipts against the log. */
enum err audit_bounties(struct audit *a, struct problem *p) MUST_USE;
enum err audit_receipts(struct audit *a, const char *folder, struct problem *p) MUST_USE;

#endif
