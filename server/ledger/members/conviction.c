/* Evidence on the chain (server/ledger/wire/forensics.h) and what follows from it. */
#include "server/ledger/members/members_internal.h"

#include "server/base/text.h"
#include "server/ledger/wire/forensics.h"

static uint16_t validators(const struct members *m)
{
    uint16_t who[CORE_MEMBERS_MAX];
    return members_validators(m, who);
}

/* Votes of either chain, of this epoch or of the one before. */
static enum err judge(const struct members *m, const uint8_t *bytes, size_t len, uint16_t *ret)
{
    enum err e = ERR_CRYPTO;
    for (uint32_t back = 0; back < 2 && e != OK; back++)
        for (int chain = CHAIN_ACCOUNT; chain <= CHAIN_TX && e != OK; chain++) {
            struct wire_scope scope;
            uint8_t fault;
            if (!members_scope(m, (enum chain)chain, m->epoch - back, &scope))
                continue;
            e = evidence_verify(&scope, bytes, len, ret, &fault);
            if (e == ERR_NO_MEMORY)
                return e;
        }
    return e;
}

enum err conviction_apply(struct members *m, const struct member *by, const struct statement *s,
                          const char **ret_refused)
{
    const char *text;
    uint8_t bytes[EVIDENCE_MAX];
    size_t len = 0;
    uint16_t number = 0;
    const struct field own[] = { F_TEXT("evidence", &text, 4, BASE64_SIZE(EVIDENCE_MAX) - 1) };
    (void)by; /* whoever shows it, it convicts or it does not */
    enum err e = members_read(m, s, own, COUNT(own), ret_refused);
    if (e != OK || *ret_refused != NULL)
        return e;
    if (!base64_decode_any(text, strlen(text), bytes, sizeof(bytes), &len))
        e = ERR_SYNTAX;
    else
        e = judge(m, bytes, len, &number);
    if (e == ERR_NO_MEMORY)
        return e;
    size_t at = e == OK ? members_position(m, number) : MEMBERS_MAX;
    if (at == MEMBERS_MAX)
        *ret_refused = "evidence.refused";
    else if (m->list[at].convicted || m->list[at].role == MEMBER_GONE)
        *ret_refused = "evidence.known";
    if (*ret_refused != NULL)
        return OK;
    m->list[at].convicted = true;
    m->list[at].credit = -CREDIT_MAX;
    return OK;
}

bool conviction_due(const struct members *m)
{
    bool any = false;
    for (size_t i = 0; i < m->n; i++)
        any = any || (m->list[i].convicted && m->list[i].role == MEMBER_VALIDATOR);
    return any && validators(m) > MEMBERS_VALIDATORS_MIN;
}

void conviction_carry_out(struct members *m)
{
    for (size_t i = 0; i < m->n; i++) {
        struct member *one = &m->list[i];
        if (one->convicted &&
            (one->role != MEMBER_VALIDATOR || validators(m) > MEMBERS_VALIDATORS_MIN))
            one->role = MEMBER_GONE;
    }
}
