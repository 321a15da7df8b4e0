/* cairnd: the member server. */
#include "api/http/http.h"
#include "server/app_run.h"
#include "server/base/failpoint.h"
#include "server/base/log.h"
#include "server/base/text.h"
#include "server/crypto/hash.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static const char help[] =
    "cairnd - the member server of a Cairn federation\n"
    "\n"
    "Usage: cairnd init --data DIR --federation NAME --operator KEY\n"
    "       cairnd init --data DIR --member N --name INSTITUTION --endpoint URL --operator KEY\n"
    "       cairnd join --data DIR --genesis FILE --log-keys DIR\n"
    "       cairnd run --data DIR [--address A] [--port N]\n"
    "       cairnd stop --data DIR\n"
    "       cairnd rekey --data DIR\n"
    "\n"
    "  init   with --federation: makes DIR for a federation of one, ready to run;\n"
    "         with --member: makes DIR with keys and DIR/card.json, the public half, which\n"
    "         founders give to `cairn federation init` and later members to an operator.\n"
    "         KEY is the operator's identity key in base64, as `cairn whoami` prints it\n"
    "  join   completes a DIR of the second kind with what `cairn federation init` made\n"
    "  run    serves until SIGTERM or SIGINT; prints one JSON line with its address when ready;\n"
    "         without \"database\" in DIR/cairn.conf it keeps a private PostgreSQL in DIR/pg\n"
    "  stop   asks the running server of DIR to stop and waits until it has\n"
    "  rekey  makes a new vote key and an empty journal for a stopped member that lost its\n"
    "         journal, or that was restored, and prints what its operator has to propose\n"
    "\n"
    "  --data DIR         the data directory\n"
    "  --federation NAME  origin prefix of the logs, such as cairn.example\n"
    "  --member N         number of the member, 1 to 65535, not used by another\n"
    "  --name INSTITUTION 1 to 63 of a-z, 0-9 and -\n"
    "  --endpoint URL     http://HOST:PORT or https://HOST:PORT, where others reach it\n"
    "  --genesis FILE     genesis.json of the federation\n"
    "  --log-keys DIR     the directory with log-account.seed and log-tx.seed\n"
    "  --address A        address to listen on (default 127.0.0.1)\n"
    "  --port N           port to listen on (default 8480; 0 takes any free one)\n"
    "  --help, --version\n"
    "\n"
    "Started as root it continues as the user `cairn` (or `postgres`), who then owns DIR.\n"
    "Exit codes: 0 stopped as asked, 1 cannot serve (the log on standard error says why),\n"
    "2 wrong usage, 3 the database is older than the ledger.\n";

struct options {
    const char *data, *federation, *operator_key, *address;
    const char *name, *endpoint, *genesis, *log_keys;
    int member; /* 0: not given */
    int port;   /* -1: not given */
};

static bool parse_number(const char *text, unsigned most, int *ret)
{
    uint64_t n = 0;
    if (!u64_parse(text, strlen(text), &n) || n > most)
        return false;
    *ret = (int)n;
    return true;
}

static bool parse_option(int c, const char *value, struct options *o)
{
    switch (c) {
    case 'd':
        o->data = value;
        return true;
    case 'f':
        o->federation = value;
        return true;
    case 'o':
        o->operator_key = value;
        return true;
    case 'a':
        o->address = value;
        return true;
    case 'n':
        o->name = value;
        return true;
    case 'e':
        o->endpoint = value;
        return true;
    case 'g':
        o->genesis = value;
        return true;
    case 'l':
        o->log_keys = value;
        return true;
    case 'm':
        return parse_number(value, UINT16_MAX, &o->member) && o->member > 0;
    case 'p':
        return parse_number(value, UINT16_MAX, &o->port);
    default:
        return false;
    }
}

static bool parse(int argc, char **argv, struct options *o)
{
    static const struct option known[] = {
        { "data", required_argument, NULL, 'd' },
        { "federation", required_argument, NULL, 'f' },
        { "operator", required_argument, NULL, 'o' },
        { "address", required_argument, NULL, 'a' },
        { "port", required_argument, NULL, 'p' },
        { "member", required_argument, NULL, 'm' },
        { "name", required_argument, NULL, 'n' },
        { "endpoint", required_argument, NULL, 'e' },
        { "genesis", required_argument, NULL, 'g' },
        { "log-keys", required_argument, NULL, 'l' },
        { NULL, 0, NULL, 0 },
    };
    int c;
    *o = (struct options){ .port = -1 };
    while ((c = getopt_long(argc, argv, "", known, NULL)) != -1)
        if (!parse_option(c, optarg, o))
            return false;
    return optind == argc && o->data != NULL && strlen(o->data) < 190 && o->data[0] == '/';
}

