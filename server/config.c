#include "server/config.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LINE_MAX_BYTES 512
#define SEED_BYTES 32

/* ---- the file -------------------------------------------------------------------------------- */

static bool put_text(char *ret, size_t size, const char *value)
{
    return strlen(value) < size && snprintf(ret, size, "%s", value) >= 0;
}

static bool put_number(unsigned least, unsigned most, const char *value, unsigned *ret)
{
    uint64_t n = 0;
    if (!u64_parse(value, strlen(value), &n) || n < least || n > most)
        return false;
    *ret = (unsigned)n;
    return true;
}

static bool set(struct config *c, const char *key, const char *value)
{
    unsigned n = 0;
    bool ok = false;
    if (strcmp(key, "federation") == 0)
        return put_text(c->federation, sizeof(c->federation), value) && value[0] != '\0';
    if (strcmp(key, "operator") == 0)
        return base64_decode(value, strlen(value), c->operator_key, sizeof(c->operator_key));
    if (strcmp(key, "address") == 0)
        return put_text(c->address, sizeof(c->address), value);
    if (strcmp(key, "database") == 0)
        return put_text(c->database, sizeof(c->database), value);
    if (strcmp(key, "database_owner") == 0)
        return put_text(c->database_owner, sizeof(c->database_owner), value);
    if (strcmp(key, "shared") == 0)
        return put_text(c->shared_dir, sizeof(c->shared_dir), value) && value[0] == '/';
    if (strcmp(key, "workers") == 0)
        return put_number(1, 64, value, &c->workers);
    if (strcmp(key, "threads") == 0)
        return put_number(1, 64, value, &c->threads);
    if (strcmp(key, "member") == 0 && (ok = put_number(1, 65535, value, &n)))
        c->member = (uint16_t)n;
    if (strcmp(key, "port") == 0 && (ok = put_number(0, 65535, value, &n)))
        c->port = (uint16_t)n;
    return ok;
}

static char *trim(char *text)
{
    text += strspn(text, " \t");
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]) != NULL)
        text[--len] = '\0';
    return text;
}

/* A line that does not fit comes in pieces, whose ends must not be taken for lines. */
static bool whole_line(FILE *f, const char *line)
{
    return strchr(line, '\n') != NULL || feof(f) != 0;
}

static bool read_line(struct config *c, char *line)
{
    char *text = trim(line), *equals = strchr(text, '=');
    if (text[0] == '\0' || text[0] == '#')
        return true;
    if (equals == NULL)
        return false;
    *equals = '\0';
    return set(c, trim(text), trim(equals + 1));
}

enum err config_read(const char *data_dir, struct config *ret)
{
    static const uint8_t none[SIGN_PUBLIC_BYTES];
    char path[256], line[LINE_MAX_BYTES];
    struct config c = {
        .member = 1, .port = 8480, .workers = 16, .threads = 2, .address = "127.0.0.1"
    };
    (void)snprintf(path, sizeof(path), "%s/cairn.conf", data_dir);
    if (!put_text(c.data_dir, sizeof(c.data_dir), data_dir) ||
        !put_text(c.shared_dir, sizeof(c.shared_dir), data_dir))
        return ERR_USAGE;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        log_error("config", "cannot read %s: %s; run `cairnd init` first", path, strerror(errno));
        return ERR_USAGE;
    }
    enum err e = OK;
    for (int n = 1; e == OK && fgets(line, sizeof(line), f) != NULL; n++)
        if (!whole_line(f, line) || !read_line(&c, line)) {
            log_error("config", "%s:%d: unknown key, malformed value or longer than %d bytes", path,
                      n, LINE_MAX_BYTES - 2);
            e = ERR_USAGE;
        }
    (void)fclose(f);
    if (e == OK && (c.federation[0] == '\0' || bytes_equal(c.operator_key, none, sizeof(none)))) {
        log_error("config", "%s: federation or operator is missing", path);
        e = ERR_USAGE;
    }
    if (e == OK && strcmp(c.shared_dir, c.data_dir) != 0 && c.database[0] == '\0') {
        log_error("config", "%s: processes that share a directory need one \"database\"", path);
        e = ERR_USAGE;
    }
    if (e == OK)
        *ret = c;
    return e;
}

/* ---- keys ------------------------------------------------------------------------------------ */

