/* A new journal for a new vote key. The old one is kept beside it: it may still show what this
 * member signed, and nothing opens it any more. */
#include "server/base/log.h"
#include "server/ledger/io/journal.h"
#include "server/ledger/io/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ASIDE_MAX 1000

/* The first free of DIR/journal.1, DIR/journal.2 .. */
static bool free_name(const char *data_dir, char ret[256])
{
    struct stat st;
    for (int i = 1; i < ASIDE_MAX; i++) {
        (void)snprintf(ret, 256, "%s/journal.%d", data_dir, i);
        if (lstat(ret, &st) != 0)
            return errno == ENOENT;
    }
    return false;
}

static bool sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

enum err ledger_renew_journal(const char *data_dir, const uint8_t genesis_hash[HASH_BYTES])
{
    char path[256], aside[256];
    (void)snprintf(path, sizeof(path), "%s/journal", data_dir);
    if (!free_name(data_dir, aside) || (rename(path, aside) != 0 && errno != ENOENT) ||
        !sync_folder(data_dir)) {
        log_error("ledger", "%s cannot be set aside: %s", path, strerror(errno));
        return ERR_IO;
    }
    return journal_create(path, genesis_hash);
}
