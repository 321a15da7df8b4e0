/* The genesis file and cards from bytes: whatever is taken prints back to the same bytes, and a
 * federation can start from it. */
#include "server/ledger/members/members.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_genesis(const struct genesis *g, const uint8_t *data, size_t size)
{
    static struct members m;
    struct buf back;
    uint8_t hash[HASH_BYTES];
    uint16_t who[CORE_MEMBERS_MAX];
    buf_init(&back, GENESIS_MAX);
    enum err e = genesis_print(g, &back);
    assert(e == OK && back.len == size && memcmp(back.data, data, size) == 0);
    buf_release(&back);
    sha256(data, size, hash);
    members_init(&m, g, hash);
    uint16_t n = members_validators(&m, who);
    assert(n == 1 || n >= MEMBERS_VALIDATORS_MIN);
    assert(m.schedule_len >= n && m.schedule_len <= CORE_SCHEDULE_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct genesis g;
    struct problem p = { 0 };
    struct member card;
    struct buf back;
    if (genesis_parse((const char *)data, size, &g, &p) == OK)
        check_genesis(&g, data, size);
    else
        assert(p.code != OK && p.detail[0] != '\0');
    if (member_card_parse((const char *)data, size, &card, &p) == OK) {
        buf_init(&back, MEMBER_CARD_MAX);
        enum err e = member_card_print(&card, &back);
        assert(e == OK && back.len == size && memcmp(back.data, data, size) == 0);
        buf_release(&back);
    }
    return 0;
}