/* ---- who we run as --------------------------------------------------------------------------- */

static bool give_tree(const char *dir, const struct passwd *to)
{
    struct stat st;
    return lstat(dir, &st) == 0 &&
           (st.st_uid == to->pw_uid || lchown(dir, to->pw_uid, to->pw_gid) == 0);
}

/* The first of our user names that this system knows. */
static bool find_user(struct passwd *ret, char *buffer, size_t size)
{
    static const char *const names[] = { "cairn", "postgres" };
    struct passwd *found = NULL;
    for (size_t i = 0; i < COUNT(names) && found == NULL; i++)
        if (getpwnam_r(names[i], ret, buffer, size, &found) != 0)
            return false;
    return found != NULL;
}

/* PostgreSQL refuses root, and nothing here needs it: root makes the directory and steps down. */
static bool step_down(const char *data)
{
    struct passwd to;
    char buffer[4096];
    if (geteuid() != 0)
        return true;
    if (!find_user(&to, buffer, sizeof(buffer))) {
        log_error("start",
                  "neither a user `cairn` nor `postgres` exists; add one: useradd -r cairn");
        return false;
    }
    if (!give_tree(data, &to) || setgroups(0, NULL) != 0 || setgid(to.pw_gid) != 0 ||
        setuid(to.pw_uid) != 0) {
        log_error("start", "cannot become %s: %s", to.pw_name, strerror(errno));
        return false;
    }
    if (access(data, R_OK | W_OK | X_OK) != 0) {
        log_error("start", "%s cannot be reached by the user %s; choose a directory that can", data,
                  to.pw_name);
        return false;
    }
    return true;
}

/* Keys live in this process: no core files, no attaching, no new privileges. */
static bool harden(void)
{
    const struct rlimit none = { 0, 0 };
    return setrlimit(RLIMIT_CORE, &none) == 0 && prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 &&
           prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

/* ---- the lock and pid file ------------------------------------------------------------------- */

/* One server per data directory: the lock on DIR/cairnd.pid is held as long as it lives. */
static int lock_data(const char *data)
{
    char path[256], pid[16];
    (void)snprintf(path, sizeof(path), "%s/cairnd.pid", data);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("start", "%s: another cairnd serves this directory", path);
        if (fd >= 0)
            (void)close(fd);
        return -1;
    }
    int len = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
    if (ftruncate(fd, 0) != 0 || write(fd, pid, (size_t)len) != len) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

static int cmd_stop(const struct options *o)
{
    char path[256], text[16] = "";
    (void)snprintf(path, sizeof(path), "%s/cairnd.pid", o->data);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0) {
        (void)puts("{\"event\":\"not running\"}");
        if (fd >= 0)
            (void)close(fd);
        return 0;
    }
    ssize_t len = read(fd, text, sizeof(text) - 1);
    uint64_t pid = 0;
    if (len < 2 || !u64_parse(text, (size_t)len - 1, &pid) || pid <= 1 || pid > INT32_MAX ||
        kill((pid_t)pid, SIGTERM) != 0 || flock(fd, LOCK_EX) != 0) {
        log_error("stop", "cannot stop process %s: %s", text, strerror(errno));
        (void)close(fd);
        return 1;
    }
    (void)close(fd); /* the lock came free: it has stopped */
    (void)puts("{\"event\":\"stopped\"}");
    return 0;
}

/* ---- commands -------------------------------------------------------------------------------- */

static int made(const struct options *o, enum err e)
{
    if (e != OK)
        log_error("init", "%s was not set up: %s", o->data, err_text(e));
    return e == OK ? 0 : e == ERR_USAGE ? 2 : 1;
}

static int cmd_init(const struct options *o)
{
    bool alone = o->federation != NULL && o->member == 0 && o->name == NULL && o->endpoint == NULL;
    bool among = o->federation == NULL && o->member != 0 && o->name != NULL && o->endpoint != NULL;
    if (o->operator_key == NULL || (!alone && !among)) {
        log_error("usage", "init takes --operator, and --federation or --member, --name and "
                           "--endpoint; see cairnd --help");
        return 2;
    }
    if (mkdir(o->data, 0700) != 0 && errno != EEXIST) {
        log_error("init", "cannot make %s: %s", o->data, strerror(errno));
        return 1;
    }
    if (!step_down(o->data))
        return 1;
    return made(o, alone ? config_init(o->data, o->federation, o->operator_key)
                         : config_init_member(o->data, (uint16_t)o->member, o->name, o->endpoint,
                                              o->operator_key));
}

