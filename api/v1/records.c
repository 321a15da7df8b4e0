/* /v1/records */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/base/text.h"
#include "server/vault/blobs.h"
#include "server/vault/record.h"

#include <string.h>

void api_record_versions_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct record_draft d = { .s = &s };
    struct id record;
    json_t *manifest = NULL, *certificate = NULL;
    const struct field extra[] = { F_ID("record", &d.record),
                                   F_INT("number", &d.number, 1, 1000000),
                                   F_TEXT("disease", &d.disease, 13, 13),
                                   F_OBJECT("manifest", &manifest),
                                   F_OBJECT("certificate", &certificate) };
    const struct field more[] = { F_BYTES("owner_wrap", d.owner_wrap, WRAP_BYTES) };
    enum err e = req_id(r, 0, &record);
    if (e == OK)
        e = v1_statement(r, "record.version", extra, COUNT(extra), more, COUNT(more), &s);
    if (e == OK)
        e = v1_same_object(r, &record, &d.record, "/statement/record");
    if (e == OK)
        e = manifest_read(manifest, certificate, "/statement", &d.manifest, &r->problem);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = record_create(&act, &d, &answer);
    v1_done(r, e, &answer);
}

/* The caller's version that the path names. */
static enum err own_version(struct request *r, struct record_row *ret)
{
    struct id record;
    uint64_t number = 0;
    const char *text = r->path_params[1];
    enum err e = req_id(r, 0, &record);
    if (e == OK && (!u64_parse(text, strlen(text), &number) || number < 1 || number > 1000000))
        e = ERR_NOT_FOUND;
    return e == OK ? store_record_get(r->db, &record, (int64_t)number, &r->caller.account, ret) : e;
}

void api_record_content_put(struct request *r)
{
    struct record_row v;
    enum err e = own_version(r, &v);
    if (e == OK)
        e = v1_store_content(r, &v.manifest);
    if (e != OK)
        api_fail(r, e);
    else
        reply_empty(r, 204);
}

static json_t *record_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id record = row_id(rows, i, 0), entry = row_id(rows, i, 5);
    return json_pack("{s:o, s:I, s:s, s:I, s:s, s:o, s:o}", "record", json_id(&record), "number",
                     (json_int_t)row_i64(rows, i, 1), "disease", row_text(rows, i, 2), "size",
                     (json_int_t)row_i64(rows, i, 3), "state",
                     row_bool(rows, i, 4) ? "stored" : "pending", "entry", json_id(&entry), "at",
                     json_time(row_i64(rows, i, 6)));
}

void api_records_get(struct request *r)
{
    struct page p;
    struct rows *rows = NULL;
    enum err e = v1_page(r, &p);
    if (e == OK)
        e = store_records(r->db, &r->caller.account, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 7, record_item);
}

void api_record_version_get(struct request *r)
{
    struct record_row v;
    enum err e = own_version(r, &v);
    if (e != OK) {
        api_fail(r, e);
        return;
    }
    reply_value(r, 200,
                json_pack("{s:o, s:I, s:s, s:s, s:o, s:o, s:o}", "record", json_id(&v.record),
                          "number", (json_int_t)v.number, "disease", v.disease, "state",
                          v.stored ? "stored" : "pending", "manifest", manifest_json(&v.manifest),
                          "owner_wrap", json_b64(v.owner_wrap, WRAP_BYTES), "entry",
                          json_id(&v.entry)));
}

void api_record_content_get(struct request *r)
{
    struct record_row v;
    enum err e = own_version(r, &v);
    if (e == OK && !v.stored)
        e = ERR_CONTENT_STATE;
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_content(r, v.manifest.ciphertext_hash);
}
