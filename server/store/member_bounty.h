/* Bounties between members (docs/members.md): rows of table bounty that live elsewhere, and what
 * this member told the others about its own (table bounty_price). */
#ifndef CAIRN_STORE_MEMBER_BOUNTY_H
#define CAIRN_STORE_MEMBER_BOUNTY_H

#include "server/store/bounty.h"

/* ---- bounties of other members --------------------------------------------------------------- */
/* Writes a bounty that lives at home unless the id is taken. */
enum err store_bounty_elsewhere(struct db *db, const struct bounty_new *b, uint16_t home,
                                bool *ret_new) MUST_USE;
/* What the home says of it now; *ret_new is false, and nothing changes, unless the version is newer
 * than the one known and the bounty lives there. shown: funded, unfunded or closed. */
enum err store_bounty_shown(struct db *db, const struct id *id, uint16_t home, int64_t version,
                            const char *shown, bool *ret_new) MUST_USE;

/* ---- our own --------------------------------------------------------------------------------- */
/* Rows: id. Own bounties of which all members were told something else than what is so now. */
enum err store_bounties_unpriced(struct db *db, int limit, struct rows **ret) MUST_USE;
struct price_row {
    bool open;
    int64_t available;
    char shown[12];
    int64_t version; /* of the newest price; 0 before the first */
};
enum err store_price_get(struct db *db, const struct id *bounty, struct price_row *ret) MUST_USE;
/* Writes the step and what the bounty shows from now on. */
enum err store_price_insert(struct db *db, const struct id *bounty, int64_t version,
                            const char *shown, int64_t scarcity_bp, int64_t cost_max,
                            const struct id *entry, usec_t at) MUST_USE;

extern const struct store_stmt *const member_bounty_stmts[];
extern const size_t member_bounty_stmts_n;

#endif
