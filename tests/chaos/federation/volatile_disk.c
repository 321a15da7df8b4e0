/* A disk whose power can be cut: an NBD server over a file that keeps what was written since the
 * last flush in memory, as sectors of 512 bytes. A flush makes them durable, as a drive's cache
 * does. After SIGUSR1 the power fails in the middle of the next flush: each sector that waits
 * survives with probability one half, whatever the order of the writes, and from then on every
 * request is answered with EIO. nbdfuse makes a file of it, a loop device and ext4 stand on that,
 * and a member on these (disks.mjs). NBD: doc/proto.md of NetworkBlockDevice/nbd, fixed newstyle.
 *
 * Usage: volatile_disk SOCKET FILE SEED; the size of the disk is that of the file. Prints "ready",
 * and "cut N" with the number of sectors that waited. Serves one connection and ends with it. */
#include "server/base/text.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define SECTOR 512u
#define REQUEST_MAX (32u << 20)
#define MAGIC_OPTION UINT64_C(0x49484156454F5054)
#define MAGIC_OPTION_REPLY UINT64_C(0x3e889045565a9)
#define MAGIC_REQUEST 0x25609513u
#define MAGIC_REPLY 0x67446698u
enum { OPTION_EXPORT_NAME = 1, OPTION_ABORT = 2 };
enum { COMMAND_READ, COMMAND_WRITE, COMMAND_DISCONNECT, COMMAND_FLUSH };
#define FLAGS_EXPORT 0x5u /* has flags, takes flush */
#define REPLY_UNSUPPORTED 0x80000001u

struct disk {
    int fd, client;
    uint64_t size, random;
    uint8_t **sector; /* what is not flushed; NULL: as in the file */
    uint64_t *dirty, n_dirty;
    bool dead;
    uint8_t *bytes; /* of a request */
};

static volatile sig_atomic_t cut;

static void on_cut(int number)
{
    (void)number;
    cut = 1;
}

static bool take(int fd, void *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t got = read(fd, (uint8_t *)to + at, len - at);
        if (got > 0)
            at += (size_t)got;
        else if (got == 0 || errno != EINTR)
            return false;
    }
    return true;
}

static bool give(int fd, const void *from, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t put = write(fd, (const uint8_t *)from + at, len - at);
        if (put > 0)
            at += (size_t)put;
        else if (errno != EINTR)
            return false;
    }
    return true;
}

/* ---- the medium ------------------------------------------------------------------------------ */

