/* Any bytes as the directory of a journal. The first byte says how the rest is used: as the files
 * themselves; as records whose checksums and tag are made true, so that the rules behind them are
 * reached; or as changes to a true journal. Whatever opens must take more records, and then open
 * again with exactly the records it had and these. */
#include "server/base/log.h"
#include "server/ledger/core/core.h"
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENT JOURNAL_SEGMENT_MIN
#define FILES 3
#define DESCRIPTION 24 /* bytes that describe one record */

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t genesis[HASH_BYTES] = { 1, 2, 3 };
static const struct journal_identity identity = { .genesis = { 1, 2, 3 },
                                                  .tag = 0x1122334455667788,
                                                  .segment_bytes = SEGMENT };
static char dir[64];

static void remove_dir(void)
{
    (void)rmdir(dir);
}

/* In memory where there is a file system of it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    crypto_setup();
    log_set_level((enum log_level)(LOG_ERROR + 1));
    memcpy(dir, "/dev/shm/cairn-fuzz-XXXXXX", 27);
    if (mkdtemp(dir) == NULL) {
        memcpy(dir, "/var/tmp/cairn-fuzz-XXXXXX", 27);
        const char *made = mkdtemp(dir);
        assert(made != NULL);
    }
    int failed = atexit(remove_dir);
    assert(failed == 0);
    return 0;
}

static void path_of(uint64_t number, char ret[128])
{
    char name[JOURNAL_NAME_MAX];
    journal_segment_name(number, name);
    (void)snprintf(ret, 128, "%s/%s", dir, name);
}

static void file(uint64_t number, const uint8_t *bytes, size_t len)
{
    char path[128];
    path_of(number, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    ssize_t n = write(fd, bytes, len);
    assert(n == (ssize_t)len);
    (void)close(fd);
}

static void remove_files(void)
{
    for (uint64_t number = 1; number <= FILES + 5; number++) {
        char path[128];
        path_of(number, path);
        (void)unlink(path);
    }
}

/* ---- what came out --------------------------------------------------------------------------- */
struct heard {
    uint64_t n;
    uint8_t digest[HASH_BYTES]; /* of everything, in order */
};

static enum err hear(void *arg, const struct journal_record *r)
{
    struct heard *h = arg;
    uint8_t one[HASH_BYTES], fields[16 + HASH_BYTES] = { r->kind, r->chain };
    assert(r->kind != JOURNAL_TRIM && r->chain < JOURNAL_CHAINS);
    assert((r->body == NULL) == (r->body_len == 0) && r->body_len <= JOURNAL_BODY_MAX);
    memcpy(fields + 4, &r->epoch, 4);
    memcpy(fields + 8, &r->view, 8);
    memcpy(fields + 16, r->id, HASH_BYTES);
    sha256_two(fields, sizeof(fields), r->body != NULL ? r->body : fields, r->body_len, one);
    sha256_two(h->digest, HASH_BYTES, one, HASH_BYTES, h->digest);
    h->n++;
    return OK;
}

static void check(void)
{
    struct heard first = { 0 }, second = { 0 };
    struct journal *j = NULL;
    enum err e = journal_open(dir, genesis, 0, hear, &first, &j);
    assert(e == OK || e == ERR_LOG_INCONSISTENT || e == ERR_NOT_FOUND);
    if (e != OK)
        return;
    uint64_t seq = journal_seq(j);
    const struct journal_record r = { .kind = CORE_REC_S, .chain = 1, .view = 5 };
    for (int i = 0; i < 3; i++) {
        journal_add(j, &r);
        e = hear(&first, &r);
    }
    journal_sync(j);
    assert(e == OK && journal_seq(j) == seq + 3);
    journal_close(j);
    e = journal_open(dir, genesis, seq + 3, hear, &second, &j);
    assert(e == OK && second.n == first.n);
    assert(memcmp(first.digest, second.digest, HASH_BYTES) == 0);
    journal_trim(j);
    journal_sync(j);
    journal_trim(j);
    journal_close(j);
}

/* ---- three ways to make files ---------------------------------------------------------------- */

