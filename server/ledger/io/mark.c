#include "server/ledger/io/mark.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define SLOT_BYTES 64
#define SLOT_CHECK 56

static void put_u64(uint8_t *at, uint64_t n)
{
    for (int i = 0; i < 8; i++)
        at[i] = (uint8_t)(n >> (56 - 8 * i));
}

static uint64_t get_u64(const uint8_t *at)
{
    uint64_t n = 0;
    for (int i = 0; i < 8; i++)
        n = n << 8 | at[i];
    return n;
}

static void slot_fill(uint8_t slot[SLOT_BYTES], enum chain chain, const struct mark *m)
{
    uint8_t check[HASH_BYTES];
    memset(slot, 0, SLOT_BYTES);
    memcpy(slot, "CMRK", 4);
    slot[4] = (uint8_t)chain;
    put_u64(slot + 8, m->counter);
    put_u64(slot + 16, m->size);
    memcpy(slot + 24, m->root.bytes, HASH_BYTES);
    sha256(slot, SLOT_CHECK, check);
    memcpy(slot + SLOT_CHECK, check, SLOT_BYTES - SLOT_CHECK);
}

static off_t slot_offset(enum chain chain, uint64_t counter)
{
    return (off_t)(((uint64_t)chain - 1) * 2 + counter % 2) * SLOT_BYTES;
}

static bool slot_read(int fd, enum chain chain, uint64_t parity, struct mark *ret)
{
    uint8_t slot[SLOT_BYTES], want[SLOT_BYTES];
    struct mark m;
    if (pread(fd, slot, SLOT_BYTES, slot_offset(chain, parity)) != SLOT_BYTES)
        return false;
    m.counter = get_u64(slot + 8);
    m.size = get_u64(slot + 16);
    memcpy(m.root.bytes, slot + 24, HASH_BYTES);
    slot_fill(want, chain, &m);
    if (memcmp(slot, want, SLOT_BYTES) != 0 || m.counter % 2 != parity)
        return false;
    *ret = m;
    return true;
}

enum err mark_read(int fd, enum chain chain, struct mark *ret)
{
    struct mark even, odd;
    bool has_even = slot_read(fd, chain, 0, &even), has_odd = slot_read(fd, chain, 1, &odd);
    if (!has_even && !has_odd)
        return ERR_LOG_INCONSISTENT;
    *ret = has_even && (!has_odd || even.counter > odd.counter) ? even : odd;
    return OK;
}

enum err mark_write(int fd, enum chain chain, struct mark *m)
{
    uint8_t slot[SLOT_BYTES];
    struct mark next = *m;
    next.counter++;
    slot_fill(slot, chain, &next);
    if (pwrite(fd, slot, SLOT_BYTES, slot_offset(chain, next.counter)) != SLOT_BYTES)
        return errno == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    if (fdatasync(fd) != 0)
        return ERR_IO;
    *m = next;
    return OK;
}

enum err mark_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    enum err e = OK;
    struct merkle_tree empty;
    merkle_init(&empty);
    for (int chain = CHAIN_ACCOUNT; chain <= CHAIN_TX && e == OK; chain++) {
        struct mark m = { 0 };
        merkle_root(&empty, &m.root);
        e = mark_write(fd, (enum chain)chain,
                       &m); /* both slots, so that the file has its full size */
        if (e == OK)
            e = mark_write(fd, (enum chain)chain, &m);
    }
    if (close(fd) != 0 && e == OK)
        e = ERR_IO;
    return e;
}

enum err mark_open(const char *path, int *ret_fd)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    *ret_fd = fd;
    return OK;
}
