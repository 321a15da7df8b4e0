/* A reviewer's verdict and its sealed form. Pure, thread-safe.
 *   verdict = {"rubric": {<each code of terms.review.rubric>: 0..10000}, "visits", "months",
 *              "recommend": accept|return|reject, "reasons": [0..8 distinct codes]}
 *   commitment = SHA-256("cairn/v1/verdict" || nonce[32] || canonical verdict) */
#ifndef CAIRN_REVIEW_VERDICT_H
#define CAIRN_REVIEW_VERDICT_H

#include "server/base/json.h"
#include "server/statement/terms.h"

#define VERDICT_NONCE_BYTES 32
#define VERDICT_REASONS_MAX 8

enum recommend { RECOMMEND_ACCEPT, RECOMMEND_RETURN, RECOMMEND_REJECT };

/* NULL-ended; a reason's bit in a mask is 1u << its place in reason_codes. */
extern const char *const recommend_codes[]; /* in the order of enum recommend */
extern const char *const reason_codes[];
size_t reason_count(void);
json_t *reasons_json(uint32_t mask); /* new array of codes, in the order of reason_codes */

struct verdict {
    int64_t rubric_sum; /* of the terms' rubric codes, each 0..10000 */
    int64_t visits, months;
    enum recommend recommend;
    uint32_t reasons; /* mask */
};

/* Exactly the rubric codes of the terms must be there. prefix: pointer of value. */
enum err verdict_read(const json_t *value, const char *prefix, const struct terms *terms,
                      struct verdict *ret, struct problem *p) MUST_USE;
/* ERR_STATEMENT_FORM if the value has no canonical form. */
enum err verdict_commitment(const json_t *verdict, const uint8_t nonce[VERDICT_NONCE_BYTES],
                            uint8_t ret[HASH_BYTES]) MUST_USE;

#endif
