#include "api/client/env.h"

#include "api/client/away.h"
#include "api/client/sealing.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

static int open_server(struct env *env)
{
    struct problem p = { 0 };
    const char *server = env->server_option != NULL ? env->server_option : env->home.server;
    if (server[0] == '\0')
        return env_usage(env, "No server is known; give one with --server URL.");
    if (http_client_open(server, &env->http, &p) != OK)
        return env_fail(env, EXIT_USE, &p);
    return EXIT_DONE;
}

/* The federation's name is pinned at the first sign-in and kept with the server's address. */
static int remember(struct env *env)
{
    struct problem p = { 0 };
    struct home *h = &env->home;
    const char *server = http_client_server(env->http);
    if (h->federation[0] != '\0' && strcmp(h->server, server) == 0)
        return EXIT_DONE;
    (void)snprintf(h->server, sizeof(h->server), "%s", server);
    (void)snprintf(h->federation, sizeof(h->federation), "%s", env->client.federation);
    if (home_save_config(h, &p) != OK)
        return env_fail(env, EXIT_INPUT, &p);
    return EXIT_DONE;
}

static int open_key(struct env *env)
{
    struct problem p = { 0 };
    uint8_t root[ROOT_BYTES];
    enum err e = home_root(&env->home, root, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    client_init(&env->client, env->http, root);
    bytes_wipe(root, sizeof(root));
    env->has_client = true;
    (void)snprintf(env->client.federation, sizeof(env->client.federation), "%s",
                   env->home.federation);
    return EXIT_DONE;
}

int env_open(struct env *env, enum need need)
{
    struct problem p = { 0 };
    enum err e = home_open(env->home_option, &env->home, &p);
    if (e != OK)
        return env_fail_input(env, e, &p);
    env->has_home = true;
    int status = need >= NEED_SERVER ? open_server(env) : EXIT_DONE;
    if (status == EXIT_DONE && need >= NEED_KEY)
        status = open_key(env);
    if (status != EXIT_DONE || need < NEED_KEY)
        return status;
    e = client_federation(&env->client, &p);
    if (e == OK && need == NEED_SIGN_IN)
        e = client_sign_in(&env->client, &p);
    if (e == ERR_AUTH_CHALLENGE && p.detail[0] == '\0')
        (void)problem_set(&p, e, "", "%s", err_text(e));
    if (e != OK)
        return env_fail_call(env, e, &p);
    return remember(env);
}

int env_turn(struct env *env, const char *member, const char *bounty)
{
    struct problem p = { 0 };
    struct offer offer;
    struct id id;
    int64_t number = 0;
    if (member != NULL && bounty != NULL)
        return env_usage(env, "Give --member or --bounty, not both.");
    int status = EXIT_DONE;
    if (member != NULL)
        status = env_int(env, "--member", member, 1, UINT16_MAX, &number);
    else if (bounty != NULL)
        status = env_id(env, "--bounty", bounty, &id);
    if (status != EXIT_DONE)
        return status;
    client_go(&env->client, (unsigned)number);
    if (bounty == NULL)
        return EXIT_DONE;
    enum err e = offer_get(&env->client, &id, &offer, &p);
    if (e != OK)
        return env_fail_call(env, e, &p);
    client_go_as_patient(&env->client, offer.home, &id);
    return EXIT_DONE;
}

void env_close(struct env *env)
{
    if (env->has_client) {
        client_sign_out(&env->client);
        client_release(&env->client);
    }
    http_client_close(env->http);
    env->http = NULL;
    env->has_client = false;
}

int env_fail(struct env *env, int exit_status, const struct problem *p)
{
    const char *detail = p->detail[0] != '\0' ? p->detail : err_text(p->code);
    (void)fflush(stdout);
    if (env->json) {
        json_t *v = json_pack("{s:{s:s, s:s, s:s}}", "error", "code", err_code(p->code), "detail",
                              detail, "pointer", p->pointer);
        struct buf b;
        buf_init(&b, 4096);
        if (v != NULL && json_canonical(v, &b) == OK)
            (void)fprintf(stderr, "%s\n", buf_str(&b));
        buf_release(&b);
        json_decref(v);
    } else {
        (void)fprintf(stderr, "cairn: %s%s%s%s [%s]\n", detail,
                      p->pointer[0] != '\0' ? " (at " : "", p->pointer,
                      p->pointer[0] != '\0' ? ")" : "", err_code(p->code));
    }
    return exit_status;
}

int env_fail_call(struct env *env, enum err e, struct problem *p)
{
    p->code = e;
    bool theirs = e == ERR_IO || e == ERR_NO_MEMORY || err_status(e) >= 500 || e == ERR_RATE;
    return env_fail(env, theirs && e != ERR_LOG_INCONSISTENT ? EXIT_SERVER : EXIT_REFUSED, p);
}

int env_fail_input(struct env *env, enum err e, struct problem *p)
{
    p->code = e;
    return env_fail(env, e == ERR_USAGE ? EXIT_USE : EXIT_INPUT, p);
}

int env_usage(struct env *env, const char *fmt, ...)
{
    struct problem p = { .code = ERR_USAGE };
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(p.detail, sizeof(p.detail), fmt, args);
    va_end(args);
    return env_fail(env, EXIT_USE, &p);
}

static const struct cmd_option *find(const struct cmd_option *options, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

/* One option at argv[*i]; moves *i over its value. */
static int take_option(struct env *env, int argc, char **argv, int *i, const struct cmd_option *o)
{
    if (o == NULL)
        return env_usage(env, "The option %.80s is not known here; see --help.", argv[*i]);
    if (o->flag != NULL) {
        *o->flag = true;
        return EXIT_DONE;
    }
    if (*i + 1 >= argc)
        return env_usage(env, "The option %s needs a value.", o->name);
    if (*o->text != NULL)
        return env_usage(env, "The option %s is given twice.", o->name);
    *o->text = argv[++*i];
    return EXIT_DONE;
}

int env_options(struct env *env, int argc, char **argv, const struct cmd_option *options, size_t n,
                const char **ret_rest, size_t max_rest)
{
    size_t rest = 0;
    bool only_rest = false;
    for (int i = 0; i < argc; i++) {
        if (!only_rest && strcmp(argv[i], "--") == 0) {
            only_rest = true;
        } else if (!only_rest && argv[i][0] == '-' && argv[i][1] == '-') {
            int status = take_option(env, argc, argv, &i, find(options, n, argv[i]));
            if (status != EXIT_DONE)
                return status;
        } else if (rest >= max_rest) {
            return env_usage(env, "The argument %.80s is too much; see --help.", argv[i]);
        } else {
            ret_rest[rest++] = argv[i];
        }
    }
    for (size_t i = 0; i < n; i++)
        if (options[i].required && options[i].text != NULL && *options[i].text == NULL)
            return env_usage(env, "The option %s is missing; see --help.", options[i].name);
    return EXIT_DONE;
}

int env_int(struct env *env, const char *name, const char *text, int64_t min, int64_t max,
            int64_t *ret)
{
    uint64_t value;
    assert(min >= 0);
    if (!u64_parse(text, strlen(text), &value) || value < (uint64_t)min || value > (uint64_t)max)
        return env_usage(env, "%s must be a whole number from %" PRId64 " to %" PRId64 ".", name,
                         min, max);
    *ret = (int64_t)value;
    return EXIT_DONE;
}

int env_id(struct env *env, const char *name, const char *text, struct id *ret)
{
    if (text == NULL || !id_parse(text, ret))
        return env_usage(env, "%s must be a lower-case UUID.", name);
    return EXIT_DONE;
}
