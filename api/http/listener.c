/* Starting and stopping the edge: limits, socket, libmicrohttpd, workers, reaper. */
#include "api/http/edge.h"
#include "server/base/log.h"
#include "server/base/thread.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000u
#define CONNECTIONS_PER_IP 4096u
#define DESCRIPTORS_KEPT 256u /* for files, pipes and the database, beside connections */
#define DESCRIPTORS_MAX 65536u
#define CONNECTION_MEMORY (20u * 1024u) /* see HEAD_COST_MAX */
#define INACTIVITY_SECONDS 120u         /* the outer belt; the reaper is stricter */
#define BACKLOG 1024
#define BURST_SECONDS 10u
#define RATE_MAX 1000000u

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

/* ---- limits --------------------------------------------------------------------------- */

static unsigned or_default(unsigned value, unsigned standard)
{
    return value != 0 ? value : standard;
}

static struct rate_policy policy(unsigned per_second, unsigned standard)
{
    unsigned n = or_default(per_second, standard);
    n = n < RATE_MAX ? n : RATE_MAX;
    return (struct rate_policy){ .per_second = n, .burst = n * BURST_SECONDS };
}

static void set_policy_texts(struct listener *l)
{
    (void)snprintf(l->policy_text_peer, sizeof(l->policy_text_peer), "\"member\";q=%u;w=%u",
                   l->policy_peer.burst, BURST_SECONDS);
    const struct rate_policy *t = &l->policy_token;
    for (int local = 0; local < 2; local++) {
        const struct rate_policy *ip = local ? &l->policy_local : &l->policy_ip;
        (void)snprintf(l->policy_text[local][0], sizeof(l->policy_text[0][0]), "\"ip\";q=%u;w=%u",
                       ip->burst, BURST_SECONDS);
        (void)snprintf(l->policy_text[local][1], sizeof(l->policy_text[0][0]),
                       "\"ip\";q=%u;w=%u, \"token\";q=%u;w=%u", ip->burst, BURST_SECONDS, t->burst,
                       BURST_SECONDS);
    }
}

/* As many descriptors as we are allowed; then as many connections as fit. */
static enum err set_descriptors(struct listener *l)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return ERR_INTERNAL;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0 && getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return ERR_INTERNAL;
    rlim_t n = limit.rlim_cur < DESCRIPTORS_MAX ? limit.rlim_cur : DESCRIPTORS_MAX;
    if (n < 2 * DESCRIPTORS_KEPT) {
        log_error("listener", "only %lu open files are allowed; at least %u are needed",
                  (unsigned long)n, 2 * DESCRIPTORS_KEPT);
        return ERR_LIMIT;
    }
    unsigned most = (unsigned)n - DESCRIPTORS_KEPT;
    unsigned wanted = or_default(l->config.connections_max, CONNECTIONS_MAX);
    l->config.connections_max = wanted < most ? wanted : most;
    return conns_setup((size_t)n);
}

static enum err set_limits(struct listener *l)
{
    struct listener_config *c = &l->config;
    c->threads = or_default(c->threads, 2);
    c->workers = or_default(c->workers, 8);
    c->queue_max = or_default(c->queue_max, 1024);
    c->connections_per_ip = or_default(c->connections_per_ip, CONNECTIONS_PER_IP);
    l->policy_ip = policy(c->rate_ip, 1000);
    l->policy_token = policy(c->rate_token, 500);
    l->policy_local = policy(c->rate_local, RATE_MAX);
    l->policy_peer = policy(PEER_RATE, PEER_RATE);
    set_policy_texts(l);
    int len =
        snprintf(l->tmp_dir, sizeof(l->tmp_dir), "%s", c->tmp_dir != NULL ? c->tmp_dir : "/tmp");
    return len < 0 || (size_t)len >= sizeof(l->tmp_dir) ? ERR_LIMIT : set_descriptors(l);
}

/* ---- socket --------------------------------------------------------------------------- */

static enum err open_socket(struct listener *l)
{
    struct addrinfo *info = NULL;
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
                                    .ai_socktype = SOCK_STREAM };
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", l->config.port);
    const char *address = l->config.address != NULL ? l->config.address : "127.0.0.1";
    if (getaddrinfo(address, port, &hints, &info) != 0) {
        log_error("listener", "%s is not an IPv4 or IPv6 address", address);
        return ERR_USAGE;
    }
    const int on = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct sockaddr_in6 bound = { 0 }; /* the larger of the two */
    socklen_t len = sizeof(bound);
    enum err e = OK;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) != 0 ||
        bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, (struct sockaddr *)&bound, &len) != 0) {
        log_error("listener", "cannot listen on %s port %s: %s", address, port, strerror(errno));
        e = ERR_IO;
    }
    freeaddrinfo(info);
    l->socket = fd;
    if (e == OK)
        l->port = ntohs(bound.sin6_port); /* at the same place in both families */
    return e;
}

