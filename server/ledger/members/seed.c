/* The seed of the next epoch, by commit and reveal (docs/federation.md, "Seed"):
 *   commit   until the first opening is on the chain;
 *   open     once a quorum has committed; counts if its block is before the boundary block;
 *   seed     = SHA-256("cairn/v1/epoch-seed" genesis epoch u32 boundary[32], then number u16 and
 *              opening[32] of each that counts, ascending).
 * When a member decides whether to open, the boundary block does not exist yet: it cannot compute
 * the seed of either choice, and once the block exists nothing can be opened or taken back. */
#include "server/ledger/members/members_internal.h"

static size_t put(uint8_t *at, const void *bytes, size_t len)
{
    memcpy(at, bytes, len);
    return len;
}

static size_t put_number(uint8_t *at, uint32_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] = (uint8_t)(value >> (8 * (len - 1 - i)));
    return len;
}

void members_commitment(const struct members *m, uint16_t number, const uint8_t opening[HASH_BYTES],
                        uint8_t ret[HASH_BYTES])
{
    uint8_t text[32 + HASH_BYTES + 4 + 2 + HASH_BYTES];
    size_t len = put(text, "cairn/v1/seed-commitment", 24);
    len += put(text + len, m->genesis, HASH_BYTES);
    len += put_number(text + len, m->epoch, 4);
    len += put_number(text + len, number, 2);
    len += put(text + len, opening, HASH_BYTES);
    sha256(text, len, ret);
    bytes_wipe(text, len);
}

void seed_next(const struct members *m, uint32_t epoch, const struct core_id *boundary,
               uint8_t ret[HASH_BYTES])
{
    uint8_t text[32 + 2 * HASH_BYTES + 4 + CORE_MEMBERS_MAX * (2 + HASH_BYTES)];
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    size_t len = put(text, "cairn/v1/epoch-seed", 19);
    len += put(text + len, m->genesis, HASH_BYTES);
    len += put_number(text + len, epoch, 4);
    len += put(text + len, boundary->bytes, sizeof(boundary->bytes));
    for (uint16_t i = 0; i < n; i++) {
        if (!core_set_has(&m->opened, i) || core_set_has(&m->fresh, i))
            continue;
        len += put_number(text + len, who[i], 2);
        len += put(text + len, m->opening[i], HASH_BYTES);
    }
    sha256(text, len, ret);
}

/* Only where a quorum has opened before the boundary block was there time for everyone: an epoch
 * that ends early makes nobody guilty. */
void seed_withheld(const struct members *m, struct core_members *ret)
{
    uint16_t who[CORE_MEMBERS_MAX];
    uint16_t n = members_validators(m, who);
    unsigned in_time = core_set_count(&m->opened) - core_set_count(&m->fresh);
    memset(ret, 0, sizeof(*ret));
    for (uint16_t i = 0; i < n && in_time >= core_quorum(n); i++)
        if (core_set_has(&m->committed, i) && !core_set_has(&m->opened, i))
            core_set_add(ret, i);
}

static const char *why_not_commit(const struct members *m, int index)
{
    if (index < 0)
        return "member.role";
    if (core_set_has(&m->committed, (size_t)index))
        return "seed.committed";
    return core_set_count(&m->opened) > 0 ? "seed.closed" : NULL;
}

enum err seed_commit(struct members *m, const struct member *by, const struct statement *s,
                     const char **ret_refused)
{
    uint8_t commitment[HASH_BYTES];
    const struct field own[] = { F_BYTES("commitment", commitment, HASH_BYTES) };
    int index = members_validator_index(m, by->number);
    enum err e = members_read(m, s, own, COUNT(own), ret_refused);
    if (e == OK && *ret_refused == NULL)
        *ret_refused = why_not_commit(m, index);
    if (e != OK || *ret_refused != NULL)
        return e;
    core_set_add(&m->committed, (size_t)index);
    memcpy(m->commitment[index], commitment, HASH_BYTES);
    return OK;
}

static const char *why_not_open(const struct members *m, int index, uint16_t number,
                                const uint8_t opening[HASH_BYTES])
{
    uint16_t who[CORE_MEMBERS_MAX];
    uint8_t commitment[HASH_BYTES];
    if (index < 0)
        return "member.role";
    if (!core_set_has(&m->committed, (size_t)index))
        return "seed.not_committed";
    if (core_set_has(&m->opened, (size_t)index))
        return "seed.opened";
    if (core_set_count(&m->committed) < core_quorum(members_validators(m, who)))
        return "seed.early";
    members_commitment(m, number, opening, commitment);
    return memcmp(commitment, m->commitment[index], HASH_BYTES) == 0 ? NULL : "seed.mismatch";
}

enum err seed_open(struct members *m, const struct member *by, const struct statement *s,
                   const char **ret_refused)
{
    uint8_t opening[HASH_BYTES];
    const struct field own[] = { F_BYTES("opening", opening, HASH_BYTES) };
    int index = members_validator_index(m, by->number);
    enum err e = members_read(m, s, own, COUNT(own), ret_refused);
    if (e == OK && *ret_refused == NULL)
        *ret_refused = why_not_open(m, index, by->number, opening);
    if (e != OK || *ret_refused != NULL)
        return e;
    core_set_add(&m->opened, (size_t)index);
    core_set_add(&m->fresh, (size_t)index);
    memcpy(m->opening[index], opening, HASH_BYTES);
    return OK;
}
