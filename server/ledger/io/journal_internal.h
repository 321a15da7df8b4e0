/* What the files of the journal share: the layout, the files, the account of what is needed. */
#ifndef CAIRN_LEDGER_JOURNAL_INTERNAL_H
#define CAIRN_LEDGER_JOURNAL_INTERNAL_H

#include "server/base/buf.h"
#include "server/ledger/io/journal.h"

#define JOURNAL_UNIT 128 /* a head, and what everything is a multiple of */
#define JOURNAL_SEGMENT_MIN 4096u
#define JOURNAL_QUEUE_MAX (32u << 20)    /* beyond it journal_add syncs */
#define JOURNAL_QUEUE_LIMIT (256u << 20) /* never reached: what is carried forward is small */
#define JOURNAL_NAME_MAX 32

enum { JOURNAL_TRIM = 32 };

/* ---- layout (journal_layout.c); pure --------------------------------------------------------- */
struct journal_head {
    uint64_t seq, batch_first, view;
    uint8_t id[HASH_BYTES];
    uint32_t epoch, body_len, body_crc;
    uint8_t kind, chain;
};
/* What tells this journal from another. */
struct journal_identity {
    uint8_t genesis[HASH_BYTES];
    uint64_t tag;
    uint32_t segment_bytes;
};

void journal_segment_head(const struct journal_identity *i, uint64_t number,
                          uint8_t ret[JOURNAL_UNIT]);
/* The identity that a segment head claims; false if it is not the head of segment number. */
bool journal_segment_parse(const uint8_t at[JOURNAL_UNIT], uint64_t number,
                           struct journal_identity *ret);
/* Bytes that a record takes, with its body and padding. */
size_t journal_span(size_t body_len);
/* Writes journal_span(r->body_len) bytes. */
void journal_record_encode(uint64_t tag, uint64_t seq, uint64_t batch_first,
                           const struct journal_record *r, uint8_t *ret);
/* False unless it is the head of a record of this journal and whole. The body is not looked at. */
bool journal_record_decode(uint64_t tag, const uint8_t at[JOURNAL_UNIT], struct journal_head *ret);
/* Whether body and padding, which follow the head, are whole. */
bool journal_body_whole(const struct journal_head *h, const uint8_t *at);
bool journal_all_zero(const uint8_t *at, size_t len);

/* ---- files (journal_segment.c) --------------------------------------------------------------- */
void journal_segment_name(uint64_t number, char ret[JOURNAL_NAME_MAX]);
/* The directory, open and locked: ERR_NOT_FOUND, ERR_BUSY. */
enum err journal_dir_open(const char *dir, int *ret) MUST_USE;
/* Makes the directory's entries, and its own in the folder above, durable. */
enum err journal_dir_sync(int dir) MUST_USE;
/* The numbers of all segments, ascending; the caller frees. */
enum err journal_segment_list(int dir, uint64_t **ret, size_t *ret_n) MUST_USE;
/* Removes segments that were never finished. */
void journal_segment_sweep(int dir);
/* ERR_DISK_FULL if there is no room; nothing is left behind on failure. */
enum err journal_segment_create(int dir, const struct journal_identity *i,
                                uint64_t number) MUST_USE;
enum err journal_segment_remove(int dir, uint64_t number) MUST_USE;
/* Reads len bytes from the start of a file that has total bytes: ERR_LOG_INCONSISTENT if it has
 * another size (total 0: any). */
enum err journal_segment_read(int dir, uint64_t number, uint8_t *ret, size_t len,
                              size_t total) MUST_USE;
/* Writes all of it, whatever it takes; never tries a failed write again. */
enum err journal_write_all(int fd, const uint8_t *bytes, size_t len, size_t at) MUST_USE;

/* ---- what is needed (journal_needs.c) -------------------------------------------------------- */
struct journal_place { /* a view of some chain; epoch 0 view 0: none */
    uint32_t epoch;
    uint64_t view;
};
struct journal_fact { /* a vote, PROP or FIN */
    uint64_t segment;
    struct journal_place place;
    uint8_t kind, chain;
    uint8_t id[HASH_BYTES];
};
struct journal_batch { /* segment 0: free, 1 << 63: was removed */
    uint64_t segment;
    uint8_t digest[HASH_BYTES];
};
struct journal_segment {
    uint64_t number;
    size_t batches;                                 /* digests that live here */
    struct journal_place proposals[JOURNAL_CHAINS]; /* newest */
};

struct journal {
    int dir, fd; /* fd: the current segment */
    struct journal_identity identity;
    struct journal_segment *segments; /* ascending, without gaps */
    size_t n, cap, current;
    size_t offset; /* where the current segment goes on */
    uint64_t seq, queued_seq;
    struct buf queue;             /* encoded records */
    uint64_t floor, queued_floor; /* lowest segment needed, as the last JOURNAL_TRIM record says */
    bool space_low;
    size_t retry_at; /* offset from which preparing is tried again */
    struct journal_counters counters;

    struct journal_fact *facts;
    size_t facts_n, facts_cap;
    struct journal_fact fin[JOURNAL_CHAINS]; /* newest; kind 0: none */
    struct journal_place released[JOURNAL_CHAINS];
    struct journal_batch *batches; /* open addressing, a power of two */
    size_t batches_used, batches_cap;
};

/* A record that lies in the segment with this index. ERR_NO_MEMORY. */
enum err journal_needs_note(struct journal *j, size_t segment,
                            const struct journal_head *h) MUST_USE;
/* The lowest segment number with a needed body; the current one if there is none before. */
uint64_t journal_needs_floor(const struct journal *j);
/* Queues all facts that lie below the segment number once more. */
void journal_needs_carry(struct journal *j, uint64_t number);
/* Nothing below the segment number is needed: a record says so. */
void journal_needs_forget(struct journal *j, uint64_t number);
void journal_needs_release(struct journal *j);

/* ---- the rest (journal.c) -------------------------------------------------------------------- */
/* Room in j->segments for one more, which lies at [n - 1]. ERR_NO_MEMORY. */
enum err journal_segment_append(struct journal *j, uint64_t number) MUST_USE;
/* journal_add without its early sync. */
void journal_queue(struct journal *j, const struct journal_record *r);
/* Opens the segment with this index for writing, in place of the current one. */
enum err journal_segment_use(struct journal *j, size_t index) MUST_USE;
/* journal_create with another size, a multiple of JOURNAL_UNIT. A journal keeps the size that it
 * was made with. */
enum err journal_create_sized(const char *dir, const uint8_t genesis[HASH_BYTES],
                              uint32_t segment_bytes) MUST_USE;
/* Logs what failed, with errno, and aborts. */
_Noreturn void journal_die(const struct journal *j, const char *what);

#endif
