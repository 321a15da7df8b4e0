/* The private PostgreSQL as a watched child process. The watch thread forks it (a death signal is
 * tied to the forking thread), waits for its readiness and for its end, and starts it again. */
#include "server/base/thread.h"
#include "server/store/cluster_internal.h"

#include "server/base/clock.h"
#include "server/base/log.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY_WAIT (600 * USEC_PER_SEC) /* crash recovery may replay a gigabyte */
#define FAST_WAIT (20 * USEC_PER_SEC)
#define QUICK_WAIT (10 * USEC_PER_SEC)
#define FOREVER (-1)
#define RESTART_PAUSE (50 * USEC_PER_SEC / 1000)
#define RESTART_PAUSE_MAX (5 * USEC_PER_SEC)

enum first_start { STARTING, STARTED, FAILED };

struct cluster {
    struct cluster_paths paths;
    int lock_fd; /* held while we own the data folder */
    int stop_fd; /* eventfd: cluster_stop was called */
    pthread_t watch;
    atomic_bool up;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum first_start first; /* under lock */
};

static int pidfd_open_(pid_t pid)
{
    return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* Waits until fd can be read; extra may be -1. Returns 1 for fd, 2 for extra, 0 when time is over.
 */
static int wait_either(int fd, int extra, usec_t wait)
{
    usec_t until = clock_monotonic() + wait;
    struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = extra, .events = POLLIN } };
    for (;;) {
        usec_t left = wait == FOREVER ? USEC_PER_SEC * 60 : until - clock_monotonic();
        int n = poll(p, 2, left > 0 ? (int)(left / 1000) + 1 : 0);
        if (n > 0)
            return p[0].revents != 0 ? 1 : 2;
        if (n == 0 && left <= 0)
            return 0;
    }
}

/* ---- a PostgreSQL left over from a process that was killed --------------------------------- */
/* The pid in postmaster.pid may by now belong to another program: it is ours only if it runs a
 * program called postgres inside this very folder. */
static bool is_postgres(pid_t pid, const char *data)
{
    char link[64], target[PATH_MAX];
    (void)snprintf(link, sizeof(link), "/proc/%d/cwd", (int)pid);
    ssize_t n = readlink(link, target, sizeof(target) - 1);
    if (n <= 0)
        return false;
    target[n] = '\0';
    if (strcmp(target, data) != 0)
        return false;
    (void)snprintf(link, sizeof(link), "/proc/%d/comm", (int)pid);
    char name[32] = "";
    int fd = open(link, O_RDONLY | O_CLOEXEC);
    n = fd >= 0 ? read(fd, name, sizeof(name) - 1) : 0;
    if (fd >= 0)
        (void)close(fd);
    return n > 0 && strncmp(name, "postgres", 8) == 0;
}

/* Reads up to eight lines of postmaster.pid; returns the pid, or 0. */
static pid_t read_pid_file(const struct cluster_paths *p, bool *ret_ready)
{
    char path[PATH_MAX + 32], line[PATH_MAX];
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", p->data);
    FILE *f = fopen(path, "re");
    if (f == NULL)
        return 0;
    long pid = 0;
    *ret_ready = false;
    for (int i = 1; i <= 8 && fgets(line, sizeof(line), f) != NULL; i++) {
        if (i == 1)
            pid = strtol(line, NULL, 10);
        if (i == 8)
            *ret_ready = strncmp(line, "ready", 5) == 0;
    }
    (void)fclose(f);
    return pid > 1 ? (pid_t)pid : 0;
}

/* A killed PostgreSQL's children may still be about to end, with the shared memory in their hands;
 * only the pid file leads a new one to that memory, so it must stay until they are gone. */
static bool any_postgres(const char *data)
{
    DIR *dir = opendir("/proc");
    bool any = dir == NULL; /* cannot tell: be careful */
    for (struct dirent *d = dir != NULL ? readdir(dir) : NULL; d != NULL; d = readdir(dir)) {
        long pid = strtol(d->d_name, NULL, 10);
        any = any || (pid > 1 && is_postgres((pid_t)pid, data));
    }
    if (dir != NULL)
        (void)closedir(dir);
    return any;
}

/* The lock beside the socket names the same process and would stop a new PostgreSQL just as well;
 * it goes first, so that a crash between the two leaves the file that leads here. */
static void drop_pid_file(const struct cluster_paths *p)
{
    char path[PATH_MAX + 32];
    (void)snprintf(path, sizeof(path), "%s/.s.PGSQL.5432.lock", p->socket);
    (void)unlink(path);
    (void)snprintf(path, sizeof(path), "%s/postmaster.pid", p->data);
    log_warn("cluster", "%s names a process that is no PostgreSQL of ours: removed", path);
    (void)unlink(path);
}

