/* One public entry of the account chain: which kind it is, whether it may be said by this member
 * here and now, and who carries it out. */
#include "server/ledger/members/members_internal.h"

#include "server/base/text.h"

enum by_key { BY_OPERATOR, BY_MEMBER };

struct verb {
    const char *kind;
    enum by_key key;
    enum err (*run)(struct members *m, const struct member *by, const struct statement *s,
                    const char **ret_refused);
};

static const struct verb verbs[] = {
    { "member.propose", BY_OPERATOR, change_propose },
    { "member.approve", BY_OPERATOR, change_approve },
    { "member.evidence", BY_MEMBER, conviction_apply },
    { "seed.commit", BY_MEMBER, seed_commit },
    { "seed.open", BY_MEMBER, seed_open },
};

static const struct verb *find_verb(const json_t *v)
{
    const char *kind = json_string_value(json_object_get(v, "kind"));
    for (size_t i = 0; i < COUNT(verbs) && kind != NULL; i++)
        if (strcmp(verbs[i].kind, kind) == 0)
            return &verbs[i];
    return NULL;
}

enum err members_read(const struct members *m, const struct statement *s, const struct field *own,
                      size_t n, const char **ret_refused)
{
    uint8_t genesis[HASH_BYTES];
    struct field all[STATEMENT_EXTRA_MAX] = { F_BYTES("genesis", genesis, HASH_BYTES) };
    memcpy(all + 1, own, n * sizeof(*own));
    enum err e = statement_fields(s, all, n + 1, NULL);
    if (e == ERR_NO_MEMORY)
        return e;
    if (e != OK)
        *ret_refused = err_code(e);
    else if (memcmp(genesis, m->genesis, HASH_BYTES) != 0)
        *ret_refused = "member.genesis";
    return OK;
}

/* The entry's member must be one of us, and its key must have signed for this very epoch: what was
 * said for another epoch can be played again by nobody. */
static const char *why_not(const struct members *m, const struct member *by,
                           const struct verb *verb, const struct statement *s)
{
    if (by == NULL || by->role == MEMBER_GONE)
        return "member.unknown";
    const uint8_t *key = verb->key == BY_OPERATOR ? by->operator_key : by->member_key;
    if (memcmp(s->signer, key, SIGN_PUBLIC_BYTES) != 0)
        return err_code(ERR_STATEMENT_SIGNER);
    return s->version == (int64_t)m->epoch ? NULL : "member.epoch";
}

/* What was said, as it came: bytes and their meaning. */
struct said {
    const char *bytes;
    size_t len;
    const json_t *value;
};

static enum err run(struct members *m, uint16_t number, const struct verb *verb,
                    const struct said *said, const char **ret_refused)
{
    struct statement s;
    enum err e = statement_parse(said->value, "", &s, NULL);
    if (e == ERR_NO_MEMORY)
        return e;
    if (e != OK) {
        *ret_refused = err_code(e);
        return OK;
    }
    const struct member *by = members_find(m, number);
    bool canonical =
        s.canonical_len == said->len && memcmp(s.canonical, said->bytes, said->len) == 0;
    *ret_refused = canonical ? why_not(m, by, verb, &s) : err_code(ERR_STATEMENT_FORM);
    if (*ret_refused == NULL)
        e = verb->run(m, by, &s, ret_refused);
    statement_release(&s);
    return e;
}

enum err members_apply(struct members *m, uint16_t member, const char *statement, size_t len,
                       const char **ret_refused, bool *ret_boundary)
{
    const char *refused = NULL;
    json_t *v = NULL;
    bool ended = members_epoch_ended(m);
    enum err e = json_read(statement, len, &v, NULL);
    if (e == ERR_NO_MEMORY)
        return e;
    const struct verb *verb = e == OK ? find_verb(v) : NULL;
    if (verb != NULL)
        e = run(m, member, verb, &(struct said){ statement, len, v }, &refused);
    else
        e = OK; /* not ours to judge */
    json_decref(v);
    if (e != OK)
        return e;
    *ret_refused = refused;
    *ret_boundary = !ended && members_epoch_ended(m);
    return OK;
}

json_t *members_draft(const struct members *m, const char *kind, const struct id *id, usec_t time)
{
    char genesis[BASE64_SIZE(HASH_BYTES)];
    base64_encode(m->genesis, HASH_BYTES, genesis);
    json_t *v = statement_draft(kind, id, m->epoch, time);
    if (v != NULL && json_object_set_new(v, "genesis", json_string(genesis)) != 0) {
        json_decref(v);
        v = NULL;
    }
    return v;
}
