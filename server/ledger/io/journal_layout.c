/* The bytes of segment heads and records, as journal.h lays them out. Pure. */
#include "server/base/crc32c.h"
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <endian.h>
#include <string.h>

#define AT_CRC 4
#define AT_TAG 8
/* segment head */
#define AT_NUMBER 16
#define AT_GENESIS 24
#define AT_BYTES 56
/* record */
#define AT_SEQ 16
#define AT_BATCH 24
#define AT_VIEW 32
#define AT_ID 40
#define AT_EPOCH 72
#define AT_BODY_LEN 76
#define AT_BODY_CRC 80
#define AT_KIND 84
#define AT_CHAIN 85

static void put_u32(uint8_t *at, uint32_t n)
{
    n = htobe32(n);
    memcpy(at, &n, sizeof(n));
}

static void put_u64(uint8_t *at, uint64_t n)
{
    n = htobe64(n);
    memcpy(at, &n, sizeof(n));
}

static uint32_t get_u32(const uint8_t *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof(n));
    return be32toh(n);
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof(n));
    return be64toh(n);
}

/* Everything behind the checksum. */
static uint32_t check_of(const uint8_t at[JOURNAL_UNIT])
{
    return crc32c(at + AT_TAG, JOURNAL_UNIT - AT_TAG);
}

void journal_segment_head(const struct journal_identity *i, uint64_t number,
                          uint8_t ret[JOURNAL_UNIT])
{
    memset(ret, 0, JOURNAL_UNIT);
    memcpy(ret, "CJSG", 4);
    put_u64(ret + AT_TAG, i->tag);
    put_u64(ret + AT_NUMBER, number);
    memcpy(ret + AT_GENESIS, i->genesis, HASH_BYTES);
    put_u32(ret + AT_BYTES, i->segment_bytes);
    put_u32(ret + AT_CRC, check_of(ret));
}

bool journal_segment_parse(const uint8_t at[JOURNAL_UNIT], uint64_t number,
                           struct journal_identity *ret)
{
    struct journal_identity i = { .tag = get_u64(at + AT_TAG),
                                  .segment_bytes = get_u32(at + AT_BYTES) };
    uint8_t want[JOURNAL_UNIT];
    memcpy(i.genesis, at + AT_GENESIS, HASH_BYTES);
    journal_segment_head(&i, number, want);
    if (memcmp(at, want, JOURNAL_UNIT) != 0 || i.segment_bytes < JOURNAL_SEGMENT_MIN ||
        i.segment_bytes > JOURNAL_SEGMENT_BYTES || i.segment_bytes % JOURNAL_UNIT != 0)
        return false;
    *ret = i;
    return true;
}

size_t journal_span(size_t body_len)
{
    return JOURNAL_UNIT + (body_len + JOURNAL_UNIT - 1) / JOURNAL_UNIT * JOURNAL_UNIT;
}

void journal_record_encode(uint64_t tag, uint64_t seq, uint64_t batch_first,
                           const struct journal_record *r, uint8_t *ret)
{
    size_t span = journal_span(r->body_len);
    memset(ret, 0, JOURNAL_UNIT);
    if (r->body_len > 0) {
        memset(ret + span - JOURNAL_UNIT, 0, JOURNAL_UNIT); /* the padding */
        memcpy(ret + JOURNAL_UNIT, r->body, r->body_len);
    }
    memcpy(ret, "CJRN", 4);
    put_u64(ret + AT_TAG, tag);
    put_u64(ret + AT_SEQ, seq);
    put_u64(ret + AT_BATCH, batch_first);
    put_u64(ret + AT_VIEW, r->view);
    memcpy(ret + AT_ID, r->id, HASH_BYTES);
    put_u32(ret + AT_EPOCH, r->epoch);
    put_u32(ret + AT_BODY_LEN, (uint32_t)r->body_len);
    put_u32(ret + AT_BODY_CRC, crc32c(ret + JOURNAL_UNIT, span - JOURNAL_UNIT));
    ret[AT_KIND] = r->kind;
    ret[AT_CHAIN] = r->chain;
    put_u32(ret + AT_CRC, check_of(ret));
}

bool journal_record_decode(uint64_t tag, const uint8_t at[JOURNAL_UNIT], struct journal_head *ret)
{
    if (memcmp(at, "CJRN", 4) != 0 || get_u64(at + AT_TAG) != tag ||
        get_u32(at + AT_CRC) != check_of(at))
        return false;
    ret->seq = get_u64(at + AT_SEQ);
    ret->batch_first = get_u64(at + AT_BATCH);
    ret->view = get_u64(at + AT_VIEW);
    memcpy(ret->id, at + AT_ID, HASH_BYTES);
    ret->epoch = get_u32(at + AT_EPOCH);
    ret->body_len = get_u32(at + AT_BODY_LEN);
    ret->body_crc = get_u32(at + AT_BODY_CRC);
    ret->kind = at[AT_KIND];
    ret->chain = at[AT_CHAIN];
    return true;
}

bool journal_body_whole(const struct journal_head *h, const uint8_t *at)
{
    return crc32c(at, journal_span(h->body_len) - JOURNAL_UNIT) == h->body_crc;
}

/* A block that starts with zero and equals itself one byte further on is zero throughout. */
bool journal_all_zero(const uint8_t *at, size_t len)
{
    return len == 0 || (at[0] == 0 && memcmp(at, at + 1, len - 1) == 0);
}
