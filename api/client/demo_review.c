/* The reviewers' side of one round: every drawn reviewer opens the slice with their own key,
 * recounts, scores and commits; when the round asks for it, all who committed reveal. */
#include "api/client/demo.h"

#include "api/client/rubric.h"

struct place {
    struct demo_reviewer *reviewer;
    struct client client; /* a copy with this thread's connection */
    struct seat seat;
    struct sealed_verdict sealed;
    bool committed;
};

/* The server names a seat by the reviewer's receiving key, as the patient's client needs it. */
static struct demo_reviewer *reviewer_of(struct demo *d, const json_t *seat)
{
    uint8_t grantee[BOX_PUBLIC_BYTES];
    const struct field fields[] = { F_BYTES("grantee", grantee, BOX_PUBLIC_BYTES) };
    if (reply_fields(seat, fields, COUNT(fields), NULL) != OK)
        return NULL;
    for (size_t i = 0; i < DEMO_REVIEWERS; i++)
        if (bytes_equal(grantee, d->reviewers[i].client.receive.public, BOX_PUBLIC_BYTES))
            return &d->reviewers[i];
    return NULL;
}

static enum err judge(struct demo *d, struct place *place, struct problem *p)
{
    struct timeline t;
    struct rubric_facts facts;
    enum err e = seat_open(&place->client, &place->seat, &t, p);
    if (e != OK)
        return e;
    e = rubric_look(&t, &d->plan, d->today, &facts);
    timeline_release(&t);
    if (e != OK)
        return problem_set(p, e, "", "%s", err_text(e));
    random_bytes(place->sealed.nonce, VERDICT_NONCE_BYTES);
    place->sealed.verdict = rubric_verdict(&facts, &d->offer.terms, place->seat.claimed_visits,
                                           place->seat.claimed_months, place->reviewer->strictness);
    if (place->sealed.verdict == NULL)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    return OK;
}

static enum err commit(struct demo *d, struct place *place, const struct id *submission,
                       char phase[16], struct problem *p)
{
    enum err e = seat_get(&place->client, submission, &place->seat, p);
    if (e == OK)
        e = judge(d, place, p);
    if (e == OK)
        e = verdict_commit(&place->client, &place->seat, &place->sealed, phase, p);
    place->committed = e == OK;
    return e;
}

enum err demo_review_round(struct demo *d, const struct id *submission, const json_t *seats,
                           const struct links *links, struct problem *p)
{
    struct place places[TERMS_SEATS_MAX] = { 0 };
    size_t n = json_array_size(seats);
    char phase[16] = "commit";
    enum err e = n <= TERMS_SEATS_MAX ? OK : ERR_LIMIT;
    for (size_t i = 0; i < n && e == OK && strcmp(phase, "commit") == 0; i++) {
        places[i].reviewer = reviewer_of(d, json_array_get(seats, i));
        if (places[i].reviewer == NULL) {
            e = problem_set(p, ERR_STATE, "",
                            "A seat was drawn for somebody who is not in this run; "
                            "use a server without other reviewers.");
            break;
        }
        places[i].client = demo_with(d, &places[i].reviewer->client, links);
        e = commit(d, &places[i], submission, phase, p);
    }
    for (size_t i = 0; i < n && e == OK; i++) {
        if (!places[i].committed)
            continue;
        e = verdict_reveal(&places[i].client, &places[i].seat, &places[i].sealed, phase, p);
        if (e == OK)
            atomic_fetch_add(&places[i].reviewer->verdicts, 1);
    }
    for (size_t i = 0; i < n && i < TERMS_SEATS_MAX; i++) {
        sealed_verdict_release(&places[i].sealed);
        bytes_wipe(&places[i].client, sizeof(places[i].client));
    }
    return e;
}
