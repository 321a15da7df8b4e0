/* cairn: finds the command and runs it. */
#include "api/client/help.h"

#include "server/crypto/hash.h"

#include <signal.h>
#include <stdio.h>

#define VERSION "0.1"
#define MANUAL_MAX (256u << 10)

static int print_help(enum err (*make)(struct buf *), const struct command *c)
{
    struct buf b;
    buf_init(&b, MANUAL_MAX);
    enum err e = c != NULL ? help_command(c, &b) : make(&b);
    if (e == OK)
        (void)fputs(buf_str(&b), stdout);
    buf_release(&b);
    return e == OK && fflush(stdout) == 0 ? EXIT_DONE : EXIT_INPUT;
}

static const struct command *find_command(int argc, char **argv)
{
    for (size_t i = 0; i < commands_n; i++) {
        const struct command *c = &commands[i];
        if (argc < 1 || strcmp(argv[0], c->words[0]) != 0)
            continue;
        if (c->words[1] == NULL || (argc > 1 && strcmp(argv[1], c->words[1]) == 0))
            return c;
    }
    return NULL;
}

/* Takes the options that every command knows out of argv, wherever they stand. */
static int take_global(struct env *env, int *argc, char **argv, bool *help, bool *version)
{
    int kept = 0, n = *argc;
    for (int i = 0; i < n; i++) {
        const char **text = strcmp(argv[i], "--server") == 0 ? &env->server_option
                            : strcmp(argv[i], "--home") == 0 ? &env->home_option
                                                             : NULL;
        if (strcmp(argv[i], "--") == 0) {
            while (i < n)
                argv[kept++] = argv[i++];
        } else if (text != NULL && i + 1 >= n) {
            return env_usage(env, "The option %s needs a value.", argv[i]);
        } else if (text != NULL) {
            *text = argv[++i];
        } else if (strcmp(argv[i], "--json") == 0) {
            env->json = true;
        } else if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            *help = true;
        } else if (strcmp(argv[i], "--version") == 0) {
            *version = true;
        } else {
            argv[kept++] = argv[i];
        }
    }
    *argc = kept;
    return EXIT_DONE;
}

static int run(struct env *env, int argc, char **argv)
{
    bool help = false, version = false;
    int status = take_global(env, &argc, argv, &help, &version);
    if (status != EXIT_DONE)
        return status;
    if (version)
        return puts("cairn " VERSION) >= 0 ? EXIT_DONE : EXIT_INPUT;
    if (argc == 2 && strcmp(argv[0], "help") == 0 && strcmp(argv[1], "manual") == 0)
        return print_help(help_manual, NULL);
    if (argc > 0 && strcmp(argv[0], "help") == 0) {
        argc--;
        argv++;
        help = true;
    }
    if (argc == 0 && help)
        return print_help(help_overview, NULL);
    if (argc == 0)
        return env_usage(env, "A command is missing; `cairn --help` lists them.");
    const struct command *c = find_command(argc, argv);
    if (c == NULL)
        return env_usage(env, "There is no command %.40s%s%.40s; `cairn --help` lists them.",
                         argv[0], argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
    if (help)
        return print_help(NULL, c);
    int words = c->words[1] != NULL ? 2 : 1;
    env->words = c->words;
    status = c->run(env, argc - words, argv + words);
    env_close(env);
    return status;
}

int main(int argc, char **argv)
{
    struct env env = { 0 };
    (void)signal(SIGPIPE, SIG_IGN);
    json_setup();
    crypto_setup();
    http_setup();
    return run(&env, argc - 1, argv + 1);
}
