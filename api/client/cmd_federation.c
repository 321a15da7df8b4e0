/* cairn federation init: founding, from the cards of the members. */
#include "api/client/cmd.h"

#include "api/client/files.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"
#include "server/ledger/members/members.h"

#include <stdio.h>

#define T0_DEFAULT_MS 500
#define FOUNDING_PATH_MAX 1024

static int by_number(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int read_cards(struct env *env, const char *const *paths, struct genesis *g)
{
    for (size_t i = 0; paths[i] != NULL; i++) {
        struct problem p = { 0 }, why = { 0 };
        struct buf text;
        buf_init(&text, MEMBER_CARD_MAX);
        enum err e = file_read(paths[i], &text, &why);
        if (e == OK)
            e = member_card_parse(buf_str(&text), text.len, &g->members[g->n], &why);
        buf_release(&text);
        if (e != OK) {
            (void)problem_set(&p, e, why.pointer, "%.100s: %.150s", paths[i], why.detail);
            return env_fail_input(env, e, &p);
        }
        g->members[g->n++].role = MEMBER_VALIDATOR;
    }
    qsort(g->members, g->n, sizeof(g->members[0]), by_number);
    return EXIT_DONE;
}

static void path_in(const char *folder, const char *name, char ret[FOUNDING_PATH_MAX])
{
    (void)snprintf(ret, FOUNDING_PATH_MAX, "%s/%s", folder, name);
}

static const char *const seed_names[] = { "log-account.seed", "log-tx.seed" };

static enum err write_seeds(const char *folder, uint8_t seeds[2][SIGN_SEED_BYTES],
                            struct problem *p)
{
    enum err e = OK;
    for (size_t i = 0; i < COUNT(seed_names) && e == OK; i++) {
        char path[FOUNDING_PATH_MAX];
        path_in(folder, seed_names[i], path);
        e = file_write(path, seeds[i], SIGN_SEED_BYTES, 0600, true, p);
    }
    return e;
}

static enum err write_all(const char *folder, const struct genesis *g,
                          uint8_t seeds[2][SIGN_SEED_BYTES], char ret_hash[HEX_SIZE(HASH_BYTES)],
                          struct problem *p)
{
    char path[FOUNDING_PATH_MAX];
    uint8_t hash[HASH_BYTES];
    struct buf text;
    buf_init(&text, GENESIS_MAX);
    enum err e = genesis_print(g, &text);
    if (e == OK)
        e = folder_make(folder, 0700, p);
    if (e == OK)
        e = write_seeds(folder, seeds, p);
    path_in(folder, "genesis.json", path);
    if (e == OK)
        e = file_write(path, text.data, text.len, 0644, true, p);
    if (e == OK) {
        sha256(text.data, text.len, hash);
        hex_encode(hash, sizeof(hash), ret_hash);
    }
    buf_release(&text);
    return e;
}

/* Keys that were drawn once are the federation's: none is ever replaced. */
static int refuse_existing(struct env *env, const char *folder)
{
    static const char *const names[] = { "genesis.json", "log-account.seed", "log-tx.seed" };
    for (size_t i = 0; i < COUNT(names); i++) {
        char path[FOUNDING_PATH_MAX];
        struct problem p = { 0 };
        path_in(folder, names[i], path);
        if (file_exists(path)) {
            (void)problem_set(&p, ERR_IO, "", "%.150s is there already; it is never replaced.",
                              path);
            return env_fail_input(env, ERR_IO, &p);
        }
    }
    return EXIT_DONE;
}

static int found(struct env *env, const char *folder, struct genesis *g)
{
    uint8_t seeds[2][SIGN_SEED_BYTES];
    char hash[HEX_SIZE(HASH_BYTES)];
    struct problem p = { 0 };
    random_bytes(seeds, sizeof(seeds));
    for (size_t i = 0; i < COUNT(g->log_key); i++) {
        struct sign_key k;
        sign_key_from_seed(seeds[i], &k);
        memcpy(g->log_key[i], k.public, SIGN_PUBLIC_BYTES);
        sign_key_wipe(&k);
    }
    enum err e = genesis_check(g, &p);
    if (e == OK)
        e = write_all(folder, g, seeds, hash, &p);
    bytes_wipe(seeds, sizeof(seeds));
    if (e != OK)
        return env_fail_input(env, e, &p);
    return env_print(env, json_pack("{s:s, s:s, s:i, s:i, s:s}", "federation", g->federation,
                                    "genesis", hash, "members", (int)g->n, "faults_tolerated",
                                    (int)core_faults((uint16_t)g->n), "folder", folder));
}

int cmd_federation_init(struct env *env, int argc, char **argv)
{
    const char *name = NULL, *folder = NULL, *timeout = NULL;
    const char *cards[MEMBERS_MAX + 1] = { NULL };
    const struct cmd_option options[] = {
        { .name = "--name", .text = &name, .required = true },
        { .name = "--out", .text = &folder, .required = true },
        { .name = "--first-timeout", .text = &timeout },
    };
    int64_t t0 = T0_DEFAULT_MS;
    int status = env_options(env, argc, argv, options, COUNT(options), cards, MEMBERS_MAX);
    if (status == EXIT_DONE && timeout != NULL)
        status = env_int(env, "--first-timeout", timeout, GENESIS_T0_MIN, GENESIS_T0_MAX, &t0);
    if (status == EXIT_DONE && !genesis_federation_valid(name))
        status = env_usage(env, "--name must be 1 to %d of a-z, 0-9, dots, dashes and slashes.",
                           GENESIS_FEDERATION_MAX);
    if (status == EXIT_DONE && cards[0] == NULL)
        status = env_usage(env, "Name the members' cards: one, or four and more.");
    if (status == EXIT_DONE && strlen(folder) > FOUNDING_PATH_MAX - 32)
        status = env_usage(env, "The path of --out is too long.");
    if (status == EXIT_DONE)
        status = refuse_existing(env, folder);
    struct genesis *g = status == EXIT_DONE ? calloc(1, sizeof(*g)) : NULL;
    if (g == NULL)
        return status == EXIT_DONE ? EXIT_INPUT : status;
    (void)snprintf(g->federation, sizeof(g->federation), "%s", name);
    g->t0_ms = (uint32_t)t0;
    status = read_cards(env, cards, g);
    if (status == EXIT_DONE)
        status = found(env, folder, g);
    free(g);
    return status;
}
