/* Tables submission and submission_event. */
#ifndef CAIRN_STORE_SUBMISSION_H
#define CAIRN_STORE_SUBMISSION_H

#include "server/store/store.h"
#include "server/vault/format.h"

struct submission_row {
    struct id id, bounty, account, record, sponsor;
    uint8_t nym[SIGN_PUBLIC_BYTES];
    struct vault_manifest manifest;
    int64_t claim_visits, claim_months;
    char state[12];
    int64_t round;
    char phase[8];
    usec_t due_at;
    int64_t version, reserved;
    bool decided;
    char outcome[12];
    int64_t score_bp, n_eff_bp, quality_bp, visits, months, pay; /* when decided; score -1: none */
    char reasons[256];
    bool stored; /* the ciphertext is here */
};

/* Writes the row in state QUOTED, round 0, phase none, version 1, and its first event.
 * ERR_SUBMISSION_OPEN if this key has an open one to the bounty. */
enum err store_submission_insert(struct db *db, const struct submission_row *s, usec_t at) MUST_USE;
/* lock: keeps it from changing until the transaction ends. ERR_NOT_FOUND. */
enum err store_submission_get(struct db *db, const struct id *id, bool lock,
                              struct submission_row *ret) MUST_USE;

struct submission_change {
    const char *state, *phase;
    int64_t round, reserved;
    usec_t due_at;
    struct id entry; /* what made the change */
};
/* Moves s to its next state and version (both are set in s) and writes the event. */
enum err store_submission_change(struct db *db, struct submission_row *s,
                                 const struct submission_change *c, usec_t at) MUST_USE;
/* A move inside ROUND that is no change of state: phase and due time. */
enum err store_submission_phase(struct db *db, const struct id *id, const char *phase,
                                usec_t due_at) MUST_USE;
/* Writes what was decided; before the change of state, in the same transaction. */
enum err store_submission_decide(struct db *db, const struct submission_row *s) MUST_USE;
/* Sum of what the key was paid under the bounty so far. One account acts toward a bounty under one
 * key: ERR_STATEMENT_SIGNER if the key is another account's there, or the account used another key.
 */
enum err store_submission_paid(struct db *db, const struct id *bounty,
                               const uint8_t nym[SIGN_PUBLIC_BYTES], const struct id *account,
                               int64_t *ret) MUST_USE;

/* Rows: id, bounty, state, at_us, version, pay, score_bp, n; newest first. */
enum err store_submissions_of(struct db *db, const struct id *account, int64_t before, int limit,
                              struct rows **ret) MUST_USE;
enum err store_submissions_to(struct db *db, const struct id *bounty, int64_t before, int limit,
                              struct rows **ret) MUST_USE;
/* Rows: state, at_us, entry; oldest first. */
enum err store_submission_history(struct db *db, const struct id *id, struct rows **ret) MUST_USE;
/* Rows: id, version. Open ones whose time is over. */
enum err store_submissions_due(struct db *db, usec_t now, int limit, struct rows **ret) MUST_USE;

extern const struct store_stmt *const submission_stmts[];
extern const size_t submission_stmts_n;

#endif
