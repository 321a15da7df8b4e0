/* Opening: what is whole is handed out, a torn tail is told from a hole, and nothing is believed
 * that is not on disk. */
#include "server/base/log.h"
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SEQ_MAX (UINT64_C(1) << 62)

struct position {
    size_t segment, offset;
};

struct replay {
    struct journal *j;
    enum err (*fn)(void *arg, const struct journal_record *r);
    void *arg;
    uint8_t *image;       /* the segment that is being read */
    uint64_t batch;       /* first seq of the sync of the last record; 0: no record yet */
    struct position sync; /* where the last sync begins */
    struct position end;  /* behind the last record */
    bool torn;            /* there is a tail to be dropped */
    bool unused_seen;     /* a segment without records: all behind it must be like it */
};

static enum err hole(const struct replay *r, size_t segment, size_t offset, const char *what)
{
    log_error("journal", "%s: segment %016" PRIx64 ", offset %zu, after seq %" PRIu64, what,
              r->j->segments[segment].number, offset, r->j->seq);
    return ERR_LOG_INCONSISTENT;
}

static enum err hand_out(struct replay *r, const struct journal_head *h, const uint8_t *body)
{
    struct journal_record out = { .kind = h->kind,
                                  .chain = h->chain,
                                  .epoch = h->epoch,
                                  .view = h->view,
                                  .body = h->body_len > 0 ? body : NULL,
                                  .body_len = h->body_len };
    memcpy(out.id, h->id, HASH_BYTES);
    return r->fn(r->arg, &out);
}

/* Sound by itself: what we would have written. */
static bool head_valid(const struct replay *r, const struct journal_head *h, size_t offset)
{
    bool known = (h->kind >= CORE_REC_N && h->kind <= CORE_REC_FIN) || h->kind == JOURNAL_TRIM ||
                 h->kind == JOURNAL_PROPOSAL || h->kind == JOURNAL_BATCH;
    return known && h->chain < JOURNAL_CHAINS && h->seq < SEQ_MAX &&
           h->body_len <= JOURNAL_BODY_MAX &&
           journal_span(h->body_len) <= r->j->identity.segment_bytes - offset;
}

/* Where it stands: the next seq, in the last sync or at the start of another. The very first record
 * of a trimmed journal defines both. */
static bool in_order(const struct replay *r, const struct journal_head *h)
{
    if (r->batch == 0 && r->j->segments[0].number > 1)
        return h->seq > 0 && h->batch_first > 0 && h->batch_first <= h->seq;
    return h->seq == r->j->seq + 1 && (h->batch_first == h->seq || h->batch_first == r->batch);
}

static enum err take(struct replay *r, size_t segment, size_t offset, const struct journal_head *h)
{
    struct journal *j = r->j;
    if (h->batch_first != r->batch) {
        r->batch = h->batch_first;
        r->sync = (struct position){ segment, offset };
    }
    j->seq = h->seq;
    r->end = (struct position){ segment, offset + journal_span(h->body_len) };
    if (h->kind == JOURNAL_TRIM) {
        if (h->view < j->floor || h->view > j->segments[segment].number)
            return hole(r, segment, offset, "a journal that begins behind its own record of it");
        j->floor = h->view;
        return OK;
    }
    enum err e = journal_needs_note(j, segment, h);
    return e == OK ? hand_out(r, h, r->image + offset + JOURNAL_UNIT) : e;
}

/* Everything from offset on is damaged or was never written. Whole records in it must be of the
 * sync that the missing record belonged to: either the last that was read, or the one after it. */
static enum err judge_tail(struct replay *r, size_t segment, size_t offset)
{
    struct journal *j = r->j;
    uint64_t missing = j->seq + 1, sync = 0;
    struct journal_head h;
    if (r->batch == 0 && j->segments[0].number > 1)
        return hole(r, segment, offset, "the first record of a trimmed journal is damaged");
    for (size_t at = offset; at < j->identity.segment_bytes; at += JOURNAL_UNIT) {
        if (!journal_record_decode(j->identity.tag, r->image + at, &h))
            continue;
        bool same = h.batch_first == missing || (h.batch_first == r->batch && r->batch != 0);
        if (!same || (sync != 0 && h.batch_first != sync) || h.seq < missing ||
            (h.seq == missing) != (at == offset))
            return hole(r, segment, at, "a whole record of another sync behind a damaged one");
        sync = h.batch_first;
    }
    r->torn = true;
    r->end = (struct position){ segment, offset };
    log_warn("journal", "torn tail after seq %" PRIu64 ": segment %016" PRIx64 ", offset %zu",
             j->seq, j->segments[segment].number, offset);
    return OK;
}

static enum err replay_segment(struct replay *r, size_t segment)
{
    struct journal *j = r->j;
    size_t offset = JOURNAL_UNIT, size = j->identity.segment_bytes;
    struct journal_head h;
    while (offset < size && journal_record_decode(j->identity.tag, r->image + offset, &h)) {
        if (!head_valid(r, &h, offset) || !in_order(r, &h))
            return hole(r, segment, offset, "a record that does not follow the one before it");
        if (!journal_body_whole(&h, r->image + offset + JOURNAL_UNIT))
            break;
        enum err e = take(r, segment, offset, &h);
        if (e != OK)
            return e;
        offset += journal_span(h.body_len);
    }
    if (journal_all_zero(r->image + offset, size - offset)) {
        r->unused_seen = offset == JOURNAL_UNIT;
        return OK;
    }
    return judge_tail(r, segment, offset);
}

