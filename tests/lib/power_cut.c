#include "tests/lib/power_cut.h"

#include <assert.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SECTOR 512
#define FILES_MAX 4096
#define NAME_BYTES 64

enum sector { CLEAN, DIRTY, FORGOTTEN };

struct file {
    int fd; /* kept, so that its inode number is not used again */
    ino_t inode;
    uint8_t *durable;
    size_t durable_len;
    uint8_t *dirty; /* enum sector of each */
    size_t sectors;
};
struct name {
    char text[NAME_BYTES];
    ino_t inode;
};
struct names {
    struct name at[FILES_MAX];
    size_t n;
};

static struct {
    bool on, busy;
    char folder[PATH_MAX];
    ino_t inode;
    void (*moment)(void *arg, enum power_cut_call call, bool before);
    void *arg;
    struct file files[FILES_MAX];
    size_t n;
    struct names durable;
} disk;

static void list(struct names *ret)
{
    DIR *d = opendir(disk.folder);
    assert(d != NULL);
    ret->n = 0;
    for (const struct dirent *one; (one = readdir(d)) != NULL;) {
        if (one->d_name[0] == '.')
            continue;
        assert(ret->n < FILES_MAX && strlen(one->d_name) < NAME_BYTES);
        struct name *name = &ret->at[ret->n++];
        memset(name, 0, sizeof(*name));
        memcpy(name->text, one->d_name, strlen(one->d_name));
        name->inode = one->d_ino;
    }
    (void)closedir(d);
}

static size_t read_whole(int fd, uint8_t **ret)
{
    struct stat st;
    int failed = fstat(fd, &st);
    assert(failed == 0);
    size_t len = (size_t)st.st_size;
    *ret = malloc(len + 1);
    assert(*ret != NULL);
    ssize_t n = pread(fd, *ret, len, 0);
    assert(n == (ssize_t)len);
    return len;
}

/* fd is kept. */
static struct file *file_add(int fd, ino_t inode)
{
    assert(disk.n < FILES_MAX && fd >= 0);
    struct file *f = &disk.files[disk.n++];
    *f = (struct file){ .fd = fd, .inode = inode };
    return f;
}

static struct file *file_of_inode(ino_t inode)
{
    for (size_t i = 0; i < disk.n; i++)
        if (disk.files[i].inode == inode)
            return &disk.files[i];
    return NULL;
}

/* The watched file behind a descriptor, or NULL. */
static struct file *file_of(int fd)
{
    char link[64], path[PATH_MAX];
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return NULL;
    struct file *f = file_of_inode(st.st_ino);
    if (f != NULL)
        return f;
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    if (n <= 0 || strncmp(path, disk.folder, strlen(disk.folder)) != 0 ||
        path[strlen(disk.folder)] != '/')
        return NULL;
    return file_add(fcntl(fd, F_DUPFD_CLOEXEC, 0), st.st_ino);
}

static bool is_folder(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) && st.st_ino == disk.inode;
}

void power_cut_watch(const char *folder,
                     void (*moment)(void *arg, enum power_cut_call call, bool before), void *arg)
{
    struct stat st;
    assert(!disk.on);
    char *real = realpath(folder, disk.folder);
    assert(real != NULL);
    int failed = stat(disk.folder, &st);
    assert(failed == 0);
    disk.inode = st.st_ino;
    disk.moment = moment;
    disk.arg = arg;
    list(&disk.durable);
    for (size_t i = 0; i < disk.durable.n; i++) {
        char path[2 * PATH_MAX];
        (void)snprintf(path, sizeof(path), "%s/%s", disk.folder, disk.durable.at[i].text);
        struct file *f = file_add(open(path, O_RDONLY | O_CLOEXEC), disk.durable.at[i].inode);
        f->durable_len = read_whole(f->fd, &f->durable);
    }
    disk.on = true;
}

void power_cut_stop(void)
{
    for (size_t i = 0; i < disk.n; i++) {
        (void)close(disk.files[i].fd);
        free(disk.files[i].durable);
        free(disk.files[i].dirty);
    }
    disk.n = 0;
    disk.on = false;
}

void power_cut_go_on(void)
{
    disk.busy = false;
}

static void happen(enum power_cut_call call, bool before)
{
    disk.busy = true;
    disk.moment(disk.arg, call, before);
    disk.busy = false;
}

/* ---- what stands in for the C library -------------------------------------------------------- */
static void mark_dirty(struct file *f, size_t from, size_t len)
{
    size_t need = (from + len + SECTOR - 1) / SECTOR;
    if (need > f->sectors) {
        f->dirty = realloc(f->dirty, need);
        assert(f->dirty != NULL);
        memset(f->dirty + f->sectors, 0, need - f->sectors);
        f->sectors = need;
    }
    for (size_t i = from / SECTOR; len > 0 && i <= (from + len - 1) / SECTOR; i++)
        f->dirty[i] = DIRTY;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    struct file *f = disk.on && !disk.busy ? file_of(fd) : NULL;
    if (f != NULL)
        happen(POWER_CUT_WRITE, true);
    ssize_t n = (ssize_t)syscall(SYS_pwrite64, fd, bytes, len, at);
    if (f != NULL && n > 0) {
        mark_dirty(f, (size_t)at, (size_t)n);
        happen(POWER_CUT_WRITE, false);
    }
    return n;
}

