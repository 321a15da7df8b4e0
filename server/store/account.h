/* Tables account, role_grant, session. */
#ifndef CAIRN_STORE_ACCOUNT_H
#define CAIRN_STORE_ACCOUNT_H

#include "server/crypto/hash.h"
#include "server/crypto/sign.h"
#include "server/store/store.h"

#define ROLES_MAX 4
#define INSTITUTION_MAX 32

struct role_row {
    char role[12];
    char institution[INSTITUTION_MAX + 1];
    struct id entry;
};

struct account_row {
    struct id id;
    uint16_t home; /* the member where it lives; 0: here */
    uint8_t identity[SIGN_PUBLIC_BYTES];
    uint8_t receive[32];
    size_t n_roles;
    struct role_row roles[ROLES_MAX];
};

/* ERR_ACCOUNT_EXISTS if the id or key is taken; ret_slot = place of the salt key. */
enum err store_account_insert(struct db *db, const struct id *id, const uint8_t *identity,
                              const uint8_t *receive, const struct id *entry, usec_t at,
                              int64_t *ret_slot) MUST_USE;
/* ERR_NOT_FOUND if there is none. */
enum err store_account_get(struct db *db, const struct id *id, struct account_row *ret) MUST_USE;

/* ERR_ACCOUNT_UNKNOWN for no such account or one of another member, ERR_STATE if it holds the role
 * already. */
enum err store_role_insert(struct db *db, const struct id *account, const char *role,
                           const char *institution, const struct id *entry, usec_t at) MUST_USE;

/* ERR_AUTH_CHALLENGE if the challenge was used before or the account is unknown. */
enum err store_session_insert(struct db *db, const uint8_t token_hash[HASH_BYTES],
                              const struct id *account, const uint8_t challenge[32],
                              usec_t expires_at) MUST_USE;
/* ERR_AUTH_INVALID if unknown or expired at now. */
enum err store_session_get(struct db *db, const uint8_t token_hash[HASH_BYTES], usec_t now,
                           struct account_row *ret) MUST_USE;
enum err store_session_delete(struct db *db, const uint8_t token_hash[HASH_BYTES]) MUST_USE;
/* Removes sessions that ended before now. */
enum err store_sessions_expire(struct db *db, usec_t now) MUST_USE;

extern const struct store_stmt *const account_stmts[];
extern const size_t account_stmts_n;

#endif
