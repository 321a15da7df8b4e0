#include "api/client/calls.h"

#include "server/review/verdict.h"

#include <stdio.h>

enum err call_reviews(struct client *c, const char *phase, json_t **ret, struct problem *p)
{
    char path[64];
    if (phase == NULL)
        return client_list(c, "/v1/reviews", LIST_MAX, ret, p);
    int n = snprintf(path, sizeof(path), "/v1/reviews?phase=%s", phase);
    if (n < 0 || (size_t)n >= sizeof(path) || strpbrk(phase, "&#%? /") != NULL)
        return problem_set(p, ERR_QUERY, "", "A phase is commit, reveal or closed.");
    return client_list(c, path, LIST_MAX, ret, p);
}

enum err call_review(struct client *c, const struct id *submission, json_t **ret, struct problem *p)
{
    return client_get(c, call_path("/v1/reviews/", submission, "").text, ret, p);
}

enum err call_review_content(struct client *c, const struct id *submission, struct buf *ret,
                             struct problem *p)
{
    return client_bytes(c, call_path("/v1/reviews/", submission, "/content").text, ret, p);
}

enum err call_verdict_commit(struct client *c, const struct id *submission, int64_t round,
                             const uint8_t commitment[HASH_BYTES], json_t **ret, struct problem *p)
{
    json_t *extras =
        json_pack("{s:o, s:I, s:o}", "submission", json_of_id(submission), "round",
                  (json_int_t)round, "commitment", json_of_bytes(commitment, HASH_BYTES));
    return client_say(c, call_path("/v1/reviews/", submission, "/commitment").text,
                      "verdict.commit", 1, extras, ret, p);
}

enum err call_verdict_reveal(struct client *c, const struct id *submission, int64_t round,
                             const uint8_t nonce[32], json_t *verdict, json_t **ret,
                             struct problem *p)
{
    json_t *extras = json_pack("{s:o, s:I, s:o, s:O}", "submission", json_of_id(submission),
                               "round", (json_int_t)round, "nonce",
                               json_of_bytes(nonce, VERDICT_NONCE_BYTES), "verdict", verdict);
    return client_say(c, call_path("/v1/reviews/", submission, "/verdict").text, "verdict.reveal",
                      2, extras, ret, p);
}

enum err call_receipts(struct client *c, json_t **ret, struct problem *p)
{
    return client_list(c, "/v1/receipts", LIST_MAX, ret, p);
}

enum err call_receipt(struct client *c, const struct id *entry, unsigned wait_s, json_t **ret,
                      struct problem *p)
{
    usec_t until = clock_monotonic() + (usec_t)wait_s * USEC_PER_SEC;
    for (;;) { /* another member cuts a long poll short */
        usec_t left = until - clock_monotonic();
        char wait[32];
        json_t *reply = NULL;
        (void)snprintf(wait, sizeof(wait), "?wait=%u",
                       left > 0 ? (unsigned)((left + USEC_PER_SEC - 1) / USEC_PER_SEC) : 0);
        enum err e = client_get(c, call_path("/v1/receipts/", entry, wait).text, &reply, p);
        if (e != OK)
            return e;
        if (json_object_get(reply, "proof") != NULL) {
            *ret = reply;
            return OK;
        }
        json_decref(reply); /* 202: only id and state */
        if (left <= 0)
            return problem_set(p, ERR_RECEIPT_PENDING, "", "%s", err_text(ERR_RECEIPT_PENDING));
    }
}

enum err call_policy(struct client *c, struct buf *ret, struct problem *p)
{
    return client_bytes(c, "/v1/federation/policy", ret, p);
}

enum err call_federation(struct client *c, json_t **ret, struct problem *p)
{
    return client_get(c, "/v1/federation", ret, p);
}

enum err call_changes(struct client *c, json_t **ret, struct problem *p)
{
    return client_get(c, "/v1/federation/changes", ret, p);
}

enum err call_change(struct client *c, const char *kind, json_t *extras, json_t **ret,
                     struct problem *p)
{
    json_t *now = NULL;
    enum err e = extras != NULL ? call_changes(c, &now, p) : ERR_NO_MEMORY;
    if (e == OK && json_object_set(extras, "genesis", json_object_get(now, "genesis")) != 0)
        e = ERR_NO_MEMORY;
    if (e == OK)
        e = client_say(c, "/v1/federation/changes", kind,
                       json_integer_value(json_object_get(now, "epoch")), extras, ret, p);
    else
        json_decref(extras);
    json_decref(now);
    return e;
}