/* One file per key, so that each can be kept, moved or destroyed by itself. */
static const char *const key_files[] = { "member", "log-account", "log-tx", "cosigner", "session" };

static void key_path(const char *data_dir, const char *name, char ret[256])
{
    (void)snprintf(ret, 256, "%s/keys/%s.seed", data_dir, name);
}

static enum err key_create(const char *data_dir, const char *name)
{
    char path[256];
    uint8_t seed[SEED_BYTES];
    key_path(data_dir, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    random_bytes(seed, sizeof(seed));
    bool ok = write(fd, seed, sizeof(seed)) == (ssize_t)sizeof(seed) && fsync(fd) == 0;
    bytes_wipe(seed, sizeof(seed));
    return close(fd) == 0 && ok ? OK : ERR_IO;
}

static enum err key_read(const char *data_dir, const char *name, uint8_t ret[SEED_BYTES])
{
    char path[256];
    struct stat st;
    key_path(data_dir, name, path);
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

static enum err read_sign_key(const char *data_dir, const char *name, struct sign_key *ret)
{
    uint8_t seed[SEED_BYTES];
    enum err e = key_read(data_dir, name, seed);
    if (e == OK)
        sign_key_from_seed(seed, ret);
    bytes_wipe(seed, sizeof(seed));
    return e;
}

enum err secrets_read(const char *data_dir, struct secrets *ret)
{
    struct secrets s = { 0 };
    enum err e = read_sign_key(data_dir, "member", &s.member);
    if (e == OK)
        e = read_sign_key(data_dir, "log-account", &s.ledger.log[CHAIN_ACCOUNT - 1]);
    if (e == OK)
        e = read_sign_key(data_dir, "log-tx", &s.ledger.log[CHAIN_TX - 1]);
    if (e == OK)
        e = read_sign_key(data_dir, "cosigner", &s.ledger.cosigner);
    if (e == OK)
        e = key_read(data_dir, "session", s.session);
    if (e == OK)
        *ret = s;
    secrets_wipe(&s);
    return e;
}

void secrets_wipe(struct secrets *s)
{
    bytes_wipe(s, sizeof(*s));
}

/* ---- init ------------------------------------------------------------------------------------ */

static enum err write_config(const char *data_dir, const char *federation, const char *operator_b64)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/cairn.conf", data_dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    if (f == NULL) {
        if (fd >= 0)
            (void)close(fd);
        log_error("config", "%s exists already or cannot be written", path);
        return ERR_IO;
    }
    bool ok = fprintf(f,
                      "# Cairn member; docs/operations.md explains every key.\n"
                      "federation = %s\nmember = 1\noperator = %s\n"
                      "address = 127.0.0.1\nport = 8480\n",
                      federation, operator_b64) > 0;
    ok = fflush(f) == 0 && fsync(fileno(f)) == 0 && ok;
    return fclose(f) == 0 && ok ? OK : ERR_IO;
}

/* The name becomes part of key names in notes: no spaces, plus signs or control characters. */
static bool federation_valid(const char *name)
{
    size_t len = strlen(name);
    for (size_t i = 0; i < len; i++)
        if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
              strchr(".-/", name[i]) != NULL))
            return false;
    return len >= 1 && len <= FEDERATION_NAME_MAX;
}

enum err config_init(const char *data_dir, const char *federation, const char *operator_b64)
{
    uint8_t key[SIGN_PUBLIC_BYTES];
    char path[256];
    if (!federation_valid(federation)) {
        log_error("config", "a federation name has a-z, 0-9, dots, dashes and slashes");
        return ERR_USAGE;
    }
    if (!base64_decode(operator_b64, strlen(operator_b64), key, sizeof(key))) {
        log_error("config",
                  "the operator is given by its identity key (`cairn whoami`), in base64");
        return ERR_USAGE;
    }
    (void)snprintf(path, sizeof(path), "%s/keys", data_dir);
    if (mkdir(path, 0700) != 0)
        return ERR_IO;
    enum err e = OK;
    for (size_t i = 0; i < COUNT(key_files) && e == OK; i++)
        e = key_create(data_dir, key_files[i]);
    if (e == OK)
        e = ledger_mark_init(data_dir);
    return e == OK ? write_config(data_dir, federation, operator_b64) : e;
}
