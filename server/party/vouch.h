/* Vouching (docs/members.md): a member tells another one, in a statement it signs, that an account
 * is one of its people and in which role. Then it may act there on behalf of that account. */
#ifndef CAIRN_PARTY_VOUCH_H
#define CAIRN_PARTY_VOUCH_H

#include "server/act.h"
#include "server/store/member_account.h"

/* Whom a person of ours acts as at another member, and what has to be vouched for. */
struct vouch_subject {
    struct id account; /* the person's own, or a pseudonym of it */
    const char *role;  /* patient or sponsor; NULL: nothing, all members know a reviewer */
    char institution[INSTITUTION_MAX + 1];
    uint8_t identity[SIGN_PUBLIC_BYTES], receive[32];
};
/* acting_as: the pseudonym, or NULL for the account itself. ERR_NOT_FOUND if the pseudonym is not
 * that account's; ERR_PSEUDONYM_MISSING if it is a patient who would show who it is. */
enum err vouch_find(struct db *db, const struct id *account, const struct id *acting_as,
                    struct vouch_subject *ret) MUST_USE;

/* Appends the body of POST /peer/v1/accounts: {"statement": account.vouch}, signed by this member.
 */
enum err vouch_body(const struct app *app, const struct vouch_subject *v, usec_t now,
                    struct buf *ret) MUST_USE;

/* account.vouch of another member: the account and its role are there afterwards. What is known
 * already is fine. ERR_MEMBER_ACCOUNT if the account lives elsewhere; ERR_STATEMENT_SIGNER if it is
 * not that member's statement. */
enum err vouch_accept(const struct act *act, uint16_t from, const struct statement *s,
                      struct answer *ret) MUST_USE;

#endif