/* ---- libmicrohttpd
 * -------------------------------------------------------------------------------- */

/* Its complaints are mostly about clients that went away, one for each: told at debug level, except
 * at start. */
PRINTF(2, 0) static void mhd_log(void *cls, const char *fmt, va_list args)
{
    const struct listener *l = cls;
    char text[512];
    (void)vsnprintf(text, sizeof(text), fmt, args);
    text[strcspn(text, "\n")] = '\0';
    log_line(atomic_load(&l->started) ? LOG_DEBUG : LOG_WARN, "libmicrohttpd", NULL, "%s", text);
}

/* Paths and queries are decoded by us, strictly; libmicrohttpd leaves them as they are. */
static size_t keep_escapes(void *cls, struct MHD_Connection *mhd, char *text)
{
    (void)cls;
    (void)mhd;
    return strlen(text);
}

static enum err start_daemon(struct listener *l)
{
    const struct listener_config *c = &l->config;
    const struct MHD_OptionItem pool[] = {
        { c->threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, (intptr_t)c->threads,
          NULL },
        { MHD_OPTION_END, 0, NULL },
    };
    struct MHD_Daemon *daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL, NULL,
        access_request, l, MHD_OPTION_EXTERNAL_LOGGER, mhd_log, l, MHD_OPTION_LISTEN_SOCKET,
        l->socket, MHD_OPTION_CONNECTION_LIMIT, c->connections_max,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, c->connections_per_ip,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, INACTIVITY_SECONDS, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_URI_LOG_CALLBACK, access_uri, l, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, access_completed, l, MHD_OPTION_NOTIFY_CONNECTION,
        access_connection, l, MHD_OPTION_ARRAY, pool, MHD_OPTION_END);
    l->daemon = daemon;
    atomic_store(&l->started, true);
    return daemon != NULL ? OK : ERR_INTERNAL;
}

/* ---- start and stop
 * -------------------------------------------------------------------------------- */

static void init_locks(struct listener *l)
{
    (void)pthread_mutex_init(&l->jobs.lock, NULL);
    (void)pthread_cond_init(&l->jobs.ready, NULL);
    wait_init(&l->jobs.quiet);
    (void)pthread_mutex_init(&l->reaper_lock, NULL);
    wait_init(&l->reaper_wake);
}

static void release(struct listener *l)
{
    if (l->socket >= 0)
        (void)close(l->socket);
    router_free(l->router);
    rate_free(l->rate);
    metrics_release(&l->metrics);
    (void)pthread_mutex_destroy(&l->jobs.lock);
    (void)pthread_cond_destroy(&l->jobs.ready);
    (void)pthread_cond_destroy(&l->jobs.quiet);
    (void)pthread_mutex_destroy(&l->reaper_lock);
    (void)pthread_cond_destroy(&l->reaper_wake);
    free(l);
}

static enum err prepare(struct listener *l)
{
    enum err e = set_limits(l);
    if (e == OK)
        e = router_new(l->routes, l->routes_n, &l->router);
    if (e == OK)
        e = rate_new(&l->rate);
    if (e == OK)
        e = metrics_init(&l->metrics, l->routes_n);
    if (e == OK)
        e = open_socket(l);
    if (e == OK)
        body_sweep(l->tmp_dir);
    return e;
}

enum err listener_start(struct app *app, const struct listener_config *c, struct listener **ret)
{
    struct listener *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return ERR_NO_MEMORY;
    l->app = app;
    l->config = *c;
    l->routes = api_routes;
    l->routes_n = api_routes_n;
    l->socket = -1;
    init_locks(l);
    enum err e = prepare(l);
    if (e != OK)
        goto fail;
    e = workers_start(l);
    if (e != OK)
        goto fail;
    e = reaper_start(l);
    if (e != OK)
        goto fail_workers;
    app->listener = l; /* before the first request can ask for it */
    e = start_daemon(l);
    if (e != OK)
        goto fail_reaper;
    if (ret != &app->listener)
        *ret = l;
    return OK;

fail_reaper:
    app->listener = NULL;
    reaper_stop(l);
fail_workers:
    workers_stop(l);
fail:
    release(l);
    return e;
}

/* Order matters: no new connection, no new job, every job answered and resumed, replies sent; only
 * then may libmicrohttpd stop, which aborts if a connection is still suspended. */
void listener_stop(struct listener *l)
{
    if (l == NULL)
        return;
    (void)MHD_quiesce_daemon(l->daemon);
    workers_drain(l);
    workers_stop(l);
    MHD_stop_daemon(l->daemon);
    reaper_stop(l);
    release(l);
}
