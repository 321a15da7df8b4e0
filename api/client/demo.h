/* `cairn demo`: a whole cohort through the main job, all of it over the public API with real keys
 * and real encryption (docs/client.md). demo.c wires the stretches, the other demo_*.c are one
 * stretch each: members (who takes
 * part, and the waiting for each other), people (keys, roles, money, bounty), patients (import to
 * payout), reviews, receipts, report. */
#ifndef CAIRN_CLIENT_DEMO_H
#define CAIRN_CLIENT_DEMO_H

#include "api/client/crew.h"
#include "api/client/progress.h"
#include "api/client/receipt.h"
#include "api/client/reviewing.h"
#include "server/timeline/import.h"

#include <stdatomic.h>

#define DEMO_REVIEWERS 9
#define DEMO_MEMBERS_MAX CREW_SERVERS_MAX
#define DEMO_HOUSES 3
#define DEMO_PATH_MAX 768

enum demo_outcome { DEMO_HELD_BACK, DEMO_ACCEPTED, DEMO_RETURNED, DEMO_REJECTED };

/* A member server that takes part. The first is the sponsor's home, and so the bounty's. */
struct demo_member {
    char server[256], operator_key[DEMO_PATH_MAX];
    struct client operator;
    bool operator_known; /* from an earlier run on this server */
    /* what the server says of itself at the end */
    int64_t books_sum_minor, negative_accounts, clearing_open_minor;
};

struct demo_patient {
    struct client client;
    enum demo_outcome outcome;
    struct id payout; /* when pay_minor > 0 and it was asked for */
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
    const char *cohort, *mapping, *terms, *operator_key, *federation, *out, *data;
    int64_t patients, threads;
};

/* One entry that somebody holds a receipt for. */
struct demo_entry {
    const struct client *who;
    struct id id;
    bool at_bounty; /* kept by the bounty's member, else by the person's own */
};

struct demo {
    struct demo_options options;
    struct demo_member members[DEMO_MEMBERS_MAX];
    size_t n_members;
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
    struct client sponsor;
    struct demo_reviewer reviewers[DEMO_REVIEWERS];
    struct demo_patient *patients;
    /* the receipts */
    struct policy *policy;
    struct demo_entry *entries;
    size_t n_entries, cap_entries, n_fetched;
    pthread_mutex_t lock;   /* over entries */
    atomic_size_t verified; /* private entries: those whose files are in OUT/receipts */
    atomic_size_t verified_public, failed;
    /* what the servers say of themselves at the end; sums over the members that take part */
    int64_t books_sum_minor, negative_accounts, clearing_open_minor, log_entries;
    int64_t federation_members;
};

/* demo_members.c: who takes part, and the waiting for what others have to learn. */
enum err demo_read_members(struct demo *d, const char *server, struct problem *p) MUST_USE;
enum err demo_open_crew(struct demo *d, struct problem *p) MUST_USE;
enum err demo_open_operators(struct demo *d, struct problem *p) MUST_USE;
/* The member where the person lives. */
struct demo_member *demo_home(struct demo *d, const struct client *c);
/* A copy of the person with this thread's connection to their home; bytes_wipe it after use. */
struct client demo_with(struct demo *d, const struct client *c, const struct links *links);
/* Until the first member knows every reviewer; until every member knows the bounty; until no money
 * is on its way between members. ERR_IO if that takes unreasonably long. */
enum err demo_await_reviewers(struct demo *d, struct problem *p) MUST_USE;
enum err demo_await_bounty(struct demo *d, struct problem *p) MUST_USE;
enum err demo_await_clearing(struct demo *d, struct problem *p) MUST_USE;

/* demo_cohort.c: reads files, chooses mapping and terms where none is given. */
enum err demo_read_cohort(struct demo *d, struct problem *p) MUST_USE;
/* demo_people.c */
enum err demo_make_people(struct demo *d, struct problem *p) MUST_USE;
enum err demo_open_bounty(struct demo *d, struct problem *p) MUST_USE;
/* Registers, has the role attested by the operator, signs in. ret_known may be NULL: the account
 * was registered before, and then has its role. */
enum err demo_enroll(struct demo *d, struct client *c, const char *role, const char *institution,
                     const struct links *links, bool *ret_known, struct problem *p) MUST_USE;
/* demo_patient.c */
enum err demo_run_patients(struct demo *d, struct problem *p) MUST_USE;
/* The pay of those who have some, once it has come to their wallets. */
enum err demo_pay_out(struct demo *d, struct problem *p) MUST_USE;
/* demo_review.c: the whole round of one submission; seats as the server drew them. */
enum err demo_review_round(struct demo *d, const struct id *submission, const json_t *seats,
                           const struct links *links, struct problem *p) MUST_USE;
/* demo_receipts.c */
/* Entries of earlier runs on the same server are no business of this one. */
enum err demo_skip_old_receipts(struct demo *d, struct problem *p) MUST_USE;
enum err demo_collect_receipts(struct demo *d, struct problem *p) MUST_USE;
/* demo_report.c */
/* What is available in the bounty's currency; c has its connection. */
enum err demo_wallet(struct demo *d, struct client *c, int64_t *ret_minor,
                     struct problem *p) MUST_USE;
/* One member's books, as /metrics tells them. */
enum err demo_ask_books(struct demo_member *m, struct problem *p) MUST_USE;
enum err demo_ask_servers(struct demo *d, struct problem *p) MUST_USE;
enum err demo_report(struct demo *d, double seconds, json_t **ret_summary,
                     struct problem *p) MUST_USE;
void demo_print_table(const struct demo *d, const json_t *summary);

#endif
