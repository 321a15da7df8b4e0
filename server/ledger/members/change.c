/* Changes of the membership: proposed by one, approved by a quorum of validators, carried out at
 * the boundary. A proposal lives in one epoch and nothing else changes the list within it, so a
 * change that could be made when it was proposed can be made when it has its quorum. */
#include "server/ledger/members/members_internal.h"

#include <assert.h>

static const char *const kinds[] = { "join", "promote", "demote", "leave", "rekey", NULL };

static uint16_t validators(const struct members *m)
{
    uint16_t who[CORE_MEMBERS_MAX];
    return members_validators(m, who);
}

const struct change *change_accepted(const struct members *m)
{
    uint16_t q = core_quorum(validators(m));
    for (size_t i = 0; i < m->n_pending; i++)
        if (core_set_count(&m->pending[i].approvals) >= q)
            return &m->pending[i];
    return NULL;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* *ret_kind stays 0 if there is no such kind. */
static void read_kind(const struct statement *s, uint8_t *ret_kind)
{
    const char *text = json_string_value(json_object_get(s->root, "change"));
    for (size_t i = 0; kinds[i] != NULL && text != NULL; i++)
        if (strcmp(kinds[i], text) == 0)
            *ret_kind = (uint8_t)(i + 1);
}

/* The members of each kind beyond "change": join those of a card, rekey what becomes different,
 * the others the number. *c->member is prefilled for a rekey. */
static enum err read_change(const struct members *m, const struct statement *s, struct change *c,
                            const char **ret_refused)
{
    const char *kind;
    struct member_text t = { .number = c->member.number,
                             .name = c->member.name,
                             .endpoint = c->member.endpoint };
    struct field own[MEMBER_FIELDS + 1], *name;
    member_fields(&c->member, &t, own);
    name = &own[1];
    size_t n = c->kind == CHANGE_JOIN || c->kind == CHANGE_REKEY ? MEMBER_FIELDS : 1;
    if (c->kind == CHANGE_REKEY) {
        for (size_t i = 0; i < n; i++)
            own[i].optional = i > 0;
        *name = own[--n]; /* an institution keeps its name */
        name->optional = true;
    }
    own[n++] = (struct field)F_CODE("change", &kind, kinds);
    enum err e = members_read(m, s, own, n, ret_refused);
    if (e != OK || *ret_refused != NULL)
        return e;
    if (c->kind != CHANGE_JOIN && c->kind != CHANGE_REKEY)
        c->member.number = (uint16_t)t.number;
    else if (c->kind == CHANGE_REKEY && t.number != c->member.number)
        *ret_refused = "member.role"; /* of oneself only */
    else if (member_finish(&c->member, &t, "", NULL) != OK)
        *ret_refused = err_code(ERR_FIELD_FORMAT);
    return OK;
}

/* ---- judging --------------------------------------------------------------------------------- */

static const char *why_not_join(const struct members *m, const struct member *who)
{
    if (members_find(m, who->number) != NULL)
        return "member.number_used";
    if (m->n == MEMBERS_MAX)
        return "member.full";
    return member_clash(m->list, m->n, who);
}

static const char *why_not_rekey(const struct members *m, const struct member *by,
                                 const struct member *as)
{
    bool same = strcmp(by->endpoint, as->endpoint) == 0;
    for (size_t i = 0; i < MEMBER_KEYS; i++)
        same = same && memcmp(member_key_at(by, i), member_key_at(as, i), SIGN_PUBLIC_BYTES) == 0;
    return same ? "member.change" : member_clash(m->list, m->n, as);
}

/* Two or three validators tolerate no fault and are worth less than one: nobody comes there. */
static const char *why_not_count(int validators_after)
{
    return validators_after < MEMBERS_VALIDATORS_MIN ? "member.too_few" : NULL;
}

static const char *why_not_step(const struct members *m, uint8_t kind, const struct member *who)
{
    if (who == NULL || who->role == MEMBER_GONE)
        return "member.unknown";
    bool votes = who->role == MEMBER_VALIDATOR;
    switch (kind) {
    case CHANGE_PROMOTE:
        if (votes)
            return "member.change";
        return who->role == MEMBER_CANDIDATE ? why_not_count(validators(m) + 1) : NULL;
    case CHANGE_DEMOTE:
        if (who->role == MEMBER_OBSERVER)
            return "member.change";
        return votes ? why_not_count(validators(m) - 1) : NULL;
    default:
        return votes ? why_not_count(validators(m) - 1) : NULL;
    }
}

const char *change_why_impossible(const struct members *m, const struct change *c)
{
    if (c->kind == CHANGE_JOIN)
        return why_not_join(m, &c->member);
    const struct member *who = members_find(m, c->member.number);
    if (c->kind == CHANGE_REKEY)
        return who == NULL ? "member.unknown" : why_not_rekey(m, who, &c->member);
    return why_not_step(m, c->kind, who);
}

static const char *why_not(const struct members *m, const struct member *by, const struct change *c)
{
    const struct member *who = members_find(m, c->member.number);
    bool own =
        c->kind == CHANGE_REKEY || (c->kind == CHANGE_LEAVE && c->member.number == by->number);
    if (by->role != MEMBER_VALIDATOR && !own)
        return "member.role";
    if (c->kind == CHANGE_PROMOTE && who != NULL && who->convicted)
        return "member.change";
    for (size_t i = 0; i < m->n_pending; i++)
        if (id_equal(&m->pending[i].id, &c->id))
            return "change.known";
    return change_why_impossible(m, c);
}

/* ---- noting ---------------------------------------------------------------------------------- */

static void approve(const struct members *m, struct change *c, uint16_t number)
{
    int index = members_validator_index(m, number);
    if (index >= 0)
        core_set_add(&c->approvals, (size_t)index);
}

/* At the end, in the place of the proposer's earlier one. */
static void note(struct members *m, const struct change *c)
{
    size_t kept = 0;
    for (size_t i = 0; i < m->n_pending; i++)
        if (m->pending[i].proposer != c->proposer)
            m->pending[kept++] = m->pending[i];
    assert(kept < MEMBERS_PENDING_MAX); /* one for each member, and the proposer has none now */
    m->pending[kept] = *c;
    for (size_t i = kept + 1; i < m->n_pending; i++)
        memset(&m->pending[i], 0, sizeof(m->pending[i]));
    m->n_pending = kept + 1;
}

enum err change_propose(struct members *m, const struct member *by, const struct statement *s,
                        const char **ret_refused)
{
    struct change c = { .id = s->id, .proposer = by->number };
    read_kind(s, &c.kind);
    if (members_epoch_ended(m))
        *ret_refused = "epoch.ended";
    else if (c.kind == 0)
        *ret_refused = err_code(ERR_FIELD_CODE);
    if (*ret_refused != NULL)
        return OK;
    if (c.kind == CHANGE_REKEY)
        c.member = *by;
    enum err e = read_change(m, s, &c, ret_refused);
    if (e == OK && *ret_refused == NULL)
        *ret_refused = why_not(m, by, &c);
    if (e != OK || *ret_refused != NULL)
        return e;
    approve(m, &c, by->number);
    note(m, &c);
    return OK;
}

enum err change_approve(struct members *m, const struct member *by, const struct statement *s,
                        const char **ret_refused)
{
    struct id id;
    struct change *c = NULL;
    const struct field own[] = { F_ID("change", &id) };
    int index = members_validator_index(m, by->number);
    enum err e = members_read(m, s, own, COUNT(own), ret_refused);
    if (e != OK || *ret_refused != NULL)
        return e;
    for (size_t i = 0; i < m->n_pending; i++)
        if (id_equal(&m->pending[i].id, &id))
            c = &m->pending[i];
    if (members_epoch_ended(m))
        *ret_refused = "epoch.ended";
    else if (index < 0)
        *ret_refused = "member.role";
    else if (c == NULL)
        *ret_refused = "change.unknown";
    else if (core_set_has(&c->approvals, (size_t)index))
        *ret_refused = "change.approved";
    else
        approve(m, c, by->number);
    return OK;
}

/* ---- carrying out ---------------------------------------------------------------------------- */

static void insert(struct members *m, const struct member *who)
{
    size_t at = 0;
    assert(m->n < MEMBERS_MAX);
    while (at < m->n && m->list[at].number < who->number)
        at++;
    memmove(&m->list[at + 1], &m->list[at], (m->n - at) * sizeof(m->list[0]));
    m->list[at] = *who;
    m->list[at].role = MEMBER_OBSERVER;
    m->list[at].credit = 0;
    m->n++;
}

void change_carry_out(struct members *m, const struct change *c)
{
    if (c->kind == CHANGE_JOIN) {
        insert(m, &c->member);
        return;
    }
    size_t at = members_position(m, c->member.number);
    assert(at < MEMBERS_MAX);
    struct member *who = &m->list[at], before = *who;
    if (c->kind == CHANGE_PROMOTE)
        who->role++;
    if (c->kind == CHANGE_DEMOTE)
        who->role--;
    if (c->kind == CHANGE_LEAVE)
        who->role = MEMBER_GONE;
    if (c->kind != CHANGE_REKEY)
        return;
    *who = c->member;
    who->role = before.role;
    who->credit = before.credit;
    who->convicted = before.convicted;
}