/* Loads a segment and replays it. Behind a torn tail and behind an unused segment nothing was ever
 * written, because each segment is synced before the next one is touched. */
static enum err read_segment(struct replay *r, size_t segment)
{
    struct journal *j = r->j;
    uint8_t head[JOURNAL_UNIT];
    size_t size = j->identity.segment_bytes;
    enum err e = journal_segment_read(j->dir, j->segments[segment].number, r->image, size, size);
    if (e != OK)
        return e == ERR_LOG_INCONSISTENT ? hole(r, segment, 0, "a segment of another size") : e;
    journal_segment_head(&j->identity, j->segments[segment].number, head);
    if (memcmp(r->image, head, JOURNAL_UNIT) != 0)
        return hole(r, segment, 0, "a segment head that is damaged or of another journal");
    if (!r->torn && !r->unused_seen)
        return replay_segment(r, segment);
    if (!journal_all_zero(r->image + JOURNAL_UNIT, size - JOURNAL_UNIT))
        return hole(r, segment, 0, "a written segment behind the end");
    return OK;
}

/* The first segment says what journal this is and how long its segments are. */
static enum err identify(struct replay *r, const uint8_t genesis[HASH_BYTES])
{
    struct journal *j = r->j;
    uint8_t head[JOURNAL_UNIT];
    enum err e = journal_segment_read(j->dir, j->segments[0].number, head, sizeof(head), 0);
    if (e != OK)
        return e;
    if (!journal_segment_parse(head, j->segments[0].number, &j->identity))
        return hole(r, 0, 0, "a damaged segment head");
    if (memcmp(j->identity.genesis, genesis, HASH_BYTES) != 0)
        return hole(r, 0, 0, "another genesis");
    r->image = malloc(j->identity.segment_bytes);
    return r->image != NULL ? OK : ERR_NO_MEMORY;
}

static enum err list_segments(struct replay *r)
{
    uint64_t *numbers = NULL;
    size_t n = 0;
    enum err e = journal_segment_list(r->j->dir, &numbers, &n);
    if (e == OK && n == 0)
        e = ERR_NOT_FOUND;
    for (size_t i = 0; i < n && e == OK; i++) {
        e = journal_segment_append(r->j, numbers[i]);
        if (e == OK && numbers[i] != numbers[0] + i)
            e = hole(r, i, 0, "a segment before this one is missing");
    }
    free(numbers);
    return e;
}

/* The process before may have died between writing and syncing, or because a sync failed: then what
 * was read is in memory only, and the kernel may even believe that it was written. So the last sync
 * is written again, and everything behind it as zeros, up to the segment's end. */
static enum err settle(struct replay *r)
{
    struct journal *j = r->j;
    size_t size = j->identity.segment_bytes;
    for (size_t i = r->sync.segment; i <= r->end.segment; i++) {
        size_t from = i == r->sync.segment ? r->sync.offset : JOURNAL_UNIT;
        enum err e = journal_segment_read(j->dir, j->segments[i].number, r->image, size, size);
        if (e == OK)
            e = journal_segment_use(j, i);
        if (e != OK)
            return e;
        if (i == r->end.segment)
            memset(r->image + r->end.offset, 0, size - r->end.offset);
        if (journal_write_all(j->fd, r->image + from, size - from, from) != OK)
            journal_die(j, "writing the last records again");
        if (fdatasync(j->fd) != 0)
            journal_die(j, "syncing the last records again");
    }
    j->offset = r->end.offset;
    journal_segment_sweep(j->dir);
    return journal_dir_sync(j->dir);
}

static enum err replay(struct replay *r, const uint8_t genesis[HASH_BYTES], uint64_t high_mark)
{
    struct journal *j = r->j;
    enum err e = list_segments(r);
    if (e == OK)
        e = identify(r, genesis);
    for (size_t i = 0; i < j->n && e == OK; i++)
        e = read_segment(r, i);
    if (e == OK && j->floor < j->segments[0].number)
        e = hole(r, 0, 0, "the segments before this one are missing");
    if (e == OK && j->seq < high_mark) {
        log_error("journal", "ends at seq %" PRIu64 ", but %" PRIu64 " was durable", j->seq,
                  high_mark);
        e = ERR_DB_OLD;
    }
    return e == OK ? settle(r) : e;
}

enum err journal_open(const char *dir, const uint8_t genesis[HASH_BYTES], uint64_t high_mark,
                      enum err (*fn)(void *arg, const struct journal_record *r), void *arg,
                      struct journal **ret)
{
    struct journal *j = calloc(1, sizeof(*j));
    if (j == NULL)
        return ERR_NO_MEMORY;
    const struct position first = { 0, JOURNAL_UNIT };
    struct replay r = { .j = j, .fn = fn, .arg = arg, .sync = first, .end = first };
    j->fd = j->dir = -1;
    j->floor = 1;
    buf_init(&j->queue, JOURNAL_QUEUE_LIMIT);
    enum err e = journal_dir_open(dir, &j->dir);
    if (e == OK)
        e = replay(&r, genesis, high_mark);
    free(r.image);
    if (e != OK) {
        journal_close(j);
        return e;
    }
    journal_needs_forget(j, j->floor); /* a crash may have come before they were removed */
    j->queued_seq = j->seq;
    j->queued_floor = j->floor;
    *ret = j;
    return OK;
}
