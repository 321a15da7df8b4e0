#include "server/vault/record.h"

#include "server/base/text.h"
#include "server/ledger/io/outbox.h"
#include "server/statement/terms.h"
#include "server/timeline/check.h"
#include "server/timeline/timeline.h"
#include "server/vault/blobs.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static enum err certificate_read(const json_t *value, const char *pointer,
                                 const struct vault_manifest *m, struct problem *p)
{
    static const char *const versions[] = { CHECKS_VERSION, NULL };
    const char *version = NULL;
    int64_t errors = 0, warnings = 0;
    uint8_t commitment[HASH_BYTES];
    const struct field fields[] = {
        F_CODE("checks", &version, versions),
        F_INT("errors", &errors, 0, 1000000),
        F_INT("warnings", &warnings, 0, 1000000),
        F_BYTES("content_commitment", commitment, HASH_BYTES),
    };
    enum err e = fields_read(value, pointer, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    if (errors != 0)
        return problem_set(p, ERR_CERTIFICATE, pointer,
                           "The checks found errors; mend them and check again before you submit.");
    if (!bytes_equal(commitment, m->content_commitment, HASH_BYTES))
        return problem_set(p, ERR_CERTIFICATE, pointer,
                           "The certificate belongs to other content than the manifest.");
    return OK;
}

enum err manifest_read(const json_t *manifest, const json_t *certificate, const char *prefix,
                       struct vault_manifest *ret, struct problem *p)
{
    static const char *const schemas[] = { TIMELINE_SCHEMA, NULL };
    const char *schema = NULL;
    int64_t suite = 0;
    struct vault_manifest m = { 0 };
    const struct field fields[] = {
        F_INT("suite", &suite, VAULT_SUITE, VAULT_SUITE),
        F_CODE("schema", &schema, schemas),
        F_INT("size", &m.size, VAULT_HEAD_BYTES, VAULT_ENVELOPE_MAX),
        F_BYTES("ciphertext_hash", m.ciphertext_hash, HASH_BYTES),
        F_BYTES("key_commitment", m.key_commitment, HASH_BYTES),
        F_BYTES("content_commitment", m.content_commitment, HASH_BYTES),
    };
    char pointer[64];
    (void)snprintf(pointer, sizeof(pointer), "%s/manifest", prefix);
    enum err e = fields_read(manifest, pointer, fields, COUNT(fields), p);
    (void)snprintf(pointer, sizeof(pointer), "%s/certificate", prefix);
    if (e == OK)
        e = certificate_read(certificate, pointer, &m, p);
    if (e == OK)
        *ret = m;
    return e;
}

json_t *manifest_json(const struct vault_manifest *m)
{
    return json_pack("{s:i, s:s, s:I, s:o, s:o, s:o}", "suite", VAULT_SUITE, "schema",
                     TIMELINE_SCHEMA, "size", (json_int_t)m->size, "ciphertext_hash",
                     json_b64(m->ciphertext_hash, HASH_BYTES), "key_commitment",
                     json_b64(m->key_commitment, HASH_BYTES), "content_commitment",
                     json_b64(m->content_commitment, HASH_BYTES));
}

struct creating {
    const struct act *act;
    const struct record_draft *d;
};

static enum err create_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct creating *c = arg;
    const struct record_draft *d = c->d;
    const struct id *owner = &c->act->account;
    const struct record_new row = { .record = d->record,
                                    .owner = *owner,
                                    .entry = d->s->id,
                                    .number = d->number,
                                    .disease = d->disease,
                                    .manifest = &d->manifest,
                                    .owner_wrap = d->owner_wrap,
                                    .at = c->act->now };
    enum err e = outbox_append(db, d->s, owner, owner, 1, c->act->now);
    if (e == OK)
        e = store_record_insert(db, &row);
    if (e != OK)
        return e;
    return answer_set(ret, arena, 201,
                      json_pack("{s:o, s:I, s:o, s:s}", "record", json_id(&d->record), "number",
                                (json_int_t)d->number, "entry", json_id(&d->s->id), "state",
                                "pending"));
}

enum err record_create(const struct act *act, const struct record_draft *d, struct answer *ret)
{
    if (!disease_valid(d->disease))
        return problem_set(act->problem, ERR_FIELD_FORMAT, "/statement/disease",
                           "A disease is written as MONDO: and seven digits.");
    enum err e = act_signed_by_caller(act, d->s);
    if (e != OK)
        return e;
    struct creating c = { .act = act, .d = d };
    return act_write(act, "record-version", create_tx, &c, ret);
}

struct storing {
    const struct upload *u;
    usec_t now;
};

static enum err blob_tx(struct db *db, void *arg, struct arena *arena, struct answer *ret)
{
    const struct storing *s = arg;
    enum err e = store_blob_insert(db, s->u->hash, (int64_t)s->u->size, s->now);
    return e == OK ? answer_set(ret, arena, 204, json_object()) : e;
}

enum err vault_store_upload(const struct act *act, const struct vault_manifest *m,
                            const struct upload *u)
{
    if ((int64_t)u->size != m->size || !bytes_equal(u->hash, m->ciphertext_hash, HASH_BYTES))
        return ERR_MANIFEST_MISMATCH;
    enum err e = blobs_put(act->app->blobs, u->file, u->hash);
    if (e != OK)
        return e;
    struct storing s = { .u = u, .now = act->now };
    struct write_key key = { .principal = act->account };
    char hex[HEX_SIZE(24)];
    hex_encode(u->hash, 24, hex);
    (void)snprintf(key.key, sizeof(key.key), "content-%s", hex);
    memcpy(key.request_hash, u->hash, HASH_BYTES);
    struct answer answer = { 0 };
    return store_write(act->app->store, "content", &key, blob_tx, &s, act->arena, &answer);
}
