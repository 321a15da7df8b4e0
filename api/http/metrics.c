/* Counters of the edge, as OpenMetrics text, and the access log. Paths are named by their template:
 * a raw path would put ids of people into logs, and let clients invent series without end. */
#include "api/http/edge.h"
#include "server/base/log.h"

#include <stdlib.h>

static const unsigned bounds_us[LATENCY_BUCKETS] = { 500,   1000,   2500,   5000,    10000,
                                                     25000, 100000, 500000, 2500000, 10000000 };
static const char *const bounds_text[LATENCY_BUCKETS] = { "0.0005", "0.001", "0.0025", "0.005",
                                                          "0.01",   "0.025", "0.1",    "0.5",
                                                          "2.5",    "10.0" };
static const char *const phases[PHASE_COUNT] = {
    "head", "body", "work", "reply", "idle", "linger"
};
static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };

enum err metrics_init(struct metrics *m, size_t routes_n)
{
    m->requests = calloc((routes_n + 1) * STATUS_CLASSES, sizeof(*m->requests));
    return m->requests != NULL ? OK : ERR_NO_MEMORY;
}

void metrics_release(struct metrics *m)
{
    free(m->requests);
    m->requests = NULL;
}

static void add(atomic_ulong *n, unsigned long by)
{
    (void)atomic_fetch_add_explicit(n, by, memory_order_relaxed);
}

void metrics_request(struct listener *l, const struct job *j, usec_t now)
{
    struct metrics *m = &l->metrics;
    const struct route *route = j->r.route;
    int status = j->reply.status;
    usec_t took = now - j->started;
    if (status == 0) {
        add(&m->broken, 1); /* the client went away first */
    } else {
        size_t row = route != NULL ? (size_t)(route - l->routes) : l->routes_n;
        add(&m->requests[row * STATUS_CLASSES + (size_t)(status / 100)], 1);
        size_t bucket = 0;
        while (bucket < LATENCY_BUCKETS && took > (usec_t)bounds_us[bucket])
            bucket++;
        add(&m->latency[bucket], 1);
        add(&m->latency_us, (unsigned long)took);
    }
    if (j->reply.error != OK)
        add(&m->refused[j->reply.error], 1);
    /* What is answered from memory is counted above; a line for each would cost a tenth of the
     * answer. */
    bool from_memory = route != NULL && route->inline_ok && status < 400;
    enum log_level level = status >= 500 ? LOG_WARN : from_memory ? LOG_DEBUG : LOG_INFO;
    log_line(level, "request", j->r.id, "%s %s %d %lld us%s%s",
             route != NULL ? methods[route->method] : "-", route != NULL ? route->template : "-",
             status, (long long)took, j->reply.error != OK ? " " : "",
             j->reply.error != OK ? err_code(j->reply.error) : "");
}

static unsigned long get(atomic_ulong *n)
{
    return atomic_load_explicit(n, memory_order_relaxed);
}

static enum err put_requests(struct listener *l, struct buf *ret)
{
    enum err e =
        buf_add_str(ret, "# TYPE cairn_http_requests counter\n"
                         "# HELP cairn_http_requests Requests answered, by route and status.\n");
    for (size_t row = 0; row <= l->routes_n; row++) {
        for (size_t hundred = 2; hundred < STATUS_CLASSES && e == OK; hundred++) {
            unsigned long n = get(&l->metrics.requests[row * STATUS_CLASSES + hundred]);
            bool none = row == l->routes_n;
            if (n > 0)
                e = buf_addf(ret,
                             "cairn_http_requests_total{method=\"%s\",route=\"%s\","
                             "status=\"%zuxx\"} %lu\n",
                             none ? "-" : methods[l->routes[row].method],
                             none ? "-" : l->routes[row].template, hundred, n);
        }
    }
    return e;
}

