/* What this member says about the members on the account chain (docs/federation.md): the statements
 * of its operator, which are tried against the fold before they are written, and its own duties,
 * which nobody has to think of. What came of a statement is decided by the fold alone, when its
 * block is final. */
#ifndef CAIRN_MEMBERSHIP_MEMBERSHIP_H
#define CAIRN_MEMBERSHIP_MEMBERSHIP_H

#include "server/act.h"
#include "server/ledger/io/ledger.h"

/* Takes a member.propose or member.approve that the caller has signed; the caller must be the
 * operator that the fold names for this member. ERR_CHANGE_REFUSED, with the fold's stable code as
 * detail, when it would change nothing now. Answers 201 with id, entry and epoch. */
enum err membership_say(const struct act *act, const struct statement *s,
                        struct answer *ret) MUST_USE;

/* What is due now, at most one entry of each kind: found evidence is shown, the seed of the next
 * epoch is committed to, and opened while a change waits for approvals. Once a second, from the
 * scheduler's thread; doing it twice, or in several processes, is doing it once. A member that does
 * not vote in this epoch only shows evidence. */
enum err membership_duties(struct app *app) MUST_USE;
/* What this member commits to and opens in this epoch: the same whenever it is computed, so that
 * nothing has to be kept. */
void membership_opening(const struct app *app, const struct members *m, uint8_t ret[HASH_BYTES]);

#endif