static void make_durable(struct file *f)
{
    uint8_t *now;
    size_t len = read_whole(f->fd, &now);
    f->durable = realloc(f->durable, len + 1);
    assert(f->durable != NULL);
    if (len > f->durable_len)
        memset(f->durable + f->durable_len, 0, len - f->durable_len);
    f->durable_len = len;
    for (size_t i = 0; i < f->sectors && i * SECTOR < len; i++) {
        size_t bytes = len - i * SECTOR < SECTOR ? len - i * SECTOR : SECTOR;
        if (f->dirty[i] != DIRTY)
            continue;
        memcpy(f->durable + i * SECTOR, now + i * SECTOR, bytes);
        f->dirty[i] = CLEAN;
    }
    free(now);
}

void power_cut_fail_sync(void)
{
    for (size_t i = 0; i < disk.n; i++)
        for (size_t k = 0; k < disk.files[i].sectors; k++)
            if (disk.files[i].dirty[k] == DIRTY)
                disk.files[i].dirty[k] = FORGOTTEN;
}

static int sync_of(int fd, enum power_cut_call call)
{
    if (!disk.on || disk.busy)
        return 0;
    struct file *f = file_of(fd);
    bool folder = f == NULL && is_folder(fd);
    if (f == NULL && !folder)
        return 0;
    call = folder ? POWER_CUT_NAMES : call;
    happen(call, true);
    if (folder)
        list(&disk.durable);
    else
        make_durable(f);
    happen(call, false);
    return 0;
}

int fsync(int fd)
{
    return sync_of(fd, POWER_CUT_SYNC);
}

int fdatasync(int fd)
{
    return sync_of(fd, POWER_CUT_DATASYNC);
}

/* ---- after the cut --------------------------------------------------------------------------- */

/* How the sectors that were not synced fared. */
enum fate { FATE_NONE, FATE_ALL, FATE_PREFIX, FATE_ANY, FATE_ALL_BUT_ONE, FATES };

static bool survives(struct prop *p, enum fate fate, size_t sector, size_t chosen)
{
    switch (fate) {
    case FATE_NONE:
        return false;
    case FATE_PREFIX:
        return sector < chosen;
    case FATE_ANY:
        return prop_next(p) % 2 == 0;
    case FATE_ALL_BUT_ONE:
        return sector != chosen;
    default:
        return true;
    }
}

/* One sector in some cuts is torn inside: new bytes up to some place, old ones behind. */
static void state_of_file(struct prop *p, const struct file *f, int to)
{
    uint8_t *now, *then;
    size_t len = read_whole(f->fd, &now), dirty = 0, reach = f->durable_len;
    then = calloc(1, len + f->durable_len + 1);
    assert(then != NULL);
    if (f->durable_len > 0)
        memcpy(then, f->durable, f->durable_len);
    for (size_t i = 0; i < f->sectors; i++)
        dirty += f->dirty[i] == DIRTY;
    enum fate fate = (enum fate)(prop_next(p) % FATES);
    size_t chosen = dirty > 0 ? prop_next(p) % dirty : 0;
    size_t torn = dirty > 0 && prop_next(p) % 4 == 0 ? prop_next(p) % dirty : SIZE_MAX;
    for (size_t i = 0, nth = 0; i < f->sectors; i++) {
        if (f->dirty[i] != DIRTY || i * SECTOR >= len)
            continue;
        size_t bytes = len - i * SECTOR < SECTOR ? len - i * SECTOR : SECTOR;
        if (nth == torn)
            bytes = prop_next(p) % (bytes + 1);
        if (nth == torn || survives(p, fate, nth, chosen)) {
            memcpy(then + i * SECTOR, now + i * SECTOR, bytes);
            reach = i * SECTOR + bytes > reach ? i * SECTOR + bytes : reach;
        }
        nth++;
    }
    ssize_t n = (ssize_t)syscall(SYS_pwrite64, to, then, reach, (off_t)0);
    assert(n == (ssize_t)reach);
    free(now);
    free(then);
}

static bool has(const struct names *names, const struct name *wanted)
{
    for (size_t i = 0; i < names->n; i++)
        if (memcmp(&names->at[i], wanted, sizeof(*wanted)) == 0)
            return true;
    return false;
}

static void state_of_name(struct prop *p, const struct name *name, const char *to)
{
    char path[2 * PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/%s", to, name->text);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert(fd >= 0);
    const struct file *f = file_of_inode(name->inode);
    if (f != NULL) /* else nothing was ever written to it */
        state_of_file(p, f, fd);
    (void)close(fd);
}

void power_cut_state(struct prop *p, const char *to)
{
    static struct names now;
    bool was_busy = disk.busy;
    disk.busy = true;
    list(&now);
    int failed = mkdir(to, 0700);
    assert(failed == 0);
    for (size_t i = 0; i < disk.durable.n; i++) {
        if (has(&now, &disk.durable.at[i]) || prop_next(p) % 2 == 0)
            state_of_name(p, &disk.durable.at[i], to);
    }
    for (size_t i = 0; i < now.n; i++) {
        if (!has(&disk.durable, &now.at[i]) && prop_next(p) % 2 == 0)
            state_of_name(p, &now.at[i], to);
    }
    disk.busy = was_busy;
}
