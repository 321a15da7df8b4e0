#include "api/client/sealing.h"

#include "api/client/files.h"
#include "server/base/text.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

static enum err no_memory(struct problem *p)
{
    return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
}

static enum err refused(struct problem *p, const char *what)
{
    return problem_set(p, ERR_CRYPTO, "", "%s", what);
}

void plan_of_terms(const struct terms *t, struct visit_plan *ret)
{
    *ret = (struct visit_plan){
        .min_spacing_days = (int32_t)t->visits.min_spacing_days,
        .horizon_months = t->visits.horizon_months,
        .required_min = t->visits.required_min,
        .n_required = t->visits.n_required,
    };
    assert(t->visits.n_required <= COUNT(ret->required));
    for (size_t i = 0; i < t->visits.n_required; i++) {
        ret->required[i].system = t->visits.required[i].system;
        ret->required[i].code = t->visits.required[i].code;
    }
}

enum err timeline_load(const char *path, struct timeline *ret, struct problem *p)
{
    struct buf b;
    struct problem why = { 0 };
    buf_init(&b, TIMELINE_BYTES_MAX);
    enum err e = file_read(path, &b, p);
    if (e == OK && (e = timeline_parse(buf_str(&b), b.len, ret, &why)) != OK)
        (void)problem_set(p, e, why.pointer, "%.100s: %.150s", path, why.detail);
    buf_release_secret(&b);
    return e;
}

enum err offer_get(struct client *c, const struct id *bounty, struct offer *ret, struct problem *p)
{
    struct offer o = { .bounty = *bounty };
    uint8_t told[HASH_BYTES];
    int64_t home = 0;
    json_t *reply = NULL, *terms;
    struct field fields[] = { F_OBJECT("terms", &terms), F_BYTES("terms_hash", told, HASH_BYTES),
                              F_INT("version", &o.version, 1, JSON_INT_MAX),
                              F_INT("home", &home, 1, UINT16_MAX) };
    fields[3].optional = true;
    enum err e = call_bounty(c, bounty, &reply, p);
    if (e == OK)
        e = reply_fields(reply, fields, COUNT(fields), p);
    if (e == OK)
        e = terms_read(terms, "/terms", &o.terms, p);
    if (e == OK)
        e = terms_hash(terms, o.terms_hash);
    if (e == OK && !bytes_equal(told, o.terms_hash, HASH_BYTES))
        e = refused(p, "The server's terms_hash is not the hash of the terms it shows.");
    json_decref(reply);
    o.home = (unsigned)home;
    if (e == OK)
        *ret = o;
    return e;
}

json_t *sealed_manifest_json(const struct vault_manifest *m)
{
    return json_pack("{s:i, s:s, s:I, s:o, s:o, s:o}", "suite", VAULT_SUITE, "schema",
                     TIMELINE_SCHEMA, "size", (json_int_t)m->size, "ciphertext_hash",
                     json_of_bytes(m->ciphertext_hash, HASH_BYTES), "key_commitment",
                     json_of_bytes(m->key_commitment, HASH_BYTES), "content_commitment",
                     json_of_bytes(m->content_commitment, HASH_BYTES));
}

enum err sealed_manifest_read(const json_t *value, const char *prefix, struct vault_manifest *ret,
                              struct problem *p)
{
    static const char *const schemas[] = { TIMELINE_SCHEMA, NULL };
    struct vault_manifest m = { 0 };
    int64_t suite;
    const char *schema;
    const struct field fields[] = {
        F_INT("suite", &suite, VAULT_SUITE, VAULT_SUITE),
        F_CODE("schema", &schema, schemas),
        F_INT("size", &m.size, VAULT_HEAD_BYTES, VAULT_ENVELOPE_MAX),
        F_BYTES("ciphertext_hash", m.ciphertext_hash, HASH_BYTES),
        F_BYTES("key_commitment", m.key_commitment, HASH_BYTES),
        F_BYTES("content_commitment", m.content_commitment, HASH_BYTES),
    };
    enum err e = fields_read(value, prefix, fields, COUNT(fields), p);
    if (e == OK)
        *ret = m;
    return e;
}

