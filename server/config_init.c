/* Making a member's directory: a federation of one, the keys and card of a member to be, and what
 * turns these into a member once the genesis is there. Nothing is ever written over. */
#include "server/config_internal.h"

#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define T0_MS 500
#define ENDPOINT_OF_ONE "http://127.0.0.1:8480"

static enum err put_file(const char *data_dir, const char *name, const void *bytes, size_t len)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", data_dir, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        log_error("config", "%s exists already or cannot be written: %s", path, strerror(errno));
        return ERR_IO;
    }
    bool ok = write(fd, bytes, len) == (ssize_t)len && fsync(fd) == 0;
    return close(fd) == 0 && ok ? OK : ERR_IO;
}

static enum err make_keys(const char *data_dir, bool with_logs)
{
    static const char *const files[] = { "member",  "vote",        "cosigner",
                                         "session", "log-account", "log-tx" };
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/keys", data_dir);
    if (mkdir(path, 0700) != 0) {
        log_error("config", "cannot make %s: %s", path, strerror(errno));
        return ERR_IO;
    }
    enum err e = OK;
    for (size_t i = 0; i < COUNT(files) - (with_logs ? 0 : 2) && e == OK; i++)
        e = key_create(data_dir, files[i]);
    return e;
}

/* The public halves of the keys in DIR/keys. */
static enum err own_keys(const char *data_dir, struct member *m)
{
    const struct {
        const char *name;
        uint8_t *public;
    } keys[] = { { "member", m->member_key },
                 { "vote", m->vote_key },
                 { "cosigner", m->cosigner_key } };
    enum err e = OK;
    for (size_t i = 0; i < COUNT(keys) && e == OK; i++) {
        struct sign_key k;
        e = key_read(data_dir, keys[i].name, &k);
        if (e == OK)
            memcpy(keys[i].public, k.public, SIGN_PUBLIC_BYTES);
        sign_key_wipe(&k);
    }
    return e;
}

/* Of the three keys whose secret half the directory holds. */
static bool same_keys(const struct member *a, const struct member *b)
{
    return memcmp(a->member_key, b->member_key, SIGN_PUBLIC_BYTES) == 0 &&
           memcmp(a->vote_key, b->vote_key, SIGN_PUBLIC_BYTES) == 0 &&
           memcmp(a->cosigner_key, b->cosigner_key, SIGN_PUBLIC_BYTES) == 0;
}

/* ---- what every member has ------------------------------------------------------------------- */

/* Where a member listens that others reach at this endpoint: there, if it is an address;
 * everywhere, if it is a name; on this machine alone behind a TLS proxy. */
static enum err put_config(const char *data_dir, const char *federation, const struct member *m)
{
    char text[1024], host[MEMBER_ENDPOINT_MAX + 1], operator_b64[BASE64_SIZE(SIGN_PUBLIC_BYTES)];
    uint16_t port = 0;
    bool tls = false;
    if (!member_endpoint_split(m->endpoint, &tls, host, &port))
        return ERR_USAGE;
    bool address = strspn(host, "0123456789.") == strlen(host) || strchr(host, ':') != NULL;
    const char *listen = tls ? "127.0.0.1" : address ? host : "0.0.0.0";
    base64_encode(m->operator_key, SIGN_PUBLIC_BYTES, operator_b64);
    int len = snprintf(text, sizeof(text),
                       "# Cairn member; docs/operations.md explains every key.\n"
                       "federation = %s\nmember = %u\noperator = %s\n"
                       "address = %s\nport = %u\n",
                       federation, (unsigned)m->number, operator_b64, listen,
                       tls ? 8480u : (unsigned)port);
    return put_file(data_dir, "cairn.conf", text, (size_t)len);
}

/* ---- a federation of one --------------------------------------------------------------------- */

static enum err put_genesis_of_one(const char *data_dir, const char *federation,
                                   const struct member *m, uint8_t ret_hash[HASH_BYTES])
{
    static const char *const logs[] = { "log-account", "log-tx" };
    struct buf b;
    struct problem p = { 0 };
    struct genesis *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return ERR_NO_MEMORY;
    enum err e = OK;
    (void)snprintf(g->federation, sizeof(g->federation), "%s", federation);
    for (size_t i = 0; i < COUNT(logs) && e == OK; i++) {
        struct sign_key k;
        e = key_read(data_dir, logs[i], &k);
        if (e == OK)
            memcpy(g->log_key[i], k.public, SIGN_PUBLIC_BYTES);
        sign_key_wipe(&k);
    }
    g->t0_ms = T0_MS;
    g->n = 1;
    g->members[0] = *m;
    g->members[0].role = MEMBER_VALIDATOR;
    buf_init(&b, GENESIS_MAX);
    if (e == OK && (e = genesis_check(g, &p)) != OK)
        log_error("config", "%s: %s", p.pointer, p.detail);
    if (e == OK)
        e = genesis_print(g, &b);
    if (e == OK)
        e = put_file(data_dir, "genesis.json", b.data, b.len);
    if (e == OK)
        sha256(b.data, b.len, ret_hash);
    buf_release(&b);
    free(g);
    return e;
}

static bool read_operator(const char *operator_b64, uint8_t ret[SIGN_PUBLIC_BYTES])
{
    if (base64_decode(operator_b64, strlen(operator_b64), ret, SIGN_PUBLIC_BYTES))
        return true;
    log_error("config", "the operator is given by its identity key (`cairn whoami`), in base64");
    return false;
}

