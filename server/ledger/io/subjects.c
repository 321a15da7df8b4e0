#include "server/ledger/io/subjects.h"

#include "server/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define SLOT_BYTES 64
#define SLOT_KEY 12
#define SLOT_CHECK 44
#define KEY_BYTES 32

struct subjects {
    int fd;
    pthread_mutex_t lock; /* creations of this process; flock keeps other processes out */
};

enum err subjects_open(const char *path, struct subjects **ret)
{
    struct subjects *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return ERR_NO_MEMORY;
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (s->fd < 0) {
        log_error("subjects", "cannot open %s: %s", path, strerror(errno));
        free(s);
        return ERR_IO;
    }
    (void)pthread_mutex_init(&s->lock, NULL);
    enum err e = subjects_create(s, 0);
    if (e != OK) {
        subjects_close(s);
        return e;
    }
    *ret = s;
    return OK;
}

void subjects_close(struct subjects *s)
{
    if (s == NULL)
        return;
    (void)close(s->fd);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

static void slot_fill(uint8_t slot[SLOT_BYTES], int64_t number, const uint8_t key[KEY_BYTES])
{
    uint8_t check[HASH_BYTES];
    memcpy(slot, "CKEY", 4);
    for (int i = 0; i < 8; i++)
        slot[4 + i] = (uint8_t)((uint64_t)number >> (56 - 8 * i));
    memcpy(slot + SLOT_KEY, key, KEY_BYTES);
    sha256(slot, SLOT_CHECK, check);
    memcpy(slot + SLOT_CHECK, check, SLOT_BYTES - SLOT_CHECK);
}

/* OK with the key; ERR_NOT_FOUND for an empty slot; ERR_SYNTAX for one that is neither. */
static enum err slot_read(struct subjects *s, int64_t number, uint8_t ret_key[KEY_BYTES])
{
    static const uint8_t empty[SLOT_BYTES];
    uint8_t slot[SLOT_BYTES] = { 0 }, want[SLOT_BYTES];
    ssize_t got = pread(s->fd, slot, SLOT_BYTES, number * SLOT_BYTES);
    if (got < 0)
        return ERR_IO;
    enum err e = ERR_NOT_FOUND;
    if (memcmp(slot, empty, SLOT_BYTES) != 0) {
        slot_fill(want, number, slot + SLOT_KEY);
        e = bytes_equal(slot, want, SLOT_BYTES) ? OK : ERR_SYNTAX;
    }
    if (e == OK)
        memcpy(ret_key, slot + SLOT_KEY, KEY_BYTES);
    bytes_wipe(slot, sizeof(slot));
    bytes_wipe(want, sizeof(want));
    return e;
}

/* A slot torn by a crash was never acknowledged, so it is written anew; one that cannot be read now
 * may hold a key and is left alone. */
static enum err slot_create(struct subjects *s, int64_t number)
{
    uint8_t key[KEY_BYTES], slot[SLOT_BYTES];
    enum err there = slot_read(s, number, key);
    if (there == OK || there == ERR_IO) {
        bytes_wipe(key, sizeof(key));
        return there;
    }
    random_bytes(key, sizeof(key));
    slot_fill(slot, number, key);
    ssize_t put = pwrite(s->fd, slot, SLOT_BYTES, number * SLOT_BYTES);
    int error = errno;
    bytes_wipe(key, sizeof(key));
    bytes_wipe(slot, sizeof(slot));
    if (put != SLOT_BYTES)
        return put >= 0 || error == ENOSPC ? ERR_DISK_FULL : ERR_IO;
    return fdatasync(s->fd) == 0 ? OK : ERR_IO;
}

enum err subjects_create(struct subjects *s, int64_t slot)
{
    if (slot < 0)
        return ERR_INTERNAL;
    (void)pthread_mutex_lock(&s->lock);
    enum err e = flock(s->fd, LOCK_EX) == 0 ? slot_create(s, slot) : ERR_IO;
    (void)flock(s->fd, LOCK_UN);
    (void)pthread_mutex_unlock(&s->lock);
    return e;
}

enum err subjects_salt(struct subjects *s, int64_t slot, enum chain chain, uint64_t sequence,
                       uint8_t ret[SALT_BYTES])
{
    uint8_t key[KEY_BYTES], message[13 + 1 + 8] = "cairn/v1/salt";
    enum err e = slot < 0 ? ERR_NOT_FOUND : slot_read(s, slot, key);
    if (e != OK)
        return e;
    message[13] = (uint8_t)chain;
    for (int i = 0; i < 8; i++)
        message[14 + i] = (uint8_t)(sequence >> (56 - 8 * i));
    hmac_sha256(key, sizeof(key), message, sizeof(message), ret);
    bytes_wipe(key, sizeof(key));
    return OK;
}
