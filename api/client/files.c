#include "api/client/files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLIENT_PATH_MAX 1024
#define READ_STEP 65536

static enum err io_problem(struct problem *p, const char *what, const char *path)
{
    return problem_set(p, ERR_IO, "", "%s %.150s: %s.", what, path, strerror(errno));
}

static enum err read_all(int fd, const char *path, struct buf *ret, struct problem *p)
{
    for (;;) {
        size_t room = ret->max - ret->len < READ_STEP ? ret->max - ret->len : READ_STEP;
        /* At the limit one more byte is asked for on the side, to tell "full" from "too long". */
        char extra;
        uint8_t *place = room > 0 ? buf_reserve(ret, room) : (uint8_t *)&extra;
        if (place == NULL)
            return problem_set(p, ERR_NO_MEMORY, "", "%s", err_text(ERR_NO_MEMORY));
        ssize_t n = read(fd, place, room > 0 ? room : 1);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_problem(p, "Cannot read", path);
        if (n == 0)
            return OK;
        if (room == 0)
            return problem_set(p, ERR_LIMIT, "", "%.150s is longer than %zu bytes.", path,
                               ret->max);
        ret->len += (size_t)n;
        ret->data[ret->len] = 0;
    }
}

enum err file_read(const char *path, struct buf *ret, struct problem *p)
{
    if (strcmp(path, "-") == 0)
        return read_all(STDIN_FILENO, "standard input", ret, p);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return io_problem(p, "Cannot open", path);
    enum err e = read_all(fd, path, ret, p);
    (void)close(fd);
    return e;
}

enum err file_read_json(const char *path, size_t max, json_t **ret, struct problem *p)
{
    struct buf b;
    buf_init(&b, max);
    struct problem why = { 0 };
    enum err e = file_read(path, &b, p);
    if (e == OK && (e = json_read(buf_str(&b), b.len, ret, &why)) != OK)
        (void)problem_set(p, e, why.pointer, "%.100s: %.150s", path, why.detail);
    buf_release_secret(&b);
    return e;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

static bool write_all(int fd, const uint8_t *bytes, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, bytes, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        len -= (size_t)n;
    }
    return true;
}

/* A rename is durable only once the folder is. */
static bool sync_folder_of(const char *path)
{
    char folder[CLIENT_PATH_MAX];
    const char *slash = strrchr(path, '/');
    size_t n = slash != NULL ? (size_t)(slash - path) : 0;
    if (slash == NULL)
        (void)snprintf(folder, sizeof(folder), ".");
    else
        (void)snprintf(folder, sizeof(folder), "%.*s", (int)(n > 0 ? n : 1), path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool ok = fsync(fd) == 0;
    return close(fd) == 0 && ok;
}

enum err file_write(const char *path, const void *bytes, size_t len, unsigned mode, bool sync,
                    struct problem *p)
{
    char beside[CLIENT_PATH_MAX];
    int n = snprintf(beside, sizeof(beside), "%s.XXXXXX", path);
    if (n < 0 || (size_t)n >= sizeof(beside))
        return problem_set(p, ERR_IO, "", "The path %.150s is too long.", path);
    int fd = mkostemp(beside, O_CLOEXEC);
    if (fd < 0)
        return io_problem(p, "Cannot write", path);
    bool ok =
        write_all(fd, bytes, len) && fchmod(fd, (mode_t)mode) == 0 && (!sync || fsync(fd) == 0);
    ok = close(fd) == 0 && ok;
    if (ok && rename(beside, path) == 0 && (!sync || sync_folder_of(path)))
        return OK;
    enum err e = io_problem(p, "Cannot write", path);
    (void)unlink(beside);
    return e;
}

enum err folder_make(const char *path, unsigned mode, struct problem *p)
{
    char part[CLIENT_PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part))
        return problem_set(p, ERR_IO, "", "The path %.150s is empty or too long.", path);
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, (mode_t)mode) != 0 && errno != EEXIST)
            return io_problem(p, "Cannot make", part);
    }
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        errno = ENOTDIR;
        return io_problem(p, "Cannot use", path);
    }
    return OK;
}
