#include "api/client/calls.h"

#include <inttypes.h>
#include <stdio.h>

enum err call_record_create(struct client *c, const struct record_version *v, json_t **ret,
                            struct problem *p)
{
    struct statement s;
    json_t *extras = json_pack("{s:o, s:I, s:s, s:O, s:O}", "record", json_of_id(&v->record),
                               "number", (json_int_t)v->number, "disease", v->disease, "manifest",
                               v->manifest, "certificate", v->certificate);
    enum err e = client_statement("record.version", v->number, extras, &c->identity, &s, p);
    if (e != OK)
        return e;
    json_t *wrap = json_pack("{s:o}", "owner_wrap", json_of_bytes(v->owner_wrap, WRAP_BYTES));
    if (wrap == NULL)
        e = problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    else
        e = client_post(c, call_path("/v1/records/", &v->record, "/versions").text, &s, wrap, 0,
                        ret, p);
    statement_release(&s);
    return e;
}

static struct call_path version_path(const struct id *record, int64_t number, const char *suffix)
{
    char tail[64];
    (void)snprintf(tail, sizeof(tail), "/versions/%" PRId64 "%s", number, suffix);
    return call_path("/v1/records/", record, tail);
}

enum err call_record_put(struct client *c, const struct id *record, int64_t number,
                         const struct buf *envelope, struct problem *p)
{
    return client_put(c, version_path(record, number, "/content").text, envelope->data,
                      envelope->len, p);
}

enum err call_records(struct client *c, json_t **ret, struct problem *p)
{
    return client_list(c, "/v1/records", LIST_MAX, ret, p);
}

enum err call_record(struct client *c, const struct id *record, int64_t number, json_t **ret,
                     struct problem *p)
{
    return client_get(c, version_path(record, number, "").text, ret, p);
}

enum err call_record_content(struct client *c, const struct id *record, int64_t number,
                             struct buf *ret, struct problem *p)
{
    return client_bytes(c, version_path(record, number, "/content").text, ret, p);
}

enum err call_submission_open(struct client *c, const struct submission_draft *d, json_t **ret,
                              struct problem *p)
{
    struct sign_key key;
    struct box_key receive;
    struct statement s;
    keys_bounty(c->root, &d->bounty, &key, &receive);
    json_t *extras =
        json_pack("{s:o, s:o, s:o, s:o, s:O, s:O, s:{s:I, s:I}}", "bounty", json_of_id(&d->bounty),
                  "terms_hash", json_of_bytes(d->terms_hash, HASH_BYTES), "receive_key",
                  json_of_bytes(receive.public, BOX_PUBLIC_BYTES), "record", json_of_id(&d->record),
                  "manifest", d->manifest, "certificate", d->certificate, "claims", "visits",
                  (json_int_t)d->visits, "months", (json_int_t)d->months);
    enum err e = client_statement("submission.open", 1, extras, &key, &s, p);
    sign_key_wipe(&key);
    box_key_wipe(&receive);
    if (e != OK)
        return e;
    e = client_post(c, "/v1/submissions", &s, NULL, 0, ret, p);
    statement_release(&s);
    return e;
}

enum err call_submission_put(struct client *c, const struct id *submission,
                             const struct buf *envelope, struct problem *p)
{
    return client_put(c, call_path("/v1/submissions/", submission, "/content").text, envelope->data,
                      envelope->len, p);
}

/* Says something about a submission under the key of its bounty; takes extras and body. */
static enum err say_as_owner(struct client *c, const struct id *bounty,
                             const struct call_path *path, const char *kind, int64_t version,
                             json_t *extras, json_t *body, json_t **ret, struct problem *p)
{
    struct sign_key key;
    struct box_key receive;
    struct statement s;
    keys_bounty(c->root, bounty, &key, &receive);
    enum err e = client_statement(kind, version, extras, &key, &s, p);
    sign_key_wipe(&key);
    box_key_wipe(&receive);
    if (e != OK) {
        json_decref(body);
        return e;
    }
    e = client_post(c, path->text, &s, body, 0, ret, p);
    statement_release(&s);
    return e;
}

enum err call_submission_submit(struct client *c, const struct id *bounty,
                                const struct id *submission, int64_t version, json_t *grants,
                                json_t *wraps, json_t **ret, struct problem *p)
{
    struct call_path path = call_path("/v1/submissions/", submission, "/grants");
    json_t *extras = json_pack("{s:o, s:i, s:o}", "submission", json_of_id(submission), "round", 1,
                               "grants", grants);
    json_t *body = json_pack("{s:o}", "wraps", wraps);
    if (body == NULL) {
        json_decref(extras);
        return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
    }
    return say_as_owner(c, bounty, &path, "submission.submit", version, extras, body, ret, p);
}

enum err call_submission_withdraw(struct client *c, const struct id *bounty,
                                  const struct id *submission, int64_t version, json_t **ret,
                                  struct problem *p)
{
    struct call_path path = call_path("/v1/submissions/", submission, "/withdrawal");
    json_t *extras = json_pack("{s:o}", "submission", json_of_id(submission));
    return say_as_owner(c, bounty, &path, "submission.withdraw", version, extras, NULL, ret, p);
}

enum err call_submissions(struct client *c, json_t **ret, struct problem *p)
{
    return client_list(c, "/v1/submissions", LIST_MAX, ret, p);
}

enum err call_submission(struct client *c, const struct id *submission, json_t **ret,
                         struct problem *p)
{
    return client_get(c, call_path("/v1/submissions/", submission, "").text, ret, p);
}
