/* The genesis file: strict, canonical, and of contents that a federation can start from. */
#include "server/ledger/members/members_internal.h"

#include "server/base/text.h"

#include <stdio.h>

#define GENESIS_VERSION 1

bool genesis_federation_valid(const char *name)
{
    size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-/");
    return len >= 1 && len <= GENESIS_FEDERATION_MAX && name[len] == '\0';
}

/* ---- contents -------------------------------------------------------------------------------- */

static enum err wrong_member(struct problem *p, size_t i, const char *what)
{
    char pointer[PROBLEM_POINTER_MAX];
    (void)snprintf(pointer, sizeof(pointer), "/members/%zu", i);
    return problem_set(p, ERR_FIELD_FORMAT, pointer, "%s", what);
}

static enum err check_members(const struct genesis *g, struct problem *p)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct member *m = &g->members[i];
        if (m->number < 1 || (i > 0 && m->number <= g->members[i - 1].number))
            return wrong_member(p, i,
                                "Members come in ascending order of their numbers, each once.");
        if (m->role < MEMBER_OBSERVER || m->role > MEMBER_VALIDATOR)
            return wrong_member(p, i, "A role is observer, candidate or validator.");
        const char *clash = member_clash(g->members, i, m);
        if (clash != NULL)
            return wrong_member(p, i,
                                strcmp(clash, "member.key_used") == 0
                                    ? "A key is used twice; every key has one purpose."
                                    : "Another member has this name or endpoint.");
        for (size_t k = 0; k < 2 * MEMBER_KEYS; k++)
            if (memcmp(g->log_key[k / MEMBER_KEYS], member_key_at(m, k % MEMBER_KEYS),
                       SIGN_PUBLIC_BYTES) == 0)
                return wrong_member(p, i, "A key of the logs is also a key of this member.");
    }
    return OK;
}

enum err genesis_check(const struct genesis *g, struct problem *p)
{
    size_t validators = 0;
    if (!genesis_federation_valid(g->federation))
        return problem_set(p, ERR_FIELD_FORMAT, "/federation",
                           "A federation name has 1 to %d of a-z, 0-9, dots, dashes and slashes.",
                           GENESIS_FEDERATION_MAX);
    if (g->t0_ms < GENESIS_T0_MIN || g->t0_ms > GENESIS_T0_MAX)
        return problem_set(p, ERR_FIELD_RANGE, "/t0_ms", "The first timeout is %d to %d ms.",
                           GENESIS_T0_MIN, GENESIS_T0_MAX);
    if (memcmp(g->log_key[0], g->log_key[1], SIGN_PUBLIC_BYTES) == 0)
        return problem_set(p, ERR_FIELD_FORMAT, "/log_keys", "The two logs have the same key.");
    if (g->n < 1 || g->n > MEMBERS_MAX)
        return problem_set(p, ERR_FIELD_RANGE, "/members", "There are 1 to %d members.",
                           MEMBERS_MAX);
    enum err e = check_members(g, p);
    for (size_t i = 0; i < g->n; i++)
        validators += g->members[i].role == MEMBER_VALIDATOR ? 1 : 0;
    if (e == OK && validators != 1 && validators < MEMBERS_VALIDATORS_MIN)
        return problem_set(p, ERR_FIELD_RANGE, "/members",
                           "%zu validators cannot be: with two or three no fault is tolerated. "
                           "Found with one, or with four and more.",
                           validators);
    return e;
}

/* ---- writing --------------------------------------------------------------------------------- */

static json_t *members_json(const struct genesis *g)
{
    json_t *list = json_array();
    for (size_t i = 0; i < g->n && list != NULL; i++) {
        json_t *one = member_json(&g->members[i]);
        if (one == NULL ||
            json_object_set_new(one, "role", json_string(member_role_name(g->members[i].role))) !=
                0 ||
            json_array_append(list, one) != 0) {
            json_decref(list);
            list = NULL;
        }
        json_decref(one);
    }
    return list;
}

