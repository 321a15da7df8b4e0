/* libmicrohttpd's callbacks. Order of a request: access_uri (request line read), access_request
 * once with the head, again for each piece of the body, again when all is there, and again after a
 * resume; access_completed at the end, whatever the end was. */
#include "api/http/edge.h"
#include "server/base/log.h"

#include <strings.h>
#include <sys/socket.h>

static struct conn *conn_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void access_connection(void *cls, struct MHD_Connection *mhd, void **context,
                       enum MHD_ConnectionNotificationCode code)
{
    struct listener *l = cls;
    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*context != NULL)
            conns_close(*context);
        atomic_fetch_add(&l->metrics.closed, 1);
        return;
    }
    int fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    struct conn *c = conns_open(fd, l, peer != NULL ? peer->client_addr : NULL);
    *context = c;
    atomic_fetch_add(&l->metrics.accepted, 1);
    if (c == NULL)
        (void)shutdown(fd, SHUT_RDWR); /* beyond the table: unguarded, so not served */
    else
        conn_deadline(c, PHASE_HEAD, clock_monotonic() + HEAD_DEADLINE);
}

void *access_uri(void *cls, const char *uri, struct MHD_Connection *mhd)
{
    struct listener *l = cls;
    struct conn *c = conn_of(mhd);
    struct job *j = c != NULL && uri != NULL ? job_new(l, c, mhd, uri) : NULL;
    if (j == NULL)
        return NULL;
    c->active = true;
    atomic_fetch_add(&l->open, 1);
    return j;
}

void access_completed(void *cls, struct MHD_Connection *mhd, void **context,
                      enum MHD_RequestTerminationCode code)
{
    struct listener *l = cls;
    struct job *j = *context;
    (void)mhd;
    if (j == NULL)
        return;
    struct conn *c = j->conn;
    usec_t now = clock_monotonic();
    *context = NULL;
    c->active = false;
    if (code == MHD_REQUEST_TERMINATED_COMPLETED_OK && !c->refused) {
        /* The next head may have arrived, whole or in part, behind the request that ends here. */
        bool next = head_scan_in_head(&c->scan) || c->scan.requests > c->begun;
        if (next)
            conn_deadline(c, PHASE_HEAD, now + HEAD_DEADLINE);
        else
            conn_deadline(c, PHASE_IDLE, now + IDLE_DEADLINE);
    }
    metrics_request(l, j, now);
    job_free(j);
    if (atomic_fetch_sub(&l->open, 1) == 1 && atomic_load(&l->jobs.draining)) {
        (void)pthread_mutex_lock(&l->jobs.lock);
        (void)pthread_cond_broadcast(&l->jobs.quiet);
        (void)pthread_mutex_unlock(&l->jobs.lock);
    }
}

/* Refuses while a body may still be coming. Without a body the answer waits for the last call,
 * which keeps the connection; a client that asked first (Expect) is answered by libmicrohttpd,
 * which then closes; for the others the body is not read: reply, end our side, drain a little,
 * close. */
static enum MHD_Result refuse(struct job *j, enum err e)
{
    if (j->body.expected == 0) {
        j->refusal = e;
        return MHD_YES;
    }
    j->reply.close = true;
    api_fail(&j->r, e);
    if (j->body.received == 0 && req_header(&j->r, "Expect") != NULL)
        return reply_send(j);
    reply_send_raw(j);
    return MHD_YES;
}

static enum MHD_Result first_call(struct job *j, const char *method)
{
    struct conn *c = j->conn;
    if (++c->begun > c->scan.requests) {
        log_bug("libmicrohttpd sees a request that the guard has not seen");
        return MHD_NO;
    }
    enum err e = job_check_head(j, method);
    if (e == OK)
        e = body_begin(j);
    if (e != OK)
        return refuse(j, e);
    usec_t body = j->started + BODY_GRACE;
    conn_deadline(c, PHASE_BODY, j->deadline < body ? j->deadline : body);
    return MHD_YES;
}

/* Each byte buys time, at the least rate that we take; silence buys none. */
static enum MHD_Result body_call(struct job *j, const char *bytes, size_t len)
{
    if (j->answered)
        return MHD_YES;
    enum err e = body_add(j, bytes, len);
    if (e != OK)
        return refuse(j, e);
    usec_t rate = (usec_t)(j->body.received * USEC_PER_SEC / BODY_BYTES_PER_SEC);
    usec_t body = j->started + BODY_GRACE + rate;
    conn_deadline(j->conn, PHASE_BODY, j->deadline < body ? j->deadline : body);
    return MHD_YES;
}

static enum MHD_Result fail(struct job *j, enum err e)
{
    api_fail(&j->r, e);
    return reply_send(j);
}

static enum MHD_Result last_call(struct job *j)
{
    if (j->answered)
        return MHD_NO; /* past libmicrohttpd; all that is left to do is to close */
    if (j->reply.status != 0)
        return reply_send(j); /* resumed */
    if (j->refusal != OK)
        return fail(j, j->refusal);
    enum err e = j->r.route->body != BODY_NONE ? body_end(j) : OK;
    if (e != OK)
        return fail(j, e);
    if (j->r.route->inline_ok && j->body.received <= INLINE_BODY_MAX) {
        job_run(j, NULL);
        return reply_send(j);
    }
    e = workers_reserve(j->l);
    if (e != OK)
        return fail(j, e);
    conn_deadline(j->conn, PHASE_WORK, 0); /* in the queue workers_tick() keeps the deadline */
    MHD_suspend_connection(j->mhd);
    workers_push(j);
    return MHD_YES;
}

enum MHD_Result access_request(void *cls, struct MHD_Connection *mhd, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context)
{
    struct job *j = *context;
    (void)cls;
    (void)url;
    (void)version;
    if (j == NULL) {
        struct conn *c = conn_of(mhd);
        if (c != NULL && !c->refused)
            guard_refuse(c, ERR_NO_MEMORY);
        return MHD_NO;
    }
    if (!j->begun) {
        j->begun = true;
        return first_call(j, method);
    }
    if (*upload_size == 0)
        return last_call(j);
    size_t len = *upload_size;
    *upload_size = 0;
    return body_call(j, upload, len);
}
