/* The keys of a member: one file for each, so that each can be kept, moved or destroyed by itself.
 */
#include "server/config_internal.h"

#include "server/base/log.h"
#include "server/crypto/hash.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void key_path(const char *data_dir, const char *name, char ret[256])
{
    (void)snprintf(ret, 256, "%s/keys/%s.seed", data_dir, name);
}

enum err key_put(const char *data_dir, const char *name, const uint8_t seed[SEED_BYTES])
{
    char path[256];
    key_path(data_dir, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    bool ok = write(fd, seed, SEED_BYTES) == SEED_BYTES && fsync(fd) == 0;
    return close(fd) == 0 && ok ? OK : ERR_IO;
}

enum err key_create(const char *data_dir, const char *name)
{
    uint8_t seed[SEED_BYTES];
    random_bytes(seed, sizeof(seed));
    enum err e = key_put(data_dir, name, seed);
    bytes_wipe(seed, sizeof(seed));
    return e;
}

enum err seed_read(const char *path, uint8_t ret[SEED_BYTES])
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fstat(fd, &st) == 0 && st.st_size == SEED_BYTES &&
              (st.st_mode & 077) == 0 && read(fd, ret, SEED_BYTES) == SEED_BYTES;
    if (fd >= 0)
        (void)close(fd);
    if (!ok)
        log_error("config", "%s must be a file of %d bytes that only its owner may read", path,
                  SEED_BYTES);
    return ok ? OK : ERR_USAGE;
}

enum err key_read(const char *data_dir, const char *name, struct sign_key *ret)
{
    char path[256];
    uint8_t seed[SEED_BYTES];
    key_path(data_dir, name, path);
    enum err e = seed_read(path, seed);
    if (e == OK)
        sign_key_from_seed(seed, ret);
    bytes_wipe(seed, sizeof(seed));
    return e;
}

enum err secrets_read(const char *data_dir, struct secrets *ret)
{
    char path[256];
    struct secrets s = { 0 };
    enum err e = key_read(data_dir, "member", &s.member);
    if (e == OK)
        e = key_read(data_dir, "vote", &s.ledger.vote);
    if (e == OK)
        e = key_read(data_dir, "log-account", &s.ledger.log[CHAIN_ACCOUNT - 1]);
    if (e == OK)
        e = key_read(data_dir, "log-tx", &s.ledger.log[CHAIN_TX - 1]);
    if (e == OK)
        e = key_read(data_dir, "cosigner", &s.ledger.cosigner);
    key_path(data_dir, "session", path);
    if (e == OK)
        e = seed_read(path, s.session);
    if (e == OK)
        *ret = s;
    secrets_wipe(&s);
    return e;
}

void secrets_wipe(struct secrets *s)
{
    bytes_wipe(s, sizeof(*s));
}

static enum err compare(const char *file, const uint8_t have[SIGN_PUBLIC_BYTES],
                        const uint8_t want[SIGN_PUBLIC_BYTES])
{
    if (memcmp(have, want, SIGN_PUBLIC_BYTES) == 0)
        return OK;
    log_error("config",
              "%s is not the key that genesis.json names: the file is of another member or "
              "federation, or the key was changed (after a re-key: rekeyed = yes in cairn.conf)",
              file);
    return ERR_USAGE;
}

enum err config_check_keys(const struct config *c, const struct secrets *s)
{
    const struct genesis *g = c->genesis;
    const struct member *own = NULL;
    for (size_t i = 0; i < g->n; i++)
        if (g->members[i].number == c->member)
            own = &g->members[i];
    enum err e = compare("keys/log-account.seed", s->ledger.log[0].public, g->log_key[0]);
    if (e == OK)
        e = compare("keys/log-tx.seed", s->ledger.log[1].public, g->log_key[1]);
    if (own == NULL || c->rekeyed)
        return e; /* the account chain says which keys we have */
    if (e == OK)
        e = compare("keys/member.seed", s->member.public, own->member_key);
    if (e == OK)
        e = compare("keys/vote.seed", s->ledger.vote.public, own->vote_key);
    if (e == OK)
        e = compare("keys/cosigner.seed", s->ledger.cosigner.public, own->cosigner_key);
    return e == OK ? compare("operator in cairn.conf", c->operator_key, own->operator_key) : e;
}
