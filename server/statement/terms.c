#include "server/statement/terms.h"

#include "server/base/fields.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

const char *const terms_currencies[] = { "EUR", "USD", "GBP", "CHF", "JPY", "SEK",
                                         "DKK", "NOK", "PLN", "CZK", NULL };
const char *const terms_rubric_codes[] = { "authentic", "complete", "consistent",
                                           "coded",     "useful",   NULL };

/* Where a member of an inner object or array stands. */
struct at {
    char text[PROBLEM_POINTER_MAX];
};

static struct at at_member(const char *prefix, const char *name)
{
    struct at a;
    (void)snprintf(a.text, sizeof(a.text), "%.*s/%s", PROBLEM_POINTER_MAX - 24, prefix, name);
    return a;
}

static struct at at_element(const struct at *array, size_t i)
{
    struct at a;
    (void)snprintf(a.text, sizeof(a.text), "%.*s/%zu", PROBLEM_POINTER_MAX - 24, array->text, i);
    return a;
}

static bool coded(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(text, prefix, n) != 0 || strlen(text) != n + 7)
        return false;
    for (const char *c = text + n; *c != '\0'; c++)
        if (*c < '0' || *c > '9')
            return false;
    return true;
}

bool disease_valid(const char *text)
{
    return coded(text, "MONDO:");
}

/* Both sizes come from the same constants; a cut text would be our bug. */
static void copy_text(char *ret, size_t size, const char *text)
{
    assert(strlen(text) < size);
    memcpy(ret, text, strlen(text) + 1);
}

