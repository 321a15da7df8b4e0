/* One function per operation of the API (docs/cairn.md, openapi.yaml). The client must be signed in
 * where the operation asks for it. *ret is the answer as JSON, owned by the caller; ret may be
 * NULL. Statements are made and signed here. Values are sent as given: the server is the judge of
 * them. */
#ifndef CAIRN_CLIENT_CALLS_H
#define CAIRN_CLIENT_CALLS_H

#include "api/client/session.h"
#include "server/vault/format.h"

#define LIST_MAX 20000 /* items that a list is followed to */

/* ---- accounts (calls_account.c) ---- */
enum err call_register(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_account(struct client *c, const struct id *account, json_t **ret,
                      struct problem *p) MUST_USE;
enum err call_attest(struct client *c, const struct id *account, const char *role,
                     const char *institution, json_t **ret, struct problem *p) MUST_USE;
enum err call_wallet(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_transfers(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_deposit(struct client *c, int64_t amount_minor, const char *currency,
                      const char *reference, json_t **ret, struct problem *p) MUST_USE;
enum err call_payout(struct client *c, int64_t amount_minor, const char *currency,
                     const char *method, const char *destination, json_t **ret,
                     struct problem *p) MUST_USE;
enum err call_payout_get(struct client *c, const struct id *payout, json_t **ret,
                         struct problem *p) MUST_USE;

/* ---- bounties (calls_bounty.c) ---- */
enum err call_bounty_publish(struct client *c, const json_t *terms, json_t **ret,
                             struct problem *p) MUST_USE;
/* disease may be NULL. */
enum err call_bounties(struct client *c, const char *disease, json_t **ret,
                       struct problem *p) MUST_USE;
enum err call_bounty(struct client *c, const struct id *bounty, json_t **ret,
                     struct problem *p) MUST_USE;
enum err call_bounty_fund(struct client *c, const struct id *bounty, int64_t version,
                          int64_t amount_minor, const char *currency, json_t **ret,
                          struct problem *p) MUST_USE;
enum err call_bounty_close(struct client *c, const struct id *bounty, int64_t version, json_t **ret,
                           struct problem *p) MUST_USE;
enum err call_bounty_account(struct client *c, const struct id *bounty, json_t **ret,
                             struct problem *p) MUST_USE;
enum err call_bounty_submissions(struct client *c, const struct id *bounty, json_t **ret,
                                 struct problem *p) MUST_USE;

/* ---- vault and submissions (calls_patient.c) ---- */
struct record_version {
    struct id record;
    int64_t number;
    const char *disease;
    json_t *manifest, *certificate; /* borrowed */
    uint8_t owner_wrap[WRAP_BYTES];
};
enum err call_record_create(struct client *c, const struct record_version *v, json_t **ret,
                            struct problem *p) MUST_USE;
enum err call_record_put(struct client *c, const struct id *record, int64_t number,
                         const struct buf *envelope, struct problem *p) MUST_USE;
enum err call_records(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_record(struct client *c, const struct id *record, int64_t number, json_t **ret,
                     struct problem *p) MUST_USE;
enum err call_record_content(struct client *c, const struct id *record, int64_t number,
                             struct buf *ret, struct problem *p) MUST_USE;

struct submission_draft {
    struct id bounty, record;
    uint8_t terms_hash[HASH_BYTES];
    json_t *manifest, *certificate; /* borrowed */
    int64_t visits, months;
};
/* Signed by the patient's key for this bounty alone. */
enum err call_submission_open(struct client *c, const struct submission_draft *d, json_t **ret,
                              struct problem *p) MUST_USE;
enum err call_submission_put(struct client *c, const struct id *submission,
                             const struct buf *envelope, struct problem *p) MUST_USE;
/* grants and wraps: arrays, references are taken. version: of the submission as last seen. */
enum err call_submission_submit(struct client *c, const struct id *bounty,
                                const struct id *submission, int64_t version, json_t *grants,
                                json_t *wraps, json_t **ret, struct problem *p) MUST_USE;
enum err call_submission_withdraw(struct client *c, const struct id *bounty,
                                  const struct id *submission, int64_t version, json_t **ret,
                                  struct problem *p) MUST_USE;
enum err call_submissions(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_submission(struct client *c, const struct id *submission, json_t **ret,
                         struct problem *p) MUST_USE;

/* ---- reviews and receipts (calls_review.c) ---- */
/* phase may be NULL. */
enum err call_reviews(struct client *c, const char *phase, json_t **ret,
                      struct problem *p) MUST_USE;
enum err call_review(struct client *c, const struct id *submission, json_t **ret,
                     struct problem *p) MUST_USE;
enum err call_review_content(struct client *c, const struct id *submission, struct buf *ret,
                             struct problem *p) MUST_USE;
enum err call_verdict_commit(struct client *c, const struct id *submission, int64_t round,
                             const uint8_t commitment[HASH_BYTES], json_t **ret,
                             struct problem *p) MUST_USE;
/* verdict: borrowed. */
enum err call_verdict_reveal(struct client *c, const struct id *submission, int64_t round,
                             const uint8_t nonce[32], json_t *verdict, json_t **ret,
                             struct problem *p) MUST_USE;
enum err call_receipts(struct client *c, json_t **ret, struct problem *p) MUST_USE;
/* Waits on the server up to wait_s seconds, 0..20; ERR_RECEIPT_PENDING if it is not final by then.
 */
enum err call_receipt(struct client *c, const struct id *entry, unsigned wait_s, json_t **ret,
                      struct problem *p) MUST_USE;
enum err call_policy(struct client *c, struct buf *ret, struct problem *p) MUST_USE;
enum err call_federation(struct client *c, json_t **ret, struct problem *p) MUST_USE;
enum err call_changes(struct client *c, json_t **ret, struct problem *p) MUST_USE;
/* A member.propose or member.approve for the federation and epoch as the server tells them. Takes
 * the reference to extras (NULL: ERR_NO_MEMORY). */
enum err call_change(struct client *c, const char *kind, json_t *extras, json_t **ret,
                     struct problem *p) MUST_USE;

/* Shared by the above: "prefix" + id + "suffix". */
struct call_path {
    char text[256];
};
struct call_path call_path(const char *prefix, const struct id *id, const char *suffix);

#endif
