/* The private cluster's files: programs, folders, initdb, roles, settings. */
#include "server/base/log.h"
#include "server/store/cluster_internal.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET_NAME "/.s.PGSQL.5432"
#define SOCKET_PATH_MAX 107 /* sun_path without its NUL */

static bool has_program(const char *bin)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/initdb", bin);
    return len > 0 && (size_t)len < sizeof(path) && access(path, X_OK) == 0;
}

/* Version 15 is the tested one; without it, the newest that is installed. */
static enum err find_programs(char ret[PATH_MAX])
{
    (void)snprintf(ret, PATH_MAX, "/usr/lib/postgresql/15/bin");
    if (has_program(ret))
        return OK;
    long best = 0;
    DIR *dir = opendir("/usr/lib/postgresql");
    for (struct dirent *d = dir != NULL ? readdir(dir) : NULL; d != NULL; d = readdir(dir)) {
        char path[PATH_MAX];
        long version = strtol(d->d_name, NULL, 10);
        (void)snprintf(path, sizeof(path), "/usr/lib/postgresql/%ld/bin", version);
        if (version > best && has_program(path)) {
            best = version;
            memcpy(ret, path, strlen(path) + 1);
        }
    }
    if (dir != NULL)
        (void)closedir(dir);
    if (best == 0)
        log_error("cluster", "no PostgreSQL under /usr/lib/postgresql: install postgresql-15");
    return best > 0 ? OK : ERR_NOT_READY;
}

static bool our_private_folder(const char *path)
{
    struct stat st;
    return lstat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() &&
           (st.st_mode & 077) == 0;
}

