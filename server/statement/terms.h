/* Terms of a bounty: public, frozen at publication, hashed on the chain (docs/market.md). One
 * reader for client and server, so that what a sponsor's client accepts the server accepts too. The
 * struct is plain memory: everything is copied, nothing to release. Pure, thread-safe. */
#ifndef CAIRN_STATEMENT_TERMS_H
#define CAIRN_STATEMENT_TERMS_H

#include "server/base/clock.h"
#include "server/base/json.h"
#include "server/crypto/hash.h"

#define TERMS_AMOUNT_MAX INT64_C(1000000000000) /* minor units, 10^12 */
#define TERMS_TITLE_MAX 120
#define TERMS_SYSTEM_MAX 128
#define TERMS_CODE_MAX 64
#define TERMS_REQUIRED_MAX 32
#define TERMS_QUALITY_MAX 8
#define TERMS_RUBRIC_MAX 8
#define TERMS_PURPOSES_MAX 8
#define TERMS_SEATS_MAX 15
#define TERMS_MONTHS_MAX 1200
#define TERMS_VISITS_MAX 20000 /* most visits a claim or verdict may name */
#define TERMS_RETENTION_DAYS_MAX 36500
#define TERMS_BP 10000

/* NULL-ended lists for F_CODE. */
extern const char *const terms_currencies[];   /* EUR USD GBP CHF JPY SEK DKK NOK PLN CZK */
extern const char *const terms_rubric_codes[]; /* authentic complete consistent coded useful */

struct terms_item {
    char system[TERMS_SYSTEM_MAX + 1];
    char code[TERMS_CODE_MAX + 1];
};

/* From score_bp on, a submission earns quality_bp of the full reward. */
struct quality_step {
    int64_t score_bp, quality_bp;
};

struct terms_visits {
    int64_t min_spacing_days, horizon_months, required_min;
    size_t n_required;
    struct terms_item required[TERMS_REQUIRED_MAX];
};

struct terms_reward {
    int64_t base_minor, per_visit_minor, per_month_minor, cap_minor, scarcity_bp;
    size_t n_quality;
    struct quality_step quality[TERMS_QUALITY_MAX]; /* both members ascending */
};

struct terms_review {
    int64_t seats, quorum, fee_minor, threshold_bp, k, commit_hours, reveal_hours;
    size_t n_rubric;
    const char *rubric[TERMS_RUBRIC_MAX]; /* static strings of terms_rubric_codes, distinct */
};

struct terms {
    char title[TERMS_TITLE_MAX + 1];
    char disease[14]; /* "MONDO:" and 7 digits */
    char currency[4];
    struct terms_visits visits;
    struct terms_reward reward;
    struct terms_review review;
    size_t n_purposes;
    char purposes[TERMS_PURPOSES_MAX][12]; /* "DUO:" and 7 digits */
    int64_t retention_days, budget_minor;
    usec_t opens_at, closes_at;
};

/* Reads and bounds every member. Wrong members: the ERR_FIELD_ codes with a pointer; terms that
 * contradict themselves: ERR_BOUNTY_TERMS. prefix is the pointer of value, "/statement/terms" or
 * "". */
enum err terms_read(const json_t *value, const char *prefix, struct terms *ret,
                    struct problem *p) MUST_USE;
/* SHA-256 of the canonical bytes of the terms object. */
enum err terms_hash(const json_t *value, uint8_t ret[HASH_BYTES]) MUST_USE;
/* "MONDO:" and 7 digits. */
bool disease_valid(const char *text);

#endif
