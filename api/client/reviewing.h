/* A reviewer's work on one seat: read the grant, open the slice, recount, score, seal, reveal. */
#ifndef CAIRN_CLIENT_REVIEWING_H
#define CAIRN_CLIENT_REVIEWING_H

#include "api/client/sealing.h"
#include "server/review/verdict.h"

struct seat {
    struct id submission, bounty;
    int64_t seat, round;
    char phase[16]; /* "commit", "reveal", "closed" */
    bool committed, revealed;
    int64_t claimed_visits, claimed_months;
    struct opening opening; /* key: borrowed from the client */
};

/* Reads the seat; everything the server says that can be checked is checked when it is opened. */
enum err seat_get(struct client *c, const struct id *submission, struct seat *ret,
                  struct problem *p) MUST_USE;
/* Fetches, opens and compares the slice. */
enum err seat_open(struct client *c, const struct seat *s, struct timeline *ret,
                   struct problem *p) MUST_USE;

/* A verdict with its nonce, as kept between commit and reveal. verdict is owned. */
struct sealed_verdict {
    uint8_t nonce[VERDICT_NONCE_BYTES];
    json_t *verdict;
};
void sealed_verdict_release(struct sealed_verdict *v);
/* Each says where the round stands after it. */
enum err verdict_commit(struct client *c, const struct seat *s, const struct sealed_verdict *v,
                        char ret_phase[16], struct problem *p) MUST_USE;
enum err verdict_reveal(struct client *c, const struct seat *s, const struct sealed_verdict *v,
                        char ret_phase[16], struct problem *p) MUST_USE;

#endif
