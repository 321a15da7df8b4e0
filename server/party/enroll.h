/* Reviewers are known to all members (docs/members.md): their home writes the public entry
 * reviewer.enroll, and whoever delivers it adds the account and the role. So the candidates of a
 * draw are all reviewers of the federation, and the log says who they were. */
#ifndef CAIRN_PARTY_ENROLL_H
#define CAIRN_PARTY_ENROLL_H

#include "server/act.h"
#include "server/ledger/io/apply.h"

/* Writes the entry for a reviewer of ours, inside the transaction that attests the role; nothing
 * while there is no other member. */
enum err enroll_write(struct db *db, const struct app *app, usec_t now, const struct id *account,
                      const char *institution) MUST_USE;
/* The scheduler's: reviewers that were attested while we were alone. */
enum err enroll_missing(struct app *app, struct db *db) MUST_USE;
/* At delivery of another member's entry (server/ledger/io/apply.h). */
enum err enroll_apply(const struct apply_context *c, struct db *db, uint16_t member,
                      uint64_t sequence, const char *statement, size_t len, usec_t now) MUST_USE;

/* A statement that member signed; *ret is empty and *ret_ok false if it is anything else. For apply
 * functions. */
enum err enroll_member_statement(const struct apply_context *c, uint16_t member,
                                 const char *statement, size_t len, struct statement *ret,
                                 bool *ret_ok) MUST_USE;

#endif
