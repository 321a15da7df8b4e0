/* One patient after another: enrolment, vault, submission, review round; then the payouts. */
#include "api/client/demo.h"

#include "api/client/away.h"

#include <inttypes.h>
#include <stdio.h>

#define GRANT_SLACK_HOURS 24
#define PAY_WAIT_S 30
#define PAY_PAUSE_MS 50

static const char *const hospitals[] = { "hospital-a", "hospital-b", "hospital-c" };

/* The series goes into the vault whole, sealed for its owner alone. */
static enum err into_vault(struct client *c, const struct timeline *t, int32_t today,
                           struct problem *p)
{
    struct record_version v = { .number = 1, .disease = t->disease, .record = new_id() };
    struct sealed s;
    enum err e = seal_timeline(t, NULL, today, &v.record, 1, c->identity.public, &s, p);
    if (e != OK)
        return e;
    v.manifest = s.manifest_json;
    v.certificate = s.certificate_json;
    e = seal_owner_wrap(&s, &c->receive, v.owner_wrap);
    if (e == OK)
        e = call_record_create(c, &v, NULL, p);
    if (e == OK)
        e = call_record_put(c, &v.record, 1, &s.envelope, p);
    sealed_release(&s);
    return e;
}

/* What an opened submission says of itself. */
struct opened {
    struct id id;
    int64_t version;
    json_t *reply, *seats; /* seats: borrowed from reply */
};

static enum err open_slice(struct demo *d, struct demo_patient *patient,
                           const struct timeline *slice, struct sealed *ret_sealed,
                           struct opened *ret, struct problem *p)
{
    struct client *c = &patient->client;
    struct submission_draft draft = { .bounty = d->offer.bounty,
                                      .record = new_id(),
                                      .visits = patient->visits,
                                      .months = patient->months };
    struct sign_key key;
    struct box_key receive;
    memcpy(draft.terms_hash, d->offer.terms_hash, HASH_BYTES);
    keys_bounty(c->root, &d->offer.bounty, &key, &receive);
    enum err e =
        seal_timeline(slice, &d->plan, d->today, &draft.record, 1, key.public, ret_sealed, p);
    sign_key_wipe(&key);
    box_key_wipe(&receive);
    if (e != OK)
        return e;
    draft.manifest = ret_sealed->manifest_json;
    draft.certificate = ret_sealed->certificate_json;
    struct opened o = { 0 };
    const struct field fields[] = { F_ID("id", &o.id),
                                    F_INT("version", &o.version, 1, JSON_INT_MAX),
                                    F_ARRAY("seats", &o.seats, 1, TERMS_SEATS_MAX) };
    e = call_submission_open(c, &draft, &o.reply, p);
    if (e == OK)
        e = reply_fields(o.reply, fields, COUNT(fields), p);
    if (e == OK) {
        *ret = o;
        return OK;
    }
    json_decref(o.reply);
    sealed_release(ret_sealed);
    return e;
}

static enum err hand_in(struct demo *d, struct client *c, const struct sealed *s,
                        const struct opened *o, struct problem *p)
{
    const struct terms_review *r = &d->offer.terms.review;
    int64_t hours = r->commit_hours + r->reveal_hours + GRANT_SLACK_HOURS;
    usec_t expires = clock_now() + hours * 3600 * USEC_PER_SEC;
    json_t *grants = NULL, *wraps = NULL;
    enum err e = call_submission_put(c, &o->id, &s->envelope, p);
    if (e == OK)
        e = seal_grants(&o->id, o->seats, &s->manifest, s->dek, expires, &grants, &wraps, p);
    if (e == OK)
        e = call_submission_submit(c, &d->offer.bounty, &o->id, o->version, grants, wraps, NULL, p);
    return e;
}

