/* The seeded draw of reviewers (docs/review.md). Anyone who knows the seed and the candidates gets
 * the same seats: the order in which candidates are given does not matter. Seat after seat goes to
 * the candidate with the least (seats already held by its institution, load, SHA-256(seed ||
 * account id)); the next three in the same order are the alternates. Pure, thread-safe. */
#ifndef CAIRN_REVIEW_DRAW_H
#define CAIRN_REVIEW_DRAW_H

#include "server/base/id.h"
#include "server/crypto/hash.h"

#define DRAW_CANDIDATES_MAX 10000
#define DRAW_SEATS_MAX 15
#define DRAW_ALTERNATES 3

struct candidate {
    struct id account;
    const char *institution; /* borrowed */
    int64_t load;            /* open reviews of this reviewer */
};

struct draw {
    size_t n_seats, n_alternates;
    size_t seats[DRAW_SEATS_MAX];       /* index into candidates; seat number = place + 1 */
    size_t alternates[DRAW_ALTERNATES]; /* as many as there are, at most three */
};

/* Conflicts are removed by the caller; an account that is given twice can still hold one seat only.
 * ERR_REVIEWERS_TOO_FEW if fewer than seats accounts remain; ERR_LIMIT beyond DRAW_CANDIDATES_MAX.
 */
enum err draw_seats(const uint8_t seed[HASH_BYTES], const struct candidate *c, size_t n,
                    size_t seats, struct draw *ret) MUST_USE;

#endif
