/* Everybody's keys, roles and sessions, and the sponsor's money and bounty. */
#include "api/client/demo.h"

#include "api/client/away.h"

#include <stdio.h>

static const char *const houses[DEMO_HOUSES] = { "institute-alder", "institute-birch",
                                                 "institute-cedar" };

/* At home with a member: as its operator's client learnt of it. */
static void settle(struct client *c, const struct demo_member *home)
{
    (void)snprintf(c->federation, sizeof(c->federation), "%s", home->operator.federation);
    c->member = home->operator.member;
}

static void new_person(const struct demo_member *home, struct client *c)
{
    uint8_t root[ROOT_BYTES];
    random_bytes(root, sizeof(root));
    client_init(c, NULL, root);
    bytes_wipe(root, sizeof(root));
    settle(c, home);
}

enum err demo_enroll(struct demo *d, struct client *c, const char *role, const char *institution,
                     const struct links *links, bool *ret_known, struct problem *p)
{
    struct client operator= demo_with(d, &demo_home(d, c)->operator, links);
    c->http = operator.http;
    enum err e = call_register(c, NULL, p);
    bool known = e == ERR_ACCOUNT_EXISTS && ret_known != NULL;
    if (ret_known != NULL)
        *ret_known = known;
    if (known)
        e = OK;
    else if (e == OK)
        e = call_attest(&operator, & c->account, role, institution, NULL, p);
    if (e == OK)
        e = client_sign_in(c, p);
    bytes_wipe(&operator, sizeof(operator));
    return e;
}

/* Each institution is at one member, and where there are several none is at the sponsor's. */
static struct demo_member *house_of(struct demo *d, size_t i)
{
    size_t house = i % DEMO_HOUSES;
    return d->n_members == 1 ? &d->members[0] : &d->members[1 + house % (d->n_members - 1)];
}

/* Reviewers come from the operator's key, so that a second run on the same servers has the same
 * ones: the draw knows no difference between those of this run and of the last. */
static void reviewer_person(struct demo *d, size_t i, struct client *c)
{
    char label[48];
    uint8_t root[ROOT_BYTES];
    int len = snprintf(label, sizeof(label), "cairn-demo/reviewer/%zu", i);
    hkdf_sha256(d->members[0].operator.root, ROOT_BYTES, NULL, 0, label, (size_t)len, root,
                sizeof(root));
    client_init(c, NULL, root);
    bytes_wipe(root, sizeof(root));
    settle(c, house_of(d, i));
    client_go(c, d->members[0].operator.member);
}

static enum err enroll_reviewer(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    struct demo_reviewer *r = &d->reviewers[i];
    r->institution = houses[i % DEMO_HOUSES];
    r->strictness = (int64_t)(i / DEMO_HOUSES) * 100; /* people differ a little */
    reviewer_person(d, i, &r->client);
    enum err e = demo_enroll(d, &r->client, "reviewer", r->institution, links, &r->known, p);
    if (e == OK)
        e = demo_wallet(d, &r->client, &r->before_minor, p);
    progress_step(&d->progress);
    return e;
}

enum err demo_make_people(struct demo *d, struct problem *p)
{
    enum err e = demo_open_operators(d, p);
    if (e != OK)
        return e;
    progress_begin(&d->progress, "reviewers, sponsor", DEMO_REVIEWERS + 1);
    e = crew_run(d->crew, enroll_reviewer, d, DEMO_REVIEWERS, p);
    if (e == OK) {
        new_person(&d->members[0], &d->sponsor);
        e = demo_enroll(d, &d->sponsor, "sponsor", "foundation-oak", crew_links(d->crew), NULL, p);
        progress_step(&d->progress);
    }
    progress_end(&d->progress);
    if (e == OK)
        e = demo_await_reviewers(d, p);
    if (e == OK)
        e = demo_skip_old_receipts(d, p);
    for (size_t i = 0; i < d->n_patients; i++)
        new_person(&d->members[i % d->n_members], &d->patients[i].client);
    return e;
}

/* A cohort larger than the terms' budget was made for gets a budget that holds its worst case: each
 * open submission reserves the cap and the reviewers' fees. */
static enum err fit_budget(struct demo *d, struct problem *p)
{
    const struct terms *t = &d->offer.terms;
    int64_t each = t->reward.cap_minor + t->review.fee_minor * t->review.seats;
    int64_t people = (int64_t)d->n_patients;
    if (each > TERMS_AMOUNT_MAX / people)
        return problem_set(
            p, ERR_BOUNTY_TERMS, "/reward/cap_minor",
            "The cohort is too large for this cap: the budget would pass the limit.");
    if (t->budget_minor >= each * people)
        return OK;
    if (json_object_set_new(d->terms_json, "budget_minor", json_integer(each * people)) != 0)
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    return terms_read(d->terms_json, "", &d->offer.terms, p);
}

enum err demo_open_bounty(struct demo *d, struct problem *p)
{
    json_t *reply = NULL;
    const struct field fields[] = { F_ID("id", &d->offer.bounty) };
    enum err e = fit_budget(d, p);
    if (e != OK)
        return e;
    const struct terms *t = &d->offer.terms;
    struct client *s = &d->sponsor;
    s->http = crew_links(d->crew)->to[0];
    e = call_deposit(s, t->budget_minor, t->currency, "demo", NULL, p);
    if (e == OK)
        e = call_bounty_publish(s, d->terms_json, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    json_decref(reply);
    if (e == OK)
        e = offer_get(s, &d->offer.bounty, &d->offer, p);
    if (e == OK)
        e = call_bounty_fund(s, &d->offer.bounty, d->offer.version, d->offer.terms.budget_minor,
                             d->offer.terms.currency, NULL, p);
    if (e == OK)
        plan_of_terms(&d->offer.terms, &d->plan);
    return e == OK ? demo_await_bounty(d, p) : e;
}
