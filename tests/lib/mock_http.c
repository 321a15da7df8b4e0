#include "tests/lib/mock_http.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdio.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX (1u << 20)
#define REPLY_MAX (20u << 20)

struct mock_http {
    mock_fn *fn;
    void *arg;
    int listener;
    int current; /* connection being served, or -1 */
    bool stop;
    pthread_mutex_t lock; /* over current and stop */
    pthread_t thread;
    unsigned requests;
    char url[64];
};

/* Reads until the head's end and Content-Length more; false when the peer is gone. */
static bool read_request(int fd, struct buf *b, size_t *ret_head)
{
    size_t head = 0, want = 0;
    while (head == 0 || b->len < head + want) {
        uint8_t *place = buf_reserve(b, 4096);
        assert(place != NULL);
        ssize_t n = recv(fd, place, 4096, 0);
        if (n <= 0)
            return false;
        b->len += (size_t)n;
        b->data[b->len] = 0;
        char *end = head == 0 ? strstr((char *)b->data, "\r\n\r\n") : NULL;
        if (end != NULL) {
            head = (size_t)(end - (char *)b->data) + 4;
            const char *length = strcasestr((char *)b->data, "\r\nContent-Length:");
            want = length != NULL ? strtoul(length + 17, NULL, 10) : 0;
        }
    }
    *ret_head = head;
    return true;
}

static void send_all(int fd, const void *bytes, size_t len)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(fd, at, len, MSG_NOSIGNAL);
        if (n <= 0)
            return;
        at += n;
        len -= (size_t)n;
    }
}

static bool answer(struct mock_http *m, int fd, const struct buf *raw, size_t head)
{
    char line[1024];
    struct mock_request r = { .head = (const char *)raw->data,
                              .body = raw->data + head,
                              .body_len = raw->len - head,
                              .number = m->requests++ };
    struct mock_reply reply = { .status = 200, .type = "application/json" };
    assert(sscanf((const char *)raw->data, "%7s %511s", r.method, r.path) == 2);
    buf_init(&reply.body, REPLY_MAX);
    m->fn(m->arg, &r, &reply);
    bool keep = reply.status != 0;
    if (keep) {
        int n = snprintf(line, sizeof(line),
                         "HTTP/1.1 %d X\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s\r\n",
                         reply.status, reply.type, reply.body.len,
                         reply.headers != NULL ? reply.headers : "");
        assert(n > 0 && (size_t)n < sizeof(line));
        int one =
            1; /* two small sends in a row would wait for the peer's delayed acknowledgement */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        send_all(fd, line, (size_t)n);
        send_all(fd, reply.body.data, reply.body.len);
    }
    buf_release(&reply.body);
    return keep;
}

static void serve(struct mock_http *m, int fd)
{
    struct buf raw;
    size_t head;
    buf_init(&raw, REQUEST_MAX);
    while (read_request(fd, &raw, &head) && answer(m, fd, &raw, head))
        buf_clear(&raw);
    buf_release(&raw);
}

static bool set_current(struct mock_http *m, int fd)
{
    (void)pthread_mutex_lock(&m->lock);
    m->current = fd;
    bool go_on = !m->stop;
    (void)pthread_mutex_unlock(&m->lock);
    return go_on;
}

static void *run(void *arg)
{
    struct mock_http *m = arg;
    for (;;) {
        int fd = accept(m->listener, NULL, NULL);
        if (fd < 0)
            return NULL;
        if (set_current(m, fd))
            serve(m, fd);
        bool go_on = set_current(m, -1);
        (void)close(fd);
        if (!go_on)
            return NULL;
    }
}

struct mock_http *mock_http_start(mock_fn *fn, void *arg)
{
    struct mock_http *m = calloc(1, sizeof(*m));
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    assert(m != NULL);
    m->fn = fn;
    m->arg = arg;
    m->current = -1;
    m->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert(m->listener >= 0 && bind(m->listener, (struct sockaddr *)&a, len) == 0);
    assert(listen(m->listener, 16) == 0);
    assert(getsockname(m->listener, (struct sockaddr *)&a, &len) == 0);
    (void)snprintf(m->url, sizeof(m->url), "http://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    (void)pthread_mutex_init(&m->lock, NULL);
    assert(pthread_create(&m->thread, NULL, run, m) == 0);
    return m;
}

const char *mock_http_url(const struct mock_http *m)
{
    return m->url;
}

void mock_http_stop(struct mock_http *m)
{
    (void)pthread_mutex_lock(&m->lock);
    m->stop = true;
    if (m->current >= 0)
        (void)shutdown(m->current, SHUT_RDWR);
    (void)pthread_mutex_unlock(&m->lock);
    (void)shutdown(m->listener, SHUT_RDWR);
    (void)pthread_join(m->thread, NULL);
    (void)close(m->listener);
    (void)pthread_mutex_destroy(&m->lock);
    free(m);
}
