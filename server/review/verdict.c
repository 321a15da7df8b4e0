#include "server/review/verdict.h"

#include "server/base/fields.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const char *const recommend_codes[] = { "accept", "return", "reject", NULL };
const char *const reason_codes[] = {
    "dates.gap",   "visits.sparse",    "items.missing",       "values.implausible", "units.wrong",
    "codes.wrong", "series.duplicate", "series.inconsistent", "identity.visible",   "claims.wrong",
    NULL
};

size_t reason_count(void)
{
    return COUNT(reason_codes) - 1;
}

static size_t place_of(const char *const *codes, const char *text)
{
    size_t i = 0;
    while (codes[i] != NULL && strcmp(codes[i], text) != 0)
        i++;
    return i;
}

json_t *reasons_json(uint32_t mask)
{
    json_t *list = json_array();
    for (size_t i = 0; i < reason_count() && list != NULL; i++)
        if ((mask & (1u << i)) != 0 &&
            json_array_append_new(list, json_string(reason_codes[i])) != 0) {
            json_decref(list);
            list = NULL;
        }
    return list;
}

static enum err read_reasons(const json_t *list, const char *prefix, uint32_t *ret,
                             struct problem *p)
{
    uint32_t mask = 0;
    for (size_t i = 0; i < json_array_size(list); i++) {
        char pointer[PROBLEM_POINTER_MAX];
        (void)snprintf(pointer, sizeof(pointer), "%s/reasons/%zu", prefix, i);
        const char *text = json_string_value(json_array_get(list, i));
        if (text == NULL)
            return problem_set(p, ERR_FIELD_TYPE, pointer, "This must be a string.");
        size_t place = place_of(reason_codes, text);
        if (place == reason_count())
            return problem_set(p, ERR_FIELD_CODE, pointer,
                               "This is no reason code; see the list in docs/review.md.");
        if ((mask & (1u << place)) != 0)
            return problem_set(p, ERR_FIELD_FORMAT, pointer,
                               "This reason comes twice; name it once.");
        mask |= 1u << place;
    }
    *ret = mask;
    return OK;
}

static enum err read_rubric(const json_t *rubric, const char *prefix, const struct terms *terms,
                            int64_t *ret_sum, struct problem *p)
{
    char pointer[PROBLEM_POINTER_MAX];
    (void)snprintf(pointer, sizeof(pointer), "%s/rubric", prefix);
    int64_t marks[TERMS_RUBRIC_MAX] = { 0 };
    struct field fields[TERMS_RUBRIC_MAX];
    size_t n = terms->review.n_rubric;
    assert(n >= 1 && n <= TERMS_RUBRIC_MAX);
    for (size_t i = 0; i < n; i++)
        fields[i] = (struct field)F_INT(terms->review.rubric[i], &marks[i], 0, TERMS_BP);
    enum err e = fields_read(rubric, pointer, fields, n, p);
    if (e != OK)
        return e;
    int64_t sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += marks[i];
    *ret_sum = sum;
    return OK;
}

enum err verdict_read(const json_t *value, const char *prefix, const struct terms *terms,
                      struct verdict *ret, struct problem *p)
{
    struct verdict v = { 0 };
    json_t *rubric, *reasons;
    const char *recommend;
    const struct field fields[] = {
        F_OBJECT("rubric", &rubric),
        F_INT("visits", &v.visits, 0, TERMS_VISITS_MAX),
        F_INT("months", &v.months, 0, TERMS_MONTHS_MAX),
        F_CODE("recommend", &recommend, recommend_codes),
        F_ARRAY("reasons", &reasons, 0, VERDICT_REASONS_MAX),
    };
    enum err e = fields_read(value, prefix, fields, COUNT(fields), p);
    if (e == OK)
        e = read_rubric(rubric, prefix, terms, &v.rubric_sum, p);
    if (e == OK)
        e = read_reasons(reasons, prefix, &v.reasons, p);
    if (e != OK)
        return e;
    v.recommend = (enum recommend)place_of(recommend_codes, recommend);
    *ret = v;
    return OK;
}

enum err verdict_commitment(const json_t *verdict, const uint8_t nonce[VERDICT_NONCE_BYTES],
                            uint8_t ret[HASH_BYTES])
{
    struct buf b;
    buf_init(&b, 16u << 10);
    enum err e = buf_add_str(&b, "cairn/v1/verdict");
    if (e == OK)
        e = buf_add(&b, nonce, VERDICT_NONCE_BYTES);
    if (e == OK)
        e = json_canonical(verdict, &b);
    if (e == OK)
        sha256(b.data, b.len, ret);
    buf_release_secret(&b); /* a verdict is sealed until it is revealed */
    return e;
}