/* What the founders handed over may lie where only the starting user reads, so it is read first. */
static int cmd_join(const struct options *o)
{
    if (o->genesis == NULL || o->log_keys == NULL) {
        log_error("usage", "join takes --genesis and --log-keys; see cairnd --help");
        return 2;
    }
    struct join_files *files = malloc(sizeof(*files));
    if (files == NULL)
        return 1;
    join_files_init(files);
    enum err e = join_files_read(o->genesis, o->log_keys, files);
    if (e == OK && !step_down(o->data))
        e = ERR_IO;
    if (e == OK)
        e = config_join(o->data, files);
    join_files_release(files);
    free(files);
    return made(o, e);
}

static int cmd_rekey(const struct options *o)
{
    struct config c;
    (void)umask(077);
    if (!step_down(o->data))
        return 1;
    if (config_read(o->data, &c) != OK)
        return 2;
    int lock = lock_data(o->data);
    enum err e = lock >= 0 ? config_rekey(&c) : ERR_BUSY;
    if (e != OK && lock >= 0)
        log_error("rekey", "%s was not re-keyed: %s", o->data, err_text(e));
    if (lock >= 0)
        (void)close(lock);
    config_release(&c);
    return e == OK ? 0 : e == ERR_USAGE ? 2 : 1;
}

static void announce(const struct app *app, const struct config *c)
{
    (void)printf("{\"event\":\"listening\",\"address\":\"http://%s:%u\",\"pid\":%d}\n", c->address,
                 (unsigned)listener_port(app->listener), (int)getpid());
    (void)fflush(stdout);
}

static enum err serve(const struct config *c, const sigset_t *stop_signals)
{
    struct app app;
    struct secrets secrets;
    enum err e = secrets_read(c->shared_dir, &secrets);
    if (e == OK)
        e = config_check_keys(c, &secrets);
    if (e == OK)
        e = app_start(&app, c, &secrets);
    secrets_wipe(&secrets);
    if (e != OK)
        return e;
    int got = 0;
    announce(&app, c);
    (void)sigwait(stop_signals, &got);
    log_info("stop", "signal %d: finishing", got);
    app_stop(&app);
    return OK;
}

static int cmd_run(const struct options *o)
{
    struct config c;
    sigset_t stop;
    if (!step_down(o->data) || !harden())
        return 1;
    (void)umask(077);
    /* Blocked before any thread starts, so that only sigwait takes them. */
    (void)sigemptyset(&stop);
    (void)sigaddset(&stop, SIGTERM);
    (void)sigaddset(&stop, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &stop, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (failpoints_built())
        log_warn("start", "this build honours CAIRN_FP: for tests only");
    enum err e = config_read(o->data, &c);
    if (e != OK)
        return 2;
    if (o->address != NULL)
        (void)snprintf(c.address, sizeof(c.address), "%s", o->address);
    if (o->port >= 0)
        c.port = (uint16_t)o->port;
    int lock = lock_data(o->data);
    if (lock < 0) {
        config_release(&c);
        return 1;
    }
    e = serve(&c, &stop);
    (void)close(lock);
    config_release(&c);
    return e == OK ? 0 : e == ERR_DB_OLD ? 3 : e == ERR_USAGE ? 2 : 1;
}

int main(int argc, char **argv)
{
    struct options o;
    const char *command = argc > 1 ? argv[1] : "--help";
    if (strcmp(command, "--help") == 0) {
        (void)fputs(help, stdout);
        return argc > 1 ? 0 : 2;
    }
    if (strcmp(command, "--version") == 0) {
        (void)puts("cairnd 0.1.0");
        return 0;
    }
    crypto_setup();
    json_setup();
    int code = 2;
    if (!parse(argc - 1, argv + 1, &o))
        log_error("usage", "see cairnd --help; --data takes an absolute path");
    else if (strcmp(command, "init") == 0)
        code = cmd_init(&o);
    else if (strcmp(command, "join") == 0)
        code = cmd_join(&o);
    else if (strcmp(command, "run") == 0)
        code = cmd_run(&o);
    else if (strcmp(command, "stop") == 0)
        code = cmd_stop(&o);
    else if (strcmp(command, "rekey") == 0)
        code = cmd_rekey(&o);
    else
        log_error("usage", "unknown command; see cairnd --help");
    return code;
}
