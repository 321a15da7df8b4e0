/* Submissions: a slice offered to a bounty under the patient's key of that bounty (docs/market.md).
 * The server holds ciphertext and checks what it can: signatures, terms, money, seats, state. */
#ifndef CAIRN_MARKET_SUBMISSION_H
#define CAIRN_MARKET_SUBMISSION_H

#include "server/act.h"
#include "server/store/bounty.h"
#include "server/store/seat.h"
#include "server/store/submission.h"

#define QUOTE_HOURS 24

struct submission_draft {
    const struct statement *s; /* submission.open, signed by the bounty key */
    struct id bounty, record;
    uint8_t terms_hash[HASH_BYTES];
    struct vault_manifest manifest;
    int64_t visits, months;
};
/* Draws the reviewers and reserves what the submission can cost. */
enum err submission_open(const struct act *act, const struct submission_draft *d,
                         struct answer *ret) MUST_USE;

struct sealed_grant {
    const json_t *grant; /* from the statement */
    uint8_t wrap[WRAP_BYTES];
    int64_t seat;
};
/* submission.submit: exactly one grant and wrap per seat; the round begins. */
enum err submission_submit(const struct act *act, const struct statement *s,
                           const struct id *submission, const struct sealed_grant *grants, size_t n,
                           struct answer *ret) MUST_USE;
enum err submission_withdraw(const struct act *act, const struct statement *s,
                             const struct id *submission, struct answer *ret) MUST_USE;
/* The scheduler's: a quote that lapsed, or a round that is due. */
enum err submission_due(struct app *app, const struct id *submission, int64_t version) MUST_USE;

#endif