static enum err put_refused(struct listener *l, struct buf *ret)
{
    enum err e =
        buf_add_str(ret, "# TYPE cairn_http_refused counter\n"
                         "# HELP cairn_http_refused Requests refused or failed, by code.\n");
    for (size_t i = 1; i < ERR_COUNT && e == OK; i++) {
        /* Two errors may share a code; the first one sums up both. */
        unsigned long n = 0;
        bool first = true;
        for (size_t k = 1; k < ERR_COUNT; k++)
            if (strcmp(err_code((enum err)k), err_code((enum err)i)) == 0) {
                first = first && k >= i;
                n += get(&l->metrics.refused[k]);
            }
        if (n > 0 && first)
            e = buf_addf(ret, "cairn_http_refused_total{code=\"%s\"} %lu\n", err_code((enum err)i),
                         n);
    }
    return e;
}

static enum err put_latency(struct metrics *m, struct buf *ret)
{
    enum err e = buf_add_str(ret, "# TYPE cairn_http_request_seconds histogram\n"
                                  "# UNIT cairn_http_request_seconds seconds\n");
    unsigned long sum = 0;
    for (size_t i = 0; i < LATENCY_BUCKETS && e == OK; i++) {
        sum += get(&m->latency[i]);
        e = buf_addf(ret, "cairn_http_request_seconds_bucket{le=\"%s\"} %lu\n", bounds_text[i],
                     sum);
    }
    sum += get(&m->latency[LATENCY_BUCKETS]);
    if (e == OK)
        e = buf_addf(ret,
                     "cairn_http_request_seconds_bucket{le=\"+Inf\"} %lu\n"
                     "cairn_http_request_seconds_count %lu\n"
                     "cairn_http_request_seconds_sum %.6f\n",
                     sum, sum, (double)get(&m->latency_us) / 1e6);
    return e;
}

static enum err put_state(struct listener *l, struct buf *ret)
{
    struct metrics *m = &l->metrics;
    (void)pthread_mutex_lock(&l->jobs.lock);
    unsigned queued = l->jobs.queued, parked = l->jobs.parked_n, out = l->jobs.out;
    (void)pthread_mutex_unlock(&l->jobs.lock);
    unsigned long closed = get(&m->closed), accepted = get(&m->accepted);
    enum err e = buf_addf(ret,
                          "# TYPE cairn_http_connections gauge\ncairn_http_connections %lu\n"
                          "# TYPE cairn_http_connections_accepted counter\n"
                          "cairn_http_connections_accepted_total %lu\n"
                          "# TYPE cairn_http_queue gauge\ncairn_http_queue{state=\"queued\"} %u\n"
                          "cairn_http_queue{state=\"running\"} %u\n"
                          "cairn_http_queue{state=\"parked\"} %u\n"
                          "# TYPE cairn_http_body_memory_bytes gauge\n"
                          "# UNIT cairn_http_body_memory_bytes bytes\n"
                          "cairn_http_body_memory_bytes %zu\n"
                          "# TYPE cairn_http_broken counter\ncairn_http_broken_total %lu\n"
                          "# TYPE cairn_http_cut counter\n"
                          "# HELP cairn_http_cut Connections ended by a deadline, by phase.\n",
                          accepted > closed ? accepted - closed : 0, accepted, queued,
                          out > queued + parked ? out - queued - parked : 0, parked,
                          atomic_load(&l->body_memory), get(&m->broken));
    for (size_t i = 0; i < PHASE_COUNT && e == OK; i++)
        e = buf_addf(ret, "cairn_http_cut_total{phase=\"%s\"} %lu\n", phases[i], get(&m->cut[i]));
    return e;
}

enum err listener_metrics(struct listener *l, struct buf *ret)
{
    enum err e = put_requests(l, ret);
    if (e == OK)
        e = put_refused(l, ret);
    if (e == OK)
        e = put_latency(&l->metrics, ret);
    return e == OK ? put_state(l, ret) : e;
}
