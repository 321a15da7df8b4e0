/* Tables bounty, bounty_event, deposit. */
#ifndef CAIRN_STORE_BOUNTY_H
#define CAIRN_STORE_BOUNTY_H

#include "server/crypto/hash.h"
#include "server/store/store.h"

struct bounty_new {
    struct id id, sponsor;
    const char *disease, *currency;
    const char *terms; /* canonical JSON */
    const uint8_t *terms_hash;
    usec_t opens_at, closes_at, at;
};
enum err store_bounty_insert(struct db *db, const struct bounty_new *b) MUST_USE;

enum bounty_lock { BOUNTY_READ, BOUNTY_SHARE, BOUNTY_CHANGE };

struct bounty_row {
    struct id id, sponsor;
    uint16_t home; /* the member where it lives; 0: here */
    char currency[4];
    const char *terms; /* arena */
    uint8_t terms_hash[HASH_BYTES];
    usec_t opens_at, closes_at;
    bool open;
    int64_t version;
};
/* SHARE keeps it from changing until the transaction ends, CHANGE also from being shared. */
enum err store_bounty_get(struct db *db, const struct id *id, enum bounty_lock lock,
                          struct arena *arena, struct bounty_row *ret) MUST_USE;
/* Closes it at its new version and writes the event. */
enum err store_bounty_close(struct db *db, const struct id *id, int64_t version,
                            const struct id *entry, usec_t at) MUST_USE;
enum err store_bounty_event(struct db *db, const struct id *id, int64_t version, const char *state,
                            const struct id *entry, usec_t at) MUST_USE;

/* Rows: id, disease, currency, terms, terms_hash, state, version, available_minor, n, home, and
 * whether its home says that it is funded (elsewhere only); newest first. state NULL: all; disease
 * NULL: all. */
enum err store_bounties(struct db *db, const char *state, const char *disease, int64_t before,
                        int limit, struct rows **ret) MUST_USE;
/* The same columns for one bounty. */
enum err store_bounty_public(struct db *db, const struct id *id, struct rows **ret) MUST_USE;
/* Canonical bytes of the publishing statement, wherever the bounty lives; ERR_NOT_FOUND. */
enum err store_bounty_statement(struct db *db, const struct id *id, struct arena *arena,
                                const uint8_t **ret, size_t *ret_len) MUST_USE;
/* Rows: id. Open ones whose time is over and that hold no reserved money. */
enum err store_bounties_over(struct db *db, usec_t now, int limit, struct rows **ret) MUST_USE;
/* What was paid under a bounty. */
enum err store_bounty_paid(struct db *db, const struct id *id, int64_t *ret) MUST_USE;

enum err store_deposit_insert(struct db *db, const struct id *id, const struct id *account,
                              int64_t amount, const char *currency, const char *reference,
                              usec_t at) MUST_USE;

extern const struct store_stmt *const bounty_stmts[];
extern const size_t bounty_stmts_n;

#endif
