/* Who leads when. Random, but the same for everybody: a Fisher-Yates shuffle (Knuth, TAOCP 3.4.2,
 * algorithm P) over numbers drawn from SHA-256(seed || counter u64), each hash read as sixteen
 * big-endian 16-bit words. A word that would favour small numbers is drawn again. */
#include "server/ledger/members/members_internal.h"

#include <assert.h>

struct draws {
    uint8_t text[HASH_BYTES + 8]; /* seed || counter */
    uint8_t block[HASH_BYTES];
    uint64_t counter;
    size_t used; /* bytes of block; all at the start */
};

static uint32_t next_word(struct draws *d)
{
    if (d->used == HASH_BYTES) {
        for (int i = 0; i < 8; i++)
            d->text[HASH_BYTES + i] = (uint8_t)(d->counter >> (56 - 8 * i));
        sha256(d->text, sizeof(d->text), d->block);
        d->counter++;
        d->used = 0;
    }
    uint32_t word = (uint32_t)d->block[d->used] << 8 | d->block[d->used + 1];
    d->used += 2;
    return word;
}

/* Uniform below bound, 1..65536: words at or above the last multiple of bound do not count. */
static uint32_t draw(struct draws *d, uint32_t bound)
{
    uint32_t limit = 65536 - 65536 % bound, word;
    do
        word = next_word(d);
    while (word >= limit);
    return word % bound;
}

/* One turn for everyone; one more from a third of the greatest credit on, two from two thirds. */
static unsigned turns(const struct member *one, bool limited)
{
    if (limited || 3 * one->credit < CREDIT_MAX)
        return 1;
    return 3 * one->credit < 2 * CREDIT_MAX ? 2 : 3;
}

void members_schedule(struct members *m)
{
    struct draws d = { .used = HASH_BYTES };
    uint16_t len = 0;
    uint8_t index = 0;
    memset(m->schedule, 0, sizeof(m->schedule));
    for (size_t i = 0; i < m->n; i++) {
        if (m->list[i].role != MEMBER_VALIDATOR)
            continue;
        for (unsigned t = turns(&m->list[i], core_set_has(&m->limited, index)); t > 0; t--)
            m->schedule[len++] = index;
        index++;
    }
    assert(len >= 1 && len <= CORE_SCHEDULE_MAX);
    memcpy(d.text, m->seed, HASH_BYTES);
    for (uint32_t i = len; i > 1; i--) {
        uint32_t k = draw(&d, i);
        uint8_t other = m->schedule[k];
        m->schedule[k] = m->schedule[i - 1];
        m->schedule[i - 1] = other;
    }
    m->schedule_len = len;
}
