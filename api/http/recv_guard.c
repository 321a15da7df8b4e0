/* Debian's libmicrohttpd 0.9.75 takes heads that other servers read differently (bare LF, obs-fold,
 * two lengths, ...), and offers no hook before its parser. So it is linked statically with
 * -Wl,--wrap=recv, and each byte of a registered connection passes the head scanner first. */
#include "api/http/edge.h"
#include "server/base/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

ssize_t __real_recv(int fd, void *buf, size_t len, int flags);
ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags);

void guard_send(struct conn *c, const char *bytes, size_t len)
{
    /* A refusal fits any socket buffer that is not already full; then the client is not reading,
     * and being cut off is answer enough. */
    (void)send(c->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(c->fd, SHUT_WR);
    c->refused = true;
    conn_deadline(c, PHASE_LINGER, clock_monotonic() + LINGER_DEADLINE);
}

void guard_refuse(struct conn *c, enum err e)
{
    char id[33], json[1024], text[2048];
    uint8_t random[16];
    random_bytes(random, sizeof(random));
    for (size_t i = 0; i < sizeof(random); i++)
        (void)snprintf(id + 2 * i, 3, "%02x", random[i]);
    size_t json_len = problem_json(e, NULL, id, json, sizeof(json));
    int len = snprintf(text, sizeof(text),
                       "HTTP/1.1 %d %s\r\nContent-Type: application/problem+json\r\n"
                       "Content-Length: %zu\r\nConnection: close\r\nX-Request-Id: %s\r\n"
                       "X-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n"
                       "Referrer-Policy: no-referrer\r\n\r\n%s",
                       err_status(e), MHD_get_reason_phrase_for((unsigned)err_status(e)), json_len,
                       id, json);
    if (len < 0 || (size_t)len >= sizeof(text))
        len = 0;
    atomic_fetch_add(&c->listener->metrics.refused[e], 1);
    log_line(LOG_INFO, "refused", id, "%d %s", err_status(e), err_code(e));
    guard_send(c, text, (size_t)len);
}

/* After a refusal the client may still be sending; closing with unread bytes would reset the
 * connection and could take our reply with it. So its bytes are read and dropped, up to a limit. */
static ssize_t drain(struct conn *c, void *buf, size_t len)
{
    while (c->drained < LINGER_BYTES) {
        ssize_t n = __real_recv(c->fd, buf, len, 0);
        if (n <= 0)
            return n;
        c->drained += (size_t)n;
    }
    return 0;
}

/* The peer has ended its side in the middle of a request: say so, if it still listens. */
static void ended(struct conn *c)
{
    if (head_scan_in_body(&c->scan))
        guard_refuse(c, ERR_BODY_CUT);
    else if (head_scan_in_head(&c->scan))
        guard_refuse(c, ERR_HTTP_MALFORMED);
}

/* libmicrohttpd takes a short read for "nothing more" and waits for the next event; but the end of
 * the peer's side may have come with these bytes, in the same event. Ending our reading side makes
 * another. */
static void notice_end(struct conn *c)
{
    char next;
    if (__real_recv(c->fd, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
        (void)shutdown(c->fd, SHUT_RD);
}

static ssize_t feed(struct conn *c, uint8_t *bytes, size_t len, bool is_short)
{
    bool fresh = !head_scan_in_head(&c->scan);
    enum err e = head_scan_feed(&c->scan, bytes, len);
    if (e == OK) {
        /* The clock of a head starts with its first byte, unless a request before it still runs. */
        if (fresh && !c->active && head_scan_in_head(&c->scan) && c->scan.requests > 0)
            conn_deadline(c, PHASE_HEAD, clock_monotonic() + HEAD_DEADLINE);
        if (is_short && (head_scan_in_head(&c->scan) || head_scan_in_body(&c->scan)))
            notice_end(c);
        return (ssize_t)len;
    }
    size_t good = c->scan.boundary;
    memset(bytes + good, 0, len - good);
    if (good > 0) {
        /* Requests before the bad one are answered first. Ending our reading side makes the socket
         * readable for good, so that libmicrohttpd comes back here when it has answered them. */
        c->pending = e;
        (void)shutdown(c->fd, SHUT_RD);
        return (ssize_t)good;
    }
    guard_refuse(c, e);
    return drain(c, bytes, len);
}

ssize_t __wrap_recv(int fd, void *buf, size_t len, int flags)
{
    struct conn *c = conns_find(fd);
    if (c == NULL || len == 0)
        return __real_recv(fd, buf, len, flags);
    if (c->pending != OK && !c->refused)
        guard_refuse(c, c->pending);
    if (c->refused)
        return drain(c, buf, len);
    ssize_t n = __real_recv(fd, buf, len, flags);
    if (n == 0)
        ended(c);
    return n > 0 ? feed(c, buf, (size_t)n, (size_t)n < len) : n;
}