enum err genesis_print(const struct genesis *g, struct buf *ret)
{
    char key[2][BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    for (size_t i = 0; i < 2; i++)
        base64_encode(g->log_key[i], SIGN_PUBLIC_BYTES, key[i]);
    json_t *v = json_pack("{s:s, s:{s:s, s:s}, s:o, s:I, s:i}", "federation", g->federation,
                          "log_keys", "account", key[0], "tx", key[1], "members", members_json(g),
                          "t0_ms", (json_int_t)g->t0_ms, "version", GENESIS_VERSION);
    if (v == NULL)
        return ERR_NO_MEMORY;
    enum err e = json_canonical(v, ret);
    json_decref(v);
    return e;
}

/* ---- reading --------------------------------------------------------------------------------- */

static enum err read_member(const json_t *v, size_t i, struct member *ret, struct problem *p)
{
    static const char *const roles[] = { "observer", "candidate", "validator", NULL };
    char prefix[32];
    struct member m = { 0 };
    struct member_text t;
    struct field fields[MEMBER_FIELDS + 1];
    const char *role = NULL;
    (void)snprintf(prefix, sizeof(prefix), "/members/%zu", i);
    member_fields(&m, &t, fields);
    fields[MEMBER_FIELDS] = (struct field)F_CODE("role", &role, roles);
    enum err e = fields_read(v, prefix, fields, COUNT(fields), p);
    if (e == OK)
        e = member_finish(&m, &t, prefix, p);
    if (e != OK)
        return e;
    while (strcmp(member_role_name(m.role), role) != 0)
        m.role++;
    *ret = m;
    return OK;
}

static enum err read_genesis(const json_t *v, struct genesis *g, struct problem *p)
{
    const char *federation;
    json_t *keys, *list;
    int64_t t0, version;
    const struct field fields[] = {
        F_TEXT("federation", &federation, 1, GENESIS_FEDERATION_MAX),
        F_OBJECT("log_keys", &keys),
        F_ARRAY("members", &list, 1, MEMBERS_MAX),
        F_INT("t0_ms", &t0, GENESIS_T0_MIN, GENESIS_T0_MAX),
        F_INT("version", &version, GENESIS_VERSION, GENESIS_VERSION),
    };
    const struct field log_keys[] = {
        F_BYTES("account", g->log_key[0], SIGN_PUBLIC_BYTES),
        F_BYTES("tx", g->log_key[1], SIGN_PUBLIC_BYTES),
    };
    enum err e = fields_read(v, "", fields, COUNT(fields), p);
    if (e == OK)
        e = fields_read(keys, "/log_keys", log_keys, COUNT(log_keys), p);
    if (e != OK)
        return e;
    (void)snprintf(g->federation, sizeof(g->federation), "%s", federation);
    g->t0_ms = (uint32_t)t0;
    g->n = json_array_size(list);
    for (size_t i = 0; i < g->n && e == OK; i++)
        e = read_member(json_array_get(list, i), i, &g->members[i], p);
    return e == OK ? genesis_check(g, p) : e;
}

static enum err compare(const struct genesis *g, const char *text, size_t len, struct problem *p)
{
    struct buf b;
    buf_init(&b, GENESIS_MAX);
    enum err e = genesis_print(g, &b);
    if (e == OK && (b.len != len || memcmp(b.data, text, len) != 0))
        e = problem_set(p, ERR_FIELD_FORMAT, "",
                        "The genesis file is not in canonical form; copy it byte for byte.");
    buf_release(&b);
    return e;
}

enum err genesis_parse(const char *text, size_t len, struct genesis *ret, struct problem *p)
{
    json_t *v = NULL;
    if (len > GENESIS_MAX)
        return problem_set(p, ERR_LIMIT, "", "A genesis file has at most %u bytes.", GENESIS_MAX);
    struct genesis *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NO_MEMORY;
    enum err e = json_read(text, len, &v, p);
    if (e == OK)
        e = read_genesis(v, g, p);
    json_decref(v);
    if (e == OK)
        e = compare(g, text, len, p);
    if (e == OK)
        *ret = *g;
    free(g);
    return e;
}
