/* People between members: accounts that live elsewhere, reviewers that all members know, whom this
 * member has vouched for, pseudonyms, and the public entries of others that took effect here
 * (docs/members.md). Tables account and role_grant (rows of other homes), public_entry, enrolment,
 * vouched, pseudonym. */
#ifndef CAIRN_STORE_MEMBER_ACCOUNT_H
#define CAIRN_STORE_MEMBER_ACCOUNT_H

#include "server/ledger/log/entry.h"
#include "server/store/account.h"

/* ---- accounts of other members --------------------------------------------------------------- */
struct account_elsewhere {
    struct id id;
    uint16_t home;
    uint8_t identity[SIGN_PUBLIC_BYTES], receive[32];
    const char *role, *institution;
    const struct id *entry; /* account.vouch; NULL for reviewer.enroll */
};
/* The home of an account (0: here). ERR_NOT_FOUND. */
enum err store_account_home(struct db *db, const struct id *id, uint16_t *ret) MUST_USE;
/* Writes the account unless its id or key is there: *ret_slot = place of its new salt key, 0 if
 * nothing was written. */
enum err store_account_elsewhere(struct db *db, const struct account_elsewhere *a, usec_t at,
                                 int64_t *ret_slot) MUST_USE;
/* Writes the role of an account of that home; *ret_new is false, and nothing is written, if it
 * holds it already or lives elsewhere. */
enum err store_role_elsewhere(struct db *db, const struct account_elsewhere *a, usec_t at,
                              bool *ret_new) MUST_USE;

/* ---- public entries of others ---------------------------------------------------------------- */
/* *ret_new is false if it was noted before. */
enum err store_public_entry(struct db *db, uint16_t member, enum chain chain, uint64_t sequence,
                            const struct id *id, const char *kind, const void *statement,
                            size_t len, usec_t at, bool *ret_new) MUST_USE;

/* ---- enrolment and vouching ------------------------------------------------------------------ */
enum err store_enrolment_insert(struct db *db, const struct id *account, const struct id *entry,
                                usec_t at) MUST_USE;
/* Rows: account, institution. Reviewers of this member that the others do not know yet. */
enum err store_unenrolled(struct db *db, int limit, struct rows **ret) MUST_USE;
enum err store_vouched(struct db *db, const struct id *account, uint16_t member, const char *role,
                       bool *ret) MUST_USE;
enum err store_vouched_insert(struct db *db, const struct id *account, uint16_t member,
                              const char *role, usec_t at) MUST_USE;

/* ---- pseudonyms ------------------------------------------------------------------------------ */
struct pseudonym_row {
    struct id id, account, bounty, entry;
    uint8_t key[SIGN_PUBLIC_BYTES], receive[32];
};
/* ERR_PSEUDONYM_EXISTS if the account has one for the bounty or the key is taken. */
enum err store_pseudonym_insert(struct db *db, const struct pseudonym_row *p, usec_t at) MUST_USE;
/* ERR_NOT_FOUND. */
enum err store_pseudonym_get(struct db *db, const struct id *id,
                             struct pseudonym_row *ret) MUST_USE;
/* Whether the account has any. */
enum err store_pseudonym_any(struct db *db, const struct id *account, bool *ret) MUST_USE;
/* The account of this member that is paid when id is: itself, or the person behind a pseudonym.
 * ERR_NOT_FOUND. */
enum err store_person(struct db *db, const struct id *id, struct id *ret) MUST_USE;

extern const struct store_stmt *const member_account_stmts[];
extern const size_t member_account_stmts_n;

#endif
