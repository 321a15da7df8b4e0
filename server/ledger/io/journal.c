/* The journal at work: queueing, making durable, going on to the next segment, trimming. */
#include "server/base/log.h"
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define QUEUE_KEPT (4u << 20) /* memory that the queue keeps from one sync to the next */

/* A vote whose durability is unknown must never be followed by anything: the process ends, and the
 * next one reads what really is there. */
void journal_die(const struct journal *j, const char *what)
{
    log_error("journal", "%s failed: %s; segment %016" PRIx64 ", seq %" PRIu64, what,
              strerror(errno), j->n > 0 ? j->segments[j->current].number : 0, j->seq);
    abort();
}

/* ---- making one ------------------------------------------------------------------------------ */
enum err journal_create_sized(const char *dir, const uint8_t genesis[HASH_BYTES],
                              uint32_t segment_bytes)
{
    struct journal_identity identity = { .segment_bytes = segment_bytes };
    uint64_t *numbers = NULL;
    size_t n = 0;
    int fd = -1;
    assert(segment_bytes >= JOURNAL_SEGMENT_MIN && segment_bytes <= JOURNAL_SEGMENT_BYTES &&
           segment_bytes % JOURNAL_UNIT == 0);
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
    enum err e = journal_dir_open(dir, &fd);
    if (e != OK)
        return e;
    memcpy(identity.genesis, genesis, HASH_BYTES);
    random_bytes(&identity.tag, sizeof(identity.tag));
    e = journal_segment_list(fd, &numbers, &n);
    if (e == OK && n > 0)
        e = ERR_STATE;
    if (e == OK)
        e = journal_segment_create(fd, &identity, 1);
    if (e == OK)
        e = journal_dir_sync(fd);
    free(numbers);
    (void)close(fd);
    return e;
}

enum err journal_create(const char *dir, const uint8_t genesis[HASH_BYTES])
{
    return journal_create_sized(dir, genesis, JOURNAL_SEGMENT_BYTES);
}

void journal_close(struct journal *j)
{
    if (j == NULL)
        return;
    if (j->fd >= 0)
        (void)close(j->fd);
    if (j->dir >= 0)
        (void)close(j->dir);
    buf_release(&j->queue);
    journal_needs_release(j);
    free(j->segments);
    free(j);
}

/* ---- queueing -------------------------------------------------------------------------------- */
static bool kind_known(uint8_t kind)
{
    return (kind >= CORE_REC_N && kind <= CORE_REC_FIN) || kind == JOURNAL_PROPOSAL ||
           kind == JOURNAL_BATCH || kind == JOURNAL_TRIM;
}

void journal_queue(struct journal *j, const struct journal_record *r)
{
    size_t span = journal_span(r->body_len);
    assert(kind_known(r->kind) && r->chain < JOURNAL_CHAINS);
    assert(r->body_len <= JOURNAL_BODY_MAX && span <= j->identity.segment_bytes - JOURNAL_UNIT);
    uint8_t *at = buf_reserve(&j->queue, span);
    if (at == NULL) {
        errno = ENOMEM;
        journal_die(j, "queueing a record");
    }
    journal_record_encode(j->identity.tag, ++j->queued_seq, j->seq + 1, r, at);
    j->queue.len += span;
}

void journal_add(struct journal *j, const struct journal_record *r)
{
    assert(r->kind != JOURNAL_TRIM);
    if (j->queue.len + journal_span(r->body_len) > JOURNAL_QUEUE_MAX)
        journal_sync(j);
    journal_queue(j, r);
}

bool journal_pending(const struct journal *j)
{
    return j->queue.len > 0;
}

uint64_t journal_seq(const struct journal *j)
{
    return j->seq;
}

/* ---- segments -------------------------------------------------------------------------------- */
enum err journal_segment_append(struct journal *j, uint64_t number)
{
    if (j->n == j->cap) {
        size_t cap = j->cap > 0 ? 2 * j->cap : 8;
        struct journal_segment *more = realloc(j->segments, cap * sizeof(*more));
        if (more == NULL)
            return ERR_NO_MEMORY;
        j->segments = more;
        j->cap = cap;
    }
    j->segments[j->n++] = (struct journal_segment){ .number = number };
    return OK;
}