static enum err run_checks(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                           size_t *ret_warnings, struct problem *p)
{
    struct findings f = { 0 };
    enum err e = timeline_check(t, plan, today, &f);
    if (e != OK)
        (void)problem_set(p, e, "", "%s", err_text(e));
    else if (f.errors > 0)
        e = problem_set(
            p, ERR_CERTIFICATE, "",
            "The checks find %zu errors; `cairn check` says what they are and how to mend "
            "them.",
            f.errors);
    *ret_warnings = f.warnings;
    findings_release(&f);
    return e;
}

static enum err seal_bytes(const struct buf *content, const struct vault_subject *subject,
                           size_t warnings, struct sealed *s, struct problem *p)
{
    random_bytes(s->dek, DEK_BYTES);
    enum err e =
        vault_seal(subject, s->dek, content->data, content->len, NULL, &s->envelope, &s->manifest);
    if (e != OK)
        return problem_set(p, e, "", "%s", err_text(e));
    s->manifest_json = sealed_manifest_json(&s->manifest);
    s->certificate_json = json_pack("{s:s, s:i, s:I, s:o}", "checks", CHECKS_VERSION, "errors", 0,
                                    "warnings", (json_int_t)warnings, "content_commitment",
                                    json_of_bytes(s->manifest.content_commitment, HASH_BYTES));
    return s->manifest_json != NULL && s->certificate_json != NULL ? OK : no_memory(p);
}

enum err seal_timeline(const struct timeline *t, const struct visit_plan *plan, int32_t today,
                       const struct id *record, uint32_t version,
                       const uint8_t owner[SIGN_PUBLIC_BYTES], struct sealed *ret,
                       struct problem *p)
{
    struct vault_subject subject = { .record = *record, .version = version };
    struct sealed s = { 0 };
    struct buf content;
    size_t warnings = 0;
    vault_schema_hash(TIMELINE_SCHEMA, subject.schema_hash);
    memcpy(subject.owner, owner, SIGN_PUBLIC_BYTES);
    buf_init(&content, VAULT_CONTENT_MAX);
    buf_init(&s.envelope, VAULT_ENVELOPE_MAX);
    enum err e = run_checks(t, plan, today, &warnings, p);
    if (e == OK && (e = timeline_print(t, &content)) != OK)
        (void)problem_set(p, e, "", "The series is too long to seal.");
    if (e == OK)
        e = seal_bytes(&content, &subject, warnings, &s, p);
    buf_release_secret(&content);
    if (e == OK)
        *ret = s;
    else
        sealed_release(&s);
    return e;
}

void sealed_release(struct sealed *s)
{
    buf_release(&s->envelope);
    json_decref(s->manifest_json);
    json_decref(s->certificate_json);
    bytes_wipe(s, sizeof(*s));
}

enum err owner_context(const struct buf *envelope, uint8_t ret[HASH_BYTES])
{
    if (envelope->len < VAULT_AAD_BYTES)
        return ERR_SYNTAX;
    sha256(envelope->data, VAULT_AAD_BYTES, ret);
    return OK;
}

enum err seal_owner_wrap(const struct sealed *s, const struct box_key *owner,
                         uint8_t ret[WRAP_BYTES])
{
    uint8_t context[HASH_BYTES];
    enum err e = owner_context(&s->envelope, context);
    return e == OK ? vault_wrap(owner->public, context, s->dek, ret) : e;
}

enum err grant_hash(const json_t *grant, uint8_t ret[HASH_BYTES])
{
    struct buf b;
    buf_init(&b, 8192);
    enum err e = json_canonical(grant, &b);
    if (e == OK)
        sha256(b.data, b.len, ret);
    buf_release(&b);
    return e;
}

