/* `cairn demo`: a whole cohort through the main job, all of it over the public API with real keys
 * and real encryption (docs/client.md). demo.c wires the stretches, the other demo_*.c are one
 * stretch each: people (keys, roles, money, bounty), patients (import to payout), reviews,
 * receipts, report. */
#ifndef CAIRN_CLIENT_DEMO_H
#define CAIRN_CLIENT_DEMO_H

#include "api/client/crew.h"
#include "api/client/progress.h"
#include "api/client/receipt.h"
#include "api/client/reviewing.h"
#include "server/timeline/import.h"

#include <stdatomic.h>

#define DEMO_REVIEWERS 9
#define DEMO_HOUSES 3
#define DEMO_PATH_MAX 768

enum demo_outcome { DEMO_HELD_BACK, DEMO_ACCEPTED, DEMO_RETURNED, DEMO_REJECTED };

struct demo_patient {
    struct client client;
    enum demo_outcome outcome;
    struct id payout; /* when pay_minor > 0 */
    int64_t pay_minor, score_bp, visits, months;
};

struct demo_reviewer {
    struct client client;
    const char *institution;
    bool known; /* from an earlier run on this server */
    int64_t strictness;
    int64_t before_minor, earned_minor; /* in the wallet before the run; what came in since */
    atomic_size_t verdicts;
};

struct demo_options {
    const char *cohort, *mapping, *terms, *operator_key, *out, *data;
    int64_t patients, threads;
};

/* One entry that somebody holds a receipt for. */
struct demo_entry {
    const struct client *who;
    struct id id;
};

struct demo {
    struct demo_options options;
    char server[256];
    struct crew *crew;
    struct progress progress;
    int32_t today;
    /* the cohort */
    struct series *series;
    size_t n_patients;
    int64_t visits; /* rows of the cohort's file that were used */
    /* the bounty */
    json_t *terms_json;
    struct offer offer;
    struct visit_plan plan;
    /* the people */
    struct client operator, sponsor;
    bool operator_known;
    struct demo_reviewer reviewers[DEMO_REVIEWERS];
    struct demo_patient *patients;
    /* the receipts */
    struct policy *policy;
    struct demo_entry *entries;
    size_t n_entries, cap_entries, n_fetched;
    pthread_mutex_t lock;   /* over entries */
    atomic_size_t verified; /* private entries: those whose files are in OUT/receipts */
    atomic_size_t verified_public, failed;
    /* what the server says of itself at the end */
    int64_t books_sum_minor, negative_accounts, log_entries, members;
};

/* demo_cohort.c: reads files, chooses mapping and terms where none is given. */
enum err demo_read_cohort(struct demo *d, struct problem *p) MUST_USE;
/* demo_people.c */
enum err demo_make_people(struct demo *d, struct problem *p) MUST_USE;
enum err demo_open_bounty(struct demo *d, struct problem *p) MUST_USE;
/* Registers, has the role attested by the operator, signs in. ret_known may be NULL: the account
 * was registered before, and then has its role. */
enum err demo_enroll(struct demo *d, struct client *c, const char *role, const char *institution,
                     struct http_client *http, bool *ret_known, struct problem *p) MUST_USE;
/* demo_patient.c */
enum err demo_run_patients(struct demo *d, struct problem *p) MUST_USE;
/* demo_review.c: the whole round of one submission; seats as the server drew them. */
enum err demo_review_round(struct demo *d, const struct id *submission, const json_t *seats,
                           struct http_client *http, struct problem *p) MUST_USE;
/* demo_receipts.c */
/* Entries of earlier runs on the same server are no business of this one. */
enum err demo_skip_old_receipts(struct demo *d, struct problem *p) MUST_USE;
enum err demo_collect_receipts(struct demo *d, struct problem *p) MUST_USE;
/* demo_report.c */
/* What is available in the bounty's currency; c has its connection. */
enum err demo_wallet(struct demo *d, struct client *c, int64_t *ret_minor,
                     struct problem *p) MUST_USE;
enum err demo_ask_server(struct demo *d, struct problem *p) MUST_USE;
enum err demo_report(struct demo *d, double seconds, json_t **ret_summary,
                     struct problem *p) MUST_USE;
void demo_print_table(const struct demo *d, const json_t *summary);

#endif