/* A path that PostgreSQL's settings and libpq take as it is. */
static bool plain_path(const char *path)
{
    return strspn(path, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-") ==
           strlen(path);
}

/* A short folder under /tmp, remembered in a note so that a restart and the auditor find it. */
static enum err short_socket(struct cluster_paths *p)
{
    FILE *f = fopen(p->note, "re");
    if (f != NULL) {
        char line[sizeof(p->socket)] = "";
        bool read = fgets(line, sizeof(line), f) != NULL;
        (void)fclose(f);
        line[strcspn(line, "\n")] = '\0';
        if (read && strncmp(line, "/tmp/cairn-", 11) == 0 && our_private_folder(line)) {
            memcpy(p->socket, line, strlen(line) + 1);
            return OK;
        }
    }
    (void)snprintf(p->socket, sizeof(p->socket), "/tmp/cairn-XXXXXX");
    if (mkdtemp(p->socket) == NULL)
        return ERR_IO;
    f = fopen(p->note, "we");
    if (f == NULL)
        return ERR_IO;
    bool ok = fprintf(f, "%s\n", p->socket) > 0;
    return fclose(f) == 0 && ok ? OK : ERR_IO;
}

static enum err choose_socket(const char *data_dir, struct cluster_paths *p)
{
    int len = snprintf(p->socket, sizeof(p->socket), "%s/sock", data_dir);
    bool fits = len > 0 && (size_t)len + strlen(SOCKET_NAME) <= SOCKET_PATH_MAX;
    if (!fits || !plain_path(data_dir))
        return short_socket(p);
    if (mkdir(p->socket, 0700) != 0 && errno != EEXIST)
        return ERR_IO;
    if (!our_private_folder(p->socket) && chmod(p->socket, 0700) != 0)
        return ERR_IO;
    return our_private_folder(p->socket) ? OK : ERR_IO;
}

void cluster_socket_clean(const struct cluster_paths *p)
{
    if (strncmp(p->socket, "/tmp/cairn-", 11) == 0 && rmdir(p->socket) == 0)
        (void)unlink(p->note);
}

static enum err our_name(char *ret, size_t size)
{
    struct passwd pw, *found = NULL;
    char space[4096];
    if (getpwuid_r(geteuid(), &pw, space, sizeof(space), &found) != 0 || found == NULL) {
        log_error("cluster", "user %ld has no name, which PostgreSQL needs", (long)geteuid());
        return ERR_NOT_READY;
    }
    int len = snprintf(ret, size, "%s", pw.pw_name);
    return len > 0 && (size_t)len < size && strpbrk(ret, "\"\\\n") == NULL ? OK : ERR_LIMIT;
}

enum err cluster_paths(const char *data_dir, struct cluster_paths *ret)
{
    struct cluster_paths *p = calloc(1, sizeof(*p));
    char real[PATH_MAX];
    if (p == NULL)
        return ERR_NO_MEMORY;
    enum err e = realpath(data_dir, real) != NULL ? OK : ERR_IO;
    if (e == OK && strlen(real) + sizeof("/postmaster.pid") + 16 > PATH_MAX)
        e = ERR_LIMIT;
    if (e == OK) {
        (void)snprintf(p->data, PATH_MAX, "%.4000s/pg", real);
        (void)snprintf(p->fresh, PATH_MAX, "%.4000s/pg.new", real);
        (void)snprintf(p->output, PATH_MAX, "%.4000s/pg.log", real);
        (void)snprintf(p->note, PATH_MAX, "%.4000s/sock.path", real);
        e = find_programs(p->bin);
    }
    if (e == OK)
        e = our_name(p->user, sizeof(p->user));
    if (e == OK)
        e = choose_socket(real, p);
    if (e == OK)
        *ret = *p;
    free(p);
    return e;
}

int cluster_output(const struct cluster_paths *p)
{
    return open(p->output, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

/* Async-signal-safe calls only: the parent has other threads. */
_Noreturn void cluster_exec(const struct cluster_child *c)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, c->death_signal);
    if (getppid() != c->parent) /* it died before the line above could take effect */
        _exit(127);
    int in = c->input >= 0 ? c->input : open("/dev/null", O_RDONLY);
    if (dup2(in, STDIN_FILENO) < 0 || dup2(c->output, STDOUT_FILENO) < 0 ||
        dup2(c->output, STDERR_FILENO) < 0)
        _exit(127);
    (void)close_range(3, ~0u, 0);
    (void)execv(c->argv[0], c->argv);
    _exit(127);
}

/* Runs a program to its end, with text as its input. */
static enum err run(const struct cluster_paths *p, char *const *argv, const char *text)
{
    int in[2], out = cluster_output(p);
    if (out < 0 || pipe2(in, O_CLOEXEC) != 0) {
        if (out >= 0)
            (void)close(out);
        return ERR_IO;
    }
    struct cluster_child child = {
        .argv = argv, .input = in[0], .output = out, .death_signal = SIGKILL, .parent = getpid()
    };
    pid_t pid = fork();
    if (pid == 0)
        cluster_exec(&child);
    (void)close(in[0]);
    (void)close(out);
    size_t len = strlen(text); /* shorter than a pipe holds */
    bool ok = pid > 0 && write(in[1], text, len) == (ssize_t)len;
    (void)close(in[1]);
    int status = 0;
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    ok = ok && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (!ok)
        log_error("cluster", "%s failed; see %s", argv[0], p->output);
    return ok ? OK : ERR_IO;
}

/* Written whole and renamed, so that a crash leaves the old or the new. */
static enum err write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX + 64], temp[PATH_MAX + 64];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    (void)snprintf(temp, sizeof(temp), "%s/%s.tmp", folder, name);
    FILE *f = fopen(temp, "we");
    if (f == NULL)
        return ERR_IO;
    bool ok = fputs(text, f) >= 0 && fflush(f) == 0 && fsync(fileno(f)) == 0;
    ok = fclose(f) == 0 && ok;
    return ok && rename(temp, path) == 0 ? OK : ERR_IO;
}

/* Statements that fail are not logged by PostgreSQL: their messages quote values. The server logs
 * SQLSTATE and constraint. */