static enum err read_decision(struct demo_patient *patient, const json_t *submission,
                              struct problem *p)
{
    static const char *const outcomes[] = { "ACCEPTED", "RETURNED", "REJECTED", NULL };
    const char *outcome;
    json_t *decision;
    const struct field outer[] = { F_OBJECT("decision", &decision) };
    const struct field fields[] = {
        F_CODE("outcome", &outcome, outcomes),
        F_INT("score_bp", &patient->score_bp, 0, TERMS_BP),
        F_INT("pay_minor", &patient->pay_minor, 0, TERMS_AMOUNT_MAX),
    };
    enum err e = reply_fields(submission, outer, COUNT(outer), p);
    if (e == OK)
        e = reply_fields(decision, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    patient->outcome = outcome == outcomes[0]   ? DEMO_ACCEPTED
                       : outcome == outcomes[1] ? DEMO_RETURNED
                                                : DEMO_REJECTED;
    return OK;
}

static enum err learn_decision(struct demo_patient *patient, const struct id *submission,
                               struct problem *p)
{
    json_t *reply = NULL;
    enum err e = call_submission(&patient->client, submission, &reply, p);
    if (e == OK)
        e = read_decision(patient, reply, p);
    json_decref(reply);
    return e;
}

/* Slice, submission, round, decision. */
static enum err submit(struct demo *d, struct demo_patient *patient, const struct timeline *t,
                       const struct links *links, struct problem *p)
{
    struct timeline slice;
    struct visit_count count;
    struct sealed sealed;
    struct opened opened;
    timeline_init(&slice);
    enum err e = timeline_slice(t, d->today, &slice);
    if (e == OK) {
        timeline_count(&slice, &d->plan, &count);
        patient->visits = count.visits;
        patient->months = count.months;
        e = open_slice(d, patient, &slice, &sealed, &opened, p);
    }
    timeline_release(&slice);
    if (e != OK)
        return e;
    e = hand_in(d, &patient->client, &sealed, &opened, p);
    if (e == OK)
        e = demo_review_round(d, &opened.id, opened.seats, links, p);
    if (e == OK)
        e = learn_decision(patient, &opened.id, p);
    json_decref(opened.reply);
    sealed_release(&sealed);
    return e;
}

/* Whether the bounty is at the patient's member or at another, the calls are the same from here. */
static enum err turn_to_bounty(struct demo *d, struct client *c, struct problem *p)
{
    client_go_as_patient(c, d->offer.home, &d->offer.bounty);
    return call_pseudonym(c, &d->offer.bounty, p);
}

static enum err run_patient(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    struct demo_patient *patient = &d->patients[i];
    const struct timeline *t = series_timeline(d->series, i);
    const char *hospital = hospitals[i / d->n_members % COUNT(hospitals)];
    enum err e = demo_enroll(d, &patient->client, "patient", hospital, links, NULL, p);
    if (e == OK)
        e = into_vault(&patient->client, t, d->today, p);
    if (e == OK)
        e = turn_to_bounty(d, &patient->client, p);
    if (e == OK)
        e = submit(d, patient, t, links, p);
    else if (e == ERR_CERTIFICATE)
        e = OK; /* the client's own checks held the series back: there is nothing to submit */
    progress_step(&d->progress);
    if (e != OK && p->detail[0] != '\0') {
        struct problem why = *p;
        (void)problem_set(p, why.code, why.pointer, "Patient %zu: %.220s", i + 1, why.detail);
    }
    return e;
}

enum err demo_run_patients(struct demo *d, struct problem *p)
{
    progress_begin(&d->progress, "patients", d->n_patients);
    enum err e = crew_run(d->crew, run_patient, d, d->n_patients, p);
    progress_end(&d->progress);
    return e;
}

/* Pay from another member's bounty comes with a message between the members, soon but not at once.
 */
static enum err await_pay(struct demo *d, struct client *c, int64_t pay_minor, struct problem *p)
{
    usec_t until = clock_monotonic() + PAY_WAIT_S * USEC_PER_SEC;
    for (;;) {
        int64_t held = 0;
        enum err e = demo_wallet(d, c, &held, p);
        if (e != OK || held >= pay_minor)
            return e;
        if (clock_monotonic() > until)
            return problem_set(p, ERR_IO, "", "The pay has not come to the wallet in time.");
        http_pause(PAY_PAUSE_MS);
    }
}

static enum err pay_out_one(void *arg, size_t i, const struct links *links, struct problem *p)
{
    struct demo *d = arg;
    struct demo_patient *patient = &d->patients[i];
    struct client c = demo_with(d, &patient->client, links);
    json_t *paid = NULL;
    const struct field fields[] = { F_ID("id", &patient->payout) };
    enum err e = OK;
    if (patient->pay_minor > 0) {
        e = await_pay(d, &c, patient->pay_minor, p);
        if (e == OK)
            e = call_payout(&c, patient->pay_minor, d->offer.terms.currency, "test", "demo-account",
                            &paid, p);
        if (e == OK)
            e = reply_fields(paid, fields, COUNT(fields), p);
    }
    json_decref(paid);
    bytes_wipe(&c, sizeof(c));
    progress_step(&d->progress);
    return e;
}

enum err demo_pay_out(struct demo *d, struct problem *p)
{
    progress_begin(&d->progress, "payouts", d->n_patients);
    enum err e = crew_run(d->crew, pay_out_one, d, d->n_patients, p);
    progress_end(&d->progress);
    return e;
}
