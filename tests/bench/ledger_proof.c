/* How long an inclusion proof takes from the tiles of a large log, as a reader makes it who has
 * nothing but the static files:
 *   ledger_proof DIR ENTRIES
 * Writes the tiles of a log of that many synthetic entries to DIR, one file for each level, tile
 * after tile; then makes proofs of entries all over it, each with no tile in memory, and checks
 * each against the root. Wall time of one proof; the median and the 99th of 100. */
#include "server/base/text.h"
#include "server/ledger/log/tile.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PROOFS 2001
#define LEVELS 4 /* 2^32 entries */
#define HELD_MAX 16
#define TILE_HEIGHT 8
#define ANCHOR_BYTES 32

struct level {
    int fd;
    FILE *out;
    struct merkle_hash open[TILE_WIDTH]; /* the tile at the right edge */
    unsigned width;
};

struct held {
    unsigned level;
    uint64_t index;
    unsigned width;
    struct merkle_hash hashes[TILE_WIDTH];
};

/* A log on disk, and the tiles that the proof under way has read. */
struct log {
    uint64_t size;
    struct level levels[LEVELS];
    struct held held[HELD_MAX];
    size_t n_held, reads;
};

static void give_up(const char *what)
{
    perror(what);
    exit(1);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void flush_tile(struct level *l)
{
    if (fwrite(l->open, HASH_BYTES, l->width, l->out) != l->width)
        give_up("tiles");
    l->width = 0;
}

/* A full tile hands its root to the level above. */
static void add_hash(struct log *log, unsigned level, const struct merkle_hash *hash)
{
    struct merkle_hash root = *hash;
    for (; level < LEVELS; level++) {
        struct level *l = &log->levels[level];
        l->open[l->width++] = root;
        if (l->width < TILE_WIDTH)
            return;
        if (tile_subtree(l->open, TILE_WIDTH, TILE_HEIGHT, 0, &root) != OK)
            give_up("tile");
        flush_tile(l);
    }
}

static void leaf_of(uint64_t index, struct merkle_hash *ret)
{
    uint8_t entry[ANCHOR_BYTES] = { 0 };
    memcpy(entry, &index, sizeof(index));
    merkle_leaf(entry, sizeof(entry), ret);
}

static void write_log(struct log *log, const char *dir)
{
    char path[512];
    for (unsigned level = 0; level < LEVELS; level++) {
        struct level *l = &log->levels[level];
        (void)snprintf(path, sizeof(path), "%s/level-%u", dir, level);
        l->fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        l->out = l->fd >= 0 ? fdopen(l->fd, "w") : NULL;
        if (l->out == NULL)
            give_up(path);
    }
    for (uint64_t i = 0; i < log->size; i++) {
        struct merkle_hash leaf;
        leaf_of(i, &leaf);
        add_hash(log, 0, &leaf);
    }
    for (unsigned level = 0; level < LEVELS; level++) {
        flush_tile(&log->levels[level]);
        if (fflush(log->levels[level].out) != 0)
            give_up("tiles");
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

static const struct held *tile_at(struct log *log, const struct tile_ref *t)
{
    for (size_t i = 0; i < log->n_held; i++)
        if (log->held[i].level == t->level && log->held[i].index == t->index)
            return &log->held[i];
    if (log->n_held == HELD_MAX || t->level >= LEVELS)
        return NULL;
    struct held *h = &log->held[log->n_held];
    size_t len = (size_t)t->width * HASH_BYTES;
    off_t at = (off_t)(t->index * TILE_WIDTH * HASH_BYTES);
    if (pread(log->levels[t->level].fd, h->hashes, len, at) != (ssize_t)len)
        return NULL;
    h->level = t->level;
    h->index = t->index;
    h->width = t->width;
    log->n_held++;
    log->reads++;
    return h;
}

static bool read_hash(void *arg, unsigned level, uint64_t index, struct merkle_hash *ret)
{
    struct log *log = arg;
    struct tile_ref t;
    unsigned within = 0, place = 0;
    tile_locate(level, index, log->size, &t, &within, &place);
    const struct held *h = tile_at(log, &t);
    return h != NULL && tile_subtree(h->hashes, h->width, within, place, ret) == OK;
}

/* ---- measuring ------------------------------------------------------------------------------- */

static double now_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return 1e6 * (double)t.tv_sec + 1e-3 * (double)t.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double prove_one(struct log *log, uint64_t index, const struct merkle_hash *root)
{
    struct merkle_hash proof[MERKLE_PROOF_MAX], leaf;
    size_t n = 0;
    double begun = now_us();
    log->n_held = 0;
    enum err e = merkle_inclusion(read_hash, log, index, log->size, proof, &n);
    double took = now_us() - begun;
    leaf_of(index, &leaf);
    if (e != OK || !merkle_verify_inclusion(&leaf, index, log->size, proof, n, root)) {
        (void)fprintf(stderr, "ledger_proof: the proof of entry %llu is wrong\n",
                      (unsigned long long)index);
        exit(1);
    }
    return took;
}

int main(int argc, char **argv)
{
    static struct log log;
    static double times[PROOFS];
    struct merkle_hash root;
    uint64_t step = UINT64_C(0x9e3779b97f4a7c15), at = 0;
    if (argc != 3 || !u64_parse(argv[2], strlen(argv[2]), &log.size) || log.size == 0 ||
        log.size >= UINT64_C(1) << 32) {
        (void)fprintf(stderr, "usage: ledger_proof DIR ENTRIES\n");
        return 2;
    }
    write_log(&log, argv[1]);
    if (merkle_root_at(read_hash, &log, log.size, &root) != OK)
        give_up("root");
    log.reads = 0;
    for (size_t i = 0; i < PROOFS; i++, at += step)
        times[i] = prove_one(&log, at % log.size, &root);
    qsort(times, PROOFS, sizeof(times[0]), by_size);
    (void)printf("{\"entries\": %llu, \"p50_us\": %.1f, \"p99_us\": %.1f, \"tiles\": %.2f}\n",
                 (unsigned long long)log.size, times[PROOFS / 2], times[PROOFS * 99 / 100],
                 (double)log.reads / PROOFS);
    return 0;
}
