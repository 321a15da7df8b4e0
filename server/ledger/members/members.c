/* The state of the fold: its beginning, what is asked of it, and the step from epoch to epoch. */
#include "server/ledger/members/members_internal.h"

#include <assert.h>

void members_init(struct members *m, const struct genesis *g, const uint8_t hash[HASH_BYTES])
{
    static const struct core_id none;
    memset(m, 0, sizeof(*m));
    memcpy(m->genesis, hash, HASH_BYTES);
    m->epoch = 1;
    m->n = g->n;
    memcpy(m->list, g->members, g->n * sizeof(g->members[0]));
    seed_next(m, m->epoch, &none, m->seed);
    members_schedule(m);
}

size_t members_position(const struct members *m, uint16_t number)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->list[i].number == number)
            return i;
    return MEMBERS_MAX;
}

const struct member *members_find(const struct members *m, uint16_t number)
{
    size_t at = members_position(m, number);
    return at < MEMBERS_MAX ? &m->list[at] : NULL;
}

uint16_t members_validators(const struct members *m, uint16_t ret[CORE_MEMBERS_MAX])
{
    uint16_t n = 0;
    for (size_t i = 0; i < m->n; i++)
        if (m->list[i].role == MEMBER_VALIDATOR)
            ret[n++] = m->list[i].number;
    return n;
}

int members_validator_index(const struct members *m, uint16_t number)
{
    int index = 0;
    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i].role != MEMBER_VALIDATOR)
            continue;
        if (m->list[i].number == number)
            return index;
        index++;
    }
    return -1;
}

/* The validators as they are now, with the keys that their votes carry. */
static void validators_now(const struct members *m, struct members_prior *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i].role != MEMBER_VALIDATOR)
            continue;
        ret->member[ret->n] = m->list[i].number;
        memcpy(ret->vote_key[ret->n++], m->list[i].vote_key, SIGN_PUBLIC_BYTES);
    }
}

bool members_scope(const struct members *m, enum chain chain, uint32_t epoch,
                   struct wire_scope *ret)
{
    struct members_prior who = m->prior;
    if (epoch == m->epoch)
        validators_now(m, &who);
    else if (m->prior.n == 0 || epoch + 1 != m->epoch)
        return false;
    memset(ret, 0, sizeof(*ret));
    memcpy(ret->genesis, m->genesis, HASH_BYTES);
    ret->chain = chain;
    ret->epoch = epoch;
    ret->n = who.n;
    memcpy(ret->member, who.member, sizeof(ret->member));
    memcpy(ret->vote_key, who.vote_key, sizeof(ret->vote_key));
    return true;
}

bool members_epoch_ended(const struct members *m)
{
    return change_accepted(m) != NULL || conviction_due(m);
}

/* Indices are those of an epoch's validators; numbers outlive it. */
static void carry_limited(struct members *m, const struct core_members *withheld)
{
    memset(&m->limited, 0, sizeof(m->limited));
    for (uint16_t i = 0; i < m->prior.n; i++) {
        int now = members_validator_index(m, m->prior.member[i]);
        if (core_set_has(withheld, i) && now >= 0)
            core_set_add(&m->limited, (size_t)now);
    }
}

static void clear_epoch(struct members *m)
{
    m->n_pending = 0;
    memset(m->pending, 0, sizeof(m->pending));
    memset(&m->committed, 0, sizeof(m->committed));
    memset(&m->opened, 0, sizeof(m->opened));
    memset(&m->fresh, 0, sizeof(m->fresh));
    memset(m->commitment, 0, sizeof(m->commitment));
    memset(m->opening, 0, sizeof(m->opening));
    memset(m->earned, 0, sizeof(m->earned));
}

void members_next_epoch(struct members *m, const struct core_id *boundary)
{
    uint8_t seed[HASH_BYTES];
    struct core_members withheld;
    const struct change *accepted = change_accepted(m);
    seed_next(m, m->epoch + 1, boundary, seed);
    seed_withheld(m, &withheld);
    validators_now(m, &m->prior);
    credit_settle(m, &withheld);
    if (accepted != NULL)
        change_carry_out(m, accepted);
    conviction_carry_out(m);
    m->epoch++;
    memcpy(m->seed, seed, HASH_BYTES);
    carry_limited(m, &withheld);
    clear_epoch(m);
    members_schedule(m);
}

static size_t put(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return len;
}

/* "ledger-config/1" genesis epoch u32 n u16, then number u16 and the four keys of each validator,
 * then the schedule's length u16 and its bytes. */
void members_config_hash(const struct members *m, uint8_t ret[HASH_BYTES])
{
    enum { EACH = 2 + MEMBER_KEYS * SIGN_PUBLIC_BYTES };
    uint8_t text[64 + HASH_BYTES + CORE_MEMBERS_MAX * EACH + CORE_SCHEDULE_MAX];
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    size_t len = put(text, "ledger-config/1", 15);
    len += put(text + len, m->genesis, HASH_BYTES);
    for (int shift = 24; shift >= 0; shift -= 8)
        text[len++] = (uint8_t)(m->epoch >> shift);
    text[len++] = (uint8_t)(n >> 8);
    text[len++] = (uint8_t)n;
    for (size_t i = 0; i < n; i++) {
        const struct member *one = members_find(m, who[i]);
        text[len++] = (uint8_t)(one->number >> 8);
        text[len++] = (uint8_t)one->number;
        for (size_t k = 0; k < MEMBER_KEYS; k++)
            len += put(text + len, member_key_at(one, k), SIGN_PUBLIC_BYTES);
    }
    text[len++] = (uint8_t)(m->schedule_len >> 8);
    text[len++] = (uint8_t)m->schedule_len;
    len += put(text + len, m->schedule, m->schedule_len);
    assert(len <= sizeof(text));
    sha256(text, len, ret);
}