enum err config_init(const char *data_dir, const char *federation, const char *operator_b64)
{
    struct member m = { .number = 1, .name = "member-1", .endpoint = ENDPOINT_OF_ONE };
    uint8_t hash[HASH_BYTES];
    if (!genesis_federation_valid(federation)) {
        log_error("config", "a federation name has a-z, 0-9, dots, dashes and slashes");
        return ERR_USAGE;
    }
    if (!read_operator(operator_b64, m.operator_key))
        return ERR_USAGE;
    enum err e = make_keys(data_dir, true);
    if (e == OK)
        e = own_keys(data_dir, &m);
    if (e == OK)
        e = put_genesis_of_one(data_dir, federation, &m, hash);
    if (e == OK)
        e = ledger_found(data_dir, hash);
    return e == OK ? put_config(data_dir, federation, &m) : e;
}

/* ---- a member among others ------------------------------------------------------------------- */

enum err config_init_member(const char *data_dir, uint16_t number, const char *name,
                            const char *endpoint, const char *operator_b64)
{
    struct member m = { .number = number };
    char host[MEMBER_ENDPOINT_MAX + 1];
    uint16_t port;
    bool tls;
    struct buf b;
    if (number < 1 || !member_name_valid(name)) {
        log_error("config", "a member has a number from 1 and a name of 1 to %d of a-z, 0-9 and -",
                  MEMBER_NAME_MAX);
        return ERR_USAGE;
    }
    if (!member_endpoint_split(endpoint, &tls, host, &port)) {
        log_error("config", "an endpoint is http://HOST:PORT or https://HOST:PORT and no more");
        return ERR_USAGE;
    }
    if (!read_operator(operator_b64, m.operator_key))
        return ERR_USAGE;
    (void)snprintf(m.name, sizeof(m.name), "%s", name);
    (void)snprintf(m.endpoint, sizeof(m.endpoint), "%s", endpoint);
    buf_init(&b, MEMBER_CARD_MAX);
    enum err e = make_keys(data_dir, false);
    if (e == OK)
        e = own_keys(data_dir, &m);
    if (e == OK)
        e = member_card_print(&m, &b);
    if (e == OK)
        e = put_file(data_dir, "card.json", b.data, b.len);
    buf_release(&b);
    return e;
}

enum err join_files_read(const char *genesis_path, const char *log_keys_dir, struct join_files *ret)
{
    static const char *const names[] = { "log-account", "log-tx" };
    enum err e = genesis_file_read(genesis_path, &ret->genesis, &ret->genesis_bytes);
    for (size_t i = 0; i < COUNT(names) && e == OK; i++) {
        char path[512];
        struct sign_key k;
        (void)snprintf(path, sizeof(path), "%s/%s.seed", log_keys_dir, names[i]);
        e = seed_read(path, ret->log_seed[i]);
        if (e != OK)
            break;
        sign_key_from_seed(ret->log_seed[i], &k);
        if (memcmp(k.public, ret->genesis.log_key[i], SIGN_PUBLIC_BYTES) != 0) {
            log_error("config", "%s is not the log key that %s names", path, genesis_path);
            e = ERR_USAGE;
        }
        sign_key_wipe(&k);
    }
    return e;
}

void join_files_init(struct join_files *j)
{
    memset(j, 0, sizeof(*j));
    buf_init(&j->genesis_bytes, GENESIS_MAX);
}

void join_files_release(struct join_files *j)
{
    buf_release(&j->genesis_bytes);
    bytes_wipe(j->log_seed, sizeof(j->log_seed));
}

static enum err read_own_card(const char *data_dir, struct member *ret)
{
    char path[256], text[MEMBER_CARD_MAX + 1];
    struct problem p = { 0 };
    struct member have;
    (void)snprintf(path, sizeof(path), "%s/card.json", data_dir);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        log_error("config", "cannot read %s: %s; `cairnd init --member ..` makes it", path,
                  strerror(errno));
        return ERR_USAGE;
    }
    size_t len = fread(text, 1, sizeof(text), f);
    (void)fclose(f);
    enum err e = member_card_parse(text, len, ret, &p);
    if (e != OK) {
        log_error("config", "%s: %s %s", path, p.pointer, p.detail);
        return ERR_USAGE;
    }
    have = *ret;
    e = own_keys(data_dir, &have);
    if (e == OK && !same_keys(&have, ret)) {
        log_error("config", "%s does not name the keys in %s/keys", path, data_dir);
        e = ERR_USAGE;
    }
    return e;
}

/* A founder stands in the genesis with these very keys; who comes later does not stand there at
 * all, and becomes a member by the votes of the others. */
static enum err check_own(const struct genesis *g, const struct member *card)
{
    for (size_t i = 0; i < g->n; i++) {
        const struct member *m = &g->members[i];
        if (m->number != card->number)
            continue;
        if (strcmp(m->name, card->name) == 0 && strcmp(m->endpoint, card->endpoint) == 0 &&
            same_keys(m, card) &&
            memcmp(m->operator_key, card->operator_key, SIGN_PUBLIC_BYTES) == 0)
            return OK;
        log_error("config", "the genesis has a member %u, but not with the card of this directory",
                  (unsigned)card->number);
        return ERR_USAGE;
    }
    return OK;
}

enum err config_join(const char *data_dir, const struct join_files *j)
{
    struct member card;
    uint8_t hash[HASH_BYTES];
    sha256(j->genesis_bytes.data, j->genesis_bytes.len, hash);
    enum err e = read_own_card(data_dir, &card);
    if (e == OK)
        e = check_own(&j->genesis, &card);
    if (e == OK)
        e = put_file(data_dir, "genesis.json", j->genesis_bytes.data, j->genesis_bytes.len);
    if (e == OK)
        e = key_put(data_dir, "log-account", j->log_seed[0]);
    if (e == OK)
        e = key_put(data_dir, "log-tx", j->log_seed[1]);
    if (e == OK)
        e = ledger_found(data_dir, hash);
    return e == OK ? put_config(data_dir, j->genesis.federation, &card) : e;
}
