/* Review rounds: the draw, sealed verdicts (commit, then reveal), the close (docs/review.md). */
#ifndef CAIRN_REVIEW_ROUND_H
#define CAIRN_REVIEW_ROUND_H

#include "server/act.h"
#include "server/review/verdict.h"
#include "server/store/bounty.h"
#include "server/store/seat.h"
#include "server/store/submission.h"

/* Draws the seats of a new submission from the newest published root and writes round.draw. */
enum err round_draw(struct db *db, const struct act *act, const struct submission_row *s,
                    const struct bounty_row *b, const struct terms *terms, struct arena *arena,
                    struct seat_row ret[SEATS_MAX], size_t *ret_n, struct id *ret_entry) MUST_USE;

/* verdict.commit and verdict.reveal of a reviewer with a seat. */
enum err round_commit(const struct act *act, const struct statement *s, const struct id *submission,
                      int64_t round, const uint8_t commitment[HASH_BYTES],
                      struct answer *ret) MUST_USE;
enum err round_reveal(const struct act *act, const struct statement *s, const struct id *submission,
                      int64_t round, const uint8_t nonce[VERDICT_NONCE_BYTES],
                      const json_t *verdict, struct answer *ret) MUST_USE;

/* Closes the round of a locked submission with the verdicts there are: decision, fees, pay. */
enum err round_close(struct db *db, struct app *app, usec_t now, struct submission_row *s,
                     const struct bounty_row *b, const struct terms *terms,
                     const struct seat_row *seats, size_t n) MUST_USE;
/* Pays the fee of every seat that revealed (or committed, where that suffices: nobody is left
 * unpaid because others did not come or the patient left) and returns what was spent. */
enum err round_pay_fees(struct db *db, struct app *app, usec_t now, const struct submission_row *s,
                        const struct bounty_row *b, const struct terms *terms,
                        const struct seat_row *seats, size_t n, bool commitment_suffices,
                        int64_t *ret_spent) MUST_USE;

#endif
