/* /v1/submissions */
#include "api/v1/handlers.h"
#include "api/v1/v1.h"
#include "server/market/submission.h"
#include "server/statement/terms.h"
#include "server/vault/record.h"

#include <string.h>

static enum err read_claims(const json_t *claims, struct submission_draft *d, struct problem *p)
{
    const struct field fields[] = { F_INT("visits", &d->visits, 0, TERMS_VISITS_MAX),
                                    F_INT("months", &d->months, 0, TERMS_MONTHS_MAX) };
    return fields_read(claims, "/statement/claims", fields, COUNT(fields), p);
}

void api_submissions_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct submission_draft d = { .s = &s };
    uint8_t receive[BOX_PUBLIC_BYTES];
    json_t *manifest = NULL, *certificate = NULL, *claims = NULL;
    const struct field extra[] = {
        F_ID("bounty", &d.bounty),
        F_BYTES("terms_hash", d.terms_hash, HASH_BYTES),
        F_BYTES("receive_key", receive, sizeof(receive)),
        F_ID("record", &d.record),
        F_OBJECT("manifest", &manifest),
        F_OBJECT("certificate", &certificate),
        F_OBJECT("claims", &claims),
    };
    enum err e = v1_statement(r, "submission.open", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = manifest_read(manifest, certificate, "/statement", &d.manifest, &r->problem);
    if (e == OK)
        e = read_claims(claims, &d, &r->problem);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = submission_open(&act, &d, &answer);
    v1_done(r, e, &answer);
}

static enum err own_submission(struct request *r, struct submission_row *ret)
{
    struct id id;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_submission_get(r->db, &id, false, ret);
    return e == OK && !id_equal(&ret->account, &r->caller.account) ? ERR_NOT_FOUND : e;
}

void api_submission_content_put(struct request *r)
{
    struct submission_row s;
    enum err e = own_submission(r, &s);
    if (e == OK && !s.stored && strcmp(s.state, "QUOTED") != 0)
        e = ERR_STATE;
    if (e == OK)
        e = v1_store_content(r, &s.manifest);
    if (e != OK)
        api_fail(r, e);
    else
        reply_empty(r, 204);
}

/* Grants of the statement and wraps of the body, matched by seat. */
static enum err read_grants(struct request *r, const json_t *grants, const json_t *wraps,
                            struct sealed_grant ret[SEATS_MAX], size_t *ret_n)
{
    size_t n = json_array_size(grants);
    if (n != json_array_size(wraps))
        return problem_set(&r->problem, ERR_GRANTS, "/wraps", "There must be one wrap per grant.");
    for (size_t i = 0; i < n; i++) {
        char pointer[32];
        const struct field fields[] = { F_INT("seat", &ret[i].seat, 1, SEATS_MAX),
                                        F_BYTES("wrap", ret[i].wrap, WRAP_BYTES) };
        (void)snprintf(pointer, sizeof(pointer), "/wraps/%zu", i);
        enum err e =
            fields_read(json_array_get(wraps, i), pointer, fields, COUNT(fields), &r->problem);
        if (e != OK)
            return e;
        ret[i].grant = NULL;
        for (size_t g = 0; g < n; g++) {
            const json_t *grant = json_array_get(grants, g);
            if (json_integer_value(json_object_get(grant, "seat")) == ret[i].seat)
                ret[i].grant = grant;
        }
        if (ret[i].grant == NULL)
            return problem_set(&r->problem, ERR_GRANTS, pointer, "No grant is for this seat.");
    }
    *ret_n = n;
    return OK;
}

void api_grants_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id id, named;
    int64_t round = 0;
    json_t *grants = NULL, *wraps = NULL;
    struct sealed_grant sealed[SEATS_MAX];
    size_t n = 0;
    const struct field extra[] = { F_ID("submission", &named), F_INT("round", &round, 1, 1),
                                   F_ARRAY("grants", &grants, 1, SEATS_MAX) };
    const struct field more[] = { F_ARRAY("wraps", &wraps, 1, SEATS_MAX) };
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = v1_statement(r, "submission.submit", extra, COUNT(extra), more, COUNT(more), &s);
    if (e == OK)
        e = v1_same_object(r, &id, &named, "/statement/submission");
    if (e == OK)
        e = read_grants(r, grants, wraps, sealed, &n);
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = submission_submit(&act, &s, &id, sealed, n, &answer);
    v1_done(r, e, &answer);
}

void api_withdrawal_post(struct request *r)
{
    struct statement s;
    struct act act;
    struct answer answer = { 0 };
    struct id id, named;
    const struct field extra[] = { F_ID("submission", &named) };
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = v1_statement(r, "submission.withdraw", extra, COUNT(extra), NULL, 0, &s);
    if (e == OK)
        e = v1_same_object(r, &id, &named, "/statement/submission");
    if (e == OK)
        e = v1_act(r, &act);
    if (e == OK)
        e = submission_withdraw(&act, &s, &id, &answer);
    v1_done(r, e, &answer);
}

