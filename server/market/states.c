#include "server/market/states.h"

#include <string.h>

static const struct edge edges[] = {
    { "QUOTED", "ROUND", ACTOR_PATIENT, "quote hold of 24 hours", "none", "patient",
      "EXPIRED: the reserved money returns to available" },
    { "QUOTED", "WITHDRAWN", ACTOR_PATIENT, "quote hold of 24 hours", "reserved to available",
      "patient", "EXPIRED" },
    { "QUOTED", "EXPIRED", ACTOR_MEMBER, "at the end of the quote hold", "reserved to available",
      "patient", "the scheduler acts" },
    { "ROUND", "ACCEPTED", ACTOR_REVIEWERS, "commit and reveal hours of the terms",
      "reserved to accrued (pay), to reviewers (fees), rest to available", "patient, sponsor",
      "the scheduler closes the round with the verdicts there are" },
    { "ROUND", "RETURNED", ACTOR_REVIEWERS, "commit and reveal hours of the terms",
      "reserved to reviewers (fees), rest to available", "patient, sponsor",
      "the scheduler closes the round" },
    { "ROUND", "REJECTED", ACTOR_REVIEWERS, "commit and reveal hours of the terms",
      "reserved to reviewers (fees), rest to available", "patient, sponsor",
      "the scheduler closes the round" },
    { "ROUND", "EXPIRED", ACTOR_REVIEWERS, "commit and reveal hours of the terms",
      "reserved to reviewers who did their part (fees), rest to available", "patient, sponsor",
      "the scheduler closes the round: below quorum there is no score" },
    { "ROUND", "WITHDRAWN", ACTOR_PATIENT, "until the round closes",
      "reserved to reviewers who committed (fees), rest to available", "patient",
      "the round goes on" },
    { "ACCEPTED", "PAID", ACTOR_MEMBER, "with the decision", "accrued to the patient's wallet",
      "patient", "not possible: it is the same transaction" },
};

const struct edge *state_edges(size_t *ret_n)
{
    *ret_n = COUNT(edges);
    return edges;
}

enum err state_move(const char *from, const char *to, enum actor actor)
{
    for (size_t i = 0; i < COUNT(edges); i++)
        if (strcmp(edges[i].from, from) == 0 && strcmp(edges[i].to, to) == 0 &&
            edges[i].actor == actor)
            return OK;
    return ERR_STATE;
}
