/* The table of open connections, indexed by file descriptor: the head scanner's state, the deadline
 * that the reaper enforces, and the lock that keeps a descriptor from being cut after it was given
 * back to the system. One table for the process, because recv() knows nothing but a descriptor.
 * Thread rule: a slot belongs to the libmicrohttpd thread of its connection; only `deadline`,
 * `phase` and conns_cut() may be touched from elsewhere. */
#ifndef CAIRN_API_HTTP_CONNS_H
#define CAIRN_API_HTTP_CONNS_H

#include "api/http/head.h"
#include "server/base/clock.h"

#include <stdatomic.h>
#include <sys/socket.h>

struct listener;

enum phase {
    PHASE_HEAD,
    PHASE_BODY,
    PHASE_WORK,
    PHASE_REPLY,
    PHASE_IDLE,
    PHASE_LINGER,
    PHASE_COUNT
};

struct conn {
    atomic_bool used;
    _Atomic int64_t deadline; /* monotonic; 0 = none */
    atomic_int phase;
    int fd;
    struct listener *listener;
    struct head_scan scan;
    enum err pending; /* a refusal to send once the requests before it are answered */
    bool refused;     /* answered by us; what still comes is drained and dropped */
    size_t drained;
    bool active;         /* libmicrohttpd works on a request */
    uint64_t begun;      /* requests that reached the access handler */
    uint8_t id[16];      /* random; request ids are made from it */
    uint8_t address[16]; /* IPv6, or IPv4 mapped into it */
    bool local;          /* loopback */
};

/* Makes the table for descriptors below n; once per process, later calls must not ask for more. */
enum err conns_setup(size_t n) MUST_USE;
/* The slot of a registered connection, or NULL. */
struct conn *conns_find(int fd);
/* Registers; NULL if the descriptor is beyond the table. */
struct conn *conns_open(int fd, struct listener *l, const struct sockaddr *peer);
/* To be called before the descriptor is closed. */
void conns_close(struct conn *c);

void conn_deadline(struct conn *c, enum phase phase, usec_t at);
/* Cuts what is overdue; adds to cut[phase] how many. */
void conns_cut(const struct listener *l, usec_t now, atomic_ulong cut[PHASE_COUNT]);

#endif
