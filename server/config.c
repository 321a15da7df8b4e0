#include "server/config_internal.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define LINE_MAX_BYTES 512

_Static_assert(GENESIS_FEDERATION_MAX == FEDERATION_NAME_MAX, "one bound for one name");

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
    if (strcmp(key, "witness_for") == 0)
        return config_witness_for(c, value);
    if (strcmp(key, "witness") == 0)
        return config_witness(c, value);
    if (strcmp(key, "rekeyed") == 0)
        return (c->rekeyed = strcmp(value, "yes") == 0) || strcmp(value, "no") == 0;
    if (strcmp(key, "workers") == 0)
        return put_number(1, 64, value, &c->workers);
    if (strcmp(key, "threads") == 0)
        return put_number(1, 64, value, &c->threads);
    if (strcmp(key, "in_flight") == 0)
        return put_number(1, 64, value, &c->in_flight);
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

static enum err read_lines(FILE *f, const char *path, struct config *c)
{
    static const uint8_t none[SIGN_PUBLIC_BYTES];
    char line[LINE_MAX_BYTES];
    for (int n = 1; fgets(line, sizeof(line), f) != NULL; n++)
        if (!whole_line(f, line) || !read_line(c, line)) {
            log_error("config", "%s:%d: unknown key, malformed value or longer than %d bytes", path,
                      n, LINE_MAX_BYTES - 2);
            return ERR_USAGE;
        }
    if (c->federation[0] == '\0' || bytes_equal(c->operator_key, none, sizeof(none))) {
        log_error("config", "%s: federation or operator is missing", path);
        return ERR_USAGE;
    }
    if (strcmp(c->shared_dir, c->data_dir) != 0 && c->database[0] == '\0') {
        log_error("config", "%s: processes that share a directory need one \"database\"", path);
        return ERR_USAGE;
    }
    return OK;
}

/* ---- genesis --------------------------------------------------------------------------------- */

enum err genesis_file_read(const char *path, struct genesis *ret, struct buf *ret_bytes)
{
    struct problem p = { 0 };
    struct buf b;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        log_error("config", "cannot read %s: %s", path, strerror(errno));
        return ERR_USAGE;
    }
    buf_init(&b, GENESIS_MAX + 1);
    uint8_t *at = buf_reserve(&b, GENESIS_MAX + 1);
    enum err e = at == NULL ? ERR_NO_MEMORY : OK;
    if (e == OK) {
        b.len = fread(at, 1, GENESIS_MAX + 1, f);
        e = genesis_parse((const char *)b.data, b.len, ret, &p);
        if (e != OK && e != ERR_NO_MEMORY) {
            log_error("config", "%s%s%s: %s", path, p.pointer[0] != '\0' ? " at " : "", p.pointer,
                      p.detail);
            e = ERR_USAGE;
        }
    }
    (void)fclose(f);
    if (e == OK && ret_bytes != NULL)
        e = buf_add(ret_bytes, b.data, b.len);
    buf_release(&b);
    return e;
}

static enum err read_genesis(struct config *c)
{
    char path[256];
    struct buf bytes;
    struct genesis *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NO_MEMORY;
    buf_init(&bytes, GENESIS_MAX);
    (void)snprintf(path, sizeof(path), "%s/genesis.json", c->shared_dir);
    enum err e = genesis_file_read(path, g, &bytes);
    if (e == ERR_USAGE)
        log_error("config",
                  "without its federation's genesis a member cannot start: copy genesis.json from "
                  "another member, byte for byte; a directory from before there was one has to be "
                  "made anew with `cairnd init`");
    if (e == OK && strcmp(g->federation, c->federation) != 0) {
        log_error("config", "cairn.conf says federation = %s, but %s is that of %s", c->federation,
                  path, g->federation);
        e = ERR_USAGE;
    }
    if (e == OK) {
        sha256(bytes.data, bytes.len, c->genesis_hash);
        c->genesis = g;
    } else {
        free(g);
    }
    buf_release(&bytes);
    return e;
}

enum err config_read(const char *data_dir, struct config *ret)
{
    char path[256];
    struct config c = { .member = 1,
                        .port = 8480,
                        .workers = 16,
                        .threads = 2,
                        .in_flight = 8,
                        .address = "127.0.0.1" };
    (void)snprintf(path, sizeof(path), "%s/cairn.conf", data_dir);
    if (!put_text(c.data_dir, sizeof(c.data_dir), data_dir) ||
        !put_text(c.shared_dir, sizeof(c.shared_dir), data_dir))
        return ERR_USAGE;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        log_error("config", "cannot read %s: %s; run `cairnd init` first", path, strerror(errno));
        return ERR_USAGE;
    }
    enum err e = read_lines(f, path, &c);
    (void)fclose(f);
    if (e == OK)
        e = read_genesis(&c);
    if (e == OK && (e = config_check_witnesses(&c)) != OK)
        config_release(&c);
    if (e == OK)
        *ret = c;
    return e;
}

void config_release(struct config *c)
{
    free(c->genesis);
    c->genesis = NULL;
}