/* Appends the grant for one seat and the key wrapped under it. */
static enum err add_grant(const struct id *submission, int64_t seat, const uint8_t grantee[32],
                          const struct vault_manifest *m, const uint8_t dek[DEK_BYTES],
                          usec_t expires_at, json_t *grants, json_t *wraps, struct problem *p)
{
    uint8_t hash[HASH_BYTES], wrap[WRAP_BYTES];
    json_t *grant =
        json_pack("{s:o, s:I, s:o, s:o, s:o, s:s, s:o}", "submission", json_of_id(submission),
                  "seat", (json_int_t)seat, "grantee", json_of_bytes(grantee, BOX_PUBLIC_BYTES),
                  "key_commitment", json_of_bytes(m->key_commitment, HASH_BYTES),
                  "content_commitment", json_of_bytes(m->content_commitment, HASH_BYTES), "purpose",
                  "review", "expires_at", json_of_time(expires_at));
    if (grant == NULL)
        return no_memory(p);
    enum err e = grant_hash(grant, hash);
    if (e == OK)
        e = vault_wrap(grantee, hash, dek, wrap);
    if (json_array_append_new(grants, grant) != 0)
        return no_memory(p);
    if (e != OK)
        return problem_set(p, e, "", "The key of seat %" PRId64 " cannot be used.", seat);
    json_t *w =
        json_pack("{s:I, s:o}", "seat", (json_int_t)seat, "wrap", json_of_bytes(wrap, WRAP_BYTES));
    return json_array_append_new(wraps, w) == 0 ? OK : no_memory(p);
}

enum err seal_grants(const struct id *submission, const json_t *seats,
                     const struct vault_manifest *m, const uint8_t dek[DEK_BYTES],
                     usec_t expires_at, json_t **ret_grants, json_t **ret_wraps, struct problem *p)
{
    json_t *grants = json_array(), *wraps = json_array();
    enum err e = grants != NULL && wraps != NULL ? OK : no_memory(p);
    for (size_t i = 0; i < json_array_size(seats) && e == OK; i++) {
        int64_t seat;
        uint8_t grantee[BOX_PUBLIC_BYTES];
        const struct field fields[] = { F_INT("seat", &seat, 0, TERMS_SEATS_MAX),
                                        F_BYTES("grantee", grantee, BOX_PUBLIC_BYTES) };
        e = reply_fields(json_array_get(seats, i), fields, COUNT(fields), p);
        if (e == OK)
            e = add_grant(submission, seat, grantee, m, dek, expires_at, grants, wraps, p);
    }
    if (e != OK) {
        json_decref(grants);
        json_decref(wraps);
        return e;
    }
    *ret_grants = grants;
    *ret_wraps = wraps;
    return OK;
}

/* The envelope is the one that the manifest was signed for. */
static enum err check_envelope(const struct opening *o, const struct buf *envelope,
                               struct problem *p)
{
    uint8_t hash[HASH_BYTES], commitment[HASH_BYTES];
    struct vault_subject found;
    if ((int64_t)envelope->len != o->manifest.size)
        return refused(p, "The content is not as long as its manifest says.");
    blake2b_256(envelope->data, envelope->len, NULL, 0, hash);
    if (!bytes_equal(hash, o->manifest.ciphertext_hash, HASH_BYTES))
        return refused(p, "The content is not the one its manifest names.");
    if (vault_peek(envelope->data, envelope->len, &found, commitment) != OK)
        return refused(p, "The content is no vault envelope of a known suite.");
    if (!bytes_equal(commitment, o->manifest.key_commitment, HASH_BYTES))
        return refused(p, "The key commitment is not the one the manifest names.");
    return OK;
}

enum err open_timeline(const struct opening *o, const struct buf *envelope, struct timeline *ret,
                       struct problem *p)
{
    uint8_t dek[DEK_BYTES], commitment[HASH_BYTES];
    struct buf content;
    enum err e = check_envelope(o, envelope, p);
    if (e != OK)
        return e;
    if (vault_unwrap(o->key, o->context_hash, o->wrap, dek) != OK)
        return refused(p, "The wrapped key does not open with your key under this grant.");
    buf_init(&content, VAULT_CONTENT_MAX);
    if (vault_open(&o->subject, dek, envelope->data, envelope->len, &content) != OK)
        e = refused(p, "The content does not open under its key.");
    if (e == OK) {
        vault_content_commitment(dek, content.data, content.len, commitment);
        if (!bytes_equal(commitment, o->manifest.content_commitment, HASH_BYTES))
            e = refused(p, "The content is not what its commitment names.");
    }
    if (e == OK)
        e = timeline_parse(buf_str(&content), content.len, ret, p);
    bytes_wipe(dek, sizeof(dek));
    buf_release_secret(&content);
    return e;
}
