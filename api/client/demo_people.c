/* Everybody's keys, roles and sessions, and the sponsor's money and bounty. */
#include "api/client/demo.h"

#include "api/client/home.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const houses[DEMO_HOUSES] = { "institute-alder", "institute-birch",
                                                 "institute-cedar" };

static void new_person(struct demo *d, struct client *c)
{
    uint8_t root[ROOT_BYTES];
    random_bytes(root, sizeof(root));
    client_init(c, NULL, root);
    bytes_wipe(root, sizeof(root));
    (void)snprintf(c->federation, sizeof(c->federation), "%s", d->operator.federation);
}

enum err demo_enroll(struct demo *d, struct client *c, const char *role, const char *institution,
                     struct http_client *http, bool *ret_known, struct problem *p)
{
    struct client operator= d->operator; /* a copy with this thread's connection */
    operator.http = http;
    c->http = http;
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

/* Reviewers come from the operator's key, so that a second run on the same server has the same
 * ones: the draw knows no difference between those of this run and of the last. */
static void reviewer_person(struct demo *d, size_t i, struct client *c)
{
    char label[48];
    uint8_t root[ROOT_BYTES];
    int len = snprintf(label, sizeof(label), "cairn-demo/reviewer/%zu", i);
    hkdf_sha256(d->operator.root, ROOT_BYTES, NULL, 0, label, (size_t)len, root, sizeof(root));
    client_init(c, NULL, root);
    bytes_wipe(root, sizeof(root));
    (void)snprintf(c->federation, sizeof(c->federation), "%s", d->operator.federation);
}

static enum err open_operator(struct demo *d, struct problem *p)
{
    uint8_t root[ROOT_BYTES];
    enum err e = root_read(d->options.operator_key, root, p);
    if (e != OK)
        return e;
    client_init(&d->operator, crew_http(d->crew), root);
    bytes_wipe(root, sizeof(root));
    e = client_federation(&d->operator, p);
    if (e == OK)
        e = call_register(&d->operator, NULL, p);
    d->operator_known = e == ERR_ACCOUNT_EXISTS;
    if (e == OK || d->operator_known)
        e = client_sign_in(&d->operator, p);
    return e;
}

static enum err enroll_reviewer(void *arg, size_t i, struct http_client *http, struct problem *p)
{
    struct demo *d = arg;
    struct demo_reviewer *r = &d->reviewers[i];
    r->institution = houses[i % DEMO_HOUSES];
    r->strictness = (int64_t)(i / DEMO_HOUSES) * 100; /* people differ a little */
    reviewer_person(d, i, &r->client);
    enum err e = demo_enroll(d, &r->client, "reviewer", r->institution, http, &r->known, p);
    if (e == OK)
        e = demo_wallet(d, &r->client, &r->before_minor, p);
    progress_step(&d->progress);
    return e;
}

enum err demo_make_people(struct demo *d, struct problem *p)
{
    enum err e = open_operator(d, p);
    if (e != OK)
        return e;
    progress_begin(&d->progress, "reviewers, sponsor", DEMO_REVIEWERS + 1);
    e = crew_run(d->crew, enroll_reviewer, d, DEMO_REVIEWERS, p);
    if (e == OK) {
        new_person(d, &d->sponsor);
        e = demo_enroll(d, &d->sponsor, "sponsor", "foundation-oak", crew_http(d->crew), NULL, p);
        progress_step(&d->progress);
    }
    progress_end(&d->progress);
    if (e == OK)
        e = demo_skip_old_receipts(d, p);
    for (size_t i = 0; i < d->n_patients; i++)
        new_person(d, &d->patients[i].client);
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
    s->http = crew_http(d->crew);
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
    return e;
}