/* splitmix64 */
static uint64_t draw(struct disk *d)
{
    uint64_t z = (d->random += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* Every sector that waits reaches the medium, or is lost, if the power failed, half of the time. */
static int settle(struct disk *d, bool all)
{
    int failed = 0;
    for (uint64_t k = 0; k < d->n_dirty; k++) {
        uint64_t at = d->dirty[k];
        if ((all || (draw(d) & 1) != 0) &&
            pwrite(d->fd, d->sector[at], SECTOR, (off_t)(at * SECTOR)) != (ssize_t)SECTOR)
            failed = EIO;
        free(d->sector[at]);
        d->sector[at] = NULL;
    }
    d->n_dirty = 0;
    return failed;
}

/* While something waits for a flush, so that it is torn. */
static void fail_power(struct disk *d, uint16_t command)
{
    if (cut == 0 || d->dead || command != COMMAND_FLUSH || d->n_dirty == 0)
        return;
    uint64_t waiting = d->n_dirty;
    (void)settle(d, false);
    d->dead = true;
    (void)printf("cut %llu\n", (unsigned long long)waiting);
    (void)fflush(stdout);
}

static int put(struct disk *d, uint64_t offset, uint32_t len)
{
    for (uint64_t at = offset / SECTOR, k = 0; k < len / SECTOR; k++) {
        if (d->sector[at + k] == NULL) {
            d->sector[at + k] = malloc(SECTOR);
            if (d->sector[at + k] == NULL)
                return ENOMEM;
            d->dirty[d->n_dirty++] = at + k;
        }
        memcpy(d->sector[at + k], d->bytes + k * SECTOR, SECTOR);
    }
    return 0;
}

static int get(struct disk *d, uint64_t offset, uint32_t len)
{
    if (pread(d->fd, d->bytes, len, (off_t)offset) != (ssize_t)len)
        return EIO;
    for (uint64_t at = offset / SECTOR, k = 0; k < len / SECTOR; k++)
        if (d->sector[at + k] != NULL)
            memcpy(d->bytes + k * SECTOR, d->sector[at + k], SECTOR);
    return 0;
}

/* ---- the protocol ---------------------------------------------------------------------------- */

struct request {
    uint32_t magic;
    uint16_t flags, command;
    uint64_t cookie, offset;
    uint32_t len;
} __attribute__((packed));

static bool answer(struct disk *d, uint64_t cookie, int error, uint32_t len)
{
    struct {
        uint32_t magic, error;
        uint64_t cookie;
    } __attribute__((packed)) r = { htobe32(MAGIC_REPLY), htobe32((uint32_t)error), cookie };
    return give(d->client, &r, sizeof(r)) &&
           (error != 0 || len == 0 || give(d->client, d->bytes, len));
}

static bool serve_one(struct disk *d)
{
    struct request r;
    if (!take(d->client, &r, sizeof(r)) || be32toh(r.magic) != MAGIC_REQUEST)
        return false;
    uint16_t command = be16toh(r.command);
    uint64_t offset = be64toh(r.offset);
    uint32_t len = be32toh(r.len);
    if (command == COMMAND_DISCONNECT || len > REQUEST_MAX)
        return false;
    if (command == COMMAND_WRITE && !take(d->client, d->bytes, len))
        return false;
    fail_power(d, command);
    int error = 0;
    if (d->dead)
        error = EIO;
    else if (command != COMMAND_FLUSH && (offset % SECTOR != 0 || len % SECTOR != 0 ||
                                          offset > d->size || len > d->size - offset))
        error = EINVAL;
    else if (command == COMMAND_FLUSH)
        error = settle(d, true);
    else if (command == COMMAND_WRITE)
        error = put(d, offset, len);
    else if (command == COMMAND_READ)
        error = get(d, offset, len);
    else
        error = EINVAL;
    return answer(d, r.cookie, error, command == COMMAND_READ ? len : 0);
}

/* Fixed newstyle; all options but the export's name are declined, which clients take. */
static bool negotiate(struct disk *d)
{
    static const char hello[] = "NBDMAGICIHAVEOPT\0\3"; /* fixed newstyle, no zeroes */
    uint32_t flags = 0;
    if (!give(d->client, hello, sizeof(hello) - 1) || !take(d->client, &flags, sizeof(flags)))
        return false;
    for (;;) {
        struct {
            uint64_t magic;
            uint32_t option, len;
        } __attribute__((packed)) o;
        if (!take(d->client, &o, sizeof(o)) || be64toh(o.magic) != MAGIC_OPTION ||
            be32toh(o.len) > REQUEST_MAX || !take(d->client, d->bytes, be32toh(o.len)))
            return false;
        if (be32toh(o.option) == OPTION_EXPORT_NAME) {
            struct {
                uint64_t size;
                uint16_t flags;
                uint8_t zeroes[124];
            } __attribute__((packed)) e = { htobe64(d->size), htobe16(FLAGS_EXPORT), { 0 } };
            return give(d->client, &e, (be32toh(flags) & 2) != 0 ? 10 : sizeof(e));
        }
        struct {
            uint64_t magic;
            uint32_t option, reply, len;
        } __attribute__((packed))
        no = { htobe64(MAGIC_OPTION_REPLY), o.option, htobe32(REPLY_UNSUPPORTED), 0 };
        if (!give(d->client, &no, sizeof(no)) || be32toh(o.option) == OPTION_ABORT)
            return false;
    }
}

static bool open_disk(struct disk *d, const char *path)
{
    struct stat s;
    d->fd = open(path, O_RDWR | O_CLOEXEC);
    if (d->fd < 0 || fstat(d->fd, &s) != 0)
        return false;
    d->size = (uint64_t)s.st_size / SECTOR * SECTOR;
    d->sector = calloc(d->size / SECTOR, sizeof(*d->sector));
    d->dirty = calloc(d->size / SECTOR, sizeof(*d->dirty));
    d->bytes = malloc(REQUEST_MAX);
    return d->sector != NULL && d->dirty != NULL && d->bytes != NULL;
}

static int listen_at(const char *path)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    if (strlen(path) >= sizeof(at.sun_path))
        return -1;
    memcpy(at.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0 || listen(fd, 1) != 0)
        return -1;
    return fd;
}

int main(int argc, char **argv)
{
    struct disk d = { .client = -1 };
    const struct sigaction power = { .sa_handler = on_cut, .sa_flags = SA_RESTART };
    if (argc != 4 || !u64_parse(argv[3], strlen(argv[3]), &d.random)) {
        (void)fputs("usage: volatile_disk SOCKET FILE SEED\n", stderr);
        return 2;
    }
    (void)sigaction(SIGUSR1, &power, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    int fd = listen_at(argv[1]);
    if (fd < 0 || !open_disk(&d, argv[2])) {
        perror("volatile_disk");
        return 1;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    d.client = accept(fd, NULL, NULL);
    if (d.client < 0 || !negotiate(&d))
        return 1;
    while (serve_one(&d))
        ;
    /* An orderly end is no cut; what was not flushed is written, as by a drive that is given time.
     */
    return d.dead ? 0 : settle(&d, true);
}
