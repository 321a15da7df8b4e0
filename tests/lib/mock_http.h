/* A tiny HTTP/1.1 server on a free loopback port for tests of clients: one thread, one connection
 * at a time, one callback that sees each request and decides what comes back, also nothing or half.
 */
#ifndef CAIRN_TESTS_MOCK_HTTP_H
#define CAIRN_TESTS_MOCK_HTTP_H

#include "server/base/buf.h"

struct mock_request {
    char method[8];
    char path[512];
    const char *head; /* all header lines */
    const uint8_t *body;
    size_t body_len;
    unsigned number; /* from 0 */
};

struct mock_reply {
    int status; /* 0: close the connection without an answer */
    const char *type;
    const char *headers; /* more header lines, each ended by CR LF; NULL for none */
    struct buf body;     /* initialised; filled by the callback */
};

typedef void mock_fn(void *arg, const struct mock_request *request, struct mock_reply *reply);

struct mock_http;
struct mock_http *mock_http_start(mock_fn *fn, void *arg);
const char *mock_http_url(const struct mock_http *m);
void mock_http_stop(struct mock_http *m); /* joins */

#endif
