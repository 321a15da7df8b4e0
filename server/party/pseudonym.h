/* Pseudonyms (docs/members.md): toward a bounty of another member a patient acts under the key of
 * that bounty alone. Its home knows the person, and pays it; nobody else does. */
#ifndef CAIRN_PARTY_PSEUDONYM_H
#define CAIRN_PARTY_PSEUDONYM_H

#include "server/act.h"

/* pseudonym.register, signed by the account. ERR_PSEUDONYM_EXISTS; ERR_NOT_FOUND for an unknown
 * bounty; ERR_STATE for one of this member, where nothing has to be hidden; ERR_ROLE for a
 * reviewer, whom another member could draw for the person's own submission without knowing. */
enum err pseudonym_register(const struct act *act, const struct statement *s,
                            const struct id *bounty, const uint8_t key[SIGN_PUBLIC_BYTES],
                            const uint8_t receive[32], struct answer *ret) MUST_USE;

#endif
