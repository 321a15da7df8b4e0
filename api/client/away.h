/* Working on what lives at another member (docs/members.md). The client talks to its own member
 * alone, which asks the other one on its behalf; here is decided which calls go there, and as whom.
 * The home of a bounty is in the bounty. Same thread rule as struct client. */
#ifndef CAIRN_CLIENT_AWAY_H
#define CAIRN_CLIENT_AWAY_H

#include "api/client/session.h"

#define CALL_PATH_MAX 1024

/* From now on submissions, reviews and receipts are those at the member home; 0 or the client's own
 * member: here. client_federation must have been called. */
void client_go(struct client *c, unsigned home);
/* As client_go, under the patient's key for the bounty, which is all that another member sees. */
void client_go_as_patient(struct client *c, unsigned home, const struct id *bounty);
/* Tells the client's own member of that key; when it knows already, or the bounty is here, nothing
 * happens. The client must be signed in. */
enum err call_pseudonym(struct client *c, const struct id *bounty, struct problem *p) MUST_USE;

/* Where a call goes and as whom. */
struct placed {
    char path[CALL_PATH_MAX];
    char acting_as[ID_TEXT_SIZE]; /* "" for the caller as such */
};
/* path: as at the client's own member. ERR_LIMIT if it becomes too long. */
enum err client_place(const struct client *c, const char *path, struct placed *ret,
                      struct problem *p) MUST_USE;

#endif
