#include "server/vault/blobs.h"

#include "server/base/failpoint.h"
#include "server/base/text.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct blobs {
    char dir[240];
};

static enum err io_error(void)
{
    return errno == ENOSPC || errno == EDQUOT ? ERR_DISK_FULL : ERR_IO;
}

static enum err sync_path(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC);
    if (fd < 0)
        return io_error();
    enum err e = fsync(fd) == 0 ? OK : io_error();
    (void)close(fd);
    return e;
}

static void shard_path(const struct blobs *b, unsigned shard, char ret[BLOB_PATH_MAX])
{
    (void)snprintf(ret, BLOB_PATH_MAX, "%s/%02x", b->dir, shard);
}

/* All 256 folders are made at start, so that a put has one directory to sync. */
enum err blobs_open(const char *data_dir, struct blobs **ret)
{
    struct blobs *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return ERR_NO_MEMORY;
    (void)snprintf(b->dir, sizeof(b->dir), "%s/blobs", data_dir);
    bool ok = mkdir(b->dir, 0700) == 0 || errno == EEXIST;
    for (unsigned shard = 0; shard < 256 && ok; shard++) {
        char path[BLOB_PATH_MAX];
        shard_path(b, shard, path);
        ok = mkdir(path, 0700) == 0 || errno == EEXIST;
    }
    enum err e = ok ? sync_path(b->dir, O_RDONLY | O_DIRECTORY) : io_error();
    if (e != OK) {
        free(b);
        return e;
    }
    *ret = b;
    return OK;
}

void blobs_close(struct blobs *b)
{
    free(b);
}

void blobs_path(const struct blobs *b, const uint8_t hash[HASH_BYTES], char ret[BLOB_PATH_MAX])
{
    char hex[HEX_SIZE(HASH_BYTES)];
    hex_encode(hash, HASH_BYTES, hex);
    (void)snprintf(ret, BLOB_PATH_MAX, "%s/%.2s/%s", b->dir, hex, hex);
}

enum err blobs_put(struct blobs *b, const char *file, const uint8_t hash[HASH_BYTES])
{
    char path[BLOB_PATH_MAX], shard[BLOB_PATH_MAX];
    blobs_path(b, hash, path);
    shard_path(b, hash[0], shard);
    enum err e = sync_path(file, O_RDONLY);
    if (e == OK)
        e = FP("blob_before_rename");
    if (e == OK && rename(file, path) != 0)
        e = io_error();
    if (e == OK)
        e = FP("blob_after_rename");
    return e == OK ? sync_path(shard, O_RDONLY | O_DIRECTORY) : e;
}
