/* Accounts, attested roles and sign-in (docs/accounts.md). Rules only; every function runs on the
 * caller's thread and writes through the store's one runner. */
#ifndef CAIRN_PARTY_PARTY_H
#define CAIRN_PARTY_PARTY_H

#include "server/act.h"
#include "server/store/account.h"

#define SESSION_HOURS 12
#define CHALLENGE_MINUTES 5
#define CHALLENGE_BYTES 32
#define TOKEN_BYTES 32
#define TOKEN_TEXT_SIZE (6 + 2 * TOKEN_BYTES + 1) /* "cairn_" and hex */

enum role { ROLE_PATIENT = 1, ROLE_SPONSOR = 2, ROLE_REVIEWER = 4, ROLE_OPERATOR = 8 };
/* Bits of enum role; the configured operator holds ROLE_OPERATOR without a grant. */
unsigned party_roles(const struct app *app, const struct account_row *a);

/* a-z, 0-9 and dashes. */
bool party_institution_valid(const char *text);

/* account.register: the account is named by its identity key, which signs. */
enum err party_register(const struct act *act, const struct statement *s, const uint8_t receive[32],
                        struct answer *ret) MUST_USE;
/* role.attest by an operator. */
enum err party_attest(const struct act *act, const struct statement *s, const struct id *account,
                      const char *role, const char *institution, struct answer *ret) MUST_USE;

/* A challenge is 8 bytes expiry, 8 random, 16 of a MAC over these and the account: it needs no row,
 * works for unknown accounts alike, and the session table takes each one once. */
void party_challenge(const struct app *app, const struct id *account, usec_t now,
                     uint8_t ret[CHALLENGE_BYTES], usec_t *ret_expires);
/* Checks the signature over "cairn-session/1\n" || origin || "\n" || base64(challenge) and opens a
 * session. ERR_AUTH_CHALLENGE whatever was wrong. */
enum err party_sign_in(const struct act *act, struct db *db, const struct id *account,
                       const uint8_t challenge[CHALLENGE_BYTES],
                       const uint8_t signature[SIGN_BYTES], char ret_token[TOKEN_TEXT_SIZE],
                       usec_t *ret_expires, unsigned *ret_roles) MUST_USE;
/* ERR_AUTH_INVALID for a token that is malformed, unknown or expired. */
enum err party_session(const struct app *app, struct db *db, const char *token,
                       struct account_row *ret) MUST_USE;
enum err party_sign_out(const struct act *act, const char *token) MUST_USE;

#endif
