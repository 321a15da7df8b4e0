/* What every command of `cairn` works with: its options, home, server and person, and the ways to
 * say what came of it. A command is one function that returns the exit status. Single-threaded. */
#ifndef CAIRN_CLIENT_ENV_H
#define CAIRN_CLIENT_ENV_H

#include "api/client/home.h"
#include "api/client/session.h"

enum exit_code {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* refused by the server, or a verification failed */
    EXIT_USE = 2,     /* wrong usage */
    EXIT_SERVER = 3,  /* no answer, or the server failed */
    EXIT_INPUT = 4,   /* a file that was given cannot be read or is wrong */
};

struct env {
    /* from the command line */
    const char *home_option, *server_option;
    bool json;
    const char *const *words; /* the command's name, for messages */
    /* opened on demand */
    struct home home;
    struct http_client *http;
    struct client client;
    bool has_home, has_client;
};

typedef int command_fn(struct env *env, int argc, char **argv);

/* What a command needs before it starts. */
enum need {
    NEED_HOME,
    NEED_SERVER,
    NEED_KEY,
    NEED_SIGN_IN
}; /* each includes those before, but
      NEED_KEY includes all of them */
/* EXIT_DONE, or the exit status after a message. */
int env_open(struct env *env, enum need need);
/* Signs out, wipes, closes. */
void env_close(struct env *env);

/* Turns the signed-in client to where submissions, reviews and receipts are: at member (a number as
 * text, or NULL), or at the home of bounty (an id as text, or NULL) under the patient's key for it.
 * Both NULL: here. EXIT_DONE, or the exit status after a message. */
int env_turn(struct env *env, const char *member, const char *bounty);

/* Messages go to standard error: one sentence, the place and the code; JSON with --json. */
int env_fail(struct env *env, int exit_status, const struct problem *p);
/* Picks 1 or 3 by who is at fault: for errors of calls. */
int env_fail_call(struct env *env, enum err e, struct problem *p);
/* For files and values that were given on the command line. */
int env_fail_input(struct env *env, enum err e, struct problem *p);
int env_usage(struct env *env, const char *fmt, ...) PRINTF(2, 3);

/* Results go to standard output; each takes the reference to value. With --json one line of
 * canonical JSON, else lines or a table with the named columns (NULL-ended). */
int env_print(struct env *env, json_t *value);
int env_print_list(struct env *env, json_t *items, const char *const *columns);

/* ---- options ---- */
struct cmd_option {
    const char *name;  /* "--file" */
    const char **text; /* takes a value, or */
    bool *flag;        /* takes none */
    bool required;
};
/* Options in any order, at most max_rest other arguments (returned in ret_rest, the rest NULL).
 * EXIT_DONE or EXIT_USE after a message. */
int env_options(struct env *env, int argc, char **argv, const struct cmd_option *options, size_t n,
                const char **ret_rest, size_t max_rest);
/* Values; EXIT_DONE or EXIT_USE after a message that names the option. */
int env_int(struct env *env, const char *name, const char *text, int64_t min, int64_t max,
            int64_t *ret);
int env_id(struct env *env, const char *name, const char *text, struct id *ret);

#endif
