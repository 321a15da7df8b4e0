/* Where the bytes of a body go: into bounded memory, or into a temporary file with a hash. */
#include "api/http/edge.h"
#include "server/base/log.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX "upload-"

static enum err disk_error(void)
{
    if (errno == ENOSPC || errno == EDQUOT || errno == EFBIG)
        return ERR_DISK_FULL;
    log_error("upload", "a temporary file failed: %s", strerror(errno));
    return ERR_INTERNAL;
}

enum err body_begin(struct job *j)
{
    struct body *b = &j->body;
    enum body_kind kind = j->r.route->body;
    if (kind == BODY_JSON || kind == BODY_TEXT || kind == BODY_FRAMES)
        buf_init(&b->bytes, j->r.route->body_max + 1);
    /* Room for all of it was reserved with the head, so it need not grow. */
    if (kind == BODY_FRAMES && buf_reserve(&b->bytes, (size_t)b->expected) == NULL)
        return ERR_NO_MEMORY;
    if (j->r.route->body != BODY_FILE)
        return OK;
    int len = snprintf(b->path, sizeof(b->path), "%s/" PREFIX "XXXXXX", j->l->tmp_dir);
    if (len < 0 || (size_t)len >= sizeof(b->path))
        return ERR_INTERNAL;
    b->fd = mkostemp(b->path, O_CLOEXEC);
    if (b->fd < 0) {
        b->path[0] = '\0';
        return disk_error();
    }
    blake2b_init(&b->hash, NULL, 0);
    return OK;
}

static enum err write_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return disk_error();
        bytes += n;
        len -= (size_t)n;
    }
    return OK;
}

/* Memory is charged as it arrives, not as it is announced: a client cannot hold what it has not
 * paid for with bytes. */
static enum err charge(struct job *j, size_t len)
{
    if (atomic_fetch_add(&j->l->body_memory, len) + len > BODY_MEMORY_MAX) {
        atomic_fetch_sub(&j->l->body_memory, len);
        return ERR_BUSY;
    }
    j->body.charged += len;
    return OK;
}

enum err body_add(struct job *j, const void *bytes, size_t len)
{
    struct body *b = &j->body;
    b->received += len;
    if (b->received > b->expected)
        return ERR_BODY_TOO_LARGE; /* libmicrohttpd would have to have miscounted */
    if (b->fd >= 0) {
        blake2b_add(&b->hash, bytes, len);
        return write_all(b->fd, bytes, len);
    }
    enum err e = j->r.route->body == BODY_FRAMES ? OK : charge(j, len);
    return e == OK ? buf_add(&b->bytes, bytes, len) : e;
}

enum err body_end(struct job *j)
{
    struct body *b = &j->body;
    if (b->received != b->expected)
        return ERR_BODY_CUT;
    if (b->fd >= 0) {
        blake2b_finish(&b->hash, j->r.body_hash);
        int failed = close(b->fd);
        b->fd = -1;
        j->r.body_file = b->path;
        return failed == 0 ? OK : disk_error();
    }
    j->r.body = buf_str(&b->bytes);
    j->r.body_len = b->bytes.len;
    return OK;
}

void body_release(struct job *j)
{
    struct body *b = &j->body;
    if (b->fd >= 0)
        (void)close(b->fd);
    if (b->path[0] != '\0')
        (void)unlink(b->path); /* gone already if the handler renamed it */
    b->fd = -1;
    b->path[0] = '\0';
    if (j->r.route != NULL && j->r.route->body == BODY_FRAMES && b->bytes.max > 0)
        buf_release(&b->bytes); /* nothing secret, and long to wipe */
    else if (b->bytes.max > 0)
        buf_release_secret(&b->bytes);
    atomic_fetch_sub(&j->l->body_memory, b->charged);
    b->charged = 0;
}

void body_sweep(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL)
        return;
    for (const struct dirent *entry; (entry = readdir(d)) != NULL;)
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) == 0)
            (void)unlinkat(dirfd(d), entry->d_name, 0);
    (void)closedir(d);
}