enum err cluster_stop_leftover(const struct cluster_paths *p)
{
    bool ready;
    pid_t pid = read_pid_file(p, &ready);
    int fd = pid != 0 ? pidfd_open_(pid) : -1;
    if (fd < 0)
        return OK;
    enum err e = OK;
    if (is_postgres(pid, p->data)) {
        log_warn("cluster", "stopping a PostgreSQL left over in %s", p->data);
        (void)kill(pid, SIGQUIT);
        if (wait_either(fd, -1, FAST_WAIT) == 0) {
            (void)kill(pid, SIGKILL);
            e = wait_either(fd, -1, QUICK_WAIT) != 0 ? OK : ERR_TIMEOUT;
        }
    } else if (!any_postgres(p->data))
        drop_pid_file(p); /* PostgreSQL would take the stranger for its twin and refuse to start */
    (void)close(fd);
    return e;
}

/* ---- the child ----------------------------------------------------------------------------- */
static pid_t spawn(const struct cluster_paths *p)
{
    char postgres[PATH_MAX + 16], data[PATH_MAX], sock[sizeof(p->socket)];
    (void)snprintf(postgres, sizeof(postgres), "%s/postgres", p->bin);
    (void)snprintf(data, sizeof(data), "%s", p->data);
    (void)snprintf(sock, sizeof(sock), "%s", p->socket);
    char *const argv[] = { postgres, "-D", data, "-k", sock, "-p", "5432", NULL };
    int out = cluster_output(p);
    if (out < 0)
        return -1;
    struct cluster_child child = {
        .argv = argv, .input = -1, .output = out, .death_signal = SIGINT, .parent = getpid()
    };
    pid_t pid = fork();
    if (pid == 0)
        cluster_exec(&child);
    (void)close(out);
    return pid;
}

static void reap(pid_t pid)
{
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
}

/* PostgreSQL writes "ready" into postmaster.pid when it takes connections: the folder is watched,
 * so that we wake at that moment. False if the child ended, stop was asked for, or time is over. */
static bool wait_ready(struct cluster *c, pid_t pid, int pid_fd)
{
    int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    bool ready = false;
    if (watch < 0 || inotify_add_watch(watch, c->paths.data,
                                       IN_CREATE | IN_MODIFY | IN_CLOSE_WRITE | IN_MOVED_TO) < 0)
        log_error("cluster", "no inotify watch: %s", strerror(errno));
    struct pollfd p[3] = { { .fd = pid_fd, .events = POLLIN },
                           { .fd = c->stop_fd, .events = POLLIN },
                           { .fd = watch, .events = POLLIN } };
    usec_t until = clock_monotonic() + READY_WAIT;
    for (;;) {
        if (read_pid_file(&c->paths, &ready) == pid && ready)
            break;
        ready = false;
        usec_t left = until - clock_monotonic();
        /* At most a second at once: in case the watch could not be had. */
        int n = left > 0 ? poll(p, 3, left > USEC_PER_SEC ? 1000 : (int)(left / 1000) + 1) : 0;
        if (left <= 0 || p[0].revents != 0 || p[1].revents != 0)
            break;
        char events[4096];
        while (n > 0 && read(watch, events, sizeof(events)) > 0)
            ;
    }
    if (watch >= 0)
        (void)close(watch);
    return ready;
}

/* Ends the child: fast (clients are cut off, all is written), then without writing, then at once.
 */
static void end_child(pid_t pid, int pid_fd)
{
    static const struct {
        int signal;
        usec_t wait;
    } ways[] = { { SIGINT, FAST_WAIT }, { SIGQUIT, QUICK_WAIT }, { SIGKILL, QUICK_WAIT } };
    for (size_t i = 0; i < COUNT(ways); i++) {
        if (i > 0)
            log_warn("cluster", "PostgreSQL does not stop; sending signal %d", ways[i].signal);
        (void)kill(pid, ways[i].signal);
        if (wait_either(pid_fd, -1, ways[i].wait) != 0)
            break;
    }
    reap(pid);
}

static void tell(struct cluster *c, enum first_start first)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->first == STARTING)
        c->first = first;
    (void)pthread_cond_signal(&c->changed);
    (void)pthread_mutex_unlock(&c->lock);
}