static const char settings[] =
    "# Written by cairnd at each start. Changes belong into cairn.local.conf beside this file.\n"
    "listen_addresses = ''\n"
    "unix_socket_permissions = 0700\n"
    "max_connections = 64\n"
    "shared_buffers = 64MB\n"
    "work_mem = 4MB\n"
    "maintenance_work_mem = 32MB\n"
    "fsync = on\n"
    "synchronous_commit = on\n"
    "full_page_writes = on\n"
    "wal_level = replica\n"
    "max_wal_senders = 0\n"
    "max_wal_size = 1GB\n"
    "deadlock_timeout = 200ms\n"
    "max_parallel_workers_per_gather = 0\n"
    "jit = off\n"
    "timezone = 'UTC'\n"
    "lc_messages = 'C'\n"
    "logging_collector = on\n"
    "log_directory = 'log'\n"
    "log_filename = 'postgresql-%a.log'\n"
    "log_rotation_age = 1d\n"
    "log_truncate_on_rotation = on\n"
    "log_timezone = 'UTC'\n"
    "log_statement = none\n"
    "log_min_messages = log\n"
    "log_min_error_statement = panic\n"
    "log_min_duration_statement = -1\n"
    "log_error_verbosity = terse\n"
    "log_parameter_max_length = 0\n"
    "log_parameter_max_length_on_error = 0\n"
    "log_checkpoints = off\n"
    "include_if_exists = 'cairn.local.conf'\n";

static enum err write_settings(const struct cluster_paths *p, const char *folder)
{
    static const char *const roles[] = { "cairn_owner", "cairn_app", "cairn_audit", "cairn_super" };
    char ident[512];
    size_t at = 0;
    for (size_t i = 0; i < COUNT(roles); i++)
        at += (size_t)snprintf(ident + at, sizeof(ident) - at, "cairn \"%s\" %s\n", p->user,
                               roles[i]);
    assert(at < sizeof(ident));
    enum err e = write_file(folder, "postgresql.conf", settings);
    if (e == OK)
        e = write_file(folder, "pg_hba.conf",
                       "# Only our own user, over the socket.\n"
                       "local all all peer map=cairn\n");
    return e == OK ? write_file(folder, "pg_ident.conf", ident) : e;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

/* One statement a line: that is how the single-user program reads them. */
static const char first_statements[] =
    "CREATE ROLE cairn_owner LOGIN;\n"
    "CREATE ROLE cairn_app LOGIN;\n"
    "CREATE ROLE cairn_audit LOGIN;\n"
    "CREATE DATABASE cairn OWNER cairn_owner;\n"
    "REVOKE ALL ON DATABASE cairn FROM PUBLIC;\n"
    "REVOKE ALL ON DATABASE postgres FROM PUBLIC;\n"
    "GRANT CONNECT ON DATABASE cairn TO cairn_app, cairn_audit;\n";

static enum err make_cluster(const struct cluster_paths *p)
{
    char initdb[PATH_MAX + 16], postgres[PATH_MAX + 16], data[PATH_MAX];
    (void)snprintf(initdb, sizeof(initdb), "%s/initdb", p->bin);
    (void)snprintf(postgres, sizeof(postgres), "%s/postgres", p->bin);
    (void)snprintf(data, sizeof(data), "%s", p->fresh);
    char *const init[] = { initdb,
                           "-D",
                           data,
                           "--data-checksums",
                           "--encoding=UTF8",
                           "--locale=C",
                           "--username=cairn_super",
                           "--auth-local=peer",
                           "--auth-host=reject",
                           "--no-instructions",
                           NULL };
    char *const single[] = {
        postgres, "--single",         "-D",       data, "-c", "logging_collector=off",
        "-c",     "exit_on_error=on", "postgres", NULL
    };
    if (nftw(p->fresh, remove_one, 16, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT)
        return ERR_IO;
    enum err e = run(p, init, "");
    if (e == OK)
        e = write_settings(p, p->fresh);
    if (e == OK)
        e = run(p, single, first_statements);
    if (e == OK && rename(p->fresh, p->data) != 0)
        e = ERR_IO;
    return e;
}

enum err cluster_prepare(const struct cluster_paths *p)
{
    char version[PATH_MAX + 16];
    (void)snprintf(version, sizeof(version), "%s/PG_VERSION", p->data);
    if (access(version, F_OK) == 0)
        return write_settings(p, p->data);
    enum err e = make_cluster(p);
    if (e == OK)
        log_info("cluster", "made a new cluster in %s", p->data);
    return e;
}
