/* The journal's directory and files: made whole or not at all, read within bounds. */
#include "server/ledger/io/journal_internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define ZEROS_BYTES (256u << 10)
#define SUFFIX ".seg"
#define UNFINISHED ".seg.tmp"
#define DIGITS 16
#define LIST_MAX (1u << 20)
#define NUMBER_MAX (UINT64_C(1) << 62)

/* EFBIG: a limit on file sizes, which is as much a lack of room as a quota. */
static enum err io_error(void)
{
    return errno == ENOSPC || errno == EDQUOT || errno == EFBIG ? ERR_DISK_FULL : ERR_IO;
}

void journal_segment_name(uint64_t number, char ret[JOURNAL_NAME_MAX])
{
    (void)snprintf(ret, JOURNAL_NAME_MAX, "%016" PRIx64 SUFFIX, number);
}

/* 0 unless the name is sixteen digits and the suffix; far below where numbers would overflow. */
static uint64_t number_of(const char *name, const char *suffix)
{
    uint64_t number = 0;
    for (int i = 0; i < DIGITS; i++) {
        char c = name[i];
        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return 0;
        number = number << 4 | (uint64_t)(c <= '9' ? c - '0' : c - 'a' + 10);
    }
    return strcmp(name + DIGITS, suffix) == 0 && number < NUMBER_MAX ? number : 0;
}

enum err journal_dir_open(const char *dir, int *ret)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum err e = errno == EWOULDBLOCK ? ERR_BUSY : ERR_IO;
        (void)close(fd);
        return e;
    }
    *ret = fd;
    return OK;
}

enum err journal_dir_sync(int dir)
{
    int above = openat(dir, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (above < 0)
        return io_error();
    enum err e = fsync(dir) == 0 && fsync(above) == 0 ? OK : io_error();
    (void)close(above);
    return e;
}

/* A second descriptor, since a directory stream owns and closes the one it is given. */
static DIR *dir_stream(int dir)
{
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
    if (d == NULL && fd >= 0)
        (void)close(fd);
    return d;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x, y;
    memcpy(&x, a, sizeof(x));
    memcpy(&y, b, sizeof(y));
    return x < y ? -1 : x > y;
}

static enum err list_add(uint64_t **list, size_t n, uint64_t number)
{
    if (n >= LIST_MAX)
        return ERR_LIMIT;
    if ((n & (n - 1)) == 0) { /* full at every power of two */
        uint64_t *more = realloc(*list, (n > 0 ? 2 * n : 1) * sizeof(*more));
        if (more == NULL)
            return ERR_NO_MEMORY;
        *list = more;
    }
    (*list)[n] = number;
    return OK;
}

enum err journal_segment_list(int dir, uint64_t **ret, size_t *ret_n)
{
    DIR *d = dir_stream(dir);
    if (d == NULL)
        return ERR_IO;
    uint64_t *list = NULL;
    size_t n = 0;
    enum err e = OK;
    errno = 0;
    for (const struct dirent *one; e == OK && (one = readdir(d)) != NULL; errno = 0) {
        uint64_t number = number_of(one->d_name, SUFFIX);
        if (number > 0 && (e = list_add(&list, n, number)) == OK)
            n++;
    }
    if (e == OK && errno != 0)
        e = ERR_IO;
    (void)closedir(d);
    if (e != OK) {
        free(list);
        return e;
    }
    if (n > 0)
        qsort(list, n, sizeof(*list), by_number);
    *ret = list;
    *ret_n = n;
    return OK;
}

/* Best effort: an unfinished file is in nobody's way, and creating its number again removes it. */
void journal_segment_sweep(int dir)
{
    DIR *d = dir_stream(dir);
    for (const struct dirent *one; d != NULL && (one = readdir(d)) != NULL;) {
        if (number_of(one->d_name, UNFINISHED) > 0)
            (void)unlinkat(dir, one->d_name, 0);
    }
    if (d != NULL)
        (void)closedir(d);
}

enum err journal_write_all(int fd, const uint8_t *bytes, size_t len, size_t at)
{
    while (len > 0) {
        ssize_t n = pwrite(fd, bytes, len, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue; /* nothing was written */
        if (n <= 0)
            return n == 0 ? ERR_IO : io_error();
        bytes += n;
        at += (size_t)n;
        len -= (size_t)n;
    }
    return OK;
}

static enum err fill(int fd, const struct journal_identity *i, uint64_t number)
{
    uint8_t *bytes = calloc(1, ZEROS_BYTES);
    if (bytes == NULL)
        return ERR_NO_MEMORY;
    journal_segment_head(i, number, bytes);
    enum err e = OK;
    for (size_t at = 0; at < i->segment_bytes && e == OK; at += ZEROS_BYTES) {
        size_t left = i->segment_bytes - at;
        e = journal_write_all(fd, bytes, left < ZEROS_BYTES ? left : ZEROS_BYTES, at);
        if (at == 0)
            memset(bytes, 0, JOURNAL_UNIT);
    }
    free(bytes);
    if (e == OK && fsync(fd) != 0)
        e = io_error();
    return e;
}

/* Zeros are really written, so that the file system has nothing left to decide, and fdatasync
 * nothing but data to write, when records come. */
enum err journal_segment_create(int dir, const struct journal_identity *i, uint64_t number)
{
    char name[JOURNAL_NAME_MAX], unfinished[JOURNAL_NAME_MAX];
    journal_segment_name(number, name);
    (void)snprintf(unfinished, sizeof(unfinished), "%016" PRIx64 UNFINISHED, number);
    (void)unlinkat(dir, unfinished, 0);
    int fd = openat(dir, unfinished, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return io_error();
    enum err e = fill(fd, i, number);
    (void)close(fd);
    if (e == OK && renameat(dir, unfinished, dir, name) != 0)
        e = io_error();
    if (e != OK) {
        (void)unlinkat(dir, unfinished, 0);
        return e;
    }
    return fsync(dir) == 0 ? OK : ERR_IO;
}

/* Synced one by one, so that after a power cut those that are left still have no gap. */
enum err journal_segment_remove(int dir, uint64_t number)
{
    char name[JOURNAL_NAME_MAX];
    journal_segment_name(number, name);
    return unlinkat(dir, name, 0) == 0 && fsync(dir) == 0 ? OK : ERR_IO;
}

enum err journal_segment_read(int dir, uint64_t number, uint8_t *ret, size_t len, size_t total)
{
    char name[JOURNAL_NAME_MAX];
    struct stat st;
    journal_segment_name(number, name);
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return ERR_IO;
    enum err e = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? OK : ERR_IO;
    if (e == OK && (st.st_size < (off_t)len || (total > 0 && st.st_size != (off_t)total)))
        e = ERR_LOG_INCONSISTENT;
    for (size_t at = 0; at < len && e == OK;) {
        ssize_t n = pread(fd, ret + at, len - at, (off_t)at);
        if (n > 0)
            at += (size_t)n;
        else if (n == 0 || errno != EINTR)
            e = ERR_IO;
    }
    (void)close(fd);
    return e;
}