static json_t *submission_item(struct request *r, const struct rows *rows, size_t i)
{
    (void)r;
    struct id id = row_id(rows, i, 0), bounty = row_id(rows, i, 1);
    return json_pack("{s:o, s:o, s:s, s:o, s:I}", "id", json_id(&id), "bounty", json_id(&bounty),
                     "state", row_text(rows, i, 2), "at", json_time(row_i64(rows, i, 3)), "version",
                     (json_int_t)row_i64(rows, i, 4));
}

void api_submissions_get(struct request *r)
{
    struct page p;
    struct rows *rows = NULL;
    enum err e = v1_page(r, &p);
    if (e == OK)
        e = store_submissions_of(r->db, &r->caller.account, p.before, p.limit + 1, &rows);
    if (e != OK)
        api_fail(r, e);
    else
        v1_reply_page(r, &p, rows, 7, submission_item);
}

static json_t *reasons_of(const char *text)
{
    json_t *list = json_array();
    while (list != NULL && *text != '\0') {
        size_t len = strcspn(text, " ");
        if (json_array_append_new(list, json_stringn(text, len)) != 0) {
            json_decref(list);
            return NULL;
        }
        text += len + strspn(text + len, " ");
    }
    return list;
}

static json_t *decision_json(const struct submission_row *s, const char *currency)
{
    if (!s->decided)
        return json_null();
    return json_pack("{s:o, s:I, s:s, s:I, s:I, s:I, s:I, s:s, s:o}", "score_bp",
                     s->score_bp >= 0 ? json_integer(s->score_bp) : json_null(), "n_eff_bp",
                     (json_int_t)s->n_eff_bp, "outcome", s->outcome, "quality_bp",
                     (json_int_t)s->quality_bp, "visits", (json_int_t)s->visits, "months",
                     (json_int_t)s->months, "pay_minor", (json_int_t)s->pay, "currency", currency,
                     "reasons", reasons_of(s->reasons));
}

static enum err history_json(struct request *r, const struct id *id, json_t **ret)
{
    struct rows *rows = NULL;
    enum err e = store_submission_history(r->db, id, &rows);
    json_t *list = json_array();
    for (size_t i = 0; e == OK && i < rows_count(rows); i++) {
        struct id entry = row_id(rows, i, 2);
        if (json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "state", row_text(rows, i, 0),
                                                  "at", json_time(row_i64(rows, i, 1)), "entry",
                                                  json_id(&entry))) != 0)
            e = ERR_NO_MEMORY;
    }
    rows_free(rows);
    if (e == OK)
        *ret = list;
    else
        json_decref(list);
    return e;
}

/* Who fetched the slice, by seat: the patient sees every opening. */
static enum err opened_json(struct request *r, const struct id *id, json_t **ret)
{
    struct seat_row seats[SEATS_MAX];
    size_t n = 0;
    enum err e = store_seats(r->db, id, r->arena, seats, &n);
    json_t *list = json_array();
    for (size_t i = 0; i < n && e == OK; i++)
        if (seats[i].opened &&
            json_array_append_new(list, json_pack("{s:I, s:o}", "seat", (json_int_t)seats[i].seat,
                                                  "at", json_time(seats[i].opened_at))) != 0)
            e = ERR_NO_MEMORY;
    if (e == OK)
        *ret = list;
    else
        json_decref(list);
    return e;
}

void api_submission_get(struct request *r)
{
    struct id id;
    struct submission_row s;
    struct bounty_row b;
    json_t *history = NULL, *opened = NULL;
    enum err e = req_id(r, 0, &id);
    if (e == OK)
        e = store_submission_get(r->db, &id, false, &s);
    if (e == OK && !id_equal(&s.account, &r->caller.account) &&
        !id_equal(&s.sponsor, &r->caller.account))
        e = ERR_NOT_FOUND;
    if (e == OK)
        e = store_bounty_get(r->db, &s.bounty, BOUNTY_READ, r->arena, &b);
    if (e == OK)
        e = history_json(r, &id, &history);
    if (e == OK)
        e = opened_json(r, &id, &opened);
    if (e != OK) {
        json_decref(history);
        api_fail(r, e);
        return;
    }
    reply_etag_version(r, s.version);
    reply_value(r, 200,
                json_pack("{s:o, s:o, s:s, s:I, s:I, s:{s:I, s:I}, s:o, s:o, s:o}", "id",
                          json_id(&id), "bounty", json_id(&s.bounty), "state", s.state, "round",
                          (json_int_t)s.round, "version", (json_int_t)s.version, "claims", "visits",
                          (json_int_t)s.claim_visits, "months", (json_int_t)s.claim_months,
                          "decision", decision_json(&s, b.currency), "history", history,
                          "opened_by", opened));
}