enum err journal_segment_use(struct journal *j, size_t index)
{
    char name[JOURNAL_NAME_MAX];
    journal_segment_name(j->segments[index].number, name);
    int fd = openat(j->dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return ERR_IO;
    if (j->fd >= 0)
        (void)close(j->fd);
    j->fd = fd;
    j->current = index;
    j->offset = JOURNAL_UNIT;
    j->retry_at = j->identity.segment_bytes / 2;
    return OK;
}

/* ERR_DISK_FULL is the only failure that it comes back from. */
static enum err next_create(struct journal *j)
{
    uint64_t number = j->segments[j->n - 1].number + 1;
    enum err e = journal_segment_create(j->dir, &j->identity, number);
    if (e != OK && e != ERR_DISK_FULL)
        journal_die(j, "creating a segment");
    if (e == OK && journal_segment_append(j, number) != OK)
        journal_die(j, "remembering a segment");
    return e;
}

/* Ahead of need, so that the disk being full is known while there is still room to vote. While it
 * is full this is tried again every sixteenth of a segment only. */
static void next_prepare(struct journal *j)
{
    if (j->current + 1 < j->n || j->offset < j->retry_at)
        return;
    bool low = next_create(j) != OK;
    if (low && !j->space_low)
        log_warn("journal", "no room for the next segment of %" PRIu32 " bytes; %zu are left",
                 j->identity.segment_bytes, j->identity.segment_bytes - j->offset);
    j->space_low = low;
    j->retry_at = j->offset + j->identity.segment_bytes / 16;
}

bool journal_space_low(const struct journal *j)
{
    return j->space_low;
}

static void next_use(struct journal *j)
{
    if (j->current + 1 == j->n && next_create(j) != OK)
        journal_die(j, "creating a segment that is needed now");
    j->space_low = false;
    if (journal_segment_use(j, j->current + 1) != OK)
        journal_die(j, "opening the next segment");
}

/* ---- making durable -------------------------------------------------------------------------- */

/* Bytes of the records from at on that fit into the current segment; notes where they will lie. */
static size_t place_records(struct journal *j, size_t at)
{
    size_t room = j->identity.segment_bytes - j->offset, len = 0;
    while (at + len < j->queue.len) {
        struct journal_head h;
        if (!journal_record_decode(j->identity.tag, j->queue.data + at + len, &h)) {
            errno = EFAULT;
            journal_die(j, "reading the queue");
        }
        size_t span = journal_span(h.body_len);
        if (span > room - len)
            break;
        if (journal_needs_note(j, j->current, &h) != OK)
            journal_die(j, "remembering a record");
        len += span;
    }
    return len;
}

static void write_durably(struct journal *j, const uint8_t *bytes, size_t len)
{
    if (journal_write_all(j->fd, bytes, len, j->offset) != OK)
        journal_die(j, "writing");
    if (fdatasync(j->fd) != 0)
        journal_die(j, "fdatasync");
    j->offset += len;
    j->counters.syncs++;
    j->counters.bytes += len;
}

void journal_sync(struct journal *j)
{
    for (size_t at = 0; at < j->queue.len;) {
        size_t len = place_records(j, at);
        if (len > 0)
            write_durably(j, j->queue.data + at, len);
        at += len;
        if (at < j->queue.len)
            next_use(j);
    }
    j->counters.records += j->queued_seq - j->seq;
    j->seq = j->queued_seq;
    j->floor = j->queued_floor;
    if (j->queue.cap > QUEUE_KEPT)
        buf_release(&j->queue);
    else
        buf_clear(&j->queue);
    next_prepare(j);
}

/* ---- trimming -------------------------------------------------------------------------------- */
static void remove_first(struct journal *j)
{
    if (journal_segment_remove(j->dir, j->segments[0].number) != OK)
        journal_die(j, "removing a segment");
    j->n--;
    j->current--;
    memmove(j->segments, j->segments + 1, j->n * sizeof(*j->segments));
}

void journal_trim(struct journal *j)
{
    while (j->segments[0].number < j->floor)
        remove_first(j);
    uint64_t floor = journal_needs_floor(j);
    if (floor <= j->queued_floor)
        return;
    journal_needs_carry(j, floor);
    const struct journal_record r = { .kind = JOURNAL_TRIM, .view = floor };
    journal_queue(j, &r);
    j->queued_floor = floor;
}

void journal_counters(const struct journal *j, struct journal_counters *ret)
{
    *ret = j->counters;
    ret->segments = j->n;
}
