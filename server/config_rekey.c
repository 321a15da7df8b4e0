/* A new vote key for a member that must not vote with its old one any more. */
#include "server/config_internal.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX (64u << 10)

static bool write_whole(const char *path, int flags, const void *bytes, size_t len)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC | flags, 0600);
    bool ok = fd >= 0 && write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    return fd >= 0 && close(fd) == 0 && ok;
}

/* Renames, and makes the folder remember it. */
static bool put_in_place(const char *from, const char *to, const char *folder)
{
    int fd = rename(from, to) == 0 ? open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0)
        (void)close(fd);
    return ok;
}

/* ---- cairn.conf ------------------------------------------------------------------------------ */

static bool is_rekeyed_line(const char *line)
{
    line += strspn(line, " \t");
    return strncmp(line, "rekeyed", 7) == 0 && strchr(" \t=", line[7]) != NULL;
}

/* All lines but an earlier "rekeyed", and ours at the end. */
static enum err changed_config(FILE *f, struct buf *ret)
{
    char line[512];
    enum err e = OK;
    while (e == OK && fgets(line, sizeof(line), f) != NULL)
        if (!is_rekeyed_line(line))
            e = buf_add_str(ret, line);
    if (e == OK && ret->len > 0 && ret->data[ret->len - 1] != '\n')
        e = buf_add_str(ret, "\n");
    return e == OK ? buf_add_str(ret, "rekeyed = yes\n") : e;
}

static enum err set_rekeyed(const char *data_dir)
{
    char path[256], new_path[256];
    struct buf text;
    (void)snprintf(path, sizeof(path), "%s/cairn.conf", data_dir);
    (void)snprintf(new_path, sizeof(new_path), "%s/cairn.conf.new", data_dir);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return ERR_IO;
    buf_init(&text, CONFIG_MAX);
    enum err e = changed_config(f, &text);
    (void)fclose(f);
    if (e == OK && (!write_whole(new_path, O_CREAT | O_TRUNC, text.data, text.len) ||
                    !put_in_place(new_path, path, data_dir)))
        e = ERR_IO;
    buf_release(&text);
    return e;
}

/* ---- the key --------------------------------------------------------------------------------- */

/* The old seed is written over before it goes. A file system that copies on write, or a disk that
 * moves blocks, may keep it all the same: what really ends the old key is the re-key itself. */
static enum err replace_vote_key(const char *dir, struct sign_key *ret)
{
    char keys[256], path[300], new_path[300];
    uint8_t seed[SEED_BYTES], noise[SEED_BYTES];
    (void)snprintf(keys, sizeof(keys), "%s/keys", dir);
    (void)snprintf(path, sizeof(path), "%s/vote.seed", keys);
    (void)snprintf(new_path, sizeof(new_path), "%s/vote.seed.new", keys);
    random_bytes(seed, sizeof(seed));
    random_bytes(noise, sizeof(noise));
    bool ok = write_whole(new_path, O_CREAT | O_TRUNC, seed, sizeof(seed)) &&
              write_whole(path, 0, noise, sizeof(noise)) && put_in_place(new_path, path, keys);
    if (ok)
        sign_key_from_seed(seed, ret);
    else
        log_error("rekey", "%s cannot be replaced: %s", path, strerror(errno));
    bytes_wipe(seed, sizeof(seed));
    return ok ? OK : ERR_IO;
}

static void say_what_next(const struct config *c, const uint8_t key[SIGN_PUBLIC_BYTES])
{
    char text[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    base64_encode(key, SIGN_PUBLIC_BYTES, text);
    (void)printf("{\"event\":\"rekeyed\",\"vote_key\":\"%s\",\"propose\":\"cairn federation "
                 "propose rekey %u --vote-key %s\"}\n",
                 text, (unsigned)c->member, text);
}

/* In this order nobody ever finds the old key beside an empty journal, wherever it stops; and it
 * may be run again from the start. */
enum err config_rekey(const struct config *c)
{
    struct sign_key key = { 0 };
    if (c->genesis->n == 1) {
        log_error("rekey", "a federation of one has nobody who could approve a new key");
        return ERR_USAGE;
    }
    enum err e = set_rekeyed(c->data_dir);
    if (e == OK)
        e = replace_vote_key(c->shared_dir, &key);
    if (e == OK)
        e = ledger_renew_journal(c->shared_dir, c->genesis_hash);
    if (e == OK)
        say_what_next(c, key.public);
    sign_key_wipe(&key);
    return e;
}