static enum err read_item(const json_t *v, const struct at *place, struct terms_item *ret,
                          struct problem *p)
{
    const char *system, *code;
    const struct field fields[] = {
        F_TEXT("system", &system, 1, TERMS_SYSTEM_MAX),
        F_TEXT("code", &code, 1, TERMS_CODE_MAX),
    };
    enum err e = fields_read(v, place->text, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    copy_text(ret->system, sizeof(ret->system), system);
    copy_text(ret->code, sizeof(ret->code), code);
    return OK;
}

static enum err read_visits(const json_t *v, const char *prefix, struct terms_visits *ret,
                            struct problem *p)
{
    json_t *required;
    const struct field fields[] = {
        F_INT("min_spacing_days", &ret->min_spacing_days, 0, 3650),
        F_INT("horizon_months", &ret->horizon_months, 0, TERMS_MONTHS_MAX),
        F_INT("required_min", &ret->required_min, 0, TERMS_REQUIRED_MAX),
        F_ARRAY("required", &required, 0, TERMS_REQUIRED_MAX),
    };
    enum err e = fields_read(v, prefix, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    struct at array = at_member(prefix, "required");
    ret->n_required = json_array_size(required);
    for (size_t i = 0; i < ret->n_required; i++) {
        struct at place = at_element(&array, i);
        e = read_item(json_array_get(required, i), &place, &ret->required[i], p);
        if (e != OK)
            return e;
        for (size_t j = 0; j < i; j++)
            if (strcmp(ret->required[j].system, ret->required[i].system) == 0 &&
                strcmp(ret->required[j].code, ret->required[i].code) == 0)
                return problem_set(p, ERR_BOUNTY_TERMS, place.text,
                                   "This item is required twice; name it once.");
    }
    if (ret->required_min > (int64_t)ret->n_required)
        return problem_set(p, ERR_BOUNTY_TERMS, at_member(prefix, "required_min").text,
                           "A visit cannot have more of the required items than there are.");
    return OK;
}

static enum err read_quality(const json_t *steps, const struct at *array, struct terms_reward *ret,
                             struct problem *p)
{
    ret->n_quality = json_array_size(steps);
    for (size_t i = 0; i < ret->n_quality; i++) {
        struct quality_step *step = &ret->quality[i];
        struct at place = at_element(array, i);
        const struct field fields[] = {
            F_INT("score_bp", &step->score_bp, 0, TERMS_BP),
            F_INT("quality_bp", &step->quality_bp, 0, TERMS_BP),
        };
        enum err e = fields_read(json_array_get(steps, i), place.text, fields, COUNT(fields), p);
        if (e != OK)
            return e;
        /* A better score must never earn less. */
        if (i > 0 &&
            (step->score_bp <= step[-1].score_bp || step->quality_bp < step[-1].quality_bp))
            return problem_set(p, ERR_BOUNTY_TERMS, place.text,
                               "Quality steps must ascend: a higher score_bp than the step before, "
                               "and no lower quality_bp.");
    }
    return OK;
}

static enum err read_reward(const json_t *v, const char *prefix, struct terms_reward *ret,
                            struct problem *p)
{
    json_t *quality;
    const struct field fields[] = {
        F_INT("base_minor", &ret->base_minor, 0, TERMS_AMOUNT_MAX),
        F_INT("per_visit_minor", &ret->per_visit_minor, 0, TERMS_AMOUNT_MAX),
        F_INT("per_month_minor", &ret->per_month_minor, 0, TERMS_AMOUNT_MAX),
        F_INT("cap_minor", &ret->cap_minor, 0, TERMS_AMOUNT_MAX),
        F_INT("scarcity_bp", &ret->scarcity_bp, 0, 100000),
        F_ARRAY("quality", &quality, 1, TERMS_QUALITY_MAX),
    };
    enum err e = fields_read(v, prefix, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    if (ret->cap_minor < ret->base_minor)
        return problem_set(p, ERR_BOUNTY_TERMS, at_member(prefix, "cap_minor").text,
                           "The cap is below the base; raise the cap or lower the base.");
    struct at array = at_member(prefix, "quality");
    return read_quality(quality, &array, ret, p);
}

static enum err read_rubric(const json_t *codes, const struct at *array, struct terms_review *ret,
                            struct problem *p)
{
    ret->n_rubric = json_array_size(codes);
    for (size_t i = 0; i < ret->n_rubric; i++) {
        struct at place = at_element(array, i);
        const char *text = json_string_value(json_array_get(codes, i));
        const char *const *known = terms_rubric_codes;
        while (text != NULL && *known != NULL && strcmp(*known, text) != 0)
            known++;
        if (text == NULL)
            return problem_set(p, ERR_FIELD_TYPE, place.text, "This must be a string.");
        if (*known == NULL)
            return problem_set(p, ERR_FIELD_CODE, place.text,
                               "A rubric code is one of authentic, complete, consistent, coded, "
                               "useful.");
        for (size_t j = 0; j < i; j++)
            if (ret->rubric[j] == *known)
                return problem_set(p, ERR_BOUNTY_TERMS, place.text,
                                   "This rubric code comes twice; name it once.");
        ret->rubric[i] = *known;
    }
    return OK;
}

static enum err read_review(const json_t *v, const char *prefix, struct terms_review *ret,
                            struct problem *p)
{
    json_t *rubric;
    const struct field fields[] = {
        F_INT("seats", &ret->seats, 1, TERMS_SEATS_MAX),
        F_INT("quorum", &ret->quorum, 1, TERMS_SEATS_MAX),
        F_INT("fee_minor", &ret->fee_minor, 0, TERMS_AMOUNT_MAX),
        F_INT("threshold_bp", &ret->threshold_bp, 0, TERMS_BP),
        F_INT("k", &ret->k, 1, 10),
        F_ARRAY("rubric", &rubric, 1, TERMS_RUBRIC_MAX),
        F_INT("commit_hours", &ret->commit_hours, 1, 2160),
        F_INT("reveal_hours", &ret->reveal_hours, 1, 720),
    };
    enum err e = fields_read(v, prefix, fields, COUNT(fields), p);
    if (e != OK)
        return e;
    if (ret->quorum > ret->seats)
        return problem_set(p, ERR_BOUNTY_TERMS, at_member(prefix, "quorum").text,
                           "The quorum is larger than the number of seats.");
    struct at array = at_member(prefix, "rubric");
    return read_rubric(rubric, &array, ret, p);
}

static enum err read_purposes(const json_t *codes, const struct at *array, struct terms *ret,
                              struct problem *p)
{
    ret->n_purposes = json_array_size(codes);
    for (size_t i = 0; i < ret->n_purposes; i++) {
        struct at place = at_element(array, i);
        const char *text = json_string_value(json_array_get(codes, i));
        if (text == NULL)
            return problem_set(p, ERR_FIELD_TYPE, place.text, "This must be a string.");
        if (!coded(text, "DUO:"))
            return problem_set(p, ERR_FIELD_FORMAT, place.text,
                               "A purpose is a DUO code such as DUO:0000006.");
        for (size_t j = 0; j < i; j++)
            if (strcmp(ret->purposes[j], text) == 0)
                return problem_set(p, ERR_BOUNTY_TERMS, place.text,
                                   "This purpose comes twice; name it once.");
        copy_text(ret->purposes[i], sizeof(ret->purposes[i]), text);
    }
    return OK;
}

/* Members that lie within their bounds can still contradict each other. */
static enum err check_whole(const struct terms *t, const char *prefix, struct problem *p)
{
    if (t->closes_at <= t->opens_at)
        return problem_set(p, ERR_BOUNTY_TERMS, at_member(prefix, "closes_at").text,
                           "The bounty must close after it opens.");
    /* The same sum as reward_worst_case, with the cap in place of the exact best reward: this
     * folder knows no market, and a budget below the cap would promise what it cannot pay. */
    int64_t worst = t->reward.cap_minor + t->review.fee_minor * t->review.seats;
    if (t->budget_minor < worst)
        return problem_set(
            p, ERR_BOUNTY_TERMS, at_member(prefix, "budget_minor").text,
            "The budget must cover one submission at the cap and its reviewers, here "
            "%" PRId64 ".",
            worst);
    return OK;
}

/* The outer members; the inner ones are left in the json_t given. */
struct parts {
    const char *title, *disease, *currency;
    json_t *visits, *reward, *review, *purposes;
};

static enum err read_inner(const struct parts *in, const char *prefix, struct terms *t,
                           struct problem *p)
{
    if (!disease_valid(in->disease))
        return problem_set(p, ERR_FIELD_FORMAT, at_member(prefix, "disease").text,
                           "A disease is a MONDO code such as MONDO:0005388.");
    copy_text(t->title, sizeof(t->title), in->title);
    copy_text(t->disease, sizeof(t->disease), in->disease);
    copy_text(t->currency, sizeof(t->currency), in->currency);
    struct at purposes = at_member(prefix, "purposes");
    enum err e = read_visits(in->visits, at_member(prefix, "visit_plan").text, &t->visits, p);
    if (e == OK)
        e = read_reward(in->reward, at_member(prefix, "reward").text, &t->reward, p);
    if (e == OK)
        e = read_review(in->review, at_member(prefix, "review").text, &t->review, p);
    if (e == OK)
        e = read_purposes(in->purposes, &purposes, t, p);
    return e == OK ? check_whole(t, prefix, p) : e;
}

enum err terms_read(const json_t *value, const char *prefix, struct terms *ret, struct problem *p)
{
    struct terms t = { 0 };
    struct parts in;
    const struct field fields[] = {
        F_TEXT("title", &in.title, 1, TERMS_TITLE_MAX),
        F_TEXT("disease", &in.disease, 1, 32),
        F_CODE("currency", &in.currency, terms_currencies),
        F_OBJECT("visit_plan", &in.visits),
        F_OBJECT("reward", &in.reward),
        F_OBJECT("review", &in.review),
        F_ARRAY("purposes", &in.purposes, 1, TERMS_PURPOSES_MAX),
        F_INT("retention_days", &t.retention_days, 1, TERMS_RETENTION_DAYS_MAX),
        F_INT("budget_minor", &t.budget_minor, 0, TERMS_AMOUNT_MAX),
        F_TIME("opens_at", &t.opens_at),
        F_TIME("closes_at", &t.closes_at),
    };
    enum err e = fields_read(value, prefix, fields, COUNT(fields), p);
    if (e == OK)
        e = read_inner(&in, prefix, &t, p);
    if (e == OK)
        *ret = t;
    return e;
}

enum err terms_hash(const json_t *value, uint8_t ret[HASH_BYTES])
{
    struct buf b;
    buf_init(&b, 64u << 10);
    enum err e = json_canonical(value, &b);
    if (e == OK)
        sha256(b.data, b.len, ret);
    buf_release(&b);
    return e;
}
