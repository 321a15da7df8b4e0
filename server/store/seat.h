/* Table seat: reviewers' places in rounds. */
#ifndef CAIRN_STORE_SEAT_H
#define CAIRN_STORE_SEAT_H

#include "server/store/account.h"
#include "server/vault/format.h"

#define SEATS_MAX 15

struct seat_row {
    int64_t seat;
    struct id reviewer;
    char institution[INSTITUTION_MAX + 1];
    uint8_t grantee[BOX_PUBLIC_BYTES];
    const char *grant; /* arena; NULL before the submission was sealed to the seat */
    uint8_t wrap[WRAP_BYTES];
    bool committed, revealed;
    uint8_t commitment[HASH_BYTES];
    const char *verdict; /* arena; canonical JSON when revealed */
    bool opened;
    usec_t opened_at;
};

/* A reviewer who may be drawn. */
struct candidate_row {
    struct id account;
    char institution[INSTITUTION_MAX + 1];
    uint8_t receive[BOX_PUBLIC_BYTES];
    int64_t load; /* seats in open rounds */
};
/* Reviewers but for declared and inferred conflicts: the patient's own account, the sponsor's, and
 * whoever belongs to an institution that attested either of them. At most max. */
enum err store_candidates(struct db *db, const struct id *patient, const struct id *sponsor,
                          size_t max, struct arena *arena, struct candidate_row **ret,
                          size_t *ret_n) MUST_USE;

/* All seats of a new submission, and one more open seat for each of its reviewers. */
enum err store_seats_insert(struct db *db, const struct id *submission, const struct seat_row *s,
                            size_t n) MUST_USE;
enum err store_seat_grant(struct db *db, const struct id *submission, int64_t seat,
                          const char *grant, const uint8_t wrap[WRAP_BYTES]) MUST_USE;
/* In order of seats, at most SEATS_MAX. */
enum err store_seats(struct db *db, const struct id *submission, struct arena *arena,
                     struct seat_row ret[SEATS_MAX], size_t *ret_n) MUST_USE;
/* ERR_VERDICT_TWICE if it was there already. */
enum err store_seat_commit(struct db *db, const struct id *submission, int64_t seat,
                           const uint8_t commitment[HASH_BYTES], const struct id *entry) MUST_USE;
struct seat_verdict {
    const char *verdict; /* canonical */
    int64_t value_bp, visits, months;
    const char *recommend;
};
enum err store_seat_reveal(struct db *db, const struct id *submission, int64_t seat,
                           const struct seat_verdict *v, const struct id *entry) MUST_USE;
enum err store_seat_fee(struct db *db, const struct id *submission, int64_t seat,
                        const struct id *entry) MUST_USE;
/* Notes the first time the reviewer fetched the slice. */
enum err store_seat_opened(struct db *db, const struct id *submission, const struct id *reviewer,
                           usec_t at) MUST_USE;
/* Rows: submission, bounty, seat, phase, committed, revealed, due_at_us, n; newest first, sealed
 * submissions only; phase NULL: all. */
enum err store_reviews(struct db *db, const struct id *reviewer, const char *phase, int64_t before,
                       int limit, struct rows **ret) MUST_USE;

extern const struct store_stmt *const seat_stmts[];
extern const size_t seat_stmts_n;

#endif