/* One life of the child. Returns true if it ended by itself, false if stop was asked for. */
static bool one_life(struct cluster *c, usec_t *pause)
{
    pid_t pid = spawn(&c->paths);
    int pid_fd = pid > 0 ? pidfd_open_(pid) : -1;
    if (pid_fd < 0) {
        log_error("cluster", "cannot start PostgreSQL: %s", strerror(errno));
        if (pid > 0) {
            (void)kill(pid, SIGKILL);
            reap(pid);
        }
        return true;
    }
    bool ended = true;
    if (wait_ready(c, pid, pid_fd)) {
        atomic_store(&c->up, true);
        *pause = RESTART_PAUSE;
        tell(c, STARTED);
        ended = wait_either(c->stop_fd, pid_fd, FOREVER) == 2;
        atomic_store(&c->up, false);
    }
    if (wait_either(pid_fd, -1, 0) != 0)
        reap(pid);
    else
        end_child(pid, pid_fd);
    (void)close(pid_fd);
    return ended && wait_either(c->stop_fd, -1, 0) == 0;
}

static void *watch_main(void *arg)
{
    struct cluster *c = arg;
    usec_t pause = RESTART_PAUSE;
    while (one_life(c, &pause)) {
        log_error("cluster", "PostgreSQL ended; see %s and %s/log", c->paths.output, c->paths.data);
        if (pause > USEC_PER_SEC)
            tell(c, FAILED);
        /* Children of a killed PostgreSQL may hold its shared memory for a moment longer. */
        if (wait_either(c->stop_fd, -1, pause) != 0)
            break;
        pause = pause * 2 > RESTART_PAUSE_MAX ? RESTART_PAUSE_MAX : pause * 2;
        if (cluster_stop_leftover(&c->paths) != OK)
            log_error("cluster", "another PostgreSQL in %s does not end", c->paths.data);
    }
    tell(c, FAILED);
    return NULL;
}

/* ---- public -------------------------------------------------------------------------------- */
static enum err lock_folder(const char *data_dir, int *ret)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof(path), "%s/pg.lock", data_dir);
    if (len <= 0 || (size_t)len >= sizeof(path))
        return ERR_LIMIT;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return ERR_IO;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_error("cluster", "another process runs the cluster in %s", data_dir);
        (void)close(fd);
        return ERR_BUSY;
    }
    *ret = fd;
    return OK;
}

static void cluster_free(struct cluster *c)
{
    if (c->lock_fd >= 0)
        (void)close(c->lock_fd);
    if (c->stop_fd >= 0)
        (void)close(c->stop_fd);
    (void)pthread_cond_destroy(&c->changed);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

static enum err start_watch(struct cluster *c)
{
    c->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (c->stop_fd < 0 || thread_start(&c->watch, "cluster", watch_main, c) != OK)
        return ERR_NO_MEMORY;
    (void)pthread_mutex_lock(&c->lock);
    while (c->first == STARTING)
        (void)pthread_cond_wait(&c->changed, &c->lock);
    bool started = c->first == STARTED;
    (void)pthread_mutex_unlock(&c->lock);
    if (started)
        return OK;
    (void)eventfd_write(c->stop_fd, 1);
    (void)pthread_join(c->watch, NULL);
    return ERR_DB_DOWN;
}

enum err cluster_start(const char *data_dir, struct cluster **ret)
{
    assert(geteuid() != 0);
    struct cluster *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return ERR_NO_MEMORY;
    c->lock_fd = c->stop_fd = -1;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_cond_init(&c->changed, NULL);
    enum err e = lock_folder(data_dir, &c->lock_fd);
    if (e == OK)
        e = cluster_paths(data_dir, &c->paths);
    if (e == OK)
        e = cluster_stop_leftover(&c->paths);
    if (e == OK)
        e = cluster_prepare(&c->paths);
    if (e == OK)
        e = start_watch(c);
    if (e != OK) {
        cluster_free(c);
        return e;
    }
    *ret = c;
    return OK;
}

void cluster_conninfo(const struct cluster *c, struct store_config *ret)
{
    static const char form[] = "host=%s port=5432 dbname=cairn user=%s application_name=cairnd";
    (void)snprintf(ret->conninfo, sizeof(ret->conninfo), form, c->paths.socket, "cairn_app");
    (void)snprintf(ret->owner_conninfo, sizeof(ret->owner_conninfo), form, c->paths.socket,
                   "cairn_owner");
}

bool cluster_up(const struct cluster *c)
{
    return atomic_load(&c->up);
}

void cluster_stop(struct cluster *c)
{
    if (c == NULL)
        return;
    (void)eventfd_write(c->stop_fd, 1);
    (void)pthread_join(c->watch, NULL);
    cluster_socket_clean(&c->paths);
    cluster_free(c);
}
