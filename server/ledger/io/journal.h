/* The journal: the member's vote log, and beside each vote the bytes it stands on (proposals and
 * batches), in one sequence of preallocated, zero-filled segments DIR/NNNNNNNNNNNNNNNN.seg (number
 * in hex, from 1). Both chains share it, so that one fdatasync makes everything of one batch of
 * events durable. Integers are big endian, checksums CRC-32C; what a record means is core/core.h.
 * The page docs/journal.md says why, and what an operator must never do.
 *
 * Segment head, 128 bytes: "CJSG" || u32 crc32c of bytes 8..127 || tag u64 || number u64 ||
 * genesis[32]
 *   || segment bytes u32 || zero. The tag is random, drawn when the journal is made, and never
 * leaves the machine: bytes that somebody else chose (a body) cannot be taken for a record. Record,
 * 128 bytes: "CJRN" || u32 crc32c of bytes 8..127 || tag u64 || seq u64 || batch first u64 || view
 * u64 || id[32] || epoch u32 || body length u32 || body crc32c u32 || kind u8 || chain u8 || zero.
 * A record with a body is followed by the body, padded with zeros to a multiple of 128; its
 *   checksum covers the padding. seq grows by one per record, without gaps, over all segments;
 * batch first is the seq of the first record of the same sync. A record that does not fit before
 * the end of a segment starts the next one, and the rest stays zero. Kind 32 is the journal's own:
 * its view is the lowest segment number that is still needed.
 *
 * Durability contract: what was added is on disk when journal_sync returns. A failed write or sync
 * ends the process (abort): it is never tried again, because the kernel may have dropped the pages.
 * A segment is created whole under another name: written with zeros, fsynced, renamed, its
 * directory fsynced, and only then used. A segment is synced before the next one is written.
 *
 * Opening reads records in order up to the first that is not whole. It is a torn tail, which is
 * dropped, if every whole record behind it, in the same segment, belongs to the same sync, and the
 * segments behind it are unused: a power cut leaves the sectors of the last sync in any order. A
 * whole record of a later sync proves that the damaged one had been durable: a hole, and the
 * journal is refused. Before it is used, the last sync and the rest of its segment are written
 * again and synced, the tail as zeros: what was read may have been in memory only.
 *
 * Not for backups: a restored member must not vote with an old journal. The database holds a high
 * mark (a seq that was durable here); journal_open says when the journal is behind it. Thread rule:
 * one owner, the ledger thread. One process: journal_open holds a lock on the directory.
 */
#ifndef CAIRN_LEDGER_JOURNAL_H
#define CAIRN_LEDGER_JOURNAL_H

#include "server/base/err.h"
#include "server/crypto/hash.h"

#define JOURNAL_SEGMENT_BYTES (8u << 20)
#define JOURNAL_BODY_MAX (2u << 20)
#define JOURNAL_CHAINS 16 /* chain numbers are below */

struct journal;

/* kind: enum core_record (votes, PROP, FIN) or one of these, whose body is the bytes. */
enum { JOURNAL_PROPOSAL = 16, JOURNAL_BATCH = 17 };

struct journal_record {
    uint8_t kind, chain;
    uint32_t epoch;
    uint64_t view;          /* BATCH: first sequence */
    uint8_t id[HASH_BYTES]; /* block id, batch digest; zero for skip */
    const uint8_t *body;    /* borrowed; NULL without */
    size_t body_len;
};

/* Makes an empty journal in dir, which is made too unless an earlier attempt left it without one.
 * ERR_STATE: there is a journal, and it is left alone. ERR_DISK_FULL, ERR_IO: try again. */
enum err journal_create(const char *dir, const uint8_t genesis[HASH_BYTES]) MUST_USE;
/* Opens it and hands every record, in order, to fn (an error from fn stops and is returned). fn
 * only gathers: nothing may be done with it before journal_open returns OK, for only then is it
 * durable and known to be whole. A vote may come twice (journal_trim). ERR_NOT_FOUND: no journal
 * there. ERR_BUSY: another process has it. ERR_IO: it cannot be read. ERR_LOG_INCONSISTENT: a hole,
 * or another genesis. ERR_DB_OLD: whole, but it ends before high_mark (seq): it lost votes. In the
 * last two cases nothing is opened or changed, and the member must not vote with it. */
enum err journal_open(const char *dir, const uint8_t genesis[HASH_BYTES], uint64_t high_mark,
                      enum err (*fn)(void *arg, const struct journal_record *r), void *arg,
                      struct journal **ret) MUST_USE;
/* What was queued and not synced is dropped. */
void journal_close(struct journal *j);

/* Queues a record; copies the body. More than 32 MiB waiting are synced at once. */
void journal_add(struct journal *j, const struct journal_record *r);
bool journal_pending(const struct journal *j);
/* Writes what was queued and makes it durable: one pwrite and one fdatasync per touched segment.
 * Aborts the process on failure. Past the middle of a segment it also prepares the next, once per
 * segment (8 MiB of zeros and two fsyncs: some tens of milliseconds). */
void journal_sync(struct journal *j);
/* seq of the last durable record. */
uint64_t journal_seq(const struct journal *j);
/* The disk has no room for the next segment. When the current one is full, which is half a segment
 * from then at the earliest, the process ends: votes cannot be given up silently. */
bool journal_space_low(const struct journal *j);

/* Votes of this chain and epoch up to view, and proposals up to view, are no longer needed (its FIN
 * is durable); epochs below are not needed at all. The newest FIN itself is always kept. Nothing of
 * this is remembered over a restart: say it again after journal_open. */
void journal_release(struct journal *j, uint8_t chain, uint32_t epoch, uint64_t view);
/* The batch with this digest is no longer needed. */
void journal_release_batch(struct journal *j, const uint8_t digest[HASH_BYTES]);
/* Removes leading segments whose bodies nobody needs any more; cheap when there are none. Works in
 * two calls, so that it needs no sync of its own: the first queues the votes that are still needed
 * from there once more, and a record that says from where the journal begins; when these are
 * durable, the next call removes the files. */
void journal_trim(struct journal *j);

/* Since journal_open; segments: files there are now. */
struct journal_counters {
    uint64_t records, bytes, syncs, segments;
};
void journal_counters(const struct journal *j, struct journal_counters *ret);

#endif
