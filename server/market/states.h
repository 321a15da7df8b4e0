/* The states of a submission and every edge between them, as one table: who may take it, by when,
 * which money moves, who hears of it, and what happens if nobody acts (DESIGN section 7,
 * docs/market.md). */
#ifndef CAIRN_MARKET_STATES_H
#define CAIRN_MARKET_STATES_H

#include "server/base/err.h"

enum actor { ACTOR_PATIENT, ACTOR_REVIEWERS, ACTOR_MEMBER };

struct edge {
    const char *from, *to;
    enum actor actor;
    const char *by;        /* the deadline */
    const char *money;     /* which buckets move */
    const char *notice;    /* whose receipts it makes */
    const char *otherwise; /* when nobody acts by the deadline */
};

/* All edges; n via ret_n. */
const struct edge *state_edges(size_t *ret_n);
/* ERR_STATE unless there is an edge from -> to that this actor may take. */
enum err state_move(const char *from, const char *to, enum actor actor) MUST_USE;

#endif
