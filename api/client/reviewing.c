#include "api/client/reviewing.h"

#include <stdio.h>

static enum err read_claims(const json_t *claims, struct seat *s, struct problem *p)
{
    const struct field fields[] = { F_INT("visits", &s->claimed_visits, 0, TERMS_VISITS_MAX),
                                    F_INT("months", &s->claimed_months, 0, TERMS_MONTHS_MAX) };
    return fields_read(claims, "/claims", fields, COUNT(fields), p);
}

/* The grant must be for this reviewer and this content, or the wrap is none of ours to open. */
static enum err read_grant(const json_t *grant, const struct client *c, struct seat *s,
                           struct problem *p)
{
    static const char *const purposes[] = { "review", NULL };
    struct id submission;
    int64_t seat;
    uint8_t grantee[BOX_PUBLIC_BYTES], key_commitment[HASH_BYTES], content_commitment[HASH_BYTES];
    const char *purpose;
    usec_t expires_at;
    const struct field fields[] = {
        F_ID("submission", &submission),
        F_INT("seat", &seat, 0, TERMS_SEATS_MAX),
        F_BYTES("grantee", grantee, BOX_PUBLIC_BYTES),
        F_BYTES("key_commitment", key_commitment, HASH_BYTES),
        F_BYTES("content_commitment", content_commitment, HASH_BYTES),
        F_CODE("purpose", &purpose, purposes),
        F_TIME("expires_at", &expires_at),
    };
    enum err e = fields_read(grant, "/grant", fields, COUNT(fields), p);
    if (e != OK)
        return e;
    if (!id_equal(&submission, &s->submission) || seat != s->seat ||
        !bytes_equal(grantee, c->receive.public, BOX_PUBLIC_BYTES) ||
        !bytes_equal(key_commitment, s->opening.manifest.key_commitment, HASH_BYTES) ||
        !bytes_equal(content_commitment, s->opening.manifest.content_commitment, HASH_BYTES))
        return problem_set(p, ERR_CRYPTO, "/grant",
                           "The grant is for another seat, reviewer or content.");
    return grant_hash(grant, s->opening.context_hash);
}

static enum err read_seat(const json_t *reply, const struct client *c, struct seat *s,
                          struct problem *p)
{
    json_t *manifest, *claims, *grant;
    const char *phase;
    struct vault_subject *subject = &s->opening.subject;
    const struct field fields[] = {
        F_ID("bounty", &s->bounty),
        F_INT("seat", &s->seat, 0, TERMS_SEATS_MAX),
        F_INT("round", &s->round, 1, 100),
        F_TEXT("phase", &phase, 1, sizeof(s->phase) - 1),
        F_BYTES("owner", subject->owner, SIGN_PUBLIC_BYTES),
        F_ID("record", &subject->record),
        F_OBJECT("manifest", &manifest),
        F_OBJECT("claims", &claims),
        F_OBJECT("grant", &grant),
        F_BYTES("wrap", s->opening.wrap, WRAP_BYTES),
        F_BOOL("committed", &s->committed),
        F_BOOL("revealed", &s->revealed),
    };
    enum err e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        e = read_claims(claims, s, p);
    if (e == OK)
        e = sealed_manifest_read(manifest, "/manifest", &s->opening.manifest, p);
    if (e == OK)
        e = read_grant(grant, c, s, p);
    if (e == OK)
        (void)snprintf(s->phase, sizeof(s->phase), "%s", phase);
    return e;
}

enum err seat_get(struct client *c, const struct id *submission, struct seat *ret,
                  struct problem *p)
{
    struct seat s = { .submission = *submission };
    json_t *reply = NULL;
    s.opening.key = &c->receive;
    s.opening.subject.version = 1; /* a slice is made once */
    vault_schema_hash(TIMELINE_SCHEMA, s.opening.subject.schema_hash);
    enum err e = call_review(c, submission, &reply, p);
    if (e == OK)
        e = read_seat(reply, c, &s, p);
    json_decref(reply);
    if (e == OK)
        *ret = s;
    return e;
}

enum err seat_open(struct client *c, const struct seat *s, struct timeline *ret, struct problem *p)
{
    struct buf envelope;
    buf_init(&envelope, VAULT_ENVELOPE_MAX);
    enum err e = call_review_content(c, &s->submission, &envelope, p);
    if (e == OK)
        e = open_timeline(&s->opening, &envelope, ret, p);
    buf_release(&envelope);
    return e;
}

void sealed_verdict_release(struct sealed_verdict *v)
{
    json_decref(v->verdict);
    bytes_wipe(v, sizeof(*v));
}

static enum err take_phase(json_t *reply, char ret_phase[16], struct problem *p)
{
    const char *phase;
    const struct field fields[] = { F_TEXT("phase", &phase, 1, 15) };
    enum err e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        (void)snprintf(ret_phase, 16, "%s", phase);
    json_decref(reply);
    return e;
}

enum err verdict_commit(struct client *c, const struct seat *s, const struct sealed_verdict *v,
                        char ret_phase[16], struct problem *p)
{
    uint8_t commitment[HASH_BYTES];
    json_t *reply = NULL;
    enum err e = verdict_commitment(v->verdict, v->nonce, commitment);
    if (e != OK)
        return problem_set(p, e, "", "%s", err_text(e));
    e = call_verdict_commit(c, &s->submission, s->round, commitment, &reply, p);
    return e == OK ? take_phase(reply, ret_phase, p) : e;
}

enum err verdict_reveal(struct client *c, const struct seat *s, const struct sealed_verdict *v,
                        char ret_phase[16], struct problem *p)
{
    json_t *reply = NULL;
    enum err e = call_verdict_reveal(c, &s->submission, s->round, v->nonce, v->verdict, &reply, p);
    return e == OK ? take_phase(reply, ret_phase, p) : e;
}