/* The bytes as they are, in files of true size, with or without a true head. */
static void raw(const uint8_t *data, size_t size)
{
    for (uint64_t number = 1; number <= FILES && size > 0; number++) {
        uint8_t bytes[SEGMENT] = { 0 };
        size_t len = size < SEGMENT ? size : SEGMENT;
        memcpy(bytes, data, len);
        if (bytes[0] % 2 == 0)
            journal_segment_head(&identity, number, bytes);
        file(number, bytes, bytes[0] == 1 ? len : SEGMENT);
        data += len;
        size -= len;
    }
}

/* Each description becomes one true record: seq and sync are told as distances from what would be
 * right, so that most input is nearly right. */
static void described(const uint8_t *data, size_t size)
{
    uint8_t bytes[FILES][SEGMENT] = { 0 };
    uint64_t number = 1 + data[0] % 2, seq = data[0] / 2 % 8, batch = seq;
    size_t segment = 0, at = JOURNAL_UNIT;
    for (size_t s = 0; s < FILES; s++)
        journal_segment_head(&identity, number + s, bytes[s]);
    for (const uint8_t *d = data + 1; (size_t)(d - data) + DESCRIPTION <= size; d += DESCRIPTION) {
        struct journal_record r = { .kind = d[0] % 40,
                                    .chain = d[1] % 20,
                                    .epoch = d[2],
                                    .view = d[3] % 16,
                                    .body = d + 8,
                                    .body_len = d[4] % 17 };
        memcpy(r.id, d + 8, 8);
        seq += d[5] < 240 ? 1 : (uint64_t)(d[5] % 8);
        batch = d[6] < 100 ? batch : seq + d[6] % 3 - (d[6] > 250);
        at += d[7] > 250 ? JOURNAL_UNIT : 0;
        if (at + journal_span(r.body_len) > SEGMENT || d[7] < 5) {
            segment++;
            at = JOURNAL_UNIT;
        }
        if (segment >= FILES)
            break;
        journal_record_encode(identity.tag, seq, batch, &r, bytes[segment] + at);
        bytes[segment][at + JOURNAL_UNIT - 1] ^= d[7] == 17; /* torn */
        at += journal_span(r.body_len);
    }
    for (size_t s = 0; s < FILES; s++)
        file(number + s, bytes[s], SEGMENT);
}

/* A true journal whose syncs are as long as the second byte says, then changes of four bytes: file
 * and place, how many are made zero, what to xor. */
static void changed(const uint8_t *data, size_t size)
{
    uint8_t bytes[FILES][SEGMENT] = { 0 };
    uint64_t seq = 0, batch = 1, sync = 1 + data[0] % 9;
    for (size_t s = 0; s < FILES; s++)
        journal_segment_head(&identity, s + 1, bytes[s]);
    for (size_t s = 0; s < 2; s++)
        for (size_t at = JOURNAL_UNIT; at < SEGMENT / (s + 1); at += JOURNAL_UNIT) {
            const struct journal_record r = { .kind = CORE_REC_N, .chain = 1, .view = ++seq };
            batch = seq % sync == 1 || sync == 1 ? seq : batch;
            journal_record_encode(identity.tag, seq, batch, &r, bytes[s] + at);
        }
    for (size_t i = 1; i + 4 <= size; i += 4) {
        size_t place = (size_t)(data[i] << 8 | data[i + 1]) % (FILES * SEGMENT);
        uint8_t *from = &bytes[place / SEGMENT][place % SEGMENT];
        size_t len = data[i + 2] * 16u, room = SEGMENT - place % SEGMENT;
        memset(from, 0, len < room ? len : room);
        *from ^= data[i + 3];
    }
    for (size_t s = 0; s < FILES; s++)
        file(s + 1, bytes[s], SEGMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    if (data[0] % 3 == 0)
        raw(data + 1, size - 1);
    else if (data[0] % 3 == 1)
        described(data + 1, size - 1);
    else
        changed(data + 1, size - 1);
    check();
    remove_files();
    return 0;
}
